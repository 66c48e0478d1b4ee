"""Databases that earlier versions made: ``databases/<commit>.sql``, and as JSON what their journals add up to."""

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.model.events import Started
from reconciler.model.history import Phase
from reconciler.model.machine import Approval, MachineView
from reconciler.model.plan import Wait
from reconciler.store import Store
from reconciler.store.codec import history_value

from ..planning.build import NOW, VIPS, cluster, holding, machine, one, silent, tree

EARLIER = sorted((Path(__file__).parent / "databases").glob("*.sql"))


@pytest.fixture(params=EARLIER, ids=lambda path: path.stem)
def made(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


@pytest.fixture
def migrated(made: Path, tmp_path: Path) -> Iterator[Store]:
    connection = sqlite3.connect(tmp_path / "db.sqlite")
    connection.executescript(made.read_text())
    connection.close()
    with Store.open(f"sqlite:///{tmp_path}/db.sqlite") as store:
        yield store


def test_their_journals_add_up_to_what_they_did(migrated: Store, made: Path) -> None:
    found = {serial: history_value(history) for serial, history in sorted(migrated.histories().items())}
    assert found == json.loads(made.with_suffix(".json").read_text())["histories"]


def test_actions_have_the_ids_that_they_had(migrated: Store, made: Path) -> None:
    """An install's id stands on its disks: it must not change with the program."""
    ids = {event.action.type: event.action.id for _, event in migrated.events_after(0) if isinstance(event, Started)}
    assert ids == json.loads(made.with_suffix(".json").read_text())["actions"]


def waiting(store: Store, serial: str) -> MachineView:
    """A machine of theirs that waits for an approval; A holds foreign data, B serves."""
    m = holding(machine(serial, "swiftstore"), 1 if serial == "A" else 2)
    history = store.histories()[serial]
    return replace(m if history.phase is Phase.ENROLLED else silent(m), history=history)


@pytest.mark.parametrize(("serial", "action"), [("A", "install_os"), ("B", "reinstall")])
def test_their_approvals_are_void_and_asked_for_again_once(migrated: Store, serial: str, action: str) -> None:
    spec = tree({"cl1": cluster(swiftstore={})}, {"B": {"reinstall": "2026-11-23"}})
    m = waiting(migrated, serial)
    words = migrated.snapshot().approvals
    assert all(word.covers is None for word in words)
    asked = one(spec, m, vips=VIPS, approvals=words)
    assert asked.needs_approval == action
    assert all("is void: it was given to an earlier version" in asked.on for word in words if word.serial == serial)
    migrated.approve(Approval(serial, action, 1, "carol", "as it says now", NOW, asked.covers), asked.on)
    assert not isinstance(one(spec, m, vips=VIPS, approvals=migrated.snapshot().approvals), Wait)
