"""Who only reads makes nothing, and what cannot be opened is said with what to do."""

import stat
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from .conftest import STORE, Cli, Laid

READING = ["machines", "clusters", "events", "plan", "observe", "secrets list", "export", f"enc {STORE}"]


@pytest.mark.parametrize("command", READING)
def test_reading_changes_nothing_in_the_database(on: Any, laid: Laid, command: str) -> None:
    with closing(laid.open()) as site:
        before = site.store.change_token(), site.source_state()
        laid.change("swiftstore: {count: 6", "swiftstore: {count: 5")
        laid.commit()
        assert on(*command.split()).status == 0
        assert (site.store.change_token(), site.source_state()) == before


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
    found = cli("pause", "--why", "x")
    assert (found.status, "cannot read the secret key named.key" in found.err) == (1, True)
    assert not Path("named.key").exists()


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
