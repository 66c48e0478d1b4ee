"""Rows, one type per thing that is shown: commands print it, the API serves it, pages draw it, schemas describe it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from ..model.action_base import Risk
from ..model.gates import Gate, GateName
from ..model.history import Phase
from ..model.machine import InstallStatus, MachineView, Power
from ..model.observations import Occurrence
from ..model.reasons import Reason

StepKind = Literal["act", "advance", "wait", "settled", "orphaned"]
_Moment = Annotated[str, Field(description="date and time with its offset, RFC 3339")]


class Tone(StrEnum):
    """How much a machine wants a human's eye, most first."""

    TROUBLE = "trouble"  # quarantined, or it keeps failing
    ASKS = "asks"  # an approval would let it go on
    BUSY = "busy"  # something is being done to it
    WAITING = "waiting"
    ORPHANED = "orphaned"
    SETTLED = "settled"


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineSummary:
    """One machine among all: what the fleet's page shows of it. Null: nobody knows, or it has none."""

    serial: str
    hostname: Annotated[str | None, Field(description="full; also one that it is about to get")]
    cluster: str | None
    role: str | None
    phase: Phase
    kind: Annotated[StepKind, Field(description="of its step in the plan")]
    reason: Annotated[Reason, Field(description="of its step: a name that ``reconciler explain-reason`` explains")]
    because: Annotated[str, Field(description="why; for a wait: what it waits for")]
    now: Annotated[str, Field(description="what happens to it, or what it waits for, in one line")]
    tone: Annotated[Tone, Field(description="how much it wants a human's eye")]
    action: Annotated[str | None, Field(description="type of the action that is done")]
    risk: Annotated[Risk, Field(description="of that action, or of the one that waits for an approval")]
    progress: Annotated[str | None, Field(description="the last line that the action printed")]
    needs_approval: Annotated[str | None, Field(description="the action that an approval would allow")]
    generation: Annotated[int | None, Field(description="of what it was given; approvals name it")]
    profile: Annotated[str | None, Field(description="the hardware profile that it has, or would have")]
    location: Annotated[str | None, Field(description="name of a Location")]
    dc: str | None
    row: str | None
    rack: str | None
    unit: Annotated[int | None, Field(description="lowest rack unit")]
    height: Annotated[int, Field(description="rack units", ge=1)]
    address: Annotated[str | None, Field(description="its management address, or where it last called from")]
    manufacturer: str | None
    product: str | None
    bmc: Annotated[str | None, Field(description="address of its management controller, as the agent reported it")]
    power: Power | None
    status: Annotated[InstallStatus | None, Field(description="what it last said of its install and of Puppet")]
    last_heard: datetime | None
    document: Annotated[str | None, Field(description="digest of the Puppet document that it is given")]
    document_since: datetime | None
    applied: Annotated[str | None, Field(description="digest of the document of its last good Puppet run")]
    behind: Annotated[bool, Field(description="in service, and its document has changed since that run")]
    failures: Annotated[int, Field(description="in a row")]
    failing_since: Annotated[datetime | None, Field(description="when the first of them ended")]
    last_error: str | None
    aside_error: Annotated[str | None, Field(description="of a hook, of commands after Puppet, or of a renewal")]
    aside_since: datetime | None
    conflict: Annotated[str | None, Field(description="why it is quarantined: two machines claim its serial, ...")]
    closed_gates: Annotated[tuple[GateName, ...], Field(description="its services that are not ready")]

    @property
    def name(self) -> str:
        """What humans call it."""
        return self.hostname or self.serial

    @property
    def short_name(self) -> str:
        """Its hostname without the domain, where space is scarce; its serial, where it has none."""
        return self.name.partition(".")[0] if self.hostname else self.serial


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineRow(MachineSummary):
    """One machine: where it stands, how far it has come, what it waits for. Null: nobody knows, or it has none."""

    gates: Annotated[tuple[Gate, ...], Field(description="of its services, once it has a system; closed ones first")]
    place: Annotated[str | None, Field(description="dc, row, rack and unit in one line")]
    addresses: Annotated[Mapping[str, str], Field(description="what it was given, by the network's name")]
    memory: str | None
    disks: tuple[str, ...]
    profiles: Annotated[tuple[str, ...], Field(description="hardware profiles that match")]
    refused: Annotated[Mapping[str, str], Field(description="every other profile, and why it does not match")]


@dataclass(frozen=True, slots=True, kw_only=True)
class MachinePage(MachineRow):
    """One machine whole."""

    rings: Annotated[Mapping[str, tuple[str, ...]], Field(description="by disk, Swift's rings that it is in")]
    rings_differ: Annotated[str | None, Field(description="which of its ring files are not those in force")]
    events: Annotated[tuple[Occurrence, ...], Field(description="the last ones, the newest last")]
    known: Annotated[MachineView, Field(description="all that plans are made from, without secrets")]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterRow:
    """One role of one cluster: machines asked for, given, in service, and what is missing."""

    cluster: str
    role: str
    wanted: Annotated[int | None, Field(description="machines; null: every one that fits")]
    enrolled: int
    in_service: int
    behind: Annotated[int, Field(description="in service, and their Puppet document has changed")]
    lacking: Annotated[int, Field(description="machines that are wanted, and for which there is none")]
    reason: Annotated[Reason | None, Field(description="why they are lacking, for programs")]
    because: Annotated[str | None, Field(description="why they are lacking, in words")]
    vips: Annotated[Mapping[str, str], Field(description="the cluster's virtual addresses, by what they serve")]


