"""From what a controller has to what it is to have, and what that destroys."""

from collections.abc import Iterable
from dataclasses import dataclass

from ...model.contents import Contents, ForeignConfigurationFound, SingleDiskFound, VolumeFound
from ...model.disk_id import ControllerId, Finding
from ...model.raid import DiskPlace, RaidDisk, RaidLayout, RaidVolume, place_in, place_order, place_text
from .state import FoundVolume, RaidState


@dataclass(frozen=True, slots=True)
class ClearForeign:
    """Forget configurations that disks brought along from another controller."""

    controller: int


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete a volume; what it held is lost."""

    controller: int
    number: int


@dataclass(frozen=True, slots=True)
class MakeGood:
    """Take a disk from the operating system, so that it can become a member."""

    disk: RaidDisk


@dataclass(frozen=True, slots=True)
class Create:
    """Make a volume."""

    volume: RaidVolume


@dataclass(frozen=True, slots=True)
class Initialise:
    """Blank both ends of a new volume: old members may show an old partition table again."""

    controller: int
    number: int


@dataclass(frozen=True, slots=True)
class MakeSingle:
    """Show a disk to the operating system as it is (JBOD)."""

    disk: RaidDisk


RaidStep = ClearForeign | Delete | MakeGood | Create | Initialise | MakeSingle


def changed(layout: RaidLayout, state: RaidState) -> list[str]:
    """How the disks differ from those that the plan named, one sentence each; none: go on."""
    found = []
    for wanted in layout.disks:
        disk = state.disk_at(wanted)
        if disk is None:
            found.append(f"disk {wanted.place} ({wanted.serial or 'no serial'}) is gone")
        elif not disk.is_one(wanted):
            is_now = " or ".join(sorted(disk.serials)) or "of no serial"
            found.append(f"disk {wanted.place} is {is_now}, the plan saw {wanted.serial}")
        elif disk.use in ("bad", "spare", "other"):
            found.append(f"disk {wanted.place} cannot be used: it is {disk.told or 'in a state that is not told'}")
    mixed = [volume for volume in layout.volumes if _found(volume, state) is None and _is_mixed(volume, state)]
    return [*found, *(f"{volume} is of SSDs and of hard disks, and no controller makes it of both" for volume in mixed)]


def _is_mixed(volume: RaidVolume, state: RaidState) -> bool:
    there = [disk for wanted in volume.disks if (disk := state.disk_at(wanted))]
    return {True, False} <= {disk.rotational for disk in there}


def steps(layout: RaidLayout, state: RaidState) -> tuple[RaidStep, ...]:
    """What to do, in order. Volumes that are there already stay; so does every disk that is not named."""
    missing = [volume for volume in layout.volumes if _found(volume, state) is None]
    needed = {_place(disk): disk for volume in missing for disk in volume.disks}
    needed |= {_place(disk): disk for disk in layout.single}
    there = {place: disk for place in needed if (disk := state.disk_at(needed[place]))}
    single = {_place(disk) for disk in layout.single}
    in_order = sorted(there.items(), key=lambda item: place_order(item[0]))
    return (
        *(ClearForeign(c) for c in sorted({place[0] for place, disk in there.items() if disk.foreign})),
        *(Delete(v.controller, v.number) for v in state.volumes if v.disks & needed.keys()),
        *(MakeGood(needed[p]) for p, d in in_order if d.use == "single" and p not in single),
        *(Create(volume) for volume in missing),
        *(MakeSingle(needed[p]) for p, d in in_order if d.use != "single" and p in single),
    )


def made_volumes(todo: Iterable[RaidStep], state: RaidState) -> tuple[Initialise, ...]:
    """What is left to do once all is made: each new volume by the number that it got."""
    made = [_found(step.volume, state) for step in todo if isinstance(step, Create)]
    return tuple(Initialise(volume.controller, volume.number) for volume in made if volume is not None)


def in_the_way(todo: Iterable[RaidStep], state: RaidState, ours: frozenset[str]) -> tuple[Finding, ...]:
    """What these steps destroy and we did not make.

    Args:
        todo: The steps.
        state: What they were decided from.
        ours: Identities of disks that we have erased before.
    """
    mine = set(map(place_in, ours))
    found = []
    for step in todo:
        match step:
            case Delete(controller, number):
                volume = next(v for v in state.volumes if (v.controller, v.number) == (controller, number))
                if not _told(volume.disks) <= mine:
                    what = Contents.of(VolumeFound(volume.number, volume.level, _listed(volume.disks)))
                    found.append(Finding(ControllerId(controller), what))
            case ClearForeign(controller):
                of = {disk.place for disk in state.disks if disk.foreign and disk.controller == controller}
                if not _told(of) <= mine:
                    what = Contents.of(ForeignConfigurationFound(_listed(of)))
                    found.append(Finding(ControllerId(controller), what))
            case MakeGood(disk) if disk.place not in mine:
                found.append(Finding(ControllerId(disk.controller), Contents.of(SingleDiskFound(disk.place))))
            case _:
                pass
    return tuple(found)


def _listed(places: Iterable[DiskPlace]) -> tuple[str, ...]:
    return tuple(map(place_text, sorted(places, key=place_order)))


def _told(places: Iterable[DiskPlace]) -> set[str]:
    return set(_listed(places))


def _place(disk: RaidDisk) -> DiskPlace:
    return disk.controller, disk.enclosure, disk.slot


def _found(volume: RaidVolume, state: RaidState) -> FoundVolume | None:
    """The very volume, where it is there already."""
    wanted = frozenset(map(_place, volume.disks))
    return next((v for v in state.volumes if v.disks == wanted and v.level == volume.level), None)
