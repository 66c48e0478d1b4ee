import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

import reconciler.store.migrate
from reconciler.model.errors import PermanentError, TemporaryError
from reconciler.store import Store
from reconciler.store.database import open_engine
from reconciler.store.migrate import HEAD, current
from reconciler.store.tables import metadata

from .samples import NOW

SCHEMA = Path(__file__).parent / "schema.sql"


def schema_of(store: Store) -> str:
    with store._database.reading() as connection:
        rows = connection.execute(text("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name"))
        return "".join(f"{row.sql};\n\n" for row in rows if "sqlite_" not in row.sql)


def test_the_schema_is_the_one_that_was_reviewed(tmp_path: Path) -> None:
    """``GOLDEN=overwrite pytest`` rewrites the text, for review in the diff."""
    with Store.open(f"sqlite:///{tmp_path}/db.sqlite") as store:
        got = schema_of(store)
    if os.environ.get("GOLDEN") == "overwrite":
        SCHEMA.write_text(got)
    assert got == SCHEMA.read_text()


def test_migrations_end_at_the_tables_that_the_code_uses(store: Store) -> None:
    with store._database.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_the_newest_revision_is_the_one_that_the_code_names() -> None:
    folder = Path(reconciler.store.migrate.__file__).parent / "migrations"
    assert ScriptDirectory(str(folder)).get_heads() == [HEAD]


def test_migrating_twice_is_migrating_once(store: Store, open_store: Callable[..., Store]) -> None:
    token = store.change_token()
    again = open_store()
    assert current(again._database.engine) == HEAD
    assert again.change_token() == token


def test_many_who_find_an_empty_database_make_one(open_store: Callable[..., Store]) -> None:
    with ThreadPoolExecutor(4) as pool:
        tokens = [pool.submit(open_store) for _ in range(4)]
        assert {token.result().change_token() for token in tokens} == {0}


def test_a_database_of_the_future_is_refused(store: Store, open_store: Callable[..., Store]) -> None:
    with store._database.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(PermanentError, match="at schema 9999, made by a newer reconciler"):
        open_store()


def test_who_may_not_migrate_refuses_an_empty_database(open_store: Callable[..., Store]) -> None:
    with pytest.raises(PermanentError, match="at schema none"):
        open_store(migrate=False)


def test_a_start_with_nothing_to_migrate_loads_no_alembic(store: Store, url: str) -> None:
    start = "import sys; from reconciler.store import Store; Store.open(sys.argv[1]).close()"
    look = f"{start}; print('alembic' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", look, url], capture_output=True, text=True, check=True)
    assert ran.stdout == "False\n"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("reconciler.sqlite", "is no database URL"),
        ("mysql+pymysql://host/name", "no support for mysql"),
        ("postgresql://host:name", "is no database URL"),
        ("sqlite://", "must be a file"),
        ("sqlite://host/name", "three slashes"),
        ("sqlite:////proc/nowhere/db.sqlite", "cannot open the database"),
    ],
)
def test_a_database_that_cannot_be_is_refused_with_what_can(wrong: str, said: str) -> None:
    with pytest.raises(PermanentError, match=said):
        Store.open(wrong)


def test_the_database_is_its_owners_alone(tmp_path: Path) -> None:
    with Store.open(f"sqlite:///{tmp_path}/var/db.sqlite") as store:
        store.change_token()
        modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "var").iterdir()}
    assert (tmp_path / "var").stat().st_mode & 0o777 == 0o700
    assert set(modes.values()) == {0o600}


def test_a_file_that_is_something_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "holiday.jpg"
    path.write_bytes(b"\xff\xd8 not a database, but large enough to be one" * 100)
    before = path.read_bytes()
    with pytest.raises(PermanentError, match="this is no database of ours"):
        Store.open(f"sqlite:///{path}")
    assert path.read_bytes() == before