@dataclass(frozen=True, slots=True, kw_only=True)
class RingRow:
    """One of Swift's rings, as it is in force."""

    cluster: str
    ring: Annotated[str, Field(description="account, container, object, or object-INDEX of a policy")]
    version: Annotated[int, Field(description="of its builder")]
    md5: Annotated[str, Field(description="of its file, as swift-recon --md5 compares it")]
    part_power: int
    replicas: Annotated[float, Field(description="of an erasure coding policy: data and parity fragments together")]
    parity: Annotated[int, Field(description="fragments that may be away; 0: replication")]
    min_part_hours: int
    devices: int
    weight: Annotated[float, Field(description="of all disks together")]
    target: Annotated[float, Field(description="once each disk has its whole share")]
    changed_at: datetime
    next_round: Annotated[str | None, Field(description="what a round would move that waits for an approval")]
    differ: Annotated[tuple[str, ...], Field(description="hostnames of nodes that have another file")]


@dataclass(frozen=True, slots=True, kw_only=True)
class RingPlaceRow:
    """A disk in a ring, and of a partition the replica that is there. Null: not asked for, or nobody knows."""

    cluster: str
    ring: str
    partition: int | None
    replica: Annotated[int | None, Field(description="counted from zero")]
    hostname: str | None
    address: str
    port: int
    device: Annotated[str, Field(description="below /srv/node")]
    disk: Annotated[str | None, Field(description="its serial and WWN")]
    region: int
    zone: int
    weight: float
    target: Annotated[float, Field(description="its weight once it has its whole share")]
    partitions: Annotated[int, Field(description="of which it has a replica")]


class AdoptedRow(TypedDict):
    """What became of a machine by its own word."""

    serial: str
    hostname: str | None
    becomes: str
    because: str


class SecretRow(TypedDict):
    """One secret, without its value."""

    name: Annotated[str, Field(description="OWNER:SERVICE/KIND")]
    form: str
    minted: _Moment


class CertificateRow(TypedDict):
    """One certificate."""

    name: Annotated[str, Field(description="OWNER:SERVICE/KIND")]
    expires: _Moment
    days: Annotated[int, Field(description="until it ends; negative: since it ended")]
    state: Annotated[
        Literal["good", "due", "ended"], Field(description="due: within the fleet's policy.renew_before of its end")
    ]


class ImageState(TypedDict):
    """Whether the live image is what would be built now."""

    current: bool
    built_at: Annotated[str | None, Field(description="null: there is none, or nobody knows")]
    problems: list[str]


class RackingJson(TypedDict):
    """Where a machine stands, by its LLDP neighbours."""

    dc: str
    row: str
    rack: str
    u: Annotated[int | None, Field(description="lowest rack unit")]
    height: Annotated[int, Field(description="rack units", ge=1)]
    location: Annotated[str | None, Field(description="name of a Location")]
    compute_aggregate: str | None
    switch: str
    port: str
    doubt: Annotated[str | None, Field(description="why this may be the wrong place")]


class RemarkJson(TypedDict):
    """One part of a report that was not taken as it came."""

    kind: Annotated[str, Field(description="folded, left-out or doubted")]
    reason: Annotated[str, Field(description="why, in a word that stays")]
    on: Annotated[str, Field(description="disk, interface or field")]
    more: Annotated[list[str], Field(description="paths of a disk, address of an interface, what a field said")]
    text: Annotated[str, Field(description="the same as a sentence")]


class MatchLine(TypedDict):
    """What the hardware profiles say of one report."""

    serial: Annotated[str, Field(description="chassis serial, as reported")]
    profiles: Annotated[list[str], Field(description="those that match; one is taken only when it is alone here")]
    refused: Annotated[dict[str, str], Field(description="every other profile, and why it does not match")]
    left_over: Annotated[
        list[str], Field(description="disks that no entry of the profile that is taken names: nobody touches them")
    ]
    racking: Annotated[RackingJson | None, Field(description="null where its switches are not known")]
    remarks: NotRequired[
        Annotated[list[RemarkJson], Field(description="with --why: what was folded, left out or doubted")]
    ]


@dataclass(frozen=True, slots=True)
class RefusedCommitRow:
    """A commit that nobody ordered who may."""

    commit: str
    reason: Annotated[str, Field(description="one of the reasons of docs/who-may-order.md")]
    path: Annotated[str | None, Field(description="the first that is at fault, from the repository's root")]
    signers: Annotated[tuple[str, ...], Field(description="who did sign for it")]
    may: Annotated[tuple[str, ...], Field(description="who might have")]
    needed: Annotated[int, Field(description="so many of those have to")]
    text: Annotated[str, Field(description="the same as a sentence")]


@dataclass(frozen=True, slots=True)
class VerifiedRow:
    """Whether the commits after one were ordered by who may."""

    base: Annotated[str | None, Field(description="in force already; null: the whole history was judged")]
    commit: Annotated[str, Field(description="the newest")]
    commits: Annotated[int, Field(description="so many were judged")]
    refused: Annotated[tuple[RefusedCommitRow, ...], Field(description="the oldest first; none: all is well")]


@dataclass(frozen=True, slots=True)
class ReasonRow:
    """What a reason means, and what ends it."""

    name: Reason
    text: str
    wants_operator: Annotated[bool, Field(description="a wait for it ends only when a human mends something")]
    approval: Annotated[str | None, Field(description="what an approval would allow; null: it asks for none")]
    retry: Annotated[bool, Field(description="`retry` ends a wait for it at once")]
    spare: Annotated[bool, Field(description="a wait for it harms nobody: the machine is free")]
