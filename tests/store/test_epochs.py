"""A database knows its age."""

from collections.abc import Callable
from uuid import UUID

import pytest

from reconciler.model.epoch import Epoch, Standing
from reconciler.model.events import Advanced, Started, Succeeded
from reconciler.model.history import History, Install, Phase
from reconciler.model.machine import Approval
from reconciler.store import Store

from .samples import NOW, enroll, install, report


def test_every_database_is_of_a_fleet_of_its_own(store: Store, open_store: Callable[..., Store]) -> None:
    standing = store.standing()
    assert UUID(standing.epoch.fleet).version == 4
    assert standing == Standing(Epoch(standing.epoch.fleet, 0))
    assert open_store().standing() == standing


def test_what_begins_is_counted_and_nothing_else(store: Store) -> None:
    store.record([report()])
    store.allocate(enroll(), NOW)
    store.append(Advanced("A", NOW, Phase.ENROLLED, "it is"))
    assert store.standing().epoch.counter == 0
    store.append_all([Started("A", NOW, install()), Succeeded("A", NOW, install()), Started("B", NOW, install("B"))])
    assert store.standing().epoch.counter == 2
    store.count_start()
    assert store.standing().epoch.counter == 3


def exported(phase: str) -> dict[str, object]:
    """An export with one machine that had come so far."""
    place = {
        "cluster": "cl1",
        "role": "controller",
        "profile": "controller",
        "location": "zone-1",
        "hostname": "cl1-controller-1.example.com",
        "number": 1,
        "addresses": {"mgmt": "192.168.101.2"},
        "generation": 1,
    }
    rest = {"released": {}, "vips": [], "pauses": [], "conflicts": {}}
    return {"version": 1, "allocations": {"A": place}, "machines": {"A": {"phase": phase}}, **rest}


def test_a_database_restored_with_nothing_raises_no_doubt(store: Store) -> None:
    store.restore(exported("enrolled") | {"allocations": {}, "machines": {}}, NOW)
    assert store.standing().doubt is None


def test_a_restored_database_goes_on_as_the_fleet_and_with_the_count_of_the_export(store: Store) -> None:
    store.restore(exported("in-service") | {"epoch": {"fleet": "of-the-export", "counter": 7}}, NOW)
    assert store.standing().epoch == Epoch("of-the-export", 7)
    assert store.export()["epoch"] == {"fleet": "of-the-export", "counter": 7}


@pytest.mark.parametrize("phase", ["enrolled", "in-service"])
def test_a_restored_database_says_so_until_it_is_settled(store: Store, phase: str) -> None:
    """Also where all were in service: others may be by now, with names and addresses that are free here."""
    store.restore(exported(phase), NOW, "from fleet.yaml, by ann")
    assert "it was restored (from fleet.yaml, by ann), and machines went on since" in (store.standing().doubt or "")
    store.approve(Approval("A", "reinstall", 1, "ann", "CHG-1", NOW), "approval to reinstall it")
    before = store.decision_token()
    store.settle(Epoch("of-the-folder", 42), who="ann", why="I looked", at=NOW)
    assert store.standing() == Standing(Epoch("of-the-folder", 42), None, settled=True)
    assert store.snapshot().approvals == (), "they may have been used since the export"
    assert store.decision_token() > before, "the daemon is to look again at once"
    last = store.events()[-1]
    assert (last.kind, last.who, last.text) == ("database-settled", "ann", "this database is right: I looked")


def test_an_install_that_the_journal_does_not_know_came_later(store: Store) -> None:
    known = install()
    store.append_all([Started("A", NOW, known), Succeeded("A", NOW, known)])
    assert not store.is_behind("A", known.id, 1)
    assert store.is_behind("A", "0123456789ab", 1), "though it has counted as far itself by now"
    assert store.is_behind("B", known.id, 1)


def test_what_came_before_it_was_settled_was_settled(store: Store) -> None:
    store.settle(Epoch("of-ours", 42), who="ann", why="I looked", at=NOW)
    assert not store.is_behind("A", "0123456789ab", 42)
    assert store.is_behind("A", "0123456789ab", 43)


def test_an_install_that_was_adopted_is_known(store: Store) -> None:
    history = History(phase=Phase.IN_SERVICE, install=Install(id="0123456789ab"))
    store.allocate(enroll(), NOW)
    store.adopt("A", store.allocations()["A"], history, why="its own word", at=NOW)
    assert not store.is_behind("A", "0123456789ab", 9)
