"""Chooses a machine's disks by its profile: where the system goes or is, and which disks are for data.

The first entry of ``disks`` is the system's. Made by software, its disks are block devices; made by a RAID controller,
the system goes to the volume that the controller shows in their place, recognised by its size. The other entries'
disks are for data, as those are that no entry takes where ``unlisted_disks`` says ``use``.

Once a machine is installed, its system is where it was installed, whatever the kernel calls the disks today.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from ..model.disk_id import DiskId
from ..model.disk_matching import real_identifier
from ..model.hardware import Disk, DiskPlan, DisksTaken, Hardware
from ..model.history import History, Phase
from ..model.kinds import HardwareProfileSpec
from ..model.machine import DiskChoice
from ..model.roles import facts_of
from .disks import Refusal, disk_plan
from .recall import NOTHING, AnyDisk, Recalled, Remembered, recall

CLOSE: Final = 0.02
"""A volume is this much smaller than its disks at most: the controller keeps its notes at their end."""

_USABLE: Final[dict[int, Callable[[int], int]]] = {
    1: lambda n: 1,
    5: lambda n: n - 1,
    6: lambda n: n - 2,
    10: lambda n: n // 2,
}
"""RAID level to how many disks' worth of room ``n`` disks give; any other level: all of them."""

_NO_SYSTEM = Refusal("its profile finds no disk for the system")


@dataclass(frozen=True, slots=True)
class DisksInUse:
    """The disks of a machine that is installed, or about to be, by the names that its agent sorts them by."""

    system: tuple[str, ...]
    data: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LastInstall:
    """What is known of a machine's disks from its last install."""

    installed_on: tuple[DiskId, ...]  # each disk that it was given
    system_on: tuple[DiskId, ...]  # of those that hold the system; empty: not known
    stays: bool  # it is installed: the system is there, and nowhere else


def last_install(history: History) -> LastInstall | None:
    """None where no install ended well since the machine was new: then its disks hold nothing that matters."""
    stays = history.phase in (Phase.INSTALLED, Phase.IN_SERVICE)
    if not history.install.on or not (stays or history.service.left):
        return None
    return LastInstall(history.install.on, history.install.system_on, stays)


def recall_disks(hardware: Hardware, profile: HardwareProfileSpec, last: LastInstall | None) -> Recalled:
    """Which of the machine's disks held its system and its data, and whether the system is still there."""
    if last is None:
        return NOTHING
    system = last.system_on or _system_then(hardware, profile, last.installed_on)
    data = tuple(text for text in last.installed_on if text not in system)
    return replace(recall(Remembered(system, data), hardware.disks), stays=last.stays)


def choose_disks(
    hardware: Hardware, profile: HardwareProfileSpec, recalled: Recalled = NOTHING
) -> DiskChoice | Refusal:
    """The disks of an install: again those of the last one, where they are there.

    Refused where the profile does not fit, names no disk, or its RAID volume does not exist yet; and where nobody can
    tell which disk held the system, and which held data.
    """
    if recalled.doubtful and recalled.problem:
        return Refusal(recalled.problem)
    plan = disk_plan(hardware, profile, recalled)
    if isinstance(plan, Refusal):
        return plan
    system = _system(hardware, plan, profile, recalled)
    if not system:
        return _NO_SYSTEM
    formats = facts_of(profile.role).installer_formats_data
    data = _data(hardware, plan, profile, (*system, *recalled.system)) if formats else ()
    return DiskChoice(
        system_disks=tuple(disk.device for disk in system),
        raid=plan.taken[0].raid if len(system) > 1 else None,
        data_disks=tuple(disk.device for disk in data),
        identity=tuple(disk.identity for disk in (*system, *data)),
    )


def disks_in_use(
    hardware: Hardware, profile: HardwareProfileSpec, recalled: Recalled = NOTHING
) -> DisksInUse | Refusal:
    """The disks of a machine that is installed, whatever was pulled or added since.

    Refused only where none of the system's own disks can be told.
    """
    if recalled.lost:
        return Refusal(recalled.lost)
    plan = disk_plan(hardware, profile, recalled, installed=True)
    if isinstance(plan, Refusal):
        return plan
    system = _system(hardware, plan, profile, recalled)
    if recalled.stays:
        mirror = system if _is_software_raid(plan) else ()
        system = tuple(disk for disk in hardware.disks if disk in recalled.system or disk in mirror)
    if not system:
        return _NO_SYSTEM
    data = _data(hardware, plan, profile, (*system, *recalled.system))
    return DisksInUse(tuple(disk.name for disk in system), tuple(disk.name for disk in data))


