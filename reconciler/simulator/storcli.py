"""A RAID controller and the storcli that talks to it: disks in slots, and volumes made of them, kept in a file.

It refuses what a real one refuses: volumes of disks that are no good, volumes that are not there.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

PATH = "/usr/sbin/storcli64"
ENCLOSURE = 32

Drives = Mapping[int, tuple[str, str, int]]
"""Slot to serial, model and size in bytes."""

Said = tuple[str, dict[str, Any]]
"""Why not (empty: it worked), and what there is to show."""


class TextFile(Protocol):
    """A file, or what is like one."""

    def read_text(self) -> str: ...

    def write_text(self, text: str, /) -> object: ...


@dataclass
class Controller:
    """One controller. What it keeps is in a file, so that it outlives a power cut, and a test can look and edit."""

    file: TextFile
    drives: Callable[[], Drives]
    over: Callable[[list[int], str], None] = lambda slots, what: None  # told before what is on a volume may be lost

    def begin(self, volumes: Iterable[tuple[int, list[int]]]) -> None:
        """What it has when it is delivered: the level and slots of each volume."""
        made = {str(n): {"level": level, "slots": slots} for n, (level, slots) in enumerate(volumes)}
        self._write({"volumes": made, "single": [], "foreign": []})

    def volumes(self) -> list[int]:
        """The size of every volume, in the order in which the kernel finds them."""
        drives = self.drives()
        found = []
        for _, volume in sorted(self.kept["volumes"].items(), key=lambda item: int(item[0])):
            sizes = [drives[slot][2] for slot in volume["slots"] if slot in drives]
            usable = {0: len(sizes), 1: 1, 5: len(sizes) - 1, 6: len(sizes) - 2, 10: len(sizes) // 2}
            if sizes:
                found.append(min(sizes) * usable[volume["level"]])
        return found

    @property
    def kept(self) -> dict[str, Any]:
        """``volumes`` by number, slots that are shown ``single``, and slots with a ``foreign`` configuration."""
        found: dict[str, Any] = json.loads(self.file.read_text())
        return found

    def _write(self, kept: dict[str, Any]) -> None:
        self.file.write_text(json.dumps(kept))

    def answer(self, command: str) -> tuple[int, str] | None:
        """Exit status and output of a storcli command; None for what is none, or none that we know."""
        if not command.startswith(f"{PATH} ") or not command.endswith(" J"):
            return None
        words = command.removeprefix(f"{PATH} ").removesuffix(" J")
        for pattern, method in _COMMANDS.items():
            if at := re.fullmatch(pattern, words):
                why, data = method(self, *at.groups())
                return (1 if why else 0), json.dumps(_reply(why, data))
        return None

    def _show_drives(self) -> Said:
        kept = self.kept
        data: dict[str, Any] = {}
        for slot, (serial, model, size) in sorted(self.drives().items()):
            key = f"Drive /c0/e{ENCLOSURE}/s{slot}"
            state, group = _state(kept, slot)
            sectors = f"[0x{size // 512:x} Sectors]"
            data[key] = [{"EID:Slt": f"{ENCLOSURE}:{slot}", "State": state, "DG": group, "Model": model}]
            attributes = {"SN": f"  {serial}", "Model Number": model, "Non Coerced size": sectors}
            data[f"{key} - Detailed Information"] = {f"{key} Device attributes": attributes}
        return ("" if data else "Show Drive Information Failed."), data

    def _show_drives_without_enclosure(self) -> Said:
        return "No drive found!", {}

    def _show_volumes(self) -> Said:
        data: dict[str, Any] = {}
        for number, volume in self.kept["volumes"].items():
            members = [{"EID:Slt": f"{ENCLOSURE}:{slot}", "State": "Onln"} for slot in volume["slots"]]
            data[f"/c0/v{number}"] = [{"DG/VD": f"{number}/{number}", "TYPE": f"RAID{volume['level']}"}]
            data[f"PDs for VD {number}"] = members
        return "", data

    def _delete(self, number: str) -> Said:
        kept = self.kept
        if (volume := kept["volumes"].pop(number, None)) is None:
            return "Specified virtual drive does not exist.", {}
        self.over(volume["slots"], "delete")
        self._write(kept)
        return "", {}

    def _add(self, level: str, drives: str) -> Said:
        kept, there = self.kept, self.drives()
        slots = [int(drive.partition(":")[2]) for drive in drives.split(",")]
        if any(slot not in there or _state(kept, slot) != ("UGood", "-") for slot in slots):
            return "The specified physical disk does not have the appropriate attributes.", {}
        number = next(n for n in range(240) if str(n) not in kept["volumes"])
        kept["volumes"][str(number)] = {"level": int(level), "slots": slots}
        self._write(kept)
        return "", {}

    def _clear_foreign(self) -> Said:
        self._write({**self.kept, "foreign": []})
        return "", {}

    def _set(self, slot: str, state: str) -> Said:
        kept = self.kept
        single = set(kept["single"]) - {int(slot)} | ({int(slot)} if state == "jbod" else set())
        self._write({**kept, "single": sorted(single)})
        return "", {}

    def _initialise(self, number: str) -> Said:
        if (volume := self.kept["volumes"].get(number)) is None:
            return "Specified virtual drive does not exist.", {}
        self.over(volume["slots"], "initialise")
        return "", {}


def _state(kept: Mapping[str, Any], slot: int) -> tuple[str, object]:
    """A disk's state and drive group, as storcli prints them."""
    for group, volume in enumerate(kept["volumes"].values()):
        if slot in volume["slots"]:
            return "Onln", group
    if slot in kept["single"]:
        return "JBOD", "-"
    return "UGood", "F" if slot in kept["foreign"] else "-"


def _reply(why: str, data: Mapping[str, Any]) -> dict[str, Any]:
    status = {"Controller": 0, "Status": "Failure" if why else "Success", "Description": why or "None"}
    answer: dict[str, Any] = {"Command Status": status}
    return {"Controllers": [{**answer, "Response Data": data} if data else answer]}


_POLICIES = "(?: (?:wb|wt|awb|ra|nora|direct|cached))*"
_COMMANDS: Mapping[str, Callable[..., Said]] = {
    "/call/eall/sall show all": Controller._show_drives,
    "/call/vall show all": Controller._show_volumes,
    "/call/sall show all": Controller._show_drives_without_enclosure,
    "/c0/fall delete": Controller._clear_foreign,
    r"/c0/v(\d+) delete force": Controller._delete,
    rf"/c0/e{ENCLOSURE}/s(\d+) set (good|jbod)(?: force)?": Controller._set,
    rf"/c0 add vd type=raid(\d+) drives=([\d:,]+)(?: pdperarray=2)?{_POLICIES}": Controller._add,
    r"/c0/v(\d+) start init": Controller._initialise,
}
"""What a controller understands, each with what answers it."""
