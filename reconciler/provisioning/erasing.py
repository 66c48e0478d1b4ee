"""Finds what an install would destroy and nobody allowed it to, from what the live system says right now."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..model.actions import InstallOs
from ..model.contents import Contents, MarkFound
from ..model.disk_id import UNREADABLE, DiskId, Finding, InstalledSystem, in_order
from ..model.disk_matching import own_identifiers, proven_by, shared_evidence
from ..model.hardware import Disk
from ..model.ownership import disk_marks, is_ours, uuid_marks
from . import commands
from .fence import FoundMarker, Looked, Verdict

_ID = re.compile(r"[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class There:
    """The disks of a machine and what is on them, by kernel name."""

    disks: Mapping[str, Disk]
    holding: Mapping[str, Contents]  # ``disks.parse_contents``
    looked: Looked

    def marks(self, names: Iterable[str]) -> tuple[str, ...]:
        """By which these disks, and what they hold now, are known again."""
        every = tuple(self.disks.values())
        found = {mark for name in names for mark in disk_marks(self.disks[name], every)}
        written = {mark for name in names for mark in uuid_marks(self.looked.uuids.get(name, ()))}
        return tuple(sorted(found | written))


def touched(action: InstallOs) -> tuple[str, ...]:
    """Kernel names of the disks that it erases."""
    return tuple(sorted({*action.system_disks, *action.data_disks}))


def in_use(looked: Looked) -> str | None:
    """Why nothing at all may be erased now; None: no file system on the disks is in use."""
    if not looked.mounted:
        return None
    used = ", ".join(what for _, what in looked.mounted)
    return f"nothing was erased: somebody works in the live system and has mounted {used}"


def impossible(action: InstallOs, looked: Looked) -> str | None:
    """Why no approval can let this install begin; None: nothing of that kind was found."""
    if why := in_use(looked):
        return why
    for met in looked.markers:
        if met.verdict == "answered":
            what = f'{installed_system(met)} on {met.disk} has answered the reinstall "{action.reinstall}" already'
            return f"nothing was erased: {what}; to reinstall it once more, ask with a new value"
    return None


def installed_systems(action: InstallOs, looked: Looked) -> tuple[Finding, ...]:
    """Systems of ours whose install has finished and that nobody allowed to erase."""
    identity = _identity(action)
    refused = [met for met in looked.markers if met.verdict == "refused"]
    return in_order(Finding(identity[met.disk], installed_system(met)) for met in refused)


def not_allowed(action: InstallOs, there: There) -> tuple[Finding, ...]:
    """Everything on the disks of this install that nobody allowed to erase."""
    identity = _identity(action)
    stays = [name for name in touched(action) if not _may_go(action, name, there)]
    foreign = tuple(Finding(identity[name], _what(action, name, there)) for name in stays)
    return (*foreign, *installed_systems(action, there.looked))


def installed_system(met: FoundMarker) -> InstalledSystem:
    """What a disk holds where this marker is."""
    marker = marker_of(met)
    if marker is None:
        return InstalledSystem("unknown", UNREADABLE)
    hostname = "".join(c for c in marker.hostname if c.isascii() and (c.isalnum() or c in "-."))
    return InstalledSystem(hostname or "unknown", marker.id if _ID.fullmatch(marker.id) else UNREADABLE)


def _identity(action: InstallOs) -> dict[str, DiskId]:
    return {disk.name: disk for disk in action.identity}


def _may_go(action: InstallOs, name: str, there: There) -> bool:
    what = _what(action, name, there)
    if not what or not {(name, None), (name, what)}.isdisjoint(action.may_hold):
        return True
    if any(disk == name for disk, _ in there.looked.unread):
        return False  # what cannot be read may be anything, on a disk of ours too
    if _met(action, name, there.looked) & {"allowed", "unfinished"}:
        return True
    if name not in action.system_disks and name in there.looked.files:
        return False  # we left it empty
    return is_ours(there.disks[name], there.looked.uuids.get(name, ()), action.ours, there.disks.values())


def _met(action: InstallOs, name: str, looked: Looked) -> set[Verdict]:
    """What became of the markers on this disk, but for unfinished ones of another machine."""
    return {
        met.verdict
        for met in looked.markers
        if met.disk == name and (met.verdict != "unfinished" or _is_of(met, action.serial))
    }


def _is_of(met: FoundMarker, serial: str) -> bool:
    marker = marker_of(met)
    return marker is not None and marker.serial == serial


def marker_of(met: FoundMarker) -> commands.Marker | None:
    """What it says; None where it cannot be read."""
    try:
        return commands.parse_marker(met.text)
    except ValueError:
        return None


def _what(action: InstallOs, name: str, there: There) -> Contents:
    """What it holds, and what tells this disk from one that holds the same, unless the plan knows that."""
    disk, known = there.disks[name], _identity(action)[name]
    what = there.holding[name] or Contents(tuple(part for on, part in there.looked.unread if on == name))
    shared = shared_evidence((), there.disks.values())
    if not what or proven_by(known, disk, shared):
        return what
    kinds = {identifier.partition(" ")[0] for identifier in own_identifiers(disk, shared)}
    own = [MarkFound("serial", disk.serial)] if "serial" in kinds else []
    own += [MarkFound("WWN", disk.wwn)] if "wwn" in kinds else []
    written = [MarkFound("UUID", uuid) for uuid in sorted(there.looked.uuids.get(name, ()))[:1]]
    return what + Contents(tuple(own or written))
