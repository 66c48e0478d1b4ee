"""Chooses a machine's disks by its profile: where the system goes or is, and which disks are for data.

The first entry of ``disks`` is the system's. Made by software, its disks are block devices; made by a RAID controller,
the system goes to the volume that the controller shows in their place (``shown``). The other entries' disks are for
data, as those are that no entry takes where ``unlisted_disks`` says ``use``.

Once a machine is installed, its system is where it was installed, whatever the kernel calls the disks today.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from ..model.disk_id import DiskId
from ..model.hardware import Disk, DiskPlan, DisksTaken, Hardware, PhysicalDisk
from ..model.history import History, Phase
from ..model.kinds import HardwareProfileSpec
from ..model.machine import DiskChoice
from ..model.roles import facts_of
from .disks import Refusal, disk_plan, doubt_of_names, is_usable
from .origin import DiskOrigin, origins
from .paths import of_one_serial
from .recall import NOTHING, AnyDisk, Recalled, Remembered, recall
from .shown import CLOSE, DisksShown, DiskWanted, by_itself, shown

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
    tell which disk held the system, and which held data, which disks it names, or which block devices show them.
    """
    if recalled.doubtful and recalled.problem:
        return Refusal(recalled.problem)
    plan = disk_plan(hardware, profile, recalled)
    if isinstance(plan, Refusal):
        return plan
    formats = facts_of(profile.role).installer_formats_data
    if doubt := doubt_of_names(hardware, profile.disks if formats else profile.disks[:1]):
        return doubt
    seen = _shown(hardware, plan if formats else _system_only(plan), profile, recalled, installed=False)
    system = _system(plan, profile, seen)
    if isinstance(system, Refusal):
        return system
    if _is_software_raid(plan) and len(system) < (profile.disks[0].count.min or 1):
        return _NO_SYSTEM  # some of its disks are not shown
    if formats and (doubt := _doubt_of_data(profile, seen)):
        return doubt
    may_be = _may_be_data(hardware, profile, recalled, installed=False)
    data = _data(may_be, plan, profile, seen, (*system, *recalled.system)) if formats else ()
    if doubt := _doubt_of_paths(hardware, (*system, *data)) or _not_to_be_written((*system, *data)):
        return doubt
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

    Refused where none of the system's own disks can be told, or where nobody recorded its disks for data and nothing
    tells them from others. What was recorded at its install says more than what is seen today.
    """
    if recalled.lost:
        return Refusal(recalled.lost)
    plan = disk_plan(hardware, profile, recalled, installed=True)
    if isinstance(plan, Refusal):
        return plan
    seen = _shown(hardware, plan, profile, recalled, installed=True)
    system = _system(plan, profile, seen)
    if recalled.stays:
        mirror = system if _is_software_raid(plan) and not isinstance(system, Refusal) else ()
        system = tuple(disk for disk in hardware.disks if disk in recalled.system or disk in mirror) or _NO_SYSTEM
    if isinstance(system, Refusal):
        return system
    if not (recalled.stays and recalled.data) and (doubt := _doubt_of_data(profile, seen)):
        return doubt
    may_be = _may_be_data(hardware, profile, recalled, installed=True)
    data = _data(may_be, plan, profile, seen, (*system, *recalled.system))
    return DisksInUse(tuple(disk.name for disk in system), tuple(disk.name for disk in data))


def _system_then(
    hardware: Hardware, profile: HardwareProfileSpec, installed_on: tuple[DiskId, ...]
) -> tuple[DiskId, ...]:
    """Which of the disks the system went to, as far as the profile tells: the choice of then is made again.

    For installs of which only the disks were recorded, the system's first.
    """
    if not facts_of(profile.role).installer_formats_data:
        return installed_on
    if doubt_of_names(hardware, profile.disks):  # what was recorded are kernel names
        return installed_on[:1]
    then = {disk.name: disk for disk in installed_on}
    disks = tuple(Disk(name, name, disk.size or 0, disk.description) for name, disk in then.items())
    past = replace(hardware, disks=disks)
    plan = disk_plan(past, profile, installed=True)
    if isinstance(plan, Refusal):
        return installed_on[:1]
    system = _system(plan, profile, _shown(past, plan, profile, NOTHING, installed=True))
    return installed_on[:1] if isinstance(system, Refusal) else tuple(then[disk.device] for disk in system)


def _is_software_raid(plan: DiskPlan) -> bool:
    return bool(plan.taken) and plan.taken[0].by == "software" and plan.taken[0].raid is not None


def _system_only(plan: DiskPlan) -> DiskPlan:
    return replace(plan, taken=plan.taken[:1])


def _system(plan: DiskPlan, profile: HardwareProfileSpec, seen: DisksShown) -> tuple[Disk, ...] | Refusal:
    """The system's disks, or the one volume of a RAID controller; a mirror that lost a disk is one still."""
    if not plan.taken or not plan.taken[0].disks:
        return _NO_SYSTEM
    entry, wanted = plan.taken[0], profile.disks[0].count.min or 1
    if entry.raid in (None, 0) and len(entry.disks) < wanted:
        return _NO_SYSTEM
    several = entry.raid is not None and entry.by == "software"
    disks = [disk for disk in entry.disks if isinstance(disk, Disk)]
    if disks and entry.by == "controller" and entry.raid is not None:
        disks = [disk for disk in disks if _is_volume(disk, entry, wanted)]
    if disks:
        return tuple(disks if several else disks[:1])
    if 0 in seen.doubts:
        return Refusal(seen.doubts[0], unclear=True)
    found = seen.devices.get(0, [])
    return tuple(found if several else found[:1]) or _NO_SYSTEM


