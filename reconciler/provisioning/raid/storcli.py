"""Reads what storcli and perccli say, as ``RaidState``."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ...model.raid import DiskPlace
from .state import FoundDisk, FoundVolume, RaidState

_DRIVE = re.compile(r"Drive /c(\d+)(?:/e(\d+))?/s(\d+)")
_VOLUME = re.compile(r"/c(\d+)/v(\d+)")
_USES: Mapping[str, str] = {"Onln": "member", "Offln": "member", "Rbld": "member", "UGood": "good", "JBOD": "single"}


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
    for data in _data(answer):
        for key, rows in data.items():
            if not (at := _DRIVE.fullmatch(key)):
                continue
            state, more = str(rows[0]["State"]), data[f"{key} - Detailed Information"][f"{key} Device attributes"]
            controller, enclosure, slot = at.groups()
            serial = " ".join(str(more.get("SN", "")).split())
            yield FoundDisk(
                int(controller),
                None if enclosure is None else int(enclosure),
                int(slot),
                serials=frozenset({serial} - {""}),
                use=_USES.get(state, "other"),
                foreign=str(rows[0].get("DG")) == "F",
                told=state,
            )


def _volumes(answer: Any) -> Iterator[FoundVolume]:
    for data in _data(answer):
        for key, rows in data.items():
            if not (at := _VOLUME.fullmatch(key)):
                continue
            controller, number = map(int, at.groups())
            level = re.fullmatch(r"RAID(\d+)", str(rows[0]["TYPE"]))
            members = frozenset(_place(controller, row["EID:Slt"]) for row in data[f"PDs for VD {number}"])
            yield FoundVolume(controller, number, int(level[1]) if level else None, members)


def _place(controller: int, text: str) -> DiskPlace:
    enclosure, slot = text.split(":")
    return controller, int(enclosure) if enclosure.strip() else None, int(slot)
