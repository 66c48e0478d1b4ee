"""The state of RAID controllers right now, in one form whatever tool told it."""

from dataclasses import dataclass

from ...model.raid import DiskPlace, RaidDisk


@dataclass(frozen=True, slots=True)
class FoundDisk:
    """A disk behind a controller."""

    controller: int
    enclosure: int | None  # None: the controller counts slots alone
    slot: int
    serials: frozenset[str]  # all that a report may have called its serial
    use: str  # ``disk_use`` of its state
    foreign: bool = False  # it carries the configuration of another controller
    told: str = ""  # its state, as the tool printed it
    rotational: bool | None = None  # None where the tool does not say

    @property
    def place(self) -> DiskPlace:
        return self.controller, self.enclosure, self.slot

    def is_one(self, wanted: RaidDisk) -> bool:
        """Whether it is the disk that was planned for; a report that knew no serial does not hold it to one."""
        return not wanted.serial or " ".join(wanted.serial.split()) in self.serials


@dataclass(frozen=True, slots=True)
class FoundVolume:
    """A volume that a controller shows to the operating system."""

    controller: int
    number: int
    level: int | None  # None: one that we never make
    disks: frozenset[DiskPlace]


@dataclass(frozen=True, slots=True)
class RaidState:
    """Everything that matters of all controllers."""

    disks: tuple[FoundDisk, ...] = ()
    volumes: tuple[FoundVolume, ...] = ()

    def disk_at(self, wanted: RaidDisk) -> FoundDisk | None:
        place = wanted.controller, wanted.enclosure, wanted.slot
        return next((disk for disk in self.disks if disk.place == place), None)
