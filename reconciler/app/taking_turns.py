"""Work on many machines, a few at a time."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

_T = TypeVar("_T")


async def take_turns(everybody: Iterable[_T], work: Callable[[_T], Awaitable[bool]], at_once: int) -> bool:
    """Have each worked on once; whoever is done with one takes the next.

    Args:
        everybody: Asked for the next one only when its turn has come.
        work: Whether it made news.
        at_once: How many are worked on at the same time, at most.

    Returns:
        Whether there was any news.
    """
    waiting, news = iter(everybody), False

    async def one_after_the_other() -> None:
        nonlocal news
        for one in waiting:
            news = await work(one) or news

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(one_after_the_other())
    return news
