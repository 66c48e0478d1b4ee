"""BMCs without sockets: the demo's own (``drivers.plain``) on the wires of a simulation, with a slow chassis."""

from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from ..execution.drivers.plain import BmcLine, PlainBmc
from .virtual_loop import Process, this_process
from .wires import Wires

CHOICE_SECONDS = 60.0
"""How long a boot device stays chosen without a power command (IPMI 2.0, 28.13)."""


@dataclass
class MemoryBmc(PlainBmc):
    """The BMC of one server. What it is told, its chassis does a few seconds later."""

    chassis: Callable[[bool, str], Awaitable[None]] = field(kw_only=True)  # turns it on or off, with the boot device
    takes: Callable[[float], Awaitable[None]] = field(kw_only=True)
    begin: Callable[[Coroutine[Any, Any, None]], object] = field(kw_only=True)  # has the world do something
    clock: Callable[[], float] = field(kw_only=True)
    counted: Callable[[str, int], None] = lambda address, count: None  # told how many sessions there are
    moved: Callable[[str], None] = lambda address: None  # told where it is now
    is_static: bool = True  # its address is none that DHCP gave it
    is_silent: bool = False
    seems_off: bool = False  # it says that power is off, whatever is so
    is_deaf: bool = False  # it says that it has done what it was told, and does not do it
    power_seconds: float = 4.0
    answer_seconds: float = 0.3  # BMCs are slow: one word takes them longer than a network does
    lines: list["MemoryLine"] = field(default_factory=list)  # sessions that nobody has ended
    _chosen_at: float = 0.0
    _doing: int = 0  # power commands that the chassis has not followed yet

    async def start(self) -> None:
        """It is there as long as it has power."""

    async def stop(self) -> None:
        """It is there as long as it has power."""

    @property
    def network(self) -> tuple[str, ...]:
        """Mask, gateway and VLAN (0: none)."""
        return self._lan

    @network.setter
    def network(self, now: tuple[str, ...]) -> None:
        self._lan = now

    def moves(self, address: str) -> None:
        """It is found there from now on."""
        self.address = address
        self.moved(address)

    async def _move(self, address: str) -> None:
        self.moves(address)

    def _obey(self, words: list[str]) -> str:
        """As the demo's, but that a boot device is forgotten, and that power comes and goes with its time."""
        if words[:1] == ["BOOT"]:
            self._chosen_at = self.clock()
        elif self._chosen != "default" and self.clock() - self._chosen_at > CHOICE_SECONDS:
            self._chosen = "default"
        match words:
            case ["POWER"] if self.seems_off:
                return "off"
            case ["POWER", _] if self.is_deaf:
                return "ok"
            case ["POWER", "on" | "off" as state] if self._on != (state == "on") and not self._doing:
                device, self._chosen = (self._chosen, "default") if state == "on" else ("default", self._chosen)
                self._doing += 1
                self._commands += 1
                self.begin(self._follow(state == "on", device))
                return "ok"
            case ["POWER", "on" | "off"]:
                return "ok"
        return super()._obey(words)

    def opened(self, line: "MemoryLine") -> None:
        """Another session begins. Those of processes that have died are forgotten in time, as nobody ends them."""
        self.lines = [each for each in self.lines if not each.is_closed and each.process.is_alive] + [line]
        self.counted(self.address, len(self.lines))

    async def _follow(self, on: bool, device: str) -> None:
        try:
            await self.takes(self.power_seconds)
            self._on, self._booted = on, device if on else self._booted
            await self.chassis(on, device)
        finally:
            self._doing -= 1


@dataclass
class MemoryLine:
    """A connection to a BMC."""

    wires: Wires
    bmc: MemoryBmc
    said: Callable[[str], str]
    process: Process  # that has opened it
    is_closed: bool = False

    async def ask(self, text: str) -> str:
        def answer() -> str:
            if self.is_closed or self.bmc.is_silent:
                raise ConnectionResetError("the BMC hung up")
            return self.said(text)

        await self.bmc.takes(self.bmc.answer_seconds)
        found = await self.wires.ask(answer)
        shown = text if text.partition(" ")[0] not in ("LOGIN", "PASSWORD") else text.partition(" ")[0]
        self.wires.tell(f"bmc {self.bmc.address} {shown} -> {found}")
        return found

    def close(self) -> None:
        self.is_closed = True


def connecting(wires: Wires, at: Callable[[str], MemoryBmc | None]) -> Callable[[str, int], Awaitable[BmcLine]]:
    """Connects to the BMC at an address, as ``PlainBmcs`` wants it."""

    async def connect(address: str, port: int) -> BmcLine:
        opened: list[MemoryLine] = []

        def knock() -> MemoryLine:
            bmc = at(address)
            if bmc is None or bmc.is_silent:
                raise ConnectionRefusedError(111, "Connection refused")
            opened.append(MemoryLine(wires, bmc, bmc.conversation(), process))
            bmc.opened(opened[0])
            return opened[0]

        process = this_process()
        try:
            return await wires.ask(knock)
        except BaseException:
            for line in opened:  # the answer was lost, or came too late: who called knows of no session
                line.close()
            raise

    return connect
