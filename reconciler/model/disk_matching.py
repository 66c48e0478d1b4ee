"""Recognises a disk that was seen before. A kernel name says nothing: the next boot may give it to another disk.

A disk is known by its WWN or its serial, where one disk has it. Name, model and size alone prove nothing; they can only
contradict. The namespaces of an NVMe controller share its serial, and the number in a kernel name is not their id.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
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
    """The real serial of the disk; None where it has none, or only that of the NVMe controller that it hangs on."""
    return None if _namespace(disk.device) else real_identifier(disk.serial)


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


def proven_by(recorded: DiskId, disk: Disk, shared: Collection[str] = ()) -> bool:
    """Whether a recorded disk is this one, by its WWN or its own serial, and nothing contradicts it.

    Args:
        recorded: As it was known then.
        disk: As it is now.
        shared: Identifiers that several disks have, and that prove none (``shared_evidence``).
    """
    return not set(_agreed(recorded, disk) or ()) <= set(shared)


def own_identifiers(disk: Disk, shared: Collection[str] = ()) -> tuple[str, ...]:
    """What identifies the disk and is its own: its WWN first, then its serial, but for those that others have, too."""
    wwn, serial = real_identifier(disk.wwn), own_serial(disk)
    found = (f"wwn {wwn}" if wwn else "", f"serial {serial}" if serial else "")
    return tuple(identifier for identifier in found if identifier and identifier not in shared)


def tells_of(recorded: DiskId, disk: Disk) -> bool:
    """Whether the record has this disk's WWN or serial, whatever else it has."""
    wwn, words, known = real_identifier(disk.wwn), disk.serial.split(), list(recorded.known)
    by_wwn = wwn is not None and wwn in map(real_identifier, known[-1:])
    return by_wwn or _ends_with(known, words) or _ends_with(known[:-1], words)


def could_be(recorded: DiskId, disk: Disk) -> bool:
    """Whether nothing that was recorded of a disk contradicts this disk. What only one of them knows, does not."""
    return bool(evidence(recorded, disk)) or _agreed(recorded, disk) is not None


def evidence(recorded: DiskId, disk: Disk) -> frozenset[str]:
    """The identifiers that speak for both being one disk, whether or not others have them.

    lsblk's serial of a disk may be another text tomorrow, and a volume may grow: one WWN says more. udev's WWN may be
    another one, too: then one serial says more, where the size is as it was; of a namespace, its id and model as well.
    """
    wwn, serial, words = real_identifier(disk.wwn), real_identifier(disk.serial), disk.serial.split()
    last = recorded.known[-1:]
    found = {f"wwn {wwn}"} if wwn and wwn in map(real_identifier, last) else set[str]()
    if serial is None or not (_ends_with(list(recorded.known), words) or _ends_with(list(recorded.known[:-1]), words)):
        return frozenset(found)
    other_wwn = not found and wwn is not None and any(_PREFIX.match(word.lower()) for word in last)
    if other_wwn and (recorded.size != disk.size or (_namespace(disk.device) and not _is_all_the_same(recorded, disk))):
        return frozenset()
    if recorded.nsid is not None and disk.nsid is not None:
        return frozenset(found | ({f"serial {serial} {disk.nsid}"} if recorded.nsid == disk.nsid else set()))
    if _namespace(recorded.name) == _namespace(disk.device):
        found.add(f"serial {serial}")
    return frozenset(found)


def serials_contradict(recorded: DiskId, disk: Disk) -> bool:
    """Whether both have one WWN, and serials that are two disks': there are makers that give all their disks one WWN.

    lsblk may say the WWN in place of the serial, which contradicts none.
    """
    wwn, words, model = real_identifier(disk.wwn), disk.serial.split(), disk.model.split()
    if wwn is None or real_identifier(disk.serial) is None or wwn not in map(real_identifier, recorded.known[-1:]):
        return False
    told = list(recorded.known[:-1])
    then = told[len(model) :] if told[: len(model)] == model else told
    serial = real_identifier(" ".join(then))
    if serial is None or _ends_with(then, words):
        return False
    return not any(wwn in said or said in wwn for said in (serial, real_identifier(disk.serial) or ""))


def _is_all_the_same(recorded: DiskId, disk: Disk) -> bool:
    """Whether model, serial and namespace's id were told then and now, and agree."""
    told = recorded.nsid is not None and recorded.nsid == disk.nsid and bool(disk.model)
    return told and recorded.known[:-1] == (*disk.model.split(), *disk.serial.split())


def shared_evidence(recorded: Iterable[DiskId], disks: Iterable[Disk]) -> frozenset[str]:
    """The identifiers that several disks have, then or now, and that prove none."""
    known, now = tuple(recorded), tuple(disks)
    times = Counter(identifier for disk in now for identifier in _identifiers(disk))
    for disk in now:
        then = Counter(identifier for each in known for identifier in evidence(each, disk))
        times.update({identifier: number - 1 for identifier, number in then.items() if number > 1})
    return frozenset(identifier for identifier, number in times.items() if number > 1)


def is_namespace(disk: Disk) -> bool:
    """Whether it is a namespace of an NVMe controller, which may have another name after the next boot."""
    return bool(_namespace(disk.device))


def _identifiers(disk: Disk) -> Iterator[str]:
    wwn, serial = real_identifier(disk.wwn), real_identifier(disk.serial)
    if wwn:
        yield f"wwn {wwn}"
    if serial:
        yield f"serial {serial}"
        if disk.nsid is not None:
            yield f"serial {serial} {disk.nsid}"


def _agreed(recorded: DiskId, disk: Disk) -> tuple[str, ...] | None:
    """The identifiers that the record and the disk share; None where something contradicts."""
    known = list(recorded.known)
    if recorded.size != disk.size or (None not in (recorded.nsid, disk.nsid) and recorded.nsid != disk.nsid):
        return None
    wwn, serial, serial_words = real_identifier(disk.wwn), own_serial(disk), disk.serial.split()
    agreed: list[str] = []
    if known and disk.wwn and (known[-1] == disk.wwn or real_identifier(known[-1]) == wwn is not None):
        agreed += [f"wwn {wwn}"] if wwn else []
        known.pop()
    elif not disk.wwn and _ends_with(known[:-1], serial_words):  # the record knows a WWN, and this look does not
        known.pop()
    if _ends_with(known, serial_words):
        agreed += [f"serial {serial}"] if serial else []
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
