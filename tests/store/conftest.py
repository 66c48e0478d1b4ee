"""Every store test runs on SQLite and on a real PostgreSQL server, started for the session."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reconciler.model.events import Advanced, Started, Succeeded
from reconciler.model.history import Phase
from reconciler.model.machine import Pause, SecretRef
from reconciler.store import Store, database

from ..postgres import PostgresServer, postgres_server
from ..waiting import LONG
from .samples import NOW, enroll, install, report

KEY = bytes(range(32))


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgresServer]:
    """A PostgreSQL server of our own."""
    with postgres_server() as server:
        yield server


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine may let a test stand still in the midst of a transaction, for longer than a daemon may."""
    monkeypatch.setattr(database, "IDLE_SECONDS", LONG)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database that is not there yet, or is empty; one for each test."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/var/reconciler.sqlite"
    server: PostgresServer = request.getfixturevalue("postgresql_server")
    return server.url(server.new_database())


@pytest.fixture
def open_store(url: str) -> Iterator[Callable[..., Store]]:
    """Opens the test's database as often as wanted, and closes what was opened."""
    opened: list[Store] = []

    def open_one(**how: object) -> Store:
        opened.append(Store.open(url, **({"key": KEY} | how)))
        return opened[-1]

    yield open_one
    for store in opened:
        store.close()


@pytest.fixture
def store(open_store: Callable[..., Store]) -> Store:
    return open_store()


@pytest.fixture
def lived_in(store: Store) -> Store:
    """A database with something of everything."""
    store.record([report("A"), report("B")])
    store.allocate(enroll("A", 1, vips=(("public", "api", "203.0.113.2"),)), NOW)
    store.allocate(enroll("B", 2), NOW)
    store.allocate(enroll("C", 3), NOW)
    store.release("C", NOW)
    store.append_all(
        [
            Started("A", NOW, install()),
            Succeeded("A", NOW, install()),
            Advanced("A", NOW, Phase.IN_SERVICE, "Puppet has succeeded"),
            Started("B", NOW, install("B")),
        ]
    )
    store.pause(Pause("fleet", "ann", "holidays", NOW))
    store.pause(Pause("cluster:cl1", "ann", "imported", NOW, oci_in_charge=True))
    store.set_conflict("D", "two machines claim this serial", "MACs aa and bb", at=NOW)
    store.mint([SecretRef("cl1", "nova", "db")], NOW)
    store.keep_fixed("cl1", {"release.openstack": "epoxy"}, NOW)
    return store
