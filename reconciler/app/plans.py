"""A plan with the Puppet parameters that it changes: for the database, or for an observation that was written down."""

from collections.abc import Mapping
from dataclasses import replace

from ..model.history import History
from ..model.machine import MachineView, Observation, SecretRef
from ..model.plan import Plan, PlanningInput
from ..model.tree import SpecTree
from ..planning.fixed import fixed_by, remembered
from ..planning.planner import plan
from ..planning.spec_changes import spec_changes
from ..render.observation import load_observation
from ..specs.puppet_module import known_signatures
from ..store import Snapshot
from .revisions import RevisionComparer, RevisionDiff, observe_again, snapshot_of
from .site import Site


def planned(site: Site, observed: str | None = None) -> tuple[Plan, Observation]:
    """What would be done now, and the observation it was made from.

    Args:
        site: Where the specs come from, and the database.
        observed: An observation as JSON, in place of the database, which is not looked at then.
    """
    if observed is not None:
        return replayed(site, load_observation(observed))
    store = site.kept
    acting = store.acting(site.now()) if store else None  # it has asked the repository already
    commit, tree = site.specs.in_force(newest=acting is None)
    good = site.specs.state().good
    before, notes = _in_force(site, good, commit)
    snapshot = _with_fixed(site.snapshot(), before or tree)
    if store is not None and snapshot.secrets:
        store.secret(next(iter(snapshot.secrets)))  # a missing or wrong key is reported once, not for every node
    observation = replace(site.observe(tree, snapshot), base=good)

    def fingerprint(ref: SecretRef) -> str:
        return (store.fingerprint(ref) if store else None) or ""

    diff = _comparer().compare(before, tree, snapshot, fingerprint) if before else RevisionDiff()
    given = PlanningInput(commit, tree, observation, site.config.planning_timings)
    return _told(given, diff, notes, before)


def replayed(site: Site, observation: Observation) -> tuple[Plan, Observation]:
    """What would be done by this site's specs about what was observed, and that under these specs."""
    commit, tree = site.specs.in_force()
    before, notes = _in_force(site, observation.base, commit)
    snapshot = _with_fixed(snapshot_of(observation), before or tree)
    diff = RevisionDiff()
    if before is not None:
        unmade = {ref for m in observation.machines for ref in m.missing_secrets}
        diff = _comparer().compare(before, tree, snapshot, lambda ref: "", unmade)
    observation = observe_again(observation, tree, snapshot, diff)
    given = PlanningInput(commit, tree, observation, site.config.planning_timings)
    return _told(given, diff, notes, before)


def _told(
    given: PlanningInput, diff: RevisionDiff, notes: Mapping[str, str], before: SpecTree | None
) -> tuple[Plan, Observation]:
    """The plan with what readers should know besides: changed rules and parameters, and what is paused."""
    todo, observation = plan(given), given.observed
    paused = {f"{pause.scope} is paused": f"by {pause.who}: {pause.why}" for pause in observation.pauses}
    changes = spec_changes(before, given.spec) if before is not None else ()
    told = replace(todo, enc=tuple(diff.changes), notes={**todo.notes, **notes, **paused}, changes=changes)
    return told, observation


def _with_fixed(snapshot: Snapshot, in_force: SpecTree) -> Snapshot:
    """The snapshot for when no daemon wrote down yet what clusters keep: nodes have what the specs in force say."""
    machines = (
        MachineView(
            serial, snapshot.seen.get(serial), allocation=held, history=snapshot.histories.get(serial, History())
        )
        for serial, held in snapshot.allocations.items()
    )
    return replace(snapshot, fixed=remembered(snapshot.fixed, fixed_by(in_force, machines, snapshot.rings)))


def _in_force(site: Site, good: str | None, commit: str | None) -> tuple[SpecTree | None, Mapping[str, str]]:
    """The daemon's specs, where they are others than the plan's and can be had; and what to say of specs besides."""
    refused = {"specs": site.specs.problem} if site.specs.problem else {}
    if good is None or good == commit:
        return None, refused
    before = site.specs.tree_at(good)
    if before is not None:
        return before, refused
    return None, refused | {
        "Puppet documents": f"changes are not shown: the commit in force, {good[:12]}, is not in the repository that "
        "holds the specs (in a shallow clone: git fetch --unshallow)"
    }


def _comparer() -> RevisionComparer:
    return RevisionComparer(known_signatures())
