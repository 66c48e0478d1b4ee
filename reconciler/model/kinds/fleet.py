"""The ``Fleet``: what holds for every cluster, and the policy that keeps machines safe."""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal, get_args

import yaml
from pydantic import AfterValidator, BeforeValidator, Field, StrictBool, StrictInt, ValidationInfo

from ..roles import ROLES
from .base import Address, BmcUser, Duration, Label, Name, Settings, Strict, Subnet
from .boot import NetworkBoot
from .releases import DebianRelease, OpenStackRelease


class Release(Strict):
    """The OpenStack and Debian releases that nodes get."""

    openstack: OpenStackRelease = Field(default="epoxy", description="OpenStack release, lower case")
    debian: DebianRelease = Field(default="trixie", description="Debian codename")


class Mirrors(Strict):
    """Debian mirrors, as URLs."""

    # Debian's public archive, under the name that it has had the longest, is what a tree means that names no mirror.
    debian: str = "http://ftp.debian.org/debian"
    security: str = "http://security.debian.org/debian-security"
    backports: str = "http://ftp.debian.org/debian"
    incoming: str = "http://incoming.debian.org/debian-buildd"


class Provisioning(Strict):
    """How machines reach this server, and which of them it believes."""

    address: Address = Field(description="this server's address on the provisioning network")
    hostname: str = Field(default="puppet", description="this server's hostname; nodes use it as their Puppet server")
    trusted_networks: tuple[Subnet, ...] = Field(
        description="who may report, boot, and ask for its own classes; nobody else is answered"
    )
    boot: NetworkBoot = NetworkBoot()


class BmcNetwork(Strict):
    """Addresses for BMCs, chosen by where the machine booted."""

    name: Label
    subnet: Subnet
    gateway: Address | None = None
    for_machines_in: Subnet = Field(description="machines that reported from this network get a BMC address here")
    vlan: StrictInt | None = Field(default=None, ge=1, le=4094)


class BmcSettings(Strict):
    """How BMCs are addressed and logged in to."""

    username: BmcUser = Field(default="oci", description="ASCII; IPMI limits it to 16 bytes")
    manage: StrictBool = Field(
        default=False,
        description="give BMCs their addresses and a login of their own: from the live system first, and through "
        "themselves from then on",
    )
    rotate: str | None = Field(
        default=None,
        description="a new value asks for one new password for every BMC of a machine in service (needs manage)",
    )
    networks: tuple[BmcNetwork, ...] = ()


class InstallPolicy(StrEnum):
    """Whether a step needs a human's word first."""

    AUTOMATIC = "automatic"
    APPROVAL = "approval"


DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_DAY = "(Mon|Tue|Wed|Thu|Fri|Sat|Sun)"


class Window(Strict):
    """A recurring time in which steps of the named risks may run."""

    allow: str = Field(
        pattern=rf"^{_DAY}(-{_DAY})? ([01]\d|2[0-3]):[0-5]\d-(([01]\d|2[0-3]):[0-5]\d|24:00)$",
        description='days and hours, such as "Mon-Thu 09:00-17:00"',
    )
    timezone: str = "UTC"
    for_: tuple[Literal["disruptive", "destructive"], ...] = Field(default=("destructive",), alias="for")


