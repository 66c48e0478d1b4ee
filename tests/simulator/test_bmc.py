"""BMCs of simulated servers: both kinds, seen by the driver that the daemon uses, and by the server they belong to."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from socket import SOCK_DGRAM, SOCK_STREAM

import pytest

from reconciler.execution.drivers.ipmi import IpmiBmcs
from reconciler.execution.drivers.plain import PlainBmcs
from reconciler.execution.ports import BmcAccess, Bmcs, BootDevice
from reconciler.model.errors import PermanentError, TemporaryError
from reconciler.model.machine import Power
from reconciler.provisioning import commands
from reconciler.simulator import ipmi_sim
from reconciler.simulator.bmc import SimulatedProtocol, make_bmc
from reconciler.simulator.demo import free_port
from reconciler.simulator.fleet import SimBmc
from reconciler.simulator.life import ServerState

from .stage import Stage, staged

USER, PASSWORD = "oci", "demo-password"


@dataclass
class Wired:
    """A server, and the way to its BMC."""

    stage: Stage
    bmcs: Bmcs
    access: BmcAccess

    async def command(self, power: Power, device: BootDevice | None = None) -> None:
        bmc = await self.bmcs.open(self.access)
        try:
            if device is not None:
                await bmc.boot_next(device)
            await bmc.set_power(power)
        finally:
            await bmc.close()

    async def power(self) -> Power:
        bmc = await self.bmcs.open(self.access)
        try:
            return await bmc.power()
        finally:
            await bmc.close()


@pytest.fixture(params=["ipmi", "simulated"])
async def wired(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Wired]:
    if request.param == "ipmi" and not ipmi_sim.is_installed():
        pytest.skip(f"needs {ipmi_sim.PROGRAM} (apt: {ipmi_sim.PACKAGE})")
    async with _wired(request.param, tmp_path) as found:
        yield found


@asynccontextmanager
async def _wired(speaking: SimulatedProtocol, folder: Path) -> AsyncIterator[Wired]:
    bmcs = IpmiBmcs() if speaking == "ipmi" else PlainBmcs()
    port = free_port(SOCK_DGRAM if speaking == "ipmi" else SOCK_STREAM)

    def make(address: str) -> SimBmc:
        return make_bmc(speaking, BmcAccess(address, port, USER, PASSWORD), "S1", folder / "bmc")

    async with staged(folder / "servers", bmc=make) as stage:
        yield Wired(stage, bmcs, BmcAccess(stage.server.bmc_address, port, USER, PASSWORD))
    bmcs.close()


def give_a_system(wired: Wired) -> None:
    marker = wired.stage.server.marker
    marker.parent.mkdir(parents=True)
    marker.write_text(commands.Marker("S1", "n1.example.com", 1, "abc").render())


async def test_a_server_does_what_its_bmc_was_told(wired: Wired) -> None:
    server = wired.stage.server
    assert await wired.power() is Power.OFF
    await wired.command(Power.ON, BootDevice.NETWORK)
    await wired.stage.until(lambda: server.state is ServerState.LIVE)
    assert await wired.power() is Power.ON
    await wired.command(Power.OFF)
    await wired.stage.until(lambda: server.state is ServerState.OFF)
    assert await wired.power() is Power.OFF
    assert server.boots == ["network"]


async def test_a_chosen_device_counts_for_one_boot(wired: Wired) -> None:
    server = wired.stage.server
    give_a_system(wired)
    for device, expected in (
        (BootDevice.NETWORK, ServerState.LIVE),
        (None, ServerState.INSTALLED),
        (BootDevice.DISK, ServerState.INSTALLED),
    ):
        await wired.command(Power.ON, device)
        await wired.stage.until(lambda expected=expected: server.state is expected)
        await wired.command(Power.OFF)
        await wired.stage.until(lambda: server.state is ServerState.OFF)
    assert server.boots == ["network", "disk", "disk"]


async def test_a_disk_boot_without_a_system_is_stuck(wired: Wired) -> None:
    await wired.command(Power.ON, BootDevice.DISK)
    await wired.stage.until(lambda: wired.stage.server.state is ServerState.STUCK)


async def test_turning_on_what_is_on_changes_nothing(wired: Wired) -> None:
    server = wired.stage.server
    await wired.command(Power.ON)
    await wired.stage.until(lambda: server.state is ServerState.LIVE)
    boot = server.boot_id
    await wired.command(Power.ON)
    await wired.command(Power.OFF)
    await wired.stage.until(lambda: server.state is ServerState.OFF)
    assert (server.boots, server.boot_id) == (["network"], boot)


async def test_a_button_is_seen_by_the_bmc_and_so_is_a_cable(wired: Wired) -> None:
    fleet, server = wired.stage.fleet, wired.stage.server
    await fleet.press_power_buttons()
    await wired.stage.until(lambda: server.state is ServerState.LIVE)
    assert await wired.power() is Power.ON
    await fleet.cut_power(server.serial)
    assert (server.state, await wired.power()) == (ServerState.OFF, Power.OFF)


async def test_a_wrong_password_is_refused(wired: Wired) -> None:
    with pytest.raises(PermanentError):
        await wired.bmcs.open(BmcAccess(wired.access.address, wired.access.port, USER, "wrong"))


async def test_a_bmc_that_is_away_does_not_answer_and_comes_back_as_it_was(wired: Wired) -> None:
    server = wired.stage.server
    bmc = wired.stage.fleet.bmcs[server.serial]
    await wired.command(Power.ON, BootDevice.NETWORK)
    await wired.stage.until(lambda: server.state is ServerState.LIVE)
    await bmc.stop()
    with pytest.raises(TemporaryError):
        await wired.bmcs.open(wired.access)
    await bmc.start()
    assert await wired.power() is Power.ON
    assert (server.state, server.boots) == (ServerState.LIVE, ["network"])
