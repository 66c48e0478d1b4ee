"""BMCs over IPMI 2.0, through pyghmi.

pyghmi is synchronous, keeps one input/output thread for the whole process, and shares a session between all who ask
for the same BMC and user. So every call runs on a thread of a pool of our own, and a BMC is lent to one caller at a
time. A call that was given up is still running on its thread: its BMC stays lent until the thread is back and the
session is logged out.
"""

import asyncio
import struct
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pyghmi import exceptions
from pyghmi.ipmi.command import Command

from ..execution.ports import Bmc, BmcAccess, BootDevice
from ..model.errors import PermanentError, TemporaryError
from ..model.machine import Power

T = TypeVar("T")

_BOOT = {BootDevice.NETWORK: "network", BootDevice.DISK: "hd"}

_REFUSED = ("incorrect password", "unauthorized name", "unauthorized role", "invalid role", "invalid username length")
"""How pyghmi words the RMCP+ status codes (IPMI 2.0, table 13-15) that come back however often one tries."""

_NO_ANSWER = ("", "none", "timeout", "session no longer connected")
"""All that pyghmi says when a BMC does not answer."""

CLOSE_SECONDS = 30.0
"""How long ``close`` waits for a call that was given up. Dead BMCs let pyghmi go after some 6 s, busy ones after 20."""


@dataclass
class IpmiBmcs:
    """Opens IPMI sessions, at most one per BMC and ``sessions`` in all. ``close`` gives the threads back."""

    sessions: int = 64  # a thread each while something is asked
    _pool: ThreadPoolExecutor = field(init=False)
    _slots: asyncio.Semaphore = field(init=False)
    _lent: defaultdict[tuple[str, int], asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))

    def __post_init__(self) -> None:
        self._pool = ThreadPoolExecutor(self.sessions, thread_name_prefix="ipmi")
        self._slots = asyncio.Semaphore(self.sessions)

    async def open(self, access: BmcAccess) -> Bmc:
        """Log in.

        Raises:
            TemporaryError: No answer, or the BMC has no session free.
            PermanentError: It refuses the user name or password.
        """
        lent = self._lent[access.address, access.port]
        await lent.acquire()
        try:
            await self._slots.acquire()
        except BaseException:
            lent.release()
            raise
        session = IpmiBmc(access, self._pool, (lent, self._slots))
        try:
            await session.login()
        except BaseException:
            await session.close()
            raise
        return session

    def close(self) -> None:
        """Let the threads end. Sessions are closed before."""
        self._pool.shutdown(wait=False, cancel_futures=True)


@dataclass
class IpmiBmc:
    """One session with one BMC. Made by ``IpmiBmcs.open``; gives back what was lent to it when it is closed."""

    access: BmcAccess
    _pool: ThreadPoolExecutor
    _lent: tuple[asyncio.Lock, asyncio.Semaphore]
    _command: Any = None  # pyghmi has no types; None: not logged in
    _asked: asyncio.Future[Any] | None = None
    _ending: asyncio.Task[None] | None = None

    async def login(self) -> None:
        await self._ask("log in", self._log_in)

    async def power(self) -> Power:
        answer = await self._ask("read the power state", lambda: self._command.get_power())
        return Power(answer["powerstate"])

    async def set_power(self, want: Power) -> None:
        await self._ask(f"turn the power {want}", lambda: self._command.set_power(want.value, wait=False))

    async def power_cycle(self) -> None:
        await self._ask("power-cycle", lambda: self._command.set_power("boot", wait=False))

    async def boot_next(self, device: BootDevice, *, uefi: bool = False) -> None:
        def choose() -> None:
            self._command.set_bootdev(_BOOT[device], persist=False, uefiboot=uefi)

        await self._ask("choose the boot device", choose)

    async def close(self) -> None:
        """Log out and give the BMC back. When a call was given up, that happens once its thread is back."""
        if self._ending is None:
            self._ending = asyncio.ensure_future(self._end())
        await asyncio.wait([self._ending], timeout=CLOSE_SECONDS)

    def _log_in(self) -> None:
        # As bytes: given text, pyghmi 1.6 looks for its sessions by text and files them by bytes, so that it never
        # finds a closed one to forget, and the second login to a BMC gets the closed session of the first.
        user, password = self.access.username.encode(), self.access.password.encode()
        self._command = Command(self.access.address, user, password, port=self.access.port, keepalive=False)

    async def _ask(self, what: str, call: Callable[[], T]) -> T:
        """Run ``call`` on a thread of the pool, and put its failure in our words."""
        self._asked = asyncio.get_running_loop().run_in_executor(self._pool, call)
        try:
            return await asyncio.shield(self._asked)
        except exceptions.PyghmiException as error:
            raise self._in_our_words(what, str(error)) from error
        except (AssertionError, IndexError, OSError, struct.error) as error:
            raise self._in_our_words(what, f"{type(error).__name__} {error}") from error

    def _in_our_words(self, what: str, said: str) -> TemporaryError | PermanentError:
        at = f"{self.access.address}:{self.access.port}"
        if said.lower() in _NO_ANSWER:
            return TemporaryError(f"cannot {what}: the BMC at {at} does not answer")
        if any(words in said.lower() for words in _REFUSED):
            return PermanentError(f"the BMC at {at} refuses user {self.access.username}: {said}")
        return TemporaryError(f"cannot {what}: the BMC at {at} says: {said}")

    async def _end(self) -> None:
        try:
            if self._asked is not None:
                await asyncio.wait([self._asked])
                self._asked.exception()  # whoever asked was told, or does not want to know
            if self._command is not None:
                await self._ask("log out", self._command.ipmi_session.logout)
        except TemporaryError:
            pass  # the BMC forgets the session by itself, after 60 s (IPMI 2.0, 6.12.15)
        finally:
            for lent in self._lent:
                lent.release()
