"""Recognises disks of ours: by UUIDs that we wrote, by live serial number or WWN; never by name, model and size."""

from collections.abc import Iterable

from .disk_id import DiskId
from .disk_matching import own_serial, proven_by, real_identifier
from .hardware import Disk
from .raid import place_in

_UUID = "uuid "


def uuid_marks(uuids: Iterable[str]) -> tuple[str, ...]:
    """Marks of what is written on a disk: of its partition table, partitions and file systems."""
    return tuple(sorted({f"{_UUID}{uuid.lower()}" for uuid in uuids}))


def disk_marks(disk: Disk) -> tuple[str, ...]:
    """The mark of the disk itself: of the strongest identifier that is its own; none where it has none.

    A serial number says less than a WWN: volumes behind one controller may share it.
    """
    wwn, serial = real_identifier(disk.wwn), own_serial(disk)
    if wwn:
        return (f"wwn {wwn}",)
    return (f"serial {serial}",) if serial else ()


def is_ours(disk: Disk, uuids: Iterable[str], marks: Iterable[str]) -> bool:
    """Whether we erased this very disk before.

    Args:
        disk: As the live system shows it, or a report.
        uuids: Every UUID that is on it right now.
        marks: Of disks that we erased, and of what we left on them; ``Disk.identity`` counts where it proves the disk.
    """
    known, there = tuple(marks), frozenset(uuid_marks(uuids))
    if set(disk_marks(disk)) & set(map(_compared, known)) or any(
        proven_by(each, disk) for each in map(_recorded, known) if each
    ):
        return True
    return bool(there) and there <= set(known)


def could_be_ours(disk: Disk, marks: Iterable[str]) -> bool:
    """Whether only what is written on the disk can tell: it has no identifier, and we know UUIDs that we wrote."""
    return not disk_marks(disk) and any(mark.startswith(_UUID) for mark in marks)


def volumes(marks: Iterable[str]) -> tuple[str, ...]:
    """The marks that still count once an install has ended well: of disks in volumes of RAID controllers.

    From then on the disks themselves say whose they are, by the record of the install. One that holds anything else is
    not ours any more, though we erased it once.
    """
    return tuple(mark for mark in marks if place_in(mark).count(":") == 2)


def _recorded(mark: str) -> DiskId | None:
    """The disk itself, where it was written down in place of a mark, as journals of old have it."""
    if mark.startswith(("serial ", "wwn ", _UUID)):
        return None
    try:
        return DiskId.parse(mark)
    except ValueError:
        return None


def _compared(mark: str) -> str:
    """A mark as they are made today: journals of old have identifiers as the kernel printed them."""
    kind, _, text = mark.partition(" ")
    return f"{kind} {real_identifier(text)}" if kind in ("serial", "wwn") else mark
