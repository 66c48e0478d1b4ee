"""The nodes' Puppet documents, rendered when something changed and kept, so that answering is a lookup.

A cluster is rendered anew when anything its documents are made of changed, and costs
a comparison when nothing did. What cannot be rendered is said, and the last good
document stays; a document with a secret missing is never given out.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from ...hardware.choice import DisksInUse
from ...hardware.disks import Refusal
from ...model.debian import module_version
from ...model.errors import PermanentError
from ...model.explanation import Explanation
from ...model.hardware import Racked
from ...model.history import History
from ...model.machine import Allocation, SecretRef, Seen, ShownCertificate, Vip
from ...model.signature import Signatures
from ...model.tree import SpecTree
from ...planning.fixed import Fixed, as_installed
from ..compile import Compiled, Naming, compile_node, missing_secrets
from ..explain import explain
from ..view import ClusterInput, EncError, Member, View, views
from .writer import Document, DocumentWriter, Lookup

Expect = Callable[[Sequence[SecretRef]], None]
"""Told which secrets will be looked up next, to read them all at once."""


@dataclass(frozen=True, slots=True)
class ClusterRecords:
    """What the database has of clusters, beside their machines."""

    vips: tuple[Vip, ...] = ()
    set_up: frozenset[str] = frozenset()  # names of clusters whose first setup is over
    fixed: Fixed = field(default_factory=dict)  # what clusters keep, whatever the specs say
    shown: Mapping[str, ShownCertificate] = field(default_factory=dict)  # what their APIs show, as far as that is known


AT_ONCE = 32
"""Nodes whose secrets are read together: 1 MB of texts. (Those of ten thousand nodes are 250 MB.)"""


@dataclass(frozen=True, slots=True)
class EnrolledMachine:
    """A machine with a place, as the database has it."""

    serial: str
    allocation: Allocation
    seen: Seen | None = None  # None: it never reported
    history: History = History()


def member_of(
    machine: EnrolledMachine, *, disks: DisksInUse | Refusal | None = None, racked: Racked | None = None
) -> Member:
    """A machine with a place, as the documents need it. Puppet gets disks by the names the agent sorts them by.

    Its data disks are the same whether the installer formats them (Swift) or Puppet does (Ceph, volumes).
    """
    seen, done = machine.seen, machine.history
    return Member(
        serial=machine.serial,
        allocation=machine.allocation,
        hardware=seen.hardware if seen else None,
        digest=seen.digest if seen else "",
        racked=racked,
        data_disks=disks.data if isinstance(disks, DisksInUse) else None,
        no_disks=disks.reason if isinstance(disks, Refusal) else None,
        in_service=done.service.since is not None,
        nics=done.install.nics if done.install.generation == machine.allocation.generation else (),
        begun_at=done.install.begun,
        served_at=done.service.since or done.service.left,
    )


Groups = tuple[tuple[SecretRef, ...], ...]
"""Secrets; nodes that name the same ones have the same objects."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """What may be known of secrets while documents are rendered."""

    seals: Mapping[SecretRef, str]  # of all that exist: a word that changes when the text does
    lookup: Lookup
    expect: Expect = lambda _: None  # called before ``lookup`` is


@dataclass(slots=True, eq=False)
class _Cluster:
    """One cluster as it was last looked at."""

    key: tuple[object, ...]  # everything its documents are made of, but for secrets
    given: ClusterInput
    hostnames: dict[str, str]  # serial -> hostname
    needs: dict[str, Groups] = field(default_factory=dict)  # hostname -> what its document names, but for its own
    missing: dict[str, tuple[SecretRef, ...]] = field(default_factory=dict)  # hostname -> those that nobody made yet
    problems: dict[str, str] = field(default_factory=dict)  # hostname -> why its document cannot be made

    def concerned(self, secrets: frozenset[SecretRef]) -> list[str]:
        """Nodes whose documents name any of the secrets, or that any of them belongs to."""
        groups = {id(group): group for needed in self.needs.values() for group in needed}
        named = {key for key, group in groups.items() if not secrets.isdisjoint(group)}
        owners = {ref.owner for ref in secrets}
        return [
            host for host, needed in self.needs.items() if host in owners or any(id(group) in named for group in needed)
        ]


class Documents:
    """Every node's document.

    ``get`` may be called from any thread; all else from one at a time.
    """

    def __init__(self, known: Mapping[str, Signatures]) -> None:
        self._known = known
        self._clusters: dict[str, _Cluster] = {}
        self._documents: dict[str, Document] = {}
        self._by_serial: dict[str, tuple[_Cluster, str]] = {}
        self._by_hostname: dict[str, _Cluster] = {}
        self._seals: Mapping[SecretRef, str] = {}

    def refresh(
        self,
        tree: SpecTree,
        members: Mapping[str, Sequence[Member]],
        records: ClusterRecords,
        secrets: Secrets,
    ) -> frozenset[str]:
        """Render what changed, and return the hostnames whose document is new or another.

        ``members`` are all enrolled machines, by cluster: one that is not among them loses its document.
        Seals that are the very same object as the last time say that no text changed.
        """
        touched = frozenset[SecretRef]()
        if secrets.seals is not self._seals:
            touched = frozenset(ref for ref, seal in secrets.seals.items() if self._seals.get(ref) != seal)
        changed: set[str] = set()
        clusters: dict[str, _Cluster] = {}
        for given in cluster_inputs(tree, members, records, self._known):
            known, key = self._clusters.get(given.name), _key(given)
            if known is not None and known.key == key:
                known.given = given
                stale = known.concerned(touched) if touched else []
            else:
                known = _Cluster(key, given, {m.serial: m.allocation.hostname for m in given.members})
                stale = list(known.hostnames.values())
            clusters[given.name] = known
            changed |= self._render(known, stale, secrets) if stale else set()
        self._seals = secrets.seals
        if clusters != self._clusters:
            self._index(clusters)
        return frozenset(changed)

    def get(self, hostname: str) -> Document | None:
        """The node's last good document."""
        return self._documents.get(hostname)

    def all(self) -> Mapping[str, Document]:
        """Every node's last good document, by hostname."""
        return self._documents.copy()  # in one go: another thread may be rendering

    def digest(self, hostname: str) -> str | None:
        """Of the node's last good document."""
        found = self._documents.get(hostname)
        return found.digest if found else None

    def knows(self, hostname: str) -> bool:
        """Whether there is such a node at all."""
        return hostname in self._by_hostname

    def missing(self, serial: str) -> tuple[SecretRef, ...]:
        """Secrets that the machine's document names, and that nobody made yet."""
        cluster, hostname = self._by_serial.get(serial, (None, ""))
        return cluster.missing.get(hostname, ()) if cluster else ()

    def problem(self, serial: str) -> str | None:
        """Why the machine's document cannot be made as things are now."""
        cluster, hostname = self._by_serial.get(serial, (None, ""))
        return cluster.problems.get(hostname) if cluster else None

    def why_not(self, hostname: str) -> str:
        """Why the node has no document, or not the one it should have. For operators."""
        cluster = self._by_hostname.get(hostname)
        if cluster is None:
            return f'no enrolled machine has the hostname "{hostname}"'
        if problem := cluster.problems.get(hostname):
            return problem
        if missing := cluster.missing.get(hostname):
            return _not_made(hostname, missing)
        return f"{hostname} has a document"

    def compiled(self, hostname: str) -> Compiled | None:
        """The node's classes with reasons; None where there is no such node.

        Raises:
            EncError: They cannot be made as things are now.
        """
        cluster = self._by_hostname.get(hostname)
        return compile_node(views(cluster.given)[hostname]) if cluster else None

    def explain(self, hostname: str, parameter: str | None = None) -> Explanation | None:
        """Why the node gets what it gets; None where it gets nothing, or no such parameter."""
        try:
            compiled = self.compiled(hostname)
            return explain(compiled, parameter) if compiled else None
        except (EncError, LookupError):
            return None

    def _render(self, cluster: _Cluster, hostnames: list[str], secrets: Secrets) -> set[str]:
        """Render the documents of these nodes; the hostnames of those that differ from the last ones.

        Where a cluster's nodes cannot be made out, each node keeps its document, and the problem is recorded for it.
        """
        try:
            nodes = nodes_of(cluster.given, self._known)
        except EncError as error:
            cluster.problems.update(dict.fromkeys(hostnames, str(error)))
            return set()
        changed: set[str] = set()
        rendering = _Rendering(cluster, secrets)
        left = iter(hostnames)
        while some := list(islice(left, AT_ONCE)):
            for document in rendering.documents([nodes[hostname] for hostname in some]):
                old = self._documents.get(document.hostname)
                if old is None or old.digest != document.digest:
                    self._documents[document.hostname] = document
                    changed.add(document.hostname)
        return changed

    def _index(self, clusters: dict[str, _Cluster]) -> None:
        self._clusters = clusters
        self._by_serial = {serial: (one, host) for one in clusters.values() for serial, host in one.hostnames.items()}
        self._by_hostname = {host: one for one in clusters.values() for host in one.hostnames.values()}
        self._documents = {host: one for host, one in self._documents.items() if host in self._by_hostname}


