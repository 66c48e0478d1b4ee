"""One machine as the planner sees it, and all of them in one observation."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from .actions import Enroll
from .bmc import is_nobodys
from .disk_id import DiskId
from .gates import Readings
from .hardware import Hardware, Match, Racked
from .history import History
from .raid import RaidLayout
from .rings import RingRound, RingState
from .statements import Statement


class InstallStatus(StrEnum):
    """What a machine says of itself through install-status calls."""

    LIVE = "live"
    INSTALLING = "installing"
    INSTALLED = "installed"
    FIRSTBOOT = "firstboot"
    PUPPET_RUNNING = "puppet-running"
    PUPPET_SUCCESS = "puppet-success"
    PUPPET_FAILURE = "puppet-failure"


OURS = frozenset(
    {
        InstallStatus.INSTALLED,
        InstallStatus.FIRSTBOOT,
        InstallStatus.PUPPET_RUNNING,
        InstallStatus.PUPPET_SUCCESS,
        InstallStatus.PUPPET_FAILURE,
    }
)
"""What only a machine with our Debian on its disk says."""


class Power(StrEnum):
    """Chassis power, as its BMC says. Only ``OFF`` says that nothing runs; over IPMI there is only ON and OFF."""

    # The database's column holds eight letters at most.
    ON = "on"
    OFF = "off"
    STARTING = "starting"
    STOPPING = "stopping"


def _published_as(name: str) -> str:
    """The name of one of the fields of ``Seen`` in observations, which are older than today's."""
    return "puppet_at" if name == "last_puppet_began" else name


@dataclass(frozen=True, slots=True)
class Seen:
    """What the world last said of a machine. May be stale; nothing destructive rests on it alone."""

    __pydantic_config__: ClassVar = {"alias_generator": _published_as, "serialize_by_alias": True}

    hardware: Hardware
    digest: str  # of the hardware, so that sameness is cheap to tell
    reported_at: datetime
    address: str  # where it last called from
    status: InstallStatus | None = None
    status_at: datetime | None = None
    power: Power | None = None  # None: not asked yet, or no answer
    power_at: datetime | None = None
    last_puppet_began: datetime | None = None  # its last good run asked for its document then, or later; None: unknown
    boot: int | None = None  # number of the boot whose nonce the last report returned; None: it is only a hint
    witnessed_at: datetime | None = None  # when a report last returned the nonce of a boot; None: none ever did
    reported_from: str = ""  # where the last report came from; empty: not known

    @property
    def live_address(self) -> str:
        """Where its live system is, as its last report says: a status, which anybody can send, moves it nowhere."""
        return self.reported_from or self.address

    @property
    def heard_at(self) -> datetime:
        """When the machine itself last said anything."""
        return max(self.reported_at, self.status_at) if self.status_at else self.reported_at


@dataclass(frozen=True, slots=True)
class Allocation:
    """What a machine was given. Kept until it is released on purpose, whatever happens in git."""

    cluster: str
    role: str
    profile: str
    location: str | None
    hostname: str  # full
    number: int  # the n of <cluster>-<role>-<n>; 0 for a hostname of the operator's own
    addresses: Mapping[str, str]  # network name -> address; the first is the management address
    generation: int = 1  # rises with each change; older actions are refused

    @classmethod
    def given_by(cls, enroll: Enroll) -> "Allocation":
        """What the machine has once the action is done."""
        return cls(
            cluster=enroll.cluster,
            role=enroll.role,
            profile=enroll.profile,
            location=enroll.location,
            hostname=enroll.hostname,
            number=enroll.number,
            addresses=dict(enroll.addresses),
            generation=enroll.generation,
        )

    @property
    def address(self) -> str | None:
        """The management address."""
        return next(iter(self.addresses.values()), None)


@dataclass(frozen=True, slots=True)
class Vip:
    """A virtual address of a cluster. Kept until it is released on purpose."""

    cluster: str
    network: str
    usage: str  # api | sql | sqlmsg | messaging
    address: str


@dataclass(frozen=True, slots=True)
class SecretRef:
    """Names a secret without holding it. ``owner`` is a cluster, a hostname, ``bmc:<serial>`` or ``fleet``."""

    owner: str
    service: str
    kind: str
    form: str = "hex"  # hex | fernet | cephx | uuid | ssh | rndc | password16 | certificate | text: how it is minted

    def __str__(self) -> str:
        return f"{self.owner}:{self.service}/{self.kind}"


