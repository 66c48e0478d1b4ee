"""A database that is older than the machines: the daemon only looks until an operator has said what holds."""

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from .world import ONE, SLOW_INSTALL, THREE, World, only, world


def back_up(w: World, to: Path) -> None:
    with closing(sqlite3.connect(w.demo.folder / "reconciler.db")) as source, closing(sqlite3.connect(to)) as copy:
        source.backup(copy)


def lose_database(w: World) -> None:
    for file in w.demo.folder.glob("reconciler.db*"):
        file.unlink()


def bring_back(w: World, backup: Path) -> None:
    lose_database(w)
    shutil.copy(backup, w.demo.folder / "reconciler.db")


def touched(w: World) -> dict[str, tuple[list[str], int]]:
    """What was done to each server so far."""
    return {serial: (list(server.boots), server.installs) for serial, server in w.servers.items()}


async def until_it_looks(w: World) -> str:
    """Have the daemon make a few plans, none of which begins anything; why."""
    seen: set[str] = set()

    async def looked() -> str | None:
        fleet = await w.fleet_view()
        if not fleet or not fleet["machines"] or fleet["generated_at"] in seen:
            return None
        assert not {row["kind"] for row in fleet["machines"]} & {"act", "advance"}
        seen.add(fleet["generated_at"])
        return fleet["observing"]

    for number in range(3):
        why = await w.until("the daemon only looks", looked)
        w.commit(f"Wake the daemon: {number}", "--allow-empty")
    return str(why)


async def on_their_way(w: World) -> bool:
    """Whether all have their places, and none serves yet."""
    fleet = await w.fleet_view()
    rows = fleet["machines"] if fleet else []
    return len(rows) == len(w.servers) and {row["phase"] for row in rows} <= {"enrolled", "installed"}


async def test_an_older_database_touches_nothing_and_machines_are_adopted(tmp_path: Path) -> None:
    async with world(tmp_path, racks=THREE, pace=SLOW_INSTALL) as w:
        await w.started()
        await w.fleet.press_power_buttons()
        await w.until("all are on their way", lambda: on_their_way(w))
        back_up(w, tmp_path / "backup.db")
        await w.until_in_service(3)
        await w.daemons[-1].terminate()
        bring_back(w, tmp_path / "backup.db")
        before = touched(w)
        await w.started()
        why = await until_it_looks(w)
        assert "the database is older than what was done since" in why
        assert "reconciler adopt" in why
        assert (await w.unready()).strip() == why
        assert why in " ".join((await w.cli("plan")).split())

        serial = min(w.servers)
        told = await w.cli("adopt", "--dry-run")
        assert told.count("in service") == 3
        assert (await w.row(serial))["phase"] != "in-service", "nothing was recorded"
        await w.cli("adopt", "--why", "last night's backup")
        await w.until_in_service(3)
        assert touched(w) == before
        assert await w.unready() == ""

        await w.fleet.cut_power(serial)  # and it acts again
        await w.until("it is turned on", lambda: len(w.servers[serial].boots) > len(before[serial][0]))
        await w.until_in_service(3)
        assert [server.installs for server in w.servers.values()] == [1, 1, 1]


async def test_the_drill_yesterdays_database_under_todays_fleet(tmp_path: Path) -> None:
    """On another host: nothing is left but the backup and the secret key."""
    yesterday = tmp_path / "yesterday.db"
    async with world(tmp_path, racks=THREE, pace=SLOW_INSTALL) as w:
        await w.started()
        await w.fleet.press_power_buttons()
        await w.until("all are on their way", lambda: on_their_way(w))
        assert "its secrets are lost: keep that elsewhere" in (await w.run("backup", str(yesterday)))[2]
        await w.until_in_service(3)
        status, _, told = await w.run("restore", "--replace", str(yesterday))
        assert (status, "acts on this database: stop it first" in told) == (1, True), told
        await w.daemons[-1].terminate()
        status, _, told = await w.run("restore", str(yesterday))
        assert (status, "the database is not empty" in told) == (1, True), told
        before = touched(w)

        await w.cli("restore", "--replace", str(yesterday))
        (w.demo.folder / "state/fleet.json").unlink()
        await w.started()
        assert "it was restored (from yesterday.db of" in await until_it_looks(w)
        serial, *others = sorted(w.servers)
        await w.cli("adopt", serial, "--why", "one to begin with")
        assert "it was restored (from yesterday.db of" in await until_it_looks(w), "two are to follow"
        await w.cli("adopt", "--why", "last night's backup")
        await w.until_in_service(3)
        assert touched(w) == before
        assert await w.unready() == ""
        assert len(list(w.demo.folder.glob("reconciler.db.before-*"))) >= 1
        with closing(w.site()) as site:
            histories = site.store.snapshot().histories
            assert all(histories[each].install.system_on for each in (serial, *others)), (
                "their records say on which disks"
            )


async def test_a_snapshot_of_database_and_state_folder_is_known_by_the_machines(tmp_path: Path) -> None:
    """As when the virtual machine of the daemon is put back: its folder remembers no more than its database."""
    async with world(tmp_path, racks=ONE) as w:
        await w.started()
        await w.cli("pause", "--why", "until the snapshot is made")
        await w.fleet.press_power_buttons()
        server = only(w)
        await w.until_row(server.serial, lambda row: "pause" in row["because"])
        remembered = w.demo.folder / "state/fleet.json"
        back_up(w, tmp_path / "snapshot.db")
        shutil.copy(remembered, tmp_path / "fleet.json")
        await w.cli("resume")
        await w.until_in_service(1)
        await w.daemons[-1].terminate()
        bring_back(w, tmp_path / "snapshot.db")
        shutil.copy(tmp_path / "fleet.json", remembered)
        before = touched(w)
        await w.started()
        await w.cli("resume")

        async def observing() -> str | None:
            fleet = await w.fleet_view()
            return fleet["observing"] if fleet else None

        why = str(await w.until("a machine says that it is newer", observing))
        assert f"{server.serial} was installed as" in why
        assert await until_it_looks(w) == why
        await w.cli("adopt", "--why", "the snapshot was put back")
        await w.until_in_service(1)
        assert touched(w) == before


