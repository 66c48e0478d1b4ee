"""A RAID controller and the storcli that talks to it: disks in slots, and volumes made of them, kept in a file.

It refuses what a real one refuses: volumes of disks that are no good, volumes that are not there.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

PATH = "/usr/sbin/storcli64"
ENCLOSURE = 32

SlotPlace = tuple[int, int | None, int]
"""Controller, enclosure (None: it has none) and slot."""


class SlotDrive(NamedTuple):
    """A disk in a slot."""

    serial: str
    model: str
    size: int  # bytes


Drives = Mapping[int, tuple[str, str, int]]
"""By the number of its slot, counted over all controllers, a ``SlotDrive``."""


class ShownDisk(NamedTuple):
    """What the operating system is shown: a volume, or a single disk."""

    slots: tuple[int, ...]
    size: int  # bytes


class DeliveredRaid(NamedTuple):
    """What controllers have made of their disks before anybody touches them."""

    volumes: Sequence[tuple[int, list[int]]] = ()  # level and slots
    single: Sequence[int] = ()  # slots of disks that are shown as they are


def in_one_enclosure(slot: int) -> SlotPlace:
    """Where a slot is in a server that has one controller and one enclosure."""
    return 0, ENCLOSURE, slot


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
    place: Callable[[int], SlotPlace] = in_one_enclosure  # of each slot

    def begin(self, volumes: Iterable[tuple[int, list[int]]], single: Iterable[int] = ()) -> None:
        """What it has when it is delivered: the level and slots of each volume, and slots that are shown one by one."""
        made = {str(n): {"level": level, "slots": slots} for n, (level, slots) in enumerate(volumes)}
        self._write({"volumes": made, "single": sorted(single), "foreign": []})

    def shown(self) -> list[ShownDisk]:
        """Every volume, in the order in which the kernel finds them, and then every single disk."""
        drives, kept = self.drives(), self.kept
        found = []
        for _, volume in sorted(kept["volumes"].items(), key=lambda item: int(item[0])):
            sizes = [drives[slot][2] for slot in volume["slots"] if slot in drives]
            usable = {0: len(sizes), 1: 1, 5: len(sizes) - 1, 6: len(sizes) - 2, 10: len(sizes) // 2}
            if sizes:
                found.append(ShownDisk(tuple(volume["slots"]), min(sizes) * usable[volume["level"]]))
        return found + [ShownDisk((slot,), drives[slot][2]) for slot in kept["single"] if slot in drives]

    def volumes(self) -> list[int]:
        """The size of everything that is shown."""
        return [each.size for each in self.shown()]

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
        data = self._drives(lambda place: place[1] is not None)
        return ("" if data else "Show Drive Information Failed."), data

    def _show_drives_without_enclosure(self) -> Said:
        data = self._drives(lambda place: place[1] is None)
        return ("" if data else "No drive found!"), data

    def _drives(self, is_asked: Callable[[SlotPlace], bool]) -> dict[str, Any]:
        """What is said of every disk whose place is asked for."""
        kept = self.kept
        data: dict[str, Any] = {}
        for slot, (serial, model, size) in sorted(self.drives().items()):
            if not is_asked(place := self.place(slot)):
                continue
            key = f"Drive {_path(place)}"
            state, group = _state(kept, slot)
            sectors = f"[0x{size // 512:x} Sectors]"
            data[key] = [{"EID:Slt": _drive_text(place), "State": state, "DG": group, "Model": model}]
            attributes = {"SN": f"  {serial}", "Model Number": model, "Non Coerced size": sectors}
            data[f"{key} - Detailed Information"] = {f"{key} Device attributes": attributes}
        return data

    def _show_volumes(self) -> Said:
        data: dict[str, Any] = {}
        for number, volume in self.kept["volumes"].items():
            places = [self.place(slot) for slot in volume["slots"]]
            members = [{"EID:Slt": _drive_text(place), "State": "Onln"} for place in places]
            data[f"/c{places[0][0]}/v{number}"] = [{"DG/VD": f"{number}/{number}", "TYPE": f"RAID{volume['level']}"}]
            data[f"PDs for VD {number}"] = members
        return "", data

    def _delete(self, number: str) -> Said:
        kept = self.kept
        if (volume := kept["volumes"].pop(number, None)) is None:
            return "Specified virtual drive does not exist.", {}
        self.over(volume["slots"], "delete")
        self._write(kept)
        return "", {}

    def _slot_at(self, text: str) -> int | None:
        """The slot of a disk that is there, by its path."""
        return next((slot for slot in self.drives() if _path(self.place(slot)) == text), None)

    def _add(self, controller: str, level: str, drives: str) -> Said:
        kept = self.kept
        paths = [drive.partition(":")[::2] for drive in drives.split(",")]
        slots = [self._slot_at(f"/c{controller}{f'/e{of}' if of else ''}/s{slot}") for of, slot in paths]
        if any(slot is None or _state(kept, slot) != ("UGood", "-") for slot in slots):
            return "The specified physical disk does not have the appropriate attributes.", {}
        number = next(n for n in range(240) if str(n) not in kept["volumes"])
        kept["volumes"][str(number)] = {"level": int(level), "slots": slots}
        self._write(kept)
        return "", {}

    def _clear_foreign(self, controller: str) -> Said:
        kept = self.kept
        stays = [slot for slot in kept["foreign"] if self.place(slot)[0] != int(controller)]
        self._write({**kept, "foreign": stays})
        return "", {}

    def _set(self, path: str, state: str) -> Said:
        kept, slot = self.kept, self._slot_at(path)
        if slot is None:
            return "No drive found!", {}
        single = set(kept["single"]) - {slot} | ({slot} if state == "jbod" else set())
        self._write({**kept, "single": sorted(single)})
        return "", {}

    def _initialise(self, number: str) -> Said:
        if (volume := self.kept["volumes"].get(number)) is None:
            return "Specified virtual drive does not exist.", {}
        self.over(volume["slots"], "initialise")
        return "", {}


def _path(place: SlotPlace) -> str:
    controller, enclosure, slot = place
    return f"/c{controller}{'' if enclosure is None else f'/e{enclosure}'}/s{slot}"


def _drive_text(place: SlotPlace) -> str:
    return f"{' ' if place[1] is None else place[1]}:{place[2]}"


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
    r"/c(\d+)/fall delete": Controller._clear_foreign,
    r"/c\d+/v(\d+) delete force": Controller._delete,
    r"(/c\d+(?:/e\d+)?/s\d+) set (good|jbod)(?: force)?": Controller._set,
    rf"/c(\d+) add vd type=raid(\d+) drives=([\d:,]+)(?: pdperarray=2)?{_POLICIES}": Controller._add,
    r"/c\d+/v(\d+) start init": Controller._initialise,
}
"""What a controller understands, each with what answers it."""
