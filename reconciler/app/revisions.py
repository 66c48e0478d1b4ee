"""Effects of another revision of the specs on the same machines: on their assessment and their Puppet classes.

A plan in CI is made from an observation that was written down under the daemon's specs. Profiles, racks, disks and
documents are worked out anew here under the specs that are proposed, so that the plan is the one the daemon would make.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256

from ..enc.changes import Fingerprint, changes
from ..enc.compile import Compiled, compile_node, secrets_in
from ..enc.documents.cache import ClusterRecords, cluster_inputs, same_documents
from ..enc.view import ClusterInput, EncError, View, natural, views
from ..model.machine import DocumentVersion, MachineView, Observation, SecretRef
from ..model.plan import EncChange
from ..model.signature import Signatures
from ..model.tree import SpecTree
from ..store import Snapshot
from .observer import Observer


@dataclass
class RevisionDiff:
    """What new specs make of the Puppet documents of enrolled machines; of those alone that they touch."""

    changes: list[EncChange] = field(default_factory=list)
    missing: dict[str, tuple[SecretRef, ...]] = field(default_factory=dict)  # by serial: secrets that nobody made yet
    problems: dict[str, str | None] = field(default_factory=dict)  # by serial: why there is no document


@dataclass(frozen=True)
class RevisionComparer:
    """Compares the documents that two revisions of the specs give the same machines, secrets as names."""

    known: Mapping[str, Signatures]
    observer: Observer = field(default_factory=Observer)  # what it has assessed already costs nothing

    def compare(
        self,
        before: SpecTree,
        after: SpecTree,
        snapshot: Snapshot,
        fingerprint: Fingerprint,
        unmade: Collection[SecretRef] = (),
    ) -> RevisionDiff:
        """What ``after`` changes in the documents that ``before`` gives.

        Args:
            before: The specs in force.
            after: Those that are proposed.
            snapshot: The machines; secrets are not asked for.
            fingerprint: Stands for the text of a secret.
            unmade: Secrets that documents name under ``before``, and nobody made yet.
        """
        diff = RevisionDiff()
        for old, new in self._touched(before, after, snapshot):
            compare(old, new, fingerprint, unmade, diff)
        diff.changes.sort(key=lambda change: natural(change.hostname))
        return diff

    def _touched(
        self, before: SpecTree, after: SpecTree, snapshot: Snapshot
    ) -> Iterator[tuple[ClusterInput, ClusterInput]]:
        """Clusters whose documents may differ. The others cost a comparison."""
        known = ClusterRecords(snapshot.vips, snapshot.set_up, snapshot.fixed, snapshot.shown)
        asked = {name: cluster.api.certificate for name, cluster in before.clusters.items()}
        same = {
            name: one
            for name, one in snapshot.shown.items()
            if name in after.clusters and after.clusters[name].api.certificate == asked.get(name)
        }  # of another file it is told what it changes once it is taken
        old, new = (
            cluster_inputs(tree, self.observer.members(tree, snapshot), records, self.known)
            for tree, records in ((before, known), (after, replace(known, shown=same)))
        )
        for one, other in zip(old, new, strict=True):  # both have every cluster that has machines, in the same order
            if not same_documents(one, other):
                yield one, other


def compare(
    before: ClusterInput,
    after: ClusterInput,
    fingerprint: Fingerprint,
    unmade: Collection[SecretRef],
    diff: RevisionDiff,
) -> None:
    """Add to ``diff`` what differs between the documents of one cluster."""
    was, will = _compiled(before), _compiled(after)
    made = {ref for one in was.values() if isinstance(one, Compiled) for ref in secrets_in(one)} - set(unmade)
    for member in after.members:
        one, other = was.get(member.allocation.hostname), will[member.allocation.hostname]
        if isinstance(other, str):
            diff.problems[member.serial], diff.missing[member.serial] = other, ()
            continue
        diff.problems[member.serial] = None
        diff.missing[member.serial] = tuple(ref for ref in secrets_in(other) if ref not in made)
        if isinstance(one, Compiled):
            diff.changes += changes(one, other, fingerprint)


def _compiled(given: ClusterInput) -> dict[str, Compiled | str]:
    """Each node's document by hostname, or why there is none."""
    try:
        nodes = views(given)
    except EncError as error:
        return {member.allocation.hostname: str(error) for member in given.members}
    return {hostname: _one(view) for hostname, view in nodes.items()}


def _one(view: View) -> Compiled | str:
    try:
        return compile_node(view)
    except EncError as error:
        return str(error)


def snapshot_of(observation: Observation) -> Snapshot:
    """What the store knew when the observation was made, but for secrets."""
    machines = observation.machines
    return Snapshot(
        token=0,
        seen={m.serial: m.seen for m in machines if m.seen},
        readings={m.serial: m.readings for m in machines if m.readings},
        allocations={m.serial: m.allocation for m in machines if m.allocation},
        retired=observation.retired,
        vips=observation.vips,
        approvals=observation.approvals,
        acted=observation.acted,
        pauses=observation.pauses,
        set_up=frozenset(observation.set_up),
        fixed=observation.fixed,
        shown=observation.shown,
        rings=observation.rings,
        conflicts={m.serial: m.conflict for m in machines if m.conflict},
        histories={m.serial: m.history for m in machines},
        documents={m.allocation.hostname: _versions(m) for m in machines if m.allocation},
    )


def _versions(m: MachineView) -> tuple[DocumentVersion, ...]:
    """What its Puppet was given when it was observed, and what its last good run had, where that is another."""
    if m.document is None:
        return ()
    ran = m.seen.last_puppet_began if m.seen else None
    if m.applied is None or ran is None or m.applied == m.document.digest:
        return (m.document,)
    return m.document, DocumentVersion(m.applied, ran)


def observe_again(observation: Observation, tree: SpecTree, snapshot: Snapshot, diff: RevisionDiff) -> Observation:
    """The observation as the daemon would have made it under other specs: its machines are assessed anew."""
    found = Observer().observe(tree, snapshot, ObservedDocuments(observation, diff), observation.now)
    return replace(observation, machines=found.machines, fixed=snapshot.fixed)


class ObservedDocuments:
    """What is known of documents that nobody can render here: as observed, but for those that were compiled anew."""

    def __init__(self, observation: Observation, diff: RevisionDiff) -> None:
        self._missing = {m.serial: m.missing_secrets for m in observation.machines} | diff.missing
        self._changes: dict[str, list[EncChange]] = defaultdict(list)
        for change in diff.changes:
            self._changes[change.hostname].append(change)
        self._problems = {m.serial: m.enc_problem for m in observation.machines} | diff.problems

    def missing(self, serial: str) -> tuple[SecretRef, ...]:
        return self._missing.get(serial, ())

    def problem(self, serial: str) -> str | None:
        return self._problems.get(serial)

    def digest(self, hostname: str) -> str | None:
        """Of what was changed, in place of the text that nobody can write here; None: as it was observed."""
        changed = self._changes.get(hostname)
        return sha256(repr(changed).encode()).hexdigest() if changed else None
