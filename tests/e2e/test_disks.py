"""A disk is pulled out of a machine in service, and put back.

An installed system reports nothing by itself: somebody runs the agent on it.
"""

from pathlib import Path

import pytest

from .checks import assert_sound, begun
from .world import THREE, World, without_rings, world


def store(w: World) -> str:
    return next(serial for serial, server in w.servers.items() if "R740" in server.placed.model.product)


@pytest.mark.parametrize("disk", ["sdf", "sdm"], ids=["data", "system"])
async def test_a_disk_that_was_pulled_is_told_by_name_and_nothing_is_done_about_it(disk: str, tmp_path: Path) -> None:
    async with world(tmp_path, racks=THREE) as w:
        await w.started()
        await w.fleet.press_power_buttons()
        await w.until_in_service(3)
        serial = store(w)
        before = begun(w)
        boots = {s.serial: list(s.boots) for s in w.servers.values()}

        slot = w.servers[serial].root / "disks" / disk
        what = slot.read_text()
        slot.unlink()
        await w.servers[serial].agent.report(w.servers[serial].report())
        row = await w.until_row(serial, lambda row: "an operator: drift: " in row["because"])
        assert row["phase"] == "in-service"
        page = await w.cli("machines", serial)
        assert "an operator: drift: " in page, page
        assert disk in page.partition("What happened")[0]
        assert any(event.kind == "disk-gone" and disk in event.text for event in w.events(serial))
        assert disk in await w.cli("plan")

        slot.write_text(what)
        await w.servers[serial].agent.report(w.servers[serial].report())
        await w.until_in_service(3)
        assert any(event.kind == "disk-new" and disk in event.text for event in w.events(serial))
        assert begun(w) == before
        assert {s.serial: list(s.boots) for s in w.servers.values()} == boots
        await w.daemons[-1].terminate()
        assert_sound(w)


async def test_a_disk_pulled_right_before_the_install_leaves_every_disk_as_it_was(tmp_path: Path) -> None:
    async with world(tmp_path, racks=THREE, specs=without_rings) as w:
        await w.started()
        await w.cli("pause", "--why", "until the disk is out")
        await w.fleet.press_power_buttons()
        serial = store(w)
        await w.until_row(serial, lambda row: "pause" in row["because"])
        (w.servers[serial].root / "disks" / "sdn").unlink()
        await w.cli("resume")
        await w.until_in_service(2)
        row = await w.until_row(serial, lambda row: row["kind"] == "wait" and "pause" not in row["because"])
        assert w.servers[serial].installs == 0, row
        page = await w.cli("machines", serial)
        assert "220GB to 250GB" in page or "system disk" in page or "no profile" in page