def _system_then(
    hardware: Hardware, profile: HardwareProfileSpec, installed_on: tuple[DiskId, ...]
) -> tuple[DiskId, ...]:
    """Which of the disks the system went to, as far as the profile tells: the choice of then is made again.

    For installs of which only the disks were recorded, the system's first.
    """
    if not facts_of(profile.role).installer_formats_data:
        return installed_on
    then = {disk.name: disk for disk in installed_on}
    disks = tuple(Disk(name, name, disk.size or 0, disk.description) for name, disk in then.items())
    past = replace(hardware, disks=disks)
    plan = disk_plan(past, profile, installed=True)
    system = () if isinstance(plan, Refusal) else _system(past, plan, profile, NOTHING)
    return tuple(then[disk.device] for disk in system) or installed_on[:1]


def _is_software_raid(plan: DiskPlan) -> bool:
    return bool(plan.taken) and plan.taken[0].by == "software" and plan.taken[0].raid is not None


def _system(hardware: Hardware, plan: DiskPlan, profile: HardwareProfileSpec, recalled: Recalled) -> tuple[Disk, ...]:
    """The system's disks, or the one volume of a RAID controller; a mirror that lost a disk is one still."""
    if not plan.taken or not plan.taken[0].disks:
        return ()
    entry, wanted = plan.taken[0], profile.disks[0].count.min or 1
    if entry.raid in (None, 0) and len(entry.disks) < wanted:
        return ()
    if entry.by == "software" or entry.raid is None:
        disks = tuple(disk for disk in entry.disks if isinstance(disk, Disk))
        if disks:
            return disks if entry.raid is not None else disks[:1]
    may = [disk for disk in recalled.for_entry(0, hardware.disks) if isinstance(disk, Disk) and not disk.is_usb]
    return tuple(disk for disk in may if _is_volume(disk, entry, wanted))[:1]


def _data(
    hardware: Hardware, plan: DiskPlan, profile: HardwareProfileSpec, system: tuple[AnyDisk, ...]
) -> tuple[Disk, ...]:
    """The disks for data, in the order of the report."""
    taken = {disk for entry in plan.taken for disk in entry.disks if isinstance(disk, Disk)}
    free = [disk for disk in hardware.disks if disk not in system and not disk.is_usb]
    if profile.unlisted_disks == "use":
        return tuple(disk for disk in hardware.disks if disk in free or disk in taken.difference(system))
    found: list[Disk] = []
    for entry in plan.taken[1:]:
        found += (disk for disk in entry.disks if isinstance(disk, Disk))
        found += _shown(entry, [disk for disk in free if disk not in (*taken, *found)])
    return tuple(disk for disk in hardware.disks if disk in found)


def _shown(entry: DisksTaken, free: list[Disk]) -> Iterator[Disk]:
    """The block devices that a controller shows in place of the physical disks of an entry."""
    behind = [disk for disk in entry.disks if not isinstance(disk, Disk)]
    if behind and entry.raid is not None and entry.by == "controller":
        volumes = [disk for disk in free if _is_volume(disk, entry, len(behind))]
        yield from volumes[:1]
        if volumes or entry.raid != 0:  # without a volume of them all, each may be a RAID 0 of its own
            return
    for physical in behind:
        serial = real_identifier(physical.serial)
        alike = [disk for disk in free if abs(disk.size - physical.size) <= physical.size * CLOSE]
        alike.sort(key=lambda disk: serial is None or real_identifier(disk.serial) != serial)
        if alike:
            free.remove(alike[0])
            yield alike[0]


def _is_volume(disk: Disk, entry: DisksTaken, members: int) -> bool:
    """Whether a block device has the size of a RAID of the entry's disks, should fewer of its members be there."""
    usable = _USABLE.get(entry.raid or 0, int)
    room = min(disk.size for disk in entry.disks) * usable(max(len(entry.disks), members))
    return room * (1 - CLOSE) <= disk.size <= room
