"""When nothing may be begun, and what a plan says then."""

from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.app.netboot import Boots
from reconciler.app.revisions import RevisionDiff, observe_again, snapshot_of
from reconciler.model.boot_choice import BootFrom
from reconciler.model.epoch import Epoch, Standing
from reconciler.model.history import Phase
from reconciler.model.machine import Certificate, InstallStatus, Observation, SecretRef
from reconciler.model.plan import Act, Advance, Wait
from reconciler.planning.observe_only import disagreement, new_beside_installed, says_installed
from reconciler.render.plan_json import plan_json
from reconciler.render.plan_markdown import plan_markdown
from reconciler.render.plan_text import plan_text

from .build import MINUTE, NOW, VIPS, approval, cluster, holding, in_phase, machine, planned, saying, tree

FILE = "/var/lib/reconciler/fleet.json"
SPEC = tree({"cl1": cluster(controller={})})
WHY = "Nothing is begun: the database is older than what was done since."
MINE, OTHER = "6a6f1c5e", "0b7d2f90"


@pytest.mark.parametrize(
    ("database", "remembered", "said"),
    [
        pytest.param(None, None, None, id="nothing yet"),
        pytest.param(Standing(Epoch(MINE, 0)), None, None, id="new, beside a new folder"),
        pytest.param(Standing(Epoch(MINE, 9)), None, None, id="another host's daemon acted so far"),
        pytest.param(Standing(Epoch(MINE, 9)), Epoch(MINE, 9), None, id="agreed"),
        pytest.param(Standing(Epoch(MINE, 9)), Epoch(MINE, 8), None, id="another acted since"),
        pytest.param(
            Standing(Epoch(MINE, 8)), Epoch(MINE, 9), "has counted to 9, and the database to 8", id="older database"
        ),
        pytest.param(
            Standing(Epoch(OTHER, 99)), Epoch(MINE, 9), f"{OTHER}, and that one of {MINE}", id="another database"
        ),
        pytest.param(None, Epoch(MINE, 9), f"there is no database, and {FILE} remembers one", id="lost"),
        pytest.param(Standing(Epoch(MINE, 9), "it was restored"), None, "it was restored", id="restored elsewhere"),
        pytest.param(
            Standing(Epoch(MINE, 9), "it was restored"), Epoch(MINE, 9), "it was restored", id="restored in its place"
        ),
    ],
)
def test_what_database_and_state_folder_say_of_each_other(database, remembered, said):
    why = disagreement(database, remembered, FILE)
    assert (why is None) if said is None else (said in (why or ""))


def installed(serial, **more):
    m = machine(serial, **more)
    return replace(m, seen=replace(m.seen, hardware=replace(m.seen.hardware, from_installed=True)))


PLACED = holding(machine("P"))
BLANK, SERVING = machine("A"), installed("B")


@pytest.mark.parametrize(
    ("machines", "released", "settled", "doubted"),
    [
        pytest.param([BLANK], (), False, False, id="a new fleet"),
        pytest.param([BLANK, SERVING], (), False, True, id="a database that was lost"),
        pytest.param([BLANK, SERVING], (), True, False, id="an operator said that it is right"),
        pytest.param([PLACED, SERVING], (), False, False, id="one machine among others"),
        pytest.param([SERVING], ("Z",), False, False, id="it had a place, and gave it back"),
    ],
)
def test_a_database_that_knows_no_place_beside_machines_that_serve(machines, released, settled, doubted):
    why = new_beside_installed(machines, released, settled=settled)
    assert (why is not None) is doubted
    assert why is None or "an installed system reports from B" in why


def test_of_many_machines_some_are_named():
    why = new_beside_installed([installed(f"S{n}") for n in range(5)], (), settled=False)
    assert why is not None
    assert "from S0, S1, S2 and 2 more" in why


@pytest.mark.parametrize(
    ("m", "so"),
    [
        (BLANK, False),
        (SERVING, True),
        (replace(BLANK, seen=None), False),
        (saying(BLANK, InstallStatus.LIVE), False),
        (saying(BLANK, InstallStatus.PUPPET_SUCCESS), True),
        (saying(BLANK, InstallStatus.FIRSTBOOT, NOW - 2 * MINUTE, reported=NOW - MINUTE), False),  # in live since
    ],
)
def test_whose_last_word_is_that_of_an_installed_system(m, so):
    assert says_installed(m) is so


