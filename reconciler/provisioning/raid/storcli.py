"""Reads what storcli and perccli say, as ``RaidState``."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ...model.raid import DiskPlace, disk_use, is_rotational
from .state import FoundDisk, FoundVolume, RaidState

_DRIVE = re.compile(r"Drive /c(\d+)(?:/e(\d+))?/s(\d+)")
_VOLUME = re.compile(r"/c(\d+)/v(\d+)")
_SLOT = re.compile(r" *(\d+)? *: *(\d+) *")


def parse_storcli(disks: str, volumes: str, without_enclosure: str) -> RaidState:
    """What ``/call/eall/sall show all J``, ``/call/vall show all J`` and ``/call/sall show all J`` printed.

    The last one lists the disks of controllers without enclosure, which the first one leaves out.

    Raises:
        ValueError: It is not storcli's JSON.
    """
    try:
        found = (disk for answer in (disks, without_enclosure) for disk in _disks(json.loads(answer)))
        return RaidState(tuple(found), tuple(_volumes(json.loads(volumes))))
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"storcli's answer is not readable: {error!r}") from error


def _data(answer: Any) -> Iterator[Mapping[str, Any]]:
    """What each controller answers; one without disks or volumes has nothing to say."""
    for controller in answer["Controllers"]:
        yield controller.get("Response Data") or {}


def _disks(answer: Any) -> Iterator[FoundDisk]:
    """The drives, as the agent reads them: a broken one leaves fields out, or all details, and loses itself at most."""
    for data in _data(answer):
        for key, rows in data.items():
            row = rows[0] if isinstance(rows, list) and rows else None
            if (at := _DRIVE.fullmatch(key)) and isinstance(row, Mapping):
                yield _disk(at, row, _attributes(data, key))


def _attributes(data: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    told: Any = data
    for name in (f"{key} - Detailed Information", f"{key} Device attributes"):
        told = told.get(name) if isinstance(told, Mapping) else None
    return told if isinstance(told, Mapping) else {}


def _disk(at: re.Match[str], row: Mapping[str, Any], attributes: Mapping[str, Any]) -> FoundDisk:
    """The drive at a place, of its row in the table and the attributes below it."""
    controller, enclosure, slot = at.groups()
    state = str(row.get("State") or "")
    serial = " ".join(str(attributes.get("SN") or attributes.get("Serial Number") or "").split())
    return FoundDisk(
        int(controller),
        None if enclosure is None else int(enclosure),
        int(slot),
        serials=frozenset({serial} - {""}),
        use=disk_use(state),
        foreign=str(row.get("DG")) == "F",
        told=state,
        rotational=is_rotational(str(row.get("Med") or "")),
    )


def _volumes(answer: Any) -> Iterator[FoundVolume]:
    for data in _data(answer):
        for key, rows in data.items():
            if not (at := _VOLUME.fullmatch(key)):
                continue
            controller, number = map(int, at.groups())
            level = re.fullmatch(r"RAID(\d+)", str(rows[0]["TYPE"]))
            places = (_place(controller, row) for row in data[f"PDs for VD {number}"])
            members = frozenset(place for place in places if place is not None)
            yield FoundVolume(controller, number, int(level[1]) if level else None, members)


def _place(controller: int, row: Mapping[str, Any]) -> DiskPlace | None:
    """None for a member that is in no slot: a volume that lost a drive lists the rest of its members."""
    at = _SLOT.fullmatch(str(row.get("EID:Slt")))
    return (controller, int(at[1]) if at[1] else None, int(at[2])) if at else None
