"""A whole fleet of simulated servers: racks, BMCs, SSH, and someone who presses the power buttons."""

import asyncio
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ..model.kinds import RackingSpec
from .agent import Agent
from .hardware import Model, RackedServer
from .ipmi_sim import IpmiSim
from .life import Pace, ServerState
from .server import SimServer
from .ssh import SshFront

REAL_ENOUGH = Pace()
LOOK_EVERY = 0.1  # seconds between looks at what BMCs were told


class SimBmc(Protocol):
    """A BMC that somebody can talk IPMI to. It remembers what it was told; the fleet makes it so."""

    address: str

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    def wanted(self) -> tuple[int, bool, str]:
        """How many power commands there were, whether power should be on, and the device chosen for the next boot."""
        ...

    def show(self, on: bool) -> None:
        """Power is now so; what the BMC answers from here on."""


@dataclass
class SimFleet:
    """Servers, each with its BMC. Use as an async context manager."""

    servers: dict[str, SimServer]
    bmcs: dict[str, SimBmc]
    front: SshFront
    _tasks: list["asyncio.Task[None]"] = field(default_factory=list)

    async def __aenter__(self) -> "SimFleet":
        try:
            await asyncio.gather(*(bmc.start() for bmc in self.bmcs.values()))
        except BaseException:
            await self._stop_bmcs()
            raise
        for serial, server in self.servers.items():
            server.on_boot, server.on_halt = self.front.open, self.front.close
            _wire(server, self.bmcs[serial])
            self._tasks.append(asyncio.create_task(self._obey(server, self.bmcs[serial])))
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        ended = await asyncio.gather(*self._tasks, return_exceptions=True)
        ended += await asyncio.gather(*(server.power_off() for server in self.servers.values()), return_exceptions=True)
        await self._stop_bmcs()
        for problem in ended:
            if isinstance(problem, Exception):
                raise problem

    async def press_power_buttons(self) -> None:
        """Someone walks along the racks."""
        for serial in self.servers:
            await self.press_power_button(serial)

    async def press_power_button(self, serial: str) -> None:
        """On, if it is off."""
        self.bmcs[serial].show(True)
        await self.servers[serial].power_on("default")

    async def cut_power(self, serial: str) -> None:
        """The cable is pulled: what ran is gone, and the BMC, which has power of its own, says so."""
        self.bmcs[serial].show(False)
        await self.servers[serial].power_off()

    async def _stop_bmcs(self) -> None:
        await asyncio.gather(*(bmc.stop() for bmc in self.bmcs.values()))

    async def _obey(self, server: SimServer, bmc: SimBmc) -> None:
        """Do what the BMC is told, as its chassis would."""
        done, _, _ = bmc.wanted()
        while True:
            commands, on, device = bmc.wanted()
            server.bmc_address = bmc.address
            if commands != done:
                done = commands
                await server.power_off()
                if on:
                    await server.power_on(device)
            await asyncio.sleep(LOOK_EVERY)


def _wire(server: SimServer, bmc: SimBmc) -> None:
    """Let ipmitool in the machine reach its BMC, where that speaks IPMI."""
    if not isinstance(bmc, IpmiSim):
        return

    async def in_band(command: str) -> tuple[int, str, str]:
        answer = await bmc.in_band(command, server.live)
        server.bmc_address = bmc.address  # which the report that it sends in a moment says
        return answer

    server.in_band = in_band


def place(racking: RackingSpec, models: Mapping[str, tuple[Model, ...]]) -> list[RackedServer]:
    """Servers in racks: ``models`` has, by location, what stands there from the bottom up."""
    placed: list[RackedServer] = []
    for location, wanted in sorted(models.items()):
        switches = sorted(name for name, place in racking.switches.items() if place.location == location)
        if not switches:
            raise ValueError(f"no switch of the racking stands in {location}")
        pair = (switches[0], switches[1] if len(switches) > 1 else switches[0])
        unit = 1
        for model in wanted:
            number = len(placed) + 1
            serial = f"{'ABCDEFGHJK'[number % 10]}{number:03d}{pair[0][-1].upper()}{(number * 37) % 90 + 10}"
            placed.append(RackedServer(serial, model, pair, f"swp{unit}", number))
            product = racking.products.get(model.product)
            unit += product.height if product else 1
    return placed


def build_servers(
    placed: list[RackedServer], folder: Path, server_url: str, *, network: str = "127.1.0", pace: Pace = REAL_ENOUGH
) -> dict[str, SimServer]:
    """One server each, on loopback addresses of its own.

    The live system has ``network``.n, and the BMC ``network``.(100+n); the installed system has what it is given.
    """
    servers = {}
    for each in placed:
        address, bmc = f"{network}.{each.number}", f"{network}.{100 + each.number}"
        root = folder / each.serial
        shutil.rmtree(root, ignore_errors=True)
        servers[each.serial] = SimServer(each, address, bmc, Agent(server_url, address), pace, root=root)
    return servers


def counts(servers: dict[str, SimServer]) -> dict[ServerState, int]:
    """How many servers are in each state."""
    return {state: sum(server.state is state for server in servers.values()) for state in ServerState}
