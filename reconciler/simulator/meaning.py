"""The meaning of the scripts that are sent to a live system, for servers that have no shell to run them.

A script is read, not recognised: what is not in it does not happen. One that leaves the look out erases blindly, and
one that names another disk erases that. A test compares what is made of scripts here with what ``/bin/sh`` does.
"""

import base64
import json
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import lru_cache
from typing import NamedTuple

from ..model.contents import NOTHING_FOUND, Contents, Unreadable
from ..provisioning import commands, fence, fence_script, root_image
from .files import MemoryFiles


class InstalledNode(NamedTuple):
    """As what a system was installed."""

    hostname: str
    role: str
    cluster: str  # empty: nobody wrote it down


@dataclass(eq=False)
class DiskSystem:
    """A system on one disk, or on several that mirror each other: its files, and what blkid calls it."""

    uuid: str
    files: MemoryFiles = field(default_factory=MemoryFiles)
    of_oci: InstalledNode | None = None  # OCI installed it: it has no marker, and boots all the same
    strayed: bool = False  # somebody has put its disk into another machine

    @property
    def marker(self) -> str | None:
        return self.files.read(commands.MARKER_FILE)

    @property
    def node(self) -> InstalledNode | None:
        """As what it was installed; None: it is not whole."""
        return self.of_oci if (text := self.marker) is None else _node_of(text)


@lru_cache
def _node_of(marker: str) -> InstalledNode:
    told = commands.parse_marker(marker)
    return InstalledNode(told.hostname, told.role, told.cluster)


@dataclass(eq=False)
class Content:
    """What is on a disk: nothing, a system, or what somebody else left there, in wipefs' words."""

    signatures: tuple[str, ...] = ()
    system: DiskSystem | None = None
    is_data: bool = False  # of that system, which does not boot from here
    found: Contents = NOTHING_FOUND  # of the same signatures, where each lies, as far as somebody told

    @property
    def is_blank(self) -> bool:
        return not self.signatures and self.system is None

    def becomes(self, other: "Content") -> None:
        """Something else is there from now on, for whoever has this in hand too."""
        for each in fields(self):
            setattr(self, each.name, getattr(other, each.name))


# ---- the script that looks at disks


@dataclass(frozen=True, slots=True)
class FenceScript:
    """What the script is told."""

    disks: tuple[str, ...]
    marker: str
    install: str
    allowed: frozenset[str]
    answers: str
    fleet: str = ""
    seen: str = ""


def read_fence(text: str) -> FenceScript:
    """What an uploaded script is told.

    Raises:
        ValueError: It is none.
    """
    head = text.partition("\nMODE=")[0].splitlines()
    told = dict(word.partition("=")[::2] for line in head if "=" in line for word in shlex.split(line, comments=True))
    try:
        allowed = frozenset(told["ALLOWED"].split())
        disks = tuple(told["DISKS"].split())
        asked = told["INSTALL"], allowed, told["ANSWERS"], told["FLEET"], told["SEEN"]
        return FenceScript(disks, told["MARKER"], *asked)
    except KeyError as error:
        raise ValueError(f"the script that looks at disks does not say {error}") from None


@dataclass(frozen=True, slots=True)
class SaidOfDisks:
    """How the script ended, and the facts that it printed."""

    status: int
    facts: tuple[str, ...]

    @property
    def text(self) -> str:
        return "".join(f"{fact}\n" for fact in self.facts)


def look(script: FenceScript, there: Mapping[str, Content]) -> SaidOfDisks:
    """What the script says of these disks."""
    found = [fact for name in script.disks for fact in _facts(script, name, there.get(name))]
    verdicts = {fact.get("verdict") for fact in found}
    status = 0
    if "ended" in verdicts:
        status = fence_script.ENDED
    elif verdicts & {"refused", "answered"}:
        status = fence_script.REFUSED
    facts = tuple(map(json.dumps, found))
    if script.seen and fence.digest("\n".join(facts)) != script.seen:
        return SaidOfDisks(status or fence_script.REFUSED, (*facts, json.dumps({"disk": "", "changed": True})))
    return SaidOfDisks(status, facts)


def written(script: FenceScript, there: Mapping[str, Content]) -> SaidOfDisks:
    """What the script says of UUIDs."""
    return SaidOfDisks(0, tuple(json.dumps(_uuids(name, there.get(name))) for name in script.disks))


def finish(script: FenceScript, there: Mapping[str, Content]) -> int:
    """Mark the systems of this install as finished; the exit status."""
    status = 1
    for system in dict.fromkeys(content.system for name in script.disks if (content := there.get(name))):
        if system is not None and system.marker is not None and f'"id": "{script.install}"' in system.marker:
            system.files.write(script.marker, system.marker.replace('"finished": false', '"finished": true'))
            status = 0
    return status


def _facts(script: FenceScript, name: str, content: Content | None) -> Iterator[dict[str, object]]:
    if content is None:
        yield _told(name, "unread", Unreadable.NO_SUCH_DISK, f"/dev/{name}")
    elif content.system is not None:
        yield from _of_system(script, name, content.system)
    elif content.signatures:
        yield from _of_others(name, content.signatures)
    yield _uuids(name, content)


def _of_system(script: FenceScript, name: str, system: DiskSystem) -> Iterator[dict[str, object]]:
    text = system.files.read(script.marker)
    if text is not None:
        shown = text.replace("\n", "")[:65536]
        was_booted = system.files.read(fence_script.BOOTED.format(script.marker)) is not None
        marker = base64.b64encode(shown.encode()).decode()
        yield {"disk": name, "verdict": _verdict(script, shown, was_booted=was_booted), "marker": marker}
    elif system.files.content:
        yield _told(name, "files", "some", f"/dev/{name}1")


