"""What is committed, and what follows: growth, mistakes, rewritten branches, and removal that removes nothing."""

import asyncio
from pathlib import Path
from typing import Any

from reconciler.simulator.demo import Racks
from reconciler.simulator.hardware import CONTROLLER, STORE

from .checks import assert_sound, begun
from .world import THREE, World, as_json, world

CLUSTER = "clusters/swift01.yaml"
EIGHT_STORES: Racks = {"zone-1": (CONTROLLER, *(STORE,) * 3), "zone-2": (STORE,) * 3, "zone-3": (STORE,) * 2}


async def problem(w: World, naming: str = "") -> Any:
    """What is wrong with the specs, once that names a commit."""
    fleet = await w.fleet_view()
    told = fleet and fleet["source"]["problem"]
    return told if told and naming in told else None


async def waiting_for_rings(w: World) -> list[dict[str, Any]]:
    """The machines that wait for an approval to change rings."""
    fleet = await w.fleet_view()
    return [row for row in fleet["machines"] if row["needs_approval"] == "change_rings"] if fleet else []


async def noted(w: World) -> str:
    """What ``reconciler plan`` says of the specs themselves; it is the same in all its forms."""
    note = str(as_json(await w.cli("plan", "--format", "json"))["notes"].get("specs", ""))
    assert not note or note.splitlines()[0] in await w.cli("plan")
    return note


async def test_a_commit_that_grows_the_cluster_installs_the_spares_and_reboots_nobody_else(tmp_path: Path) -> None:
    async with world(tmp_path, racks=EIGHT_STORES) as w:
        await w.started()
        await w.fleet.press_power_buttons()
        fleet = await w.until_in_service(7)
        spares = {row["serial"] for row in fleet["machines"] if row["phase"] == "discovered"}
        assert len(spares) == 2
        before = {serial: list(server.boots) for serial, server in w.servers.items() if serial not in spares}
        started = len(w.events())

        w.edit(CLUSTER, "swiftstore: {count: 6", "swiftstore: {count: 8")
        await w.until_in_force(w.commit("Grow Swift by two stores"))
        await w.until_in_service(8)
        asking = await w.until("their disks wait for an approval to be in the rings", lambda: waiting_for_rings(w))
        assert {row["phase"] for row in asking} == {"in-service"} and len(asking) == 1

        assert {serial: list(w.servers[serial].boots) for serial in before} == before
        others = [event for event in w.events()[started:] if event.serial and event.serial not in spares]
        done = {event.text.split()[0] for event in others} - {"build_rings"}  # which one of them carries
        assert done <= {"roll_out"}  # Puppet tells them of their new peers
        await w.daemons[-1].terminate()
        assert_sound(w)


async def test_a_commit_with_a_mistake_stops_nobody_and_is_told_everywhere(tmp_path: Path) -> None:
    async with world(tmp_path, racks=THREE) as w:
        await w.started()
        good = w.git("rev-parse", "HEAD")
        w.edit(CLUSTER, "swiftstore: {count: 6", "swiftstoer: {count: 8")
        bad = w.commit("Grow Swift, with a mistake")
        told = await w.until("the daemon tells the mistake", lambda: problem(w))
        assert bad[:12] in told
        assert "swift01.yaml:" in told
        assert "swiftstoer" in told
        assert await noted(w) == told

        await w.fleet.press_power_buttons()
        fleet = await w.until_in_service(3)
        assert (fleet["source"]["commit"], fleet["source"]["refused"]) == (good, bad)

        w.edit(CLUSTER, "swiftstoer: {count: 8", "swiftstore: {count: 8")
        await w.until_in_force(w.commit("Mend the mistake"))
        assert await noted(w) == ""
        told_of = [(event.kind, event.text[:90]) for event in w.events() if event.kind.startswith("commit-")]
        assert [kind for kind, _ in told_of] == [
            "commit-in-force", "commit-refused", "commit-in-force"
        ], told_of  # fmt: skip
        await w.daemons[-1].terminate()
        assert_sound(w)


async def test_a_rewritten_branch_waits_until_an_operator_accepts_that_very_commit(tmp_path: Path) -> None:
    async with world(tmp_path, racks=THREE) as w:
        await w.started()
        first = w.git("rev-parse", "HEAD")
        w.edit(CLUSTER, "swiftstore: {count: 6", "swiftstore: {count: 7")
        await w.until_in_force(w.commit("Seven stores"))
        w.git("reset", "--quiet", "--hard", first)
        w.edit(CLUSTER, "swiftstore: {count: 6", "swiftstore: {count: 8")
        rewritten = w.commit("Eight stores, and seven never were")
        told = await w.until("the daemon tells of it", lambda: problem(w, rewritten))  # it may see the reset before
        assert "The branch was rewritten" in told
        assert await noted(w) == told

        await w.cli("accept", first, "--why", "a mistake of the operator's: another commit")
        await w.cli("plan")
        assert await problem(w) == told
        await w.cli("accept", rewritten, "--why", "we squashed it")
        await w.until_in_force(rewritten)
        accepted = [event for event in w.events() if event.kind == "commit-accepted"]
        assert [(event.who is not None, rewritten[:12] in event.text) for event in accepted] == [
            (True, False), (True, True)
        ]  # fmt: skip


async def test_removing_a_cluster_or_everything_releases_and_wipes_nothing(tmp_path: Path) -> None:
    async with world(tmp_path, racks=THREE) as w:
        await w.started()
        await w.fleet.press_power_buttons()
        await w.until_in_service(3)
        held = {row["serial"]: (row["hostname"], row["address"]) for row in (await w.fleet_view())["machines"]}
        boots = {serial: list(server.boots) for serial, server in w.servers.items()}
        before = begun(w)

        w.git("rm", "--quiet", f"cluster-specs/{CLUSTER}", "cluster-specs/overlays/ntp.yaml")
        removed = w.commit("Remove the cluster")
        await w.until_in_force(removed)
        for serial in w.servers:
            row = await w.until_row(serial, lambda row: row["kind"] == "orphaned")
            assert "swift01" in row["because"]
            assert (row["hostname"], row["address"]) == held[serial]
        assert "Orphaned, and left alone" in await w.cli("plan")

        w.git("rm", "--quiet", "-r", "cluster-specs")
        emptied = w.commit("Remove everything")
        told = await w.until("the daemon refuses to follow", lambda: problem(w))
        assert emptied[:12] in told
        assert (await w.fleet_view())["source"]["commit"] == removed

        w.git("revert", "--no-edit", "HEAD", "HEAD~1")
        await w.until_in_force(w.git("rev-parse", "HEAD"))
        fleet = await w.until_in_service(3)
        assert {row["serial"]: (row["hostname"], row["address"]) for row in fleet["machines"]} == held
        assert {serial: list(server.boots) for serial, server in w.servers.items()} == boots
        assert begun(w) == before
        await w.daemons[-1].terminate()
        assert_sound(w)


async def test_many_commits_in_a_row_end_with_the_last_in_force(tmp_path: Path) -> None:
    async with world(tmp_path, racks=THREE) as w:
        await w.started()
        for count in range(7, 15):
            w.edit(CLUSTER, f"swiftstore: {{count: {count - 1}", f"swiftstore: {{count: {count}")
            last = w.commit(f"{count} stores")
            await asyncio.gather(*(w.cli("plan") for _ in range(2)))  # others look at the same repository meanwhile
        await w.until_in_force(last)
