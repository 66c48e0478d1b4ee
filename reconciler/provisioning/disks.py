"""Which disks a machine has right now, and whether they are those that a plan decided to erase."""

import json
from collections.abc import Iterable

from ..model.hardware import Disk


def parse_lsblk(text: str) -> tuple[Disk, ...]:
    """What ``remote.LIST_DISKS`` printed. Sizes are bytes, as numbers or (before util-linux 2.33) as strings.

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
            )
            for raw in json.loads(text)["blockdevices"]
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"lsblk's answer is not readable: {text[:200]!r}") from error


def differences(identity: Iterable[str], disks: Iterable[Disk]) -> list[str]:
    """How the disks of a machine differ from those that the plan named, one sentence each; none: erase them.

    Args:
        identity: ``Disk.identity`` of each disk to be erased, as the report gave it. A report that knew no model or
            no serial does not hold the disk to one.
        disks: What the machine has now.
    """
    now = {disk.device: disk for disk in disks}
    found = []
    for wanted in identity:
        name, *known = wanted.split()
        disk = now.get(name)
        if disk is None:
            found.append(f"{name} is gone")
        elif " ".join(known) not in _names(disk):
            found.append(f'{name} is "{disk.identity}", the plan saw "{" ".join(wanted.split())}"')
    return found


def _names(disk: Disk) -> set[str]:
    """All that a report may have known of this very disk: its size always; model and serial perhaps."""
    model, serial, size = " ".join(disk.model.split()), " ".join(disk.serial.split()), str(disk.size)
    candidates = [(size,), (model, size), (model, serial, size), ("null", size), (serial, size)]
    return {" ".join(part for part in parts if part) for parts in candidates}
