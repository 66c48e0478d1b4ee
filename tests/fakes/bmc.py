"""A BMC that takes its time, forgets, is busy, and serves one caller at a time. Passes tests/conformance."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from reconciler.execution.ports import BmcAccess, BmcIdentity, BootDevice
from reconciler.model.bmc import Lan
from reconciler.model.errors import PermanentError, TemporaryError
from reconciler.model.machine import Power

from .clock import FakeClock

POWER_CHANGE = timedelta(seconds=8)  # long enough to catch a caller that does not wait
BOOT_CHOICE_LASTS = timedelta(seconds=60)  # as ports.Bmc.boot_next documents


@dataclass
class FakeChassis:
    """The machine's side: what the BMC switches."""

    clock: FakeClock
    password: str = "secret"
    serial: str = "A001"
    state: Power = Power.OFF
    busy_for: int = 0  # answer "busy" to this many calls first, as after a BMC reset
    silent: bool = False
    stuck: bool = False  # power commands are taken and do nothing
    tells: bool = False  # says what it is about to be, as BMCs do over Redfish; else what it was
    booted_from: list[BootDevice] = field(default_factory=list)
    uefi: list[bool | None] = field(default_factory=list)
    lan: Lan = field(default_factory=lambda: Lan(True, "192.0.2.9", "255.255.255.0", "192.0.2.1", None))
    sessions: int = 0
    most_sessions: int = 0
    calls: int = 0
    _choice: tuple[BootDevice, bool | None, datetime] | None = None
    _next: tuple[Power, datetime] | None = None

    def settle(self) -> None:
        if self._next and self.clock() >= self._next[1]:
            self.state, self._next = self._next[0], None

    def said(self) -> Power:
        if self._next and self.tells:
            return Power.STARTING if self._next[0] is Power.ON else Power.STOPPING
        return self.state

    def change(self, want: Power) -> None:
        if self.stuck or want is (self._next[0] if self._next else self.state):
            return
        self._next = want, self.clock() + POWER_CHANGE
        if want is Power.ON:
            self.start()

    def start(self) -> None:
        choice, self._choice = self._choice, None
        fresh = choice is not None and self.clock() - choice[2] <= BOOT_CHOICE_LASTS
        self.booted_from.append(choice[0] if choice and fresh else BootDevice.DISK)
        self.uefi.append(choice[1] if choice and fresh else False)

    def choose(self, device: BootDevice, uefi: bool | None) -> None:
        self._choice = (device, uefi, self.clock())


@dataclass
class FakeBmc:
    chassis: FakeChassis
    lent: asyncio.Lock
    bmcs: "FakeBmcs"
    closed: bool = False

    async def power(self) -> Power:
        await self._answer()
        self.chassis.settle()
        return self.chassis.said()

    async def identity(self) -> BmcIdentity:
        await self._answer()
        return BmcIdentity(frozenset({self.chassis.serial}), frozenset({f"CN{self.chassis.serial}"}))

    async def set_power(self, want: Power) -> None:
        await self._answer()
        self.chassis.settle()
        self.chassis.change(want)

    async def boot_next(self, device: BootDevice, *, uefi: bool | None = False) -> None:
        await self._answer()
        self.chassis.choose(device, uefi)

    async def set_password(self, password: str) -> None:
        await self._answer()
        if len(password.encode()) > 16:
            raise PermanentError("a BMC's password has 1 to 16 bytes")
        self.chassis.password = password

    async def lan(self) -> Lan:
        await self._answer()
        return self.chassis.lan

    async def set_lan(self, now: Lan, wanted: Lan) -> None:
        await self._answer()
        self.chassis.lan = wanted
        self.bmcs.chassis[wanted.address] = self.bmcs.chassis.pop(now.address)

    async def close(self) -> None:
        if not self.closed:
            self.closed = True
            self.chassis.sessions -= 1
            self.lent.release()

    async def _answer(self) -> None:
        assert not self.closed, "a closed session was used"
        await asyncio.sleep(0)
        self.chassis.calls += 1
        if self.chassis.silent:
            raise TemporaryError("the BMC does not answer")
        if self.chassis.busy_for:
            self.chassis.busy_for -= 1
            raise TemporaryError("the BMC is busy (completion code 0xC0)")


@dataclass
class FakeBmcs:
    chassis: dict[str, FakeChassis]
    opened: int = 0
    asked_again: list[str] = field(default_factory=list)
    certificates_forgotten: list[str] = field(default_factory=list)
    _lent: dict[str, asyncio.Lock] = field(default_factory=dict)

    def ask_again(self, address: str, *, same_certificate: bool = False) -> None:
        self.asked_again.append(address)
        if not same_certificate:
            self.certificates_forgotten.append(address)

    async def open(self, access: BmcAccess) -> FakeBmc:
        lent = self._lent.setdefault(access.address, asyncio.Lock())
        await lent.acquire()
        self.opened += 1
        chassis = self.chassis.get(access.address)
        try:
            await asyncio.sleep(0)
            if chassis is None or chassis.silent:
                raise TemporaryError(f"the BMC at {access.address} does not answer")
            if access.password != chassis.password:
                raise PermanentError(f"the BMC at {access.address} refuses user {access.username}")
        except BaseException:
            lent.release()
            raise
        chassis.sessions += 1
        chassis.most_sessions = max(chassis.most_sessions, chassis.sessions)
        return FakeBmc(chassis, lent, self)
