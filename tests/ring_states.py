"""Rings of clusters whose stores serve, as they would have been built, without Swift's library."""

import json
from collections.abc import Iterator

from reconciler.model.machine import Observation
from reconciler.model.rings import BuiltRing, RingDevice, RingState, md5_of
from reconciler.model.tree import SpecTree
from reconciler.planning.ring_devices import changes, object_ports, rings_wanted, storing_roles, wanted_devices
from reconciler.store import Store


def as_built(tree: SpecTree, observed: Observation) -> Iterator[BuiltRing]:
    """Every ring of every cluster, with all disks of its nodes; a builder has no table."""
    for name, spec in sorted(tree.clusters.items()):
        if not storing_roles(tree, spec, name):
            continue
        held = [(m, m.allocation) for m in observed.machines if m.allocation and m.allocation.cluster == name]
        devices = [device for m, place in held for device in wanted_devices(tree, m, place)]
        for ring in rings_wanted(tree, name, {}):
            some = changes(ring, None, devices, object_ports((), devices), spec.rings.ramp)
            file = f"{name} {ring.name}".encode()
            known = tuple(
                RingDevice(
                    number, c.region, c.zone, c.ip, c.port, c.device, c.weight, c.target, c.size, c.disk, c.serial, 64
                )
                for number, c in enumerate(some)
            )
            state = RingState(
                name, ring.name, 1 + len(known), md5_of(file), observed.now, ring.part_power, ring.replicas,
                ring.min_part_hours, ring.parity, known,
            )  # fmt: skip
            yield BuiltRing(state, json.dumps({"of": ring.name, "version": 0, "assignments": []}), file)


def keep_as_built(store: Store, tree: SpecTree, observed: Observation) -> None:
    """Write the rings, and that every node of a cluster with rings has their files."""
    made = list(as_built(tree, observed))
    store.keep_rings(made, {}, "a test says so", observed.now)
    for m in observed.machines:
        files = tuple(
            sorted(one.state.file for one in made if m.allocation and one.state.cluster == m.allocation.cluster)
        )
        if files:
            store.rings_read(m.serial, files, observed.now)
