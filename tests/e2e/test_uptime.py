"""The daemon stays up: databases that are away or damaged, disks that are full, strangers that never finish asking."""

import contextlib
import resource
import shutil
import socket
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from .checks import assert_sound
from .test_two_daemons import WAITS, elsewhere
from .world import ONE, THREE, World, world

AS_OF = "x-reconciler-as-of"


async def ask(w: World, path: str, address: str = "127.0.0.1") -> httpx.Response:
    """What the daemon answers; a connection that is refused is a 599."""
    transport = httpx.AsyncHTTPTransport(local_address=address)
    try:
        async with httpx.AsyncClient(transport=transport, base_url=w.demo.url, timeout=20) as client:
            return await client.get(path)
    except httpx.TransportError as error:
        return httpx.Response(599, text=repr(error))


async def classes(w: World, hostname: str) -> httpx.Response:
    """As the Puppet server asks, which is on one of the trusted networks."""
    return await ask(w, f"/v1/enc/{hostname}", f"{w.demo.stage.network}.1")


async def until_ready(w: World) -> None:
    async def ready() -> bool:
        return (await ask(w, "/readyz")).status_code == 200

    await w.until("it is ready", ready)


async def until_unready(w: World, why: str) -> None:
    async def unready() -> bool:
        answer = await ask(w, "/readyz")
        return answer.status_code == 503 and why in answer.text

    await w.until(f"readyz says {why!r}", unready)


async def served(w: World) -> tuple[str, bytes]:
    """A node in service and its classes, once the copy on disk has them too."""
    await w.fleet.press_power_buttons()
    row = (await w.until_in_service(1))["machines"][0]
    hostname = row["hostname"]

    def is_kept() -> bool:
        kept = w.site_kept().get(hostname)
        return kept is not None and kept.digest == row["document"]

    await w.until("the copy has its classes", is_kept)
    return hostname, (await classes(w, hostname)).content


async def test_classes_are_answered_while_the_database_is_away_and_then_it_goes_on(tmp_path: Path) -> None:
    async with world(tmp_path, racks=ONE) as w:
        daemon = await w.started()
        hostname, said = await served(w)
        assert AS_OF not in (await classes(w, hostname)).headers
        await daemon.terminate()

        database, aside = w.demo.folder / "reconciler.db", tmp_path / "aside.db"
        shutil.move(database, aside)
        database.write_bytes(b"somebody's photograph " * 1000)
        daemon = await w.start()
        await until_unready(w, "the database fails since")
        assert (await ask(w, "/healthz")).status_code == 200
        assert "no database of ours" in (await ask(w, "/readyz")).text
        answer = await classes(w, hostname)
        assert (answer.status_code, answer.content) == (200, said)
        assert answer.headers[AS_OF].startswith("20")
        assert (await classes(w, "nobody.example.com")).status_code == 503
        assert (await ask(w, f"/v1/enc/{hostname}", "127.9.9.9")).status_code == 403
        assert daemon.runs

        shutil.move(aside, database)
        await until_ready(w)
        assert AS_OF not in (await classes(w, hostname)).headers
        assert await daemon.terminate() == 0
        assert_sound(w)