async def test_a_lost_database_touches_nothing_until_it_is_said_to_be_right(tmp_path: Path) -> None:
    async with world(tmp_path, racks=ONE) as w:
        await w.started()
        await w.fleet.press_power_buttons()
        (node,) = (await w.until_in_service(1))["machines"]
        await w.until_kept(node["hostname"], node["document"])
        said = (await w.classes(node["hostname"])).content
        await w.daemons[-1].terminate()
        lose_database(w)
        before = touched(w)
        server = only(w)
        await w.started()
        await w.until_heard(server.agent, server.report())
        assert "the database is not the one that" in await until_it_looks(w)
        answer = await w.classes(node["hostname"])
        assert (answer.status_code, answer.content) == (200, said), "Puppet gets what it got, from the copy on disk"
        status, _, told = await w.run("adopt", "--why", "it was lost")
        assert (status, "no machine lets us in" in told) == (1, True), told
        status, _, told = await w.run("adopt", "--as-new", "--why", "it was lost")
        assert (status, "say --yes" in told) == (1, True), told
        await w.cli("adopt", "--as-new", "--yes", "--why", "it was lost")
        await w.until_ready()
        row = await w.until_row(server.serial, lambda row: "an installed system runs on it" in row["because"])
        assert row["phase"] == "discovered"
        assert touched(w) == before


async def test_a_reinstall_that_was_done_is_not_done_again(tmp_path: Path) -> None:
    async with world(tmp_path, racks=ONE) as w:
        await w.started()
        await w.fleet.press_power_buttons()
        await w.until_in_service(1)
        server = only(w)
        w.pin(server.serial, reinstall="2026-11-29")
        w.commit("Reinstall it")
        await w.until_row(server.serial, lambda row: "approval to reinstall" in row["because"])
        await w.cli("pause", "--why", "until tonight's window")
        await w.cli("approve", server.serial, "--why", "CHG-1")
        back_up(w, tmp_path / "backup.db")
        await w.cli("resume")
        await w.until("it is reinstalled", lambda: server.installs == 2)
        await w.until_in_service(1)
        await w.daemons[-1].terminate()
        bring_back(w, tmp_path / "backup.db")
        before = touched(w)
        await w.started()
        await w.cli("resume")
        await until_it_looks(w)
        await w.cli("adopt", "--why", "last night's backup")
        await w.until_in_service(1)
        with closing(w.site()) as site:
            assert site.store.snapshot().approvals == ()
        assert touched(w) == before


async def test_an_export_is_older_too(tmp_path: Path) -> None:
    async with world(tmp_path, racks=ONE, pace=SLOW_INSTALL) as w:
        await w.started()
        await w.fleet.press_power_buttons()
        await w.until("all are on their way", lambda: on_their_way(w))
        (tmp_path / "fleet.yaml").write_text(await w.cli("export"))
        await w.until_in_service(1)
        await w.daemons[-1].terminate()
        lose_database(w)
        before = touched(w)
        await w.cli("restore", str(tmp_path / "fleet.yaml"))
        await w.started()
        assert "the database is older than what was done since" in await until_it_looks(w)
        await w.daemons[-1].terminate()
        (w.demo.folder / "state/fleet.json").unlink()  # as on another host
        await w.started()
        assert "it was restored (from fleet.yaml" in await until_it_looks(w)
        assert touched(w) == before


HEADER = 32
"""Bytes before the first page of SQLite's log; the salts in it change when the log is begun anew."""


@contextmanager
def log_that_grows(w: World) -> Iterator[tuple[Path, Callable[[], int]]]:
    """SQLite's log, and where in it begins what was written since: it stays there as long as somebody reads."""
    database = w.demo.folder / "reconciler.db"
    log = database.with_name("reconciler.db-wal")
    with closing(sqlite3.connect(database, isolation_level=None)) as reader:
        _, pages, _ = reader.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        (page_size,) = reader.execute("PRAGMA page_size").fetchone()
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM journal").fetchone()
        salts = salts_of(log)
        yield log, lambda: HEADER + (pages * (24 + page_size) if salts_of(log) == salts else 0)


def salts_of(log: Path) -> bytes:
    return log.read_bytes()[16:24]


async def test_a_log_that_lost_its_end_is_seen(tmp_path: Path) -> None:
    async with world(tmp_path, racks=ONE) as w:
        daemon = await w.started()
        with log_that_grows(w) as (log, end):
            await w.fleet.press_power_buttons()
            await w.until_in_service(1)
            await daemon.kill()
            kept = {file: file.read_bytes() for file in (log.with_name("reconciler.db"), log)}
            begins = end()
        assert len(kept[log]) > begins
        lose_database(w)
        for file, content in kept.items():
            file.write_bytes(content)
        with log.open("r+b") as file:  # SQLite drops what follows a page that it cannot believe
            file.seek(begins)
            file.write(os.urandom(4096))
        before = touched(w)
        await w.started()
        server = only(w)
        await w.until_heard(server.agent, server.report())
        assert "or its end was lost" in await until_it_looks(w)
        assert touched(w) == before
