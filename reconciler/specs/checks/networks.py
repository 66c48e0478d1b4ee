"""Subnets, gateways, ranges, and what each network is for."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from itertools import combinations
from typing import Any

from ...model.diagnostics import Diagnostic
from ...model.in_force import Place, SettingsAt
from ...model.interfaces import is_by_speed
from ...model.kinds import ClusterSpec, Network
from ...model.roles import ROLES, facts_of
from ...model.vips import ALWAYS_ON_LOOPBACK, is_on_loopback
from .context import Check, CheckContext, error, warning


def each_network(context: CheckContext) -> Iterator[tuple[str, str, Network]]:
    """Cluster, network name and network, of all clusters."""
    for cluster, spec in context.tree.clusters.items():
        for name, network in spec.networks.items():
            yield cluster, name, network


@dataclass(frozen=True, slots=True)
class _HeldSubnet:
    """Addresses that belong to something."""

    title: str  # as a sentence names it
    cluster: str | None
    subnet: IPv4Network
    where: tuple[Any, ...]  # kind, name, path


def subnets_do_not_overlap(context: CheckContext) -> Iterator[Diagnostic]:
    """No address belongs to two networks of the fleet.

    A virtual address (a /32) may lie inside another network of its own cluster:
    that is how a VIP on the management network is written.
    """
    # By first address, the wider first: whoever overlaps comes after what it overlaps with.
    in_order = sorted(_held(context), key=lambda h: (h.subnet.network_address, h.subnet.prefixlen, h.title))
    passing: list[_HeldSubnet] = []
    for held in in_order:
        passing = [before for before in passing if before.subnet.broadcast_address >= held.subnet.network_address]
        for other in passing:
            if held.cluster == other.cluster and held.subnet.prefixlen == 32 and other.subnet.prefixlen < 32:
                continue
            how = "is the subnet of" if held.subnet == other.subnet else f"overlaps with {other.subnet} of"
            detail = f"{held.subnet} of {held.title} {how} {other.title}. Every address belongs to one network."
            kind, name, *path = held.where
            yield error("Overlapping subnets", detail, context.parsed.at(kind, name, *path))
        passing.append(held)


def _held(context: CheckContext) -> Iterator[_HeldSubnet]:
    for cluster, name, network in each_network(context):
        if network.role != "ovs-bridge":  # nodes have no address there
            title = f'network "{name}" of cluster "{cluster}"'
            yield _HeldSubnet(title, cluster, network.subnet, ("Cluster", cluster, "networks", name, "subnet"))
    for index, bmc in enumerate(context.tree.fleet.bmc.networks):
        where: tuple[Any, ...] = ("Fleet", context.fleet_name, "bmc", "networks", index, "subnet")
        yield _HeldSubnet(f'BMC network "{bmc.name}"', None, bmc.subnet, where)


def gateways_are_usable(context: CheckContext) -> Iterator[Diagnostic]:
    """A gateway is a host address of its own subnet."""
    for cluster, name, network in each_network(context):
        gateway, subnet = network.gateway, network.subnet
        if gateway is None:
            continue
        at = context.parsed.at("Cluster", cluster, "networks", name, "gateway")
        if gateway not in subnet:
            yield error("Gateway outside its subnet", f'Gateway {gateway} of network "{name}" is not in {subnet}.', at)
        elif gateway in _unusable(subnet):
            which = "network" if gateway == subnet.network_address else "broadcast"
            detail = f'Gateway {gateway} of network "{name}" is the {which} address of {subnet}. Take one between.'
            yield error("Gateway is no host address", detail, at)


def _unusable(subnet: IPv4Network) -> tuple[IPv4Address, ...]:
    """Network and broadcast address; a /31 (RFC 3021) and a /32 have neither."""
    return (subnet.network_address, subnet.broadcast_address) if subnet.prefixlen < 31 else ()


def ranges_are_usable(context: CheckContext) -> Iterator[Diagnostic]:
    """A range lies in its subnet, first before last."""
    for cluster, name, network in each_network(context):
        if (given := network.range) is None:
            continue
        for end in ("first", "last"):
            address: IPv4Address = getattr(given, end)
            at = context.parsed.at("Cluster", cluster, "networks", name, "range", end)
            if address not in network.subnet:
                detail = f'{address}, {end} of the range of network "{name}", is not in {network.subnet}.'
                yield error("Range outside its subnet", detail, at)
            elif address in _unusable(network.subnet):
                detail = f'{address}, {end} of the range of network "{name}", is no host address of {network.subnet}.'
                yield error("Range outside its subnet", detail, at)
        if given.first > given.last:
            detail = (
                f'The range of network "{name}" ends at {given.last}, before it begins at {given.first}. Swap them.'
            )
            at = context.parsed.at("Cluster", cluster, "networks", name, "range")
            yield error("Range ends before it begins", detail, at)


NEUTRONS_OWN = frozenset({"br-int", "br-tun", "ovs-system"})
"""Bridges of Neutron's agent for Open vSwitch (integration_bridge, tunnel_bridge), and the device of its data path."""


