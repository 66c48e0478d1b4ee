"""``Cluster``: networks, roles and settings of one OpenStack (or Swift) cluster."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field, StrictBool, StrictInt

from .base import Address, Domain, Interface, Label, Name, Settings, Strict, Subnet
from .rings import RingsSpec


class NetworkRange(Strict):
    """First and last address that may be handed out."""

    first: Address
    last: Address


NETWORK_ROLES = ("all", "vm-net", "ovs-bridge", "ceph-cluster", "vip")
"""What a network may be for, besides the nodes of one role."""


class Network(Strict):
    """A network of the cluster. A node gets an address on every one of its location and role that is not public."""

    subnet: Subnet
    location: Label | None = Field(default=None, description="only machines there; none: every location")
    role: str = Field(default="all", description="all, a node role, vm-net, ovs-bridge, ceph-cluster or vip")
    interfaces: tuple[Interface, ...] = Field(
        default=(), max_length=2, description="one, or two for a bond (or two BGP sessions); on which a VIP is"
    )
    vlan: StrictInt | None = Field(default=None, ge=1, le=4094)
    mtu: StrictInt | None = Field(default=None, ge=1280, le=9216, description="bytes")
    public: StrictBool = Field(
        default=False, description="its first free address is the API VIP, on its interfaces; a /32 is the VIP, on lo"
    )
    bridge: str | None = Field(default=None, pattern=r"^[a-z][a-z0-9-]{0,14}$", description="Open vSwitch bridge name")
    bridge_number: StrictInt | None = Field(
        default=None,
        ge=0,
        le=99,
        description="the bridge's physical network in Neutron: 0 is neutron_external_network_name, 1 that name with a "
        "1; must be written where the cluster has several bridges, as a physical network goes on meaning one bridge",
    )
    usage: Literal["api", "sql", "sqlmsg", "messaging"] | None = Field(
        default=None, description="what the address of a network with role vip serves"
    )
    management: StrictBool = Field(
        default=False,
        description="of several networks with addresses for a node, its management address and its default route are "
        "here; default: the one with the node's role, then the first by name; nodes that have addresses keep theirs",
    )
    gateway: Address | None = Field(default=None, description="default: the first address")
    range: NetworkRange | None = Field(default=None, description="default: all but network, gateway and broadcast")

    @property
    def vip_usage(self) -> str | None:
        """What its virtual address serves; None: it asks for none."""
        return (self.usage or "api") if self.public or self.role == "vip" else None

    def may_manage(self, role: str) -> bool:
        """Whether the management address of a node of this role may be here, if the network is in its location."""
        return self.role in ("all", role) and not self.public


class Api(Strict):
    """The cluster's public endpoint."""

    hostname: Domain | None = Field(default=None, description="default: <name>-api.<domain>")
    certificate: str = Field(default="self-signed", description="self-signed, or the path of a PEM file on the server")


class RolePool(Strict):
    """How many machines take a role, and which."""

    count: StrictInt | None = Field(
        default=None, ge=0, le=100_000, description="none: every machine whose profile says so"
    )
    spread: Literal["location", "rack"] | None = Field(default=None, description="spread evenly over these")
    locations: tuple[Label, ...] = Field(default=(), description="only from these; none named: the cluster's locations")
    settings: Settings = Field(default_factory=dict)


class Links(Strict):
    """Other clusters that this one uses."""

    swift: Name | None = Field(default=None, description="Glance and Cinder backup use that cluster's Swift")


class ClusterSpec(Strict):
    """One cluster."""

    domain: Domain
    region: str = "RegionOne"
    api: Api = Api()
    networks: Mapping[Label, Network] = Field(default_factory=dict)
    settings: Settings = Field(default_factory=dict)
    roles: Mapping[Name, RolePool] = Field(default_factory=dict)
    links: Links = Links()
    rings: RingsSpec = RingsSpec()
