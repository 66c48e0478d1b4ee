"""``rehearse`` on a site with machines."""

import hashlib
import json
import shlex
import shutil
from contextlib import closing
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from .conftest import NOW, ROOT, Cli, Laid

SOON = ("rehearse", "--seeds", "1", "--processes", "1")
SCHEMA = json.loads((ROOT / "schemas/rehearse.json").read_text())


def contents(folder: Path) -> dict[str, str]:
    """All files of a site."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture
def laid(laid: Laid) -> Laid:
    """The site, with its first setup over: a daemon would note that at once, and have Puppet run once more."""
    with closing(laid.open()) as site:
        site.store.note_set_up("swift01", NOW)
    return laid


def grow(laid: Laid) -> None:
    laid.change("swiftstore: {count: 6", "swiftstore: {count: 8")


@pytest.mark.lengthy
def test_a_change_that_grows_the_fleet(on: Any, laid: Laid) -> None:
    grow(laid)
    before = contents(laid.folder)
    said = on("--specs", laid.specs, *SOON)
    assert said.status == 0, said.out
    assert "Your change to " in said.out
    assert "on 14 machines of swift01 (12 in service)" in said.out
    assert ": 14 machines in service, 12 now" in said.out
    assert "waits for you: 1 machine, ring-round: reconciler approve (change_rings)" in said.out
    assert said.out.endswith("Of 2 histories 0 broke a rule, 0 lost a quorum, 2 waited for you.\n")
    assert contents(laid.folder) == before
    assert max(map(len, said.out.splitlines())) <= 200


def test_specs_in_force_change_nothing(on: Any, laid: Laid) -> None:
    before = contents(laid.folder)
    said = on("rehearse", "--seeds", "0", "--format", "json")
    assert contents(laid.folder) == before
    assert said.status == 0
    jsonschema.validate(said.json, SCHEMA)
    assert (said.json["rehearsed"]["changes"], said.json["faulty"], said.json["bad"]) == (False, None, [])
    assert (said.json["calm"]["actions"], said.json["calm"]["in_service_least"]) == (0, 12)


def endanger(laid: Laid) -> None:
    """Have two of three controllers installed anew, nobody asked, while people press buttons."""
    laid.change("reinstall: approval", "reinstall: automatic", "fleet.yaml")
    laid.change("max_unavailable: {controller: 1", "max_unavailable: {controller: 3", "fleet.yaml")
    path = laid.specs / "machines/exceptions.yaml"
    pins = [
        f"---\napiVersion: reconciler/v1\nkind: Machine\nmetadata: {{name: {laid.serial(host)}}}\n"
        'spec: {reinstall: "2026-12-01"}\n'
        for host in (f"swift01-controller-{number}.example.com" for number in (1, 2))
    ]
    path.write_text(path.read_text() + "".join(pins))


@pytest.mark.lengthy
def test_a_dangerous_change_is_told_and_its_worst_history_is_had_again(on: Any, cli: Cli, laid: Laid) -> None:
    endanger(laid)
    words = ("rehearse", "--seeds", "4", "--processes", "1", "--faults", "buttons=1", "--keep", "fleet.json")
    said = on("--specs", laid.specs, *words, "--format", "json")
    assert said.status == 1, said.out
    jsonschema.validate(said.json, SCHEMA)
    assert said.json["faulty"]["lost_quorum"] == len(said.json["bad"])
    assert ("controller", "both") in {(loss["role"], loss["blame"]) for loss in said.json["faulty"]["quorums"]}
    assert len(said.json["calm"]["unasked"]) == 2
    bad = said.json["bad"][0]
    program, *replay = shlex.split(bad["replay"])
    assert program == "reconciler"
    trace = Path(f"seed-{bad['seed']}.txt")
    happened = []
    for _ in range(2):
        again = cli(*replay, "--format", "json")
        assert (again.status, again.json["bad"]) == (1, [bad])
        happened.append(trace.read_text())
    assert happened[0]
    assert happened[0] == happened[1]


@pytest.mark.lengthy
def test_stand_ins_take_the_place_of_secrets(on: Any, laid: Laid) -> None:
    grow(laid)
    said = on("--specs", laid.specs, *SOON, "--faults", "kills", "--trace", "trace", "--keep", "fleet.json")
    assert said.status == 0, said.out
    for text in (said.out, said.err, Path("trace").read_text(), Path("fleet.json").read_text()):
        assert "SECRET-" not in text


def test_what_was_observed_is_enough(on: Any, cli: Cli, laid: Laid) -> None:
    """Without the database and its repository: with the specs in force beside the new ones."""
    assert on("observe", "--output", "fleet.json").status == 0
    said = cli("--specs", laid.specs, "rehearse", "--observed", "fleet.json", "--seeds", "0", "--base", laid.specs)
    assert said.status == 0, said.err
    assert "The specs as they are, on 14 machines" in said.out
    assert "nothing is done" in said.out


def test_a_copy_of_the_specs_changes_nothing(on: Any, laid: Laid, tmp_path: Path) -> None:
    """The commit in force is in the daemon's mirror alone."""
    copy = shutil.copytree(laid.specs, tmp_path / "copy")
    said = on("--specs", copy, "rehearse", "--seeds", "0")
    assert "The specs as they are, on 14 machines" in said.out
    assert "nothing is done" in said.out


@pytest.mark.parametrize(
    ("arguments", "status", "why"),
    [
        (("--faults", "floods"), 64, 'there is no fault "floods"'),
        (("--faults", "kills=2"), 64, '"2" is not more than 0 and at most 1'),
        (("--faults", "kills=0"), 64, '"0" is not more than 0 and at most 1'),
        (("--trace", "t", "--seeds", "2"), 64, "one history"),
        (("--cluster", "swift99"), 1, 'no cluster "swift99"'),
        (("--most", "3"), 1, "the change touches no cluster"),
        (("--base", "nowhere"), 1, "nowhere"),
    ],
)
def test_what_cannot_be_rehearsed(on: Any, arguments: tuple[str, ...], status: int, why: str) -> None:
    said = on("rehearse", *arguments)
    assert (said.status, said.out) == (status, "")
    assert why in said.err


def test_specs_with_errors_are_not_rehearsed(on: Any, laid: Laid) -> None:
    laid.change("location: zone-3", "location: zone-33")
    said = on("--specs", laid.specs, *SOON)
    assert said.status == 1
    assert "zone-33" in said.err


def test_no_database_is_made(cli: Cli, laid: Laid, tmp_path: Path) -> None:
    said = cli("--specs", laid.specs, "--database", f"sqlite:///{tmp_path}/none.db", *SOON)
    assert said.status == 1
    assert not (tmp_path / "none.db").exists()
