"""RAID volumes that a controller is to make of its disks."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

DiskPlace = tuple[int, int | None, int]
"""Controller, enclosure, slot. Some controllers have no enclosure, and count slots alone."""


_USES: Mapping[str, str] = {
    "onln": "member", "offln": "member", "rbld": "member", "online": "member", "offline": "member", "rebuild": "member",
    "ugood": "good", "unconfigured(good)": "good", "jbod": "single",
    "ubad": "bad", "ubunsp": "bad", "ugunsp": "bad", "unconfigured(bad)": "bad", "failed": "bad", "msng": "bad",
    "missing": "bad", "ghs": "spare", "dhs": "spare", "hspshld": "spare", "hotspare": "spare", "hot spare": "spare",
}  # fmt: skip
"""The states of a disk in the words of storcli and MegaCLI, in small letters, and what can be done with it."""


def is_rotational(medium: str) -> bool | None:
    """Whether a disk is a hard disk, by its medium as storcli or MegaCLI prints it; None: not told, or another one."""
    word = " ".join(medium.lower().split())
    return True if word.startswith(("hdd", "hard disk")) else False if word.startswith(("ssd", "solid state")) else None


def disk_use(state: str) -> str:
    """``member`` of a volume, ``good`` for one, ``single`` (JBOD), hot ``spare``, ``bad``: not to be used; ``other``.

    Args:
        state: As the controller's tool prints it; what follows a comma is how it spins.
    """
    return _USES.get(state.partition(",")[0].strip().lower(), "other")


FEWEST: Mapping[int, int] = {0: 1, 1: 2, 5: 3, 6: 4, 10: 4}
"""Disks that a RAID level needs at least; controllers make a level 0 of a single disk."""

_OF_PAIRS = frozenset({1, 10})
"""Levels that a controller makes of an even number of disks."""


_BY_SOFTWARE: Mapping[str, tuple[int, ...]] = {"debian": (1,), "image": (0, 1, 10)}
"""The levels of software RAID that each installer puts a system on."""


def software_levels(installer: str, *, uefi: bool | None) -> tuple[int, ...]:
    """The levels of software RAID that an installer puts a system on.

    Args:
        installer: As a profile names it: debian or image.
        uefi: How the machine boots; None: not known. On BIOS GRUB cannot be relied on to start from a level 0.
    """
    return tuple(level for level in _BY_SOFTWARE[installer] if level > 0 or uefi is not False)


OPTIONS: Mapping[str, str] = {
    "WT": "wt", "WB": "wb", "AWB": "awb", "FORCEDWB": "awb", "RA": "ra", "NORA": "nora", "DIRECT": "direct",
    "CACHED": "cached",
}  # fmt: skip
"""MegaCLI's options of a volume, in capitals, and storcli's words for them. Nothing else reaches a command line."""


def unknown_options(options: Iterable[str]) -> tuple[str, ...]:
    """Those that no controller is given, in whatever letters they are written."""
    return tuple(option for option in options if option.upper() not in OPTIONS)


def most_members(level: int, number: int) -> int:
    """How many of so many disks a controller can make a volume of; 0: they are too few."""
    usable = number - number % 2 if level in _OF_PAIRS else number
    return usable if usable >= FEWEST[level] else 0


def least_members(level: int, number: int) -> int:
    """The fewest disks, and not fewer than the number, that a controller makes a volume of; 0 for 0."""
    if number == 0:
        return 0
    least = max(number, FEWEST[level])
    return least + least % 2 if level in _OF_PAIRS else least


def place_text(place: DiskPlace) -> str:
    """``controller:enclosure:slot``; ``0::3`` for a disk in no enclosure, as the tools write it."""
    return ":".join("" if number is None else str(number) for number in place)


def place_order(place: DiskPlace) -> tuple[int, int, int]:
    """By which places are sorted: disks in no enclosure come first."""
    controller, enclosure, slot = place
    return controller, -1 if enclosure is None else enclosure, slot


@dataclass(frozen=True, slots=True)
class RaidDisk:
    """One disk behind a controller: where it sits, and which one it is."""

    controller: int
    enclosure: int | None  # None: the controller counts slots alone
    slot: int
    serial: str  # empty where the report does not say

    @property
    def place(self) -> str:
        """``controller:enclosure:slot``."""
        return place_text((self.controller, self.enclosure, self.slot))

    @property
    def drive(self) -> str:
        """``enclosure:slot``, or ``:slot``: how the tools call it when they make a volume of it."""
        return self.place.partition(":")[2]

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
