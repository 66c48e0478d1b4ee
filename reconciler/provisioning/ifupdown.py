"""A node's interfaces as texts: ``/etc/network/interfaces`` for ifupdown, ``/etc/frr/frr.conf`` for BGP.

For the image-based installer. What shares NICs with an earlier interface is a further address or VLAN of its device, as
ifupdown applies every stanza of a name.
"""

from collections.abc import Sequence
from ipaddress import IPv4Interface

from ..model.interfaces import NodeInterface, session_device, vlan_device

_HEAD = ["# Written by reconciler at install; see interfaces(5).", "auto lo", "iface lo inet loopback", ""]
_BOND = (
    "bond-mode 802.3ad",
    "bond-miimon 100",
    "bond-lacp-rate 1",
    "bond-xmit-hash-policy layer3+4",
)
_LAST = 4278198272  # metric of routes over a link whose address BGP announces: worse than any other


def interfaces_file(interfaces: Sequence[NodeInterface]) -> str:
    """``/etc/network/interfaces``.

    Raises:
        ValueError: Open vSwitch should make the bonds.
    """
    lines = list(_HEAD)
    devices: dict[tuple[str, ...], str] = {}
    bonds = 0
    for one in interfaces:
        if one.ovs_ports and one.kind == "bond":
            raise ValueError("bonds made by Open vSwitch (use_ovs_ifaces) need the installer debian")
        if one.kind == "bridge":
            lines += _bridge(str(one.bridge), devices.get(one.nics, one.nics[0]), one, addressed=False)
        elif one.kind == "bgp":
            for nic in one.nics:
                lines += _link(nic, one)
        else:
            device = devices.get(one.nics)
            lines += _on(device, one) if device else _new(f"bond{bonds}" if one.kind == "bond" else one.nics[0], one)
            if device is None:
                made = f"bond{bonds}" if one.kind == "bond" else one.nics[0]
                devices[one.nics] = one.bridge if one.bridge and one.vlan is None else made
                bonds += one.kind == "bond"
        for nic in one.frr_nics:
            lines += _frr_link(nic, one)
    return "\n".join([*lines, "source /etc/network/interfaces.d/*", ""])


def _new(device: str, one: NodeInterface) -> list[str]:
    """The device, and the interface's address on it, on its VLAN or on its bridge."""
    plain = one.vlan is None and one.bridge is None
    lines = [f"auto {device}", f"iface {device} inet {'static' if plain else 'manual'}"]
    if one.kind == "bond":
        lines += [f"\tbond-slaves {' '.join(one.nics)}", *(f"\t{option}" for option in _BOND)]
    lines += [*(_address(one) if plain else ()), *_mtu(one), ""]
    if one.bridge is not None:
        lines += _bridge(one.bridge, device, one, addressed=one.vlan is None)
    if one.vlan is not None:
        lines += _vlan(device, one)
    return lines


def _on(device: str, one: NodeInterface) -> list[str]:
    if one.vlan is not None:
        return _vlan(device, one)
    return [f"iface {device} inet static", *_address(one), ""]


def _vlan(device: str, one: NodeInterface) -> list[str]:
    name = vlan_device(one.vlan or 0)
    raw = [f"auto {name}", f"iface {name} inet static", f"\tvlan-raw-device {device}"]
    return [*raw, *_address(one), *_mtu(one), ""]


def _bridge(bridge: str, port: str, one: NodeInterface, *, addressed: bool) -> list[str]:
    lines = [f"auto {bridge}", f"iface {bridge} inet {'static' if addressed else 'manual'}", "\tovs_type OVSBridge"]
    lines.append(f"\tovs_ports {port}")
    if one.bridge_mac is not None:
        lines.append(f"\tovs_extra set bridge {bridge} other-config:hwaddr={one.bridge_mac}")
    lines += [*(_address(one) if addressed else ()), ""]
    tag = [f"\tovs_options tag={one.vlan}"] if one.kind == "bridge" and one.vlan is not None else []
    return [
        *lines, f"allow-{bridge} {port}", f"iface {port} inet manual", f"\tovs_bridge {bridge}", "\tovs_type OVSPort",
        *tag, "",
    ]  # fmt: skip


