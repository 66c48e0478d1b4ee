"""Keeps OCI's rings as they are: devices with their numbers and weights, versions, and the files that nodes have."""

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..app.site import Site
    from ..model.rings import BuiltRing, RingDevice
    from ..oci_import.rings import OciRing
    from ..planning.ring_devices import WantedDevice


def keep_rings(site: "Site", found: "Mapping[str, Mapping[str, OciRing]]") -> int:
    """Put rings of OCI's into our database that are not there yet. 1 where others are in force here."""
    refused = []
    for cluster, rings in sorted(found.items()):
        known = site.store.ring_builders(cluster)
        for name, ring in rings.items():
            if name in known and not _same(known[name], ring):
                here = known[name].state.version
                refused.append(f"the {name} ring of {cluster} is at version {here} here, and stays")
        new = {name: ring for name, ring in rings.items() if name not in known}
        if new and not known:
            built = _built(site, cluster, new)
            site.store.keep_rings(built, {}, "imported from OCI", site.now())
            print(f"Rings of {cluster}: " + ", ".join(f"{one.state.name} {one.state.version}" for one in built) + ".")
    for text in refused:
        print(f"Not kept: {text}.")
    return 1 if refused else 0


def _same(here: "BuiltRing", ring: "OciRing") -> bool:
    known = json.loads(here.builder)
    return bool(known["assignments"] == ring.builder["assignments"] and known["version"] == ring.builder["version"])


def _built(site: "Site", cluster: str, rings: "Mapping[str, OciRing]") -> "list[BuiltRing]":
    """The rings as the database keeps them, by name: each disk under the identity that its node reports it with."""
    from ..model.rings import BuiltRing, RingState, md5_of
    from ..planning.ring_devices import rings_wanted

    tree = site.specs.tree()
    parities = {ring.name: ring.parity for ring in rings_wanted(tree, cluster, {})}
    disks = _disks(site, cluster)
    found = []
    for name, ring in sorted(rings.items()):
        file = ring.file or _file_of(name, ring.builder)
        state = RingState(
            cluster=cluster,
            name=name,
            version=ring.builder["version"],
            md5=md5_of(file),
            at=_moved_at(ring.builder, site.now()),
            part_power=ring.builder["part_power"],
            replicas=ring.builder["replicas"],
            min_part_hours=ring.builder["min_part_hours"],
            parity=parities.get(name, 0),
            devices=tuple(_device(dev, disks) for dev in ring.builder["devs"] if dev),
        )
        found.append(BuiltRing(state, json.dumps(ring.builder), file))
    return found


def _disks(site: "Site", cluster: str) -> "dict[tuple[str, str], WantedDevice]":
    """By address and name there, the disks that the cluster's nodes have."""
    from ..planning.ring_devices import wanted_devices

    tree, observed = site.specs.tree(), site.observe()
    held = [(m, m.allocation) for m in observed.machines if m.allocation and m.allocation.cluster == cluster]
    return {(disk.ip, disk.device): disk for m, place in held for disk in wanted_devices(tree, m, place)}


def _device(dev: Mapping[str, Any], disks: "Mapping[tuple[str, str], WantedDevice]") -> "RingDevice":
    """Its weight is what it is to have: what OCI weighed so stays so."""
    from ..model.rings import RingDevice

    disk = disks.get((dev["ip"], dev["device"]))
    place = (dev["region"], dev["zone"], dev["ip"], dev["port"], dev["device"])
    size, identity, serial = (disk.size, disk.disk, disk.serial) if disk else (0, "", "")
    weight = float(dev["weight"])
    return RingDevice(dev["id"], *place, weight, weight, size, identity, serial, dev["parts"])


def _moved_at(builder: Mapping[str, Any], now: datetime) -> datetime:
    """When its partitions last moved, by its own word."""
    return min(datetime.fromtimestamp(builder["last_part_moves_epoch"], UTC), now)


def _file_of(name: str, builder: Mapping[str, Any]) -> bytes:
    """The ring file of a builder, where none lies beside it; Swift's library writes it."""
    import asyncio

    from ..execution.drivers.ring_builder import build_rings
    from ..model.errors import PermanentError

    ring = {**{key: builder[key] for key in ("part_power", "replicas", "min_part_hours")}, "most_bytes": 0}
    order = {**ring, "ring": name, "builder": builder, "changes": [], "sizes": {}, "rebalance": False}
    (made,) = asyncio.run(build_rings({"now": 0, "seed": "", "rings": [order]}))
    if "refused" in made:
        raise PermanentError(f"{name}.builder: Swift does not read it: {made['refused']}")
    return base64.b64decode(made["file"])
