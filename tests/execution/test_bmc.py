"""``ConfigureBmc`` with real ipmitool inside, a real BMC (ipmi_sim), and real logins from outside."""

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from reconciler.execution.breaker import GuardedBmcs
from reconciler.execution.drivers.ipmi import IpmiBmcs
from reconciler.execution.ensure import Time
from reconciler.execution.handlers import Tools, bmc, handlers
from reconciler.execution.ports import BmcAccess, Ran
from reconciler.execution.seam import now
from reconciler.model.actions import ConfigureBmc
from reconciler.model.errors import PermanentError, TemporaryError
from reconciler.model.files import File
from reconciler.provisioning import commands
from reconciler.simulator.ipmi_sim import IpmiSim

from ..conformance import ipmi_sim
from . import build
from .build import World

pytestmark = pytest.mark.skipif(shutil.which("ipmitool") is None, reason="needs ipmitool (apt: ipmitool)")

CONFIGURE = ConfigureBmc(
    serial=build.SERIAL, generation=1, username="oci", address="127.8.200.2", network="127.8.200.0/24",
    gateway="127.8.200.1",
)  # fmt: skip
KEEP = ConfigureBmc(serial=build.SERIAL, generation=1, username="oci")
PASSWORD = "Abcdefgh12345678"


@dataclass
class LiveShell:
    """The live system of the machine whose BMC it is."""

    sim: IpmiSim
    root: Path
    marker: str = ""
    closed: int = 0
    fails: dict[str, Ran] = field(default_factory=dict)  # by how a command begins

    async def open(self, serial: str, address: str) -> "LiveShell":
        return self

    async def expect_new_boot(self, serial: str) -> None: ...

    async def run(self, command: str, *, timeout: float) -> Ran:
        if command == commands.READ_SERIAL:
            return Ran(0, f"{build.SERIAL}\n", "")
        if command == commands.READ_MARKER:
            return Ran(0, self.marker, "") if self.marker else Ran(1, "", "")
        for begins, ran in self.fails.items():
            if command.startswith(begins):
                return ran
        return Ran(*await self.sim.in_band(command, self.root))

    async def put(self, files: Mapping[str, File]) -> None:
        for path, file in files.items():
            place = self.root / path.lstrip("/")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(file.content)

    async def close(self) -> None:
        self.closed += 1


@dataclass
class Machine:
    tools: Tools
    world: World
    shell: LiveShell
    sim: IpmiSim

    async def configure(self, action: ConfigureBmc) -> None:
        await handlers(self.tools)[ConfigureBmc](action)
        assert self.shell.closed == 1
        self.shell.closed = 0

    async def lets_in(self, username: str, password: str) -> bool:
        try:
            access = BmcAccess(self.sim.address, self.sim.port, username, password)
            await (await self.tools.bmcs.open(access)).close()
        except PermanentError:
            return False
        return True

    @property
    def said(self) -> list[str]:
        """What changed something."""
        return [line for line in self.sim.in_band_log if " set " in line or " exec " in line or " enable " in line]


@pytest.fixture
async def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Machine]:
    monkeypatch.setattr(bmc, "LOGIN_SECONDS", 1.0)
    monkeypatch.setattr(bmc, "LOOK_AGAIN", 0.2)
    async with ipmi_sim.running(tmp_path / "bmc", "127.8.100.9", serial=build.SERIAL) as sim:
        await sim.stop()
        sim.username, sim.password = "root", "calvin"
        await sim.start()
        world, driver = World(), IpmiBmcs(sessions=4)
        world.directory.bmcs[build.SERIAL] = BmcAccess(sim.address, sim.port, "oci", "unknown")
        shell = LiveShell(sim, tmp_path / "live")
        tools = replace(world.tools, bmcs=GuardedBmcs(driver, now), shells=shell, time=Time(now, asyncio.sleep))
        yield Machine(tools, world, shell, sim)
        driver.close()


async def test_a_bmc_from_the_factory_gets_address_and_login_and_lets_us_in(machine: Machine) -> None:
    await machine.configure(CONFIGURE)
    assert machine.sim.address == "127.8.200.2"
    assert await machine.lets_in("oci", PASSWORD)
    assert machine.world.passwords.own == PASSWORD
    assert not list(machine.shell.root.rglob("bmc-login")), "the password lies about"
    assert PASSWORD not in "".join(machine.sim.in_band_log)


