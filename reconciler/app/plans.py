"""A plan with the Puppet parameters that it changes: for the database, or for an observation that was written down."""

from collections.abc import Mapping
from dataclasses import replace

from ..model.history import History
from ..model.machine import MachineView, Observation, SecretRef
from ..model.plan import Plan, PlanningInput
from ..model.spec_change import IN_FORCE
from ..model.tree import SpecTree
from ..planning.against import beyond
from ..planning.fixed import fixed_by, remembered
from ..planning.planner import plan
from ..planning.spec_changes import spec_changes
from ..render.observation import load_observation
from ..specs.puppet_module import known_signatures
from ..store import Snapshot
from .revisions import RevisionComparer, RevisionDiff, observe_again, snapshot_of
from .site import Site

NOT_SHOWN = "Puppet documents"
"""Subject of the note that says why nothing is compared."""


BRANCH = "The branch"
"""Subject of the note that says that the specs lack what is in force."""


class UnknownBaseError(LookupError):
    """A plan is to be compared with what nobody has here."""


def planned(site: Site, observed: str | None = None, base: str | None = None) -> tuple[Plan, Observation]:
    """What would be done now, and the observation it was made from.

    Rules, Puppet parameters and steps are compared with those of a base; ``beyond`` has the steps that differ.

    Args:
        site: Where the specs come from, and the database.
        observed: An observation as JSON, in place of the database, which is not looked at then.
        base: The commit to compare with, or ``IN_FORCE``, which must be at hand then. None: that one if it is.

    Raises:
        UnknownBaseError: The base is not here.
    """
    if observed is not None:
        return replayed(site, load_observation(observed), base)
    store = site.kept
    acting = store.acting(site.now()) if store else None  # it has asked the repository already
    commit, tree = site.specs.in_force(newest=acting is None)
    good = site.specs.state().good
    before, notes = _in_force(site, good, commit)
    notes |= _behind(site, good, base)
    snapshot = _with_fixed(site.snapshot(), before or tree)
    if store is not None and snapshot.secrets:
        store.secret(next(iter(snapshot.secrets)))  # a missing or wrong key is reported once, not for every node
    observation = replace(site.observe(tree, snapshot), base=good)

    def fingerprint(ref: SecretRef) -> str:
        return (store.fingerprint(ref) if store else None) or ""

    other = _base_of(site, base, before, notes, tree if commit is not None and commit == good else None)
    comparer = RevisionComparer(known_signatures(), site.observer)
    diff = comparer.compare(other, tree, snapshot, fingerprint) if other else RevisionDiff()
    given = PlanningInput(commit, tree, observation, site.config.planning_timings)
    anyway = replace(given, spec=other, observed=site.observe(other, snapshot)) if other else None
    return _told(given, diff, notes, anyway), observation


def replayed(site: Site, observation: Observation, base: str | None = None) -> tuple[Plan, Observation]:
    """What would be done by this site's specs about what was observed, and that under these specs; see ``planned``."""
    commit, tree = site.specs.in_force()
    before, notes = _in_force(site, observation.base, commit)
    notes |= _behind(site, observation.base, base)
    snapshot = _with_fixed(snapshot_of(observation), before or tree)
    unmade = {ref for m in observation.machines for ref in m.missing_secrets}

    comparer = RevisionComparer(known_signatures())

    def under(other: SpecTree, of: SpecTree | None) -> tuple[RevisionDiff, Observation]:
        """What specs make of documents that others gave, and of the machines."""
        diff = comparer.compare(of, other, snapshot, lambda ref: "", unmade) if of is not None else RevisionDiff()
        return diff, observe_again(observation, other, snapshot, diff)

    diff, seen = under(tree, before)
    same = tree if commit is not None and commit == observation.base else None
    other = _base_of(site, base, before, notes, same)
    given = PlanningInput(commit, tree, seen, site.config.planning_timings)
    anyway = replace(given, spec=other, observed=under(other, before)[1]) if other else None
    shown = diff if other is before or other is None else under(tree, other)[0]
    return _told(given, shown, notes, anyway), seen


def _told(given: PlanningInput, diff: RevisionDiff, notes: Mapping[str, str], anyway: PlanningInput | None) -> Plan:
    """The plan with what readers should know besides: what is paused, and what differs from the base's."""
    todo, observation = plan(given), given.observed
    if anyway is not None:
        changes, found = spec_changes(anyway.spec, given.spec), beyond(todo, plan(anyway))
        found = replace(found, notes=found.notes | ({BRANCH} & notes.keys()))
        todo = replace(todo, beyond=found, changes=changes)
    paused = {f"{pause.scope} is paused": f"by {pause.who}: {pause.why}" for pause in observation.pauses}
    return replace(todo, enc=tuple(diff.changes), notes={**todo.notes, **notes, **paused})


def _base_of(
    site: Site, base: str | None, before: SpecTree | None, notes: Mapping[str, str], same: SpecTree | None
) -> SpecTree | None:
    """The specs to compare with; None: nobody asks for a comparison, and there is nothing to compare with.

    Args:
        site: Where commits are looked for.
        base: What the operator named.
        before: The specs in force, where they are others than the plan's and at hand.
        notes: What is said of specs, such as why those in force are not at hand.
        same: The plan's specs, where these are in force.

    Raises:
        UnknownBaseError: What was named is not here.
    """
    if base is None:
        return before
    if base == IN_FORCE:
        if (tree := before or same) is None:
            raise UnknownBaseError(notes.get(NOT_SHOWN) or "no commit is in force yet")
        return tree
    if (tree := site.specs.tree_named(base)) is None:
        raise UnknownBaseError(f'"{base}" is no commit with specs in the repository that holds these')
    return tree


def _with_fixed(snapshot: Snapshot, in_force: SpecTree) -> Snapshot:
    """The snapshot for when no daemon wrote down yet what clusters keep: nodes have what the specs in force say."""
    machines = (
        MachineView(
            serial, snapshot.seen.get(serial), allocation=held, history=snapshot.histories.get(serial, History())
        )
        for serial, held in snapshot.allocations.items()
    )
    return replace(snapshot, fixed=remembered(snapshot.fixed, fixed_by(in_force, machines, snapshot.rings)))


def _behind(site: Site, good: str | None, base: str | None) -> dict[str, str]:
    """What to say of a branch that lacks what the commit changed with which it is compared."""
    against = good if base in (None, IN_FORCE) else base
    if against is None or (left := site.specs.left_at(against)) is None:
        return {}
    called = f"the commit in force, {against[:12]}" if against == good else against
    return {
        BRANCH: f"it does not have {called}: what was changed since {left[:12]}, where the branch left it, is told "
        f"as if it were taken back. Merge it first, or see what the branch alone changes: plan --base {left[:12]}"
    }


def _in_force(site: Site, good: str | None, commit: str | None) -> tuple[SpecTree | None, dict[str, str]]:
    """The daemon's specs, where they are others than the plan's and can be had; and what to say of specs besides."""
    refused = {"specs": site.specs.problem} if site.specs.problem else {}
    if good is None or good == commit:
        return None, refused
    before = site.specs.tree_at(good)
    if before is not None:
        return before, refused
    return None, refused | {
        NOT_SHOWN: f"changes are not shown: the commit in force, {good[:12]}, is not in the repository that "
        "holds the specs (in a shallow clone: git fetch --unshallow)"
    }
