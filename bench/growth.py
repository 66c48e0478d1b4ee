"""A cluster with a thousand computes: how long all documents take when a setting changes, or when one node joins."""

import base64
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from reconciler.app.observer import Observer
from reconciler.enc.documents.cache import ClusterRecords, Documents, Secrets
from reconciler.enc.view import Member
from reconciler.model.machine import SecretRef
from reconciler.model.secret_parts import PARTS, join_parts
from reconciler.model.tree import SpecTree
from reconciler.specs.puppet_module import known_signatures
from reconciler.store import Snapshot

from .figures import Figure, Run, Scale, median_figure, timed
from .fleet import Fleet, name_of
from .lives import BrokenBenchError, allocation_of, enrolments, in_service, tree_of, unpacked, vips_of

SETTING_SECONDS, NODE_SECONDS = 10.0, 3.0
NAME = name_of(1)
"""Of the clusters that compute, the first."""
COMPUTES_AMONG = 0.72
"""Of such a cluster's machines."""
BEFORE, FOR_ALL, FOR_CONTROLLERS = (
    "neutron_global_physnet_mtu: 9000",
    "neutron_global_physnet_mtu: 1500",
    "neutron_global_physnet_mtu: 9000, keystone_api_workers: 12",
)


class _Secrets(Mapping[SecretRef, str]):
    """Every secret there could be; its text says whose it is, and is about as long as a real one."""

    def __getitem__(self, ref: SecretRef) -> str:
        return "made"

    def __contains__(self, ref: object) -> bool:
        return True

    def __iter__(self) -> Iterator[SecretRef]:
        return iter(())

    def __len__(self) -> int:
        return 0

    def text(self, ref: SecretRef) -> str:
        if parts := PARTS.get(ref.form):
            return join_parts(
                ref.form, {part: base64.b64encode(f"{part} of {ref}".encode() * 30).decode() for part in parts}
            )
        return f"text of {ref}"


class _Cluster:
    """The cluster, and the documents as the daemon keeps them."""

    def __init__(self, scale: Scale) -> None:
        fleet = Fleet(replace(scale, clusters=2, machines=2 * round(scale.nodes / COMPUTES_AMONG)))
        files = fleet.spec_files()
        path = f"clusters/{NAME}.yaml"
        self.trees = {
            text: tree_of({**files, path: files[path].replace(BEFORE.encode(), text.encode())})
            for text in (BEFORE, FOR_ALL, FOR_CONTROLLERS)
        }
        tree = self.trees[BEFORE]
        new = unpacked(fleet, tree)
        given = enrolments(tree, new)
        served = in_service(tree, new, given)
        snapshot = Snapshot(
            0,
            seen={m.serial: m.seen for m in served.machines if m.seen},
            allocations={serial: allocation_of(action) for serial, action in given.items()},
            histories={m.serial: m.history for m in served.machines},
        )
        self.members = Observer().members(tree, snapshot)[NAME]
        self.vips = vips_of(given)
        self.documents = Documents(known_signatures())

    def refresh(self, tree: SpecTree, members: list[Member]) -> int:
        """How many documents changed."""
        every = _Secrets()
        records, secrets = ClusterRecords(self.vips), Secrets(every, every.text)
        return len(self.documents.refresh(tree, {NAME: members}, records, secrets))


def measure(scale: Scale, folder: Path) -> list[Figure]:
    """Each figure with how many documents there are, and how many changed."""
    cluster = _Cluster(scale)
    everybody, before = cluster.members, cluster.trees[BEFORE]
    cluster.refresh(before, everybody)
    if without := [m.serial for m in everybody if cluster.documents.get(m.allocation.hostname) is None]:
        raise BrokenBenchError(f"{len(without)} nodes have no document: {cluster.documents.problem(without[0])}")
    newest = next(m for m in reversed(everybody) if m.allocation.role == "compute")
    others = [m for m in everybody if m is not newest]
    return [
        _figure("growth, a setting of all", cluster, (before, everybody), (cluster.trees[FOR_ALL], everybody), scale),
        _figure(
            "growth, a setting of controllers",
            cluster,
            (before, everybody),
            (cluster.trees[FOR_CONTROLLERS], everybody),
            scale,
        ),
        _figure("growth, a node joined", cluster, (before, others), (before, everybody), scale),
    ]


def _figure(
    name: str,
    cluster: _Cluster,
    one: tuple[SpecTree, list[Member]],
    other: tuple[SpecTree, list[Member]],
    scale: Scale,
) -> Figure:
    """From ``one`` to the ``other``, several times."""
    runs: list[Run] = []
    changed: list[int] = []
    for _ in range(scale.repeats):
        cluster.refresh(*one)
        runs += timed(lambda: changed.append(cluster.refresh(*other)), 1)
    target = NODE_SECONDS if one[0] is other[0] else SETTING_SECONDS
    return median_figure(name, runs, target, documents=len(other[1]), changed=changed[-1])
