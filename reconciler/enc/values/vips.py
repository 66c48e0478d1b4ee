"""Virtual addresses: which they are, and on which interface of a node, and with which prefix, they are brought up."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ...model.bridges import DEFAULT_BRIDGE
from ...model.hardware import Nic
from ...model.interfaces import is_by_speed, kernel_name
from ...model.kinds import Network
from ...model.roles import has_external_bridge
from ...model.vips import LOOPBACK, is_on_loopback
from ..params import Derived, Value, derived
from ..view import EncError, View
from .common import network_line
from .peers import RoleOf, database_role

VIP_ADDRESS = "the virtual address for {}"
VIP_PREFIX = "the prefix of the network of the virtual address for {}; 32 where that is brought up on lo"
VIP_INTERFACE = "where the virtual address for {} is brought up: a /32 on lo, others on the interface of their network"


@dataclass(frozen=True, slots=True)
class PlacedVip:
    """A virtual address, the network that it is of, and whether it is brought up on lo."""

    address: str
    network: Network
    on_loopback: bool

    @property
    def network_address(self) -> str:
        """The network without its prefix."""
        return str(self.network.subnet.network_address)

    @property
    def prefix(self) -> int:
        """The prefix that the address has on its interface."""
        return 32 if self.on_loopback else self.network.subnet.prefixlen


def vip_for(v: View, usage: str) -> PlacedVip:
    """The virtual address for a usage.

    Raises:
        EncError: The specs have no network for it, or it has not been handed out yet.
    """
    return v.cluster.cached(("vip", usage), lambda: _vip_for(v, usage))


def _vip_for(v: View, usage: str) -> PlacedVip:
    cluster = v.cluster
    if usage == "api":
        address, network = cluster.api_address, cluster.api_network
    else:
        vip = next((vip for vip in cluster.given.vips if (vip.cluster, vip.usage) == (cluster.name, usage)), None)
        address, network = (vip.address, cluster.spec.networks.get(vip.network)) if vip else (None, None)
    if address is None or network is None:
        raise EncError(
            f"{v.node.hostname} needs the virtual address for {usage} of the cluster {cluster.name}: "
            "no network of its specs gives it, or it has not been handed out yet"
        )
    return PlacedVip(address, network, _is_on_loopback(v, network, usage))


def _is_on_loopback(v: View, network: Network, usage: str) -> bool:
    return is_on_loopback(network, usage, speaks_bgp=v.setting("bgp_to_the_host") is True)


def of_vip(usage: str | RoleOf, what: Callable[[PlacedVip], Value], why: str) -> Derived:
    """One thing of a virtual address. ``why`` has ``{}`` for what the address is for."""
    return _of_vip(usage, lambda _, vip: what(vip), why)


def interface_of_vip(usage: str | RoleOf) -> Derived:
    """The node's interface on which a virtual address is brought up."""
    return _of_vip(usage, _interface, VIP_INTERFACE)


def _of_vip(usage: str | RoleOf, what: Callable[[View, PlacedVip], Value], why: str) -> Derived:
    def usage_of(v: View) -> str:
        return usage(v) if callable(usage) else usage

    called = "the database" if callable(usage) else usage
    return derived(
        lambda v: what(v, vip_for(v, usage_of(v))),
        why.format(called),
        lambda v: network_line(v, vip_for(v, usage_of(v)).network),
    )


def _interface(v: View, vip: PlacedVip) -> str:
    """The device that the node makes of the network's interfaces, under the names that they have on it.

    A kernel's name that the node does not report is taken at its word: the installed system may know it.
    """
    if vip.on_loopback:
        return LOOPBACK
    network = vip.network
    if network.vlan is not None:
        return f"vlan{network.vlan}"
    nics, others = _on_node(v, network), [_on_node(v, other) for other, _ in v.node.networks]
    if gone := _gone(v, nics):
        raise EncError(
            f"{v.node.hostname} was installed with {gone.name} ({gone.mac}) for the virtual address {vip.address}, "
            "and reports no interface of that MAC address any more: put it back, or install the node anew"
        )
    if missing := next((nic for nic in nics if is_by_speed(nic)), None):
        raise EncError(f"{v.node.hostname} reports no interface {missing}, for the virtual address {vip.address}")
    if others[:1] == [nics] and _is_on_external_bridge(v):
        return DEFAULT_BRIDGE
    bonds = list(dict.fromkeys(other for other in others if len(other) > 1))
    return nics[0] if len(nics) == 1 else f"bond{bonds.index(nics) if nics in bonds else 0}"


def _on_node(v: View, network: Network) -> tuple[str, ...]:
    """The network's interfaces by the names that the kernel has for them, where the node reports any."""
    return tuple(kernel_name(name, v.node.nics) or name for name in network.interfaces)


def _gone(v: View, names: Sequence[str]) -> Nic | None:
    """The first of these interfaces that the node was installed with and has no more, by its MAC address."""
    there = v.node.hardware.macs
    return next((nic for nic in v.node.member.nics if nic.name in names and nic.mac not in there), None)


def _is_on_external_bridge(v: View) -> bool:
    """Whether the management network's interface is a port of br-ex, which has its addresses then.

    As it is installed: by the roles that the cluster asks for, whether or not their nodes are there yet.
    """
    spec, places = v.cluster.spec, (None, v.node.member.allocation.location)
    own = any(network.role == "ovs-bridge" and network.location in places for network in spec.networks.values())
    return has_external_bridge(v.node.role, spec.roles) and not own


def api_netmask(v: View) -> Value:
    """The prefix of the network that gives the API its address; 32 where that is brought up on lo"""
    network = v.cluster.api_network
    if network is None:
        return None
    return 32 if _is_on_loopback(v, network, "api") else network.subnet.prefixlen


def database_vip(v: View) -> str:
    """The usage of the virtual address under which the database answers."""
    role = database_role(v)
    return "api" if role == "controller" else role
