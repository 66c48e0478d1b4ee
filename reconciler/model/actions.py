"""The closed union of things we may do. Each is idempotent, says its risk, and is identified by its content."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import ClassVar, Literal, NamedTuple

from .action_base import MINUTE, MachineAction, Risk
from .contents import Contents
from .disk_id import DiskId, Finding
from .hardware import Nic
from .interfaces import NodeInterface
from .raid import RaidDisk, RaidLayout, RaidVolume
from .redaction import redact_address
from .rings import RingBasis, RingChange, RingFile


class EnrolledVip(NamedTuple):
    """A virtual address that a machine brings along."""

    network: str
    usage: str  # api | sql | sqlmsg | messaging
    address: str


class SecretName(NamedTuple):
    """A secret to be made, as ``SecretRef`` names it."""

    owner: str
    service: str
    kind: str
    form: str


class EndingCertificate(NamedTuple):
    """A certificate to be made anew, and when the one there is ends."""

    owner: str
    service: str
    kind: str
    ends: str  # RFC 3339


class Erasable(NamedTuple):
    """What may be erased with a disk."""

    disk: str  # kernel name
    what: Contents | None  # None: whatever it holds


class Voucher(StrEnum):
    """Why who reports as a machine may be given the keys of its node."""

    NONCE = "nonce"  # its report returned the nonce of the machine's boot
    BMC = "bmc"  # the machine's own BMC, of which we have the password, says that it is on
    PINNED = "pinned"  # an operator named the machine in the specs
    APPROVED = "approved"  # an operator approved that who reports gets them


@dataclass(frozen=True, kw_only=True, slots=True)
class Enroll(MachineAction):
    """Record what the machine is given: cluster, role, hostname, addresses; and the cluster's VIPs it brings along."""

    touches: ClassVar[bool] = False
    limit: ClassVar[float] = MINUTE
    type: Literal["enroll"] = "enroll"
    cluster: str
    role: str
    profile: str
    location: str | None
    hostname: str
    number: int
    addresses: Mapping[str, str]  # network -> address, management first
    vips: tuple[EnrolledVip, ...] = ()
    replaces: str | None = None  # that machine's name and addresses are released to this one


