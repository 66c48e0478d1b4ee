"""The daemon stays up: databases that are away or damaged, disks that are full, strangers that never finish asking."""

import contextlib
import shutil
import socket
from pathlib import Path

from reconciler.app.kept_documents import KeptDocuments

from ..limits import files_allowed
from ..small_disk import damage, fill, small_disk
from ..waiting import LONG
from .checks import assert_sound
from .world import ONE, PATIENT, THREE, WAITS, World, elsewhere, only, world

AS_OF = "x-reconciler-as-of"


async def served(w: World) -> tuple[str, bytes]:
    """A node in service and its classes, once the copy on disk has them too."""
    await w.fleet.press_power_buttons()
    row = (await w.until_in_service(1))["machines"][0]
    hostname = row["hostname"]
    await w.until_kept(hostname, row["document"])
    return hostname, (await w.classes(hostname)).content


async def test_classes_are_answered_while_the_database_is_away_and_then_it_goes_on(tmp_path: Path) -> None:
    async with world(tmp_path, racks=ONE) as w:
        daemon = await w.started()
        hostname, said = await served(w)
        assert AS_OF not in (await w.classes(hostname)).headers
        await daemon.terminate()

        database, aside = w.demo.folder / "reconciler.db", tmp_path / "aside.db"
        shutil.move(database, aside)
        database.write_bytes(b"somebody's photograph " * 1000)
        daemon = await w.start()
        await w.until_unready("the database fails since")
        assert (await w.ask("/healthz")).status_code == 200
        assert "no database of ours" in (await w.ask("/readyz")).text
        answer = await w.classes(hostname)
        assert (answer.status_code, answer.content) == (200, said)
        assert answer.headers[AS_OF].startswith("20")
        assert (await w.classes("nobody.example.com")).status_code == 503
        assert (await w.ask(f"/v1/enc/{hostname}", "127.9.9.9")).status_code == 403
        assert daemon.runs

        shutil.move(aside, database)
        await w.until_ready()
        assert AS_OF not in (await w.classes(hostname)).headers
        assert await daemon.terminate() == 0
        assert_sound(w)


async def test_a_damaged_database_is_told_and_nothing_is_begun_from_it(tmp_path: Path) -> None:
    async with world(tmp_path, racks=ONE) as w:
        daemon = await w.started()
        hostname, said = await served(w)
        assert await daemon.terminate() == 0
        damage(w.demo.folder / "reconciler.db", "machine")
        server = only(w)
        boots = list(server.boots)
        daemon = await w.start()
        await w.until_unready("the database is damaged")
        assert (await w.ask("/healthz")).status_code == 200
        assert (await w.classes(hostname)).content == said
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
        await w.until_unready("no database of ours")
        assert await daemon.terminate() == 0


async def test_a_daemon_that_stands_by_answers_what_the_acting_one_gives_out(tmp_path: Path) -> None:
    async with world(tmp_path, racks=ONE, config=PATIENT) as w:
        first = await w.started()
        hostname, said = await served(w)
        there, config = elsewhere(w)
        second = await w.start(config)
        await w.until("the second waits", lambda: WAITS in second.log.read_text())
        await there.until_unready("another daemon acts on this database")
        assert (await there.ask("/healthz")).status_code == 200
        answer = await there.classes(hostname)
        assert (answer.status_code, answer.content) == (200, said)

        kept = KeptDocuments.of(w.demo.config).path
        shutil.copy(kept, tmp_path / "old")
        (w.specs / "time-servers.yaml").write_text(
            "apiVersion: reconciler/v1\nkind: EncOverlay\nmetadata: {name: time-servers}\n"
            "spec: {classes: {ntp: {servers: [0.pool.ntp.org]}}}\n"
        )
        w.commit("Another time server")

        async def changed() -> bool:
            return (await w.classes(hostname)).content != said

        await w.until("the acting daemon says something else", changed)
        new = (await w.classes(hostname)).content

        async def follows() -> bool:
            return (await there.classes(hostname)).content == new

        await w.until("the other one says so too", follows)
        shutil.copy(tmp_path / "old", kept)  # as on another host, whose copy is from when it last acted
        stale = await there.classes(hostname)  # from the copy, until it has made them itself once more
        is_told = (stale.status_code, "the copy on disk is out of date" in stale.text) == (503, True)
        assert is_told or stale.content == new

        assert await first.terminate() == 0
        await there.until_ready()
        assert (await there.classes(hostname)).content == new
        assert await second.terminate() == 0


async def test_a_full_disk_ends_nothing_and_a_pause_still_works(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 64) as disk:
        async with world(disk, racks=ONE) as w:
            daemon = await w.started()
            hostname, said = await served(w)
            await w.until("room is kept", (w.demo.folder / "reconciler.db-reserve").exists)
            filler = fill(disk)
            await w.until_unready("the disk fails since")
            assert (await w.ask("/healthz")).status_code == 200
            assert (await w.classes(hostname)).content == said
            assert "make room" in (await w.ask("/")).text
            assert 'reconciler_failing{what="the disk"} 1.0' in (await w.ask("/metrics")).text
            await w.cli("pause", "--why", "the disk is full")
            assert daemon.runs

            await daemon.terminate()
            filler.write_bytes(b"")
            fill(disk)
            daemon = await w.start()
            await w.until("it answers again", lambda: answers(w, hostname, said))
            assert daemon.runs
            filler.unlink()
            await w.until_ready()
            await w.cli("resume")
            await w.until_in_service(1)
            assert await daemon.terminate() == 0
            assert_sound(w)


async def answers(w: World, hostname: str, said: bytes) -> bool:
    return (await w.classes(hostname)).content == said


async def test_half_open_connections_of_strangers_end_nothing(tmp_path: Path) -> None:
    async with world(tmp_path, racks=THREE) as w:
        daemon = await w.started()
        with contextlib.ExitStack() as strangers, files_allowed(1024, daemon.process.pid):
            for n in range(1400):
                source = (f"127.99.{n // 250}.{n % 250 + 1}", 0)
                one = strangers.enter_context(socket.create_connection(("127.0.0.1", w.demo.port), LONG, source))
                with contextlib.suppress(OSError):
                    one.send(b"POST /v1/report HTTP/1.1\r\nHost: 127.0.0.1\r\n")
            await w.fleet.press_power_buttons()
            await w.until_in_service(3)
            await w.until_ready()
            assert daemon.runs
        assert await daemon.terminate() == 0
        assert_sound(w)


def files_of(process: int) -> int:
    return len(list(Path(f"/proc/{process}/fd").iterdir()))


async def test_files_that_ran_out_are_told_by_name_and_gone_on_from(tmp_path: Path) -> None:
    async with world(tmp_path, racks=ONE) as w, w.keeping() as client:
        daemon = await w.started()
        hostname, said = await served(w)
        assert (await client.get("/readyz")).status_code == 200  # the connection is there before files run out

        async def unready() -> str:
            answer = await client.get("/readyz")
            return "" if answer.status_code == 200 else answer.text

        async def names_the_cause() -> bool:
            return "may open no more files" in await unready()

        with files_allowed(files_of(daemon.process.pid) // 2, daemon.process.pid):
            await w.until("readyz names the cause", names_the_cause)
            assert "adopt" not in await unready(), "that would end a doubt which there is not"
            answer = await client.get(f"/v1/enc/{hostname}")
            assert (answer.status_code, answer.content) == (200, said)
            assert daemon.runs
        await w.until_ready()
        await w.until_in_service(1)
        assert await daemon.terminate() == 0
        assert_sound(w)