def _link(nic: str, one: NodeInterface) -> list[str]:
    lines = [f"auto {nic}", f"iface {nic} inet manual", f"\tmetric {_LAST}", *_mtu(one), ""]
    if one.vlan is not None:
        lines += [*_session(one.nics, nic, one.vlan), *_mtu(one), ""]
    return lines


def _frr_link(nic: str, one: NodeInterface) -> list[str]:
    lines = [] if nic in one.nics else [f"auto {nic}", f"iface {nic} inet manual", f"\tmetric {_LAST}", ""]
    return [*lines, *(_session(one.frr_nics, nic, one.frr_vlan) if one.frr_vlan is not None else ()), ""]


def _session(nics: Sequence[str], nic: str, vlan: int) -> list[str]:
    """The VLAN of a BGP session. ifupdown makes what is called after its NIC; any other name it does not understand."""
    name = session_device(nics, nic, vlan)
    lines = [f"auto {name}", f"iface {name} inet manual"]
    if name == f"{nic}.{vlan}":
        return lines
    made = f"ip link add link {nic} name {name} type vlan id {vlan}"
    return [*lines, f"\tpre-up [ -e /sys/class/net/{name} ] || {made}"]


def _address(one: NodeInterface) -> list[str]:
    return [f"\taddress {one.address}", *([f"\tgateway {one.gateway}"] if one.gateway else [])]


def _mtu(one: NodeInterface) -> list[str]:
    return [f"\tmtu {one.mtu}"] if one.mtu is not None else []


_FRR = """\
! Written by reconciler at install.
log syslog informational
zebra nexthop-group keep 1
!
interface lo
{loopback}!
router bgp {asn}
 bgp router-id {router}
 bgp bestpath as-path multipath-relax
 bgp bestpath compare-routerid
 neighbor LEAF peer-group
 neighbor LEAF remote-as external
 neighbor LEAF capability extended-nexthop
{neighbours} !
 address-family ipv4 unicast
  redistribute connected route-map OWN
  neighbor LEAF soft-reconfiguration inbound
  neighbor LEAF route-map TAKEN in
  neighbor LEAF route-map OWN out
 exit-address-family
 !
 address-family ipv6 unicast
  redistribute connected route-map OWN
  neighbor LEAF activate
  neighbor LEAF soft-reconfiguration inbound
  neighbor LEAF route-map TAKEN in
  neighbor LEAF route-map OWN out
 exit-address-family
!
route-map OWN permit 10
 match interface lo
!
{taken}"""
_ALL = """\
route-map TAKEN permit 10
 set src {}
!
"""
_DEFAULT_ONLY = """\
ip prefix-list DEFAULT seq 5 permit 0.0.0.0/0
!
route-map TAKEN permit 10
 match ip address prefix-list DEFAULT
!
route-map TAKEN deny 20
!
"""


def frr_file(interfaces: Sequence[NodeInterface]) -> str | None:
    """``/etc/frr/frr.conf``; None where the node speaks no BGP.

    The addresses of BGP networks are on the loopback and announced to both switches, over IPv6 link-local sessions.
    Beside an ordinary network nothing but a default route is taken from the switches.
    """
    spoken = [one for one in interfaces if one.kind == "bgp"]
    beside = [one for one in interfaces if one.frr_vlan is not None]
    if not spoken and not beside:
        return None
    addresses = [_ip(one) for one in spoken or beside]
    sessions = [session_device(one.nics, nic, one.vlan) for one in spoken for nic in one.nics]
    sessions += [session_device(one.frr_nics, nic, one.frr_vlan) for one in beside for nic in one.frr_nics]
    return _FRR.format(
        loopback="".join(f" ip address {address}/32\n" for address in addresses if spoken),
        asn=(spoken or beside)[0].asn,
        router=addresses[0],
        neighbours="".join(f" neighbor {name} interface peer-group LEAF\n" for name in dict.fromkeys(sessions)),
        taken=_ALL.format(addresses[0]) if spoken else _DEFAULT_ONLY,
    )


def _ip(one: NodeInterface) -> str:
    return str(IPv4Interface(str(one.address)).ip)
