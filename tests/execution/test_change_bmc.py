"""``ChangeBmc``: a BMC that lets us in gets another password or network through itself."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.execution.breaker import GuardedBmcs
from reconciler.execution.drivers.ipmi import IpmiBmcs
from reconciler.execution.ensure import Time
from reconciler.execution.handlers import Tools, bmc, handlers
from reconciler.execution.ports import BmcAccess, BmcIdentity
from reconciler.execution.seam import now
from reconciler.model.actions import Action, ChangeBmc
from reconciler.model.bmc import Lan
from reconciler.model.errors import PermanentError, TemporaryError
from reconciler.model.machine import Power
from reconciler.simulator.ipmi_sim import IpmiSim

from ..conformance import ipmi_sim
from ..fakes.bmc import FakeBmc
from . import build
from .build import World

ROTATE = ChangeBmc(serial=build.SERIAL, generation=1, username="oci", rotate="2026-11")
MOVE = ChangeBmc(
    serial=build.SERIAL, generation=1, username="oci", address="192.0.2.50", network="192.0.2.0/24",
    gateway="192.0.2.1", vlan=9, network_name="ipmi",
)  # fmt: skip
BOTH = replace(MOVE, rotate="2026-11")
THERE = Lan(True, "192.0.2.50", "255.255.255.0", "192.0.2.1", 9)


async def do(world: World, action: Action) -> None:
    await handlers(world.tools)[type(action)](action)


async def test_a_new_password_is_the_machines_once_it_has_let_us_in() -> None:
    world = World()
    await do(world, ROTATE)
    assert world.chassis.password == world.passwords.own == world.passwords.new
    assert world.bmcs.certificates_forgotten == [], "whoever stands in between would be told the new password"
    assert world.chassis.sessions == 0


async def test_it_is_given_another_network_and_asked_there() -> None:
    world = World()
    await do(world, BOTH)
    assert world.chassis.lan == THERE
    assert world.passwords.own == world.chassis.password
    assert world.chassis.sessions == 0


async def test_a_network_that_is_as_wanted_is_not_set() -> None:
    world = World()
    world.chassis.lan = replace(THERE, address="192.0.2.9")
    await do(world, replace(MOVE, address="192.0.2.9"))
    assert list(world.bmcs.chassis) == ["192.0.2.9"]


async def test_a_password_that_the_bmc_did_not_take_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    async def takes_nothing(self: FakeBmc, password: str) -> None: ...

    monkeypatch.setattr(FakeBmc, "set_password", takes_nothing)
    world = World()
    with pytest.raises(TemporaryError, match=r"its BMC took a new password, and 240 s later: the BMC at 192.0.2.9 ref"):
        await do(world, ROTATE)
    assert world.passwords.own is None
    monkeypatch.undo()
    await do(world, ROTATE)
    assert world.passwords.own == world.chassis.password


async def test_cut_off_after_the_bmc_took_its_password_whatever_comes_next_gets_in() -> None:
    world = World()
    world.passwords.next(build.SERIAL, fresh=True)
    world.chassis.password = world.passwords.new
    await do(world, build.ON)
    assert world.chassis.state is Power.ON
    await do(world, ROTATE)
    assert world.passwords.own == world.passwords.new


async def test_cut_off_after_the_bmc_moved_it_is_found_where_it_is() -> None:
    world = World()
    world.bmcs.chassis = {"192.0.2.50": world.chassis}
    world.chassis.lan = THERE
    await do(world, MOVE)
    back = replace(MOVE, address="192.0.2.9", maybe_at="192.0.2.50")
    await do(world, back)
    assert world.chassis.lan.address == "192.0.2.9"


async def test_a_bmc_that_does_not_arrive_says_what_it_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    async def gone(self: FakeBmc, now: Lan, wanted: Lan) -> None:
        self.chassis.silent = True
        raise TemporaryError("cannot set the network: the BMC at 192.0.2.9 does not answer")

    monkeypatch.setattr(FakeBmc, "set_lan", gone)
    world = World()
    told = (
        r"was given 192.0.2.50/255.255.255.0 via 192.0.2.1 in VLAN 9 \(it was told, and then: cannot set the network.*"
        r"240 s later: the BMC at 192.0.2.50 does not answer. Can this server reach 192.0.2.50\?"
    )
    with pytest.raises(TemporaryError, match=told):
        await do(world, MOVE)


async def test_nothing_is_changed_of_a_bmc_that_is_another_machines() -> None:
    world = World()
    world.chassis.serial = "B002"
    with pytest.raises(PermanentError, match="belongs to B002"):
        await do(world, BOTH)
    assert (world.chassis.password, world.chassis.lan.address) == ("secret", "192.0.2.9")


async def test_one_that_says_no_serial_is_believed_where_its_own_agent_reported_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def says_nothing(self: FakeBmc) -> BmcIdentity:
        return BmcIdentity(frozenset())

    monkeypatch.setattr(FakeBmc, "identity", says_nothing)
    await do(World(), BOTH)
    world = World()
    world.directory.reporters = frozenset({"B002"})
    with pytest.raises(PermanentError, match="does not say whose it is"):
        await do(world, BOTH)


# ---- with a real BMC


@pytest.fixture
async def real(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Tools, World, IpmiSim]]:
    monkeypatch.setattr(bmc, "LOOK_AGAIN", 1.0)
    monkeypatch.setattr(bmc, "LOGIN_SECONDS", 60.0)
    async with ipmi_sim.running(tmp_path / "bmc", "127.8.110.9", serial=build.SERIAL) as sim:
        world, driver = World(), IpmiBmcs(sessions=4)
        world.directory.bmcs[build.SERIAL] = BmcAccess(sim.address, sim.port, sim.username, sim.password)
        time = Time(now, asyncio.sleep)
        yield replace(world.tools, bmcs=GuardedBmcs(driver, now), time=time), world, sim
        driver.close()


async def test_over_ipmi_both_are_set_and_believed_once_it_lets_us_in(real: tuple[Tools, World, IpmiSim]) -> None:
    tools, world, sim = real
    wanted = replace(BOTH, address=sim.address, network="127.8.110.0/24", gateway="127.8.110.1")
    await handlers(tools)[ChangeBmc](wanted)
    access = BmcAccess(sim.address, sim.port, "oci", world.passwords.new)
    session = await tools.bmcs.open(access)
    assert await session.lan() == Lan(True, sim.address, "255.255.255.0", "127.8.110.1", 9)
    await session.close()
    assert world.passwords.own == world.passwords.new
