"""The block devices that a RAID controller shows in place of its physical disks.

The controller's tool knows disks by slots, the kernel block devices by names, and no number joins them. A disk that is
shown by itself is told by its WWN or serial. A volume has a serial of its own: it is told by its size, the state of its
disks and the controller that the device hangs on, where the agent says which. What was recorded at an install counts
too. Where several devices may be the one that is wanted, none is taken, and a sentence says which they are.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from ..model.disk_matching import real_identifier
from ..model.hardware import Disk, Hardware, PhysicalDisk
from ..model.raid import DiskPlace, place_text
from .recall import Recalled

CLOSE: Final = 0.02
"""A volume is this much smaller than its disks at most: the controller keeps its notes at their end."""

_SAME_SIZE: Final = 0.05  # of what one disk's serial says: tools round sizes, and some tell what a volume may use
_LEAST_SERIAL: Final = 8  # characters of a serial that the other side goes on with; shorter ones begin alike by chance

_IN_NO_VOLUME: Final = re.compile("jbod|ugood|ugunsp|ugshld|ubad|ubunsp|unconf|uconf|ghs|dhs|hot ?spare", re.I)
_IN_A_VOLUME: Final = re.compile("online|onln|conf|opt", re.I)
_JBOD: Final = re.compile("jbod", re.I)
"""Beginnings of states of physical disks, in the words of storcli, storcli2 and MegaCLI."""


@dataclass(frozen=True, slots=True)
class DiskWanted:
    """One block device that a controller should show for an entry of a profile."""

    entry: int
    members: tuple[PhysicalDisk, ...]
    low: int  # bytes
    high: int
    raid: int | None = None  # level of a volume; None: the one disk by itself

    @property
    def words(self) -> str:
        """What people call it."""
        places = ", ".join(place_text(disk.place) for disk in self.members)
        return f"disk {places}" if self.raid is None else f"the RAID {self.raid} of {places}"

    def exists(self, *, installed: bool) -> bool:
        """Whether there may be such a device, by the states of its disks; one that lost disks is there still."""
        outside = [bool(_IN_NO_VOLUME.match(disk.state)) for disk in self.members]
        return self.raid is None or not (all(outside) if installed else any(outside))

    @property
    def is_hidden(self) -> bool:
        """Whether it is one disk that no device shows, by its state: a spare, or one that nobody set up."""
        state = self.members[0].state
        return self.raid is None and bool(_IN_NO_VOLUME.match(state)) and not _JBOD.match(state)

    def may_be(self, disk: Disk) -> bool:
        """Whether a block device has its size, and hangs on its controller as far as both are known."""
        elsewhere = disk.pci and all(each.pci and each.pci != disk.pci for each in self.members)
        return self.low <= disk.size <= self.high and not elsewhere


def by_itself(entry: int, disk: PhysicalDisk) -> DiskWanted:
    """A disk that the controller shows as it is, or as a volume of its own."""
    return DiskWanted(entry, (disk,), round(disk.size * (1 - CLOSE)), round(disk.size * (1 + CLOSE)))


@dataclass(slots=True)
class DisksShown:
    """The block devices that were found for the entries of a profile, and what nobody can tell."""

    devices: dict[int, list[Disk]] = field(default_factory=dict)  # by entry
    doubts: dict[int, str] = field(default_factory=dict)  # by entry


def same_disks(disks: Sequence[Disk], listed: Sequence[PhysicalDisk]) -> Mapping[DiskPlace, Disk]:
    """The block device that is a physical disk for certain: both say one WWN or serial, and no other one does.

    A serial that goes on where the other one ends is the same: tools cut it, or leave out what follows.
    """
    pairs = [
        (physical, disk)
        for physical in listed
        for disk in disks
        if abs(disk.size - physical.size) <= physical.size * _SAME_SIZE
    ]
    found: dict[DiskPlace, Disk] = {}
    unclear: set[DiskPlace] = set()
    for alike in (_one_wwn, _one_serial):
        for physical, disk in _one_to_one([pair for pair in pairs if alike(*pair)]):
            if found.setdefault(physical.place, disk) is not disk:
                unclear.add(physical.place)  # its WWN is one device's, its serial another's
    taken = {disk.device for disk in found.values()}
    begins = [(p, d) for p, d in pairs if p.place not in found and d.device not in taken and _one_beginning(p, d)]
    found |= {physical.place: disk for physical, disk in _one_to_one(begins)}
    times = [disk.device for disk in found.values()]
    return {place: disk for place, disk in found.items() if place not in unclear and times.count(disk.device) == 1}


def _one_to_one(pairs: Sequence[tuple[PhysicalDisk, Disk]]) -> Iterator[tuple[PhysicalDisk, Disk]]:
    places, devices = [physical.place for physical, _ in pairs], [disk.device for _, disk in pairs]
    return (pair for pair in pairs if places.count(pair[0].place) == 1 == devices.count(pair[1].device))


def _one_wwn(physical: PhysicalDisk, disk: Disk) -> bool:
    wwn = real_identifier(physical.wwn)
    return wwn is not None and wwn in (real_identifier(disk.wwn), real_identifier(disk.serial))


def _one_serial(physical: PhysicalDisk, disk: Disk) -> bool:
    serial = real_identifier(physical.serial)
    return serial is not None and serial == real_identifier(disk.serial)


def _one_beginning(physical: PhysicalDisk, disk: Disk) -> bool:
    one, other = real_identifier(physical.serial), real_identifier(disk.serial)
    if one is None or other is None or min(len(one), len(other)) < _LEAST_SERIAL:
        return False
    return one.startswith(other) or other.startswith(one)


def shown(
    hardware: Hardware, candidates: Sequence[Disk], wanted: Sequence[DiskWanted], recalled: Recalled, *, installed: bool
) -> DisksShown:
    """The block devices that a controller shows for what is wanted.

    Args:
        hardware: The machine.
        candidates: Its block devices that may be the controller's.
        wanted: All that the entries want together: who wants all that are alike need not know which is which.
        recalled: What its disks were used for at an install before.
        installed: The machine is installed: what was recorded then says more than what is seen today.
    """
    looking = _Assigning(hardware, candidates, wanted, recalled, installed)
    if recalled.stays:
        looking.follow_record()
    looking.take_proven()
    looking.follow_record()
    while looking.open:
        looking.decide(*looking.group())
    return looking.found()


class _Assigning:
    def __init__(
        self,
        hardware: Hardware,
        candidates: Sequence[Disk],
        wanted: Sequence[DiskWanted],
        recalled: Recalled,
        installed: bool,
    ) -> None:
        self.hardware = hardware
        self.same = same_disks(hardware.disks, hardware.physical_disks)
        self.proven = {disk.device for disk in self.same.values()}
        self.wanted = wanted
        self.recalled = recalled
        self.free = [disk for disk in hardware.disks if disk in candidates or disk.device in self.proven]
        known = recalled.stays and recalled.system
        self.open = [
            each
            for each in wanted
            if each.exists(installed=installed) and not (known and each.entry == 0 and each.raid is not None)
        ]
        self.taken: list[tuple[DiskWanted, Disk]] = []
        self.result = DisksShown()

    def follow_record(self) -> None:
        """Take what an install was given before; one that is certainly another disk only while that install stays."""
        for each in list(self.open):
            mine, own = self._recorded(each), self._device(each)
            held = [disk for disk in mine if disk is own] or [disk for disk in mine if not self._is_of_others(disk)]
            if held:
                self._take(each, held[0])

    def take_proven(self) -> None:
        """Take the disks that are certainly the wanted ones."""
        for each in [each for each in self.open if self._device(each)]:
            own = self._device(each)
            if own in self.recalled.for_entry(each.entry, self.free) and own is not None:
                self._take(each, own)
            else:
                self.open.remove(each)

    def group(self) -> tuple[list[DiskWanted], list[Disk]]:
        """The first of what is open with all that may be the same devices, and those devices."""
        names = {disk.device for disk in self._may_be(self.open[0])}
        mine, rest = self.open[:1], [(each, self._may_be(each)) for each in self.open[1:]]
        while True:
            more = [(each, devices) for each, devices in rest if any(disk.device in names for disk in devices)]
            if not more:
                return mine, [disk for disk in self.free if disk.device in names]
            mine += [each for each, _ in more]
            names |= {disk.device for _, devices in more for disk in devices}
            rest = [(each, devices) for each, devices in rest if not any(disk.device in names for disk in devices)]

    def decide(self, mine: Sequence[DiskWanted], devices: Sequence[Disk]) -> None:
        """Give devices to whoever wants all that are alike; else to nobody."""
        entries = {each.entry for each in mine}
        too_few = len(devices) < len(mine) and 0 in entries and len(entries) > 1
        if devices and (len(devices) > len(mine) or too_few or self._has_rivals(mine, devices)):
            self.result.doubts |= dict.fromkeys(entries, _doubt(mine, devices))
            devices = ()
        names = {disk.device for disk in devices}
        for each in mine:
            fitting = next((disk for disk in self._may_be(each) if disk.device in names), None)
            if fitting:
                self._take(each, fitting)
            else:
                self.open.remove(each)

    def found(self) -> DisksShown:
        """All that was taken, in the order of the report."""
        for disk in self.hardware.disks:
            for each, taken in self.taken:
                if taken is disk:
                    self.result.devices.setdefault(each.entry, []).append(disk)
        return self.result

    def _take(self, each: DiskWanted, disk: Disk) -> None:
        self.taken.append((each, disk))
        self.open.remove(each)
        self.free.remove(disk)

    def _device(self, each: DiskWanted) -> Disk | None:
        return self.same.get(each.members[0].place) if each.raid is None else None

    def _recorded(self, each: DiskWanted) -> list[Disk]:
        recorded = self.recalled.system if each.entry == 0 else self.recalled.data
        return [disk for disk in self.free if disk in recorded and each.may_be(disk)]

    def _is_of_others(self, disk: Disk) -> bool:
        if self.recalled.stays:
            return any(self._device(each) is disk for each in self.open)
        return disk.device in self.proven

    def _may_be(self, each: DiskWanted) -> list[Disk]:
        if each.is_hidden:
            return []
        unproven = [disk for disk in self.free if disk.device not in self.proven and each.may_be(disk)]
        return [disk for disk in self.recalled.for_entry(each.entry, unproven) if isinstance(disk, Disk)]

    def _has_rivals(self, mine: Sequence[DiskWanted], devices: Sequence[Disk]) -> bool:
        """Whether one of the devices may show a disk that nobody wants, instead of one that is wanted."""
        in_volumes = all(each.raid is not None and _all_in_volumes(each.members) for each in mine)
        wanted = {disk.place for each in self.wanted for disk in each.members} | set(self.same)
        rivals = [by_itself(0, disk) for disk in self.hardware.physical_disks if disk.place not in wanted]
        return any(
            each.may_be(disk)
            for each in rivals
            for disk in devices
            if _is_shown(each.members[0], in_volumes=in_volumes)
        )


def _all_in_volumes(disks: Iterable[PhysicalDisk]) -> bool:
    return all(_IN_A_VOLUME.match(disk.state) for disk in disks)


def _is_shown(disk: PhysicalDisk, *, in_volumes: bool) -> bool:
    """Whether a device may show this disk; ``in_volumes``: what is wanted is there, and other volumes beside it."""
    if _JBOD.match(disk.state):
        return True
    return not _IN_NO_VOLUME.match(disk.state) and not (in_volumes and _IN_A_VOLUME.match(disk.state))


def _doubt(mine: Sequence[DiskWanted], devices: Sequence[Disk]) -> str:
    what = "; ".join(each.words for each in mine[:4]) + ("; ..." if len(mine) > 4 else "")
    names = ", ".join(disk.name for disk in devices[:8]) + (", ..." if len(devices) > 8 else "")
    return (
        f"its profile takes {what}, and no serial, WWN or controller tells which of {names} "
        f"{'that is' if len(mine) == 1 else 'those are'}"
    )