def _budget(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    if isinstance(value, str) and re.fullmatch(r"(100|[0-9]{1,2})%", value):
        return value
    raise ValueError('it must be a number of machines, such as 1, or a percentage of them, such as "10%"')


Budget = Annotated[int | str, BeforeValidator(_budget)]

Approvers = Annotated[StrictInt, Field(ge=1, le=9)]

Approved = Literal["install_os", "reinstall", "release", "change_rings"]
APPROVED: tuple[str, ...] = get_args(Approved)
"""What people approve."""

_MAX_UNAVAILABLE: Mapping[str, Budget] = {
    **{role: facts.max_unavailable for role, facts in ROLES.items() if facts.max_unavailable is not None},
    "default": "10%",
}
"""A number of machines, or a percentage of them (at least one)."""


def approvers_of(said: Mapping[Any, int], what: str) -> int:
    """How many people have to approve this, as a mapping with a ``default`` says it."""
    return said.get(what, said.get("default", 1))


class Approvals(Strict):
    """How long an approval is good, and how many people have to give it."""

    lasts: Duration = Field(
        default="24h", validate_default=True, description="an approval that was not used by then is asked for again"
    )
    approvers: Mapping[Literal["default", Approved], Approvers] = Field(
        default_factory=dict, description="people who have to approve, by what they approve; default: one"
    )

    def needed(self, what: str) -> int:
        """How many people have to approve this."""
        return approvers_of(self.approvers, what)


class Policy(Strict):
    """What the reconciler may do unasked."""

    install: InstallPolicy = Field(default=InstallPolicy.AUTOMATIC, description="a blank machine that matches")
    foreign_data: InstallPolicy = Field(
        default=InstallPolicy.APPROVAL, description="its disks hold something we did not put there"
    )
    reinstall: InstallPolicy = Field(default=InstallPolicy.APPROVAL, description="it was in service")
    roll_out: Literal["automatic", "agents"] = Field(
        default="automatic",
        description="a node in service whose Puppet document changed: automatic runs Puppet on it, as max_unavailable "
        "and windows allow; agents leaves it to the timer of the node's own agent, and only shows who is behind",
    )
    self_heal: StrictBool = Field(default=True, description="put back what drifted, where that destroys nothing")
    max_destructive: StrictInt = Field(default=10, ge=0, description="machines being wiped or installed at any moment")
    max_unavailable: Mapping[str, Budget] = Field(
        default=_MAX_UNAVAILABLE,
        description="machines of a cluster and role out of service at once",
    )
    renew_before: Duration = Field(
        default="30d", validate_default=True, description="how long before their end certificates are made anew"
    )
    max_renewals: StrictInt = Field(
        default=10,
        ge=1,
        description="machines whose certificates are made anew at any moment; Puppet then hands them out",
    )
    approvals: Approvals = Approvals()
    windows: tuple[Window, ...] = Field(default=(), description="none: any time")

    def budget(self, role: str) -> int | str:
        """How many machines of a role may be out of service at once: their number, or a percentage."""
        return self.max_unavailable.get(role, self.max_unavailable.get("default", "10%"))

    def may_be_out(self, role: str, members: int) -> int:
        """How many of so many machines of a role may be out of service at once. A percentage allows at least one."""
        budget = self.budget(role)
        return max(1, members * int(budget.rstrip("%")) // 100) if isinstance(budget, str) else budget


def _no_command(value: object, info: ValidationInfo) -> object:
    """A hook's name; a command that was written in its place, as specs of old have it, is told where it goes.

    Raises:
        ValueError: It is a command.
    """
    if not isinstance(value, Mapping):
        return value
    name = str(info.field_name).replace("_", "-")
    kept = {key: value[key] for key in ("command", "timeout") if key in value}
    moved = yaml.safe_dump({"hooks": {name: kept}}, default_flow_style=True, width=2**16, sort_keys=False).strip()
    raise ValueError(
        f"no commit may say what the daemon runs. Put this into the daemon's configuration, {moved[1:-1]} "
        f"and its name here, {info.field_name}: {name}"
    )


HookName = Annotated[Name, BeforeValidator(_no_command)]


class Hooks(Strict):
    """Which programs of the operator's are told of machines: names that the daemon's configuration gives them."""

    dns: HookName | None = None
    monitoring: HookName | None = None
    root_password: HookName | None = None
    bmc_password: HookName | None = None


class PuppetSettings(Strict):
    """What the Puppet server has."""

    module_version: str | None = Field(
        default=None,
        description="version of puppet-module-oci that it has; default: the newest known that the Debian release has",
    )
    servers: tuple[Address, ...] = Field(
        default=(), description="who may ask for any node's classes, besides provisioning.address"
    )


class HttpProxy(Strict):
    """The HTTP proxy that nodes use."""

    enabled: StrictBool = False
    address: str = Field(default="example.com:3128", description="host:port")


class Tempest(Strict):
    """Names that the functional test suite uses."""

    external_network_name: str = "ext-net1"
    floating_network_name: str = "ext-floating1"
    public_network_name: str = "ext-floating1"
    flavor_name: str = "cpu1-ram2-disk5"
    flavor_alt_name: str = "cpu2-ram6-disk20"


class GlanceImage(Strict):
    """The image uploaded at first setup."""

    path: str = "/root"
    name: str = "debian-12-generic-amd64.qcow2"
    ssh_user: str = "debian"


def _pollster(text: str) -> str:
    if pollster_name(text) is None:
        raise ValueError("it must be YAML: a list whose first entry has a name")
    return text


def pollster_name(text: str) -> str | None:
    """The name that a dynamic pollster's YAML gives to its first entry; None: it gives none."""
    try:
        entries = yaml.safe_load(text)
    except yaml.YAMLError:
        return None
    first = entries[0] if isinstance(entries, list) and entries else None
    name = first.get("name") if isinstance(first, dict) else None
    return name if isinstance(name, str) and name else None


class Telemetry(Strict):
    """Files of Ceilometer, Gnocchi and CloudKitty, as their documentation describes them."""

    pollsters: Mapping[Label, Annotated[str, AfterValidator(_pollster)]] = Field(
        default_factory=dict, description="dynamic pollsters of Ceilometer: file name -> YAML"
    )
    gnocchi_resources: str | None = Field(default=None, description="gnocchi_resources.yaml; default: the package's")
    cloudkitty_metrics: str | None = Field(default=None, description="CloudKitty's metrics.yml; default: the package's")


class FleetSpec(Strict):
    """What holds for every cluster. There is exactly one."""

    release: Release = Release()
    mirrors: Mirrors = Mirrors()
    provisioning: Provisioning
    bmc: BmcSettings = BmcSettings()
    settings: Settings = Field(default_factory=dict)
    policy: Policy = Policy()
    hooks: Hooks = Hooks()
    puppet: PuppetSettings = PuppetSettings()
    http_proxy: HttpProxy = HttpProxy()
    tempest: Tempest = Tempest()
    glance_image: GlanceImage = GlanceImage()
    telemetry: Telemetry = Telemetry()
    hosts: str | None = Field(default=None, description="lines that every node has in /etc/hosts besides its own")
    repository_tokens: Mapping[str, str] = Field(
        default_factory=dict, description="values for %%NAME%% in the sources of repositories"
    )
