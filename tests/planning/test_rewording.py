"""Sentences are for people: with every one of them reworded the planner decides the same."""

import ast
import importlib
import importlib.util
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.abc import Loader
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from reconciler.model.disk_id import Finding, InstalledSystem
from reconciler.model.history import History, Phase, Service
from reconciler.model.machine import MachineView
from reconciler.model.plan import Plan, PlanningInput, Step, Wait

from . import build
from .build import NOW, VIPS, approval, cluster, given, holding, in_phase, machine, one, silent, tree
from .test_golden_plans import STORIES

PLANNING = "reconciler.planning"
SENTENCE = re.compile(r"[A-Za-z]\S* \S|^ \S|\S $")
NO_SENTENCES = ("DISCOVER_HOSTS",)
"""Constants of several words that are given to programs."""


class Reworded(ast.NodeTransformer):
    """Every text of more than one word in another wording."""

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        names = {target.id for target in node.targets if isinstance(target, ast.Name)}
        return node if names & set(NO_SENTENCES) else self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if isinstance(node.value, str) and SENTENCE.search(node.value):
            return ast.copy_location(ast.Constant(f"\N{PILCROW SIGN}{node.value.swapcase()}"), node)
        return node


class RewordingLoader(Loader):
    """Executes a module of the planner with other words."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def exec_module(self, module: ModuleType) -> None:
        reworded = Reworded().visit(ast.parse(self._path.read_text()))
        exec(compile(ast.fix_missing_locations(reworded), self._path, "exec"), module.__dict__)


class RewordingFinder:
    """Finds the planner's modules."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if not name.startswith(f"{PLANNING}."):
            return None
        file = Path(build.__file__).parents[2] / (name.replace(".", "/") + ".py")
        return importlib.util.spec_from_file_location(name, file, loader=RewordingLoader(file))


@pytest.fixture(scope="module")
def reworded_plan() -> Iterator[Callable[[PlanningInput], Plan]]:
    """``plan`` of a planner that says everything in other words."""
    known = {name: sys.modules.pop(name) for name in list(sys.modules) if name.startswith(f"{PLANNING}.")}
    finder: Any = RewordingFinder()
    sys.meta_path.insert(0, finder)
    try:
        plan = importlib.import_module(f"{PLANNING}.planner").plan
    finally:
        sys.meta_path.remove(finder)
        for name in [name for name in sys.modules if name.startswith(f"{PLANNING}.")]:
            del sys.modules[name]
        sys.modules.update(known)
    yield plan


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
    assert all("\N{PILCROW SIGN}" in text(step) for step in after.steps)


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


def test_what_was_approved_of_an_installed_system_stays_approved_in_any_words(monkeypatch: pytest.MonkeyPatch) -> None:
    spec, bare = tree({"cl1": cluster(controller={})}), holding(in_phase(machine("A"), Phase.ENROLLED))
    assert bare.disks is not None
    met = Finding(bare.disks.identity[0], InstalledSystem("n1", "0123456789ab"))
    m = replace(bare, history=replace(bare.history, disks=replace(bare.history.disks, foreign_data=(met,))))
    asked = one(spec, m, vips=VIPS)
    assert isinstance(asked, Wait) and asked.needs_approval
    monkeypatch.setattr(InstalledSystem, "__str__", lambda system: f"{system.install}, that is {system.hostname}")
    step = one(spec, m, vips=VIPS, approvals=(approval("A", asked.needs_approval, covers=asked.covers),))
    assert not isinstance(step, Wait)
