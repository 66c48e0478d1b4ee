"""Disks that are full, read-only, gone or damaged: what the store says then, and that it goes on once that is over."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.app.config import load_config
from reconciler.app.database import open_store, reserve_of
from reconciler.app.reserve import BYTES
from reconciler.model.errors import PermanentError, TemporaryError
from reconciler.model.machine import Pause
from reconciler.store import Store

from ..limits import files_allowed
from ..small_disk import damage, fill, small_disk
from .samples import NOW, SECOND, enroll


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", 24) as folder:
        yield folder


def pause(store: Store, scope: str = "fleet") -> None:
    store.pause(Pause(scope, "ann", "w" * 1000, NOW))


def until_it_fails(write: Callable[[], None]) -> Exception:
    """A full disk may still have room inside a file; what it says once that is used up."""
    try:
        for _ in range(10_000):
            write()
    except (TemporaryError, PermanentError) as error:
        return error
    raise AssertionError("it never failed")


def test_a_full_disk_is_said_and_does_no_harm(disk: Path) -> None:
    with Store.open(f"sqlite:///{disk}/db") as store:
        pause(store)
        filler = fill(disk)
        said = until_it_fails(lambda: store.save_state("source", "s" * 100_000))
        assert isinstance(said, TemporaryError)
        assert "make room on it" in str(said)
        assert store.snapshot().pauses, "reading goes on"
        filler.unlink()
        store.save_state("source", "there is room")
        assert store.state("source") == "there is room"


def test_a_decision_is_written_on_a_full_disk_with_the_room_that_was_kept_for_it(disk: Path) -> None:
    config = load_config(None, {"database": f"sqlite:///{disk}/db", "state": str(disk / "state")}, {})
    reserve = reserve_of(config)
    assert reserve is not None
    with open_store(config) as store:
        reserve.keep()
        assert reserve.problem() is None
        taken = reserve.path.stat().st_blocks * 512
        assert taken >= BYTES
        filler = fill(disk)
        assert "make room" in (reserve.problem() or "")
        until_it_fails(lambda: store.save_state("source", "s" * 100_000))
        assert reserve.path.exists(), "it is not for what the daemon writes"
        for number in range(50):
            pause(store, f"cluster:cl{number}")
        assert not reserve.path.exists()
        assert len(store.snapshot().pauses) == 50
        reserve.keep()
        assert not reserve.path.exists(), "there is no room for it yet"
        assert "too little to keep any for decisions" in (reserve.problem() or "")
        filler.unlink()
        reserve.keep()
        assert reserve.path.stat().st_blocks * 512 == taken
        assert reserve.problem() is None


def test_a_site_is_opened_on_a_full_disk_with_the_room_that_was_kept(disk: Path) -> None:
    config = load_config(None, {"database": f"sqlite:///{disk}/db", "state": str(disk / "state")}, {})
    with open_store(config) as store:
        pause(store)
    reserve = reserve_of(config)
    assert reserve is not None
    reserve.keep()
    fill(disk)
    with open_store(config) as store:
        pause(store, "cluster:cl1")
        assert len(store.snapshot().pauses) == 2


def test_a_database_on_a_full_disk_is_opened_or_says_what_to_do(disk: Path) -> None:
    with Store.open(f"sqlite:///{disk}/db") as store:
        pause(store)
    filler = fill(disk)
    try:
        with Store.open(f"sqlite:///{disk}/db") as store:
            assert store.snapshot().pauses
    except TemporaryError as error:
        assert "make room on it" in str(error)
    filler.unlink()
    with Store.open(f"sqlite:///{disk}/db") as store:
        assert store.snapshot().pauses


def test_a_file_system_that_became_read_only_is_said(disk: Path) -> None:
    with Store.open(f"sqlite:///{disk}/db") as store:
        pause(store)
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    with (
        pytest.raises((TemporaryError, PermanentError), match=r"(?i)read-only"),
        Store.open(f"sqlite:///{disk}/db") as store,
    ):
        pause(store, "cluster:cl1")
    subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
    with Store.open(f"sqlite:///{disk}/db") as store:
        pause(store, "cluster:cl1")


def test_a_folder_that_is_away_is_said(tmp_path: Path) -> None:
    folder = tmp_path / "there"
    folder.mkdir()
    with Store.open(f"sqlite:///{folder}/db") as store:
        pause(store)
        store.close()
        folder.rename(tmp_path / "elsewhere")
        with pytest.raises(TemporaryError, match="see whether the file system is mounted"):
            store.snapshot()
        (tmp_path / "elsewhere").rename(folder)
        assert store.snapshot().pauses


def test_a_file_that_is_moved_while_it_is_open_is_said_until_it_is_back(tmp_path: Path) -> None:
    path = tmp_path / "db"
    with Store.open(f"sqlite:///{path}") as store:
        pause(store)
        assert store.damage() is None
        path.rename(tmp_path / "aside")
        assert f"{path} is gone" in (store.damage() or "")
        (tmp_path / "aside").rename(path)
        assert store.damage() is None
        pause(store, "cluster:cl1")
        assert len(store.snapshot().pauses) == 2


def test_another_file_in_its_place_is_said(tmp_path: Path) -> None:
    path = tmp_path / "db"
    with Store.open(f"sqlite:///{path}") as store:
        pause(store)
        assert store.damage() is None
        shutil.copy(path, tmp_path / "backup")
        (tmp_path / "backup").rename(path)
        assert "another file than the one that was opened: stop the daemon" in (store.damage() or "")
    with Store.open(f"sqlite:///{path}") as store:
        assert store.damage() is None


def test_files_that_ran_out_are_said(tmp_path: Path) -> None:
    with Store.open(f"sqlite:///{tmp_path}/db") as store:
        pause(store)
        store.close()
        with files_allowed(0), pytest.raises(TemporaryError, match="may open more files"):
            store.snapshot()
        assert store.snapshot().pauses


def test_a_damaged_database_is_said_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "db"
    with Store.open(f"sqlite:///{path}") as store:
        for number in range(200):
            store.allocate(enroll(f"M{number}", number), NOW + number * SECOND)
        assert store.damage() is None
    damage(path, "allocation")
    with Store.open(f"sqlite:///{path}") as store:
        said = store.damage()
        assert said is not None
        assert "bring back a backup" in said
    path.write_bytes(b"no database at all" * 1000)
    with pytest.raises(PermanentError, match=r"no database of ours.*backup"):
        Store.open(f"sqlite:///{path}")


def test_a_query_that_meets_damage_says_so(tmp_path: Path) -> None:
    path = tmp_path / "db"
    with Store.open(f"sqlite:///{path}") as store:
        for number in range(200):
            store.allocate(enroll(f"M{number}", number), NOW + number * SECOND)
    damage(path, "allocation")
    with Store.open(f"sqlite:///{path}") as store, pytest.raises(PermanentError, match="the database is damaged"):
        store.snapshot()


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_a_database_that_may_only_be_read_is_said_on_postgresql(url: str) -> None:
    with Store.open(url) as store:
        assert store.damage() is None
        pause(store)
    with Store.open(f"{url}&options=-cdefault_transaction_read_only%3Don") as store:
        with pytest.raises(TemporaryError, match="the database cannot be written: cannot execute"):
            pause(store, "cluster:cl1")
        assert store.acting(NOW + timedelta(days=1)) is None
