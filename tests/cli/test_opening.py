"""Who only reads makes nothing, and what cannot be opened is said with what to do."""

import re
import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from reconciler.cli.app import run
from reconciler.model.errors import PermanentError, TemporaryError

from .conftest import STORE, Cli, Laid

READING = ["machines", "clusters", "events", "plan", "observe", "secrets list", "export", f"enc {STORE}"]


@pytest.mark.parametrize("command", READING)
def test_reading_changes_nothing_in_the_database(on: Any, laid: Laid, command: str) -> None:
    with closing(laid.open()) as site:
        before = site.store.change_token(), site.specs.state()
        laid.change("swiftstore: {count: 6", "swiftstore: {count: 5")
        laid.commit()
        assert on(*command.split()).status == 0
        assert (site.store.change_token(), site.specs.state()) == before


def test_a_missing_key_is_not_replaced_by_a_new_one(on: Any, laid: Laid) -> None:
    laid.key.unlink()
    for command in (("plan",), ("enc", STORE), ("pause", "--why", "x"), ("secrets", "show", "swift01:swift/authtoken")):
        found = on(*command)
        assert found.status == 1
        assert "key" in found.err
        assert not laid.key.exists()
    assert "bring it back from the backup" in on("pause", "--why", "x").err


def test_what_needs_no_secret_works_without_the_key(on: Any, laid: Laid) -> None:
    laid.key.unlink()
    for command in (("events",), ("secrets", "list"), ("export",)):
        assert on(*command).status == 0


def test_a_wrong_key_is_told_apart_from_a_missing_one(on: Any, laid: Laid, tmp_path: Path) -> None:
    laid.key.write_text("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n")
    found = on("enc", STORE)
    assert (found.status, found.out) == (1, "")
    assert "the secret key is not the one that this database's secrets are sealed with" in found.err


