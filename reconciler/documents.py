"""The nodes' Puppet documents, rendered when something changed and kept, so that answering is a lookup.

A cluster is rendered anew when anything its documents are made of changed, and costs
a comparison when nothing did. What cannot be rendered is said, and the last good
document stays; a document with a secret missing is never given out.
"""

import base64
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256

from .enc import yaml_text
from .enc.compile import Compiled, compile_node, missing_secrets, secrets_in
from .enc.explain import explain
from .enc.params import SecretText
from .enc.view import ClusterInput, EncError, Member, View, views
from .model.errors import PermanentError
from .model.explanation import Explanation
from .model.hardware import Hardware, Racked
from .model.machine import Allocation, DiskChoice, History, SecretRef, Vip
from .model.settings import SettingsTable
from .model.signature import Signatures, newest
from .model.tree import SpecTree
from .secrets.parts import part_of

Lookup = Callable[[SecretRef], str]
"""The whole text of a secret that exists."""

_OCI_HEAD = b'{"status": "success", "message": "These are the node\'s classes.", "data": "'
_OCI_TAIL = b'"}\n'


PACKED_FROM = 2048
"""Bytes. A longer part that no other document has, the node's certificates above all, is kept compressed: that halves
the memory of a large fleet's documents, and costs 50 µs in an answer."""


@dataclass(frozen=True, slots=True)
class _Packed:
    deflated: bytes

    @property
    def utf8(self) -> bytes:
        return zlib.decompress(self.deflated)

    @property
    def as_json(self) -> bytes:
        return yaml_text.inside_json(self.utf8.decode())


_Stored = bytes | _Packed | yaml_text.Fragment


@dataclass(frozen=True, slots=True)
class Document:
    """One node's document. Long parts that other nodes have too are the same objects."""

    hostname: str
    address: str | None  # the node's management address, from which it may ask for itself
    digest: str  # of the text in parts, in hex: other text, other digest
    pieces: tuple[_Stored, ...] = field(repr=False)

    @property
    def yaml(self) -> bytes:
        """What Puppet reads."""
        return b"".join(piece if isinstance(piece, bytes) else piece.utf8 for piece in self.pieces)

    @property
    def as_oci(self) -> bytes:
        """The same in the envelope of OCI's ``api.php?action=enc``."""
        return b"".join((_OCI_HEAD, *map(_piece_in_json, self.pieces), _OCI_TAIL))


def _piece_in_json(piece: _Stored) -> bytes:
    return yaml_text.inside_json(piece.decode()) if isinstance(piece, bytes) else piece.as_json


def member_of(
    serial: str,
    allocation: Allocation,
    *,
    hardware: Hardware | None = None,
    digest: str = "",
    disks: DiskChoice | None = None,
    racked: Racked | None = None,
    history: History | None = None,
) -> Member:
    """A machine with a place, as the documents need it. Puppet gets disks by the names the agent sorts them by.

    Its data disks are all but the system's, whether the installer formats them (Swift) or Puppet does (Ceph, volumes).
    """
    system = disks.system_disks if disks else ()
    others = tuple(disk.name for disk in hardware.disks if disk.device not in system) if hardware else ()
    data_disks = None if disks is None else others
    done = history or History()
    return Member(
        serial=serial,
        allocation=allocation,
        hardware=hardware,
        digest=digest,
        racked=racked,
        data_disks=data_disks,
        in_service=done.in_service_since is not None,
        begun_at=done.install_begun,
        served_at=done.in_service_since or done.left_service,
    )


@dataclass(slots=True, eq=False)
class _Cluster:
    """One cluster as it was last looked at."""

    key: tuple[object, ...]  # everything its documents are made of, but for secrets
    given: ClusterInput
    hostnames: dict[str, str]  # serial -> hostname
    needs: dict[str, tuple[SecretRef, ...]] = field(default_factory=dict)  # hostname -> secrets its document names
    missing: dict[str, tuple[SecretRef, ...]] = field(default_factory=dict)  # hostname -> those that nobody made yet
    problems: dict[str, str] = field(default_factory=dict)  # hostname -> why its document cannot be made

    def concerned(self, secrets: frozenset[SecretRef]) -> list[str]:
        """Nodes whose documents name any of the secrets."""
        return [host for host, refs in self.needs.items() if not secrets.isdisjoint(refs)]


