"""Volumes of a RAID controller: the disks of a machine that one may be made of."""

from collections.abc import Sequence

from ..model.hardware import Hardware, PhysicalDisk
from ..model.kinds import DiskRule
from ..model.raid import least_members, most_members
from .recall import AnyDisk


def volume_level(hardware: Hardware, rule: DiskRule) -> int | None:
    """The level of the one volume that a controller makes of all disks that the entry takes; None: of none.

    A controller whose disks the report does not name shows its volume as a block device, and that one is taken.
    """
    return rule.raid if rule.by == "controller" and hardware.physical_disks else None


def disks_needed(rule: DiskRule, level: int | None) -> int:
    """How many disks the entry takes at least."""
    least = rule.count.min or 0
    return least if level is None else least_members(level, least)


def volume_of(disks: Sequence[AnyDisk], rule: DiskRule, level: int, held: Sequence[AnyDisk] = ()) -> list[AnyDisk]:
    """The disks of one controller, as many as its volume may have, to be added to those that are held."""
    behind = of_one_controller(disks, disks_needed(rule, level), held)
    number = len(held) + len(behind)
    most = number if rule.count.max is None else min(number, rule.count.max)
    return behind[: max(most_members(level, most) - len(held), 0)]


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