async def test_a_damaged_database_is_told_and_nothing_is_begun_from_it(tmp_path: Path) -> None:
    async with world(tmp_path, racks=ONE) as w:
        daemon = await w.started()
        hostname, said = await served(w)
        assert await daemon.terminate() == 0
        database = w.demo.folder / "reconciler.db"
        with contextlib.closing(sqlite3.connect(database)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            (root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'machine'").fetchone()
        with database.open("r+b") as file:
            file.seek((root - 1) * 4096)
            file.write(b"\xff" * 200)
        (server,) = w.servers.values()
        boots = list(server.boots)
        daemon = await w.start()
        await until_unready(w, "the database is damaged")
        assert (await ask(w, "/healthz")).status_code == 200
        assert (await classes(w, hostname)).content == said
        assert await server.agent.report(server.report()) == 503
        assert server.boots == boots
        assert await daemon.terminate() == 0


async def test_a_daemon_that_waits_for_a_database_can_be_told_to_stop(tmp_path: Path) -> None:
    async with world(tmp_path, racks=ONE) as w:
        daemon = await w.started()
        await served(w)
        await daemon.terminate()
        (w.demo.folder / "reconciler.db").write_bytes(b"somebody's photograph " * 1000)
        daemon = await w.start()
        await until_unready(w, "no database of ours")
        assert await daemon.terminate() == 0


async def test_a_daemon_that_stands_by_answers_what_the_acting_one_gives_out(tmp_path: Path) -> None:
    async with world(tmp_path, racks=ONE) as w:
        first = await w.started()
        hostname, said = await served(w)
        there = elsewhere(w)
        second = await w.start(next(w.demo.folder.glob("elsewhere-*.yaml")))
        await w.until("the second waits", lambda: WAITS in second.log.read_text())
        await until_unready(there, "another daemon acts on this database")
        assert (await ask(there, "/healthz")).status_code == 200
        answer = await classes(there, hostname)
        assert (answer.status_code, answer.content) == (200, said)
        assert AS_OF in answer.headers

        kept = w.site_kept().path
        shutil.copy(kept, tmp_path / "old")
        (w.specs / "time-servers.yaml").write_text(
            "apiVersion: reconciler/v1\nkind: EncOverlay\nmetadata: {name: time-servers}\n"
            "spec: {classes: {ntp: {servers: [0.pool.ntp.org]}}}\n"
        )
        w.commit("Another time server")

        async def changed() -> bool:
            return (await classes(w, hostname)).content != said

        await w.until("the acting daemon says something else", changed)
        new = (await classes(w, hostname)).content

        async def follows() -> bool:
            return (await classes(there, hostname)).content == new

        await w.until("the other one says so too", follows)
        shutil.copy(tmp_path / "old", kept)  # as on another host, whose copy is from when it last acted
        stale = await classes(there, hostname)
        assert (stale.status_code, "the copy on disk is out of date" in stale.text) == (503, True)

        assert await first.terminate() == 0
        await until_ready(there)
        assert (await classes(there, hostname)).content == new
        assert await second.terminate() == 0


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64M", "tmpfs", folder], capture_output=True)
    if done.returncode:
        pytest.skip("needs root, and mount (apt: mount)")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def fill(folder: Path) -> Path:
    filler = folder / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)
    return filler


async def test_a_full_disk_ends_nothing_and_a_pause_still_works(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        async with world(disk, racks=ONE) as w:
            daemon = await w.started()
            hostname, said = await served(w)
            await w.until("room is kept", (w.demo.folder / "reconciler.db-reserve").exists)
            filler = fill(disk)
            await until_unready(w, "the disk fails since")
            assert (await ask(w, "/healthz")).status_code == 200
            assert (await classes(w, hostname)).content == said
            assert "make room" in (await ask(w, "/")).text
            assert 'reconciler_failing{what="the disk"} 1.0' in (await ask(w, "/metrics")).text
            await w.cli("pause", "--why", "the disk is full")
            assert daemon.runs

            await daemon.terminate()
            filler.write_bytes(b"")
            fill(disk)
            daemon = await w.start()
            await w.until("it answers again", lambda: answers(w, hostname, said))
            assert daemon.runs
            filler.unlink()
            await until_ready(w)
            await w.cli("resume")
            await w.until_in_service(1)
            assert await daemon.terminate() == 0
            assert_sound(w)


async def answers(w: World, hostname: str, said: bytes) -> bool:
    return (await classes(w, hostname)).content == said


async def test_half_open_connections_of_strangers_end_nothing(tmp_path: Path) -> None:
    async with world(tmp_path, racks=THREE) as w:
        daemon = await w.started()
        resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE, (1024, 1024))
        strangers: list[socket.socket] = []
        try:
            for n in range(1400):
                one = socket.create_connection(
                    ("127.0.0.1", w.demo.port), timeout=20, source_address=(f"127.99.{n // 250}.{n % 250 + 1}", 0)
                )
                strangers.append(one)
                with contextlib.suppress(OSError):
                    one.send(b"POST /v1/report HTTP/1.1\r\nHost: 127.0.0.1\r\n")
            await w.fleet.press_power_buttons()
            await w.until_in_service(3)
            await until_ready(w)
            assert daemon.runs
        finally:
            for one in strangers:
                one.close()
        assert await daemon.terminate() == 0
        assert_sound(w)


def files_of(process: int) -> int:
    return len(list(Path(f"/proc/{process}/fd").iterdir()))


async def test_files_that_ran_out_are_told_and_gone_on_from(tmp_path: Path) -> None:
    async with world(tmp_path, racks=ONE) as w:
        daemon = await w.started()
        await w.fleet.press_power_buttons()
        opened = files_of(daemon.process.pid)
        resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE, (opened // 2, 20_000))
        await w.until("it logs that something does not work", lambda: "does not work" in daemon.log.read_text())
        assert daemon.runs
        resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE, (20_000, 20_000))
        await w.until_in_service(1)
        await until_ready(w)
        assert await daemon.terminate() == 0