@pytest.mark.parametrize("writes", [True, False])
def test_a_server_that_does_not_answer_may_answer_later(tmp_path: Path, writes: bool) -> None:
    with pytest.raises(TemporaryError, match="the database does not answer"):
        Store.open(f"postgresql://tester@/nothing?host={tmp_path}", migrate=writes)


def left_at(url: str, revision: str, *rows: str) -> None:
    """Make a database as one of our migrations left it, with rows: ``table VALUES (...)``."""
    from alembic import command
    from alembic.config import Config

    engine, config = open_engine(url), Config()
    config.set_main_option("script_location", str(Path(reconciler.store.migrate.__file__).parent / "migrations"))
    with engine.connect().execution_options(immediate=True) as connection, connection.begin():
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        for row in rows:
            connection.execute(text(f"INSERT INTO {row}"))
    engine.dispose()


def test_a_database_of_before_forgets_approvals_that_may_have_been_used(url: str) -> None:
    """0004 on a database as 0003 left it."""
    left_at(
        url,
        "0003",
        "approval VALUES ('A', 'reinstall', 1, 'ann', 'CHG-1', '2026-11-22T12:00:00.000000+00:00', 'all')",
        "lease VALUES ('daemon', 'host:1', 7, '2026-11-24T12:00:00.000000+00:00', true)",
    )
    with Store.open(url) as store:
        assert store.snapshot().approvals == ()
        assert store.renew_lease(7, timedelta(seconds=30), NOW), "who acts goes on"


def test_what_a_machine_reported_before_is_a_hint(url: str) -> None:
    """0010 on a database as 0009 left it."""
    left_at(
        url,
        "0009",
        "machine (serial, address, reported_at, digest, hardware, revision) "
        "VALUES ('A', '192.168.100.20', '2026-11-22T12:00:00.000000+00:00', 'd', 1, 1)",
        """hardware VALUES (1, 'A', '2026-11-22T12:00:00.000000+00:00', 'd',
        '{"serial": "A", "manufacturer": "x", "product": "y", "memory": 1}')""",
    )
    with Store.open(url) as store:
        seen = store.snapshot().seen["A"]
    assert (seen.boot, seen.witnessed_at, seen.live_address) == (None, None, "192.168.100.20")


def test_approvals_of_before_are_kept_and_cover_nothing(url: str) -> None:
    """0011 on a database as 0010 left it."""
    given = "'CHG-1', '2026-11-22T12:00:00.000000+00:00', '0123456789abcdef'"
    left_at(
        url,
        "0010",
        f"approval VALUES ('A', 'reinstall', 1, 'ann', {given})",
        "lease (name, holder, fence, until, held, beat) VALUES "
        "('daemon', 'host:1', 7, '2026-11-24T12:00:00.000000+00:00', true, 3)",
    )
    with Store.open(url) as store:
        (word,) = store.snapshot().approvals
        assert (word.who, word.why, word.covers, word.statement, word.acted) == ("ann", "CHG-1", None, None, None)
        assert store.renew_lease(7, timedelta(seconds=30), NOW, 4.0), "who acts goes on"
        assert store.snapshot().acted == 4.0


EARLIER_IMPORT = (
    "imported from OCI, which still installs and configures these machines: resume when this server takes over"
)
"""Why imports of before 0006 paused the fleet."""


@pytest.mark.parametrize(("why", "in_charge"), [(EARLIER_IMPORT, True), ("upgrade, CHG-7", False)])
def test_a_pause_of_an_earlier_import_still_says_that_oci_is_in_charge(url: str, why: str, in_charge: bool) -> None:
    """0006 on a database as 0005 left it."""
    left_at(url, "0005", f"pause VALUES ('fleet', 'ann', '{why}', '2026-11-22T12:00:00.000000+00:00')")
    with Store.open(url) as store:
        (pause,) = store.snapshot().pauses
        assert (pause.scope, pause.why, pause.oci_in_charge) == ("fleet", why, in_charge)
