"""Origin of a block device: a RAID controller's, which shows its disks or a volume of them, or nobody's but its own.

Our agent says which controller a device hangs on. The stock agent does not: then a device is the controller's where it
has the size of one of its disks, or of a volume of them, or a name that controllers give to volumes.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from functools import lru_cache
from typing import Final

from ..model.hardware import Disk, Hardware, PhysicalDisk
from .shown import same_disks

_COERCED: Final = 0.05
"""A controller makes of a disk this much less at most, so that one of another maker may replace it."""

_VOLUME: Final = re.compile(
    r"\b(?:PERC|MegaRAID|ServeRAID|MR\s?SAS|MR\d{4}|SMC\d{4}|RAID|LSI|AVAGO|LOGICAL.VOLUME)", re.IGNORECASE
)
"""Models that controllers give to their volumes."""


class DiskOrigin(StrEnum):
    """What a block device is beside a RAID controller's physical disks."""

    OWN = "own"  # a disk that no RAID controller lists
    CONTROLLER = "controller"  # shows physical disks that are listed
    UNTOLD = "untold"  # the report does not say, and nothing that is listed has its size


def origins(hardware: Hardware) -> Mapping[str, DiskOrigin]:
    """Whose each block device of a machine is, by kernel name."""
    if not hardware.physical_disks:
        return dict.fromkeys((disk.device for disk in hardware.disks), DiskOrigin.OWN)
    return _origins(hardware.disks, hardware.physical_disks)


@lru_cache(maxsize=64)  # each profile asks anew for each machine
def _origins(disks: tuple[Disk, ...], listed: tuple[PhysicalDisk, ...]) -> Mapping[str, DiskOrigin]:
    by_themselves = {disk.device for disk in same_disks(disks, listed).values()}
    return {
        disk.device: DiskOrigin.CONTROLLER if disk.device in by_themselves else _origin(disk, listed) for disk in disks
    }


def _origin(disk: Disk, listed: Sequence[PhysicalDisk]) -> DiskOrigin:
    """Whose a block device is that is none of the physical disks by itself, as far as anybody can tell."""
    at = {each.pci for each in listed}
    if disk.pci and disk.pci in at:
        return DiskOrigin.CONTROLLER
    if is_nvme(disk) or disk.is_external or (disk.pci and "" not in at):
        return DiskOrigin.OWN
    may_be = _VOLUME.search(disk.model) or _may_be_made_of(disk.size, [each.size for each in listed])
    return DiskOrigin.CONTROLLER if may_be else DiskOrigin.UNTOLD


def is_nvme(disk: Disk) -> bool:
    """Whether it is an NVMe disk, which is behind no such controller."""
    return disk.device.startswith("nvme") or disk.name.startswith("nvme")


def _may_be_made_of(size: int, listed: Iterable[int]) -> bool:
    """Whether it has the size of one of the disks, or of a volume of several whole ones."""
    sizes = sorted(listed)
    return any(
        number * each * (1 - _COERCED) <= size <= number * each
        for place, each in enumerate(sizes)
        for number in range(1, len(sizes) - place + 1)
    )
