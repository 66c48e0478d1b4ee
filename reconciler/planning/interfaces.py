"""From the cluster's networks to the interfaces of one node.

====================  ==================================================================================================
network               interface
====================  ==================================================================================================
management            one NIC, a bond of two, or two BGP sessions; it has the default route. On machines that carry
                      virtual machines' traffic it becomes a port of br-ex, unless the cluster has bridges of its own
vm-net                the same without default route; with a VLAN it may share the management network's NICs
ceph-cluster          the same without default route
ovs-bridge            an Open vSwitch bridge without an address
====================  ==================================================================================================
"""

from dataclasses import replace

from ..model.hardware import Nic
from ..model.in_force import Place, SettingsAt
from ..model.interfaces import LONGEST, NodeInterface, counted, kernel_name, session_device, vlan_device
from ..model.kinds import ClusterSpec, HardwareProfileSpec, Network
from ..model.machine import Allocation
from ..model.roles import has_external_bridge, is_on_vm_networks
from ..model.tree import SpecTree
from .addressing import gateway_of

EXTERNAL_BRIDGE = "br-ex"
"""The bridge that Neutron's external networks are mapped to."""


class NoInterfacesError(Exception):
    """The node cannot have these interfaces; the text completes "waiting for"."""


def interfaces_of(
    spec: SpecTree, serial: str, allocation: Allocation, nics: tuple[Nic, ...], had: tuple[Nic, ...] = ()
) -> tuple[NodeInterface, ...]:
    """The interfaces of a node, the management network's first, bridges last.

    Args:
        spec: Of the fleet.
        serial: Of the machine.
        allocation: What it was given.
        nics: The interfaces that it reports.
        had: Those that the node was installed with before; names by speed mean the ports that they meant then.

    Raises:
        NoInterfacesError: A network is gone from the cluster, names a NIC that the machine does not have, two
            networks cannot live on the same NICs, or a device would have a name that cannot be.
    """
    node = _Node(spec, serial, allocation, _PortNames(nics, had))
    given = enumerate(allocation.addresses.items())
    found = [node.addressed(name, address, first=not n) for n, (name, address) in given]
    found += [node.bridge(name, network) for name, network in node.bridges]
    _check_shared(found)
    _check_names(found, spec.profiles.get(allocation.profile))
    return tuple(_with_room(one, found[:n], found[n + 1 :]) for n, one in enumerate(found))


class _PortNames:
    """The interfaces of one machine, by the names that networks have for them."""

    def __init__(self, nics: tuple[Nic, ...], had: tuple[Nic, ...]) -> None:
        self._nics, self._had = nics, had
        self._counted = counted(had, nics)

    def called(self, interface: str, network: str) -> str:
        """The kernel's name of an interface of a network.

        Raises:
            NoInterfacesError: There is none; or nothing tells which it is that the node had under this name.
        """
        if self._had and all(nic.name != interface for nic in self._nics):
            return self._as_before(interface, network)
        found = kernel_name(interface, self._nics)
        if found is None:
            raise NoInterfacesError(f"an interface {interface} for network {network}: it reports no such interface")
        return found

    def _as_before(self, interface: str, network: str) -> str:
        """The name that the port has now which the node had under this one when it was last installed."""
        before, found = kernel_name(interface, self._had), kernel_name(interface, self._counted)
        if before is None:
            raise NoInterfacesError(
                f"an interface {interface} for network {network}: it had none when it was last installed. One that "
                "came since is called as the kernel calls it"
            )
        port = next(n for n, nic in enumerate(self._had) if nic.name == before)
        if found is None or found != self._counted[port].name or all(nic.name != found for nic in self._nics):
            raise NoInterfacesError(
                f"an operator: {interface} of network {network} was {before} when this node was last installed, and "
                "it reports no such interface. Write the kernel's name of another into the network"
            )
        return found


