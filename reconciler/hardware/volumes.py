"""Volumes of a RAID controller: the disks of a machine that one may be made of."""

from collections.abc import Sequence

from ..model.hardware import Hardware, PhysicalDisk
from ..model.kinds import DiskRule
from .recall import AnyDisk


def is_volume(hardware: Hardware, rule: DiskRule) -> bool:
    """Whether a controller makes one volume of all disks that the entry takes.

    A controller whose disks the report does not name shows its volume as a block device, and that one is taken.
    """
    return rule.raid is not None and rule.by == "controller" and bool(hardware.physical_disks)


def of_one_controller(disks: Sequence[AnyDisk], number: int, held: Sequence[AnyDisk] = ()) -> list[AnyDisk]:
    """The disks behind the controller of those that are held; else behind the first one that has as many as asked for.

    Where none has as many, the answer is of one that comes closest.
    """
    behind: dict[int | None, list[AnyDisk]] = {}
    for disk in disks:
        behind.setdefault(_controller(disk), []).append(disk)
    if held:
        return behind.get(_controller(held[0]), [])
    enough = [each for each in behind.values() if len(each) >= number]
    return enough[0] if enough else max(behind.values(), key=len, default=[])


def _controller(disk: AnyDisk) -> int | None:
    return disk.controller if isinstance(disk, PhysicalDisk) else None
