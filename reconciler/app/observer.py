"""The world as the planner sees it: the store's snapshot, joined with what the specs make of each machine.

What was worked out for a machine is kept for as long as its hardware and the specs stay the same, so that a pass over
ten thousand machines of which one changed costs one machine's work.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Protocol, TypeVar, cast

from ..enc.documents.cache import EnrolledMachine, member_of
from ..enc.view import Member
from ..hardware.choice import DisksInUse, LastInstall, choose_disks, disks_in_use, last_install, recall_disks
from ..hardware.disks import Refusal
from ..hardware.match import match as match_profiles
from ..hardware.racking import rack
from ..hardware.raid_layout import raid_layout
from ..hardware.recall import NOTHING
from ..model.gates import Readings
from ..model.hardware import Hardware, Match, Racked
from ..model.history import History
from ..model.machine import (
    Allocation,
    Approval,
    Certificate,
    DiskChoice,
    DocumentVersion,
    MachineView,
    Observation,
    Pause,
    SecretRef,
    Seen,
    ShownCertificate,
    Vip,
    with_bmc_address,
)
from ..model.raid import RaidLayout
from ..model.rings import RingRound, RingState
from ..model.roles import facts_of
from ..model.tree import SpecTree

NOT_SEEN = History()


class StoreSnapshot(Protocol):
    """What the store knows, by serial where it is about machines."""

    @property
    def seen(self) -> Mapping[str, Seen]: ...
    @property
    def readings(self) -> Mapping[str, Readings]: ...
    @property
    def allocations(self) -> Mapping[str, Allocation]: ...
    @property
    def histories(self) -> Mapping[str, History]: ...
    @property
    def conflicts(self) -> Mapping[str, str]: ...
    @property
    def vips(self) -> tuple[Vip, ...]: ...
    @property
    def approvals(self) -> tuple[Approval, ...]: ...
    @property
    def pauses(self) -> tuple[Pause, ...]: ...
    @property
    def retired(self) -> Mapping[str, Allocation]: ...
    @property
    def certificates(self) -> tuple[Certificate, ...]: ...
    @property
    def fixed(self) -> Mapping[str, Mapping[str, str]]: ...
    @property
    def shown(self) -> Mapping[str, ShownCertificate]: ...
    @property
    def set_up(self) -> frozenset[str]: ...
    @property
    def rings(self) -> tuple[RingState, ...]: ...
    @property
    def ring_rounds(self) -> tuple[RingRound, ...]: ...
    @property
    def acted(self) -> float | None: ...
    @property
    def documents(self) -> Mapping[str, tuple[DocumentVersion, ...]]: ...


class EncState(Protocol):
    """What rendering the Puppet documents found."""

    def missing(self, serial: str) -> tuple[SecretRef, ...]: ...

    def problem(self, serial: str) -> str | None: ...

    def digest(self, hostname: str) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Assessment:
    """What the specs make of one machine's hardware."""

    match: Match
    racked: Racked | None
    disks: DiskChoice | None  # to be installed on
    raid: RaidLayout | None = None  # asked of its controllers
    in_use: DisksInUse | Refusal | None = None  # once it is installed; None: its profile is not known
    lost_system: str | None = None  # why nobody can tell where the system is that it was installed with
    unclear_disks: str | None = None  # why nobody can tell which disks its profile means


_Disks = DiskChoice | DisksInUse | Refusal | None
_D = TypeVar("_D", DiskChoice | None, DisksInUse | Refusal)

HORIZON = timedelta(days=1000)
"""Certificates that end later than that are nobody's concern yet: no policy can look further ahead."""

UNKNOWN = Assessment(Match(), None, None)
"""Of a machine that never reported."""