class _Node:
    """What the interfaces of one node depend on."""

    def __init__(self, spec: SpecTree, serial: str, allocation: Allocation, ports: _PortNames) -> None:
        self._cluster: ClusterSpec = spec.clusters[allocation.cluster]
        self._allocation, self._ports = allocation, ports
        self._settings = SettingsAt(spec, Place.of(serial, allocation))
        self.bridges = [
            (name, network)
            for name, network in sorted(self._cluster.networks.items())
            if network.role == "ovs-bridge"
            and network.location in (None, allocation.location)
            and network.interfaces
            and is_on_vm_networks(allocation.role, self._cluster.roles)
        ]

    def addressed(self, name: str, address: str, *, first: bool) -> NodeInterface:
        """The interface of a network on which the node has an address."""
        network = self._cluster.networks.get(name)
        if network is None:
            which = "its management network" if first else "its network"
            raise NoInterfacesError(f"{which}: {name} is not in {self._allocation.cluster} any more")
        settings, nics = self._settings, self._resolved(name, network)
        two = len(nics) == 2
        speaks_bgp, frr = self._routing(two=two)
        on_bridge = first and not self.bridges and has_external_bridge(self._allocation.role, self._cluster.roles)
        mac = settings.text("brex_macaddr") if settings.is_on("nested_openstack") and not two else None
        return NodeInterface(
            network=name,
            kind="bgp" if speaks_bgp else "bond" if two else "normal",
            nics=nics,
            address=f"{address}/{network.subnet.prefixlen}",
            gateway=gateway_of(network) if first else None,
            vlan=network.vlan,
            mtu=network.mtu,
            asn=settings.number("asn") if speaks_bgp or frr else None,
            bridge=EXTERNAL_BRIDGE if on_bridge else None,
            for_vms=network.role == "vm-net",
            ovs_ports=first and settings.is_on("use_ovs_ifaces"),
            bridge_mac=mac if on_bridge else None,
            frr_nics=self._frr_nics() if frr else (),
            frr_vlan=settings.number("force_frr_vlan") if frr else None,
        )

    def _routing(self, *, two: bool) -> tuple[bool, bool]:
        """Whether the node speaks BGP over two NICs, and whether FRR does so on one.

        Raises:
            NoInterfacesError: One of them does, and its AS number is not known.
        """
        settings = self._settings
        speaks_bgp = settings.is_on("bgp_to_the_host") and not settings.is_on("force_no_bgp2host") and two
        frr = settings.is_on("force_frr") and not two
        if (speaks_bgp or frr) and not settings.number("asn"):
            raise NoInterfacesError(
                f"an AS number: {self._allocation.cluster} speaks BGP, and its setting asn is not set"
            )
        return speaks_bgp, frr

    def bridge(self, name: str, network: Network) -> NodeInterface:
        """An Open vSwitch bridge of the cluster's own."""
        return NodeInterface(
            network=name, kind="bridge", nics=self._resolved(name, network), vlan=network.vlan, bridge=network.bridge
        )

    def _resolved(self, name: str, network: Network) -> tuple[str, ...]:
        if not network.interfaces:
            raise NoInterfacesError(f"network {name} to name an interface")
        found = tuple(self._ports.called(interface, name) for interface in network.interfaces)
        if len(set(found)) < len(found):
            raise NoInterfacesError(
                f"two interfaces for network {name}: {' and '.join(network.interfaces)} are both {found[0]} on it"
            )
        return found

    def _frr_nics(self) -> tuple[str, ...]:
        named = (self._settings.text("force_frr_nic1"), self._settings.text("force_frr_nic2"))
        return tuple(name for name in named if name is not None)


def _with_room(one: NodeInterface, before: list[NodeInterface], after: list[NodeInterface]) -> NodeInterface:
    """What makes the device of some NICs gives it the largest MTU of all that will be on them."""
    if any(other.nics == one.nics for other in before):
        return one
    sizes = [other.mtu for other in (one, *after) if other.nics == one.nics and other.mtu is not None]
    return replace(one, mtu=max(sizes)) if sizes else one


def _check_shared(interfaces: list[NodeInterface]) -> None:
    """Two networks share all their NICs or none; a bridge takes NICs that carry nothing but VLANs."""
    for n, one in enumerate(interfaces):
        for other in interfaces[:n]:
            common = set(one.nics) & set(other.nics)
            if not common:
                continue
            both = f"networks {other.network} and {one.network} on {' and '.join(sorted(common))}"
            if set(one.nics) != set(other.nics):
                raise NoInterfacesError(f"{both} to share all their interfaces, or none")
            if one.kind == "bridge" and other.vlan is None:
                raise NoInterfacesError(f"{both} to be on different interfaces, or {other.network} in a VLAN")
            if other.ovs_ports and one.kind != "bridge" and not (one.for_vms and one.vlan):
                raise NoInterfacesError(f"{both} to be on different interfaces: Open vSwitch has them")


def _check_names(interfaces: list[NodeInterface], profile: HardwareProfileSpec | None) -> None:
    """No two devices have one name, and none has one that the kernel refuses."""
    carriers: dict[int, NodeInterface] = {}
    for one in interfaces:
        if one.vlan is not None and one.kind in ("normal", "bond"):
            other = carriers.setdefault(one.vlan, one)
            if other.nics != one.nics:
                both = f"networks {other.network} and {one.network}"
                name = vlan_device(one.vlan)
                raise NoInterfacesError(f"{both} to be in different VLANs, or on the same interfaces: both make {name}")
    if profile is None or profile.installer == "debian":
        for one in interfaces:
            _check_debian_names(one)


def _check_debian_names(one: NodeInterface) -> None:
    """Debian's installer calls the VLAN of a BGP session after its NIC, however long that is."""
    nics, vlan = (one.nics, one.vlan) if one.kind == "bgp" else (one.frr_nics, one.frr_vlan)
    for nic in nics if vlan is not None else ():
        name = f"{nic}.{vlan}"
        if session_device(nics, nic, vlan) != name:
            raise NoInterfacesError(
                f"the installer image, or a shorter name of {nic}: the installer debian would call network "
                f"{one.network}'s VLAN {name}, and the kernel takes {LONGEST} characters"
            )
