"""Machines that hold no place: what is kept of them, and which are forgotten."""

from dataclasses import replace
from datetime import timedelta

from reconciler.model.events import Advanced
from reconciler.model.history import Phase
from reconciler.model.machine import InstallStatus
from reconciler.model.observations import Heard, Unplaced
from reconciler.store import Store

from .samples import NOW, SECOND, enroll, report

LATER = NOW + timedelta(days=1)


def known(store: Store) -> None:
    """One of each."""
    for serial in ("said", "placed", "had", "nonce", "installed", "quarantined", "happened"):
        store.record([report(serial)])
    store.allocate(enroll("placed", 1), NOW)
    store.allocate(enroll("had", 2), NOW)
    store.release("had", NOW)
    store.record([replace(report("nonce"), boot=1)])
    store.record([report("nonce", NOW + SECOND)])  # a hint in its name
    store.record([Heard("installed", NOW, "192.168.100.20", status=InstallStatus.PUPPET_SUCCESS)])
    store.set_conflict("quarantined", "two claim it", "the second", at=NOW)
    store.append(Advanced("happened", NOW, Phase.ENROLLED, "why"))


def test_only_what_reports_alone_spoke_of_is_forgotten(store: Store) -> None:
    known(store)
    everybody = set(store.snapshot().seen)
    assert store.forget_unplaced(everybody, NOW) == frozenset(), "it reported since"
    assert store.forget_unplaced(everybody | {"nobody"}, LATER) == {"said"}
    assert set(store.snapshot().seen) == everybody - {"said"}
    assert store.forget_unplaced({"said"}, LATER) == frozenset()
    store.record([report("said", LATER)])
    assert set(store.snapshot().seen) == everybody, "it is known anew"


def test_what_is_counted_says_what_may_go(store: Store) -> None:
    known(store)
    found = store.unplaced()
    assert set(found) == {"said", "had", "nonce", "installed", "quarantined"}
    assert found["said"] == Unplaced("192.168.100.20", found["said"].size, NOW)
    assert found["said"].size > 500
    assert {serial for serial, one in found.items() if one.witnessed} == {"nonce"}
    assert {serial for serial, one in found.items() if one.stays} == {"installed", "quarantined"}


def test_a_forgotten_machine_leaves_nothing_behind(store: Store) -> None:
    known(store)
    store.forget_unplaced({"said"}, LATER)
    store.snapshot()
    assert store.drop_blank(0) == 0, "somebody may not have seen yet that it is gone"
    assert store.drop_blank(store.change_token() + 1) == 1
    assert store.drop_blank(store.change_token() + 1) == 0
    assert set(store.unplaced()) == {"had", "nonce", "installed", "quarantined"}
