"""What is looked at beside the passes, of a real database."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.app.daemon import Daemon
from reconciler.app.database import reserve_of
from reconciler.app.health import DATABASE, PLANNING, WORDS, Health
from reconciler.app.site import Site
from reconciler.model.errors import TemporaryError

from ..sites import bare_site, watches


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with contextlib.closing(bare_site(tmp_path)) as site:
        site.database.open()
        yield site


def damage(path: Path, table: str) -> bytes:
    """Overwrite the beginning of a table; what stood there."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()
    before = path.read_bytes()
    with path.open("r+b") as file:
        file.seek((root - 1) * 4096)
        file.write(b"\xff" * 200)
    return before


async def test_damage_is_found_and_no_pass_is_made_from_it(site: Site, tmp_path: Path) -> None:
    daemon = Daemon(site)
    watching = watches(site, daemon._health)
    await daemon._begin()
    await daemon._guarded_pass()
    await watching.check()
    assert daemon._health.problems() == ()
    planned = daemon._published.latest
    assert planned is not None

    before = damage(tmp_path / "db", "rendered")
    await watching.check()
    (problem,) = daemon._health.problems()
    assert problem.what == DATABASE
    assert "bring back a backup" in problem.why
    await daemon._guarded_pass()
    assert daemon._published.latest is planned

    site.store.close()
    (tmp_path / "db").write_bytes(before)
    await watching.check()
    assert daemon._health.problems() == ()


async def test_a_pass_that_the_database_fails_is_told_until_one_ends_well(site: Site, tmp_path: Path) -> None:
    daemon = Daemon(site)
    await daemon._begin()
    await daemon._guarded_pass()
    assert daemon._published.unready() == ()
    site.store.close()
    (tmp_path / "db").rename(tmp_path / "away")
    (tmp_path / "db").mkdir()
    await daemon._guarded_pass()
    (problem,) = daemon._health.problems()
    assert problem.what == PLANNING
    assert "see whether the file system is mounted" in problem.why
    assert "planning fails since" in daemon._published.unready()[0]
    assert daemon._published.latest is not None, "what was known is still shown"
    (tmp_path / "db").rmdir()
    (tmp_path / "away").rename(tmp_path / "db")
    await daemon._guarded_pass()
    assert daemon._published.unready() == ()


async def test_a_full_disk_is_told(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    health = Health(site.now)
    reserve = reserve_of(site.config)
    assert reserve is not None
    await watches(site, health)._disk(reserve)
    assert health.problems() == ()
    assert reserve.path.exists()
    monkeypatch.setattr("reconciler.app.reserve.FULL", 2**62)
    await watches(site, health)._disk(reserve)
    assert "make room there" in health.problems()[0].text


async def test_words_that_were_lost_are_told_of_until_words_can_be_written_though_nobody_says_any(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    health = Health(site.now)
    watching = watches(site, health)
    health.fails(WORDS, "the database cannot be written: its server is away")

    def away(*_: object) -> None:
        raise TemporaryError("the database cannot be written: its server is away")

    with monkeypatch.context() as stopped:
        stopped.setattr(site.store, "save_state", away)
        with pytest.raises(TemporaryError):
            await watching.check()
    assert health.is_failing(WORDS)
    await watching.check()
    assert health.problems() == ()
