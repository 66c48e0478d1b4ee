"""Gates as values, and which role has which."""

from datetime import UTC, datetime, timedelta
from itertools import combinations
from pathlib import Path

import pytest

from reconciler.model.gates import GATES, GateName, Reading, Readings, gate_of, read_anew, unreachable
from reconciler.model.roles import COMMON_GATES, ROLES, facts_of, gates_of, needed_by, rank_in_bring_up

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
PAGE = Path(__file__).parents[2] / "docs/gates.md"

NO_SERVICE_TO_ASK = {"radosgw", "dns", "tempest", "elastic", "debmirror"}
"""Roles of which nobody has written down yet what tells that their services are ready."""


@pytest.mark.parametrize(
    ("name", "value", "members", "holds"),
    [
        (GateName.GALERA, "Synced", 1, True),
        (GateName.GALERA, "synced", 1, False),
        (GateName.GALERA, "no answer", 1, False),
        (GateName.GALERA_SIZE, "3", 3, True),
        (GateName.GALERA_SIZE, "4", 3, True),
        (GateName.GALERA_SIZE, "2", 3, False),
        (GateName.GALERA_SIZE, "0", 0, False),
        (GateName.GALERA_SIZE, "", 1, False),
        (GateName.GALERA_SIZE, "-3", 1, False),
        (GateName.GALERA_SIZE, "³", 1, False),
        (GateName.CATALOG, "1", 9, True),
        (GateName.CATALOG, "0", 0, False),
    ],
)
def test_a_gate_opens_at_its_threshold(name: GateName, value: str, members: int, holds: bool) -> None:
    gate = gate_of(name, Reading(name, value, NOW), members)
    assert (gate.holds, gate.since, gate.value) == (holds, NOW, value)


def test_what_nobody_read_is_neither_open_nor_closed() -> None:
    gate = gate_of(GateName.KEYSTONE, None, 1)
    assert (gate.holds, gate.since, str(gate)) == (None, None, "keystone is not known yet")


def readings(at: datetime, **values: str) -> Readings:
    return Readings(at, tuple(Reading(GateName(name), value, at) for name, value in values.items()))


def test_a_value_keeps_the_moment_since_when_it_is_so() -> None:
    before = readings(NOW, login="yes", keystone="token")
    after = read_anew(before, readings(NOW + MINUTE, login="yes", keystone="no token"))
    assert {each.name: each.since for each in after.values} == {"login": NOW, "keystone": NOW + MINUTE}
    assert after.at == NOW + MINUTE


def test_a_moment_that_a_clock_said_which_was_ahead_is_not_kept() -> None:
    ahead = readings(NOW + 60 * MINUTE, login="yes")
    assert read_anew(ahead, readings(NOW, login="yes")).values[0].since == NOW


def test_a_node_that_cannot_be_reached_keeps_what_it_said_and_is_closed() -> None:
    before = readings(NOW, login="yes", keystone="token")
    after = unreachable(before, NOW + MINUTE, "no route to host")
    assert {each.name: (each.value, each.since) for each in after.values} == {
        "login": ("no route to host", NOW + MINUTE), "keystone": ("token", NOW)
    }  # fmt: skip
    assert unreachable(after, NOW + 2 * MINUTE, "no route to host").values[0].since == NOW + MINUTE


def test_a_role_without_gates_of_its_own_is_said_on_purpose() -> None:
    assert {role for role, facts in ROLES.items() if not facts.gates} == NO_SERVICE_TO_ASK


def test_units_and_ports_are_asked_where_they_are_listed() -> None:
    for role, facts in ROLES.items():
        assert (GateName.UNITS in facts.gates) == bool(facts.units), role
        assert (GateName.PORTS in facts.gates) == bool(facts.ports), role


def test_every_gate_has_its_facts_and_its_row_on_the_page_and_some_role() -> None:
    assert list(GATES) == list(GateName)
    page = PAGE.read_text()
    assert [gate for gate in GateName if f"\n| `{gate}` |" not in page] == []
    used = {*COMMON_GATES, *(gate for facts in ROLES.values() for gate in (*facts.gates, *facts.gates_if_there))}
    assert used == set(GateName)


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_the_roles_that_a_cluster_asks_for_have_an_order(size: int) -> None:
    for asked in combinations(ROLES, size):
        for role in asked:
            needed = needed_by(role, asked)
            assert set(needed) <= set(asked) - {role}
            assert all(rank_in_bring_up(other, asked) < rank_in_bring_up(role, asked) for other in needed)


def test_every_role_that_is_needed_exists() -> None:
    assert {other for facts in ROLES.values() for other in facts.needs} <= set(ROLES)


def test_controllers_that_run_the_monitors_come_before_osds_and_otherwise_after_them() -> None:
    assert needed_by("cephosd", {"controller", "cephosd"}) == ("controller",)
    assert needed_by("controller", {"controller", "cephosd"}) == ()
    assert needed_by("controller", {"controller", "cephosd", "cephmon"}) == ("cephmon", "cephosd")


def test_a_node_that_runs_nothing_but_ceph_at_first_has_the_gates_of_that() -> None:
    assert gates_of("controller", ("oci::generic", "oci::cephmon")) == (*COMMON_GATES, GateName.CEPH_MON)
    assert GateName.KEYSTONE in gates_of("controller", ("oci::generic", "oci::controller"))
    assert GateName.KEYSTONE in gates_of("controller")
    assert gates_of("bastion") == COMMON_GATES == gates_of("bastion", ("oci::generic",))
    assert facts_of("compute").puppet_class == "oci::compute"
