"""Swift's rings as the planner knows them: their devices, what a round would change, and the files that nodes get."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

ACCOUNT, CONTAINER, OBJECT = "account", "container", "object"

ACCOUNT_PORT, CONTAINER_PORT, OBJECT_PORT = 6002, 6001, 6200
"""On which ``oci::swiftstore`` has the servers listen."""

OBJECT_PORTS = 30
"""Ports from ``OBJECT_PORT`` on that the firewall of ``oci::swiftstore`` lets peers through to: 6200 to 6229."""


def object_ring(index: int) -> str:
    """The name of the object ring of a policy, as Swift has it: ``object``, ``object-1``."""
    return OBJECT if index == 0 else f"{OBJECT}-{index}"


class RingFile(NamedTuple):
    """A ring file, by its content."""

    ring: str  # account | container | object | object-<index>
    md5: str  # of the file, in hex: what ``swift-recon --md5`` compares


@dataclass(frozen=True, slots=True)
class RingWanted:
    """What the specs ask of one ring."""

    name: str
    part_power: int
    replicas: float  # of an erasure coding policy: data and parity fragments together
    min_part_hours: int
    parity: int = 0  # fragments that may be away; 0: replication


@dataclass(frozen=True, slots=True)
class RingDevice:
    """A disk in a ring."""

    id: int  # in the ring; -1: not in it yet
    region: int
    zone: int
    ip: str
    port: int
    device: str  # below /srv/node
    weight: float
    target: float  # the weight that it is to have once it has its whole share
    size: int  # bytes; 0: not known
    disk: str = ""  # its serial and WWN; empty: nobody said
    serial: str = ""  # of its machine; empty: not known
    parts: int = 0  # replicas of partitions on it


@dataclass(frozen=True, slots=True)
class RingState:
    """A ring as it was last built."""

    cluster: str
    name: str
    version: int  # of its builder
    md5: str  # of its file
    at: datetime  # when it was last changed
    part_power: int
    replicas: float
    min_part_hours: int
    parity: int = 0
    devices: tuple[RingDevice, ...] = ()

    @property
    def file(self) -> RingFile:
        """Its file."""
        return RingFile(self.name, self.md5)


@dataclass(frozen=True, slots=True)
class BuiltRing:
    """A ring as it is stored."""

    state: RingState
    builder: str  # Swift's builder as JSON
    file: bytes  # what nodes get


class RingChange(NamedTuple):
    """One device that a round adds, or gives more weight."""

    ring: str
    id: int  # -1: it is added
    region: int
    zone: int
    ip: str
    port: int
    device: str
    weight: float  # that it gets at most; less, where a round would move too much
    target: float
    size: int
    disk: str
    serial: str


class RingBasis(NamedTuple):
    """A ring that an action starts from, or makes."""

    ring: str
    version: int  # of the builder that is in force; 0: there is none yet
    part_power: int
    replicas: float
    min_part_hours: int
    parity: int
    most_bytes: int  # that a round may move; 0: as many as it takes


class RingMoves(NamedTuple):
    """What a round does to one ring."""

    ring: str
    version: int  # of the builder that it starts from
    devices: tuple[tuple[str, float, float], ...]  # ip/device, weight before and after
    partitions: int  # of which a replica moves
    bytes: int  # at most, were all disks full


@dataclass(frozen=True, slots=True)
class RingRound:
    """A round that was worked out, and that a human may approve."""

    cluster: str
    order: str  # digest of what was to be worked out
    moves: tuple[RingMoves, ...]

    @property
    def digest(self) -> str:
        """Of all that an approval covers."""
        return digest_of(*self.moves)


def files_in_force(states: Iterable[RingState], cluster: str) -> tuple[RingFile, ...]:
    """What each node of a cluster is to have, by ring; none: nobody told its rings here."""
    return tuple(sorted(state.file for state in states if state.cluster == cluster))


def differences(has: tuple[RingFile, ...] | None, files: tuple[RingFile, ...]) -> str | None:
    """Which ring files of a node are not those in force, in words; None: nobody asked it, or none."""
    if has is None:
        return None
    there = dict(has)
    other = [
        f"its {ring} ring is {there[ring]}, and {md5} is in force" if ring in there else f"it has no {ring} ring"
        for ring, md5 in files
        if there.get(ring) != md5
    ]
    return "; ".join(other) or None


def has_all(there: tuple[RingFile, ...] | None, wanted: tuple[RingFile, ...]) -> bool:
    """Whether a node has these very files; None: nobody has asked it."""
    return set(wanted) <= set(there or ())


def md5_of(file: bytes) -> str:
    """Of a ring file, as ``swift-recon --md5`` and ``md5sum`` have it."""
    return hashlib.md5(file, usedforsecurity=False).hexdigest()


def digest_of(*facts: object) -> str:
    """Of facts that are plain values; the same for the same facts."""
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]


def order_of(bases: Iterable[RingBasis], changes: Iterable[RingChange]) -> str:
    """Of what is to be worked out, so that a round that answers another question is told from one that answers this."""
    return digest_of(sorted(bases), sorted(changes))
