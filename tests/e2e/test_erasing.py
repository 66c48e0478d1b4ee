"""Nothing that serves is erased: the disk itself is asked, whatever the database says."""

from dataclasses import replace
from pathlib import Path

from reconciler.provisioning import commands

from .checks import assert_sound
from .world import ONE, world

MARKER = commands.Marker("A001", "old-1.example.com", 1, "0123456789ab")


async def test_an_installed_system_that_nobody_knows_of_is_named_and_erased_only_once_allowed(tmp_path: Path) -> None:
    async with world(tmp_path, racks=ONE) as w:
        [(serial, server)] = w.servers.items()
        await w.started()
        await w.cli("pause", "--why", "until its disk is in")
        await w.fleet.press_power_buttons()
        await w.until_row(serial, lambda row: "pause" in row["because"])
        server.marker.parent.mkdir(parents=True)
        server.marker.write_text(MARKER.render())
        (server.disk / "CUSTOMER-DATA").write_text("precious")
        await w.cli("resume")

        row = await w.until_row(serial, lambda row: "approval to erase" in row["because"])
        assert "sda (the installed system old-1.example.com of install 0123456789ab)" in row["because"]
        assert row["because"].endswith("its install has ended, and it may serve")
        server.marker.write_text(replace(MARKER, id="ba9876543210").render())  # another disk since it was asked about
        await w.cli("approve", serial, "--why", "it was taken out of service")
        await w.until_row(serial, lambda row: "of install ba9876543210)" in row["because"])
        assert server.installs == 0 and (server.disk / "CUSTOMER-DATA").exists()
        await w.cli("approve", serial, "--why", "and so was this")
        await w.until_in_service(1)
        made = commands.parse_marker(server.marker.read_text())
        assert (made.cluster, made.role, made.finished, made.reinstall) == ("swift01", "controller", True, None)
        await w.daemons[-1].terminate()
        assert_sound(w)


async def test_a_reinstall_erases_the_install_that_was_named_and_is_answered_once(tmp_path: Path) -> None:
    async with world(tmp_path, racks=ONE) as w:
        [(serial, server)] = w.servers.items()
        await w.started()
        await w.fleet.press_power_buttons()
        await w.until_in_service(1)
        first = commands.parse_marker(server.marker.read_text())
        w.pin(serial, reinstall="again")
        w.commit("Reinstall it")
        row = await w.until_row(serial, lambda row: "approval to reinstall" in row["because"])
        assert f"approval to reinstall it (install {first.id})" in row["because"]
        await w.cli("approve", serial, "--why", "CHG-1")
        await w.until("it is reinstalled", lambda: server.installs == 2)
        await w.until_in_service(1)
        second = commands.parse_marker(server.marker.read_text())
        assert (second.reinstall, second.finished, second.id == first.id) == ("again", True, False)
        await w.daemons[-1].terminate()
        assert_sound(w, installed_once=False)


async def test_a_disk_of_the_same_model_swapped_in_after_a_failed_install_is_asked_about(tmp_path: Path) -> None:
    async with world(tmp_path, racks=ONE) as w:
        [(serial, server)] = w.servers.items()
        (server.root / "fail-install").touch()
        await w.started()
        await w.fleet.press_power_buttons()
        await w.until_row(serial, lambda row: "an operator, then retry" in row["because"])
        (server.root / "fail-install").unlink()
        (server.root / "written").mkdir(exist_ok=True)
        (server.root / "written" / "sda").write_text("LVM2_member\n")
        await w.cli("retry", serial, "--why", "the mirror is back, and the disk was replaced")
        row = await w.until_row(serial, lambda row: "approval to erase" in row["because"])
        assert "sda (LVM2_member): we did not put it there" in row["because"]
        assert server.installs == 1
