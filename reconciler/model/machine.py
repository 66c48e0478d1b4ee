"""One machine as the planner sees it: what was seen, what was handed out, what was done.

The life of a machine::

    discovered --> enrolled --> installed --> in-service
        ^           |   ^           |          |  |
        |           |   +-----------|----------+  |
        |           |    reinstall  |             |
        +-----------+---------------+-------------+
                        release

Failure is beside the phase, not a phase: a machine that fails keeps its place. Going back takes an operator's word.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Literal

from .actions import Action, ChangeBmc, ConfigureBmc, Enroll
from .disk_id import DiskId, Finding
from .hardware import Hardware, Match, Racked
from .raid import RaidLayout


class Phase(StrEnum):
    """How far a machine has come."""

    DISCOVERED = "discovered"
    ENROLLED = "enrolled"  # it has a cluster, a role, a hostname and addresses
    INSTALLED = "installed"  # Debian is on its disk
    IN_SERVICE = "in-service"  # Puppet has succeeded


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
    """Chassis power, as its BMC says."""

    ON = "on"
    OFF = "off"


PUBLISHED_AS = {
    "last_puppet_began": "puppet_at",
    "open_action": "open",
    "foreign_data": "found",
    "commands_run": "told",
    "side_failures": "aside_failures",
    "side_tried": "aside_tried",
    "side_error": "aside_error",
    "side_since": "aside_since",
}
"""Names of fields in the journal, in exports and in observations, where they are not the field's own."""


def _published_as(name: str) -> str:
    return PUBLISHED_AS.get(name, name)


_PUBLISHED = {"alias_generator": _published_as, "serialize_by_alias": True}
"""For pydantic, which writes and reads them; who only plans does without it."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What the world last said of a machine. May be stale; nothing destructive rests on it alone."""

    __pydantic_config__: ClassVar = _PUBLISHED

    hardware: Hardware
    digest: str  # of the hardware, so that sameness is cheap to tell
    reported_at: datetime
    address: str  # where it last called from
    status: InstallStatus | None = None
    status_at: datetime | None = None
    power: Power | None = None  # None: not asked yet, or no answer
    power_at: datetime | None = None
    last_puppet_began: datetime | None = None  # its last good run asked for its document then, or later; None: unknown

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
class Certificate:
    """A certificate as the planner sees it."""

    ref: SecretRef
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Proof:
    """What a machine proved of itself over SSH."""

    at: datetime
    runs: Literal["installed", "live"]  # which of its systems
    address: str  # where it was asked
    install: str | None = None  # id of the install that made the system that runs; None: not known


@dataclass(frozen=True, slots=True)
class History:
    """All that the journal says about one machine."""

    __pydantic_config__: ClassVar = _PUBLISHED

    phase: Phase = Phase.DISCOVERED
    failures: int = 0  # in a row, in this phase
    failing_since: datetime | None = None  # when the first of them ended
    permanent: bool = False  # the last failure will not pass by itself
    last_error: str | None = None
    touched: datetime | None = None  # when an action on the machine itself last began or ended
    tried: datetime | None = None  # when any action last ended, for the back-off
    open_action: Action | None = None  # begun, and not known to have ended
    last_begun: str | None = None  # type of the action that last began
    repeats: int = 0  # times in a row that it began; tells a machine that never answers from one that does
    last_done: str | None = None  # type of the last action that succeeded
    last_done_at: datetime | None = None
    install_begun: datetime | None = None  # when an install last began
    install_generation: int = 0  # of that install
    install_id: str | None = None  # id of that install's action; what its marker on the disk says
    install_open: bool = False  # its installer was started, and nobody saw how that ended
    proof: Proof | None = None  # what it last proved of itself since we last booted it
    looked: datetime | None = None  # when somebody last looked whether it runs what is said of it
    looks: int = 0  # such looks in a row that did not find it so
    look_error: str | None = None  # why the last one did not
    erased: tuple[str, ...] = ()  # identities, and marks (``ownership``), of disks that we erased or were about to
    foreign_data: tuple[Finding, ...] = ()  # what the last try to erase met that nobody had allowed
    raid: str | None = None  # id of the action that last made the controllers as wanted
    installed_on: tuple[DiskId, ...] = ()  # every disk that it was given then
    system_on: tuple[DiskId, ...] = ()  # those among them that hold the system; empty: not known
    reinstall: str | None = None  # the reinstall request that the last finished install answered
    in_service_since: datetime | None = None
    left_service: datetime | None = None  # when it was taken out to be reinstalled; None once it is back
    left_install: str | None = None  # id of the install that it left service or its place with; None once it is back
    hooks: tuple[str, ...] = ()  # those that were told that it is there, and not that it left
    commands_run: int | None = None  # for it, on a controller, since it came into service; None: it never did
    side_failures: int = 0  # in a row, of what is done beside its own way: hooks, commands, renewals
    side_tried: datetime | None = None  # when such a one last ended, for the back-off
    side_error: str | None = None
    side_since: datetime | None = None  # when the first of them ended
    bmc: ConfigureBmc | None = None  # what its BMC was last set to, and let us in with
    bmc_at: datetime | None = None  # when that was seen to be so
    bmc_address: str | None = None  # that its BMC was last to be given, whether or not that ended well
    bmc_change: ChangeBmc | None = None  # of its BMC, begun and not seen to have been done
    released: datetime | None = None  # when a place was last taken from it: its disks may hold what it had there


def with_bmc_address(seen: Seen, h: History) -> Seen:
    """What was seen, with the address that its BMC was given since: a node in service reports no more."""
    if h.bmc is None or h.bmc.address is None or h.bmc_at is None or seen.reported_at > h.bmc_at:
        return seen
    if seen.hardware.bmc_address == h.bmc.address:
        return seen
    return replace(seen, hardware=replace(seen.hardware, bmc_address=h.bmc.address))


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
    allocation: Allocation | None = None
    history: History = History()
    conflict: str | None = None  # why it is held: two machines claim this serial, ...
    missing_secrets: tuple[SecretRef, ...] = ()  # its ENC document names these, and nobody minted them yet
    enc_problem: str | None = None  # why its ENC document cannot be rendered
    document: DocumentVersion | None = None  # what its Puppet is given now; None: it has none yet
    applied: str | None = None  # digest of the document that its last good Puppet run had, as far as it is known

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


@dataclass(frozen=True, slots=True)
class Pause:
    """A human's word that nothing may be done in a scope: ``fleet``, ``cluster:<name>`` or ``machine:<serial>``."""

    scope: str
    who: str
    why: str
    at: datetime


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
    base: str | None = None  # the commit that was in force; None: the daemon follows no repository
    listening_since: datetime | None = None  # since when machines can be heard; None: not known, or long since
    clock: str | None = None  # what to say of the clock, where it was behind what it had said before
    observing: str | None = None  # why nothing may be begun: the database may be older than the machines
