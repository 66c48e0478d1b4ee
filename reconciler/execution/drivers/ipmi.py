"""BMCs over IPMI 2.0, through pyghmi.

pyghmi is synchronous, keeps one input/output thread for the whole process, and shares a session between all who ask
for the same BMC and user: see ``blocking_pool``.
"""

import contextlib
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import Any, TypeVar

from pyghmi import exceptions
from pyghmi.ipmi.command import Command
from pyghmi.ipmi.fru import FRU
from pyghmi.ipmi.private import session as pyghmi_session

from ...model.bmc import Lan, check_password
from ...model.errors import PermanentError, TemporaryError
from ...model.machine import Power
from ..ports import Bmc, BmcAccess, BmcIdentity, BootDevice
from .blocking_pool import Lender, Loan, logged_in

T = TypeVar("T")

_BOOT = {BootDevice.NETWORK: "network", BootDevice.DISK: "hd"}

_REFUSED = ("incorrect password", "unauthorized name", "unauthorized role", "invalid role", "invalid username length")
"""How pyghmi words the RMCP+ status codes (IPMI 2.0, table 13-15) that come back however often one tries."""

_NO_ANSWER = ("", "none", "timeout", "session no longer connected")
"""All that pyghmi says when a BMC does not answer."""


_TRANSPORT, _SET_LAN, _GET_LAN = 0x0C, 0x01, 0x02  # network function and commands, IPMI 2.0, chapter 23
_PROGRESS, _ADDRESS, _SOURCE, _NETMASK, _GATEWAY, _VLAN = 0, 3, 4, 6, 12, 20  # LAN parameters, table 23-4
_SET_COMPLETE, _SET_IN_PROGRESS, _COMMIT = 0, 1, 2
_STATIC, _VLAN_ON = 1, 0x8000
_NOT_SUPPORTED = 0x80  # completion code of a BMC that has no such LAN parameter

_STORAGE, _FRU_INFO, _FRU_READ = 0x0A, 0x10, 0x11  # network function and commands, IPMI 2.0, chapter 34
_FRU_CHUNK = 32
"""Bytes of inventory asked for at a time. pyghmi's own way asks for 224 and gives up where that is too many."""
_NO_FRU = frozenset({0xC1, 0xC9, 0xCB, 0xCC, 0xD5})
"""Completion codes of a BMC that has no such inventory: no such command, out of range, absent, invalid."""
_TOO_LONG = frozenset({0xC7, 0xC8, 0xCA})
"""Completion codes of a BMC that was asked for too much at once."""


@dataclass
class IpmiBmcs:
    """Opens IPMI sessions, at most one per BMC and ``sessions`` in all. ``close`` gives the threads back."""

    sessions: int = 64  # a thread each while something is asked
    _lender: Lender = field(init=False)

    def __post_init__(self) -> None:
        self._lender = Lender("ipmi", self.sessions)
        # pyghmi 1.6 takes these two in either order: to send (Session.send_payload), and to give up waiting
        # (Session.wait_for_rsp, _timedout). With some BMCs dead beside live ones, sooner or later all its threads wait
        # for each other for ever. As one lock, which may be taken twice, they cannot.
        pyghmi_session.KEEPALIVE_SESSIONS = pyghmi_session.WAITING_SESSIONS

    async def open(self, access: BmcAccess) -> Bmc:
        """Log in.

        Raises:
            TemporaryError: No answer, or the BMC has no session free.
            PermanentError: It refuses the user name or password.
        """
        return await logged_in(IpmiBmc(access, await self._lender.lend(access.address, access.port)))

    def close(self) -> None:
        """Let the threads end. Sessions are closed before."""
        self._lender.close()


