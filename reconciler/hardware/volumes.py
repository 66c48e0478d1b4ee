"""Volumes of a RAID controller: the disks of a machine that one may be made of."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

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
    """The disks of which the controller of those held makes a volume; else the first group of as many as asked for.

    A group is of SSDs or of hard disks, as no controller mixes them, and of one interface where that is enough: many
    mix SAS and SATA neither. Where no group has as many, the answer is the one that comes closest.
    """
    for kind in (_kind, _loose_kind):
        groups: dict[_MemberKind, list[AnyDisk]] = {}
        for disk in disks:
            groups.setdefault(kind(disk), []).append(disk)
        if held:
            if len({kind(disk) for disk in held}) == 1:
                return groups.get(kind(held[0]), [])
        elif enough := [each for each in groups.values() if len(each) >= number]:
            return enough[0]
    return max(groups.values(), key=len, default=[])


def is_behind_one(disks: Iterable[AnyDisk]) -> bool:
    """Whether all disks are behind one controller."""
    return len({_loose_kind(disk).controller for disk in disks}) < 2


class _MemberKind(NamedTuple):
    """What the disks of a volume have in common."""

    controller: int | None
    rotational: bool | None
    interface: str


def _kind(disk: AnyDisk) -> _MemberKind:
    interface = disk.interface.upper() if isinstance(disk, PhysicalDisk) else ""
    return _loose_kind(disk)._replace(interface=interface)


def _loose_kind(disk: AnyDisk) -> _MemberKind:
    return _MemberKind(disk.controller if isinstance(disk, PhysicalDisk) else None, disk.rotational, "")
