"""The tools' languages: how each is asked, told, and understood.

Sources: StorCLI Reference Manual (Broadcom), MegaRAID SAS Software User Guide, chapter MegaCLI; PERCCLI is StorCLI
under Dell's name.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from ...model.raid import OPTIONS, RaidDisk, RaidVolume, most_members, unknown_options
from .megacli import parse_megacli
from .state import RaidState
from .steps import ClearForeign, Create, Delete, Initialise, MakeGood, MakeSingle, RaidStep
from .storcli import parse_storcli

TOOLS = (
    "storcli64", "storcli_x64", "storcli", "storcli2", "perccli64", "perccli", "perccli2", "megacli", "MegaCli64",
    "MegaCli",
)  # fmt: skip
"""In the order in which the agent asks them, too: what it reports and what is made are of one tool's controllers."""

_ONLY_LISTED = ("storcli2", "perccli2")
"""Tools that the agent reads, and in whose language we make no volumes."""

FIND_TOOL = rf"""
lists() {{
    timeout 50 "$@" 2>/dev/null </dev/null | grep -E '"EID:Slt"|^Slot Number:' >/dev/null
}}

found=1
for tool in {" ".join(TOOLS)}; do
    path=$(command -v "$tool") || continue
    found=2
    case $tool in
        [mM]ega*) lists "$path" -PDList -aALL -NoLog ;;
        *)
            lists "$path" /call show J || lists "$path" /call/eall/sall show all J ||
                lists "$path" /call/sall show all J
            ;;
    esac && printf '%s\n' "$path" && exit
done
exit "$found"
"""
"""Prints the path of the first tool that lists a disk: one that is there may know none of the machine's controllers.

Exit 1 where there is no tool, ``NONE_LISTS`` where none of those that are there lists a disk.
"""

NONE_LISTS = 2


class Dialect(Protocol):
    """One tool."""

    @property
    def questions(self) -> Sequence[str]:
        """Commands that only look."""

    def understand(self, answers: Sequence[str]) -> RaidState:
        """What the tool answered to ``questions``, in their order.

        Raises:
            ValueError: It is not readable.
        """

    def command(self, step: RaidStep) -> str:
        """The command line that does it.

        Raises:
            ValueError: The tool has no such option.
        """

    def done(self, printed: str) -> str | None:
        """None: it did it; else why not, in the tool's words."""


def dialect_of(path: str) -> Dialect:
    """The language of the tool at ``path``, as ``FIND_TOOL`` printed it.

    Raises:
        ValueError: It is none that we know, or none that we make volumes with.
    """
    name = path.rpartition("/")[2]
    if not re.fullmatch(r"[A-Za-z0-9_./-]+", path) or name not in TOOLS:
        raise ValueError(f"{path!r} is no RAID tool that we know")
    if name in _ONLY_LISTED:
        raise ValueError(f"{name} alone lists its disks, and no volumes are made with it: make them by hand")
    return MegaCli(path) if "mega" in name.lower() else StorCli(path)


def _options(volume: RaidVolume) -> list[str]:
    if unknown := unknown_options(volume.options):
        raise ValueError(f"RAID options {', '.join(unknown)} are not known; there are {', '.join(OPTIONS)}")
    return list(volume.options)


def _controller(volume: RaidVolume) -> int:
    """The controller of a volume that can be made; what is refused here is refused before anything is deleted."""
    if most_members(volume.level, len(volume.disks)) != len(volume.disks):
        raise ValueError(f"{volume} is of a number of disks that no controller makes it of")
    controllers = {disk.controller for disk in volume.disks}
    if len(controllers) != 1:
        raise ValueError(f"{volume} is of disks behind {len(controllers)} controllers")
    return controllers.pop()