class Documents:
    """Every node's document.

    ``get`` may be called from any thread; all else from one at a time.
    """

    def __init__(self, table: SettingsTable, known: Mapping[str, Signatures]) -> None:
        self._table = table
        self._known = known
        self._clusters: dict[str, _Cluster] = {}
        self._documents: dict[str, Document] = {}
        self._by_serial: dict[str, tuple[_Cluster, str]] = {}
        self._by_hostname: dict[str, _Cluster] = {}
        self._secrets: Mapping[SecretRef, str] = {}

    def refresh(
        self,
        tree: SpecTree,
        members: Mapping[str, Sequence[Member]],
        vips: Iterable[Vip],
        secrets: Mapping[SecretRef, str],
        lookup: Lookup,
        set_up: frozenset[str] = frozenset(),
    ) -> frozenset[str]:
        """Render what changed, and return the hostnames whose document is new or another.

        ``members`` are all enrolled machines, by cluster: one that is not among them loses its document.
        ``set_up`` names the clusters whose first setup is over.
        ``secrets`` are all that exist, each with a word that changes when its text does.
        """
        touched = frozenset(ref for ref, seal in secrets.items() if self._secrets.get(ref) != seal)
        changed: set[str] = set()
        clusters: dict[str, _Cluster] = {}
        for given in cluster_inputs(tree, members, tuple(vips), self._table, self._known, set_up):
            known, key = self._clusters.get(given.name), _key(given)
            if known is not None and known.key == key:
                known.given = given
                stale = known.concerned(touched) if touched else []
            else:
                known = _Cluster(key, given, {m.serial: m.allocation.hostname for m in given.members})
                stale = list(known.hostnames.values())
            clusters[given.name] = known
            changed |= self._render(known, stale, secrets, lookup) if stale else set()
        if touched or len(secrets) != len(self._secrets):
            self._secrets = dict(secrets)
        if clusters != self._clusters:
            self._index(clusters)
        return frozenset(changed)

    def get(self, hostname: str) -> Document | None:
        """The node's last good document."""
        return self._documents.get(hostname)

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

    def _render(
        self, cluster: _Cluster, hostnames: list[str], secrets: Mapping[SecretRef, str], lookup: Lookup
    ) -> set[str]:
        writer = yaml_text.Writer(_revealer(lookup, cluster.given.name))
        changed: set[str] = set()
        try:
            nodes = _nodes(cluster.given, self._known)
        except EncError as error:
            cluster.problems.update(dict.fromkeys(hostnames, str(error)))
            return changed
        for hostname in hostnames:
            cluster.problems.pop(hostname, None)
            cluster.missing.pop(hostname, None)
            try:
                document = self._document(cluster, nodes[hostname], secrets, writer)
            except (EncError, PermanentError) as error:
                cluster.problems[hostname] = str(error)
                continue
            old = self._documents.get(hostname)
            if document is not None and (old is None or old.digest != document.digest):
                self._documents[hostname] = document
                changed.add(hostname)
        return changed

    def _document(
        self, cluster: _Cluster, view: View, secrets: Mapping[SecretRef, str], writer: yaml_text.Writer
    ) -> Document | None:
        compiled = compile_node(view)
        needs = cluster.needs[compiled.hostname] = secrets_in(compiled)
        if missing := tuple(ref for ref in needs if ref not in secrets):
            cluster.missing[compiled.hostname] = missing
            return None
        return _written(compiled, view.node.member.allocation.address, writer)

    def _index(self, clusters: dict[str, _Cluster]) -> None:
        self._clusters = clusters
        self._by_serial = {serial: (one, host) for one in clusters.values() for serial, host in one.hostnames.items()}
        self._by_hostname = {host: one for one in clusters.values() for host in one.hostnames.values()}
        self._documents = {host: one for host, one in self._documents.items() if host in self._by_hostname}