@dataclass
class IpmiBmc:
    """One session with one BMC. Made by ``IpmiBmcs.open``; gives back what was lent to it when it is closed."""

    access: BmcAccess
    _loan: Loan
    _command: Any = None  # pyghmi has no types; None: not logged in

    async def login(self) -> None:
        await self._ask("log in", self._log_in)

    async def power(self) -> Power:
        answer = await self._ask("read the power state", lambda: self._command.get_power())
        if (said := answer.get("powerstate")) not in tuple(Power):
            raise self._in_our_words("read the power state", f"{said!r}, which is neither on nor off")
        return Power(said)

    async def identity(self) -> BmcIdentity:
        raw = await self._ask("read the inventory", self._fru)
        try:
            known = FRU(rawdata=raw).info or {} if raw else {}
        except (exceptions.PyghmiException, IndexError, LookupError, TypeError, ValueError):
            known = {}  # not what IPMI's FRU format is: it says nothing
        named = {name: str(value) for name, value in known.items() if isinstance(value, str)}
        return BmcIdentity(
            frozenset(named[name] for name in ("Chassis serial number", "Serial Number") if name in named),
            frozenset(named[name] for name in ("Board serial number",) if name in named),
        )

    async def set_power(self, want: Power) -> None:
        await self._ask(f"turn the power {want}", lambda: self._command.set_power(want.value, wait=False))

    async def boot_next(self, device: BootDevice, *, uefi: bool | None = False) -> None:
        def choose() -> None:
            self._command.set_bootdev(_BOOT[device], persist=False, uefiboot=uefi is not False)

        await self._ask("choose the boot device", choose)

    async def set_password(self, password: str) -> None:
        check_password(password)
        await self._ask(
            "set the password", lambda: self._command.set_user_password(self._own_slot(), password=password)
        )

    async def lan(self) -> Lan:
        return await self._ask("read the network", self._read_lan)

    async def set_lan(self, now: Lan, wanted: Lan) -> None:
        await self._ask("set the network", lambda: self._write_lan(now, wanted))

    async def close(self) -> None:
        """Log out and give the BMC back. Untold, it forgets the session after 60 s (IPMI 2.0, 6.12.15)."""
        await self._loan.give_back(lambda: self._command and self._command.ipmi_session.logout())

    def _log_in(self) -> None:
        # As bytes: given text, pyghmi 1.6 looks for its sessions by text and files them by bytes, so that it never
        # finds a closed one to forget, and the second login to a BMC gets the closed session of the first.
        user, password = self.access.username.encode(), self.access.password.encode()
        self._command = Command(self.access.address, user, password, port=self.access.port, keepalive=False)

    def _own_slot(self) -> int:
        """The slot of the user whose session this is."""
        for slot in range(1, int(self._command.get_channel_max_user_count()) + 1):
            if self._command.get_user_name(slot) == self.access.username:
                return slot
        raise PermanentError(f"the BMC at {self.access.address} lists no user {self.access.username}")

    def _read_lan(self) -> Lan:
        vlan = int.from_bytes(self._lan_parameter(_VLAN) or b"\0\0", "little")
        return Lan(
            static=(self._lan_parameter(_SOURCE) or b"\0")[0] & 0x0F == _STATIC,  # 0: unspecified
            address=_address(self._lan_parameter(_ADDRESS)),
            netmask=_address(self._lan_parameter(_NETMASK)),
            gateway=_address(self._lan_parameter(_GATEWAY)),
            vlan=vlan & 0x0FFF if vlan & _VLAN_ON else None,
        )

    def _lan_parameter(self, parameter: int) -> bytes:
        """What stands in a parameter of the interface that we talk to; empty: the BMC has no such parameter."""
        asked = [self._command.get_network_channel(), parameter, 0, 0]
        answer = self._command.raw_command(netfn=_TRANSPORT, command=_GET_LAN, data=asked)
        if answer.get("code") == _NOT_SUPPORTED:
            return b""
        return _data(answer)[1:]  # the first byte is the parameter's revision

    def _write_lan(self, now: Lan, wanted: Lan) -> None:
        """Between "set in progress" and "set complete", as the specification has it: some drop what comes without.

        The VLAN comes last: a BMC that takes each parameter as it comes is not reached any more after that.
        """
        vlan = wanted.vlan | _VLAN_ON if wanted.vlan else 0
        values = [
            (_SOURCE, now.static, wanted.static, bytes([_STATIC])),
            (_NETMASK, now.netmask, wanted.netmask, IPv4Address(wanted.netmask).packed),
            (_GATEWAY, now.gateway, wanted.gateway, IPv4Address(wanted.gateway or 0).packed),
            (_ADDRESS, now.address, wanted.address, IPv4Address(wanted.address).packed),
            (_VLAN, now.vlan, wanted.vlan, vlan.to_bytes(2, "little")),
        ]
        self._progress(_SET_IN_PROGRESS)
        try:
            for parameter, has, wants, value in values:
                if has != wants:
                    _data(self._set_lan_parameter(parameter, value))
            self._progress(_COMMIT)
        finally:
            self._progress(_SET_COMPLETE)

    def _progress(self, state: int) -> None:
        """Say where we are. A BMC that does not know the state goes on without; one that is gone answers no more."""
        with contextlib.suppress(exceptions.PyghmiException):
            self._set_lan_parameter(_PROGRESS, bytes([state]))

    def _set_lan_parameter(self, parameter: int, value: bytes) -> Any:
        data = [self._command.get_network_channel(), parameter, *value]
        return self._command.raw_command(netfn=_TRANSPORT, command=_SET_LAN, data=data)

    def _fru(self) -> bytes:
        """The inventory of the machine itself (FRU device 0), as far as it names serials; empty where there is none."""
        answer = self._command.raw_command(netfn=_STORAGE, command=_FRU_INFO, data=[0])
        if answer.get("code") in _NO_FRU:
            return b""
        size, found, chunk = int.from_bytes(_data(answer)[:2], "little"), bytearray(), _FRU_CHUNK
        while len(found) < min(size, _fru_needed(found)):
            asked = [0, *len(found).to_bytes(2, "little"), min(chunk, size - len(found))]
            answer = self._command.raw_command(netfn=_STORAGE, command=_FRU_READ, data=asked)
            if answer.get("code") in _TOO_LONG and chunk > 8:
                chunk //= 2
                continue
            if answer.get("code") in _NO_FRU or not (read := _data(answer)[1:]):
                break
            found += read
        return bytes(found)

    async def _ask(self, what: str, call: Callable[[], T]) -> T:
        """Run ``call`` on a thread of the pool, and put its failure in our words."""
        try:
            return await self._loan.run(call)
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


def _fru_needed(known: bytearray) -> int:
    """How many bytes have to be read, as far as the first ones tell: most inventories hold kilobytes of other things.

    Bytes 2 to 4 say where the areas of chassis, board and product begin, the second byte of each how long it is; both
    in units of eight bytes.
    """
    if len(known) < 8:
        return 8
    begins = [8 * place for place in known[2:5] if place]
    return max((at + 8 * known[at + 1] if at + 1 < len(known) else at + 2 for at in begins), default=8)


def _address(value: bytes) -> str:
    """An address as a LAN parameter holds it; empty where the BMC has no such parameter."""
    return str(IPv4Address(value)) if value else ""


def _data(answer: Any) -> bytes:
    if "error" in answer:
        raise exceptions.IpmiException(str(answer["error"]))
    return bytes(answer["data"])
