"""The RAID volumes that a profile asks of a machine's controllers, with the exact disks of each."""

from collections.abc import Iterable

from ..model.hardware import Disk, Hardware, PhysicalDisk
from ..model.kinds import HardwareProfileSpec
from ..model.raid import RaidDisk, RaidLayout, RaidVolume
from .disks import Refusal, disk_plan


def raid_layout(hardware: Hardware, profile: HardwareProfileSpec) -> RaidLayout | None:
    """The volumes to be made, with the exact disks; None where nothing is asked of a controller, or it does not fit.

    An entry with a RAID level ``by: controller`` is a volume. One ``by: software`` wants its disks shown one by one.
    Without a level the disks are used as the controller shows them already.
    """
    plan = disk_plan(hardware, profile)
    if isinstance(plan, Refusal) or not hardware.physical_disks:
        return None
    volumes: list[RaidVolume] = []
    single: list[RaidDisk] = []
    for entry in plan.taken:
        members = _behind(entry.disks)
        if entry.raid is None or not members:
            continue
        if entry.by == "controller":
            volumes.append(RaidVolume(entry.raid, members, entry.options))
        else:
            single.extend(members)
    return RaidLayout(tuple(volumes), tuple(single)) if volumes or single else None


def _behind(disks: Iterable[Disk | PhysicalDisk]) -> tuple[RaidDisk, ...]:
    return tuple(
        RaidDisk(disk.controller, disk.enclosure, disk.slot, disk.serial)
        for disk in disks
        if isinstance(disk, PhysicalDisk)
    )
