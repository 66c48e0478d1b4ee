"""The script that looks at the disks right before an install erases them, and what it says.

It looks for systems that we installed (their marker is in the root file system), and says what it cannot read. It
mounts and assembles read-only (but for ``finish``, which writes the marker), and releases everything again. The handler
runs it to ask first; the wrapper runs it again, under its lock, as the last thing before the installer: a disk may have
been swapped in between.
"""

import base64
import binascii
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Literal, cast, get_args

from ..model.contents import ToldBefore, Unreadable, UnreadFound, where_text
from .fence_script import BODY

SCRIPT_FILE = "/run/reconciler/fence.sh"
LOOK = f"/bin/sh {SCRIPT_FILE} look"
"""Prints facts, a JSON object a line. Exit status: 0 go on, or as in ``fence_script``; any other: it could not look."""

FINISH = f"/bin/sh {SCRIPT_FILE} finish"
"""Notes on the disk that the install ended well; exit status 1 where it finds no system of this install."""

WRITTEN = f"/bin/sh {SCRIPT_FILE} written"
"""Prints only the facts that hold UUIDs."""

MOUNT = "/run/reconciler/look"
"""Where the script mounts one file system after the other."""

ASSEMBLERS = ("mdadm", "pvs", "vgchange")
"""The live system may lack them; then what they would assemble is said to be unread."""

PROGRAMS = (
    "lsblk", "blkid", "blockdev", "findmnt", "mountpoint", "mount", "umount", "partx", "losetup", "sync", *ASSEMBLERS,
)  # fmt: skip
"""What the script asks of the disks; the rest is a shell and what every Debian has."""

Verdict = Literal["ended", "allowed", "unfinished", "abandoned", "refused", "answered"]
"""What the script makes of a marker: the install that is asked for, and it ended well; one that may be erased; the
install that is asked for, and it did not end; another one of this fleet's that did not; one that nobody allowed to
erase; one that has answered the very reinstall that is asked for. One whose system was booted may serve, whether or not
its installer had ended. Of another fleet's nothing is known but that nobody here allowed to erase it."""


@dataclass(frozen=True, slots=True)
class FoundMarker:
    """A marker of ours on a disk."""

    disk: str  # kernel name
    verdict: Verdict
    text: str  # of the marker's file, at most its first 64 KiB


@dataclass(frozen=True, slots=True)
class Looked:
    """What the script found, by disk."""

    markers: tuple[FoundMarker, ...] = ()
    unread: tuple[tuple[str, UnreadFound | ToldBefore], ...] = ()  # kernel name, and what cannot be read on that disk
    files: frozenset[str] = frozenset()  # disks with a file system that holds files and no marker
    mounted: tuple[tuple[str, str], ...] = ()  # kernel name, and which file system is in use where
    uuids: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    changed: bool = False  # it is not what was seen when it was judged
    digest: str | None = field(default=None, compare=False)  # of all that the script printed; None: not known


NOTHING = Looked()


def digest(text: str) -> str:
    """What tells one look from another one, of the text that it printed."""
    return sha256(text.rstrip("\n").encode()).hexdigest()


def parse(facts: Iterable[Mapping[str, object]]) -> Looked:
    """What the script printed.

    Raises:
        ValueError: It is not that.
    """
    try:
        given = [(str(fact["disk"]), fact) for fact in facts]
        return Looked(
            markers=tuple(_met(disk, fact) for disk, fact in given if "marker" in fact),
            unread=tuple((disk, _unread(fact)) for disk, fact in given if "unread" in fact),
            files=frozenset(disk for disk, fact in given if "files" in fact),
            mounted=tuple((disk, _mounted(fact)) for disk, fact in given if "mounted" in fact),
            uuids={disk: _texts(fact["uuids"]) for disk, fact in given if "uuids" in fact},
            changed=any("changed" in fact for _, fact in given),
        )
    except (KeyError, TypeError, binascii.Error) as error:
        raise ValueError(f"what is on its disks is not readable: {error!r}") from error


def _met(disk: str, fact: Mapping[str, object]) -> FoundMarker:
    if fact["verdict"] not in get_args(Verdict):
        raise TypeError(fact["verdict"])
    text = base64.b64decode(str(fact["marker"]), validate=True).decode(errors="replace")
    return FoundMarker(disk, cast(Verdict, fact["verdict"]), text)


def _unread(fact: Mapping[str, object]) -> UnreadFound | ToldBefore:
    """What cannot be read; the script of an earlier version told it in a sentence."""
    if "where" not in fact:
        return ToldBefore(str(fact["unread"]))
    return UnreadFound(Unreadable(str(fact["unread"])), tuple(str(fact["where"]).split()), str(fact["type"]))


def _mounted(fact: Mapping[str, object]) -> str:
    """Which file system is in use where, for people; the script of an earlier version told it so itself."""
    used = str(fact["mounted"])
    return f"{where_text(str(fact['where']).split())} on {used}" if "where" in fact else used


def _texts(given: object) -> tuple[str, ...]:
    if not isinstance(given, list):
        raise TypeError(given)
    return tuple(map(str, given))


@dataclass(frozen=True, slots=True)
class Terms:
    """The install that is about to begin, and what is allowed to it."""

    install: str  # its id
    allowed: tuple[str, ...] = ()  # ids of finished installs that may be erased
    answers: str | None = None  # the reinstall request that it answers, as it stands in a marker, in JSON
    fleet: str = ""  # whose it is; empty: not known
    seen: str | None = None  # digest of what a look printed before, and has to print again; None: nobody looked


def script(disks: Iterable[str], marker_file: str, terms: Terms) -> str:
    """The POSIX shell script.

    Args:
        disks: Kernel names of the disks that are to be erased.
        marker_file: Where the marker lies in an installed system.
        terms: What the script goes by.
    """
    chosen = {
        "DISKS": " ".join(disks),
        "MARKER": marker_file,
        "INSTALL": terms.install,
        "ALLOWED": " ".join(terms.allowed),
        "ANSWERS": terms.answers or "",
        "FLEET": terms.fleet,
        "SEEN": terms.seen or "",
        "MOUNT": MOUNT,
        "NEEDED": " ".join([*(each for each in PROGRAMS if each not in ASSEMBLERS), "base64", "flock", "sha256sum"]),
    }
    head = "".join(f"{name}={shlex.quote(value)}\n" for name, value in chosen.items())
    return f"#!/bin/sh\n# Looks at disks before install {terms.install}. Written by reconciler.\nset -u\n\n{head}{BODY}"