def compile_one(given: ClusterInput, hostname: str, known: Mapping[str, Signatures]) -> Compiled:
    """The classes of one node of a cluster, for who needs no other.

    Raises:
        EncError: They cannot be made as things are now.
    """
    return compile_node(_nodes(given, known)[hostname])


def write_one(compiled: Compiled, address: str | None, secrets: Mapping[SecretRef, str]) -> Document:
    """The document that ``Documents`` would keep; ``secrets``: texts of at least those that it names.

    Raises:
        PermanentError: One of them has not been made yet.
    """
    if missing := missing_secrets(compiled, secrets):
        raise PermanentError(_not_made(compiled.hostname, missing))
    writer = yaml_text.Writer(_revealer(secrets.__getitem__, compiled.cluster))
    return _written(compiled, address, writer)


def _nodes(given: ClusterInput, known: Mapping[str, Signatures]) -> Mapping[str, View]:
    if given.signatures.version not in known:
        raise EncError(f"no class signatures of puppet-module-oci {given.signatures.version} are known")
    return views(given)


def _not_made(hostname: str, missing: Iterable[SecretRef]) -> str:
    return f"secrets of {hostname} have not been made yet: {', '.join(map(str, missing))}"


def cluster_inputs(
    tree: SpecTree,
    members: Mapping[str, Sequence[Member]],
    vips: tuple[Vip, ...],
    table: SettingsTable,
    known: Mapping[str, Signatures],
    set_up: frozenset[str] = frozenset(),
) -> Iterator[ClusterInput]:
    """Everything that the documents of each cluster with machines are made of."""
    version = tree.fleet.puppet.module_version or newest(known)
    signatures = known.get(version, Signatures(version, {}))
    for name, machines in members.items():
        spec = tree.clusters.get(name)
        concerned = {name, spec.links.swift if spec else None}
        yield ClusterInput(
            name=name,
            tree=tree,
            members=tuple(machines),
            vips=tuple(vip for vip in vips if vip.cluster in concerned),
            table=table,
            signatures=signatures,
            set_up=name in set_up,
        )


def same_documents(one: ClusterInput, other: ClusterInput) -> bool:
    """Whether nothing that documents are made of differs, but for secrets."""
    return _key(one) == _key(other)


def _key(given: ClusterInput) -> tuple[object, ...]:
    """Compared to tell whether anything changed; what stayed the same object costs nothing to compare."""
    tree = given.tree
    spec = tree.clusters.get(given.name)
    profiles = dict.fromkeys(member.allocation.profile for member in given.members)
    return (
        tree.fleet,
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
        given.signatures.version,
    )


def _written(compiled: Compiled, address: str | None, writer: yaml_text.Writer) -> Document:
    pieces: list[_Stored] = []
    own: list[str] = []
    digest = sha256()
    for piece in [*writer.write(compiled.document), None]:
        if isinstance(piece, str):
            own.append(piece)
            continue
        if own:
            text = "".join(own).encode()
            own.clear()
            digest.update(text)
            pieces.append(_Packed(zlib.compress(text, 1)) if len(text) >= PACKED_FROM else _same(text))
        if piece is not None:
            digest.update(piece.digest)
            pieces.append(piece)
    return Document(compiled.hostname, address, digest.hexdigest(), tuple(pieces))


@lru_cache(maxsize=1024)
def _same(text: bytes) -> bytes:
    """The first text that was equal to this one: between the secrets of a cluster, all its documents say the same."""
    return text


def _revealer(lookup: Lookup, cluster: str) -> yaml_text.Reveal:
    """Texts of secrets as YAML; those that the nodes of a cluster share are looked up once."""
    shared: dict[SecretText, yaml_text.Fragment] = {}

    def reveal(secret: SecretText) -> yaml_text.Piece:
        if secret not in shared:
            text = part_of(lookup(secret.ref), secret.ref.form, secret.part)
            quoted = yaml_text.quoted(base64.b64encode(text.encode()).decode() if secret.base64 else text)
            if secret.ref.owner not in (cluster, "fleet"):  # a node's own
                return quoted
            shared[secret] = yaml_text.Fragment(quoted)
        return shared[secret]

    return reveal