@dataclass(frozen=True, kw_only=True, slots=True)
class MintSecrets(MachineAction):
    """Make the secrets that the node's Puppet classes name and nobody made yet."""

    touches: ClassVar[bool] = False
    limit: ClassVar[float] = 10 * MINUTE  # RSA keys for a whole cluster
    type: Literal["mint_secrets"] = "mint_secrets"
    secrets: tuple[SecretName, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class RenewCertificates(MachineAction):
    """Make certificates anew that end soon: the node's own, and its cluster's or the fleet's that it brings along."""

    touches: ClassVar[bool] = False
    is_side_task: ClassVar[bool] = True
    limit: ClassVar[float] = 10 * MINUTE
    type: Literal["renew_certificates"] = "renew_certificates"
    certificates: tuple[EndingCertificate, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Discover(MachineAction):
    """Turn on, from the network, a machine that nobody has seen. One that is on already is left alone."""

    touches: ClassVar[bool] = False  # its first report, whenever it comes, is news
    is_side_task: ClassVar[bool] = True  # once it has reported, failures to turn it on are of no concern
    limit: ClassVar[float] = 10 * MINUTE
    uses_bmc: ClassVar[bool] = True
    type: Literal["discover"] = "discover"


@dataclass(frozen=True, kw_only=True, slots=True)
class BootLive(MachineAction):
    """Network-boot the machine into the live system. The address that it was given is asked first."""

    risk: ClassVar[Risk] = Risk.DISRUPTIVE
    not_in_id: ClassVar[frozenset[str]] = frozenset({"leaves", "hinted"})
    limit: ClassVar[float] = 10 * MINUTE  # off and on again, two minutes each at most, and a slow BMC
    uses_bmc: ClassVar[bool] = True
    restarts: ClassVar[bool] = True
    type: Literal["boot_live"] = "boot_live"
    hostname: str | None = None  # of what may run on it; None: journals of old, in which nobody asks
    install: str | None = None  # id of the install that may have ended on it
    leaves: str | None = None  # id of the install whose system may be taken down, for its approved reinstall
    unseen: bool = False  # nobody saw how that install ended: a machine that is on and silent may serve
    hinted: bool = False  # all that was heard of it last is a hint: one that is on and silent may be anybody's


@dataclass(frozen=True, kw_only=True, slots=True)
class ConfigureBmc(MachineAction):
    """Give the machine's BMC its address and a login of our own, from inside the live system."""

    limit: ClassVar[float] = 20 * MINUTE  # a dozen commands inside, and minutes until the BMC answers from here
    uses_bmc: ClassVar[bool] = True
    sets_up_bmc: ClassVar[bool] = True
    type: Literal["configure_bmc"] = "configure_bmc"
    username: str
    address: str | None = None  # None: it keeps what it has
    network: str | None = None  # the address's, CIDR
    gateway: str | None = None
    vlan: int | None = None
    network_name: str | None = None  # as the fleet calls it
    rotate: str | None = None  # the request that a new password answers; None: the one it has may stay


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangeBmc(MachineAction):
    """Give a BMC that lets us in another password or network, through itself, while its machine does what it does."""

    touches: ClassVar[bool] = False
    is_side_task: ClassVar[bool] = True
    not_in_id: ClassVar[frozenset[str]] = frozenset({"maybe_at"})
    limit: ClassVar[float] = 20 * MINUTE
    uses_bmc: ClassVar[bool] = True
    sets_up_bmc: ClassVar[bool] = True
    type: Literal["change_bmc"] = "change_bmc"
    username: str
    address: str | None = None  # None: its network stays as it is
    network: str | None = None
    gateway: str | None = None
    vlan: int | None = None
    network_name: str | None = None
    rotate: str | None = None  # None: its password stays
    maybe_at: str | None = None  # where a change that was cut off may have left it

    def leaves(self, before: ConfigureBmc | None) -> ConfigureBmc:
        """What the BMC is set to once this has been done."""
        same = before if self.address is None and before is not None else self
        return ConfigureBmc(
            serial=self.serial,
            generation=self.generation,
            username=self.username,
            address=same.address,
            network=same.network,
            gateway=same.gateway,
            vlan=same.vlan,
            network_name=same.network_name,
            rotate=self.rotate or (before.rotate if before else None),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class RootImage:
    """A root file system as a tarball, to be unpacked in place of an installer's work."""

    url: str  # a login or a signature in it is for the machine alone
    sha256: str  # of the tarball, in hex

    @property
    def shown(self) -> "RootImage":
        """The image as anybody may see it, without what may be secret in its address."""
        return replace(self, url=redact_address(self.url))


@dataclass(frozen=True, kw_only=True, slots=True)
class ConfigureRaid(MachineAction):
    """Make volumes of disks behind a RAID controller, from the live system. What is there as wanted is left alone."""

    risk: ClassVar[Risk] = Risk.DESTRUCTIVE
    touches: ClassVar[bool] = False  # unless it erases: most often it only looks, and what was reported still holds
    not_in_id: ClassVar[frozenset[str]] = frozenset({"ours", "may_hold", "may_erase", "whatever"})
    limit: ClassVar[float] = 30 * MINUTE  # each command is seconds, on a slow controller with sixty disks a minute
    type: Literal["configure_raid"] = "configure_raid"
    volumes: tuple[RaidVolume, ...]
    single: tuple[RaidDisk, ...]  # shown to the operating system one by one
    ours: tuple[str, ...] = ()  # identities of disks that we erased before: what was made of them may go
    may_hold: tuple[Finding, ...] = ()  # what else may be deleted
    may_erase: tuple[str, ...] = ()  # ids of installs that have finished and may be erased
    whatever: bool = False  # anything else that is in the way

    @property
    def layout(self) -> RaidLayout:
        """What is to be there in the end."""
        return RaidLayout(self.volumes, self.single)


@dataclass(frozen=True, kw_only=True, slots=True)
class InstallOs(MachineAction):
    """Install Debian over SSH from the live system. Erases the system disks, and the data disks named for it."""

    risk: ClassVar[Risk] = Risk.DESTRUCTIVE
    not_in_id: ClassVar[frozenset[str]] = frozenset({"ours", "may_hold", "may_erase", "vouched", "nics"})
    limit: ClassVar[float] = 180 * MINUTE
    restarts: ClassVar[bool] = True
    outlives_daemon: ClassVar[bool] = True
    type: Literal["install_os"] = "install_os"
    hostname: str
    role: str
    cluster: str
    release: str  # Debian codename
    interfaces: tuple[NodeInterface, ...]  # the management network's first
    system_disks: tuple[str, ...]  # kernel names; two or more: software RAID
    raid: int | None  # software RAID level of the system disks
    data_disks: tuple[str, ...]  # kernel names, formatted
    identity: tuple[DiskId, ...]  # every disk touched, compared again right before erasing
    packages: tuple[str, ...] = ()  # more than every node gets
    console: str | None = "ttyS1"  # kernel name of the serial port that gets a login; where servers' BMCs put theirs
    backports_kernel: bool = False
    image: RootImage | None = None  # None: Debian's installer makes the system from packages
    timeout: int | None = None  # seconds until it counts as failed; None: what suits most machines
    reinstall: str | None = None  # the request this answers
    ours: tuple[str, ...] = ()
    """Marks of disks that we erased before (``model.ownership``): what is on them may go, unless it cannot be read."""
    may_hold: tuple[Erasable, ...] = ()
    """What may be erased with which disk. Any other disk has to be blank."""
    may_erase: tuple[str, ...] = ()
    """Ids of installs that have finished and may be erased: nothing else allows to erase a system of ours."""
    vouched: Voucher | None = None
    """Why who reports may be given the node's keys; None: nobody knows, and an install is looked for, not begun."""
    nics: tuple[Nic, ...] = ()
    """The machine's network interfaces, without their neighbours: its networks stay on those that the install had."""

    @property
    def address(self) -> str:
        """The management address, without prefix."""
        return (self.interfaces[0].address or "").partition("/")[0]


@dataclass(frozen=True, kw_only=True, slots=True)
class BootDisk(MachineAction):
    """Boot the installed system from its disk. One that answers at its own address is left alone."""

    risk: ClassVar[Risk] = Risk.DISRUPTIVE
    limit: ClassVar[float] = 10 * MINUTE
    uses_bmc: ClassVar[bool] = True
    restarts: ClassVar[bool] = True
    type: Literal["boot_disk"] = "boot_disk"
    hostname: str | None = None  # of the installed system; None: nobody asks whether it runs already


@dataclass(frozen=True, kw_only=True, slots=True)
class VerifyInstall(MachineAction):
    """See whether the system that we installed answers at the machine's own address, and proves that it is ours."""

    touches: ClassVar[bool] = False
    looks: ClassVar[bool] = True
    limit: ClassVar[float] = 5 * MINUTE  # one connection, and two questions of a minute at most
    type: Literal["verify_install"] = "verify_install"
    hostname: str
    install: str  # id of the install that made the system


@dataclass(frozen=True, kw_only=True, slots=True)
class VerifyLive(MachineAction):
    """See whether a machine that is reported from the live system runs it, or its installed system as before."""

    touches: ClassVar[bool] = False
    looks: ClassVar[bool] = True
    limit: ClassVar[float] = 5 * MINUTE  # two connections
    type: Literal["verify_live"] = "verify_live"
    hostname: str


@dataclass(frozen=True, kw_only=True, slots=True)
class VerifyBmc(MachineAction):
    """See whether the BMC of a machine that returns no nonce lets us in, says that it is its own, and that it is on."""

    touches: ClassVar[bool] = False
    looks: ClassVar[bool] = True
    limit: ClassVar[float] = 5 * MINUTE  # one session, and two questions
    uses_bmc: ClassVar[bool] = True
    type: Literal["verify_bmc"] = "verify_bmc"


@dataclass(frozen=True, kw_only=True, slots=True)
class RunPuppet(MachineAction):
    """See how the node's first Puppet run went, and run Puppet if it did not succeed."""

    not_in_id: ClassVar[frozenset[str]] = frozenset({"again"})
    limit: ClassVar[float] = 150 * MINUTE  # OCI lets a run on a controller take 120
    outlives_daemon: ClassVar[bool] = True
    type: Literal["run_puppet"] = "run_puppet"
    hostname: str
    again: bool = False  # run Puppet, too, if its last run was good


@dataclass(frozen=True, kw_only=True, slots=True)
class BeginPuppet(MachineAction):
    """Let the node's first boot run Puppet, where it waits for the roles that it needs."""

    limit: ClassVar[float] = 5 * MINUTE  # one connection, and two questions of a minute at most
    type: Literal["begin_puppet"] = "begin_puppet"
    hostname: str


@dataclass(frozen=True, kw_only=True, slots=True)
class RollOut(MachineAction):
    """Run Puppet on a node in service, whose document has changed. Services restart, one of a quorum at a time."""

    risk: ClassVar[Risk] = Risk.DISRUPTIVE
    limit: ClassVar[float] = 150 * MINUTE
    outlives_daemon: ClassVar[bool] = True
    type: Literal["roll_out"] = "roll_out"
    hostname: str
    document: str  # digest of what it is given now


@dataclass(frozen=True, kw_only=True, slots=True)
class RunHook(MachineAction):
    """Run an operator's command, which is told what became of the machine as JSON on its standard input."""

    touches: ClassVar[bool] = False
    is_side_task: ClassVar[bool] = True
    limit: ClassVar[float] = 60 * MINUTE  # each has a timeout of its own in the specs
    type: Literal["run_hook"] = "run_hook"
    hook: str  # dns | monitoring | root_password | bmc_password
    event: str  # enrolled | in-service | released
    hostname: str
    cluster: str
    role: str
    location: str | None
    addresses: Mapping[str, str]  # network -> address, management first


@dataclass(frozen=True, kw_only=True, slots=True)
class TellCluster(MachineAction):
    """Run one command on a controller for a node that came into service."""

    touches: ClassVar[bool] = False
    is_side_task: ClassVar[bool] = True
    limit: ClassVar[float] = 10 * MINUTE
    type: Literal["tell_cluster"] = "tell_cluster"
    hostname: str  # of the node
    number: int  # of the command, from 0
    command: str  # for /bin/sh, as root
    controller: str  # its serial
    controller_hostname: str


@dataclass(frozen=True, kw_only=True, slots=True)
class PowerOn(MachineAction):
    """Turn on a machine that should be running."""

    limit: ClassVar[float] = 5 * MINUTE
    uses_bmc: ClassVar[bool] = True
    restarts: ClassVar[bool] = True
    type: Literal["power_on"] = "power_on"


@dataclass(frozen=True, kw_only=True, slots=True)
class Release(MachineAction):
    """Take back hostname and addresses of a decommissioned machine. Its disks are not touched."""

    risk: ClassVar[Risk] = Risk.DISRUPTIVE
    touches: ClassVar[bool] = False
    limit: ClassVar[float] = MINUTE
    type: Literal["release"] = "release"
    hostname: str


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildRings(MachineAction):
    """Build rings of the machine's cluster: the first ones, or a round that was approved; else work a round out."""

    touches: ClassVar[bool] = False
    is_side_task: ClassVar[bool] = True
    limit: ClassVar[float] = 40 * MINUTE  # a first build of thousands of disks takes minutes for each ring
    type: Literal["build_rings"] = "build_rings"
    cluster: str
    bases: tuple[RingBasis, ...]
    changes: tuple[RingChange, ...]
    first: bool = False  # there are none yet, and nothing is stored
    approved: str | None = None  # digest of the round that a human approved; None: none was


@dataclass(frozen=True, kw_only=True, slots=True)
class PlaceRings(MachineAction):
    """See which ring files the node has, and put those there that are in force."""

    touches: ClassVar[bool] = False
    is_side_task: ClassVar[bool] = True
    limit: ClassVar[float] = 10 * MINUTE
    type: Literal["place_rings"] = "place_rings"
    hostname: str
    cluster: str
    rings: tuple[RingFile, ...]


Action = (
    Enroll
    | MintSecrets
    | RenewCertificates
    | Discover
    | BootLive
    | ConfigureBmc
    | ChangeBmc
    | ConfigureRaid
    | InstallOs
    | BootDisk
    | VerifyInstall
    | VerifyLive
    | VerifyBmc
    | RunPuppet
    | RollOut
    | RunHook
    | TellCluster
    | PowerOn
    | Release
    | BeginPuppet
    | BuildRings
    | PlaceRings
)
