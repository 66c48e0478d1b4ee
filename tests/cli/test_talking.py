"""Each command says which daemon or database it talks to, fails where there is none, and makes none."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from reconciler.cli.app import app
from reconciler.store import LeaseWatch

from .conftest import ROOT, STORE, Cli, Laid
from .test_manual import commands_below, paths

SPECS = ROOT / "cluster-specs"
TALKS_TO_NOBODY = {
    "validate": "it reads the specs",
    "match": "it reads reports",
    "schema": "it writes what is built in",
    "signatures": "it reads a Puppet module",
    "explain-reason": "it tells what is built in",
    "boot-files": "they follow from the specs",
    "verify": "it reads commits, and the configuration",
}
MAKES_ONE = {"run", "demo", "import oci", "restore"}
"""They fill a database that is not there yet; so does ``apply``, where ``--database`` names one."""
FOR_PROGRAMS = {"enc", "observe", "export", "pki crl", "secrets show"}
"""What they print goes on into a pipe: they name the database only where there is none."""

NOWHERE = "there is no database"
GIVEN = {"accept": "0" * 40, "secrets set": "fleet:bmc/password", "secrets show": "fleet:bmc/password"}
"""What is given to commands whose arguments are read before a database is looked for."""


def command_of(path: tuple[str, ...]) -> Any:
    found: Any = get_command(app)
    for word in path:
        found = commands_below(found)[word]
    return found


def arguments(path: tuple[str, ...]) -> Iterator[str]:
    """As little as the command asks for."""
    for parameter in command_of(path).params:
        if parameter.required or (parameter.name == "why" and parameter.param_type_name == "option"):
            if parameter.param_type_name == "option":
                yield parameter.opts[0]
            yield GIVEN.get(" ".join(path), "x")


ALL = [path for path in paths() if path]
TALKING = [path for path in ALL if " ".join(path) not in {*TALKS_TO_NOBODY, *MAKES_ONE}]


def test_every_command_is_judged() -> None:
    assert {*TALKS_TO_NOBODY, *MAKES_ONE, *FOR_PROGRAMS} <= {" ".join(path) for path in ALL}
    assert len(TALKING) > 25


@pytest.mark.parametrize("path", TALKING, ids=" ".join)
def test_without_a_database_a_command_fails_and_makes_none(cli: Cli, path: tuple[str, ...]) -> None:
    found = cli("--specs", SPECS, *path, *arguments(path), stdin=b"calvin\n")
    assert (found.status, found.out, NOWHERE in found.err) == (1, "", True), found.err
    assert not any(Path().iterdir())


@pytest.mark.parametrize("words", [
    "plan", "machines", "clusters", "events", "rings", "secrets list", "pki", f"explain {STORE}", "boot-image check",
    "pause --why x", f"retry {STORE} --why x",
])  # fmt: skip
def test_a_command_names_its_database(on: Any, laid: Laid, words: str) -> None:
    said = on(*words.split())
    assert f"sqlite:///{laid.database}" in said.err
    if words.split()[0] not in ("pause", "retry"):
        assert f"From sqlite:///{laid.database}.\n" in said.err


@pytest.mark.parametrize("command", ["plan", "machines", "events"])
def test_a_command_names_the_daemon_that_acts(on: Any, laid: Laid, command: str) -> None:
    with laid.open().store as store:
        assert store.acquire_lease("host-a:17", LeaseWatch(timedelta(hours=1)), datetime.now(UTC)) is not None
    assert f"From sqlite:///{laid.database}, on which the daemon host-a:17 acts." in on(command).err


@pytest.mark.parametrize("words", [f"enc {STORE}", "observe", "export", "machines --format json"])
def test_a_program_is_told_nothing_besides(on: Any, words: str) -> None:
    assert on(*words.split()).err == ""
