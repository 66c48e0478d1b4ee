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
from ..model.rehearsal import Blame

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


@dataclass(frozen=True, slots=True, kw_only=True)
class RehearsedRow:
    """What is rehearsed of a fleet, and how it stands when histories begin."""

    observed: Annotated[datetime, Field(description="when the fleet was observed")]
    base: Annotated[str | None, Field(description="the commit in force then; null: nobody told")]
    changes: Annotated[bool, Field(description="whether other specs are committed in each history")]
    machines: int
    in_service: int
    clusters: tuple[str, ...]
    left_out: Annotated[tuple[str, ...], Field(description="clusters that are not rehearsed")]
    waiting: Annotated[Mapping[Reason, int], Field(description="machines that want a human before anything changes")]
    otherwise: Annotated[tuple[str, ...], Field(description="machines that begin otherwise than they were observed")]
    notes: Annotated[tuple[str, ...], Field(description="what else differs from the fleet")]


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitedRow:
    """One reason for which machines waited for a human, who then did something or was still to do it."""

    reason: Reason
    ends: Annotated[str, Field(description="what ends it: a command, or what is to be changed")]
    histories: Annotated[int, Field(description="in how many histories")]
    machines: Annotated[int, Field(description="of one history at most")]
    left: Annotated[int, Field(description="histories at whose end somebody was still waited for")]
    example: Annotated[str, Field(description="what one of the machines waited for")]


@dataclass(frozen=True, slots=True, kw_only=True)
class LostQuorumRow:
    """Histories in which a role that votes had no majority for a while."""

    cluster: str
    role: str
    blame: Annotated[Blame, Field(description="both: the reconciler had one down when a fault took another one")]
    histories: int
    serving: Annotated[int, Field(description="machines that served, at worst")]
    members: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoriesRow:
    """What came of histories. Times are at the pace of real servers, in seconds."""

    histories: int
    kept_every_rule: int
    lost_quorum: Annotated[int, Field(description="histories in which the reconciler had a part in that")]
    lost_quorum_by_faults: Annotated[int, Field(description="others, in which it had none")]
    waited: Annotated[int, Field(description="histories in which a human had to do something")]
    rested: Annotated[int, Field(description="histories that came to rest")]
    rest_median: Annotated[float | None, Field(description="from the change until nothing more was done")]
    rest_worst: float | None
    actions: Annotated[int, Field(description="that the reconciler began, in one history at most")]
    in_service_least: Annotated[int, Field(description="machines in the end")]
    in_service_most: int
    installed: Annotated[int, Field(description="machines installed in one history at most, each time that it was")]
    reinstalled: Annotated[
        Mapping[str, str], Field(description="machines whose installed system was erased: serial to hostname")
    ]
    reinstalled_most: Annotated[int, Field(description="such machines in one history at most")]
    unasked: Annotated[tuple[str, ...], Field(description="those among them for which nobody was asked, by serial")]
    rolled_out: Annotated[int, Field(description="machines in one history at most on which Puppet was run")]
    taken_down: Annotated[int, Field(description="times in one history at most that the reconciler turned one off")]
    installing_at_once: Annotated[int, Field(description="machines at most")]
    down_at_once: Annotated[int, Field(description="machines at most that served until the reconciler turned them off")]
    orphaned: Annotated[tuple[str, ...], Field(description="hostnames that no spec asks for, in the end of any")]
    lacking: Annotated[tuple[str, ...], Field(description="what clusters ask for in the end and do not have")]
    later: Annotated[Mapping[Reason, int], Field(description="machines that go on by themselves after the end")]
    waits: tuple[WaitedRow, ...]
    quorums: tuple[LostQuorumRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BadHistoryRow:
    """A history in which something happened that must not."""

    seed: int
    faults: Annotated[Mapping[str, float], Field(description="how much of each, from 0 to 1; none: it is the calm one")]
    what: Annotated[tuple[str, ...], Field(description="in the order in which it happened")]
    replay: Annotated[str, Field(description="the command that lives through it again")]


@dataclass(frozen=True, slots=True, kw_only=True)
class RehearsalRow:
    """What came of a rehearsal."""

    version: Annotated[Literal[1], Field(description="of this form")]
    rehearsed: RehearsedRow
    calm: Annotated[HistoriesRow | None, Field(description="the one history in which nothing goes wrong")]
    faulty: Annotated[HistoriesRow | None, Field(description="those in which faults befall the fleet")]
    bad: tuple[BadHistoryRow, ...]


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
