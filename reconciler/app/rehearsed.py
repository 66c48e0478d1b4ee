"""Decides what a rehearsal begins with: which machines and specs, and at which moment. It only reads."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from posixpath import commonpath, dirname, relpath
from typing import Any, TypeVar

from ..model.action_base import Risk
from ..model.errors import PermanentError
from ..model.history import Phase
from ..model.kinds import Window
from ..model.machine import MachineView, Observation
from ..model.rehearsal import RehearsedPart
from ..model.tree import SpecTree
from ..planning.windows import closed_until
from ..render.diagnostics import render_text
from ..specs.files import UnreadableError, read_directory
from .narrowing import NarrowedCheck
from .site import Site
from .spec_source import CheckSpecs, check

SpecFiles = Mapping[str, bytes]
"""Of a spec tree, by path."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class WantedRehearsal:
    """What somebody wants rehearsed."""

    observation: Observation  # of the fleet
    most: int  # machines, before clusters are left out: a history of twelve takes seconds of a processor
    base: Path | None = None  # a folder with the specs in force; None: those of the commit in force
    clusters: tuple[str, ...] = ()  # none: all, or those that the change touches


@dataclass(frozen=True, slots=True)
class Rehearsable:
    """What histories begin with."""

    observation: Observation  # of the machines that are rehearsed; its time is that at which histories begin
    before: SpecFiles  # the specs in force
    after: SpecFiles | None  # those that are committed; None: nothing is
    check: CheckSpecs  # makes trees of them, without clusters that are left out
    part: RehearsedPart


def rehearsable(site: Site, wanted: WantedRehearsal) -> Rehearsable:
    """What is rehearsed of a site's fleet.

    Raises:
        PermanentError: There is nothing to rehearse, or the specs have errors.
    """
    observation = wanted.observation
    if observation.observing is not None:
        raise PermanentError(f"there is nothing to rehearse yet. {observation.observing}")
    commit, tree = site.specs.in_force()
    after = site.specs.files(commit)
    before, notes = _before(site, wanted, after)
    was = _tree(before, "the specs in force")
    chosen = _chosen(was, tree, observation, wanted)
    left_out = frozenset({*was.clusters, *tree.clusters}) - chosen
    some = _narrowed(observation, tree, left_out)
    if not some.machines:
        raise PermanentError("no machine was observed that is to be rehearsed: there is nothing that could go wrong")
    begins = opens(tree.fleet.policy.windows, some.now)
    some = moved(some, begins - some.now)
    part = RehearsedPart(
        observed=observation.now,
        machines=len(some.machines),
        in_service=sum(m.history.phase is Phase.IN_SERVICE for m in some.machines),
        clusters=tuple(sorted(chosen)),
        left_out=tuple(sorted(left_out)),
        base=observation.base,
        changes=_within(before) != _within(after),
        notes=(*notes, *_notes(tree, some, wanted, left_out)),
    )
    return Rehearsable(some, before, after if part.changes else None, NarrowedCheck(left_out), part)


def _before(site: Site, wanted: WantedRehearsal, after: SpecFiles) -> tuple[SpecFiles, tuple[str, ...]]:
    """The files of the specs in force, and what is to be said where they are not known."""
    if wanted.base is not None:
        try:
            return read_directory(wanted.base), ()
        except UnreadableError as error:
            raise PermanentError(str(error)) from None
    base = wanted.observation.base
    if base is None:
        return after, ("The specs are in force from the beginning: nobody told which ones are now (--base DIR).",)
    found = site.specs.files_at(base)
    if found is None:
        return after, (
            f"The specs are in force from the beginning: those in force, of commit {base[:12]}, are not in "
            "the repository that holds the specs (in a shallow clone: git fetch --unshallow; or --base DIR).",
        )
    return found, ()


def _tree(files: SpecFiles, what: str) -> SpecTree:
    loaded = check(files)
    if loaded.tree is None:
        raise PermanentError(f"{what} have errors:\n\n{render_text(loaded.problems, loaded.sources)}")
    return loaded.tree


def _within(files: SpecFiles) -> SpecFiles:
    """The files by path below the folder in which all of them lie, which may be called otherwise elsewhere."""
    folder = commonpath([dirname(path) for path in files])
    return {relpath(path, folder or "."): text for path, text in files.items()}


