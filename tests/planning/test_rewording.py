"""Sentences are for people: with every one of them reworded the planner decides the same."""

import importlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any, get_args

import pytest

from reconciler.model.contents import (
    ContentPart,
    Contents,
    ForeignConfigurationFound,
    MarkFound,
    SingleDiskFound,
    Unreadable,
    UnreadFound,
    VolumeFound,
)
from reconciler.model.disk_id import ControllerId, Finding, InstalledSystem
from reconciler.model.history import History, Phase, Service
from reconciler.model.machine import MachineView
from reconciler.model.plan import Plan, PlanningInput, Step, Wait

from ..rewording import OTHER_WORDS, reworded
from . import build
from .build import NOW, VIPS, approval, cluster, given, holding, in_phase, machine, one, silent, tree
from .test_golden_plans import STORIES


@pytest.fixture(scope="module")
def reworded_plan() -> Callable[[PlanningInput], Plan]:
    """``plan`` of a planner that says everything in other words."""
    with reworded("reconciler.planning"):
        plan: Callable[[PlanningInput], Plan] = importlib.import_module("reconciler.planning.planner").plan
    return plan


def text(step: Step) -> str:
    return step.on if isinstance(step, Wait) else step.because


def decided(step: Step) -> Step:
    """The step without its sentence."""
    return replace(step, on="") if isinstance(step, Wait) else replace(step, because="")


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_the_stories_are_decided_alike_in_any_words(
    story: Callable[[], Plan], reworded_plan: Callable[[PlanningInput], Plan], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = story()
    monkeypatch.setattr(build, "plan", reworded_plan)
    after = story()
    assert [decided(step) for step in after.steps] == [decided(step) for step in before.steps]
    assert all(OTHER_WORDS in text(step) for step in after.steps)


GONE = {"A": {"lifecycle": "decommissioned"}}
MOVED = {"A": {"cluster": "cl2"}}
AGAIN = {"A": {"reinstall": "2026-11-23", "data_disks": "erase"}}
SERVING = silent(holding(in_phase(machine("A"), Phase.IN_SERVICE)))
FOREIGN = holding(in_phase(machine("A", contents="ext4"), Phase.ENROLLED))
RELEASED = replace(
    holding(machine("A")), history=History(Phase.ENROLLED, service=Service(released=NOW, left_install="0123456789ab"))
)


@pytest.mark.parametrize(
    ("m", "pins", "policy"),
    [
        (FOREIGN, {}, {}),
        (RELEASED, {}, {}),
        (holding(in_phase(machine("A"), Phase.ENROLLED)), {}, {"install": "approval"}),
        (SERVING, AGAIN, {}),
        (SERVING, GONE, {}),
        (SERVING, MOVED, {}),
    ],
    ids=["foreign data", "an earlier place", "an install", "a reinstall", "a release", "a move"],
)
def test_what_was_approved_stays_approved_in_any_words(
    m: MachineView, pins: Any, policy: Any, reworded_plan: Callable[[PlanningInput], Plan]
) -> None:
    spec = tree({"cl1": cluster(controller={})}, pins, policy)
    asked = one(spec, m, vips=VIPS)
    assert isinstance(asked, Wait) and asked.needs_approval
    words = (approval("A", asked.needs_approval, covers=asked.covers),)
    (step,) = reworded_plan(given(spec, [m], vips=VIPS, approvals=words)).steps
    assert not isinstance(step, Wait)
    (again,) = reworded_plan(given(spec, [m], vips=VIPS)).steps
    assert isinstance(again, Wait) and (again.covers, again.reason) == (asked.covers, asked.reason)
    assert again.on != asked.on


@pytest.mark.parametrize(
    "what",
    [
        InstalledSystem("n1", "0123456789ab"),
        Contents.parse('gpt; ext4 on sda1 "root"'),
        Contents.of(UnreadFound(Unreadable.NO_TOOL, ("/dev/sda",), "LVM2_member"), MarkFound("UUID", "CC-3")),
        Contents.of(VolumeFound(0, 1, ("0:32:1",)), ForeignConfigurationFound(("0:32:2",)), SingleDiskFound("0:32:3")),
    ],
    ids=str,
)
def test_what_was_approved_of_what_was_met_stays_approved_in_any_words(
    what: InstalledSystem | Contents, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec, bare = tree({"cl1": cluster(controller={})}), holding(in_phase(machine("A"), Phase.ENROLLED))
    assert bare.disks is not None
    met = (Finding(bare.disks.identity[0], what), Finding(ControllerId(0), what))
    m = replace(bare, history=replace(bare.history, disks=replace(bare.history.disks, foreign_data=met)))
    asked = one(spec, m, vips=VIPS)
    assert isinstance(asked, Wait) and asked.needs_approval
    for found in (InstalledSystem, Contents, *get_args(ContentPart)):
        monkeypatch.setattr(found, "__str__", lambda found: f"{OTHER_WORDS}{type(found).__name__}")
    again = one(spec, m, vips=VIPS)
    assert isinstance(again, Wait) and again.on != asked.on
    step = one(spec, m, vips=VIPS, approvals=(approval("A", asked.needs_approval, covers=asked.covers),))
    assert not isinstance(step, Wait)
