"""The suite, for the fake and for the IPMI driver against ipmi_sim."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reconciler.drivers.ipmi import IpmiBmcs
from reconciler.execution.ensure import Time, boot
from reconciler.execution.ports import BmcAccess, BootDevice
from reconciler.model.machine import Power

from ..fakes.bmc import FakeBmcs, FakeChassis
from ..fakes.clock import FakeClock
from . import ipmi_sim
from .bmc import BmcConformance, BmcWorld

REAL = Time(lambda: datetime.now(UTC), asyncio.sleep)
_WORDS = {"network": BootDevice.NETWORK, "default": BootDevice.DISK}


class TestFake(BmcConformance):
    @pytest.fixture
    def world(self) -> BmcWorld:
        clock = FakeClock()
        chassis = FakeChassis(clock)
        bmcs = FakeBmcs({"bmc": chassis, "nobody": FakeChassis(clock, silent=True)})
        access = BmcAccess("bmc", 623, "oci", "secret")
        return BmcWorld(bmcs, access, BmcAccess("nobody", 623, "oci", "x"), clock.time, lambda: chassis.booted_from)


class TestIpmi(BmcConformance):
    @pytest.fixture
    async def world(self, tmp_path: Path) -> AsyncIterator[BmcWorld]:
        bmcs = IpmiBmcs(sessions=4)
        async with ipmi_sim.running(tmp_path / "bmc") as sim:
            access = BmcAccess(sim.address, sim.port, sim.username, sim.password)
            nobody = BmcAccess("127.0.0.1", ipmi_sim.free_port(), sim.username, sim.password)
            yield BmcWorld(bmcs, access, nobody, REAL, lambda: [_WORDS[said] for said in sim.boots()])
        bmcs.close()


async def test_a_rack_of_bmcs_on_one_port_is_asked_all_at_once(tmp_path: Path) -> None:
    bmcs, port, machines = IpmiBmcs(sessions=8), ipmi_sim.free_port(), 6

    async def turn_on(access: BmcAccess) -> Power:
        bmc = await bmcs.open(access)
        try:
            await boot(bmc, BootDevice.NETWORK, REAL, uefi=False)
            return await bmc.power()
        finally:
            await bmc.close()

    async with AsyncExitStack() as stack:
        sims = [
            await stack.enter_async_context(ipmi_sim.running(tmp_path / f"{i}", f"127.7.0.{i}", port))
            for i in range(1, machines + 1)
        ]
        accesses = [BmcAccess(sim.address, sim.port, sim.username, sim.password) for sim in sims]
        async with asyncio.timeout(60):
            assert await asyncio.gather(*(turn_on(access) for access in accesses)) == [Power.ON] * machines
        assert [sim.boots() for sim in sims] == [("network",)] * machines
    bmcs.close()
