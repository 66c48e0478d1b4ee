"""What the state folder remembers of a database, and what that is good for."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.app.epochs import Epochs, remembering
from reconciler.model.actions import BootLive
from reconciler.model.epoch import Epoch
from reconciler.model.errors import NotBegunError, TemporaryError
from reconciler.model.events import Started
from reconciler.store import Store

from ..limits import files_allowed
from ..store.samples import NOW

BOOT = BootLive(serial="A", generation=1)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(f"sqlite:///{tmp_path}/reconciler.db") as opened:
        yield opened


@pytest.fixture
def epochs(store: Store, tmp_path: Path) -> Epochs:
    return Epochs(tmp_path / "state", lambda: store)


def test_a_start_is_remembered_in_a_file_of_its_owners_alone(epochs: Epochs, store: Store) -> None:
    assert epochs.disagreement() is None
    epochs.begin()
    assert epochs.remembered() == store.standing().epoch == Epoch(store.standing().epoch.fleet, 1)
    assert epochs.file.stat().st_mode & 0o777 == 0o600


def test_an_action_has_no_effect_before_the_folder_remembers_it(epochs: Epochs, store: Store) -> None:
    found, told = [], list[NotBegunError]()

    async def boot(_: BootLive) -> None:
        found.append(epochs.remembered())

    store.append(Started("A", NOW, BOOT))
    asyncio.run(remembering({BootLive: boot}, epochs, told.append)[BootLive](BOOT))
    assert found == [Epoch(store.standing().epoch.fleet, 1)]


def test_an_older_database_is_known_by_its_count(epochs: Epochs, store: Store, tmp_path: Path) -> None:
    epochs.begin()
    with Store.open(f"sqlite:///{tmp_path}/backup.db") as backup:
        backup.settle(store.standing().epoch, who="test", why="a copy", at=NOW)
        store.append(Started("A", NOW, BOOT))
        epochs.follow()
        restored = Epochs(tmp_path / "state", lambda: backup)
        assert "has counted to 2, and the database to 1" in (restored.disagreement() or "")
        with pytest.raises(TemporaryError, match="nothing is begun"):
            restored.follow()
        assert epochs.remembered() == Epoch(store.standing().epoch.fleet, 2), "nothing is forgotten by a look"


def test_a_new_database_is_known_by_its_fleet(epochs: Epochs, tmp_path: Path) -> None:
    epochs.begin()
    with Store.open(f"sqlite:///{tmp_path}/new.db") as new:
        assert "the database is not the one that" in (Epochs(tmp_path / "state", lambda: new).disagreement() or "")


def test_no_database_beside_a_folder_that_remembers_one(epochs: Epochs, tmp_path: Path) -> None:
    nothing = Epochs(tmp_path / "state", lambda: None)
    assert nothing.disagreement() is None
    epochs.begin()
    assert "there is no database" in (nothing.disagreement() or "")


@pytest.mark.parametrize("content", ["", "{", "[]", '{"fleet": "x"}', '{"fleet": "x", "counter": null}', "\xff"])
def test_what_cannot_be_read_is_not_taken_for_nothing(epochs: Epochs, content: str) -> None:
    epochs.begin()
    epochs.file.write_bytes(content.encode("latin-1"))
    assert "cannot be read" in (epochs.disagreement() or "")


def test_files_that_ran_out_say_nothing_of_the_databases_age(epochs: Epochs) -> None:
    epochs.begin()
    with files_allowed(0), pytest.raises(TemporaryError, match=r"cannot be read .*may open no more files") as said:
        epochs.disagreement()
    assert "old" not in str(said.value), "who reads of an old database adopts"
    with files_allowed(0), pytest.raises(NotBegunError, match=r"nothing is begun: .*may open no more files"):
        epochs.follow()
    assert epochs.disagreement() is None


def test_a_folder_that_cannot_be_written_begins_nothing(epochs: Epochs, store: Store, tmp_path: Path) -> None:
    told: list[NotBegunError] = []

    async def boot(_: BootLive) -> None:
        raise AssertionError("it had an effect")

    (tmp_path / "state").write_text("a file in the folder's place")
    store.append(Started("A", NOW, BOOT))
    with pytest.raises(NotBegunError, match=r"nothing is begun: .*(cannot be written|cannot be read)"):
        asyncio.run(remembering({BootLive: boot}, epochs, told.append)[BootLive](BOOT))
    assert len(told) == 1


def test_a_database_that_nobody_on_this_host_knows_is_not_begun(epochs: Epochs, store: Store, tmp_path: Path) -> None:
    epochs.begin()
    elsewhere = Epochs(tmp_path / "another host's state", lambda: store)
    elsewhere.begin()
    assert "nobody knows how old the database is: it has counted to 1" in (elsewhere.disagreement() or "")
    assert elsewhere.remembered() is None
    with pytest.raises(NotBegunError, match="nobody knows how old"):
        elsewhere.follow()
    assert "nobody knows how old" in (epochs.disagreement() or ""), "hosts that remember heed what another one doubts"


def test_that_nobody_remembers_a_database_is_no_doubt_for_who_remembers_it_as_it_is(
    epochs: Epochs, store: Store, tmp_path: Path
) -> None:
    epochs.begin()
    Epochs(tmp_path / "another host's state", lambda: store).begin()
    again = Epochs(epochs.file.parent, lambda: store)
    again.begin()
    assert (again.disagreement(), store.standing().epoch.counter) == (None, 2)
    Epochs(tmp_path / "another host's state", lambda: store).begin()
    store.append(Started("A", NOW, BOOT))  # by whomever: this folder does not know of it
    again = Epochs(epochs.file.parent, lambda: store)
    again.begin()
    assert "nobody knows how old" in (again.disagreement() or "")


def test_who_remembers_a_database_ends_no_other_doubt(epochs: Epochs, store: Store) -> None:
    epochs.begin()
    store.doubt("a machine says that it is newer")
    again = Epochs(epochs.file.parent, lambda: store)
    again.begin()
    assert again.disagreement() == "a machine says that it is newer"


def test_who_followed_another_daemon_takes_over_without_a_doubt(epochs: Epochs, store: Store, tmp_path: Path) -> None:
    epochs.begin()
    elsewhere = Epochs(tmp_path / "another host's state", lambda: store)
    elsewhere.follow()
    elsewhere.begin()
    assert elsewhere.disagreement() is None
    assert elsewhere.remembered() == store.standing().epoch == Epoch(store.standing().epoch.fleet, 2)


def test_a_doubt_outlives_the_folder_that_had_it(epochs: Epochs, store: Store) -> None:
    epochs.remember(Epoch(store.standing().epoch.fleet, 5))
    epochs.begin()
    epochs.file.unlink()
    assert "has counted to 5, and the database to 0" in (epochs.disagreement() or "")


def test_a_file_that_cannot_be_read_may_be_mended(epochs: Epochs, store: Store) -> None:
    epochs.file.parent.mkdir(parents=True)
    epochs.file.write_text("{")
    epochs.begin()
    assert "cannot be read" in (epochs.disagreement() or "")
    assert store.standing().doubt is None


def test_a_start_that_the_folder_cannot_remember_is_not_counted(
    epochs: Epochs, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as full:
        full.setattr("reconciler.app.epochs.replace_lines", _disk_is_full)
        epochs.begin()
    assert store.standing().epoch.counter == 0, "else the next start would find a count that nobody remembers"
    epochs.begin()
    assert epochs.remembered() == Epoch(store.standing().epoch.fleet, 1)


def _disk_is_full(*_: object) -> None:
    raise OSError(28, "No space left on device")


def test_what_a_start_needs_is_done_again_until_it_is_done(epochs: Epochs, store: Store) -> None:
    done = []

    def first() -> None:
        done.append(store.standing().epoch.counter)
        if len(done) == 1:
            raise TemporaryError("the database is locked")

    with pytest.raises(TemporaryError):
        epochs.begin(first)
    epochs.begin(first)
    epochs.begin(first)
    assert (done, store.standing().epoch.counter) == ([0, 0], 1)
