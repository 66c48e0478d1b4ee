"""From a node's interfaces to the installer's ``--static-iface`` arguments.

The installer (openstack-debian-images 1.94) makes one bond per argument of a bond type, ``bond0`` first. So what shares
the NICs of an earlier interface is told as a further address, or VLAN, of the device that the earlier one made; except
for the tunnel network beside a management VLAN on the same bond, for which the installer has words of its own.
"""

from collections.abc import Iterable, Sequence

from ..model.hardware import Nic
from ..model.interfaces import NodeInterface

_TYPES = {("bond", False): "bond", ("bond", True): "bondvlan"}
"""Kind of a node's interface, and whether it has a VLAN, to the installer's type; any other kind is its own type."""


def check_present(interfaces: Iterable[NodeInterface], nics: Sequence[Nic]) -> None:
    """Every NIC that the plan names is still in the machine.

    Raises:
        ValueError: Some are not. Names them all.
    """
    there = {nic.name for nic in nics}
    gone = [f"{nic} (for {one.network})" for one in interfaces for nic in one.nics if nic not in there]
    if gone:
        raise ValueError(f"no interface {', '.join(gone)} on this machine, which has {_described(nics)}")


def static_ifaces(interfaces: Sequence[NodeInterface]) -> list[str]:
    """The value of each ``--static-iface``, in the order of the interfaces."""
    found: list[str] = []
    made: list[tuple[NodeInterface, str]] = []  # what came before, and the device that it makes
    bonds = 0
    merged = _merged(interfaces)
    for one in interfaces:
        if one is merged:
            continue
        device = next((device for before, device in made if before.nics == one.nics), None)
        if one.kind == "bridge":
            found.append(_bridge(one, device))
        elif device is not None and one.kind != "bgp":
            found.append(_on_device(one, device))
        else:
            found.append(_own(one, merged if not made else None))
            made.append((one, _device(one, bonds)))
            bonds += one.kind == "bond"
    return found


def _merged(interfaces: Sequence[NodeInterface]) -> NodeInterface | None:
    """The tunnel network, where it is a second VLAN on the management network's bond."""
    first = interfaces[0]
    if first.kind != "bond" or first.vlan is None:
        return None
    return next((one for one in interfaces[1:] if one.for_vms and one.vlan and one.nics == first.nics), None)


def _device(one: NodeInterface, bonds: int) -> str:
    """What carries the interface's address and VLANs once it is made."""
    if one.kind == "bond":
        return f"bond{bonds}"
    return one.bridge or one.nics[0]


def _own(one: NodeInterface, tunnels: NodeInterface | None) -> str:
    """The argument of an interface that is the first on its NICs.

    Args:
        one: The interface.
        tunnels: The tunnel network of a VLAN on the same bond, which shares the argument; None: there is none.
    """
    kind = "forcebrexmac" if one.bridge_mac else _TYPES.get((one.kind, one.vlan is not None), one.kind)
    parts = [f"type={kind}"]
    if one.vlan is not None:
        parts.append(f"vlannum={one.vlan}")
    parts += [f"iface{n}={nic}" for n, nic in enumerate(one.nics)]
    if one.bridge_mac:
        parts.append(f"brexmacaddr={one.bridge_mac}")
    parts.append(_address(one))
    if tunnels is not None:
        parts += _tunnels(one, tunnels)
    if one.kind == "bgp":
        parts.append(f"asnum={one.asn}")
    if one.bridge is not None:
        parts += ["extra_ovs=yes"] if tunnels is not None else ["extra_ovs=yes", f"ovsbr={one.bridge}"]
    if one.frr_vlan is not None:
        parts.append("forcefrr=yes")
        parts += [f"forcefrrnic{n}={nic}" for n, nic in enumerate(one.frr_nics, 1)]
        parts += [f"forcefrrvlan={one.frr_vlan}", f"asnum={one.asn}"]
    if one.mtu is not None and tunnels is None:
        parts.append(f"mtu={one.mtu}")
    return ",".join(parts)


def _tunnels(one: NodeInterface, tunnels: NodeInterface) -> list[str]:
    parts = [f"vmnet_addr={tunnels.address}", *(f"vmnet_iface{n}={nic}" for n, nic in enumerate(tunnels.nics))]
    if one.ovs_ports:
        parts.append("ovsifaces=yes")
    if one.mtu is not None:
        parts.append(f"mtu={one.mtu}")
    return [*parts, f"vmnet_vlan={tunnels.vlan}"]


def _on_device(one: NodeInterface, device: str) -> str:
    vlan = [f"vlannum={one.vlan}"] if one.vlan is not None else []
    mtu = [f"mtu={one.mtu}"] if one.mtu is not None else []
    return ",".join(["type=normal", *vlan, f"iface0={device}", _address(one), *mtu])


def _bridge(one: NodeInterface, device: str | None) -> str:
    parts = ["type=ovsbridge", f"ovsbridgename={one.bridge}"]
    parts += [f"iface{n}={nic}" for n, nic in enumerate((device,) if device else one.nics)]
    return ",".join([*parts, *([f"vlannum={one.vlan}"] if one.vlan is not None else [])])


def _address(one: NodeInterface) -> str:
    return f"addr={one.address}:{one.gateway or ''}"


def _described(nics: Sequence[Nic]) -> str:
    return (
        ", ".join(
            f"{nic.name} ({nic.speed} Mbit/s)" if nic.speed else nic.name
            for nic in sorted(nics, key=lambda nic: nic.name)
        )
        or "none"
    )
