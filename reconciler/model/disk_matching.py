"""Recognises a disk that was seen before. A kernel name says nothing: the next boot may give it to another disk.

A disk is known by its WWN or its serial. Name, model and size alone prove nothing; they can only contradict.
"""

import re
from functools import lru_cache
from typing import Final

from .disk_id import DiskId
from .fillers import is_filler
from .hardware import Disk

_PREFIX: Final = re.compile(r"0x|naa\.|eui\.|uuid\.|t10\.|nvme\.")
_SEPARATORS: Final = re.compile(r"[-_.: ]")
_NAMESPACE: Final = re.compile(r"nvme\d+(?:c\d+)?n(\d+)")


@lru_cache(maxsize=4096)
def real_identifier(text: str) -> str | None:
    """A serial or WWN in the form in which two are compared; None where it is a filler, which identifies nobody.

    ``0x5000C500A1B2C3D4`` becomes ``5000c500a1b2c3d4``.
    """
    word = " ".join(text.lower().split())
    bare = _PREFIX.sub("", word, count=1) if _PREFIX.match(word) else word
    if is_filler(word) or is_filler(bare) or len(set(_SEPARATORS.sub("", bare))) < 2:
        return None
    return bare


def own_serial(disk: Disk) -> str | None:
    """The real serial of the disk; None where it has none, or only that of the NVMe controller whose second it is."""
    return real_identifier(disk.serial) if _namespace(disk.device) in ("", "1") else None


def namespace(disk: Disk) -> str:
    """Which namespace of its NVMe controller a disk is, by the kernel's number where no id is told; empty of others."""
    return f"id {disk.nsid}" if disk.nsid is not None else _namespace(disk.device)


def proven_same(one: Disk, other: Disk) -> bool:
    """Whether both are one disk: the WWN says so, or the serial with size and model, and nothing contradicts it.

    The namespaces of an NVMe controller share its serial, and are disks of their own.
    """
    wwns = real_identifier(one.wwn), real_identifier(other.wwn)
    serials = real_identifier(one.serial), real_identifier(other.serial)
    if one.size != other.size or _differ(*wwns) or _differ(*serials):
        return False
    models_agree = one.model == other.model or not one.model or not other.model
    by_serial = None not in serials and models_agree and namespace(one) == namespace(other)
    return None not in wwns or by_serial


def proven_by(recorded: DiskId, disk: Disk) -> bool:
    """Whether a recorded disk is this one, by its WWN or its serial, whatever the kernel calls it."""
    return bool(_agreed(recorded, disk))


def could_be(recorded: DiskId, disk: Disk) -> bool:
    """Whether nothing that was recorded of a disk contradicts this disk. What only one of them knows, does not."""
    return _agreed(recorded, disk) is not None


def _agreed(recorded: DiskId, disk: Disk) -> tuple[str, ...] | None:
    """The identifiers that the record and the disk share; None where something contradicts."""
    known = list(recorded.known)
    if recorded.size != disk.size:
        return None
    wwn, serial, serial_words = real_identifier(disk.wwn), real_identifier(disk.serial), disk.serial.split()
    agreed: list[str] = []
    if known and disk.wwn and (known[-1] == disk.wwn or real_identifier(known[-1]) == wwn is not None):
        agreed += [wwn] if wwn else []
        known.pop()
    elif not disk.wwn and _ends_with(known[:-1], serial_words):  # the record knows a WWN, and this look does not
        known.pop()
    if _ends_with(known, serial_words):
        agreed += [serial] if serial and _namespace(recorded.name) == _namespace(disk.device) else []
        return tuple(agreed)
    model = disk.model.split()
    if known in ([], ["null"], model) or (not serial_words and known[: len(model)] == model):
        return tuple(agreed)
    return None


def _ends_with(words: list[str], last: list[str]) -> bool:
    return bool(last) and words[-len(last) :] == last


def _differ(one: str | None, other: str | None) -> bool:
    return one is not None and other is not None and one != other


def _namespace(device: str) -> str:
    found = _NAMESPACE.fullmatch(device)
    return found[1] if found else ""