def networks_say_what_their_role_needs(context: CheckContext) -> Iterator[Diagnostic]:
    """A bridge network names its bridge, a VIP network what the address serves; others do neither."""
    for cluster, name, network in each_network(context):
        at = context.parsed.at("Cluster", cluster, "networks", name)
        if network.role == "ovs-bridge" and network.bridge is None:
            detail = f'Network "{name}" has the role ovs-bridge. Name its bridge, such as "bridge: br-ex".'
            yield error("Bridge without a name", detail, at)
        if network.bridge in NEUTRONS_OWN:
            detail = (
                f'The bridge of network "{name}" is called {network.bridge}, as is one that Neutron\'s agent makes for '
                'itself, with flows of its own. Write another, such as "bridge: br-ex".'
            )
            yield error(
                "Bridge of Neutron's own",
                detail,
                context.parsed.at("Cluster", cluster, "networks", name, "bridge"),
            )
        if network.role == "vip" and network.usage is None and not network.public:
            detail = f'Network "{name}" has the role vip. Say what its address serves, such as "usage: sql".'
            yield error("VIP without a usage", detail, at)
        for key, role in (("bridge", "ovs-bridge"), ("bridge_number", "ovs-bridge"), ("usage", "vip")):
            if getattr(network, key) is not None and network.role != role:
                detail = f'Network "{name}" has the role {network.role}; "{key}" is for networks with role {role} only.'
                yield error(
                    "Key of another network role",
                    detail,
                    context.parsed.at_key("Cluster", cluster, "networks", name, key),
                )
        if len(set(network.interfaces)) < len(network.interfaces):
            detail = f'Network "{name}" names the interface "{network.interfaces[0]}" twice. A bond is of two.'
            at = context.parsed.at("Cluster", cluster, "networks", name, "interfaces")
            yield error("Same interface twice", detail, at)
        if network.public and network.role in ("vm-net", "ovs-bridge", "ceph-cluster"):
            detail = f'Network "{name}" is public, for the API, and has the role {network.role}. Write two networks.'
            at = context.parsed.at_key("Cluster", cluster, "networks", name, "public")
            yield error("Public network with another purpose", detail, at)


def bridges_are_numbered(context: CheckContext) -> Iterator[Diagnostic]:
    """Several bridges of a cluster say which physical network each is, so that another bridge renames none of them."""
    for cluster, spec in context.tree.clusters.items():
        named = {name: net for name, net in spec.networks.items() if net.role == "ovs-bridge" and net.bridge}
        bridges = sorted({str(net.bridge) for net in named.values()})
        numbers = {str(net.bridge): net.bridge_number for net in named.values() if net.bridge_number is not None}
        if len(bridges) < 2:
            continue
        for name, network in named.items():
            at, bridge = context.parsed.at("Cluster", cluster, "networks", name, "bridge"), str(network.bridge)
            number = numbers.get(bridge)
            others = [other for other in bridges if other != bridge and numbers.get(other) == number]
            if number is None:
                yield error("Bridge without a number", _unnumbered(cluster, bridges, name, bridge), at)
            elif others:
                detail = f'{bridge} of network "{name}" and {others[0]} have the same bridge_number. Change one.'
                yield error("Same bridge number twice", detail, at)
            elif network.bridge_number not in (None, number):
                detail = (
                    f'{bridge} has the bridge_number {network.bridge_number} in network "{name}", and {number} '
                    "elsewhere. Keep one."
                )
                yield error("Two numbers of one bridge", detail, at)


def _unnumbered(cluster: str, bridges: Iterable[str], name: str, bridge: str) -> str:
    return (
        f'"{cluster}" has the bridges {", ".join(bridges)}, and nothing says which physical network {bridge} '
        f'of network "{name}" is. Write "bridge_number": 0 for the bridge that was there first (the physical network '
        "external), then 1 (external1), and so on. Where nodes run, write what their bridge_mappings say: Neutron's "
        "networks would move to other bridges otherwise."
    )


def clusters_have_one_public_network(context: CheckContext) -> Iterator[Diagnostic]:
    """The API's address comes from exactly one place: a public network, or a VIP network for the API."""
    for cluster, spec in context.tree.clusters.items():
        public = [name for name, network in spec.networks.items() if network.public]
        for name in public[1:]:
            detail = (
                f'Networks "{public[0]}" and "{name}" of "{cluster}" are both public. One gives the API its address.'
            )
            at = context.parsed.at_key("Cluster", cluster, "networks", name, "public")
            yield error("More than one public network", detail, at)
        if any(facts_of(role).vip == "api" for role in spec.roles) and not public:
            detail = (
                f'Cluster "{cluster}" has controllers, and no network for its API address. '
                'Write one with "public: true"; a /32 is the address itself.'
            )
            yield error("No public network", detail, context.parsed.at("Cluster", cluster, "networks"))


