"""The view that tables have: one node, its cluster, and what operators wrote. Nothing outside is asked.

A cluster's lists are worked out once and shared by all its nodes, so that a
document costs the same in a cluster of ten and of a thousand.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from ipaddress import IPv4Address, IPv4Network
from typing import Any, TypeVar

from ..model.hardware import Hardware, Nic, Racked
from ..model.in_force import Effective, Memo, Place, Sourced, effective
from ..model.kinds import ClusterSpec, FleetSpec, Network
from ..model.kinds.base import SettingValue
from ..model.machine import Allocation, ShownCertificate, Vip
from ..model.signature import Signatures
from ..model.tree import SpecTree

T = TypeVar("T")

SELF_SIGNED = "self-signed"
"""What the specs say of an API's certificate that names no file."""

NOT_FOR_MANAGEMENT = frozenset({"vm-net", "ovs-bridge", "ceph-cluster", "vip"})
"""Roles of networks on which nodes do not talk to each other's services."""


class EncError(Exception):
    """A document cannot be made yet, or not from what operators wrote. The text says why, for operators."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A machine that was given a place in a cluster."""

    serial: str
    allocation: Allocation
    hardware: Hardware | None = field(default=None, compare=False)  # its last report; ``digest`` tells two apart
    digest: str = ""  # of the hardware
    racked: Racked | None = None
    data_disks: tuple[str, ...] | None = None  # names of its disks for data; None: nobody can tell
    no_disks: str | None = None  # why not
    nics: tuple[Nic, ...] = ()  # that it had when it was last installed for this place; empty: not known
    in_service: bool = False  # Puppet has succeeded on it since it was last installed
    begun_at: datetime | None = None  # when its last install began
    served_at: datetime | None = None  # when it was last in service: since then, or until then


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterInput:
    """Everything the documents of one cluster are made of."""

    name: str
    tree: SpecTree
    members: tuple[Member, ...]
    vips: tuple[Vip, ...]  # of this cluster, and of those it links to
    signatures: Signatures
    shown: ShownCertificate | None = None  # what its API shows; None: what the specs say
    set_up: bool = False  # all its controllers were in service once: its first setup is over, whatever comes


