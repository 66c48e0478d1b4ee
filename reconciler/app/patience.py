"""Trying something again until it works, for who has nothing better to do meanwhile."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TypeVar

from ..model.errors import WORLD
from .companions import LeaseLostError, told
from .health import Health

AGAIN_SECONDS = 5.0
"""How soon a database that is away, or a pass that failed, is tried again."""

T = TypeVar("T")


async def patiently(
    what: str,
    attempt: Callable[[], Awaitable[T]],
    stop: asyncio.Event,
    health: Health,
    *,
    hopeless: Callable[[Exception], bool] = lambda _: False,
) -> T | None:
    """What ``attempt`` gives, as soon as it does not fail; None when told to stop before.

    Args:
        what: What is tried, in "... fails".
        attempt: Tried again after whatever the world does, but for a lease that was lost.
        stop: Set when told to stop.
        health: Told what does not work.
        hopeless: Whether no other attempt is made after this failure, which is raised then.
    """
    while not stop.is_set():
        try:
            found = await attempt()
        except WORLD as error:
            if isinstance(error, LeaseLostError) or hopeless(error):
                raise
            told(what, error, health)
            await pause(stop, AGAIN_SECONDS)
        else:
            health.works(what)
            return found
    return None


async def pause(stop: asyncio.Event, seconds: float) -> None:
    """Wait so long, or until told to stop."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()
