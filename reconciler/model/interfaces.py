"""The interfaces of an installed node: what carries each of its networks, and under which kernel names.

The planner asks for names before it decides, the handler again on the machine's latest report; both must mean the same
NIC.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from .hardware import Nic

LONGEST = 15
"""Characters of an interface's name: the kernel's IFNAMSIZ, less the byte that ends it (netdevice(7))."""

_BY_SPEED = re.compile(r"(\d+)([mg])(\d{1,2})")
_PORT = re.compile(r"(?:f\d+)?(?:np\d+)?$|\d+np\d+$")
"""How systemd ends the name of a port: its function, and its number on the card."""

_AT_LEAST = 10_000  # Mbit/s; "10g" takes faster ones too, as it always did in OCI


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeInterface:
    """One network of a node, and what carries it. Two interfaces on the same NICs share the device made of them."""

    network: str  # its name in the cluster
    kind: Literal["normal", "bond", "bgp", "bridge"]
    nics: tuple[str, ...]  # kernel names; two for a bond or two BGP sessions
    address: str | None = None  # with prefix, 192.168.101.14/24; None: a bridge has none of the node's own
    gateway: str | None = None  # only one interface of a node has the default route
    vlan: int | None = None
    mtu: int | None = None  # bytes
    asn: int | None = None  # autonomous system number of the node; for kind bgp, and beside FRR
    bridge: str | None = None  # Open vSwitch bridge that it becomes a port of; of kind bridge: the bridge itself
    for_vms: bool = False  # carries the tunnels between virtual machines
    ovs_ports: bool = False  # the bond and its VLANs are made by Open vSwitch, not by the kernel
    bridge_mac: str | None = None  # fixed MAC of the bridge, where the node is itself a virtual machine
    frr_nics: tuple[str, ...] = ()  # FRR speaks BGP over these, although the network is an ordinary one
    frr_vlan: int | None = None


def vlan_device(vlan: int) -> str:
    """The device of a VLAN with an address, whatever it is on; what holds VIPs calls it so too."""
    return f"vlan{vlan}"


def session_device(nics: Sequence[str], nic: str, vlan: int | None) -> str:
    """The device over which a BGP session of one of ``nics`` goes: ``eno1``, ``eno1.103``.

    Where a kernel would refuse the name, as of ``enp130s0f1np1.103``, it is ``vlan103-1``: the second's.
    """
    name = nic if vlan is None else f"{nic}.{vlan}"
    return name if len(name) <= LONGEST else f"{vlan_device(vlan or 0)}-{nics.index(nic)}"


def kernel_name(interface: str, nics: Sequence[Nic]) -> str | None:
    """``eno1`` where the machine has it; ``10g2``: the second of its 10 Gbit/s interfaces by name; None: no such.

    A port without a cable may say no speed. It then has that of the other ports of its card, where they all have one.
    """
    if any(nic.name == interface for nic in nics):
        return interface
    asked = _BY_SPEED.fullmatch(interface)
    if asked is None:
        return None
    speed = int(asked[1]) * (1000 if asked[2] == "g" else 1)
    fitting = sorted(nic.name for nic in nics if _has_speed(_speed_of(nic, nics), speed))
    order = int(asked[3])
    return fitting[order - 1] if 0 < order <= len(fitting) else None


def counted(had: Sequence[Nic], nics: Sequence[Nic]) -> tuple[Nic, ...]:
    """What names by speed are counted over on a node that is installed again: the ports that it had, as called now.

    A port that came since takes no place in the order, and one that is gone leaves none: it stays as it was.

    Args:
        had: The interfaces that the node was last installed with, as they were counted then.
        nics: Those that it reports.
    """
    found = [(port, _again(port, had, nics)) for port in had]
    return tuple(replace(port, name=now.name, mac=now.mac) if now else port for port, now in found)


def _again(port: Nic, had: Sequence[Nic], nics: Sequence[Nic]) -> Nic | None:
    """A port by its MAC address, else one that took its place under its name; None: it is gone."""
    same = [nic for nic in nics if nic.mac == port.mac]
    if len(same) == 1:
        return same[0]
    others = {nic.mac for nic in had if nic.name != port.name}
    return next((nic for nic in nics if nic.name == port.name and nic.mac not in others), None)


def is_by_speed(interface: str) -> bool:
    """Whether it is a name by speed and order, which no kernel gives."""
    return _BY_SPEED.fullmatch(interface) is not None


def _speed_of(nic: Nic, nics: Sequence[Nic]) -> int | None:
    if nic.speed is not None:
        return nic.speed
    card = _card(nic)
    known = {other.speed for other in nics if card and _card(other) == card and other.speed is not None}
    return known.pop() if len(known) == 1 else None


def _card(nic: Nic) -> tuple[str, str, str] | None:
    """Place, driver and firmware, in which the ports of one card agree; None where the name tells no place."""
    place = _PORT.sub("", nic.name)
    return (place, nic.driver, nic.firmware) if place != nic.name and nic.driver else None


def _has_speed(own: int | None, asked: int) -> bool:
    return own == asked or (asked == _AT_LEAST and (own or 0) > asked)
