"""BMC libraries that block: each call on a thread of a pool, and a BMC lent to one caller at a time.

A call that was given up is still running on its thread: its BMC stays lent until the thread is back and the session
is logged out.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from ..seam import offload_to

T = TypeVar("T")


class _PooledSession(Protocol):
    async def login(self) -> None: ...

    async def close(self) -> None: ...


S = TypeVar("S", bound=_PooledSession)

CLOSE_SECONDS = 30.0
"""How long ``give_back`` waits for a call that was given up. Dead BMCs let pyghmi go after 6 s, busy ones after 20."""


@dataclass
class Lender:
    """Lends BMCs, at most ``sessions`` of them at any moment. ``close`` gives the threads back."""

    name: str  # of the threads
    sessions: int  # a thread each while something is asked
    _pool: ThreadPoolExecutor = field(init=False)
    _slots: asyncio.Semaphore = field(init=False)
    _lent: defaultdict[tuple[str, int], asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))

    def __post_init__(self) -> None:
        self._pool = ThreadPoolExecutor(self.sessions, thread_name_prefix=self.name)
        self._slots = asyncio.Semaphore(self.sessions)

    async def lend(self, address: str, port: int) -> "Loan":
        """Wait until nobody has this BMC, and there is a thread for it."""
        lent = self._lent[address, port]
        await lent.acquire()
        try:
            await self._slots.acquire()
        except BaseException:
            lent.release()
            raise
        return Loan(self._pool, (lent, self._slots))

    def close(self) -> None:
        """Let the threads end. Loans are given back before."""
        self._pool.shutdown(wait=False, cancel_futures=True)


@dataclass
class Loan:
    """One BMC, ours until it is given back."""

    _pool: ThreadPoolExecutor
    _lent: tuple[asyncio.Lock, asyncio.Semaphore]
    _asked: asyncio.Future[Any] | None = None
    _ending: asyncio.Task[None] | None = None

    async def run(self, call: Callable[[], T]) -> T:
        """Run ``call`` on a thread, which goes on when we are cancelled. Raises what it raises."""
        self._asked = offload_to(self._pool, call)
        return await asyncio.shield(self._asked)

    async def give_back(self, last: Callable[[], object]) -> None:
        """Run ``last``, and let others have the BMC. When a call was given up, that happens once its thread is back.

        ``last`` logs out; that it fails is no news, as BMCs forget sessions by themselves.
        """
        if self._ending is None:
            self._ending = asyncio.ensure_future(self._end(last))
        await asyncio.wait([self._ending], timeout=CLOSE_SECONDS)

    async def _end(self, last: Callable[[], object]) -> None:
        try:
            if self._asked is not None:
                await asyncio.wait([self._asked])
                self._asked.exception()  # whoever asked was told, or does not want to know
            await asyncio.wait([ending := offload_to(self._pool, last)])
            ending.exception()
        finally:
            for lent in self._lent:
                lent.release()


async def logged_in(session: S) -> S:
    """The session, logged in. Where that fails, or is given up, what was lent to it is given back."""
    try:
        await session.login()
    except BaseException:
        await session.close()
        raise
    return session
