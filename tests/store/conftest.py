"""Every store test runs on SQLite and on a real PostgreSQL server, started for the session."""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from reconciler.model.events import Advanced, Started, Succeeded
from reconciler.model.history import Phase
from reconciler.model.machine import Pause, SecretRef
from reconciler.store import Store

from ..waiting import until
from .samples import NOW, enroll, install, report

KEY = bytes(range(32))


def _server_programs() -> Path | None:
    if found := shutil.which("postgres"):
        return Path(found).parent
    return max(Path("/usr/lib/postgresql").glob("*/bin"), default=None)


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """The folder with the socket of a PostgreSQL server of our own; it trusts whoever can reach the folder."""
    programs = _server_programs()
    if programs is None:
        pytest.skip("needs postgres (apt: postgresql)")
    owner = _unprivileged_owner()
    folder = Path(tempfile.mkdtemp(prefix="pg-"))  # not tmp_path: other users could not enter its parents
    as_owner: dict[str, object] = {"cwd": folder}
    if owner is not None:
        os.chown(folder, owner.pw_uid, owner.pw_gid)
        as_owner |= {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
    data = folder / "data"
    server = None
    try:
        subprocess.run(
            [programs / "initdb", "-D", data, "-U", "tester", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C"],
            check=True, capture_output=True, **as_owner,
        )  # fmt: skip
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(
                [programs / "postgres", "-D", data, "-k", folder, "-h", "", "-N", "200", "-F"],
                stdout=log, stderr=log, **as_owner,
            )  # fmt: skip
        _wait_until_it_answers(folder, server)
        yield str(folder)
    finally:
        if server is not None and server.poll() is None:
            server.send_signal(signal.SIGQUIT)  # immediate shutdown: nothing here is worth keeping
            server.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _unprivileged_owner() -> pwd.struct_passwd | None:
    """PostgreSQL refuses to run as root; None when we are not."""
    if os.getuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    pytest.skip("needs a user to run postgres as (apt: postgresql)")


def _wait_until_it_answers(folder: Path, server: subprocess.Popen[bytes]) -> None:
    def answers() -> bool:
        with contextlib.suppress(psycopg.OperationalError):
            psycopg.connect(f"host={folder} user=tester dbname=postgres").close()
            return True
        return server.poll() is not None

    until("PostgreSQL answers, or has ended", answers)
    assert server.poll() is None, (folder / "log").read_text()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database that is not there yet, or is empty; one for each test."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/var/reconciler.sqlite"
    folder, name = request.getfixturevalue("postgresql_server"), f"t{uuid.uuid4().hex}"
    with psycopg.connect(f"host={folder} user=tester dbname=postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    return f"postgresql://tester@/{name}?host={folder}"


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
