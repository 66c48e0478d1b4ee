"""The disks that a machine has right now, compared with those that a plan decided to erase, and what they hold."""

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import product

from ..model.contents import Contents
from ..model.disk_id import DiskId
from ..model.disk_matching import proven_same
from ..model.hardware import Disk, Signature, contents_of


def parse_lsblk(text: str) -> tuple[Disk, ...]:
    """What ``commands.LIST_DISKS`` printed. Sizes are bytes, as numbers or (before util-linux 2.33) as strings.

    Raises:
        ValueError: It is not lsblk's JSON.
    """
    try:
        return tuple(
            Disk(
                name=str(raw["name"]),
                device=str(raw["name"]),
                size=int(raw["size"]),
                model=str(raw.get("model") or "").strip(),
                serial=str(raw.get("serial") or "").strip(),
                wwn=str(raw.get("wwn") or "").strip(),
            )
            for raw in json.loads(text)["blockdevices"]
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"lsblk's answer is not readable: {text[:200]!r}") from error


def real(text: str) -> list[str]:
    """The kernel names of the disks that hardware stands behind, of what ``commands.LIST_DISKS`` printed.

    Raises:
        ValueError: It is not lsblk's JSON.
    """
    parse_lsblk(text)
    return [str(raw["name"]) for raw in json.loads(text)["blockdevices"] if _is_hardware(raw.get("subsystems"))]


def _is_hardware(subsystems: str | None) -> bool:
    """Whether a device stands behind a disk, or lsblk does not tell: the rule of our agent, which looks in /sys itself.

    Args:
        subsystems: Of the disk and of the devices that it hangs on (``block:scsi:pci``). What is made of other disks,
            or of nothing (drbd, zvols, bcache, dm, md), hangs on none; Ceph's images hang on devices of their own.
    """
    behind = set((subsystems or "unknown").split(":")) - {"block"}
    return bool(behind) and "rbd" not in behind


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
        elif wanted.description not in _names(disk):
            found.append(f'{name} is "{disk.identity}", the plan saw "{wanted}"')
        elif paths := [other.device for other in every if other is not disk and proven_same(disk, other)]:
            found.append(f"{name} is reached as {', '.join(paths)} too, and an install knows no multipath")
    return found


def _names(disk: Disk) -> set[str]:
    """All that a report may have known of this very disk: its size always; model, serial and WWN perhaps."""
    words = [" ".join(text.split()) for text in (disk.model, disk.serial, disk.wwn)]
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
        answers = list(_objects(probed))
        unread = {str(each["unread"]) for each in answers if "unread" in each}
        signatures = [
            Signature(str(raw["device"]), str(raw["type"]), _printable(raw.get("label")))
            for each in answers
            for raw in each.get("signatures", ())
        ]
        parts = {str(raw["name"]): set(_within(raw)) for raw in json.loads(listed)["blockdevices"]}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"what is on its disks is not readable: {probed[:200]!r}") from error
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
    """The kernel names of a device and of all that is inside it."""
    yield str(raw["name"])
    children = raw.get("children") or ()
    assert isinstance(children, list | tuple)
    for child in children:
        yield from _within(child)


def _printable(label: object) -> str:
    """A label as our agent gives it: printable ASCII, and not endless."""
    text = "".join(c if " " <= c <= "~" else " " for c in str(label or ""))
    return " ".join(text.split())[:64].strip()
