"""RAID volumes that a controller is to make of its disks."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RaidDisk:
    """One disk behind a controller: where it sits, and which one it is."""

    controller: int
    enclosure: int
    slot: int
    serial: str  # empty where the report does not say

    @property
    def place(self) -> str:
        """``controller:enclosure:slot``."""
        return f"{self.controller}:{self.enclosure}:{self.slot}"

    @property
    def identity(self) -> str:
        """Place and serial; ``place_in`` reads it."""
        return f"{self.place} {self.serial}".strip()


def place_in(identity: str) -> str:
    """The place of the disk that ``RaidDisk.identity`` told."""
    return identity.partition(" ")[0]


@dataclass(frozen=True, slots=True)
class RaidVolume:
    """A volume to be made of exactly these disks of one controller."""

    level: int  # 0, 1, 5, 6 or 10
    disks: tuple[RaidDisk, ...]
    options: tuple[str, ...] = ()  # in MegaCLI's words: WB, RA, Direct ...

    def __str__(self) -> str:
        return f"RAID {self.level} of {', '.join(disk.place for disk in self.disks)}"


@dataclass(frozen=True, slots=True)
class RaidLayout:
    """All that is asked of a machine's controllers. Disks that are named nowhere here are left as they are."""

    volumes: tuple[RaidVolume, ...] = ()
    single: tuple[RaidDisk, ...] = ()  # shown to the operating system as they are (JBOD), for software RAID

    @property
    def disks(self) -> tuple[RaidDisk, ...]:
        """Every disk named."""
        return (*(disk for volume in self.volumes for disk in volume.disks), *self.single)
