"""Waiting until something is so: never for a time that should do, and no longer than a machine that is busy needs."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

LONG = 400.0
"""Seconds. What tests wait for takes some ten on two idle cores, and did take 150 on cores that a dozen others had."""


_REST = 3
"""How many times as long as the last question took nobody asks: a machine that is busy is not kept busy by asking."""
_LONGEST_REST = 1.0


def _pause(every: float, took: float) -> float:
    """Seconds before the next question."""
    return max(every, min(_REST * took, _LONGEST_REST))


def until(what: str, ask: Callable[[], Any], limit: float = LONG) -> Any:
    """Wait until ``ask`` gives something, and return that."""
    deadline = (asked := time.monotonic()) + limit
    while not (found := ask()):
        now = time.monotonic()
        assert now < deadline, f"not within {limit:.0f} s: {what}"
        time.sleep(_pause(0.02, now - asked))
        asked = time.monotonic()
    return found


async def becomes(
    what: str,
    ask: Callable[[], Any],
    limit: float = LONG,
    *,
    every: float = 0.02,
    story: Callable[[], Awaitable[str]] | None = None,
) -> Any:
    """As ``until``, while the event loop goes on. ``ask`` may be asynchronous; ``story`` tells more when it fails."""
    deadline = time.monotonic() + limit
    while True:
        asked = time.monotonic()
        found = ask()
        if inspect.isawaitable(found):
            found = await found
        if found:
            return found
        now = time.monotonic()
        if now >= deadline:
            raise AssertionError(f"not within {limit:.0f} s: {what}\n{await story() if story else ''}")
        await asyncio.sleep(_pause(every, now - asked))


def state_of(pid: int) -> str | None:
    """A process's state, as proc(5) has it: R, S, T (stopped), Z (ended, and nobody has waited for it); None: gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return None


def runs(pid: int) -> bool:
    """Whether a process runs; one that has ended and that nobody has waited for does not."""
    return state_of(pid) not in (None, "Z")
