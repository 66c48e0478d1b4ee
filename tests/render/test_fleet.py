"""From plan and observation to what is drawn."""

from dataclasses import replace

import pytest

from reconciler.model.history import Failures, History, Phase
from reconciler.model.machine import Observation
from reconciler.model.plan import Advance, Orphaned, Plan, Settled, Step, Wait
from reconciler.model.reasons import Reason
from reconciler.render.fleet import PlannedFleet, SourceStatus, build_fleet, with_progress
from reconciler.render.racks import draw_racks, group_waits, natural, unracked
from reconciler.render.rows import MachineSummary, Tone

from ..server.worlds import NOW, PROGRESS, fleet_of, machine_of

SERIAL = "2S2JG000"


@pytest.mark.parametrize(
    ("step", "changes", "tone"),
    [
        (Settled(SERIAL, Reason.IN_SERVICE, "as wanted"), {}, Tone.SETTLED),
        (Settled(SERIAL, Reason.IN_SERVICE, "as wanted"), {"conflict": "two machines claim this serial"}, Tone.TROUBLE),
        (Settled(SERIAL, Reason.IN_SERVICE, "as wanted"), {"enc_problem": "no controller yet"}, Tone.TROUBLE),
        (Wait(SERIAL, Reason.REPORT_DUE, "a newer report"), {}, Tone.WAITING),
        (
            Wait(SERIAL, Reason.REPORT_DUE, "a newer report"),
            {"history": History(failures=Failures(count=1))},
            Tone.TROUBLE,
        ),
        (Wait(SERIAL, Reason.FOREIGN_DATA, "approval"), {}, Tone.ASKS),
        (Wait(SERIAL, Reason.DRIFT, "whatever it is called"), {}, Tone.TROUBLE),
        (Advance(SERIAL, Phase.INSTALLED, Reason.INSTALL_ENDED, "Debian answers"), {}, Tone.BUSY),
        (Orphaned(SERIAL, Reason.NOT_ASKED_FOR, "in no spec"), {}, Tone.ORPHANED),
    ],
)
def test_tone_tells_how_much_a_machine_wants_a_human(step: Step, changes: dict[str, object], tone: Tone) -> None:
    machine = replace(machine_of(0), **changes)
    plan = Plan("c0ffee", "0", (step,))
    [row] = build_fleet(PlannedFleet(plan, Observation(NOW, (machine,))), source=SourceStatus()).machines
    assert row.tone is tone


def test_new_progress_changes_the_view_and_the_same_does_not() -> None:
    view = fleet_of(12)
    assert with_progress(view, PROGRESS) is view
    moved = with_progress(view, {"2S2JG001": "unpacking base system, 62%"})
    assert {row.serial: row.progress for row in moved.machines if row.progress} == {
        "2S2JG001": "unpacking base system, 62%"
    }


def row(serial: str, rack: str | None, unit: int | None, height: int = 1) -> MachineSummary:
    return replace(fleet_of(1).machines[0], serial=serial, hostname=None, rack=rack, unit=unit, height=height)


def test_a_rack_is_drawn_from_the_top_with_free_units_in_one_line() -> None:
    [rack] = draw_racks([row("A", "1", 2, 2), row("B", "1", 9)])
    drawn = [(slot.name, slot.machine.serial if slot.machine else None) for slot in rack.slots]
    assert drawn == [("U9", "B"), ("U4-8", None), ("U2-3", "A"), ("U1", None)]


def test_machines_that_claim_one_unit_are_all_shown() -> None:
    [rack] = draw_racks([row("A", "1", 2, 2), row("B", "1", 3), row("C", "1", None)])
    assert [slot.machine.serial for slot in rack.slots if slot.machine] == ["A"]
    assert [machine.serial for machine in rack.misplaced] == ["B", "C"]


def test_racks_are_in_the_order_humans_count() -> None:
    assert [rack.rack for rack in draw_racks([row("A", "10", 1), row("B", "9", 1), row("C", None, 1)])] == ["9", "10"]
    assert [machine.serial for machine in unracked([row("C", None, 1)])] == ["C"]
    assert sorted(["n10", "n9", "", "n"], key=natural) == ["", "n", "n9", "n10"]


def test_waits_are_grouped_by_what_for_the_largest_first() -> None:
    groups = group_waits(fleet_of(200).machines)
    assert sorted((len(group.machines) for group in groups), reverse=True) == [len(g.machines) for g in groups]
    assert {group.on for group in groups} == {
        "a profile that matches",
        "approval: its disks hold an LVM volume group",
        "the back-off after 3 failures, until 03:20",
    }
