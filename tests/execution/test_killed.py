"""Killed at any point, then run again by the next daemon: installed once, by one installer at a time."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from reconciler.execution.handlers import handlers

from . import build
from .build import World


class Killed(BaseException):
    """kill -9: nothing is cleaned up that needs another word with the machine."""


def killing_at(point: int, how: type[BaseException]) -> Callable[[], Awaitable[None]]:
    left = point

    async def between() -> None:
        nonlocal left
        await asyncio.sleep(0)
        left -= 1
        if left == 0:
            raise how

    return between


async def points() -> int:
    """How many points there are to be killed at in an install that nothing disturbs."""
    world, passed = World(), 0

    async def between() -> None:
        nonlocal passed
        passed += 1

    world.shells.between = between
    await handlers(world.tools)[type(build.INSTALL)](build.INSTALL)
    return passed


@pytest.mark.parametrize("how", [Killed, asyncio.CancelledError])
async def test_an_install_killed_anywhere_happens_once(how: type[BaseException]) -> None:
    for point in range(1, await points() + 1):
        world = World()
        usual = world.shells.between
        world.shells.between = killing_at(point, how)
        with pytest.raises(how):
            await handlers(world.tools)[type(build.INSTALL)](build.INSTALL)
        world.shells.between = usual
        await handlers(world.tools)[type(build.INSTALL)](build.INSTALL)
        assert world.machine.installs == 1, f"killed at point {point}"


async def test_two_daemons_at_once_install_once() -> None:
    world = World()
    install = handlers(world.tools)[type(build.INSTALL)]
    await asyncio.gather(*(install(build.INSTALL) for _ in range(3)), return_exceptions=True)
    assert world.machine.installs == 1