def _without_management(spec: ClusterSpec, roles: Iterable[str]) -> dict[str, list[str]]:
    """Roles of a cluster by the location in which it has no network for them; "" is anywhere."""
    missing: dict[str, list[str]] = defaultdict(list)
    for role, location in _where_nodes_are(spec, roles):
        if not any(serves(network, role, location) for network in spec.networks.values()):
            missing[location or ""].append(role)
    return missing


def _where_nodes_are(spec: ClusterSpec, roles: Iterable[str]) -> Iterator[tuple[str, str | None]]:
    """Roles of a cluster, each with the locations that its machines may come from; None is anywhere."""
    for role in roles:
        for location in spec.roles[role].locations or _locations(spec) or (None,):
            yield role, location


def nodes_have_a_management_network(context: CheckContext) -> Iterator[Diagnostic]:
    """In every location that machines of a role may come from, the cluster has a network for them."""
    for cluster, spec in context.tree.clusters.items():
        for location, roles in _without_management(spec, spec.roles.keys() & context.roles).items():
            place = f' in location "{location}"' if location else ""
            names = ", ".join(sorted(roles))
            detail = (
                f'Cluster "{cluster}" has no management network for {names}{place}: one that is not public, '
                f"with role all or the node's role. Nodes would have no address."
            )
            yield error("No management network", detail, context.parsed.at("Cluster", cluster, "networks"))


def one_network_manages(context: CheckContext) -> Iterator[Diagnostic]:
    """Where nodes get addresses on several networks alike, somebody says which one is for their management."""
    for cluster, spec in context.tree.clusters.items():
        told: set[tuple[str, ...]] = set()
        for role, location in _where_nodes_are(spec, spec.roles):
            fitting = {name: net for name, net in sorted(spec.networks.items()) if serves(net, role, location)}
            marked = tuple(name for name, net in fitting.items() if net.management)
            alike = marked or tuple(name for name, net in fitting.items() if net.role == role) or tuple(fitting)
            if len(alike) < 2 or alike in told:
                continue
            told.add(alike)
            at = context.parsed.at("Cluster", cluster, "networks", alike[1])
            names = f'"{alike[0]}" and "{alike[1]}"'
            if marked:
                detail = f'Networks {names} of "{cluster}" are both for the management of {role} nodes. Keep one.'
                yield error("Two management networks", detail, at)
            else:
                detail = (
                    f'{role} nodes of "{cluster}" get addresses on {names} alike. "{alike[0]}" has their management '
                    'address and default route: its name comes first. Write "management: true" in the one that should.'
                )
                yield warning("Management network by its name", detail, at)


def management_is_where_nodes_are(context: CheckContext) -> Iterator[Diagnostic]:
    """What is marked as a management network may be one."""
    for cluster, name, network in each_network(context):
        if network.management and not any(network.may_manage(role) for role in context.roles):
            detail = f'Network "{name}" cannot be a management network: it is public, or has a role without nodes.'
            at = context.parsed.at_key("Cluster", cluster, "networks", name, "management")
            yield error("No management network", detail, at)


def _locations(spec: ClusterSpec) -> tuple[str, ...]:
    return tuple(sorted({network.location for network in spec.networks.values() if network.location is not None}))


def serves(network: Network, role: str, location: str | None) -> bool:
    """Whether a node of this role and location has its management address on the network."""
    fits = network.location is None or location is None or network.location == location
    return fits and network.may_manage(role) and network.subnet.prefixlen < 32


def networks_have_interfaces(context: CheckContext) -> Iterator[Diagnostic]:
    """Networks on which nodes have addresses say which interfaces carry them."""
    for cluster, name, network in each_network(context):
        if network.public or network.interfaces or network.role in ("vip", "ovs-bridge"):
            continue
        detail = (
            f'Network "{name}" of "{cluster}" names no interface. Write "interfaces: [10g1, 10g2]", or one of them.'
        )
        yield error("Network without interfaces", detail, context.parsed.at("Cluster", cluster, "networks", name))


_HOLDERS = {facts.vip: role for role, facts in ROLES.items() if facts.vip and facts.vip not in ALWAYS_ON_LOOPBACK}
"""Who brings up the virtual address that serves a usage, where that can be elsewhere than on lo."""


