"""Swift's rings as rows: each ring, and where a partition, an object or a disk is in them."""

import base64
import hashlib
import json
import struct
from array import array
from collections.abc import Iterable, Iterator, Mapping

from ..model.hardware import Disk
from ..model.machine import MachineView, Observation
from ..model.rings import ACCOUNT, CONTAINER, OBJECT, BuiltRing, RingDevice, RingState, differences
from ..model.units import counted
from .rows import RingPlaceRow, RingRow


def ring_rows(observed: Observation) -> list[RingRow]:
    """One row per ring that is in force, by cluster and name."""
    rounds = {each.cluster: each for each in observed.ring_rounds}
    rows = []
    for state in observed.rings:
        worked_out = rounds.get(state.cluster)
        moves = [move for move in worked_out.moves if move.ring == state.name] if worked_out else []
        told = [f"{counted(move.partitions, 'partition')} of {counted(len(move.devices), 'disk')}" for move in moves]
        rows.append(
            RingRow(
                cluster=state.cluster,
                ring=state.name,
                version=state.version,
                md5=state.md5,
                part_power=state.part_power,
                replicas=state.replicas,
                parity=state.parity,
                min_part_hours=state.min_part_hours,
                devices=len(state.devices),
                weight=round(sum(dev.weight for dev in state.devices), 2),
                target=round(sum(dev.target for dev in state.devices), 2),
                changed_at=state.at,
                next_round=told[0] if told else None,
                differ=tuple(_others(state, observed.machines)),
            )
        )
    return rows


def _others(state: RingState, machines: Iterable[MachineView]) -> Iterator[str]:
    """Hostnames of the nodes that were asked, and have another file."""
    for m in machines:
        held = m.allocation
        if held and held.cluster == state.cluster and m.history.rings and differences(m.history.rings, (state.file,)):
            yield held.hostname


def disk_rings(m: MachineView, observed: Observation) -> Mapping[str, tuple[str, ...]]:
    """By the name of a machine's disk the rings that it is in, with its weight."""
    if m.seen is None or m.allocation is None:
        return {}
    found: dict[str, tuple[str, ...]] = {}
    for disk in m.seen.hardware.disks:
        for state in observed.rings:
            dev = _of_disk(state, disk, m.allocation.address) if state.cluster == m.allocation.cluster else None
            if dev is not None:
                full = "" if dev.weight == dev.target else f" of {dev.target:g}"
                text = f"{state.name}: weight {dev.weight:g}{full}, {counted(dev.parts, 'partition')}"
                found[disk.name] = (*found.get(disk.name, ()), text)
    return found


def _of_disk(state: RingState, disk: Disk, address: str | None) -> RingDevice | None:
    """The device that is a disk: of several that say the same, the one in its place."""
    known = f"{disk.serial} {disk.wwn}".strip()
    same = [dev for dev in state.devices if dev.disk == known and known]
    if len(same) == 1:
        return same[0]
    there = (dev for dev in same or state.devices if (dev.ip, dev.device) == (address, disk.name))
    return next((dev for dev in there if same or not (dev.disk and known)), None)


# ---- where something is


def partition_of(path: str, prefix: str, suffix: str, part_power: int) -> int:
    """The partition of an account, container or object, as Swift's proxies work it out (swift.common.utils.hash_path).

    Args:
        path: ``/account``, ``/account/container`` or ``/account/container/object``.
        prefix: The cluster's ``swift_hash_path_prefix``.
        suffix: Its ``swift_hash_path_suffix``.
        part_power: Of the ring.
    """
    key = hashlib.md5(f"{prefix}{path}{suffix}".encode(), usedforsecurity=False).digest()
    return int(struct.unpack_from(">I", key)[0]) >> (32 - part_power)


def rings_of(path: str) -> str:
    """How the names of the rings begin that say where such a path is."""
    parts = path.strip("/").split("/", 2)
    return (ACCOUNT, CONTAINER, OBJECT)[len(parts) - 1]


def places_of_partition(built: BuiltRing, partition: int, hostnames: Mapping[str, str]) -> list[RingPlaceRow]:
    """The disks that have the replicas of a partition."""
    devices = {dev.id: dev for dev in built.state.devices}
    found = []
    for replica, text in enumerate(json.loads(built.builder)["assignments"]):
        row = array("H")
        row.frombytes(base64.b64decode(text))
        if partition < len(row):
            found.append(_place(built.state, devices[row[partition]], hostnames, partition, replica))
    return found


def places_of_disk(state: RingState, name: str, hostnames: Mapping[str, str]) -> list[RingPlaceRow]:
    """The device of a ring that is called so: ``address/device``, ``hostname/device``, or by its serial or WWN."""
    return [
        _place(state, dev, hostnames)
        for dev in state.devices
        if name in (f"{dev.ip}/{dev.device}", f"{hostnames.get(dev.ip)}/{dev.device}", *dev.disk.split())
    ]


def _place(
    state: RingState,
    dev: RingDevice,
    hostnames: Mapping[str, str],
    partition: int | None = None,
    replica: int | None = None,
) -> RingPlaceRow:
    """The row of a disk in a ring; of one replica of a partition, where those are asked for."""
    return RingPlaceRow(
        cluster=state.cluster,
        ring=state.name,
        partition=partition,
        replica=replica,
        hostname=hostnames.get(dev.ip),
        address=dev.ip,
        port=dev.port,
        device=dev.device,
        disk=dev.disk or None,
        region=dev.region,
        zone=dev.zone,
        weight=dev.weight,
        target=dev.target,
        partitions=dev.parts,
    )
