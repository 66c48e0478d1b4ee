"""Drives behind block devices: the namespaces of one NVMe drive, or both halves of one hard disk, fail together."""

from collections.abc import Hashable, Sequence
from typing import Final

from ..model.disk_matching import is_namespace, real_identifier
from ..model.hardware import Disk
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


def _nvme_drive(disk: AnyDisk) -> Hashable | None:
    """Which NVMe drive a namespace is a part of: by its serial, else by the kernel's number of it; None of others."""
    if not isinstance(disk, Disk) or not is_namespace(disk):
        return None
    return real_identifier(disk.serial) or disk.device.rpartition("n")[0].partition("c")[0]


def _serial(disk: AnyDisk) -> str | None:
    return real_identifier(disk.serial)