async def test_doing_it_again_renumbers_nothing_and_makes_no_second_user(machine: Machine) -> None:
    await machine.configure(CONFIGURE)
    machine.sim.in_band_log.clear()
    await machine.configure(CONFIGURE)
    assert not [line for line in machine.said if "ipaddr" in line or "user set name" in line or "ipsrc" in line]
    assert await machine.lets_in("oci", PASSWORD)


async def test_a_bmc_whose_address_is_right_is_adopted(machine: Machine) -> None:
    await machine.configure(KEEP)
    assert machine.sim.address == "127.8.100.9"
    assert not [line for line in machine.said if line.startswith("ipmitool lan set") and "access on" not in line]
    assert await machine.lets_in("oci", PASSWORD)


async def test_the_user_that_has_our_name_gets_the_new_password(machine: Machine) -> None:
    assert await machine.lets_in("root", "calvin")
    await machine.configure(replace(KEEP, username="root"))
    assert await machine.lets_in("root", PASSWORD)
    assert not await machine.lets_in("root", "calvin")


async def test_a_new_password_is_not_believed_before_the_bmc_has_let_us_in_with_it(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.shell.fails["ipmitool exec"] = Ran(0, "Set User Password command successful (user 3)", "")
    with pytest.raises(TemporaryError, match=r"1 s later: the BMC at 127.8.100.9:\d+ refuses user oci"):
        await machine.configure(KEEP)
    assert machine.world.passwords.own is None


async def test_a_bmc_that_is_not_reached_from_here_says_so(machine: Machine) -> None:
    machine.world.directory.bmcs[build.SERIAL] = BmcAccess("", 9, "", "")  # another port: nobody there
    with pytest.raises(TemporaryError, match=r"does not answer. Can this server reach 127.8.200.2\?"):
        await machine.configure(CONFIGURE)
    assert machine.world.passwords.own is None


async def test_another_machines_bmc_at_the_address_is_noticed(machine: Machine) -> None:
    await machine.sim.stop()
    machine.sim.serial = "B002"
    await machine.sim.start()
    with pytest.raises(PermanentError, match="belongs to B002"):
        await machine.configure(KEEP)
    assert machine.world.passwords.own is None


@pytest.mark.parametrize(
    ("begins", "ran", "error"),
    [
        ("modprobe", Ran(0, "channel 1\n", "Could not open device at /dev/ipmi0"), "finds no BMC in this machine"),
        ("modprobe", Ran(0, "channel 1\n", "Node busy"), "names no network channel: Node busy"),
        ("ipmitool user list", Ran(0, "ID Name\n", ""), "is not understood: ipmitool lists no users"),
        ("ipmitool user list", Ran(0, "1   root  true    true  true  USER\n", ""), "no free user slot for oci"),
        ("ipmitool lan set 1 ipaddr", Ran(0, "", ""), "accepted the commands, and did not apply: ipaddr 127.8.200.2"),
        ("ipmitool exec", Ran(1, "", "Set User Password command failed"), "Set User Password command failed"),
    ],
)
async def test_what_a_bmc_does_not_do_is_said(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, begins: str, ran: Ran, error: str
) -> None:
    monkeypatch.setattr(bmc, "LAN_SECONDS", 0.5)
    machine.shell.fails[begins] = ran
    with pytest.raises((TemporaryError, PermanentError), match=error):
        await machine.configure(CONFIGURE)
    assert machine.world.passwords.own is None


async def test_nobody_is_told_the_password_where_the_bmc_has_no_address_of_its_own(machine: Machine) -> None:
    machine.shell.fails["ipmitool lan print"] = Ran(0, "IP Address : 169.254.0.17\nSubnet Mask : 255.255.0.0\n", "")
    with pytest.raises(TemporaryError, match=r"its BMC has the address 169\.254\.0\.17, which is nobody's"):
        await machine.configure(KEEP)
    assert machine.world.passwords.own is None


async def test_an_installed_system_is_not_the_place_for_it(machine: Machine) -> None:
    machine.shell.marker = commands.Marker(build.SERIAL, "n", 1, "x").render()
    with pytest.raises(TemporaryError, match="an installed system runs here"):
        await machine.configure(CONFIGURE)
    assert machine.sim.in_band_log == []


async def test_cut_off_anywhere_it_is_done_the_next_time(machine: Machine) -> None:
    for moment in (0.05, 0.3, 0.8):
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(moment):
                await handlers(machine.tools)[ConfigureBmc](CONFIGURE)
    machine.shell.closed = 0
    await machine.configure(CONFIGURE)
    assert await machine.lets_in("oci", PASSWORD)
