"""From a node's interfaces to the installer's words, shape by shape."""

from typing import Any

import pytest

from reconciler.model.hardware import Nic
from reconciler.model.interfaces import NodeInterface
from reconciler.provisioning.interfaces import check_present, static_ifaces

MGMT, GW = "192.168.10.2/24", "192.168.10.1"
PAIR, OTHER = ("eno3", "eno4"), ("eno1", "eno2")


def mgmt(**differs: Any) -> NodeInterface:
    given = {"network": "mgmt", "kind": "bond", "nics": PAIR, "address": MGMT, "gateway": GW}
    return NodeInterface(**given | differs)


def more(**differs: Any) -> NodeInterface:
    return NodeInterface(**{"network": "more", "kind": "bond", "nics": OTHER, "address": "192.168.60.2/24"} | differs)


def bridge(**differs: Any) -> NodeInterface:
    return NodeInterface(**{"network": "lb", "kind": "bridge", "nics": ("eno1",), "bridge": "br-lb"} | differs)


ADDR = f"addr={MGMT}:{GW}"
SHAPES: dict[str, tuple[list[NodeInterface], list[str]]] = {
    "one NIC": ([mgmt(kind="normal", nics=("eno1",))], [f"type=normal,iface0=eno1,{ADDR}"]),
    "one NIC with VLAN": (
        [mgmt(kind="normal", nics=("eno1",), vlan=7, mtu=1500)],
        [f"type=normal,vlannum=7,iface0=eno1,{ADDR},mtu=1500"],
    ),
    "bond": ([mgmt()], [f"type=bond,iface0=eno3,iface1=eno4,{ADDR}"]),
    "VLAN on a bond": ([mgmt(vlan=110)], [f"type=bondvlan,vlannum=110,iface0=eno3,iface1=eno4,{ADDR}"]),
    "bond on the external bridge": (
        [mgmt(bridge="br-ex", mtu=9000)],
        [f"type=bond,iface0=eno3,iface1=eno4,{ADDR},extra_ovs=yes,ovsbr=br-ex,mtu=9000"],
    ),
    "BGP, and Ceph over BGP": (
        [mgmt(kind="bgp", asn=65499, bridge="br-ex"), more(kind="bgp", asn=65499, mtu=9000)],
        [
            f"type=bgp,iface0=eno3,iface1=eno4,{ADDR},asnum=65499,extra_ovs=yes,ovsbr=br-ex",
            "type=bgp,iface0=eno1,iface1=eno2,addr=192.168.60.2/24:,asnum=65499,mtu=9000",
        ],
    ),
    "BGP in a VLAN, tunnels over the same sessions": (
        [mgmt(kind="bgp", asn=1, vlan=10), more(kind="bgp", asn=1, nics=PAIR, vlan=10, for_vms=True)],
        [
            f"type=bgp,vlannum=10,iface0=eno3,iface1=eno4,{ADDR},asnum=1",
            "type=bgp,vlannum=10,iface0=eno3,iface1=eno4,addr=192.168.60.2/24:,asnum=1",
        ],
    ),
    "FRR beside an ordinary network": (
        [mgmt(kind="normal", nics=("eno1",), asn=7, frr_nics=("ens4", "ens5"), frr_vlan=10)],
        [f"type=normal,iface0=eno1,{ADDR},forcefrr=yes,forcefrrnic1=ens4,forcefrrnic2=ens5,forcefrrvlan=10,asnum=7"],
    ),
    "a virtual node whose bridge keeps its MAC": (
        [mgmt(kind="normal", nics=("eno1",), bridge="br-ex", bridge_mac="fa:16:3e:00:00:01")],
        [f"type=forcebrexmac,iface0=eno1,brexmacaddr=fa:16:3e:00:00:01,{ADDR},extra_ovs=yes,ovsbr=br-ex"],
    ),
    "tunnels in a VLAN of the management bond": (
        [mgmt(vlan=101, bridge="br-ex", mtu=9000), more(nics=PAIR, vlan=110, mtu=9000, for_vms=True)],
        [
            f"type=bondvlan,vlannum=101,iface0=eno3,iface1=eno4,{ADDR},vmnet_addr=192.168.60.2/24,"
            "vmnet_iface0=eno3,vmnet_iface1=eno4,mtu=9000,vmnet_vlan=110,extra_ovs=yes"
        ],
    ),
    "the same, made by Open vSwitch": (
        [mgmt(vlan=101, ovs_ports=True), more(nics=PAIR, vlan=110, for_vms=True)],
        [
            f"type=bondvlan,vlannum=101,iface0=eno3,iface1=eno4,{ADDR},vmnet_addr=192.168.60.2/24,"
            "vmnet_iface0=eno3,vmnet_iface1=eno4,ovsifaces=yes,vmnet_vlan=110"
        ],
    ),
    "tunnels on NICs of their own": (
        [mgmt(kind="normal", nics=("eno1",), bridge="br-ex"), more(nics=PAIR, vlan=110, mtu=9000, for_vms=True)],
        [
            f"type=normal,iface0=eno1,{ADDR},extra_ovs=yes,ovsbr=br-ex",
            "type=bondvlan,vlannum=110,iface0=eno3,iface1=eno4,addr=192.168.60.2/24:,mtu=9000",
        ],
    ),
    "tunnels in a VLAN of a bond without one": (
        [mgmt(), more(nics=PAIR, vlan=110, for_vms=True)],
        [f"type=bond,iface0=eno3,iface1=eno4,{ADDR}", "type=normal,vlannum=110,iface0=bond0,addr=192.168.60.2/24:"],
    ),
    "a further address on the second bond": (
        [mgmt(), more(), more(network="third", address="192.168.70.2/24")],
        [
            f"type=bond,iface0=eno3,iface1=eno4,{ADDR}",
            "type=bond,iface0=eno1,iface1=eno2,addr=192.168.60.2/24:",
            "type=normal,iface0=bond1,addr=192.168.70.2/24:",
        ],
    ),
    "a further address on a NIC": (
        [mgmt(kind="normal", nics=("eno1",)), more(kind="normal", nics=("eno1",))],
        [f"type=normal,iface0=eno1,{ADDR}", "type=normal,iface0=eno1,addr=192.168.60.2/24:"],
    ),
    "a further address on a bridge": (
        [mgmt(kind="normal", nics=("eno1",), bridge="br-ex"), more(kind="normal", nics=("eno1",))],
        [
            f"type=normal,iface0=eno1,{ADDR},extra_ovs=yes,ovsbr=br-ex",
            "type=normal,iface0=br-ex,addr=192.168.60.2/24:",
        ],
    ),
    "bridges of the cluster's own": (
        [mgmt(), bridge(), bridge(nics=OTHER, vlan=12, bridge="br-2")],
        [
            f"type=bond,iface0=eno3,iface1=eno4,{ADDR}",
            "type=ovsbridge,ovsbridgename=br-lb,iface0=eno1",
            "type=ovsbridge,ovsbridgename=br-2,iface0=eno1,iface1=eno2,vlannum=12",
        ],
    ),
    "a bridge on the management bond": (
        [mgmt(vlan=101), bridge(nics=PAIR)],
        [
            f"type=bondvlan,vlannum=101,iface0=eno3,iface1=eno4,{ADDR}",
            "type=ovsbridge,ovsbridgename=br-lb,iface0=bond0",
        ],
    ),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_the_installer_is_told(shape: str) -> None:
    interfaces, expected = SHAPES[shape]
    assert static_ifaces(interfaces) == expected


def test_a_nic_that_is_gone_is_named() -> None:
    with pytest.raises(ValueError, match=r"no interface eno4 \(for mgmt\) on this machine, which has eno3 \(10000"):
        check_present([mgmt()], [Nic("eno3", "52:54:00:00:00:01", 10000)])
