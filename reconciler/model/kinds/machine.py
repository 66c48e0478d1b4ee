"""``Machine``, ``Role`` and ``EncOverlay``: where one machine, or the users' own needs, differ from the rules."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Literal

from pydantic import Field, StrictBool

from ..bmc_protocol import BmcProtocol
from .base import Address, Domain, Label, Name, PuppetValue, Serial, Settings, Strict


class Lifecycle(StrEnum):
    """What the operator means to do with a machine."""

    ACTIVE = "active"
    MAINTENANCE = "maintenance"
    DECOMMISSIONED = "decommissioned"


class MachineBmc(Strict):
    """Where one machine's BMC differs from what is found out by itself."""

    address: Address | None = Field(
        default=None,
        description="where it is, as long as the machine itself does not say so; "
        "one that nobody has seen yet is turned on through it, from the network",
    )
    protocol: BmcProtocol | None = Field(
        default=None, description="what to speak to it; default: Redfish where it answers, else IPMI"
    )
    serial: str | None = Field(
        default=None,
        min_length=1,
        description="what the BMC says of its machine, where that is not the machine's serial",
    )
    rotate: str | None = Field(
        default=None, description="a new value asks for one new password; default: the fleet's bmc.rotate"
    )


class MachineSpec(Strict):
    """Only where a machine differs from what the rules would do. Named by its chassis serial."""

    cluster: Name | None = None
    role: Name | None = None
    location: Label | None = None
    profile: Label | None = Field(default=None, description="take this profile, whatever matches")
    hostname: Domain | None = Field(default=None, description="full hostname; default: <cluster>-<role>-<n>.<domain>")
    address: Address | None = Field(default=None, description="on the management network; default: lowest free")
    lifecycle: Lifecycle = Lifecycle.ACTIVE
    protected: StrictBool = Field(
        default=False, description="never installed, wiped or powered off, whatever else says so"
    )
    replaces: Serial | None = Field(default=None, description="takes over that machine's name and addresses")
    reinstall: str | None = Field(default=None, description="a new value asks for one reinstall")
    data_disks: Literal["preserve", "erase"] = Field(
        default="preserve", description="what a reinstall does with the data disks that an install formats"
    )
    bmc: MachineBmc = MachineBmc()
    settings: Settings = Field(default_factory=dict)


class RoleSpec(Strict):
    """A role of the users' own."""

    classes: Mapping[str, Mapping[str, PuppetValue]] = Field(default_factory=dict, description="Puppet classes")
    packages: tuple[str, ...] = ()


class Selector(Strict):
    """Nodes; every given key must hold, and an empty selector takes them all."""

    clusters: tuple[Name, ...] = ()
    roles: tuple[Name, ...] = ()
    nodes: tuple[Domain, ...] = Field(default=(), description="full hostnames")


class EncOverlaySpec(Strict):
    """Merged into the classes of the nodes it selects; the narrower wins."""

    for_: Selector = Field(default=Selector(), alias="for")
    classes: Mapping[str, Mapping[str, PuppetValue]]
