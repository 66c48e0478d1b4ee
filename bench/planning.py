"""A plan of the whole fleet, from an observation in memory: all of it waiting for a place, and all of it in service."""

from functools import partial
from pathlib import Path

from reconciler.model.machine import Observation
from reconciler.model.plan import Plan, PlanningInput
from reconciler.model.tree import SpecTree
from reconciler.planning.planner import plan
from reconciler.render.plan_groups import doing

from .figures import Figure, Scale, median_figure, timed
from .fleet import Fleet
from .lives import BrokenBenchError, enrolments, in_service, tree_of, unpacked

TARGET_SECONDS = 2.0


def measure(scale: Scale, folder: Path) -> list[Figure]:
    """Two figures: a new fleet, and a settled one."""
    fleet = Fleet(scale)
    tree = tree_of(fleet.spec_files())
    new = unpacked(fleet, tree)
    settled = in_service(tree, new, enrolments(tree, new))
    if doing(_plan(tree, settled)):
        raise BrokenBenchError("a fleet in service should leave nothing to do")
    return [
        median_figure(name, timed(partial(_plan, tree, seen), scale.repeats), TARGET_SECONDS)
        for name, seen in (("plan, all machines new", new), ("plan, all in service", settled))
    ]


def _plan(tree: SpecTree, observed: Observation) -> Plan:
    return plan(PlanningInput(None, tree, observed))
