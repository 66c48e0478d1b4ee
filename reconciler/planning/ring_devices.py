"""The disks that belong into a cluster's rings, and what the next round would change to bring them there.

A disk is known by its serial and WWN, as kernel names change; where nobody said these, or several disks say one and the
same serial and nothing else, by its node's address and its name there. Its weight is its size in GB. Rings that came
from elsewhere keep their own scale: a new disk is weighed as those are that they have.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from ..model.disk_matching import real_identifier
from ..model.hardware import Disk
from ..model.in_force import Place, SettingsAt
from ..model.kinds import ClusterSpec
from ..model.machine import Allocation, MachineView
from ..model.rings import (
    ACCOUNT,
    ACCOUNT_PORT,
    CONTAINER,
    CONTAINER_PORT,
    OBJECT,
    OBJECT_PORT,
    OBJECT_PORTS,
    RingChange,
    RingDevice,
    RingState,
    RingWanted,
    object_ring,
)
from ..model.roles import facts_of
from ..model.tree import SpecTree
from ..model.zones import swift_region_id, swift_zone_id
from .fixed import as_installed

GB = 10**9

_STORES = {ACCOUNT: "swift_store_account", CONTAINER: "swift_store_container", OBJECT: "swift_store_object"}


@dataclass(frozen=True, slots=True)
class WantedDevice:
    """A disk of a node that belongs into rings."""

    serial: str
    region: int
    zone: int
    ip: str
    device: str
    disk: str  # its serial and WWN, as its node reports them; empty: neither says anything
    size: int
    kinds: tuple[str, ...]  # account, container, object
    own_port: bool  # its object server listens on a port of its own
    sure: bool = True  # it says both serial and WWN: they are one disk's, which was moved, or which two nodes reach
    alone: bool = True  # no other disk of the cluster says the same


def rings_wanted(spec: SpecTree, cluster: str, kept: Mapping[str, str]) -> tuple[RingWanted, ...]:
    """The rings of a cluster: account, container, and one of objects for each policy.

    Args:
        spec: The specs.
        cluster: Its name.
        kept: What it keeps of them, whatever the specs say (``fixed``).
    """
    settings, rings = SettingsAt(as_installed(spec, cluster, kept), Place(cluster)), spec.clusters[cluster].rings
    power, copies = settings.number("swift_part_power"), settings.number("swift_replicas")
    hours = settings.number("swift_min_part_hours")
    own = next((policy.replicas for policy in rings.policies if policy.index == 0 and policy.replicas), copies)
    found = [RingWanted(ACCOUNT, power, copies, hours), RingWanted(CONTAINER, power, copies, hours)]
    found.append(RingWanted(OBJECT, power, own, hours))
    if settings.is_on("swift_ec_enable"):
        data, parity = settings.number("swift_ec_num_data_fragments"), settings.number("swift_ec_num_parity_fragments")
        name = object_ring(settings.number("swift_ec_policy_index"))
        found.append(RingWanted(name, power, data + parity, hours, parity))
    return tuple(found)


def stores(spec: SpecTree, cluster: str, role: str) -> bool:
    """Whether nodes of a role have disks in the cluster's rings, as far as profiles and settings tell."""
    if facts_of(role).object_store != "swift":
        return False
    for name, profile in spec.profiles.items():
        if profile.role == role and (len(profile.disks) > 1 or profile.unlisted_disks == "use"):
            settings = SettingsAt(spec, Place(cluster, role, name))
            if any(settings.is_on(setting) for setting in _STORES.values()):
                return True
    return False


def storing_roles(spec: SpecTree, cluster: ClusterSpec, name: str) -> tuple[str, ...]:
    """The roles that a cluster asks for, and whose nodes have disks in its rings."""
    return tuple(role for role, pool in cluster.roles.items() if pool.count != 0 and stores(spec, name, role))


def wanted_devices(spec: SpecTree, m: MachineView, held: Allocation) -> tuple[WantedDevice, ...]:
    """The data disks of a node that belong into rings; none where nobody can tell its disks."""
    if m.seen is None or m.disks is None or held.address is None:
        return ()
    settings = SettingsAt(spec, Place.of(m.serial, held))
    kinds = tuple(kind for kind, setting in _STORES.items() if settings.is_on(setting))
    by_name = {disk.device: disk for disk in m.seen.hardware.disks}
    at = held.location or ""
    place = swift_region_id(spec.locations, at), swift_zone_id(spec.locations, at), held.address
    own = settings.number("servers_per_port") > 0
    disks = [by_name[name] for name in m.disks.data_disks if name in by_name] if kinds else []
    return tuple(WantedDevice(m.serial, *place, d.name, _identity(d), d.size, kinds, own, _is_sure(d)) for d in disks)


