"""Nodes in service whose Puppet document has changed: in which order, how many at once, and when not at all."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from reconciler.model.actions import RollOut
from reconciler.model.machine import DocumentVersion, MachineView, Power
from reconciler.model.plan import Act, Settled, Wait

from ..histories import history_with
from .build import MINUTE, NOW, VIPS, cluster, kind, looked_at, one, serving, steps, tree

SPEC = tree({"cl1": cluster(compute={}, controller={}, sql={})}, policy={"max_unavailable": {"default": 2}})
CHANGED = DocumentVersion("d2", NOW - 10 * MINUTE)


def behind(serial: str, number: int = 1, role: str = "controller", ran: datetime | None = None) -> MachineView:
    m = serving(serial, number, role, last_puppet_began=ran or CHANGED.since - timedelta(hours=1))
    return replace(m, document=CHANGED)


def failing(m: MachineView) -> MachineView:
    """Puppet has just failed on it, with the new document."""
    return replace(
        m, history=history_with(m.history, failures=1, last_begun="roll_out", tried=NOW, last_error="4 failed")
    )


def rolled(found) -> list[str]:
    return sorted(s.serial for s in found.values() if isinstance(s, Act) and isinstance(s.action, RollOut))


def test_a_node_whose_document_changed_runs_puppet():
    step = one(SPEC, behind("A"), vips=VIPS)
    assert isinstance(step, Act)
    assert (kind(step), step.risk, step.action.document) == ("roll_out", "disruptive", "d2")
    assert step.because == "its Puppet document changed at 2026-11-23 09:50 UTC"


@pytest.mark.parametrize("ran", [CHANGED.since, NOW])
def test_one_whose_last_run_began_since_is_settled(ran):
    assert isinstance(one(SPEC, behind("A", ran=ran), vips=VIPS), Settled)


def test_of_what_is_not_known_nothing_is_made():
    m = behind("A")
    assert isinstance(one(SPEC, replace(m, seen=replace(m.seen, last_puppet_began=None)), vips=VIPS), Settled)
    assert isinstance(one(SPEC, replace(m, document=None), vips=VIPS), Settled)


def test_agents_may_be_left_to_catch_up_by_themselves():
    spec = tree({"cl1": cluster(controller={})}, policy={"roll_out": "agents"})
    step = one(spec, behind("A"), vips=VIPS)
    assert isinstance(step, Wait) and step.on.startswith("its own agent's next Puppet run: its Puppet document changed")


def test_a_quorum_is_given_its_documents_one_at_a_time_from_the_last_to_the_first():
    found = steps(SPEC, [behind(s, n, "sql") for n, s in enumerate("ABC", 1)], vips=VIPS)
    assert rolled(found) == ["C"]
    assert found["A"].on == "its peers: 1 of 3 sql machines are out of service; one at a time"


def test_of_two_whose_quorum_is_both_of_them_one_runs_puppet_all_the_same():
    assert rolled(steps(SPEC, [behind("A", 1, "sql"), behind("B", 2, "sql")], vips=VIPS)) == ["B"]


@pytest.mark.parametrize(
    "other",
    [
        serving("Z", 9, "sql", power=Power.OFF, power_at=NOW - timedelta(days=1)),
        failing(behind("Z", 9, "sql")),
    ],
    ids=["off", "its own run failed"],
)
def test_never_while_another_member_of_the_quorum_is_down(other):
    fleet = [behind("A", 1, "sql"), behind("B", 2, "sql"), other]
    found = steps(tree({"cl1": cluster(sql={})}, policy={"self_heal": False}), fleet, vips=VIPS)
    assert rolled(found) == []


def test_a_member_whose_run_was_lost_and_that_has_its_document_since_holds_up_nobody():
    """Words to it were lost while Puppet ran, and its own next run was good: no step is left that would clear that."""
    lost = failing(behind("Z", 9, "sql", ran=NOW - MINUTE))
    found = steps(SPEC, [behind("A", 1, "sql"), behind("B", 2, "sql"), lost], vips=VIPS)
    assert rolled(found) == ["B"]
    assert isinstance(found["Z"], Settled)


def test_others_go_as_many_at_once_as_may_be_unavailable_and_controllers_come_last():
    computes = [behind(f"C{n}", n, "compute") for n in (1, 2, 3)]
    controllers = [behind(f"K{n}", n + 3) for n in (1, 2, 3)]
    found = steps(SPEC, [*computes, *controllers], vips=VIPS)
    assert rolled(found) == ["C2", "C3"]
    assert found["K3"].on == "the other nodes of cl1: Puppet runs on 2 of them, and controllers come last"
    done = [replace(m, seen=replace(m.seen, last_puppet_began=NOW)) for m in computes]
    assert rolled(steps(SPEC, [*done, *controllers], vips=VIPS)) == ["K3"]


def test_a_compute_that_is_new_to_its_cluster_comes_after_the_controllers_that_it_leans_on():
    new = behind("N", 1, "compute")
    new = replace(new, history=history_with(new.history, told=0))
    found = steps(SPEC, [new, behind("K", 4)], vips=VIPS)
    assert rolled(found) == ["K"]
    assert found["N"].on == "1 controller of cl1 to catch up: they come first, as this node is new to them"
    assert rolled(steps(SPEC, [new, serving("K", 4)], vips=VIPS)) == ["N"]
    dead = looked_at(behind("K", 4), login="cannot connect to 10.1.1.5: timed out")
    assert "N" in rolled(steps(SPEC, [new, dead], vips=VIPS))


def test_a_document_that_breaks_nodes_goes_no_further_than_the_budget():
    computes = [failing(behind(f"C{n}", n, "compute")) if n > 2 else behind(f"C{n}", n, "compute") for n in range(1, 5)]
    found = steps(SPEC, computes, vips=VIPS)
    assert rolled(found) == []
    assert found["C1"].on == "its peers: 2 of 4 compute machines are out of service, 2 may be"


def test_windows_hold_it():
    spec = tree(
        {"cl1": cluster(controller={})}, policy={"windows": [{"allow": "Tue 09:00-10:00", "for": ["disruptive"]}]}
    )
    assert one(spec, behind("A"), vips=VIPS).on == "a window for disruptive steps, at Tue 09:00 UTC; then roll_out"
