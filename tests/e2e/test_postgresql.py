"""Daemons on a real PostgreSQL server: one acts, another stands by, whatever becomes of daemons and server."""

import asyncio
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconciler.app.config import Config
from reconciler.app.lease import ASK_SECONDS
from reconciler.hardware.changes import ChangeKind
from reconciler.simulator import ssh
from reconciler.simulator.agent import Agent

from ..postgres import PostgresServer, postgres_server
from ..waiting import state_of
from .checks import assert_sound
from .world import ONE, SLOW_INSTALL, THREE, WAITS, Daemon, World, elsewhere, only, world

TAKEN_OVER_WITHIN = 10.0


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres_server() as running:
        yield running


def on(server: PostgresServer) -> dict[str, Any]:
    """A configuration with a new database, which is served there."""
    return {
        "database": server.url(server.new_database()),
        "lease": "30s",
    }  # a busy machine keeps a daemon from its beat for seconds


def actor(w: World) -> str | None:
    """The process that has the lease, as the database has it."""
    with closing(w.site()) as site:
        return site.store.acting(site.now())


def acts(w: World, daemon: Daemon) -> bool:
    return (actor(w) or "").endswith(f":{daemon.process.pid}")


async def halted(w: World, daemon: Daemon) -> None:
    """Have a daemon stand still, wherever it is."""
    daemon.signal(signal.SIGSTOP)
    await w.until("it stands still", lambda: state_of(daemon.process.pid) == "T")


@dataclass
class Heard:
    """What servers were told over SSH."""

    commands: list[str] = field(default_factory=list)


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> Heard:
    found, answer = Heard(), ssh.answer

    async def listening(server: Any, command: str) -> tuple[int, str, str]:
        found.commands.append(command)
        return await answer(server, command)

    monkeypatch.setattr(ssh, "answer", listening)
    return found


SAID_BY_MACHINES = {*ChangeKind, "refused-report"}
"""A daemon that waits hears machines too: what one sent while both daemons were halted is taken by who wakes first."""


def effects(w: World, heard: Heard) -> list[str]:
    """All that daemons have had done so far, and have written."""
    boots = [f"{serial} boots {each}" for serial, one in w.servers.items() for each in one.boots]
    bmcs = [f"{serial} is to be {one.wanted()}" for serial, one in w.fleet.bmcs.items()]
    events = [f"{e.serial} {e.kind}: {e.text}" for e in w.events() if e.kind not in SAID_BY_MACHINES]
    return [*boots, *bmcs, *heard.commands, *events]


async def settled(w: World, server: PostgresServer, heard: Heard) -> bool:
    """Whether nothing is on its way any more that daemons sent before they were halted: to servers, or a COMMIT."""
    before = effects(w, heard)
    await asyncio.sleep(1)
    at_work = "state = 'active' AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
    return server.ask(f"SELECT count(*) FROM pg_stat_activity WHERE {at_work}") == 0 and effects(w, heard) == before


def test_a_daemon_that_died_is_taken_over_from_within_ten_seconds() -> None:
    """Its last beat is a lease's length old at most when it counts as dead, and it is asked for every second."""
    assert Config().lease.total_seconds() + 2 * ASK_SECONDS <= TAKEN_OVER_WITHIN


async def test_a_leader_that_stood_still_in_an_action_has_no_effect_once_it_was_taken_over_from(
    tmp_path: Path, server: PostgresServer, heard: Heard
) -> None:
    async with world(tmp_path, racks=THREE, pace=SLOW_INSTALL, config=on(server)) as w:
        first = await w.started()
        there, config = elsewhere(w)
        second = await w.start(config)
        await there.until_unready(WAITS)
        await w.fleet.press_power_buttons()
        await w.until_row(min(w.servers), lambda row: row["action"] == "install_os" and row["progress"])
        assert acts(w, first)
        await halted(w, first)
        await w.until("the second acts", lambda: acts(w, second))
        await halted(w, second)  # so that whatever is done now, the first one does

        await w.until("what it had sent has arrived", lambda: settled(w, server, heard))
        before = effects(w, heard)
        first.signal(signal.SIGCONT)
        await w.until("the first has ended", lambda: not first.runs)
        assert first.process.returncode == 1
        assert "another daemon has taken over this database" in first.log.read_text()
        assert Counter(effects(w, heard)) - Counter(before) == Counter()

        second.signal(signal.SIGCONT)
        await second.terminate()  # the servers know the first one's port only
        await w.started()
        await w.until_in_service(3)
        await w.daemons[-1].terminate()
        assert_sound(w)


async def test_a_daemon_on_another_host_stands_by_and_serves_classes_reports_and_the_dashboard(
    tmp_path: Path, server: PostgresServer
) -> None:
    async with world(tmp_path, racks=ONE, config=on(server)) as w:
        await w.started()
        await w.fleet.press_power_buttons()
        row = (await w.until_in_service(1))["machines"][0]
        there, config = elsewhere(w)
        its_own = {"state": str(tmp_path / "state"), "secret_key_file": str(w.demo.config.key_file)}
        config.write_text(config.read_text() + yaml.safe_dump(its_own))
        await w.start(config)
        await there.until_row(row["serial"], lambda other: other["phase"] == "in-service")
        assert WAITS in await there.unready()
        assert row["hostname"] in (await there.ask("/")).text

        async def gives_the_same() -> bool:
            return (await there.classes(row["hostname"])).content == (await w.classes(row["hostname"])).content

        await w.until("it gives the same classes", gives_the_same)
        machine = Agent(there.demo.url, only(w).agent.address)

        async def is_heard() -> bool:
            return await machine.status("puppet-success", row["serial"]) == 200

        await w.until("it hears a machine", is_heard)
        stranger = only(w).report()
        stranger["machine"][0]["serial"] = "NOBODY"
        assert await machine.report(stranger) == 503, "machines are taken in by the daemon that acts"
        for daemon in w.daemons:
            assert await daemon.terminate() == 0


async def test_a_server_that_is_away_and_comes_back_is_told_and_gone_on_with(tmp_path: Path) -> None:
    with postgres_server() as server:
        async with world(tmp_path, racks=ONE, config=on(server)) as w:
            daemon = await w.started()
            await w.fleet.press_power_buttons()
            row = (await w.until_in_service(1))["machines"][0]
            await w.until_kept(row["hostname"], row["document"])
            classes = (await w.classes(row["hostname"])).content

            server.stop()
            await w.until_unready("the database")
            answer = await w.classes(row["hostname"])
            assert (answer.status_code, answer.content) == (200, classes)
            assert await only(w).agent.report(only(w).report()) == 503
            assert daemon.runs
            server.start()
            await w.until_ready()
            await w.fleet.cut_power(row["serial"])
            await w.until("it is turned on again", lambda: only(w).boots[2:])
            await w.until_in_service(1)
            assert await daemon.terminate() == 0
            assert_sound(w)
