"""What a profile makes of a machine's disks at install: where the system goes, and what is formatted for data.

The first entry of ``disks`` is the system's. Made by software, its disks are block devices; made by a RAID controller,
the system goes to the volume that the controller shows in their place, recognised by its size.
"""

from collections.abc import Callable
from typing import Final

from ..model.hardware import Disk, DisksTaken, Hardware
from ..model.machine import DiskChoice
from ..model.spec import HardwareProfileSpec
from .disks import Refusal, disk_plan

FORMATS_ITS_DATA_DISKS: Final = frozenset({"swiftproxy", "swiftstore"})
"""Roles whose other disks the installer formats with XFS. Ceph prepares its disks itself, once Puppet runs."""

CLOSE: Final = 0.02
"""A volume is this much smaller than its disks at most: the controller keeps its notes at their end."""

_USABLE: Final[dict[int, Callable[[int], int]]] = {
    1: lambda n: 1,
    5: lambda n: n - 1,
    6: lambda n: n - 2,
    10: lambda n: n // 2,
}
"""RAID level to how many disks' worth of room ``n`` disks give; any other level: all of them."""


def choose_disks(hardware: Hardware, profile: HardwareProfileSpec) -> DiskChoice | None:
    """The choice; None where the profile does not fit, names no disk, or its RAID volume does not exist yet."""
    return _choose(hardware, profile)


def _choose(hardware: Hardware, profile: HardwareProfileSpec, members: int = 0) -> DiskChoice | None:
    """The same where the system's RAID was made of ``members`` disks, should fewer be there."""
    plan = disk_plan(hardware, profile)
    if isinstance(plan, Refusal) or not plan.taken or not plan.taken[0].disks:
        return None
    system = _system(hardware, plan.taken[0], members)
    if not system:
        return None
    data = tuple(disk for disk in hardware.disks if disk not in system) if _formats(profile) else ()
    return DiskChoice(
        system_disks=tuple(disk.device for disk in system),
        raid=plan.taken[0].raid if len(system) > 1 else None,
        data_disks=tuple(disk.device for disk in data),
        identity=tuple(disk.identity for disk in (*system, *data)),
    )


def disks_in_use(hardware: Hardware, profile: HardwareProfileSpec) -> DiskChoice | None:
    """The choice for a machine that is installed already: a disk that was pulled since makes it no other one.

    None only where none of the system's own disks can be told.
    """
    if (chosen := choose_disks(hardware, profile)) or not profile.disks:
        return chosen
    first = profile.disks[0]
    system = profile.model_copy(update={"disks": (first,), "unlisted_disks": "ignore"})
    if (chosen := choose_disks(hardware, system)) or first.raid in (None, 0):
        return chosen
    fewer = first.model_copy(update={"count": first.count.model_copy(update={"min": 1})})
    return _choose(hardware, system.model_copy(update={"disks": (fewer,)}), first.count.min or 1)


def _formats(profile: HardwareProfileSpec) -> bool:
    return profile.role in FORMATS_ITS_DATA_DISKS


def _system(hardware: Hardware, entry: DisksTaken, members: int) -> tuple[Disk, ...]:
    if entry.by == "software" or entry.raid is None:
        disks = tuple(disk for disk in entry.disks if isinstance(disk, Disk))
        if disks:
            return disks if entry.raid is not None else disks[:1]
    usable = _USABLE.get(entry.raid or 0, int)
    room = min(disk.size for disk in entry.disks) * usable(max(len(entry.disks), members))
    volumes = (disk for disk in hardware.disks if room * (1 - CLOSE) <= disk.size <= room)
    return tuple(volumes)[:1]