class Observer:
    """Makes observations; remembers what the specs make of each machine."""

    def __init__(self) -> None:
        self._rules: tuple[object, ...] = ()
        self._assessments: dict[tuple[str, str | None, LastInstall | None], Assessment] = {}
        # Machines bought together are assessed alike, and share the assessment.
        self._alike: dict[tuple[object, ...], Match] = {}
        self._alike_choices: dict[_Disks, _Disks] = {}
        self._views: dict[str, tuple[tuple[object, ...], MachineView]] = {}
        self._members: dict[str, tuple[tuple[object, ...], Member]] = {}
        self.new_documents: dict[str, DocumentVersion] = {}  # by hostname: found by the last look, not written down yet

    def members(self, tree: SpecTree, snapshot: StoreSnapshot) -> Mapping[str, list[Member]]:
        """Enrolled machines by cluster, as the Puppet documents need them."""
        self._begin(tree)
        found: dict[str, list[Member]] = defaultdict(list)
        with_monitors = {held.cluster for held in snapshot.allocations.values() if facts_of(held.role).runs_monitors}
        for serial, allocation in sorted(snapshot.allocations.items()):
            # Only these roles' progress shows in documents; another's would have them rendered anew for nothing.
            facts = facts_of(allocation.role)
            counts = facts.shows_progress or (facts.may_run_osds and allocation.cluster not in with_monitors)
            known = snapshot.histories.get(serial, NOT_SEEN)
            history, last = known if counts else NOT_SEEN, last_install(known)
            seen = snapshot.seen.get(serial)
            machine = EnrolledMachine(serial, allocation, seen, history)
            found[allocation.cluster].append(self._member(machine, last, tree))
        for gone in self._members.keys() - snapshot.allocations.keys():
            del self._members[gone]
        return found

    def _member(self, machine: EnrolledMachine, last: LastInstall | None, tree: SpecTree) -> Member:
        """An enrolled machine as Puppet documents need it: made anew only where what shows in them changed."""
        serial, seen, history = machine.serial, machine.seen, machine.history
        served = history.service.since or history.service.left
        progress = (history.service.since, history.install.begun, served)
        key = (machine.allocation, seen.digest if seen else None, *progress, last)
        cached = self._members.get(serial)
        if cached is not None and cached[0] == key:
            return cached[1]
        profile = machine.allocation.profile
        assessment = self.assess(seen.hardware, seen.digest, tree, profile, last) if seen else UNKNOWN
        member = member_of(machine, disks=assessment.in_use, racked=assessment.racked)
        self._members[serial] = key, member
        return member

    def _begin(self, tree: SpecTree) -> None:
        """Forget what was assessed by other rules."""
        rules = (tree.profiles, tree.rackings)
        if rules != self._rules:
            self._rules = rules
            self._assessments.clear()
            self._alike.clear()
            self._alike_choices.clear()
            self._views.clear()
            self._members.clear()

    def observe(
        self, tree: SpecTree, snapshot: StoreSnapshot, enc: EncState, now: datetime, rendered: datetime | None = None
    ) -> Observation:
        """One frozen value of everything that the planner may know.

        ``rendered``: when all documents were what ``enc`` says they are; default: ``now``.
        """
        self._begin(tree)
        self.new_documents = {}
        serials = snapshot.seen.keys() | snapshot.allocations.keys() | snapshot.conflicts.keys()
        serials |= {serial for serial, pin in tree.machines.items() if pin.bmc.address}  # may be reached unseen
        for gone in self._views.keys() - serials:
            del self._views[gone]
        return Observation(
            now=now,
            machines=tuple(self._view(serial, tree, snapshot, enc, rendered or now) for serial in sorted(serials)),
            vips=snapshot.vips,
            approvals=snapshot.approvals,
            pauses=snapshot.pauses,
            certificates=tuple(takewhile(lambda one: one.expires_at <= now + HORIZON, snapshot.certificates)),
            retired=snapshot.retired,
            fixed=snapshot.fixed,
            shown=snapshot.shown,
            set_up=tuple(sorted(snapshot.set_up)),
            rings=snapshot.rings,
            ring_rounds=snapshot.ring_rounds,
            acted=snapshot.acted,
        )

    def assess(
        self, hardware: Hardware, digest: str, tree: SpecTree, pinned: str | None, last: LastInstall | None
    ) -> Assessment:
        """Match, rack and choose disks for one machine; ``pinned``: the profile it has or was given by name."""
        key = (digest, pinned, last)
        known = self._assessments.get(key)
        if known is None:
            found = match_profiles(hardware, tree.profiles)
            racked = rack(hardware, tree.rackings)
            profile = tree.profiles.get(pinned or found.profile or "")
            recalled = recall_disks(hardware, profile, last) if profile else NOTHING
            chosen = choose_disks(hardware, profile, recalled) if profile else None
            known = Assessment(
                self._alike.setdefault((found.profiles, *found.refused.items()), found),
                racked if isinstance(racked, Racked) else None,
                self._same(chosen if isinstance(chosen, DiskChoice) else None),
                raid_layout(hardware, profile) if profile else None,
                self._same(disks_in_use(hardware, profile, recalled)) if profile else None,
                recalled.lost,
                chosen.reason if isinstance(chosen, Refusal) and chosen.unclear else None,
            )
            self._assessments[key] = known
        return known

    def _same(self, choice: _D) -> _D:
        return cast("_D", self._alike_choices.setdefault(choice, choice))

    def _versions(
        self, hostname: str, snapshot: StoreSnapshot, enc: EncState, rendered: datetime
    ) -> tuple[DocumentVersion, ...]:
        """The node's documents, the newest first: the one it is given now, and those before."""
        known, digest = snapshot.documents.get(hostname, ()), enc.digest(hostname)
        if digest is None or (known and known[0].digest == digest):
            return known
        new = self.new_documents[hostname] = DocumentVersion(digest, rendered)
        return (new, *known)

    def _view(
        self, serial: str, tree: SpecTree, snapshot: StoreSnapshot, enc: EncState, rendered: datetime
    ) -> MachineView:
        """A machine as the planner sees it: made anew only where something that it is made of changed."""
        seen, allocation = snapshot.seen.get(serial), snapshot.allocations.get(serial)
        history, conflict = snapshot.histories.get(serial, NOT_SEEN), snapshot.conflicts.get(serial)
        missing, problem = enc.missing(serial), enc.problem(serial)
        spec = tree.machines.get(serial)
        pinned = allocation.profile if allocation else spec.profile if spec else None
        versions = self._versions(allocation.hostname, snapshot, enc, rendered) if allocation else ()
        readings = snapshot.readings.get(serial)
        parts = (seen, allocation, history, conflict, missing, problem, pinned, versions, readings)
        cached = self._views.get(serial)
        if cached is not None and cached[0] == parts:  # what is the very same object is not compared
            return cached[1]
        last = last_install(history)
        assessment = self.assess(seen.hardware, seen.digest, tree, pinned, last) if seen else UNKNOWN
        view = MachineView(
            serial=serial,
            seen=with_bmc_address(seen, history) if seen else None,
            match=assessment.match,
            racked=assessment.racked,
            disks=assessment.disks,
            lost_system=assessment.lost_system,
            unclear_disks=assessment.unclear_disks,
            raid=assessment.raid,
            allocation=allocation,
            history=history,
            conflict=conflict,
            missing_secrets=missing,
            enc_problem=problem,
            document=versions[0] if versions else None,
            applied=_given_at(seen.last_puppet_began, versions) if seen else None,
            readings=readings,
        )
        self._views[serial] = (parts, view)
        return view


def _given_at(moment: datetime | None, versions: tuple[DocumentVersion, ...]) -> str | None:
    """Digest of the document that was given at a moment; None where that is not known any more."""
    return next((v.digest for v in versions if moment is not None and v.since <= moment), None)