# ---- which part of the fleet


def _chosen(before: SpecTree, after: SpecTree, observation: Observation, wanted: WantedRehearsal) -> frozenset[str]:
    """The clusters that are rehearsed.

    Raises:
        PermanentError: One that was named is not there; or the fleet is too large, and the change touches nothing.
    """
    there = frozenset({*before.clusters, *after.clusters})
    if unknown := sorted(set(wanted.clusters) - there):
        raise PermanentError(f'there is no cluster "{unknown[0]}" in the specs; "reconciler clusters" lists all')
    if wanted.clusters:
        return _with_linked(frozenset(wanted.clusters), before, after)
    if len(observation.machines) <= wanted.most:
        return there
    some = touched(before, after, observation)
    if not some:
        raise PermanentError(
            f"the fleet has {len(observation.machines)} machines, and the change touches no cluster: "
            f"name clusters (--cluster), or allow more machines than {wanted.most} (--most)"
        )
    return _with_linked(some, before, after)


def _with_linked(some: frozenset[str], *trees: SpecTree) -> frozenset[str]:
    """The clusters, with those that use them or that they use: their nodes' documents are made of both."""
    links = {(name, to) for tree in trees for name, spec in tree.clusters.items() for to in _linked(spec.links)}
    while more := {each for pair in links if set(pair) & some for each in pair} - some:
        some |= more
    return some


def _linked(links: Any) -> set[str]:
    return {value for value in links.model_dump().values() if isinstance(value, str)}


def touched(before: SpecTree, after: SpecTree, observation: Observation) -> frozenset[str]:
    """Clusters whose machines a change may concern: too many rather than too few."""
    everywhere = ("fleet", "locations", "rackings", "repositories")
    both = {*before.clusters, *after.clusters}
    if any(getattr(before, each) != getattr(after, each) for each in everywhere):
        return frozenset(both)
    found = _differing(before.clusters, after.clusters)
    roles = _differing(before.roles, after.roles)
    profiles = _differing(before.profiles, after.profiles)
    roles |= {tree.profiles[name].role for tree in (before, after) for name in profiles & tree.profiles.keys()}
    found |= _of_machines(_differing(before.machines, after.machines), before, after, observation)
    overlays = _differing(before.overlays, after.overlays)
    for tree in (before, after):
        found |= {name for name, spec in tree.clusters.items() if roles & spec.roles.keys()}
        for name in overlays & tree.overlays.keys():
            found |= set(tree.overlays[name].for_.clusters) or both
    return frozenset(found)


def _of_machines(serials: Collection[str], before: SpecTree, after: SpecTree, observation: Observation) -> set[str]:
    """The clusters of these machines: where they are, are pinned to, or may be wanted."""
    held = {m.serial: m.allocation.cluster for m in observation.machines if m.allocation}
    pins = [tree.machines[serial] for tree in (before, after) for serial in serials if serial in tree.machines]
    found = {held[serial] for serial in serials if serial in held} | {pin.cluster for pin in pins if pin.cluster}
    return found if found else {*before.clusters, *after.clusters} if serials else set()


def _differing(before: Mapping[str, object], after: Mapping[str, object]) -> set[str]:
    return {name for name in {*before, *after} if before.get(name) != after.get(name)}


def _narrowed(observation: Observation, tree: SpecTree, left_out: frozenset[str]) -> Observation:
    """What was observed of the machines that stay, and of free ones that they might be joined by."""
    if not left_out:
        return observation
    roles = {role for name, spec in tree.clusters.items() if name not in left_out for role in spec.roles}
    machines = tuple(m for m in observation.machines if _stays(m, tree, left_out, roles))
    serials = {m.serial for m in machines}

    def of_cluster(some: Mapping[str, _T]) -> dict[str, _T]:
        return {name: value for name, value in some.items() if name not in left_out}

    scopes = {"fleet", *(f"machine:{serial}" for serial in serials), *(f"cluster:{name}" for name in tree.clusters)}
    return replace(
        observation,
        machines=machines,
        vips=tuple(vip for vip in observation.vips if vip.cluster not in left_out),
        approvals=tuple(word for word in observation.approvals if word.serial in serials),
        pauses=tuple(p for p in observation.pauses if p.scope in scopes - {f"cluster:{name}" for name in left_out}),
        retired={serial: held for serial, held in observation.retired.items() if serial in serials},
        fixed=of_cluster(observation.fixed),
        shown=of_cluster(observation.shown),
        set_up=tuple(name for name in observation.set_up if name not in left_out),
        rings=tuple(ring for ring in observation.rings if ring.cluster not in left_out),
        ring_rounds=tuple(each for each in observation.ring_rounds if each.cluster not in left_out),
    )


