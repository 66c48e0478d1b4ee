"""A commit that changes what Puppet is given reaches the nodes in service."""

from pathlib import Path

from .checks import assert_sound
from .world import ONE, World, world


async def runs_of_puppet(w: World, serial: str) -> int:
    return sum("roll_out succeeded" in event.text for event in w.events(serial))


async def test_a_changed_document_is_rolled_out_and_a_daemon_that_starts_again_runs_nothing(tmp_path: Path) -> None:
    async with world(tmp_path, racks=ONE) as w:
        (server,) = w.servers.values()
        await w.started()
        await w.fleet.press_power_buttons()
        await w.until_in_service(1)
        row = await w.until_row(server.serial, lambda row: row["kind"] == "settled" and not row["behind"])
        before, ran = row["document"], await runs_of_puppet(w, server.serial)

        (w.specs / "time-servers.yaml").write_text(
            "apiVersion: reconciler/v1\nkind: EncOverlay\nmetadata: {name: time-servers}\n"
            "spec: {classes: {ntp: {servers: [0.pool.ntp.org]}}}\n"
        )
        w.commit("Say which time servers there are")
        row = await w.until_row(server.serial, lambda row: row["document"] != before and row["kind"] == "settled")
        assert row["applied"] == row["document"]
        assert await runs_of_puppet(w, server.serial) == ran + 1

        await w.daemons[-1].terminate()
        await w.started()
        await w.until_in_service(1)
        assert await runs_of_puppet(w, server.serial) == ran + 1
        page = await w.cli("machines", server.serial)
        assert f"{row['document'][:12]} since " in page
        await w.daemons[-1].terminate()
        assert_sound(w)