def _verdict(script: FenceScript, text: str, *, was_booted: bool) -> fence.Verdict:
    """What the script makes of a marker."""
    found, fleet = re.search(r'"id": "([0-9a-f]{12})"', text), re.search(r'"fleet": "([0-9a-f-]*)"', text)
    install, owner = found[1] if found else "?", fleet[1] if fleet else ""
    if not (owner and script.fleet) or owner == script.fleet:
        if '"finished": false' in text:
            if not was_booted and install == script.install:
                return "unfinished"
            if not was_booted and install not in script.allowed:
                return "abandoned"
        elif install == script.install:
            return "ended"
        elif script.answers and re.search(rf'"reinstall": {re.escape(script.answers)}[,}}]', text):
            return "answered"
    return "allowed" if install in script.allowed else "refused"


_MOUNTED_AS = {"ext2": "ext4", "ext3": "ext4", "ext4": "ext4", "xfs": "xfs", "btrfs": "btrfs"}
_UNREAD_BY_KIND = {
    "linux_raid_member": Unreadable.NOT_ASSEMBLED,
    "LVM2_member": Unreadable.NOT_ASSEMBLED,
    "gpt": Unreadable.BAD_TABLE,
    "dos": Unreadable.BAD_TABLE,
}
_PASSED_OVER = frozenset({"swap", "vfat"})


def _of_others(name: str, signatures: tuple[str, ...]) -> Iterator[dict[str, object]]:
    """What cannot be read of what somebody else left: nothing of it can be mounted or assembled here."""
    kind, where = signatures[0], f"/dev/{name}"
    if len(signatures) > 1:
        yield from (_told(name, "unread", Unreadable.NOT_MOUNTED, where, tried) for tried in ("ext4", "xfs"))
    elif kind in _MOUNTED_AS:
        yield _told(name, "unread", Unreadable.NOT_MOUNTED, where, _MOUNTED_AS[kind])
    elif kind not in _PASSED_OVER:
        yield _told(name, "unread", _UNREAD_BY_KIND.get(kind, Unreadable.OF_NO_KNOWN_KIND), where, kind)


def _told(name: str, kind: str, value: str, where: str, of: str = "") -> dict[str, object]:
    return {"disk": name, kind: str(value), "where": where, "type": of}


def _uuids(name: str, content: Content | None) -> dict[str, object]:
    return {"disk": name, "uuids": [content.system.uuid] if content and content.system else []}


# ---- the wrapper of an install


@dataclass(frozen=True, slots=True)
class Wrapper:
    """What the wrapper of an install does, in its order."""

    id: str
    generation: int
    looks: bool  # at the disks, right before
    words: tuple[str, ...]  # of the installer
    finishes: bool  # marks the system that was installed

    def state(self, state: str, status: int | None = None, facts: tuple[str, ...] | None = None) -> str:
        """The text of the state file."""
        said: dict[str, object] = {"id": self.id, "generation": self.generation, "state": state, "exit": status}
        return json.dumps(said | ({} if facts is None else {"facts": list(map(json.loads, facts))})) + "\n"


_BEGINS = re.compile(r'\{"id": "(\w+)", "generation": (\d+), "state": "running"')
_RUNS = re.compile(rf"^    (?!report |state )(.+) > {re.escape(commands.LOG_FILE)} 2>&1$", re.MULTILINE)


def read_wrapper(text: str) -> Wrapper:
    """What an uploaded wrapper does.

    Raises:
        ValueError: It is none that can be understood.
    """
    begins, runs = _BEGINS.search(text), _RUNS.search(text)
    if begins is None or runs is None:
        raise ValueError("the wrapper of an install is not understood")
    before, after = text[: runs.start()], text[runs.end() :]
    return Wrapper(
        begins[1],
        int(begins[2]),
        looks=f"facts {fence.LOOK})" in before,
        words=tuple(shlex.split(runs[1])),
        finishes=f"facts {fence.FINISH} " in after,
    )


def erased_by(wrapper: Wrapper, read: Callable[[str], str | None]) -> tuple[str, ...]:
    """Kernel names of the disks that the installer erases; ``read`` gives the files of the live system."""
    if wrapper.words == root_image.COMMAND:
        return (*_named_in("DISKS", read), *formatted_by(wrapper, read))
    options = _options(wrapper)
    system = options.get("--raid-devices") or options.get("--dest-hdd", "")
    return (*system.split(","), *formatted_by(wrapper, read))


def formatted_by(wrapper: Wrapper, read: Callable[[str], str | None]) -> tuple[str, ...]:
    """Those among the disks that it erases that are for data."""
    if wrapper.words == root_image.COMMAND:
        return _named_in("DATA", read)
    return tuple(filter(None, _options(wrapper).get("--xfsformat", "").split(",")))


def _options(wrapper: Wrapper) -> Mapping[str, str]:
    return dict(zip(wrapper.words, wrapper.words[1:], strict=False))


def _named_in(variable: str, read: Callable[[str], str | None]) -> tuple[str, ...]:
    """The words of a variable of the script that unpacks an image."""
    found = re.search(rf"^{variable}='?([^'\n]*)", read(root_image.SCRIPT_FILE) or "", re.MULTILINE)
    return tuple(found[1].split()) if found else ()
