"""BMCs that nobody has set up yet: found, numbered, given a login, and used, with real ipmitool and real IPMI."""

import re
import shutil
from pathlib import Path

import pytest

from reconciler.app.directory import BMC_PASSWORD, next_bmc_password, own_bmc_password
from reconciler.simulator import ipmi_sim
from reconciler.simulator.demo import Racks
from reconciler.simulator.fleet import SimBmc
from reconciler.simulator.hardware import STORE
from reconciler.simulator.ipmi_sim import IpmiSim
from reconciler.simulator.server import SimServer

from .checks import assert_sound
from .world import ONE, World, head, only, world

TWO: Racks = {"zone-2": (STORE,), "zone-3": (STORE,)}

pytestmark = [
    pytest.mark.skipif(not ipmi_sim.is_installed(), reason="needs ipmi_sim (apt: openipmi)"),
    pytest.mark.skipif(shutil.which("ipmitool") is None, reason="needs ipmitool (apt: ipmitool)"),
]


def managed(specs: Path) -> None:
    """The fleet numbers BMCs above 112 of the network that its machines boot from."""
    path = specs / "fleet.yaml"
    before, after = path.read_text().split("  bmc:\n", 1)
    rest = after[after.index("  # Defaults for all clusters") :]
    network = re.search(r"127\.\d+\.\d+\.0/24", before)
    assert network is not None
    subnet = network[0].replace(".0/24", ".112/29")
    path.write_text(
        f"{before}  bmc:\n    username: reconciler\n    manage: true\n    networks:\n"
        f"      - {{name: ipmi, subnet: {subnet}, for_machines_in: {network[0]}}}\n\n{rest}"
    )


def factory(w: World) -> IpmiSim:
    """The one machine's BMC, with the login that its vendor ships."""
    (bmc,) = w.fleet.bmcs.values()
    assert isinstance(bmc, IpmiSim)
    return bmc


def texts(w: World, server: SimServer) -> list[str]:
    return [event.text for event in w.events(server.serial)]


async def as_shipped(w: World) -> IpmiSim:
    bmc = factory(w)
    await bmc.stop()
    bmc.username, bmc.password = "root", "calvin"
    await bmc.start()
    return bmc


async def test_a_bmc_from_the_factory_is_numbered_and_its_machine_comes_into_service_through_it(tmp_path: Path) -> None:
    async with world(tmp_path, racks=ONE, speaking="ipmi", specs=managed) as w:
        server, bmc = only(w), await as_shipped(w)
        await w.started()
        await w.fleet.press_power_buttons()
        await w.until_in_service(1)
        assert bmc.address == f"{w.demo.stage.network}.113"
        told = [event.text for event in w.events(server.serial)]
        assert sum("configure_bmc began" in text for text in told) == 1
        page = head(await w.cli("machines", server.serial))
        assert bmc.address in page
        site = w.site()
        own = site.store.secret(own_bmc_password(server.serial))
        assert own is not None and len(own) == 16 and own != site.store.secret(BMC_PASSWORD)
        assert site.store.secret(next_bmc_password(server.serial)) is None
        site.close()
        assert own not in "".join(told) + page

        gateway = f"{w.demo.stage.network}.118"
        w.edit("fleet.yaml", ".112/29, for_", f".112/29, gateway: {gateway}, for_")
        w.edit("fleet.yaml", "    manage: true\n", '    manage: true\n    rotate: "2026-11"\n')
        w.commit("Give the BMCs another gateway and new passwords")
        await w.until("the BMC was changed through itself", lambda: "change_bmc succeeded" in texts(w, server))
        assert (bmc.folder / "network" / "default_gw_ip_addr").read_text().strip() == gateway
        site = w.site()
        rotated = site.store.secret(own_bmc_password(server.serial))
        assert rotated not in (None, own)
        site.close()
        await w.fleet.cut_power(server.serial)
        await w.until("it is turned on through the BMC as it is now", lambda: "power_on succeeded" in texts(w, server))
        assert bmc.address in head(await w.cli("machines", server.serial))
        await w.until_in_service(1)
        await w.daemons[-1].terminate()
        assert_sound(w)


async def says(bmc: SimBmc, serial: str) -> None:
    """Have a BMC say another serial from now on."""
    assert isinstance(bmc, IpmiSim)
    await bmc.stop()
    bmc.serial = serial
    await bmc.start()


async def test_a_bmc_that_says_a_serial_of_nobody_is_believed_where_its_machine_reported_it(tmp_path: Path) -> None:
    """As after a main board was swapped: the machine itself told the BMC's address, from inside."""
    async with world(tmp_path, racks=ONE, speaking="ipmi") as w:
        await says(factory(w), "OLDBOARD1")
        await w.started()
        await w.fleet.press_power_buttons()
        await w.until_in_service(1)
        await w.daemons[-1].terminate()
        assert_sound(w)


async def test_a_bmc_that_says_the_serial_of_another_machine_waits_for_an_operator_who_can_say_that_it_is_right(
    tmp_path: Path,
) -> None:
    async with world(tmp_path, racks=TWO, speaking="ipmi") as w:
        server, other = w.servers.values()
        await says(w.fleet.bmcs[server.serial], other.serial)
        await w.started()
        await w.fleet.press_power_button(other.serial)
        await w.until_row(other.serial, bool)
        await w.fleet.press_power_button(server.serial)
        await w.until_row(server.serial, lambda row: "an operator, then retry: boot_disk failed" in row["because"])
        page = head(await w.cli("machines", server.serial))
        assert f"says that it belongs to {other.serial}, not to {server.serial}: nothing was switched" in page
        assert server.boots == ["default"] or server.boots == ["network"]

        w.pin(server.serial, bmc={"serial": other.serial})
        await w.until_in_force(w.commit("Its main board was taken from the other machine"))
        await w.cli("retry", server.serial, "--why", "its main board was taken from the other machine")
        await w.until_in_service(2)
        await w.daemons[-1].terminate()
        assert_sound(w)


async def test_a_wrong_bmc_password_is_said_and_mended_by_setting_the_right_one(tmp_path: Path) -> None:
    async with world(tmp_path, racks=ONE, speaking="ipmi") as w:
        server = only(w)
        await as_shipped(w)
        await w.started()
        await w.fleet.press_power_buttons()
        await w.until_row(server.serial, lambda row: "an operator, then retry: boot_disk failed" in row["because"])
        page = head(await w.cli("machines", server.serial))
        assert "refuses user" in page
        assert f"reconciler retry {server.serial} --why" in page

        bmc = factory(w)
        await bmc.stop()
        bmc.username, bmc.password = "oci", "demo-password"
        await bmc.start()
        await w.cli("retry", server.serial, "--why", "the login is as it should be now")
        await w.until_in_service(1)
        await w.daemons[-1].terminate()
        assert_sound(w)
