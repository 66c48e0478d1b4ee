"""Which disks are ours: by UUIDs that we wrote, by live serial number or WWN; never by name, model and size."""

import re
from collections.abc import Iterable
from itertools import product

from .hardware import Disk

UNKNOWN = "?"
"""The id of an install whose marker cannot be read."""

_INSTALLED = re.compile(r"the installed system \S+ of install ([0-9a-f]{12}|\?)")


def uuid_marks(uuids: Iterable[str]) -> tuple[str, ...]:
    """Marks of what is written on a disk: of its partition table, partitions and file systems."""
    return tuple(sorted({f"uuid {uuid.lower()}" for uuid in uuids}))


def disk_marks(disk: Disk) -> tuple[str, ...]:
    """Marks of the disk itself; none where it has neither serial number nor WWN."""
    return tuple(f"{kind} {text}" for kind, text in (("serial", disk.serial), ("wwn", disk.wwn)) if text)


def is_ours(disk: Disk, uuids: Iterable[str], marks: Iterable[str]) -> bool:
    """Whether we erased this very disk before.

    Args:
        disk: As the live system shows it, or a report.
        uuids: Every UUID that is on it right now.
        marks: Of disks that we erased, and of what we left on them. Journals of old have ``Disk.identity`` instead,
            which counts where it holds a serial number or a WWN.
    """
    known, there = frozenset(marks), frozenset(uuid_marks(uuids))
    if known & {*disk_marks(disk)} or {_without_name(each) for each in known} & _old_marks(disk):
        return True
    return bool(there) and there <= known


def _old_marks(disk: Disk) -> set[str]:
    """``Disk.identity`` of this very disk, as far as a report may have known it, without the kernel name."""
    model, serial, wwn = (" ".join(text.split()) for text in (disk.model, disk.serial, disk.wwn))
    known = product((model, "null", ""), {serial, ""}, {wwn, ""})
    return {" ".join(part for part in (*each, str(disk.size)) if part) for each in known if each[1] or each[2]}


def _without_name(identity: str) -> str:
    return " ".join(identity.split()[1:])


def installed(hostname: str, install: str) -> str:
    """What a disk is said to hold that an install of ours has finished on."""
    return f"the installed system {hostname} of install {install}"


def install_in(what: str) -> str | None:
    """The id of the install, where ``what`` is a text that ``installed`` made."""
    found = _INSTALLED.fullmatch(what)
    return found[1] if found else None
