"""One acts, the other waits: whatever happens to the first, nothing is done twice."""

import asyncio
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

from ..waiting import state_of
from .checks import assert_sound
from .world import PATIENT, SLOW_INSTALL, THREE, WAITS, Daemon, World, elsewhere, world


async def test_a_second_daemon_waits_and_takes_over_when_the_first_is_killed(tmp_path: Path) -> None:
    async with world(tmp_path, racks=THREE, pace=SLOW_INSTALL, config=PATIENT) as w:
        first = await w.started()
        second = await w.start()
        await w.until("the second waits", lambda: WAITS in second.log.read_text())
        await w.fleet.press_power_buttons()
        await w.until_row(min(w.servers), lambda row: row["action"] == "install_os" and row["progress"])
        await first.kill()
        await w.until_in_service(3)
        assert await second.terminate() == 0
        assert_sound(w)


async def test_a_daemon_that_waits_can_be_told_to_stop(tmp_path: Path) -> None:
    async with world(tmp_path, racks=THREE, config=PATIENT) as w:
        first = await w.started()
        second = await w.start()
        await w.until("the second waits", lambda: WAITS in second.log.read_text())
        assert await second.terminate() == 0
        assert first.runs
        assert await w.fleet_view()


async def test_a_daemon_that_slept_through_its_lease_does_nothing_more(tmp_path: Path) -> None:
    async with world(tmp_path, racks=THREE, pace=SLOW_INSTALL, config=PATIENT) as w:
        first = await w.started()
        await w.fleet.press_power_buttons()
        await w.until_row(min(w.servers), lambda row: row["action"] == "install_os" and row["progress"])
        await _freeze(w, first)

        there, config = elsewhere(w)
        second = await w.start(config)
        await there.until_ready()
        first.signal(signal.SIGCONT)
        await w.until("the first has ended", lambda: not first.runs)
        assert first.process.returncode == 1
        assert "another daemon has taken over this database" in first.log.read_text()

        assert await second.terminate() == 0  # the servers know the first one's port only
        await w.started()
        await w.until_in_service(3)
        await w.daemons[-1].terminate()
        assert_sound(w)


async def _freeze(w: World, daemon: Daemon) -> None:
    """Stop a daemon between two writes: one that stands still in the middle of one keeps the database from all."""

    async def stands_still() -> bool:
        daemon.signal(signal.SIGSTOP)
        await w.until("it stands still", lambda: state_of(daemon.process.pid) == "T")
        if _is_free(w):
            return True
        daemon.signal(signal.SIGCONT)
        return False

    await w.until("it stands still between two writes", stands_still)


def _is_free(w: World) -> bool:
    with closing(sqlite3.connect(w.demo.folder / "reconciler.db", timeout=0, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
        connection.execute("ROLLBACK")
        return True


async def test_apply_beside_a_daemon_says_that_the_daemon_does_it(tmp_path: Path) -> None:
    async with world(tmp_path, racks=THREE, config=PATIENT) as w:
        await w.started()
        status, _, told = await w.run("apply")
        assert status == 1
        assert "acts on this database already" in told


async def test_a_database_that_is_busy_for_a_while_loses_nothing(tmp_path: Path) -> None:
    async with world(tmp_path, racks=THREE, config=PATIENT) as w:
        await w.started()
        await w.fleet.press_power_buttons()
        await w.until_row(min(w.servers), lambda row: row["phase"] == "enrolled")
        await _hold_the_database(w)
        await w.until_in_service(3)
        assert await w.daemons[-1].terminate() == 0
        assert_sound(w)


async def _hold_the_database(w: World, seconds: float = 4.0) -> None:
    """As a backup does that somebody wrote in a hurry."""
    with closing(sqlite3.connect(w.demo.folder / "reconciler.db", isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        await asyncio.sleep(seconds)
        connection.execute("ROLLBACK")