def virtual_addresses_have_an_interface(context: CheckContext) -> Iterator[Diagnostic]:
    """A virtual address that is no /32 says on which interface of its nodes it is brought up, and that is there.

    It must where it moves between nodes. A lone node keeps it, on lo as a /32, and answers for it on every segment.
    """
    for cluster, name, network in each_network(context):
        spec, usage = context.tree.clusters[cluster], network.vip_usage
        holder = _HOLDERS.get(usage, "") if usage else ""
        speaks_bgp = SettingsAt(context.tree, Place(cluster)).is_on("bgp_to_the_host")
        forgotten = not network.interfaces and not speaks_bgp and network.subnet.prefixlen < 32
        on_loopback = is_on_loopback(network, usage or "", speaks_bgp=speaks_bgp)
        if holder not in spec.roles or (on_loopback and not forgotten):
            continue
        served = "the API" if usage == "api" else usage
        title = f'Network "{name}" of "{cluster}" gives the virtual address for {served}'
        if forgotten:
            detail = (
                f"{title}, and names no interface for it. Write that of the {holder} nodes which leads there, such as "
                '"interfaces: [eno1]" or "[10g1, 10g2]" for the bond of their management network. Where routers send '
                f'the address to the nodes, write it as the subnet: "{network.subnet.network_address + 2}/32".'
            )
            at = context.parsed.at("Cluster", cluster, "networks", name)
            if spec.roles[holder].count == 1:
                lone = f" Until then the one {holder} node has it on lo, as a /32."
                yield warning("VIP without an interface", detail + lone, at)
            else:
                yield error("VIP without an interface", detail, at)
        elif (missing := _device_to_make(network)) and not _is_made(spec, network, holder):
            detail = (
                f"{title} on {missing}, which nothing makes: no network that {holder} nodes have an address on uses "
                "the same interfaces and VLAN. Puppet cannot bring the address up."
            )
            at = context.parsed.at("Cluster", cluster, "networks", name, "interfaces")
            yield warning("VIP on an interface that is not there", detail, at)


def _device_to_make(network: Network) -> str:
    """The device of an address that is not on lo, where that must be made of the interfaces first; empty: none."""
    if network.vlan is not None:
        return f"VLAN {network.vlan}"
    return f"a bond of {' and '.join(network.interfaces)}" if len(network.interfaces) == 2 else ""


def _is_made(spec: ClusterSpec, network: Network, holder: str) -> bool:
    """Whether a network on which the holders have an address is on the same interfaces, and in the same VLAN.

    That names of the kernel and names by speed mean the same is seen on a node only: they may.
    """
    return any(
        _may_be_same(other.interfaces, network.interfaces) and network.vlan in (None, other.vlan)
        for other in spec.networks.values()
        if _is_carried(other) and other.role in ("all", holder, *_BESIDE)
    )


def _may_be_same(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    return one == other or (len(one) == len(other) and len({is_by_speed(name) for name in (*one, *other)}) > 1)


def networks_can_share_interfaces(context: CheckContext) -> Iterator[Diagnostic]:
    """Networks that one node may have on the same interfaces share all of them.

    A warning: installed nodes, such as those imported from OCI, may have it otherwise. New ones wait.
    Only names as they are written are compared: that 10g1 is eno3 is seen when a machine is to be installed.
    """
    for cluster, spec in context.tree.clusters.items():
        carried = [(name, net) for name, net in spec.networks.items() if net.interfaces and _is_carried(net)]
        for (other_name, other), (name, network) in combinations(carried, 2):
            common = set(network.interfaces) & set(other.interfaces)
            if not common or set(network.interfaces) == set(other.interfaces) or not _may_meet(network, other):
                continue
            detail = (
                f'Networks "{other_name}" and "{name}" of "{cluster}" both use {" and ".join(sorted(common))}, '
                "and not the same others. Let them share all their interfaces, or none: "
                "a machine that is on both waits, and is not installed."
            )
            at = context.parsed.at("Cluster", cluster, "networks", name, "interfaces")
            yield warning("Interfaces that cannot be shared", detail, at)


def _is_carried(network: Network) -> bool:
    return not network.public and network.role != "vip"


def _may_meet(one: Network, other: Network) -> bool:
    """Whether a node may be on both: not in two locations, and not of two roles."""
    somewhere = None in (one.location, other.location) or one.location == other.location
    node_roles = {network.role for network in (one, other)} - {"all", *_BESIDE}
    return somewhere and len(node_roles) < 2


_BESIDE = ("vm-net", "ovs-bridge", "ceph-cluster")
"""Roles of networks that nodes have beside their management network."""


CHECKS: tuple[Check, ...] = (
    subnets_do_not_overlap,
    gateways_are_usable,
    ranges_are_usable,
    networks_say_what_their_role_needs,
    bridges_are_numbered,
    clusters_have_one_public_network,
    nodes_have_a_management_network,
    one_network_manages,
    management_is_where_nodes_are,
    networks_have_interfaces,
    virtual_addresses_have_an_interface,
    networks_can_share_interfaces,
)
