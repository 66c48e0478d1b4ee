"""Waiting until something is so: never for a time that should do, and no longer than a machine that is busy needs."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

LONG = 400.0
"""Seconds. What tests wait for takes some ten on two idle cores, and did take 150 on cores that a dozen others had."""


def until(what: str, ask: Callable[[], Any], limit: float = LONG) -> Any:
    """Wait until ``ask`` gives something, and return that."""
    deadline = time.monotonic() + limit
    while not (found := ask()):
        assert time.monotonic() < deadline, f"not within {limit:.0f} s: {what}"
        time.sleep(0.02)
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
        found = ask()
        if inspect.isawaitable(found):
            found = await found
        if found:
            return found
        if time.monotonic() >= deadline:
            raise AssertionError(f"not within {limit:.0f} s: {what}\n{await story() if story else ''}")
        await asyncio.sleep(every)


def state_of(pid: int) -> str | None:
    """A process's state, as proc(5) has it: R, S, T (stopped), Z (ended, and nobody has waited for it); None: gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return None


def runs(pid: int) -> bool:
    """Whether a process runs; one that has ended and that nobody has waited for does not."""
    return state_of(pid) not in (None, "Z")
