"""Recognises disks of ours: by UUIDs that we wrote, by all that identifies a disk; never by name, model and size.

A disk that we erased is written down with everything that it said of itself. It is that disk again where its WWN or its
serial says so, and nothing contradicts it: there are makers that give all their disks one WWN, and controllers that
give all of theirs one serial. What several disks have proves none, then and ever after.
"""

from collections.abc import Collection, Iterable

from .disk_id import DiskId
from .disk_matching import own_identifiers, proven_by, real_identifier, shared_evidence, tells_of
from .hardware import Disk
from .raid import place_in

_UUID = "uuid "
_SHARED = "shared "
_OF_OLD = ("serial ", "wwn ")
"""Of a disk, where nothing else was written down of it: marks as they were made before."""


def uuid_marks(uuids: Iterable[str]) -> tuple[str, ...]:
    """Marks of what is written on a disk: of its partition table, partitions and file systems."""
    return tuple(sorted({f"{_UUID}{uuid.lower()}" for uuid in uuids}))


def disk_marks(disk: Disk, among: Iterable[Disk] = ()) -> tuple[str, ...]:
    """The marks of the disk itself: all that it says, where anything of that is its own; and what others say, too.

    Args:
        disk: As the live system shows it, or a report.
        among: All disks of its machine.
    """
    shared = shared_evidence((), among)
    itself = (str(disk.identity),) if own_identifiers(disk, shared) else ()
    return (*itself, *(f"{_SHARED}{said}" for said in own_identifiers(disk) if said in shared))


def is_ours(disk: Disk, uuids: Iterable[str], marks: Iterable[str], among: Iterable[Disk] = ()) -> bool:
    """Whether we erased this very disk before.

    Args:
        disk: As the live system shows it, or a report.
        uuids: Every UUID that is on it right now.
        marks: Of disks that we erased, and of what we left on them; ``Disk.identity`` counts where it proves the disk.
        among: All disks of its machine, right now.
    """
    known, there = frozenset(marks), frozenset(uuid_marks(uuids))
    shared = _shared(known, among)
    recorded = [each for each in map(_recorded, known) if each and each.size is not None]
    if any(proven_by(each, disk, shared) for each in recorded):
        return True
    if _is_marked(disk, known, shared) and not any(tells_of(each, disk) for each in recorded):
        return True
    return bool(there) and there <= known


def could_be_ours(disk: Disk, marks: Iterable[str], among: Iterable[Disk] = ()) -> bool:
    """Whether only what is written on the disk can tell: no identifier is its own, and we know UUIDs that we wrote."""
    known = frozenset(marks)
    unknown = not own_identifiers(disk, _shared(known, among))
    return unknown and any(mark.startswith(_UUID) for mark in known)


def volumes(marks: Iterable[str]) -> tuple[str, ...]:
    """The marks that still count once an install has ended well: of disks in volumes of RAID controllers.

    From then on the disks themselves say whose they are, by the record of the install. One that holds anything else is
    not ours any more, though we erased it once.
    """
    return tuple(mark for mark in marks if place_in(mark).count(":") == 2)


def _shared(marks: Iterable[str], among: Iterable[Disk]) -> frozenset[str]:
    """The identifiers that several disks have, or had when we erased one of them."""
    then = (mark.removeprefix(_SHARED) for mark in marks if mark.startswith(_SHARED))
    return shared_evidence((), among) | frozenset(then)


def _is_marked(disk: Disk, marks: Iterable[str], shared: Collection[str]) -> bool:
    """Whether a mark of old has the strongest identifier of the disk, and no other disk has it.

    A serial number says less than a WWN there: volumes behind one controller may share it.
    """
    strongest = own_identifiers(disk)[:1]
    return bool(strongest) and strongest[0] not in shared and strongest[0] in set(map(_compared, marks))


def _recorded(mark: str) -> DiskId | None:
    """The disk itself, as it was written down."""
    if mark.startswith((*_OF_OLD, _UUID, _SHARED)):
        return None
    try:
        return DiskId.parse(mark)
    except ValueError:
        return None


def _compared(mark: str) -> str:
    """A mark of old in the form in which identifiers are compared: some have them as the kernel printed them."""
    kind, _, text = mark.partition(" ")
    return f"{kind} {real_identifier(text)}" if f"{kind} " in _OF_OLD else mark
