"""Holds back effects on machines while it is not certain that this daemon still is the one that acts.

A daemon that stood still, or cannot reach its database, may have been taken over from meanwhile. It finds that out at
its next beat; what its handlers were in the midst of goes on before. So each call to a BMC, a shell or a program of the
operator's waits until the last beat is younger than the lease lasts, by a clock that goes on while the process stands.
"""

import asyncio
import inspect
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from ..execution import seam
from ..execution.ports import RememberingBmcs, Shells, TellChild
from .companions import LeaseLostError

Sure = Callable[[], Awaitable[None]]
"""Returns once it is certain that this daemon acts; raises LeaseLostError where another one does."""


async def always() -> None:
    """For programs that hold no lease, and need none."""


@dataclass
class Certainty:
    """Whether the lease is held, as far as its last beat tells."""

    lasts: float  # seconds after which another daemon may take the lease
    _beat: float = -math.inf  # when the last beat that was written began, by ``seam.steady``
    _is_lost: bool = False
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def beat(self, began: float) -> None:
        """A beat was written, which began then."""
        self._beat = began
        self._news.set()

    def lose(self) -> None:
        """Another daemon has the lease."""
        self._is_lost = True
        self._news.set()

    async def sure(self) -> None:
        """Return once it is certain that nobody else acts.

        Raises:
            LeaseLostError: Another daemon does.
        """
        while not self._is_lost and seam.steady() - self._beat >= self.lasts:
            self._news.clear()
            await self._news.wait()
        if self._is_lost:
            raise LeaseLostError("another daemon has taken over this database: nothing more is done to machines")


def sure_bmcs(bmcs: RememberingBmcs, sure: Sure) -> RememberingBmcs:
    """These BMCs, of which each call waits until it is certain that we act."""
    return cast(RememberingBmcs, _OnceSure(bmcs, sure))


def sure_shells(shells: Shells, sure: Sure) -> Shells:
    """These shells, of which each call waits until it is certain that we act."""
    return cast(Shells, _OnceSure(shells, sure))


def sure_child(tell: TellChild, sure: Sure) -> TellChild:
    """A program of the operator's, which is run once it is certain that we act."""

    async def told(command: Sequence[str], said: Mapping[str, object], seconds: float) -> None:
        await sure()
        await tell(command, said, seconds)

    return told


class _OnceSure:
    """Something whose coroutine methods wait until it is certain; and so do those of the sessions that it opens."""

    def __init__(self, inner: object, sure: Sure) -> None:
        self._inner, self._sure = inner, sure

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if name == "close" or not inspect.iscoroutinefunction(found):
            return found

        async def surely(*args: object, **kwargs: object) -> Any:
            await self._sure()
            result = await found(*args, **kwargs)
            return _OnceSure(result, self._sure) if name in _OPENS else result

        return surely


_OPENS = ("open", "meet")
"""Methods that give a session."""
