"""A commit that changes what Puppet is given reaches the nodes in service."""

from pathlib import Path

from .checks import assert_sound
from .world import ONE, THREE, World, without_rings, world


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


async def test_another_release_reaches_no_node_and_lets_none_join_until_the_old_one_is_back(tmp_path: Path) -> None:
    async with world(tmp_path, racks=THREE, specs=without_rings) as w:
        *first, late = w.servers
        await w.started()
        for serial in first:
            await w.fleet.press_power_button(serial)
        await w.until_in_service(2)
        documents = {serial: (await w.row(serial))["document"] for serial in first}

        w.edit("fleet.yaml", "openstack: epoxy", "openstack: flamingo")
        await w.until_in_force(w.commit("Upgrade"))
        await w.fleet.press_power_button(late)
        await w.until_row(late, lambda row: "nodes with OpenStack epoxy, and the specs say flamingo" in row["because"])
        await w.daemons[-1].terminate()
        await w.started()  # it remembers
        await w.until_row(late, lambda row: row["because"].endswith("put epoxy back, then enroll"))
        for serial in first:
            row = await w.until_row(serial, lambda row: row["kind"] == "settled" and not row["behind"])
            assert row["document"] == documents[serial]
        said = await w.cli("plan", "--detailed-exitcode", expect=2)
        assert "OpenStack of swift01: the specs say flamingo" in said

        w.edit("fleet.yaml", "openstack: flamingo", "openstack: epoxy")
        w.commit("Stay with epoxy")
        await w.until_in_service(3)
        assert "OpenStack of swift01" not in await w.cli("plan")
        await w.daemons[-1].terminate()
        assert_sound(w)