def _stays(m: MachineView, tree: SpecTree, left_out: frozenset[str], roles: Collection[str]) -> bool:
    """Whether a machine is rehearsed: it has a place in a cluster that is, or might get one there."""
    if m.allocation is not None:
        return m.allocation.cluster in tree.clusters and m.allocation.cluster not in left_out
    pin = tree.machines.get(m.serial)
    if pin is not None and pin.cluster is not None:
        return pin.cluster not in left_out
    fits = {tree.profiles[name].role for name in m.match.profiles if name in tree.profiles}
    return bool(fits & set(roles)) or (pin is not None and pin.role in roles)


def _notes(tree: SpecTree, some: Observation, wanted: WantedRehearsal, left_out: Collection[str]) -> Iterator[str]:
    """What else people should know of the beginning."""
    most = wanted.most
    if left_out and not wanted.clusters:
        there = len(wanted.observation.machines)
        yield f"Of {there} machines (more than --most {most}), those of clusters are rehearsed that the change touches."
    if len(some.machines) > most and not wanted.clusters:
        yield f"More than {most} machines (--most) are rehearsed, as they are of clusters that the change may concern."
    if unseen := sorted(m.serial for m in some.machines if m.seen is None):
        yield f"Nobody has seen the hardware of {_named(unseen)}: one disk and one network interface are simulated."
    if tree.fleet.policy.windows:
        yield "Histories begin when a window of the policy opens, and end before it closes."
    if some.pauses:
        scopes = ", ".join(sorted(pause.scope for pause in some.pauses))
        yield f"What is paused ({scopes}) stays so until all faults are over; then somebody resumes it."


def _named(serials: Collection[str], most: int = 3) -> str:
    some = sorted(serials)
    return ", ".join(some[:most]) + (f" and {len(some) - most} more" if len(some) > most else "")


# ---- when


_STEP = timedelta(minutes=15)
_AT_MOST = timedelta(days=8)
"""Windows recur weekly."""


def opens(windows: Iterable[Window], now: datetime) -> datetime:
    """When the next window opens for all that has one, so that as much as can be of it lies ahead; else now."""
    every = tuple(windows)
    risks = [risk for risk in (Risk.DISRUPTIVE, Risk.DESTRUCTIVE) if any(risk.value in one.for_ for one in every)]
    moment = now
    while risks and not any(closed_until(every, risk, moment) for risk in risks):
        moment += _STEP
        if moment - now > _AT_MOST:
            return now
    for _ in range(len(risks) * 8):
        closed = [opening for risk in risks if (opening := closed_until(every, risk, moment)) is not None]
        if not closed:
            break
        moment = max(closed)
    return moment


def moved(value: _T, by: timedelta) -> _T:
    """A value with every moment in it so much later, however deep it lies."""
    return _moved(value, by) if by else value


def _moved(value: Any, by: timedelta) -> Any:
    """The same of any value; one without a moment in it is the very same object, where it is a dataclass."""
    if isinstance(value, datetime):
        return value + by
    if isinstance(value, tuple):
        some = [_moved(each, by) for each in value]
        return type(value)(*some) if hasattr(value, "_fields") else tuple(some)
    if isinstance(value, Mapping):
        return {key: _moved(each, by) for key, each in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        parts = {each.name: getattr(value, each.name) for each in fields(value) if each.init}
        changed = {name: _moved(part, by) for name, part in parts.items()}
        news = {name: part for name, part in changed.items() if part != parts[name]}
        return replace(value, **news) if news else value
    return value
