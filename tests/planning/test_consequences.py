"""Where a plan leads: whose disks are erased before it is done, and whether anybody has to look at it at all."""

from dataclasses import replace

import pytest

from reconciler.model.history import Phase
from reconciler.model.machine import InstallStatus, Pause
from reconciler.model.plan import Plan
from reconciler.render.plan_groups import doing

from .build import (
    NOW,
    VIPS,
    approval,
    cluster,
    holding,
    in_phase,
    machine,
    one,
    planned,
    saying,
    serving,
    silent,
    tree,
)

STORES = cluster(swiftstore={"count": 3})
ON_ITS_WAY = holding(in_phase(machine("A", "swiftstore"), Phase.ENROLLED))
PAUSED = (Pause("fleet", "bob", "fire", NOW),)


def store(serial: str = "A", number: int = 1):
    return serving(serial, number, "swiftstore")


@pytest.mark.parametrize(
    ("m", "pin", "more", "erases"),
    [
        (machine("A", "swiftstore"), {}, {}, True),  # enrolled now, installed later
        (machine("A", "swiftstore"), {}, {"pauses": PAUSED}, True),
        (ON_ITS_WAY, {}, {}, True),
        (silent(ON_ITS_WAY), {}, {}, True),  # network-booted first
        (holding(in_phase(machine("A", "swiftstore", contents="ext4"), Phase.ENROLLED)), {}, {}, True),  # once approved
        (ON_ITS_WAY, {"lifecycle": "decommissioned"}, {}, False),
        (ON_ITS_WAY, {"protected": True}, {}, False),
        (ON_ITS_WAY, {"lifecycle": "maintenance"}, {}, True),
        (
            saying(holding(in_phase(machine("A", "swiftstore"), Phase.INSTALLED)), InstallStatus.FIRSTBOOT),
            {},
            {},
            False,
        ),
        (store(), {}, {}, False),
        (store(), {"reinstall": "2026-11-23"}, {}, True),  # once approved
        (store(), {"reinstall": "2026-11-23"}, {"approvals": (approval("A", "reinstall"),)}, True),
        (store(), {"reinstall": "2026-11-23", "protected": True}, {}, False),
        (store(), {"lifecycle": "decommissioned"}, {"approvals": (approval("A", "release"),)}, False),
        (machine("A", None), {}, {}, False),
    ],
)
def test_it_is_known_who_is_on_the_way_to_an_install(m, pin, more, erases):
    spec = tree({"cl1": STORES}, {"A": pin} if pin else {})
    assert getattr(one(spec, m, vips=VIPS, **more), "erases", False) is erases


@pytest.mark.parametrize(
    ("pin", "erases"),
    [
        ({"cluster": "cl1", "role": "swiftstore"}, True),
        ({"cluster": "cl1", "role": "swiftstore", "bmc": {"address": "192.0.2.7"}}, True),
        ({"cluster": "cl1", "role": "swiftstore", "protected": True}, False),
        ({"bmc": {"address": "192.0.2.7"}}, False),  # it may be anything
    ],
)
def test_who_is_sent_to_a_cluster_unseen_is_installed_there(pin, erases):
    (step,) = planned(tree({"cl1": STORES}, {"NEW": pin}), [], vips=VIPS).steps
    assert step.erases is erases


def quiet(todo: Plan) -> bool:
    assert not doing(todo) or not todo.is_quiet
    return todo.is_quiet


def test_a_fleet_at_rest_has_no_changes_and_spares_are_none():
    spec = tree({"cl1": STORES})
    fleet = [store(serial, n) for n, serial in enumerate("ABC", 1)]
    assert quiet(planned(spec, fleet, vips=VIPS))
    spare = [machine("S", "swiftstore"), machine("N", "network"), machine("T", "swiftstore", "z3")]
    assert quiet(planned(spec, [*fleet, *spare], vips=VIPS))


ALL_IS_WELL = [store(serial, n) for n, serial in enumerate("ABC", 1)]


@pytest.mark.parametrize(
    ("roles", "pins", "fleet"),
    [
        ({}, {"A": {"reinstall": "2026-11-23"}}, ALL_IS_WELL),
        ({}, {"A": {"lifecycle": "decommissioned"}}, ALL_IS_WELL),
        ({"count": 2}, {}, ALL_IS_WELL),  # one is orphaned
        ({"count": 4}, {}, ALL_IS_WELL),  # one is missing
        ({"count": 4}, {}, [*ALL_IS_WELL, machine("S", "swiftstore")]),
        ({}, {"P": {"cluster": "cl1"}}, [*ALL_IS_WELL, machine("P", "swiftstore")]),  # sent there, and there is no room
        ({}, {}, [*ALL_IS_WELL[:2], replace(ALL_IS_WELL[2], racked=machine("X", zone="z3").racked)]),  # drift
        ({}, {}, [*ALL_IS_WELL, machine("ODD", None)]),
        ({"count": 4, "spread": "rack"}, {}, [*ALL_IS_WELL, replace(machine("S", "swiftstore"), racked=None)]),
    ],
    ids=["reinstall", "release", "orphan", "shortfall", "growth", "pinned", "drift", "unknown", "nowhere"],
)
def test_what_is_done_or_waits_for_somebody_is_no_rest(roles, pins, fleet):
    spec = tree({"cl1": cluster(swiftstore={"count": 3} | roles)}, pins)
    assert not quiet(planned(spec, fleet, vips=VIPS))


def test_a_note_is_for_somebody_to_see():
    todo = planned(tree({}), [])
    assert quiet(todo)
    assert not quiet(replace(todo, notes={"specs": "refused"}))
