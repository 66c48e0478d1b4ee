"""The whole database in a file, and a database made of it: SQLite and PostgreSQL, each from the other."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import select

from reconciler.model.errors import PermanentError
from reconciler.model.events import Started
from reconciler.model.machine import Approval, SecretRef
from reconciler.store import LeaseWatch, Store
from reconciler.store.tables import metadata

from .conftest import KEY
from .samples import NOW, SECOND, enroll, install

NOT_COPIED = {"approval", "lease", "epoch", "journal", "change", "document"}
"""Tables of which a restored database says something of its own."""


def rows(store: Store) -> dict[str, list[tuple[object, ...]]]:
    with store._database.reading() as connection:
        return {
            table.name: sorted(map(tuple, connection.execute(select(table))), key=repr)
            for table in metadata.sorted_tables
        }


@pytest.fixture
def backup(lived_in: Store, tmp_path: Path) -> Path:
    """Of a database with an approval, on which a daemon acts."""
    lived_in.approve(Approval("A", "reinstall", 1, "ann", "CHG-1", NOW), "approval to reinstall it")
    lived_in.acquire_lease("host:1", LeaseWatch(timedelta(minutes=1)), NOW)
    lived_in.back_up(tmp_path / "backup.db", NOW)
    return tmp_path / "backup.db"


@pytest.mark.parametrize("kind", ["sqlite", "the same"])
def test_a_database_is_restored_whole(
    lived_in: Store,
    backup: Path,
    tmp_path: Path,
    kind: str,
    url: str,
) -> None:
    was = rows(lived_in)
    with Store.open(_another(url, tmp_path) if kind == "the same" else f"sqlite:///{tmp_path}/new.db", key=KEY) as new:
        assert new.bring_back(backup, NOW + SECOND, "ben") == NOW
        now = rows(new)
        for name in was.keys() - NOT_COPIED:
            assert now[name] == was[name], name
        assert set(was["journal"]) < set(now["journal"])
        assert new.secret(SecretRef("cl1", "nova", "db")) == lived_in.secret(SecretRef("cl1", "nova", "db"))
        assert new.standing().epoch == lived_in.standing().epoch
        assert "from backup.db of 2026-" in (new.standing().doubt or "")
        assert new.snapshot().approvals == (), "it may have been used since"
        assert new.acting(NOW) is None
        before = new.events()[-1].position
        new.append(Started("B", NOW, install("B")))
        assert new.events()[-1].position > before, "it is written on where the copy ended"
        new.allocate(enroll("Y", 7), NOW)


def _another(url: str, folder: Path) -> str:
    if url.startswith("sqlite"):
        return f"sqlite:///{folder}/another.db"
    place, name = url.partition("?host=")[2], f"t{uuid.uuid4().hex}"
    with psycopg.connect(f"host={place} user=tester dbname=postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    return f"postgresql://tester@/{name}?host={place}"


def test_a_backup_overwrites_nothing_and_is_its_owners(lived_in: Store, backup: Path) -> None:
    assert backup.stat().st_mode & 0o777 == 0o600
    with pytest.raises(PermanentError, match="overwrites nothing"):
        lived_in.back_up(backup, NOW)
    assert [path.name for path in backup.parent.glob("backup*")] == ["backup.db"]


def test_a_database_that_is_lived_in_is_not_filled(lived_in: Store, backup: Path) -> None:
    before = rows(lived_in)
    with pytest.raises(PermanentError, match="the database is not empty"):
        lived_in.bring_back(backup, NOW, "ben")
    assert rows(lived_in) == before


def test_secrets_of_another_key_are_not_taken(backup: Path, tmp_path: Path) -> None:
    with Store.open(f"sqlite:///{tmp_path}/new.db", key=bytes(32)) as new:
        with pytest.raises(PermanentError):
            new.bring_back(backup, NOW, "ben")
        assert new.events() == [] and new.list_secrets() == []


def test_what_is_no_backup_is_refused(open_store: Callable[..., Store], tmp_path: Path) -> None:
    with Store.open(f"sqlite:///{tmp_path}/live.db", key=KEY):
        pass
    with pytest.raises(PermanentError, match="is no backup"):
        open_store().bring_back(tmp_path / "live.db", NOW, "ben")
    (tmp_path / "torn.db").write_bytes(b"SQLite format 3\0" + bytes(5000))
    with pytest.raises(PermanentError):
        open_store().bring_back(tmp_path / "torn.db", NOW, "ben")
