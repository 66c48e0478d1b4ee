"""A disk holds something that we did not put there, and the stock agent says nothing of it."""

from pathlib import Path

from .checks import assert_sound
from .world import ONE, world


async def test_foreign_data_is_shown_and_erased_only_once_somebody_allowed_just_that(tmp_path: Path) -> None:
    async with world(tmp_path, racks=ONE) as w:
        [(serial, server)] = w.servers.items()
        written = server.root / "written"
        written.mkdir()
        (written / "sda").write_text("LVM2_member\n")
        await w.started()
        await w.fleet.press_power_buttons()

        row = await w.until_row(serial, lambda row: "approval to erase" in row["because"])
        assert "sda (LVM2_member): we did not put it there" in row["because"]
        page = await w.cli("machines", serial)
        assert "holds LVM2_member" in page and f"reconciler approve {serial}" in page
        assert server.installs == 0

        (written / "sda").write_text("xfs\n")  # another disk, or another mind, since the word was asked for
        await w.cli("approve", serial, "--why", "the old volume group may go")
        await w.until_row(serial, lambda row: "sda (xfs)" in row["because"])
        assert server.installs == 0
        await w.cli("approve", serial, "--why", "and so may this")
        await w.until_in_service(1)
        await w.daemons[-1].terminate()
        assert any(event.kind == "erasing" for event in w.events(serial))
        assert_sound(w)