def _doubt_of_data(profile: HardwareProfileSpec, seen: DisksShown) -> Refusal | None:
    """Why nobody can tell which disks are for data, where not all are."""
    doubts = [doubt for entry, doubt in sorted(seen.doubts.items()) if entry > 0]
    return Refusal(doubts[0], unclear=True) if doubts and profile.unlisted_disks != "use" else None


def _doubt_of_paths(hardware: Hardware, erased: tuple[Disk, ...]) -> Refusal | None:
    """Why nobody can tell what else an install would write to."""
    for group in of_one_serial(hardware.disks):
        if any(disk in group for disk in erased):
            first, last = group[0], group[-1]
            reason = (
                f"{len(group)} devices, {first.name} to {last.name}, say the serial {first.serial} and no WWN: "
                "nobody can tell whether they are several disks, or one over several paths"
            )
            return Refusal(reason, unclear=True)
    return None


def _not_to_be_written(erased: tuple[Disk, ...]) -> Refusal | None:
    """Why an install would fail after it began: of a volume that a controller shows, no entry asked before."""
    for disk in erased:
        if disk.fault:
            return Refusal(f"{disk.name} is {disk.fault}, and no file system can be made on it")
    return None


def _may_be_data(
    hardware: Hardware, profile: HardwareProfileSpec, recalled: Recalled, *, installed: bool
) -> tuple[Disk, ...]:
    """All disks; but where those are used that no entry takes, only the ones on which data can be."""
    if profile.unlisted_disks != "use":
        return hardware.disks
    return tuple(disk for disk in hardware.disks if is_usable(disk, recalled, installed=installed))


def _data(
    may_be: tuple[Disk, ...],
    plan: DiskPlan,
    profile: HardwareProfileSpec,
    seen: DisksShown,
    system: tuple[AnyDisk, ...],
) -> tuple[Disk, ...]:
    """The disks for data, in the order of the report."""
    if profile.unlisted_disks == "use":
        named = {disk for entry in plan.taken for disk in entry.disks}
        return tuple(disk for disk in may_be if disk not in system and (not disk.is_external or disk in named))
    found = {disk for entry in plan.taken[1:] for disk in entry.disks if isinstance(disk, Disk)}
    found.update(disk for entry, disks in seen.devices.items() if entry > 0 for disk in disks)
    return tuple(disk for disk in may_be if disk in found and disk not in system)


def _shown(
    hardware: Hardware, plan: DiskPlan, profile: HardwareProfileSpec, recalled: Recalled, *, installed: bool
) -> DisksShown:
    """The block devices that controllers show in place of the physical disks of all entries."""
    taken = {disk for entry in plan.taken for disk in entry.disks if isinstance(disk, Disk)}
    whose = origins(hardware)
    free = [disk for disk in hardware.disks if disk not in taken and whose[disk.device] is not DiskOrigin.OWN]
    wanted = [each for entry in plan.taken for each in _wanted(entry, profile, free)]
    return shown(hardware, free, wanted, recalled, installed=installed)


def _wanted(entry: DisksTaken, profile: HardwareProfileSpec, free: list[Disk]) -> list[DiskWanted]:
    """The devices that a controller should show for an entry: a volume, or each of its disks."""
    behind = [disk for disk in entry.disks if isinstance(disk, PhysicalDisk)]
    if behind and entry.raid is not None and entry.by == "controller":
        members = profile.disks[entry.entry].count.min or 1 if entry.entry == 0 else 0
        room = _room(entry, members)
        volume = DiskWanted(entry.entry, tuple(behind), round(room * (1 - CLOSE)), room, entry.raid)
        if entry.raid != 0 or entry.entry == 0 or any(volume.may_be(disk) for disk in free):
            return [volume]  # without a volume of them all, each may be a RAID 0 of its own
    return [by_itself(entry.entry, disk) for disk in behind]


def _is_volume(disk: Disk, entry: DisksTaken, members: int) -> bool:
    """Whether a block device has the size of a RAID of the entry's disks, should fewer of its members be there."""
    room = _room(entry, members)
    return room * (1 - CLOSE) <= disk.size <= room


def _room(entry: DisksTaken, members: int) -> int:
    """Bytes of a RAID of the entry's disks, of which there were ``members`` at least."""
    usable = _USABLE.get(entry.raid or 0, int)
    return min(disk.size for disk in entry.disks) * usable(max(len(entry.disks), members))
