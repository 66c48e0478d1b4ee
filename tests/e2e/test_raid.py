"""A controller with no volume yet gets the one its profile asks for; one that has another asks first."""

from pathlib import Path

from reconciler.simulator.hardware import BARE

from .checks import assert_sound
from .world import World, world


def steps(w: World, serial: str) -> list[str]:
    return [event.text for event in w.events(serial) if event.kind == "succeeded"]


async def test_a_volume_is_made_and_installed_on(tmp_path: Path) -> None:
    async with world(tmp_path, racks={"zone-1": (BARE,)}) as w:
        [(serial, server)] = w.servers.items()
        await w.started()
        await w.fleet.press_power_buttons()
        await w.until_in_service(1)
        assert server.controller is not None
        assert server.controller.kept["volumes"] == {"0": {"level": 1, "slots": [0, 1]}}
        done = [text for text in steps(w, serial) if text.startswith(("configure_raid", "install_os"))]
        assert done == ["configure_raid succeeded", "install_os succeeded"]
        await w.daemons[-1].terminate()
        assert_sound(w)


async def test_volumes_that_somebody_else_made_are_shown_and_wait(tmp_path: Path) -> None:
    async with world(tmp_path, racks={"zone-1": (BARE,)}) as w:
        [(serial, server)] = w.servers.items()
        assert server.controller is not None
        server.controller.begin([(0, [0]), (0, [1])])
        await w.started()
        await w.fleet.press_power_buttons()
        row = await w.until_row(serial, lambda row: "approval to erase" in row["because"])
        assert "controller 0 (volume 0, RAID 0 of 0:32:0)" in row["because"]
        assert len(server.controller.kept["volumes"]) == 2
        await w.cli("approve", serial, "--why", "an old cluster's, CHG-7")
        await w.until_in_service(1)
        assert server.controller.kept["volumes"] == {"0": {"level": 1, "slots": [0, 1]}}
