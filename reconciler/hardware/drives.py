"""Drives behind what a report lists: parts of one drive fail together, and a drive behind two controllers is one.

The namespaces of one NVMe drive are its parts, and so are both halves of a hard disk with two actuators.
"""

from collections.abc import Hashable, Iterable, Sequence
from typing import Final

from ..model.disk_matching import is_namespace, real_identifier
from ..model.hardware import Disk, PhysicalDisk
from ..model.kinds import DiskRule
from .recall import AnyDisk

_REDUNDANT: Final = frozenset({1, 5, 6, 10})
"""The levels whose members must not fail together."""


def wants_own_drives(rule: DiskRule) -> bool:
    """Whether the entry is a RAID by software that has to outlive a drive."""
    return rule.by == "software" and rule.raid in _REDUNDANT


def on_own_drives(disks: Sequence[AnyDisk], held: Sequence[AnyDisk] = ()) -> list[AnyDisk]:
    """The first namespace of each NVMe drive that holds none of those held, and every other disk.

    Other disks of one serial may be parts of one drive, as the two actuators of a hard disk are, or volumes of a
    controller whose serial they say: nobody can tell. The first of each serial comes before them.
    """
    seen = {_nvme_drive(disk) for disk in held} - {None}
    serials = {_serial(disk) for disk in held} - {None}
    first: list[AnyDisk] = []
    later: list[AnyDisk] = []
    for disk in disks:
        if (drive := _nvme_drive(disk)) is not None:
            if drive not in seen:
                first.append(disk)
            seen.add(drive)
        elif (serial := _serial(disk)) is not None and serial in serials:
            later.append(disk)
        else:
            first.append(disk)
            serials.add(serial)
    return [*first, *later]


def once_each(disks: Iterable[PhysicalDisk]) -> list[PhysicalDisk]:
    """Each drive by the first of its places: the controllers of a shared enclosure list its drives once each.

    A drive is known again by its serial with model and size, where no WWN says that it is another.
    """
    found: dict[tuple[str, str, int], list[PhysicalDisk]] = {}
    once = []
    for disk in disks:
        serial = real_identifier(disk.serial)
        alike = found.setdefault((serial, disk.model, disk.size), []) if serial else []
        if not any(_is_one_drive(disk, other) for other in alike):
            once.append(disk)
            alike.append(disk)
    return once


def _is_one_drive(one: PhysicalDisk, other: PhysicalDisk) -> bool:
    """Whether both are one drive, of which serial, model and size are the same."""
    wwns = {real_identifier(one.wwn), real_identifier(other.wwn)} - {None}
    return one.controller != other.controller and len(wwns) < 2


def _nvme_drive(disk: AnyDisk) -> Hashable | None:
    """Which NVMe drive a namespace is a part of: by its serial, else by the kernel's number of it; None of others."""
    if not isinstance(disk, Disk) or not is_namespace(disk):
        return None
    return real_identifier(disk.serial) or disk.device.rpartition("n")[0].partition("c")[0]


def _serial(disk: AnyDisk) -> str | None:
    return real_identifier(disk.serial)
