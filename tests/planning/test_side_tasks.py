"""Hooks and commands beside a machine's own way: when each has its turn, and that none holds the machine up."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from reconciler.model.actions import RunHook, TellCluster
from reconciler.model.events import Advanced, Failed, Interrupted, Retried, Started, Succeeded
from reconciler.model.folding import after
from reconciler.model.history import Announced, Failures, History, Phase, ToldCommand, command_digest
from reconciler.model.kinds import KINDS
from reconciler.model.machine import DocumentVersion, MachineView
from reconciler.model.plan import Settled, Timings, Wait
from reconciler.planning.side_tasks import DISCOVER_HOSTS

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
    looked_at,
    machine,
    one,
    planned,
    serving,
    silent,
    steps,
    tree,
    with_history,
)

HOOK = "tell"


def spec(hooks: tuple[str, ...] = (), machines: Any = None, after_puppet: tuple[str, ...] = ()) -> Any:
    made = tree({"cl1": cluster(controller={}, compute={})}, machines)
    fleet = made.fleet.model_copy(update={"hooks": KINDS["Fleet"].model_validate(
        {"provisioning": {"address": "192.0.2.2", "trusted_networks": []}, "hooks": dict.fromkeys(hooks, HOOK)}
    ).hooks})  # fmt: skip
    profile = made.profiles["compute"].model_copy(update={"after_puppet": after_puppet})
    return replace(made, fleet=fleet, profiles={**made.profiles, "compute": profile})


ALL = ("dns", "monitoring", "root_password", "bmc_password")


def test_hooks_are_told_one_after_the_other_of_what_they_ask_for():
    m, told = serving("A", 1), []
    while isinstance(step := one(spec(ALL), m, vips=VIPS), object) and kind(step) == "run_hook":
        told.append((step.action.hook, step.action.event))
        m = replace(
            m, history=after(after(m.history, Started("A", NOW, step.action)), Succeeded("A", NOW, step.action))
        )
    assert told == [
        ("dns", "enrolled"), ("bmc_password", "enrolled"), ("root_password", "in-service"),
        ("monitoring", "in-service"),
    ]  # fmt: skip
    assert isinstance(step, Settled)


def test_a_machine_with_something_better_to_do_does_that_first():
    m = holding(in_phase(machine("A"), Phase.ENROLLED))
    assert kind(one(spec(ALL), m)) == "install_os"
    waiting = silent(with_history(m, touched=NOW - MINUTE, last_begun="boot_live"))
    assert kind(one(spec(()), waiting)) == "wait"
    assert one(spec(ALL), waiting).action.hook == "dns"


def test_a_hook_that_fails_is_tried_again_with_patience_and_at_once_when_an_operator_says_so():
    hook = one(spec(("dns",)), serving("A", 1), vips=VIPS).action
    h = serving("A", 1).history
    for failures in (1, 2, 3):
        h = after(after(h, Started("A", NOW, hook)), Failed("A", NOW, hook.id, "hook dns: no such zone"))
        assert (h.failures.count, h.side_failures.count, h.last_begun) == (0, failures, "install_os")
    m = replace(serving("A", 1), history=h)
    step = one(spec(("dns",)), m, vips=VIPS)
    assert step.on == "another try at run_hook at 10:04:00 UTC, after 3 failures: hook dns: no such zone"
    gone = one(spec(("dns",)), with_history(m, aside_failures=5), vips=VIPS)
    assert gone.on == "an operator, then retry: 5 failures in a row, the last: hook dns: no such zone"
    m = replace(m, history=after(h, Retried("A", NOW, "ann", "the zone is there")))
    assert kind(one(spec(("dns",)), m, vips=VIPS)) == "run_hook"
    assert after(after(h, Started("A", NOW, hook)), Interrupted("A", NOW, hook.id)).open_action is None


def test_and_keeps_nothing_else_from_being_done():
    m = holding(in_phase(machine("A"), Phase.ENROLLED))
    failing = with_history(m, aside_failures=9, aside_tried=NOW, aside_error="hook dns: no such zone")
    assert kind(one(spec(("dns",)), failing)) == "install_os"


def test_who_was_told_that_a_machine_is_there_is_told_that_it_leaves_before_it_is_released():
    leaving = spec(("dns", "monitoring"), {"A": {"lifecycle": "decommissioned"}})
    m = with_history(serving("A", 1), hooks=("dns",))
    assert isinstance(one(leaving, m, vips=VIPS), Wait)
    word = (approval("A", "release"),)
    step = one(leaving, m, vips=VIPS, approvals=word)
    assert (step.action.hook, step.action.event) == ("dns", "released")
    h = after(after(m.history, Started("A", NOW, step.action)), Succeeded("A", NOW, step.action))
    assert kind(one(leaving, replace(m, history=h), vips=VIPS, approvals=word)) == "release"


def test_a_hook_that_the_configuration_does_not_define_is_told_of_no_machine_and_the_plan_says_what_to_do():
    m = serving("A", 1)
    todo = planned(spec(("dns",)), [m], vips=VIPS, hooks=("other",))
    assert isinstance(todo.steps[0], Settled)
    (note,) = todo.notes.values()
    assert "defines no hook tell, only other. Put hooks: {tell: {command: [/path/to/program]}} into it" in note
    for known in (None, ("other", HOOK)):
        todo = planned(spec(("dns",)), [m], vips=VIPS, hooks=known)
        assert (kind(todo.steps[0]), todo.notes) == ("run_hook", {})


def test_who_was_told_by_a_hook_that_is_defined_no_more_is_not_released_untold():
    leaving = spec(("dns",), {"A": {"lifecycle": "decommissioned"}})
    m = with_history(serving("A", 1), hooks=("dns",))
    step = one(leaving, m, vips=VIPS, approvals=(approval("A", "release"),), hooks=())
    assert (step.action.hook, step.action.event) == ("dns", "released")


def newcomer(
    serial: str = "N", number: int = 1, commands_run: int = 0, ran: tuple[str, ...] = (), **seen: Any
) -> MachineView:
    """A compute, for which these commands were run, or so many of which nobody knows the text."""
    commands = tuple(ToldCommand(place, command_digest(text)) for place, text in enumerate(ran))
    history = {"told": len(ran) if ran else commands_run, "told_commands": commands}
    return with_history(serving(serial, number, "compute", **seen), **history)


D, A, B, X = DISCOVER_HOSTS, "echo A {hostname}", "echo B", "echo X"
A_RAN = "echo A cl1-compute-1.example.com"


@pytest.mark.parametrize(
    ("written", "history", "due"),
    [
        ((A, B), {}, (0, D)),
        ((A, B), {"ran": (D,)}, (1, A_RAN)),
        ((A, B), {"ran": (D, A_RAN, B)}, None),
        ((X, A, B), {"ran": (D, A_RAN, B)}, (1, X)),
        ((A, X, B), {"ran": (D, A_RAN, B)}, (2, X)),
        ((A, B, X), {"ran": (D, A_RAN, B)}, (3, X)),
        ((B, A), {"ran": (D, A_RAN, B)}, None),
        ((B,), {"ran": (D, A_RAN, B)}, None),
        ((B, X), {"ran": (D, A_RAN, B)}, (2, X)),
        (("echo another A", B), {"ran": (D, A_RAN, B)}, None),
        (("echo another A", B, X), {"ran": (D, A_RAN, B)}, (3, X)),
        ((A, A), {"ran": (D, A_RAN)}, None),
        ((A, B), {"commands_run": 1}, (1, A_RAN)),  # the first one is always the same
        ((A, B), {"commands_run": 2}, None),
        ((X, A, B), {"commands_run": 3}, None),
        (("echo {compute_aggregate}",), {"ran": (D, "echo rack1")}, None),  # it stands in no rack by now
    ],
)
def test_a_command_is_known_by_its_text_wherever_it_stands(written, history, due):
    found = steps(spec(after_puppet=written), [serving("C", 8), newcomer(**history)], vips=VIPS)["N"]
    action = getattr(found, "action", None)
    assert (action and (action.number, action.command)) == due


def test_what_the_journal_of_any_version_says_was_run_is_run_no_more():
    h = after(History(Phase.INSTALLED), Advanced("N", NOW, Phase.IN_SERVICE, "x", True))
    told = []
    for written in ((A,), (A,), (X, A), (X, A)):
        m = replace(newcomer(), history=h)
        step = steps(spec(after_puppet=written), [serving("C", 8), m], vips=VIPS)["N"]
        if isinstance(step, Settled):
            continue
        told.append(step.action.command)
        h = after(after(h, Started("N", NOW, step.action)), Succeeded("N", NOW, step.action))
    assert told == [D, A_RAN, X]
    assert after(h, Advanced("N", NOW, Phase.ENROLLED, "reinstall")).announced == Announced()


def test_a_cluster_is_told_of_a_compute_once_all_its_controllers_are_in():
    commands = ("openstack compute service set --disable {hostname} nova-compute", "echo second")
    told, ran = [], ()
    for _ in range(3):
        step = one(spec(after_puppet=commands), newcomer(ran=ran), vips=VIPS)
        assert (
            isinstance(step, Settled)
            and step.because == "in service; its cluster is told of it once a controller is up"
        )
        found = steps(spec(after_puppet=commands), [serving("C", 8), serving("D", 9), newcomer(ran=ran)], vips=VIPS)
        action = found["N"].action
        assert isinstance(action, TellCluster)
        told.append((action.number, action.controller, action.command))
        ran = (*ran, action.command)
    assert told == [
        (0, "C", DISCOVER_HOSTS),
        (1, "C", "openstack compute service set --disable cl1-compute-1.example.com nova-compute"),
        (2, "C", "echo second"),
    ]
    found = steps(spec(after_puppet=commands), [serving("C", 8), newcomer(ran=ran)], vips=VIPS)
    assert kinds(found)["N"] == "settled"


@pytest.mark.parametrize(
    "controllers",
    [
        [serving("C", 8), holding(in_phase(machine("D"), Phase.ENROLLED), 9)],
        [replace(serving("C", 8, last_puppet_began=NOW - MINUTE), document=DocumentVersion("d", NOW))],
    ],
    ids=["one to come", "its document not applied yet"],
)
def test_and_not_before(controllers):
    step = steps(spec(), [*controllers, newcomer()], vips=VIPS)["N"]
    assert isinstance(step, Settled)
    assert step.because.startswith("in service; its cluster is told of it once")


DEAD = {"login": "cannot connect to 10.1.1.9: timed out"}
SICK = {"keystone": "no token: HTTP/1.1 503 Service Unavailable"}


@pytest.mark.parametrize(
    ("first", "second", "asked"),
    [
        ({}, {}, "C"),
        (DEAD, {}, "D"),
        (SICK, {}, "D"),
        (SICK, SICK, "C"),
        (DEAD, SICK, "D"),
        (SICK, DEAD, "C"),
        (DEAD, DEAD, None),
    ],
)
def test_the_first_controller_is_asked_that_serves_or_at_least_answers(first, second, asked):
    pool = [looked_at(serving("C", 8), **first), looked_at(serving("D", 9), **second), newcomer()]
    step = steps(spec(), pool, vips=VIPS)["N"]
    assert getattr(getattr(step, "action", None), "controller", None) == asked


def test_a_dead_controller_that_is_behind_holds_up_no_compute():
    behind = replace(serving("C", 8, last_puppet_began=NOW - MINUTE), document=DocumentVersion("d", NOW))
    found = steps(spec(), [looked_at(behind, **DEAD), serving("D", 9), newcomer()], vips=VIPS)
    assert found["N"].action.controller == "D"


def test_an_aggregate_that_the_racking_does_not_name_wants_an_operator():
    found = steps(
        spec(after_puppet=("echo {compute_aggregate}",)), [serving("C", 8), newcomer(commands_run=1)], vips=VIPS
    )
    assert (
        found["N"].on == "an operator: after_puppet names {compute_aggregate}, and the racking has none for its switch"
    )


def test_machines_that_came_into_service_before_this_was_known_are_not_told_of():
    installed = History(Phase.INSTALLED)
    assert after(installed, Advanced("A", NOW, Phase.IN_SERVICE, "x")).announced.commands_run is None
    assert after(installed, Advanced("A", NOW, Phase.IN_SERVICE, "x", True)).announced.commands_run == 0
    assert isinstance(steps(spec(), [serving("C", 8), newcomer(commands_run=None)], vips=VIPS)["N"], Settled)


def test_a_reinstall_tells_them_again():
    serves = History(Phase.IN_SERVICE, announced=Announced(hooks=("dns",), commands_run=2))
    h = after(serves, Advanced("A", NOW, Phase.ENROLLED, "reinstall"))
    assert (h.announced.hooks, h.announced.commands_run) == ((), None)


def test_hooks_are_actions_that_touch_nothing():
    hook = one(spec(("dns",)), serving("A", 1), vips=VIPS).action
    assert isinstance(hook, RunHook)
    assert not hook.touches
    later = NOW + timedelta(minutes=5)
    h = after(History(touched=NOW, failures=Failures(tried=NOW)), Started("A", later, hook))
    assert (h.touched, h.failures.tried) == (NOW, NOW)
    assert Timings().give_up_after == 5