@dataclass(frozen=True, slots=True)
class ShownCertificate:
    """What a cluster's API shows, which is not what the specs say while their file cannot be used."""

    from_file: bool  # somebody else issued it; else the fleet's authority did
    problem: str | None = None  # why it is not the one that the specs ask for; None: it is


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate as the planner sees it."""

    ref: SecretRef
    expires_at: datetime


def with_bmc_address(seen: Seen, h: History) -> Seen:
    """What was seen, with the address that its BMC was given since: a node in service reports no more.

    A report that an older version took may name an address that is nobody's: it is left out.
    """
    if (reported := seen.hardware.bmc_address) is not None and is_nobodys(reported):
        seen = replace(seen, hardware=replace(seen.hardware, bmc_address=None))
    if h.bmc.set_to is None or h.bmc.set_to.address is None or h.bmc.at is None:
        return seen
    if seen.reported_at > h.bmc.at and seen.hardware.bmc_address is not None:  # silence is no other address
        return seen
    if seen.hardware.bmc_address == h.bmc.set_to.address:
        return seen
    return replace(seen, hardware=replace(seen.hardware, bmc_address=h.bmc.set_to.address))


@dataclass(frozen=True, slots=True)
class DiskChoice:
    """What a profile makes of one machine's disks: which are erased, and how they are recognised."""

    system_disks: tuple[str, ...]  # kernel names; two or more: software RAID
    raid: int | None = None  # software RAID level of the system disks
    data_disks: tuple[str, ...] = ()  # kernel names, formatted at install
    identity: tuple[DiskId, ...] = ()  # every disk above; compared again before erasing


@dataclass(frozen=True, slots=True)
class DocumentVersion:
    """Which Puppet document a node gets, or got."""

    digest: str  # of the whole text, in hex
    since: datetime  # whoever asked at this moment or later was given this one, until there was a newer


@dataclass(frozen=True, slots=True)
class MachineView:
    """Everything the planner knows of one machine."""

    serial: str
    seen: Seen | None = None
    match: Match = Match()
    racked: Racked | None = None
    raid: RaidLayout | None = None  # what its profile asks of its RAID controllers; None: nothing
    disks: DiskChoice | None = None  # None: its profile names no system disk, or the machine has none that fits
    lost_system: str | None = None  # why nobody can tell which of its disks hold the system that it was installed with
    unclear_disks: str | None = None  # why nobody can tell which of its disks its profile means
    allocation: Allocation | None = None
    history: History = History()
    conflict: str | None = None  # why it is quarantined: two machines claim this serial, ...
    missing_secrets: tuple[SecretRef, ...] = ()  # its ENC document names these, and nobody minted them yet
    enc_problem: str | None = None  # why its ENC document cannot be rendered
    document: DocumentVersion | None = None  # what its Puppet is given now; None: it has none yet
    applied: str | None = None  # digest of the document that its last good Puppet run had, as far as it is known
    readings: Readings | None = None  # what was last read of its services; None: nobody has looked

    @property
    def behind(self) -> bool:
        """Whether its document changed since Puppet last succeeded on it; False where that is not known."""
        if self.document is None or self.seen is None or self.seen.last_puppet_began is None:
            return False
        return self.seen.last_puppet_began < self.document.since


@dataclass(frozen=True, slots=True)
class Approval:
    """A human's word for one destructive step on one machine at one generation."""

    serial: str
    action: str  # what it allows: install_os, release, reinstall
    generation: int
    who: str
    why: str
    at: datetime
    covers: str | None = None  # digest of what it allows, as the wait for it had it; None: not known, and void
    statement: Statement | None = None  # whose digest that is; None: not known
    acted: float | None = None  # seconds that daemons had acted when it was given; None: not known
    signature: str | None = None  # of the statement, as ``ssh-keygen -Y sign`` makes it
    void: str | None = None  # why it does not count, whatever it covers


@dataclass(frozen=True, slots=True)
class Pause:
    """A human's word that nothing may be done in a scope: ``fleet``, ``cluster:<name>`` or ``machine:<serial>``."""

    scope: str
    who: str
    why: str
    at: datetime
    oci_in_charge: bool = False  # made by an import; until its end OCI still installs and configures these machines


@dataclass(frozen=True, slots=True)
class Observation:
    """All that ``plan`` needs to know of the world, without secrets; serialisable to replay an incident."""

    now: datetime
    machines: tuple[MachineView, ...]
    vips: tuple[Vip, ...] = ()
    approvals: tuple[Approval, ...] = ()
    pauses: tuple[Pause, ...] = ()
    certificates: tuple[Certificate, ...] = ()  # those that end soon, the first to end first
    retired: Mapping[str, Allocation] = field(default_factory=dict)  # by serial: what was last released, to replace it
    fixed: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """By cluster what its nodes were installed with, and it keeps: ``release.openstack`` -> ``epoxy``."""
    set_up: tuple[str, ...] = ()  # names of clusters whose first setup is over
    base: str | None = None  # the commit that was in force; None: the daemon follows no repository
    listening_since: datetime | None = None  # since when machines can be heard; None: not known, or long since
    clock: str | None = None  # what to say of the clock, where it was behind what it had said before
    shown: Mapping[str, ShownCertificate] = field(default_factory=dict)  # certificates of APIs, by cluster
    rings: tuple[RingState, ...] = ()  # Swift's, in force
    ring_rounds: tuple[RingRound, ...] = ()  # worked out for clusters whose rings are to change
    observing: str | None = None  # why nothing may be begun: the database may be older than the machines
    acted: float | None = None  # seconds that daemons have acted on the database so far; None: not known
    hooks: tuple[str, ...] | None = None  # that the daemon's configuration defines, by name; None: not known
