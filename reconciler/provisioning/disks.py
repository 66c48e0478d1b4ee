"""The disks that a machine has right now, compared with those that a plan decided to erase, and what they hold.

lsblk and wipefs are read by the rules of our agent, so that both see the same disk: bytes that are no text, as older
versions of both tools write them, and letters beyond ASCII are blanks; what one item does not say concerns that item.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import product
from typing import Final

from ..model.contents import Contents
from ..model.disk_id import DiskId
from ..model.disk_matching import proven_same
from ..model.hardware import Disk, Signature, contents_of

_NO_TEXT: Final = re.compile(r"(?<!\\)((?:\\\\)*)\\x[0-9A-Fa-f]{2}")
"""A byte that is no text, in what should be JSON: a backslash that nothing escapes, x and two digits."""


def parse_lsblk(text: str) -> tuple[Disk, ...]:
    """What ``commands.LIST_DISKS`` printed. Sizes are bytes, as numbers or (before util-linux 2.33) as strings.

    A disk that says no name or no size is left out.

    Raises:
        ValueError: It is not lsblk's JSON, or none of its disks can be read.
    """
    listed = _listed(text)
    found = tuple(disk for raw in listed if (disk := _disk(raw)))
    if listed and not found:
        raise ValueError(_unreadable(text))
    return found


def _disk(raw: Mapping[str, object]) -> Disk | None:
    size = str(raw.get("size"))
    if not raw.get("name") or not size.isdecimal():
        return None
    name, (model, serial, wwn) = str(raw["name"]), (_text(raw.get(key)) for key in ("model", "serial", "wwn"))
    read_only, zoned = raw.get("ro") in (True, 1, "1"), raw.get("zoned") == "host-managed"
    return Disk(name, name, int(size), model, serial, wwn, read_only=read_only, zoned=zoned)


def _listed(text: str) -> list[Mapping[str, object]]:
    """The disks that lsblk lists.

    Raises:
        ValueError: It is not lsblk's JSON.
    """
    try:
        return [raw for raw in json.loads(_mended(text))["blockdevices"] if isinstance(raw, dict)]
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(_unreadable(text)) from error


def _unreadable(text: str) -> str:
    return f"lsblk's answer is not readable: {text[:200]!r}"


def _mended(text: str) -> str:
    """JSON of a tool that writes bytes which are no text as they are; JSON of any other stays what it is."""
    return _NO_TEXT.sub(r"\1 ", text)


def real(text: str) -> list[str]:
    """The kernel names of the disks that hardware stands behind, of what ``commands.LIST_DISKS`` printed.

    Raises:
        ValueError: It is not lsblk's JSON.
    """
    return [str(raw["name"]) for raw in _listed(text) if raw.get("name") and _is_hardware(raw.get("subsystems"))]


def _is_hardware(subsystems: object) -> bool:
    """Whether a device stands behind a disk, or lsblk does not tell: the rule of our agent, which looks in /sys itself.

    Args:
        subsystems: Of the disk and of the devices that it hangs on (``block:scsi:pci``). What is made of other disks,
            or of nothing (drbd, zvols, bcache, dm, md), hangs on none; Ceph's images hang on devices of their own,
            and a flash chip with the firmware on an MTD device.
    """
    behind = set(str(subsystems or "unknown").split(":")) - {"block"}
    return bool(behind) and not behind & {"rbd", "mtd", "ubi"}


def differences(identity: Iterable[DiskId], disks: Iterable[Disk]) -> list[str]:
    """How the disks of a machine differ from those that the plan named, one sentence each; none: erase them.

    Args:
        identity: Each disk to be erased, as the report knew it. A report that knew no model,
            serial or WWN does not hold the disk to one.
        disks: What the machine has now.
    """
    every = tuple(disks)
    now = {disk.device: disk for disk in every}
    found = []
    for wanted in identity:
        name = wanted.name
        disk = now.get(name)
        if disk is None:
            found.append(f"{name} is gone")
        elif _text(wanted.description, 1024) not in _names(disk):
            found.append(f'{name} is "{disk.identity}", the plan saw "{wanted}"')
        elif disk.fault:
            found.append(f"{name} is {disk.fault}, and no file system can be made on it")
        elif paths := [other.device for other in every if other is not disk and proven_same(disk, other)]:
            found.append(f"{name} is reached as {', '.join(paths)} too, and an install knows no multipath")
    return found


def _names(disk: Disk) -> set[str]:
    """All that a report may have known of this very disk: its size always; model, serial and WWN perhaps."""
    words = [_text(text) for text in (disk.model, disk.serial, disk.wwn)]
    known = product((words[0], "", "null"), (words[1], ""), (words[2], ""))
    return {" ".join(part for part in (*parts, str(disk.size)) if part) for parts in known}


def parse_contents(listed: str, probed: str) -> dict[str, Contents]:
    """What each disk holds, by kernel name: ``contents_of`` its signatures and its partitions'; blank: empty.

    Args:
        listed: What ``commands.LIST_DISKS`` printed.
        probed: What ``commands.READ_SIGNATURES`` printed. A disk of which a part could not be read is left out.

    Raises:
        ValueError: One of them is not readable.
    """
    try:
        answers = list(_objects(_mended(probed)))
        unread = {str(each["unread"]) for each in answers if "unread" in each}
        found = [raw for each in answers for raw in each.get("signatures") or ()]
        signatures = [
            Signature(str(raw["device"]), _text(raw.get("type"), 64), _text(raw.get("label"), 64)) for raw in found
        ]
        parts = {str(raw["name"]): set(_within(raw)) for raw in _listed(listed) if raw.get("name")}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"what is on its disks is not readable: {probed[:200]!r}") from error
    unread |= {"", *(each.device for each in signatures if not each.kind)}
    return {
        name: contents_of(name, [each for each in signatures if each.device in inside])
        for name, inside in parts.items()
        if not unread & inside
    }


def _objects(text: str) -> Iterator[Mapping[str, list[Mapping[str, object]]]]:
    """One JSON object after the other."""
    decoder, at = json.JSONDecoder(), 0
    while rest := text[at:].lstrip():
        found, length = decoder.raw_decode(rest)
        at = len(text) - len(rest) + length
        yield found


def _within(raw: Mapping[str, object]) -> Iterator[str]:
    """The kernel names of a device and of all that is inside it; empty of what cannot be read."""
    yield str(raw.get("name") or "")
    children = raw.get("children") or []
    for child in children if isinstance(children, list) else [children]:
        yield from _within(child if isinstance(child, dict) else {})


def _text(said: object, most: int = 256) -> str:
    """A value as our agent gives it: printable ASCII, one blank between words, and not endless."""
    text = "".join(c if " " <= c <= "~" else " " for c in str(said or ""))
    return " ".join(text.split())[:most].strip()