def _identity(disk: Disk) -> str:
    """By what rings know a disk: its serial and WWN; empty where neither says anything."""
    says_any = _is_real(disk.serial) or _is_real(disk.wwn)
    return f"{disk.serial} {disk.wwn}".strip() if says_any else ""


def _is_sure(disk: Disk) -> bool:
    return _is_real(disk.serial) and _is_real(disk.wwn)


def _is_real(said: str) -> bool:
    return real_identifier(said) is not None


def told_apart(devices: Iterable[WantedDevice]) -> tuple[WantedDevice, ...]:
    """The disks, with whether another one says the same: there are controllers that give all their disks one serial."""
    every = tuple(devices)
    times = Counter(device.disk for device in every)
    return tuple(replace(device, alone=False) if times[device.disk] > 1 else device for device in every)


def is_in(ring: str, device: WantedDevice) -> bool:
    """Whether a disk belongs into the ring of that name."""
    return (OBJECT if ring.startswith(OBJECT) else ring) in device.kinds


class RingIndex:
    """The devices of a ring, found by disk or by place; a cluster has thousands."""

    def __init__(self, state: RingState | None) -> None:
        devices = state.devices if state else ()
        self._times = Counter(dev.disk for dev in devices)
        self._by_disk = {dev.disk: dev for dev in devices if dev.disk}
        self._by_place = {(dev.ip, dev.device): dev for dev in devices}

    def held_by(self, device: WantedDevice) -> RingDevice | None:
        """The device that is this disk."""
        known = self._by_disk.get(device.disk)
        if known and (device.sure or (device.alone and self._times[device.disk] == 1)):
            return known
        there = self.in_place_of(device)
        is_another = there and there.disk and device.disk and there.disk != device.disk
        return None if is_another else there

    def in_place_of(self, device: WantedDevice) -> RingDevice | None:
        """The device that the ring has at this address under this name, whichever disk it is."""
        return self._by_place.get((device.ip, device.device))


def scale(state: RingState | None) -> float:
    """Weight of a byte: that of the ring's own devices, or one of a GB."""
    sized = [dev for dev in state.devices if dev.size and dev.target] if state else []
    return sum(dev.target for dev in sized) / sum(dev.size for dev in sized) if sized else 1 / GB


def changes(
    ring: RingWanted, state: RingState | None, devices: Iterable[WantedDevice], ports: Mapping[str, int], ramp: int
) -> tuple[RingChange, ...]:
    """What one round would change in a ring: disks that are added, and those that gain weight.

    Args:
        ring: The ring, as it is wanted.
        state: As it is; None: there is none, so that each disk gets all its weight.
        devices: The disks that belong into rings.
        ports: Of their object servers (``object_ports``).
        ramp: Percent of its weight that a disk gains.
    """
    found = []
    index, weight_of_byte = RingIndex(state), scale(state)
    for device in told_apart(devices):
        if not is_in(ring.name, device):
            continue
        dev = index.held_by(device)
        if dev is None and index.in_place_of(device):  # its disk was swapped: see ``ring_notes``
            continue
        target = dev.target if dev else round(device.size * weight_of_byte, 2)
        share = target if state is None else round(target * ramp / 100, 2)
        weight = min(target, round((dev.weight if dev else 0.0) + share, 2))
        if dev is None or dev.weight < dev.target:
            change = _change(ring.name, device, weight, target, ports)
            found.append(change._replace(id=dev.id) if dev else change)
    return tuple(sorted(found))


def _change(ring: str, device: WantedDevice, weight: float, target: float, ports: Mapping[str, int]) -> RingChange:
    """A disk that is added to a ring with this weight."""
    port = {ACCOUNT: ACCOUNT_PORT, CONTAINER: CONTAINER_PORT}.get(ring) or ports[_key(device)]
    place = (device.region, device.zone, device.ip, port, device.device)
    return RingChange(ring, -1, *place, weight, target, device.size, device.disk, device.serial)


def _key(device: WantedDevice) -> str:
    return f"{device.ip}/{device.device}"


def object_ports(states: Iterable[RingState], devices: Iterable[WantedDevice]) -> dict[str, int]:
    """By address and device the port of a disk's object server: what rings say, else the lowest that is free.

    ``oci::swiftstore`` has an object server listen on every port that the ring names for its node, and opens thirty of
    them: the thirty-first disk shares the first one's.
    """
    found = {
        f"{dev.ip}/{dev.device}": dev.port for state in states if state.name.startswith(OBJECT) for dev in state.devices
    }
    used: Counter[tuple[str, int]] = Counter((key.partition("/")[0], port) for key, port in found.items())
    for device in devices:
        if _key(device) in found:
            continue
        choice = range(OBJECT_PORT, OBJECT_PORT + (OBJECT_PORTS if device.own_port else 1))
        port = min(choice, key=lambda port: (used[device.ip, port], port))
        used[device.ip, port] += 1
        found[_key(device)] = port
    return found
