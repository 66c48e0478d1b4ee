"""A BMC of our own, for machines where OpenIPMI's ``ipmi_sim`` is not installed: a line of text asks, a line answers.

::

    LOGIN user password     ok | refused
    POWER                   on | off
    POWER on|off            ok
    BOOT network|disk       ok
    SERIAL                  the machine's serial; an empty line: not known
    PASSWORD new            ok
    LAN                     address netmask gateway vlan; 0: none
    LAN address netmask gateway vlan    ok, and then it is found there

Server and driver stand together, so that they cannot disagree. Only the demo uses them; most tests use real IPMI.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from ...model.bmc import Lan, check_password
from ...model.errors import PermanentError, TemporaryError
from ...model.machine import Power
from ..ports import Bmc, BmcAccess, BmcIdentity, BootDevice

ANSWER_SECONDS = 5.0


@dataclass
class PlainBmc:
    """The server's side; a ``fleet.SimBmc``."""

    address: str
    port: int
    username: str
    password: str
    serial: str = ""
    _on: bool = False
    _chosen: str = "default"  # for the next power-on, which uses it up
    _booted: str = "default"  # what the last power-on used
    _commands: int = 0
    _server: asyncio.Server | None = None
    _talking: set["asyncio.Task[None]"] = field(default_factory=set)
    _lan: tuple[str, ...] = ("255.0.0.0", "127.0.0.1", "0")
    _moving: "asyncio.Task[None] | None" = None

    async def start(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._accept, self.address, self.port)

    async def stop(self) -> None:
        """Stop listening, and hang up on whoever talks."""
        if self._server is not None:
            self._server.close()
            for task in self._talking:
                task.cancel()
            await asyncio.gather(*self._talking, return_exceptions=True)
            await self._server.wait_closed()

    def wanted(self) -> tuple[int, bool, str]:
        """How many power commands there were, whether power should be on, and the device of the last power-on."""
        return self._commands, self._on, self._booted

    def show(self, on: bool) -> None:
        """Power is now so."""
        self._on = on

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._talk(reader, writer))
        self._talking.add(task)
        task.add_done_callback(self._talking.discard)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said = self.conversation()
        with contextlib.closing(writer), contextlib.suppress(ConnectionError):
            while line := await reader.readline():
                writer.write(f"{said(line.decode())}\n".encode())
                await writer.drain()

    def conversation(self) -> Callable[[str], str]:
        """What is answered to one caller, line by line: nothing before he has logged in."""
        welcome = False

        def answer(line: str) -> str:
            nonlocal welcome
            words = line.split()
            if words[:1] == ["LOGIN"]:
                welcome = words[1:] == [self.username, self.password]
                return "ok" if welcome else "refused"
            return self._obey(words) if welcome else "refused"

        return answer

    async def _move(self, address: str) -> None:
        old, self.address = self._server, address
        await self.start()
        if old is not None:
            old.close()

    def _obey(self, words: list[str]) -> str:
        """The answer to a line of somebody who is logged in. A power command that changes nothing is not counted."""
        match words:
            case ["SERIAL"]:
                return self.serial
            case ["POWER"]:
                return "on" if self._on else "off"
            case ["POWER", "on" | "off" as state] if self._on == (state == "on"):
                return "ok"
            case ["POWER", "on" | "off" as state]:
                self._on = state == "on"
                if self._on:
                    self._booted, self._chosen = self._chosen, "default"
                self._commands += 1
                return "ok"
            case ["BOOT", "network" | "disk" as device]:
                self._chosen = device
                return "ok"
        return self._set_up(words)

    def _set_up(self, words: list[str]) -> str:
        match words:
            case ["PASSWORD", password]:
                self.password = password
                return "ok"
            case ["LAN"]:
                return " ".join((self.address, *self._lan))
            case ["LAN", address, netmask, gateway, vlan]:
                self._lan = (netmask, gateway, vlan)
                if address != self.address:
                    self._moving = asyncio.create_task(self._move(address))
                return "ok"
        return "refused"


class BmcLine(Protocol):
    """A connection to a BMC."""

    async def ask(self, text: str) -> str:
        """The answer to a line. Raises OSError where there is none."""

    def close(self) -> None: ...


@dataclass(frozen=True)
class _TcpLine:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def ask(self, text: str) -> str:
        self.writer.write(f"{text}\n".encode())
        return (await self.reader.readline()).decode().strip()

    def close(self) -> None:
        self.writer.close()


async def _over_tcp(address: str, port: int) -> BmcLine:
    return _TcpLine(*await asyncio.open_connection(address, port))


@dataclass
class PlainBmcs:
    """The driver's side; implements ``execution.ports.Bmcs``."""

    connect: Callable[[str, int], Awaitable[BmcLine]] = _over_tcp  # raises OSError
    _lent: dict[tuple[str, int], asyncio.Lock] = field(default_factory=dict)

    async def open(self, access: BmcAccess) -> Bmc:
        """Log in."""
        lock = self._lent.setdefault((access.address, access.port), asyncio.Lock())
        await lock.acquire()
        line: BmcLine | None = None
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                line = await self.connect(access.address, access.port)
            session = _PlainSession(line, lock)
            if await session.ask(f"LOGIN {access.username} {access.password}") != "ok":
                raise PermanentError(f"the BMC at {access.address} refuses user {access.username}")
        except BaseException as error:
            if line is not None:
                line.close()
            lock.release()
            if isinstance(error, OSError | TimeoutError):
                raise TemporaryError(f"the BMC at {access.address} does not answer") from error
            raise
        return session

    def close(self) -> None:
        """Nothing is held."""


@dataclass
class _PlainSession:
    _line: BmcLine
    _lock: asyncio.Lock
    _closed: bool = False

    async def ask(self, text: str) -> str:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await self._line.ask(text)
        except (OSError, TimeoutError) as error:
            raise TemporaryError("the BMC does not answer") from error

    async def power(self) -> Power:
        if (said := await self.ask("POWER")) not in tuple(Power):
            raise TemporaryError(f"the BMC does not say whether the machine is on or off: it answers {said!r}")
        return Power(said)

    async def identity(self) -> BmcIdentity:
        return BmcIdentity(frozenset({await self.ask("SERIAL")} - {""}))

    async def set_power(self, want: Power) -> None:
        await self.ask(f"POWER {want}")

    async def boot_next(self, device: BootDevice, *, uefi: bool | None = False) -> None:
        await self.ask(f"BOOT {device}")

    async def set_password(self, password: str) -> None:
        check_password(password)  # IPMI would cut it off: the demo refuses what a real BMC could not take
        await self.ask(f"PASSWORD {password}")

    async def lan(self) -> Lan:
        address, netmask, gateway, vlan = (await self.ask("LAN")).split()
        return Lan(True, address, netmask, gateway, int(vlan) or None)

    async def set_lan(self, now: Lan, wanted: Lan) -> None:
        await self.ask(f"LAN {wanted.address} {wanted.netmask} {wanted.gateway} {wanted.vlan or 0}")

    async def close(self) -> None:
        """Hang up and give the BMC back. Idempotent: a second release would take it from whoever has it next."""
        if not self._closed:
            self._closed = True
            self._line.close()
            self._lock.release()