def test_a_key_file_that_an_operator_named_is_never_made(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECONCILER_SECRET_KEY_FILE", "named.key")
    Path("fleet.yaml").write_text(_EXPORT)
    found = cli("restore", "fleet.yaml")
    assert (found.status, "cannot read the secret key named.key" in found.err) == (1, True)
    assert not Path("named.key").exists()


_EXPORT = "{version: 1, released: {}, allocations: {}, vips: [], machines: {}, pauses: [], conflicts: {}}"


@pytest.mark.parametrize(
    "database",
    [
        "postgresql://rec:hunter2@127.0.0.1:1/db",
        "postgresql://127.0.0.1:1/db?user=rec&password=hunter2",
        "postgresql://127.0.0.1:1/db?user=rec&password=hun@ter2",
        "postgresql://rec:hun/ter2@127.0.0.1:1/db",
        "postgresql://rec:hun@ter2@127.0.0.1:1/db",
        "postgresql://r/ec:hunter2@127.0.0.1:1/db",
        "postgresql://rec:hunter2@[::1:1/db",
        "postgresql://rec:hunter2",
        "postgres://rec:hunter2@127.0.0.1:1/db",
        "sqlite://rec:hunter2@x/y",
        "host=127.0.0.1 port=1 user=rec password=hunter2",
        "host=127.0.0.1 port=1 user=rec password='hun ter2'",
    ],
)
@pytest.mark.parametrize("by", ["option", "environment"])
def test_no_password_of_a_database_is_in_an_error(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, database: str, by: str
) -> None:
    monkeypatch.setattr("reconciler.store.database.CONNECT_SECONDS", 2)
    if by == "environment":
        monkeypatch.setenv("RECONCILER_DATABASE_URL", database)
    for command in (("machines",), ("backup", "copy.db")):
        found = cli(*(("--database", database) if by == "option" else ()), *command)
        assert found.status in (1, 64)
        assert not {"hun", "ter2", "hunter2"} & set(re.findall(r"\w+", found.out + found.err)), found.err


@pytest.mark.parametrize("error", [PermanentError, TemporaryError, ValueError])
def test_no_login_is_in_an_error_that_no_command_caught(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: type[Exception]
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise error("http://me:hunter2@mirror.example.com/x?sig=hunter2 does not answer")

    monkeypatch.setattr("reconciler.app.config.find_config", fails)
    assert run(["machines"]) == 1
    said = capsys.readouterr().err
    assert ("http://***@mirror.example.com/x?***" in said, "hunter2" in said) == (True, False)


def test_no_login_is_in_an_error_about_a_configuration_that_is_not_yaml(cli: Cli) -> None:
    Path("broken.yaml").write_text("source: {url: https://me:hunter2@git.example.com/x\nlisten: 1: 2\n")
    found = cli("--config", "broken.yaml", "plan")
    assert (found.status, "cannot read broken.yaml" in found.err, "hunter2" in found.err) == (1, True, False)


def test_a_pause_finds_the_daemons_configuration_by_itself(cli: Cli, laid: Laid, tmp_path: Path) -> None:
    """Typed without --config while it burns: it must reach the daemon that runs here, or nobody."""
    text = (laid.folder / "reconciler.yaml").read_text()
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/reconciler.yaml").write_text(text)
    said = cli("pause", "--why", "fire")
    assert (said.status, f"Recorded in sqlite:///{laid.database}" in said.err) == (0, True)
    assert not any(Path().iterdir())
    assert "fleet is paused: by night-shift: fire" in cli("machines").err


@pytest.mark.parametrize(("places", "found"), [
    ("etc here env option", "option"), ("etc here env", "env"), ("etc here", "etc"), ("here", "here"),
])  # fmt: skip
def test_the_nearest_word_says_where_the_configuration_is(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, places: str, found: str
) -> None:
    files = {"etc": tmp_path / "etc/reconciler.yaml", "here": Path("reconciler.yaml")}
    files |= {name: tmp_path / f"{name}.yaml" for name in ("env", "option")}
    for name in places.split():
        files[name].parent.mkdir(exist_ok=True)
        files[name].write_text(f"database: sqlite:///{name}.db\n")
    if "env" in places:
        monkeypatch.setenv("RECONCILER_CONFIG", str(files["env"]))
    option = ("--config", files["option"]) if "option" in places else ()
    assert f"there is no database sqlite:///{found}.db" in cli(*option, "pause", "--why", "fire").err


def test_a_configuration_that_may_not_be_read_is_not_passed_over(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("reconciler.yaml").write_text("database: sqlite:///here.db\n")
    closed = tmp_path / "etc/reconciler.yaml"

    class Closed(type(closed)):  # root, who runs some tests, may look everywhere
        """A folder that nobody may enter."""

        def stat(self, **_: Any) -> None:
            raise PermissionError

        def read_text(self, **_: Any) -> str:
            raise PermissionError

    monkeypatch.setattr("reconciler.app.config.PLACES", (Closed(closed), Path("reconciler.yaml")))
    found = cli("pause", "--why", "fire")
    assert (found.status, f"{closed} may not be read: run this as the daemon's user" in found.err) == (1, True)


def test_an_empty_database_of_a_server_is_left_empty(cli: Cli) -> None:
    """As PostgreSQL has it before the daemon first ran: it is there, and nothing is in it."""
    with closing(sqlite3.connect("empty.db")) as connection:
        connection.execute("PRAGMA user_version = 1")
    found = cli("--database", "sqlite:///empty.db", "pause", "--why", "fire")
    assert (found.status, "the database is at schema none" in found.err) == (1, True)
    with closing(sqlite3.connect("empty.db")) as connection:
        assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    assert not Path("var").exists()


@pytest.mark.parametrize("which", ["database", "key"])
def test_a_file_of_somebody_elses_says_who_should_ask(
    on: Any, laid: Laid, which: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = getattr(laid, which)
    monkeypatch.setattr("os.access", lambda path, mode: path != closed)  # root, who runs some tests, may open all
    found = on("plan")
    assert (found.status, f"{closed} may not be opened" in found.err, "sudo -u" in found.err) == (1, True, True)


def test_a_database_is_for_its_owner_alone(laid: Laid) -> None:
    assert stat.S_IMODE(laid.database.stat().st_mode) & 0o077 == 0


def test_specs_in_the_environment_take_the_place_of_the_source(
    on: Any, laid: Laid, monkeypatch: pytest.MonkeyPatch
) -> None:
    laid.change("swiftstore: {count: 6", "swiftstore: {count: 8")
    assert "enroll" not in on("plan").out
    monkeypatch.setenv("RECONCILER_SPECS", str(laid.specs))
    assert "enroll as swift01-swiftstore-7" in on("plan").out
