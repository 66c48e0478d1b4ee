"""Tasks beside the daemon's loop: run again and again, and started again after whatever went wrong."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

from ..model.errors import WORLD, PermanentError
from .health import Health

log = structlog.get_logger()

FIRST_AGAIN_SECONDS, LAST_AGAIN_SECONDS = 1.0, 30.0
"""How soon something is tried again that went wrong for the first time, and how late at most."""

Well = Callable[[], None]
"""To be called after each turn that went well."""

Work = Callable[[Well], Coroutine[Any, Any, None]]


class LeaseLostError(PermanentError):
    """Another daemon acts on this database: the one thing after which this one must end."""


class Companions:
    """Tasks that never end by themselves, but for a lost lease."""

    def __init__(self, health: Health, lost: Callable[[], None]) -> None:
        """``lost`` is called when the lease is lost; ``check`` raises from then on."""
        self._health = health
        self._lost = lost
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, what: str, work: Work) -> None:
        """Begin with something, which ``what`` names in "... fails"."""
        self._tasks.append(asyncio.create_task(self._patiently(what, work), name=what))

    def check(self) -> None:
        """Find out whether the lease still holds.

        Raises:
            LeaseLostError: It does not.
        """
        for task in self._tasks:
            if task.done():
                task.result()

    async def stop(self) -> None:
        """End all of them."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _patiently(self, what: str, work: Work) -> None:
        """Do the work again and again: 1 s after a first failure, 30 s at most after many, 1 s again when all is well.

        Raises:
            LeaseLostError: Another daemon acts; every other error is reported to ``Health`` and survived.
        """
        again = FIRST_AGAIN_SECONDS

        def well() -> None:
            nonlocal again
            again = FIRST_AGAIN_SECONDS
            self._health.works(what)

        while True:
            try:
                await work(well)
            except LeaseLostError:
                self._lost()
                raise
            except Exception as error:
                told(what, error, self._health)
            await asyncio.sleep(again)
            again = min(2 * again, LAST_AGAIN_SECONDS)


def told(what: str, error: Exception, health: Health) -> None:
    """Show that something went wrong, and log it: what the world did in a line, and once; a bug with its traceback."""
    if isinstance(error, WORLD):
        if health.fails(what, str(error)):
            log.error("does not work; trying again", what=what, error=str(error))
    else:
        health.fails(what, f"{type(error).__name__}: {error}. This is a bug in reconciler; its log says more")
        log.exception("does not work; trying again. This is a bug in reconciler", what=what)


def every(seconds: float, turn: Callable[[], Coroutine[Any, Any, None]]) -> Work:
    """Work that is a turn, and another one so many seconds after it has ended."""

    async def work(well: Well) -> None:
        while True:
            await turn()
            well()
            await asyncio.sleep(seconds)

    return work