class _Rendering:
    """Makes documents of one cluster."""

    def __init__(self, cluster: _Cluster, secrets: Secrets) -> None:
        self._cluster = cluster
        self._secrets = secrets
        self._naming = Naming()
        self._lacking: dict[int, tuple[SecretRef, ...]] = {}  # of groups, by id: not made yet
        self._writer = DocumentWriter(secrets.lookup, cluster.given.name)

    def documents(self, views: Iterable[View]) -> Iterator[Document]:
        """The documents that can be made. Why another one cannot, is noted."""
        asked: list[SecretRef] = []
        ready: list[tuple[Compiled, View]] = []
        for view in views:
            compiled = self._compiled(view)
            if compiled is not None and self._all_made(compiled, asked):
                ready.append((compiled, view))
        self._secrets.expect(asked)
        for compiled, view in ready:
            try:
                yield self._writer.write(compiled, view.node.member.allocation.address)
            except PermanentError as error:
                self._cluster.problems[compiled.hostname] = str(error)

    def _compiled(self, view: View) -> Compiled | None:
        hostname = view.node.hostname
        self._cluster.problems.pop(hostname, None)
        self._cluster.missing.pop(hostname, None)
        try:
            return compile_node(view)
        except EncError as error:
            self._cluster.problems[hostname] = str(error)
            return None

    def _all_made(self, compiled: Compiled, asked: list[SecretRef]) -> bool:
        """Note which secrets the document names, and add those to ``asked`` that were not asked for yet."""
        named = self._naming.named(compiled)
        self._cluster.needs[compiled.hostname] = named.groups
        missing = [ref for ref in named.own if ref not in self._secrets.seals]
        for group in named.groups:
            if id(group) not in self._lacking:
                self._lacking[id(group)] = tuple(ref for ref in group if ref not in self._secrets.seals)
                asked += group
            missing += self._lacking[id(group)]
        if missing:
            self._cluster.missing[compiled.hostname] = tuple(dict.fromkeys(missing))
            return False
        asked += named.own
        return True