def test_a_machine_on_which_a_system_runs_is_given_no_place_by_itself():
    steps = {step.serial: step for step in planned(SPEC, [BLANK, SERVING], vips=VIPS).steps}
    assert isinstance(steps["A"], Act)
    assert isinstance(steps["B"], Wait)
    assert steps["B"].wants_operator
    assert "reconciler adopt" in steps["B"].on


FLEET = [
    BLANK,
    holding(machine("C"), 1),  # would be recorded as enrolled
    in_phase(holding(machine("D"), 2), Phase.ENROLLED),  # would be installed
    in_phase(holding(machine("E", contents="LVM"), 3), Phase.ENROLLED),  # would be asked about
    in_phase(holding(machine("F"), 4), Phase.IN_SERVICE),  # fell into the live system: would be booted
]


def test_while_it_only_looks_no_plan_begins_anything():
    doing = planned(SPEC, FLEET, vips=VIPS)
    kinds = {step.serial: type(step) for step in doing.steps}
    assert kinds == {"A": Act, "C": Advance, "D": Act, "E": Wait, "F": Act}
    looking = planned(SPEC, FLEET, vips=VIPS, observing=WHY)
    assert looking.observing == WHY
    assert all(isinstance(step, Wait) for step in looking.steps)
    assert {step.serial: step.on.rpartition("; then ")[2] for step in looking.steps if step.serial in "ACD"} == {
        "A": "enroll",
        "C": "enrolled",
        "D": "install_os",
    }
    assert looking.observed != doing.observed


def test_while_it_only_looks_nobody_is_asked_to_approve_and_no_word_helps():
    words = (approval("E"), approval("F", "reinstall"))
    reinstall = tree({"cl1": cluster(controller={})}, {"F": {"reinstall": "2026-11-23"}})
    looking = planned(reinstall, FLEET, vips=VIPS, observing=WHY, approvals=words)
    assert all(isinstance(step, Wait) and step.needs_approval is None for step in looking.steps)


def test_every_form_of_a_plan_says_so_first():
    looking = planned(SPEC, FLEET, vips=VIPS, observing=WHY)
    assert plan_text(looking).startswith(f"! {WHY}\n")
    assert f"> **{WHY}**" in plan_markdown(looking).split("|")[0]
    assert plan_json(looking)["observing"] == WHY
    assert plan_json(planned(SPEC, FLEET, vips=VIPS))["observing"] is None


def test_a_clock_that_was_ahead_is_noted():
    assert "clock: it is behind" in plan_text(planned(SPEC, FLEET, vips=VIPS, clock="it is behind"))


def test_while_it_only_looks_everybody_boots_from_its_disk():
    told = [Boots(SPEC, tuple(FLEET), Path(), why).choice(None, serial).boot for why in (None, WHY) for serial in "ADZ"]
    assert told == [BootFrom.LIVE] * 3 + [BootFrom.DISK] * 3


def test_a_replay_for_other_specs_only_looks_too():
    observed = Observation(NOW, (), observing=WHY, clock="behind")
    again = observe_again(observed, SPEC, snapshot_of(observed), RevisionDiff())
    assert (again.observing, again.clock) == (WHY, "behind")


def test_a_replay_for_other_specs_understands_machines_anew_and_keeps_all_else():
    ends = Certificate(SecretRef("cl1", "api", "api", "certificate"), NOW + MINUTE)
    observed = Observation(NOW, tuple(FLEET), VIPS, certificates=(ends,), listening_since=NOW, base="c0ffee1")
    observed = replace(observed, set_up=("cl1",))
    assert snapshot_of(observed).set_up == {"cl1"}
    again = observe_again(observed, SPEC, snapshot_of(observed), RevisionDiff())
    assert replace(again, machines=observed.machines) == observed


def test_what_would_be_done_by_such_a_plan_is_no_rest_and_leads_nowhere_yet():
    todo = planned(SPEC, [holding(in_phase(machine("A"), Phase.ENROLLED))], observing=WHY)
    assert not todo.is_quiet
    assert plan_json(todo)["summary"]["destructive"] == 0
    assert not planned(tree({}), [], observing=WHY).is_quiet