class StorCli:
    """storcli and perccli; they answer in JSON."""

    def __init__(self, path: str) -> None:
        self._path = path

    @property
    def questions(self) -> Sequence[str]:
        disks, volumes, without_enclosure = "/call/eall/sall", "/call/vall", "/call/sall"
        return [f"{self._path} {what} show all J" for what in (disks, volumes, without_enclosure)]

    def understand(self, answers: Sequence[str]) -> RaidState:
        return parse_storcli(*answers)

    def command(self, step: RaidStep) -> str:
        return f"{self._path} {self._words(step)} J"

    def _words(self, step: RaidStep) -> str:
        match step:
            case ClearForeign(controller):
                return f"/c{controller}/fall delete"
            case Delete(controller, number):
                return f"/c{controller}/v{number} delete force"
            case MakeGood(disk):
                return f"{_path_of(disk)} set good force"
            case MakeSingle(disk):
                return f"{_path_of(disk)} set jbod"
            case Initialise(controller, number):
                return f"/c{controller}/v{number} start init"
            case Create(volume):
                drives = ",".join(disk.drive for disk in volume.disks)
                spans = ["pdperarray=2"] if volume.level == 10 else []
                options = [OPTIONS[option.upper()] for option in _options(volume)]
                words = [f"/c{_controller(volume)} add vd type=raid{volume.level} drives={drives}", *spans, *options]
                return " ".join(words)

    def done(self, printed: str) -> str | None:
        try:
            answers: list[dict[str, Any]] = json.loads(printed)["Controllers"]
            failed = [each for each in answers if each["Command Status"]["Status"] != "Success"]
        except (KeyError, TypeError, ValueError):
            return f"its answer is not readable: {printed[:200]!r}"
        return None if answers and not failed else _why(failed)


def _path_of(disk: RaidDisk) -> str:
    """``/c0/e32/s1``; ``/c0/s1`` for a disk in no enclosure."""
    enclosure = "" if disk.enclosure is None else f"/e{disk.enclosure}"
    return f"/c{disk.controller}{enclosure}/s{disk.slot}"


def _why(failed: Sequence[Mapping[str, Any]]) -> str:
    """What storcli says of a failure: in general, and of each part."""
    told = []
    for each in failed:
        status = each["Command Status"]
        told.append(str(status.get("Description", "no reason given")))
        told += [str(part.get("ErrMsg")) for part in status.get("Detailed Status") or () if part.get("ErrMsg")]
    return "; ".join(told) or "it answers for no controller"


class MegaCli:
    """MegaCLI, which older controllers need; it answers in lines."""

    def __init__(self, path: str) -> None:
        self._path = path

    @property
    def questions(self) -> Sequence[str]:
        return f"{self._path} -PDList -aALL -NoLog", f"{self._path} -LdPdInfo -aALL -NoLog"

    def understand(self, answers: Sequence[str]) -> RaidState:
        disks, volumes = answers
        return parse_megacli(disks, volumes)

    def command(self, step: RaidStep) -> str:
        words, controller = self._words(step)
        return f"{self._path} {words} -a{controller} -NoLog"

    def _words(self, step: RaidStep) -> tuple[str, int]:
        match step:
            case ClearForeign(controller):
                return "-CfgForeign -Clear", controller
            case Delete(controller, number):
                return f"-CfgLdDel -L{number} -Force", controller
            case MakeGood(disk):
                return f"-PDMakeGood -PhysDrv {_drives([disk])} -Force", disk.controller
            case MakeSingle(disk):
                return f"-PDMakeJBOD -PhysDrv {_drives([disk])}", disk.controller
            case Initialise(controller, number):
                return f"-LDInit -Start -L{number}", controller
            case Create(volume):
                disks = volume.disks
                if volume.level == 10:
                    pairs = [disks[at : at + 2] for at in range(0, len(disks), 2)]
                    words = ["-CfgSpanAdd -r10", *(f"-Array{n}{_drives(pair)}" for n, pair in enumerate(pairs))]
                else:
                    words = [f"-CfgLdAdd -r{volume.level} {_drives(disks)}"]
                return " ".join([*words, *_options(volume)]), _controller(volume)

    def done(self, printed: str) -> str | None:
        if re.search(r"^Exit Code: 0x0+\s*$", printed, re.MULTILINE):
            return None
        lines = [line.strip() for line in printed.splitlines() if line.strip()]
        return "; ".join(lines[-3:]) or "it says nothing"


def _drives(disks: Sequence[RaidDisk]) -> str:
    return f"'[{','.join(disk.drive for disk in disks)}]'"
