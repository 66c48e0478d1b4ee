"""What is held back, and what it says it waits for."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from reconciler.model.action_base import Risk
from reconciler.model.history import History, Install, Phase, Proof, Service
from reconciler.model.kinds import Window
from reconciler.model.machine import MachineView, Pause, Power
from reconciler.model.plan import Settled
from reconciler.planning.windows import closed_until

from .build import (
    MINUTE,
    NOW,
    VIPS,
    approval,
    cluster,
    holding,
    in_phase,
    kind,
    kinds,
    machine,
    one,
    serving,
    silent,
    steps,
    tree,
    with_history,
)

SPEC = tree({"cl1": cluster(compute={}, controller={})})
TO_INSTALL = holding(in_phase(machine("A"), Phase.ENROLLED))


def fallen(serial: str, number: int, role: str = "controller") -> MachineView:
    """In service, and seen to run the live system."""
    proof = Proof(NOW - MINUTE, "live", "192.0.2.50")
    return with_history(replace(serving(serial, number, role), seen=machine(serial).seen), proof=proof)


def asked(serials: str, **policy):
    """A tree that asks for these machines to be reinstalled, and the words that allow it."""
    spec = tree({"cl1": cluster(compute={}, controller={})}, {s: {"reinstall": "now"} for s in serials}, policy)
    return {"spec": spec, "approvals": tuple(approval(s, "reinstall") for s in serials), "vips": VIPS}


@pytest.mark.parametrize("scope", ["fleet", "cluster:cl1", "machine:A"])
def test_a_pause_holds_every_action_in_its_scope(scope):
    pauses = (Pause(scope, "alice", "power work", NOW),)
    step = one(SPEC, TO_INSTALL, pauses=pauses)
    assert step.on == f"the end of a pause ({scope}, by alice: power work); then install_os"


@pytest.mark.parametrize("scope", ["cluster:cl2", "machine:B"])
def test_and_nothing_outside_of_it(scope):
    assert kind(one(SPEC, TO_INSTALL, pauses=(Pause(scope, "alice", "x", NOW),))) == "install_os"


def test_a_pause_does_not_hide_that_a_machine_is_well():
    assert isinstance(one(SPEC, serving("A", 1), pauses=(Pause("fleet", "a", "b", NOW),), vips=VIPS), Settled)


@pytest.mark.parametrize(
    ("pin", "expected"),
    [
        ({"lifecycle": "maintenance"}, "the end of its maintenance; then install_os"),
        ({"protected": True}, "its protection to be lifted; then install_os"),
    ],
)
def test_what_the_operator_holds_back_is_held_back(pin, expected):
    spec = tree({"cl1": cluster(controller={})}, {"A": pin})
    assert one(spec, TO_INSTALL).on == expected


def test_a_protected_machine_may_be_turned_on():
    spec = tree({"cl1": cluster(controller={})}, {"A": {"protected": True}})
    assert kind(one(spec, serving("A", 1, power=Power.OFF, power_at=NOW), vips=VIPS)) == "power_on"


def test_no_more_machines_are_wiped_than_the_budget_says_and_those_in_flight_count():
    spec = tree({"cl1": cluster(compute={})}, policy={"max_destructive": 2})
    fleet = [holding(in_phase(machine(f"M{n}", "compute"), Phase.ENROLLED), n) for n in range(1, 5)]
    install = one(spec, fleet[3]).action
    flying = replace(fleet[3], history=replace(fleet[3].history, open_action=install))
    found = steps(spec, [*fleet[:3], flying])
    assert kinds(found) == {"M1": "install_os", "M2": "wait", "M3": "wait", "M4": "wait"}
    assert found["M2"].on.startswith("a free slot: max_destructive lets 2 be erased or installed at a time")


def test_a_machine_out_for_its_reinstall_has_its_slot_already():
    todo = asked("A", max_destructive=1)
    h = History(Phase.ENROLLED, service=Service(left=NOW - MINUTE), install=Install(begun=NOW - timedelta(days=1)))
    out = replace(holding(machine("A", "compute")), history=h)
    other = holding(in_phase(machine("B", "compute"), Phase.ENROLLED), 2)
    assert kinds(steps(todo.pop("spec"), [out, other], **todo)) == {"A": "install_os", "B": "wait"}


class TestUnavailable:
    def test_one_controller_at_a_time(self):
        todo = asked("ABC")
        found = steps(todo.pop("spec"), [serving(s, n) for n, s in enumerate("ABC", 1)], **todo)
        assert kinds(found) == {"A": "-> enrolled", "B": "wait", "C": "wait"}
        assert found["B"].on == "its peers: 1 of 3 controller machines are out of service, 1 may be"

    @pytest.mark.parametrize(
        "out",
        [
            serving("Z", 3, power=Power.OFF, power_at=NOW - timedelta(days=1)),
            replace(serving("Z", 3), history=History(Phase.ENROLLED, service=Service(left=NOW))),
            fallen("Z", 3),
            with_history(serving("Z", 3), last_begun="boot_disk", touched=NOW - MINUTE),
            with_history(serving("Z", 3), last_begun="boot_disk", touched=NOW - 39 * MINUTE),
        ],
        ids=["off", "being reinstalled", "in the live system", "on its way back from there", "never back from there"],
    )
    def test_a_peer_that_is_out_already_counts(self, out):
        todo = asked("A")
        found = steps(todo.pop("spec"), [serving("A", 1), serving("B", 2), out], **todo)
        assert kinds(found)["A"] == "wait"

    def test_machines_that_fell_are_power_cycled_within_the_budget_one_at_least(self):
        spec = tree(
            {"cl1": cluster(compute={}, controller={})}, policy={"max_unavailable": {"compute": 2, "default": 0}}
        )
        found = steps(spec, [fallen(s, n, "compute") for n, s in enumerate("ABC", 1)], vips=VIPS)
        assert kinds(found) == {"A": "boot_disk", "B": "boot_disk", "C": "wait"}
        assert found["C"].on == "its peers: 2 of 3 compute machines come up from their disks, 2 may at once"
        found = steps(spec, [fallen(s, n) for n, s in enumerate("AB", 1)], vips=VIPS)
        assert kinds(found) == {"A": "boot_disk", "B": "wait"}

    @pytest.mark.parametrize("left", [NOW - timedelta(hours=1), None])
    def test_a_first_boot_from_disk_is_no_healing(self, left):
        spec = tree({"cl1": cluster(compute={})}, policy={"max_unavailable": {"default": 1}})
        new = holding(machine("A", "compute"))
        booting = in_phase(silent(new), Phase.INSTALLED, last_begun="boot_disk", touched=NOW, left_service=left)
        to_boot = in_phase(new, Phase.INSTALLED, left_service=left)
        for first in (booting, to_boot):
            found = steps(spec, [first, fallen("B", 2, "compute")], vips=VIPS)
            assert kind(found["B"]) == "boot_disk"

    @pytest.mark.parametrize(
        ("first", "second"),
        [
            ({"touched": NOW - MINUTE, "looks": 1, "looked": NOW}, "wait"),
            ({"touched": NOW - MINUTE, "proof": Proof(NOW, "installed", "10.1.1.2", "i1")}, "boot_disk"),
            ({"touched": NOW - 21 * MINUTE, "looks": 5, "looked": NOW}, "boot_disk"),
        ],
        ids=["it boots", "it is back", "it does not come back"],
    )
    def test_the_next_one_follows_when_the_first_was_seen_to_be_back(self, first, second):
        spec = tree({"cl1": cluster(controller={})})
        back = with_history(serving("A", 1), last_begun="boot_disk", **first)
        assert kinds(steps(spec, [back, fallen("B", 2)], vips=VIPS))["B"] == second

    def test_a_report_in_their_names_takes_nobody_out_of_service(self):
        said = [replace(serving(s, n), seen=machine(s).seen) for n, s in enumerate("AB", 1)]
        todo = asked("C")
        found = steps(todo.pop("spec"), [*said, serving("C", 3)], **todo)
        assert kinds(found) == {"A": "verify_live", "B": "verify_live", "C": "-> enrolled"}

    def test_the_quorum_is_kept_whatever_the_budget_allows(self):
        todo = asked("ABCDE", max_unavailable={"controller": 5})
        found = steps(todo.pop("spec"), [serving(s, n) for n, s in enumerate("ABCDE", 1)], **todo)
        assert list(kinds(found).values()) == ["-> enrolled"] * 2 + ["wait"] * 3
        assert found["C"].on == "its peers: with 3 of 5 controller machines out of service the quorum is lost"

    @pytest.mark.parametrize(("budget", "leaving"), [("10%", 1), ("50%", 2), (3, 3), (0, 0), ("0%", 1)])
    def test_a_percentage_allows_at_least_one(self, budget, leaving):
        todo = asked("ABCD", max_unavailable={"default": budget})
        found = steps(todo.pop("spec"), [serving(s, n, "compute") for n, s in enumerate("ABCD", 1)], **todo)
        assert list(kinds(found).values()).count("-> enrolled") == leaving

    def test_new_machines_are_not_held_by_it(self):
        spec = tree({"cl1": cluster(compute={})})
        fleet = [holding(in_phase(machine(f"M{n}", "compute"), Phase.ENROLLED), n) for n in range(1, 9)]
        assert set(kinds(steps(spec, fleet)).values()) == {"install_os"}

    def test_releases_wait_for_each_other_while_the_cluster_wants_the_role(self):
        gone = {s: {"lifecycle": "decommissioned"} for s in "AB"}
        words = tuple(approval(s, "release") for s in "AB")
        fleet = [serving(s, n) for n, s in enumerate("ABC", 1)]
        found = steps(tree({"cl1": cluster(controller={})}, gone), fleet, approvals=words, vips=VIPS)
        assert kinds(found) == {"A": "release", "B": "wait", "C": "settled"}
        found = steps(tree({}, gone), fleet, approvals=words)
        assert kinds(found) == {"A": "release", "B": "release", "C": "orphaned"}


def window(allow: str, zone: str = "UTC", *risks: str) -> Window:
    return Window.model_validate({"allow": allow, "timezone": zone, "for": risks or ("destructive",)})


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("windows", "now", "opens"),
    [
        ([], "2026-11-23 03:00", None),
        (["Mon-Thu 09:00-17:00"], "2026-11-23 09:00", None),
        (["Mon-Thu 09:00-17:00"], "2026-11-23 08:59", "2026-11-23 09:00"),
        (["Mon-Thu 09:00-17:00"], "2026-11-26 17:00", "2026-11-30 09:00"),
        (["Mon 09:00-17:00"], "2026-11-23 18:00", "2026-11-30 09:00"),
        (["Fri-Mon 22:00-04:00"], "2026-11-24 03:59", None),
        (["Fri-Mon 22:00-04:00"], "2026-11-24 04:00", "2026-11-27 22:00"),
        (["Sun 22:00-24:00"], "2026-11-29 23:59", None),
        (["Sun 22:00-24:00", "Mon 01:00-02:00"], "2026-11-30 00:00", "2026-11-30 01:00"),
    ],
)
def test_windows_open_and_close(windows, now, opens):
    found = closed_until([window(w) for w in windows], Risk.DESTRUCTIVE, at(now))
    assert found == (at(opens) if opens else None)


def test_windows_keep_the_time_of_their_zone_in_summer_and_winter():
    zurich = [window("Mon-Sun 09:00-17:00", "Europe/Zurich")]
    assert closed_until(zurich, Risk.DESTRUCTIVE, at("2026-07-01 07:00")) is None
    assert closed_until(zurich, Risk.DESTRUCTIVE, at("2026-11-23 07:00")) == at("2026-11-23 08:00")


def test_a_window_concerns_the_risks_it_names():
    only = [window("Sun 01:00-02:00", "UTC", "disruptive")]
    assert closed_until(only, Risk.DESTRUCTIVE, NOW) is None
    assert closed_until(only, Risk.DISRUPTIVE, NOW) == at("2026-11-29 01:00")


def test_a_step_outside_its_window_says_when_it_opens():
    spec = tree({"cl1": cluster(controller={})}, policy={"windows": [{"allow": "Tue 09:00-10:00"}]})
    step = one(spec, TO_INSTALL)
    assert step.on == "a window for destructive steps, at Tue 09:00 UTC; then install_os"
    assert step.until == at("2026-11-24 09:00")