def natural(text: str) -> tuple[tuple[int, str], ...]:
    """A sorting key by which ``store-2`` comes before ``store-10``."""
    return tuple((int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", text))


class NodeView:
    """One node. ``settings`` are those in force for it, each with its origin."""

    def __init__(self, member: Member, cluster: "ClusterView") -> None:
        self.member = member
        self.cluster = cluster
        self.serial = member.serial
        self.hostname = member.allocation.hostname
        self.role = member.allocation.role

    @property
    def data_disks(self) -> tuple[str, ...]:
        """Names of its disks for data, as the agent sorts them; never the operating system's."""
        if self.member.data_disks is None:
            why = self.member.no_disks
            raise EncError(why or f"the disks that {self.hostname} reports do not fit its profile")
        return self.member.data_disks

    @property
    def short_hostname(self) -> str:
        """The hostname without the cluster's domain."""
        return self.hostname.removesuffix(f".{self.cluster.spec.domain}")

    @property
    def corosync_id(self) -> int:
        """The number that corosync knows it by: as written, or that of its hostname, or made from its address.

        It must stay the same for as long as the node runs, whoever joins or leaves.
        """
        written = self.settings["corosync_node_id"].value
        number = written if isinstance(written, int) else self.member.allocation.number
        return number or int(IPv4Address(self.address)) & 0x7FFFFFFF  # what corosync itself makes of an address

    @cached_property
    def settings(self) -> Effective:
        """Every setting of the table, with the value in force for this node."""
        return effective(self.cluster.given.tree, self.place, self.cluster.settings_memo)

    @property
    def place(self) -> Place:
        """Whose settings it has."""
        return Place.of(self.serial, self.member.allocation)

    @property
    def address(self) -> str:
        """On the management network."""
        address = self.member.allocation.address
        if address is None:
            raise EncError(f"{self.hostname} has no address on a management network")
        return address

    @property
    def network(self) -> IPv4Network:
        """The management network's subnet."""
        name = next(iter(self.member.allocation.addresses), "none")
        network = self.cluster.spec.networks.get(name)
        if network is None:
            raise EncError(f'the network "{name}", on which {self.hostname} is managed, is not in the specs any more')
        return network.subnet

    @property
    def networks(self) -> tuple[tuple[Network, str], ...]:
        """Every network that the node has an address on and that is still in the specs, with the address."""
        known = self.cluster.spec.networks
        return tuple((known[name], to) for name, to in self.member.allocation.addresses.items() if name in known)

    @property
    def location(self) -> str:
        """The name of the availability zone it stands in."""
        location = self.member.allocation.location
        if location is None:
            raise EncError(f"{self.hostname} is in no location")
        return location

    @property
    def hardware(self) -> Hardware:
        """What it last reported of itself."""
        if self.member.hardware is None:
            raise EncError(f"no hardware report of {self.hostname} is known")
        return self.member.hardware

    @property
    def nics(self) -> tuple[Nic, ...]:
        """Its interfaces, under the names that its installed system has for them: those that it was installed with.

        A card that comes later takes no name, and no place in the order, from one that the node was made of.
        """
        return self.member.nics or self.hardware.nics


class ClusterView:
    """One cluster: its spec and its nodes in natural order. Lists are made once and are the same object for all."""

    def __init__(self, given: ClusterInput) -> None:
        spec = given.tree.clusters.get(given.name)
        if spec is None:
            raise EncError(f'the cluster "{given.name}" is not in the specs any more')
        self.given = given
        self.name = given.name
        self.spec: ClusterSpec = spec
        self.settings_memo: Memo = {}
        self._made: dict[tuple[object, ...], Any] = {}
        members = sorted(given.members, key=lambda m: (m.allocation.role, natural(m.allocation.hostname)))
        self.nodes = tuple(NodeView(member, self) for member in members)

    def cached(self, key: tuple[object, ...], make: Callable[[], T]) -> T:
        """What ``make`` returns, made at the first call with ``key`` and kept for the other nodes."""
        if key not in self._made:
            self._made[key] = make()
        made: T = self._made[key]  # by the same key, so by a function of the same type
        return made

    def by_role(self, *roles: str) -> tuple[NodeView, ...]:
        """Nodes with any of the roles, role by role."""
        return self.cached(("by_role", roles), lambda: tuple(n for role in roles for n in self.nodes if n.role == role))

    def has(self, *roles: str) -> bool:
        """Whether there is a node with any of the roles."""
        return bool(self.by_role(*roles))

    def first(self, role: str) -> NodeView | None:
        """The node with the lowest number, or the one that ``comes_first``; None: there is none.

        Raises:
            EncError: There is none yet, though the spec asks for the role.
        """
        nodes = self.by_role(role)
        pool = self.spec.roles.get(role)
        if not nodes and pool is not None and pool.count != 0:
            raise EncError(f"no {role} of the cluster {self.name} has been enrolled yet")
        if not nodes:
            return None
        return self.cached(("first", role), lambda: next((n for n in nodes if _comes_first(n)), nodes[0]))

    def vip(self, *usages: str) -> str | None:
        """The first virtual address that was handed out for one of the usages."""
        own = [vip for vip in self.given.vips if vip.cluster == self.name]
        return next((vip.address for usage in usages for vip in own if vip.usage == usage), None)

    @cached_property
    def api_network(self) -> Network | None:
        """The network that gives the API its address; None: the cluster has no API of its own."""
        networks = self.spec.networks.values()
        public = next((network for network in networks if network.public), None)
        return public or next((n for n in networks if (n.role, n.usage) == ("vip", "api")), None)

    @cached_property
    def api_address(self) -> str | None:
        """The virtual address of the API, where the cluster has one.

        Raises:
            EncError: It has not been handed out yet.
        """
        if self.api_network is None:
            return None
        if self.api_network.subnet.prefixlen == 32:
            return str(self.api_network.subnet.network_address)
        address = self.vip("api")
        if address is None:
            raise EncError(f"the API's address of the cluster {self.name} has not been handed out yet")
        return address

    @property
    def api_is_self_signed(self) -> bool:
        """Whether the fleet's authority issued the API's certificate: the one in force, whatever the specs ask for."""
        shown = self.given.shown
        return self.spec.api.certificate == SELF_SIGNED if shown is None else not shown.from_file

    @property
    def api_hostname(self) -> str:
        """The name of the public API."""
        return self.spec.api.hostname or f"{self.name}-api.{self.spec.domain}"


def _comes_first(node: NodeView) -> bool:
    return node.settings["comes_first"].value is True


@dataclass(frozen=True, slots=True)
class View:
    """One node as the tables see it."""

    node: NodeView

    @property
    def cluster(self) -> ClusterView:
        """The node's cluster."""
        return self.node.cluster

    @property
    def tree(self) -> SpecTree:
        """What operators wrote."""
        return self.node.cluster.given.tree

    @property
    def fleet(self) -> FleetSpec:
        """What holds for every cluster."""
        return self.tree.fleet

    def sourced(self, name: str) -> Sourced:
        """A setting with its origin."""
        return self.node.settings[name]

    def setting(self, name: str) -> SettingValue | None:
        """The value in force of a row of the settings table."""
        return self.node.settings[name].value


def views(given: ClusterInput) -> Mapping[str, View]:
    """A view per node of a cluster, by hostname.

    Raises:
        EncError: The cluster is not in the specs.
    """
    return {node.hostname: View(node) for node in ClusterView(given).nodes}
