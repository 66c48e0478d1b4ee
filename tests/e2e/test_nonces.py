"""Keys go to who returned the nonce of its boot, and to others only where a witness or an operator says so."""

from pathlib import Path

from reconciler.simulator.agent import Agent
from reconciler.simulator.hardware import CONTROLLER, RackedServer, report

from .checks import assert_sound
from .world import ONE, World, only, world


def kinds(w: World, serial: str) -> list[str]:
    return [event.kind for event in w.events(serial)]


def happened(w: World, serial: str, text: str) -> bool:
    return any(text in event.text for event in w.events(serial))


async def test_a_machine_with_the_stock_agent_comes_into_service_on_the_word_of_its_bmc(tmp_path: Path) -> None:
    async with world(tmp_path, racks=ONE) as w:
        server = only(w)
        server.agent.is_stock = True
        await w.started()
        await w.fleet.press_power_buttons()
        await w.until_in_service(1)
        assert happened(w, server.serial, f"its BMC at {server.bmc_address} says that it is its own, and on")
        assert (server.boots, server.installs) == (["network", "disk"], 1)
        await w.daemons[-1].terminate()
        assert_sound(w)


async def test_one_with_our_agent_needs_no_other_witness(tmp_path: Path) -> None:
    async with world(tmp_path, racks=ONE) as w:
        server = only(w)
        await w.started()
        await w.fleet.press_power_buttons()
        await w.until_in_service(1)
        assert "vouched" not in kinds(w, server.serial)
        assert (server.boots, server.installs) == (["network", "disk"], 1)
        assert kinds(w, server.serial).count("booting") == 1, "from its disk; into the live system somebody booted it"


async def test_an_invented_machine_is_given_no_keys_before_somebody_approves_of_it(tmp_path: Path) -> None:
    """Attack T7: a report with hardware that is wanted, and an SSH port that takes any key."""
    async with world(tmp_path, racks=ONE) as w:
        await w.started()
        address = f"{w.demo.stage.network}.77"
        invented = RackedServer("EVIL01", CONTROLLER, only(w).placed.switches, "swp9", 77)
        said = report(invented, frozenset({"sda", "sdb"}), f"{w.demo.stage.network}.177", installed=False)
        liar = Agent(w.demo.url, address)
        await w.until_heard(liar, said)
        row = await w.until_row("EVIL01", lambda row: row["reason"] == "unwitnessed")
        assert row["needs_approval"] == "install_os"
        assert f"to who reports from {address}: it returned no nonce of its boot, and " in row["because"]
        assert await liar.report(said) == 200
        assert not happened(w, "EVIL01", "install_os began")
        plan = await w.cli("plan")
        assert "give the keys of" in plan