def compile_one(given: ClusterInput, hostname: str, known: Mapping[str, Signatures]) -> Compiled:
    """The classes of one node of a cluster, for who needs no other.

    Raises:
        EncError: They cannot be made as things are now.
    """
    return compile_node(nodes_of(given, known)[hostname])


def write_one(compiled: Compiled, address: str | None, secrets: Mapping[SecretRef, str]) -> Document:
    """The document that ``Documents`` would keep; ``secrets``: texts of at least those that it names.

    Raises:
        PermanentError: One of them has not been made yet.
    """
    if missing := missing_secrets(compiled, secrets):
        raise PermanentError(_not_made(compiled.hostname, missing))
    return DocumentWriter(secrets.__getitem__, compiled.cluster).write(compiled, address)


def nodes_of(given: ClusterInput, known: Mapping[str, Signatures]) -> Mapping[str, View]:
    """A view per node of a cluster, by hostname.

    Raises:
        EncError: The cluster is not in the specs, or the Puppet module's version is not known.
    """
    if given.signatures.version not in known:
        raise EncError(f"no class signatures of puppet-module-oci {given.signatures.version} are known")
    return views(given)


def _not_made(hostname: str, missing: Iterable[SecretRef]) -> str:
    return f"secrets of {hostname} have not been made yet: {', '.join(map(str, missing))}"


def cluster_inputs(
    tree: SpecTree,
    members: Mapping[str, Sequence[Member]],
    records: ClusterRecords,
    known: Mapping[str, Signatures],
) -> Iterator[ClusterInput]:
    """Everything that the documents of each cluster with machines are made of."""
    specs = tree
    for name, machines in members.items():
        tree = as_installed(specs, name, records.fixed.get(name, {}))
        version = module_version(tree.fleet, known)
        signatures = known.get(version, Signatures(version, {}))
        spec = tree.clusters.get(name)
        concerned = {name, spec.links.swift if spec else None}
        yield ClusterInput(
            name=name,
            tree=tree,
            members=tuple(machines),
            vips=tuple(vip for vip in records.vips if vip.cluster in concerned),
            signatures=signatures,
            set_up=name in records.set_up,
            shown=records.shown.get(name),
        )


NOT_IN_DOCUMENTS = frozenset({"bmc", "hooks", "policy"})
"""What of the Fleet no document is made of: where nothing else changed, none is rendered anew."""


def same_documents(one: ClusterInput, other: ClusterInput) -> bool:
    """Whether nothing that documents are made of differs, but for secrets."""
    return _key(one) == _key(other)


def _key(given: ClusterInput) -> tuple[object, ...]:
    """Compared to tell whether anything changed; what stayed the same object costs nothing to compare."""
    tree = given.tree
    spec = tree.clusters.get(given.name)
    profiles = dict.fromkeys(member.allocation.profile for member in given.members)
    return (
        *(getattr(tree.fleet, name) for name in type(tree.fleet).model_fields if name not in NOT_IN_DOCUMENTS),
        tree.locations,
        tree.repositories,
        tree.roles,
        tree.overlays,
        spec,
        tree.clusters.get(spec.links.swift) if spec and spec.links.swift else None,
        tuple(tree.profiles.get(name) for name in profiles),
        tuple(tree.machines.get(member.serial) for member in given.members),
        given.members,
        given.vips,
        given.set_up,
        given.shown and given.shown.from_file,
        given.signatures.version,
    )
