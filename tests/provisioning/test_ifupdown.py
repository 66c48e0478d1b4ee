"""The same shapes as texts, read by the programs that they are for."""

import shutil
import subprocess
from pathlib import Path

import pytest

from reconciler.provisioning.ifupdown import frr_file, interfaces_file

from .test_interfaces import PAIR, SHAPES, mgmt, more

MADE_BY_OVS = {"the same, made by Open vSwitch"}


@pytest.mark.parametrize("shape", sorted(set(SHAPES) - MADE_BY_OVS))
def test_ifupdown_reads_it_and_every_address_is_on_one_device(shape: str, tmp_path: Path) -> None:
    if shutil.which("ifquery") is None:
        pytest.skip("needs ifquery (apt: ifupdown)")
    file = tmp_path / "interfaces"
    file.write_text(interfaces_file(SHAPES[shape][0]).replace("source /etc/network/interfaces.d/*\n", ""))
    listed = _query(file, "--list").split()
    known = {line.split()[1] for line in file.read_text().splitlines() if line.startswith("iface")}
    addresses = "".join(_query(file, name) for name in known)
    assert listed[0] == "lo"
    for one in SHAPES[shape][0]:
        on_a_device = one.address is not None and one.kind != "bgp"
        assert addresses.count(f"address: {str(one.address).partition('/')[0]}") == on_a_device


def _query(file: Path, *words: str) -> str:
    asked = ["ifquery", "--interfaces", str(file), *words]
    return subprocess.run(asked, capture_output=True, text=True, check=True).stdout


def test_a_vlan_on_a_bond_beside_an_external_bridge() -> None:
    text = interfaces_file([mgmt(vlan=101, bridge="br-ex", mtu=9000)])
    assert "auto bond0\niface bond0 inet manual\n\tbond-slaves eno3 eno4\n" in text
    assert "\tovs_ports bond0\n" in text
    assert "iface vlan101 inet static\n\tvlan-raw-device bond0\n\taddress 192.168.10.2/24\n" in text
    assert text.count("mtu 9000") == 2


LONG = ("enp130s0f0np0", "enp130s0f1np1")


def test_no_device_has_a_name_that_the_kernel_refuses() -> None:
    alone = [mgmt(kind="normal", nics=LONG[:1], vlan=103)]
    assert "auto vlan103\niface vlan103 inet static\n\tvlan-raw-device enp130s0f0np0\n" in interfaces_file(alone)
    spoken = [mgmt(kind="bgp", nics=LONG, asn=64512, vlan=103)]
    beside = [mgmt(kind="normal", nics=("eno1",), asn=7, frr_nics=LONG, frr_vlan=103)]
    for shape in (spoken, beside):
        text, frr = interfaces_file(shape), frr_file(shape)
        assert frr is not None
        for n, nic in enumerate(LONG):
            name = f"vlan103-{n}"
            made = f"pre-up [ -e /sys/class/net/{name} ] || ip link add link {nic} name {name} type vlan id 103\n"
            assert f"auto {name}\niface {name} inet manual\n\t{made}" in text
            assert f" neighbor {name} interface peer-group LEAF\n" in frr
    for shape in (alone, spoken, beside):
        names = [line.split()[1] for line in interfaces_file(shape).splitlines() if line.startswith("auto")]
        assert max(map(len, names)) <= 15


def test_what_only_open_vswitch_makes_is_refused() -> None:
    with pytest.raises(ValueError, match="need the installer debian"):
        interfaces_file([mgmt(vlan=101, ovs_ports=True)])


def test_bgp_announces_every_address_over_every_link() -> None:
    text = frr_file([mgmt(kind="bgp", asn=65499, vlan=10), more(kind="bgp", asn=65499, nics=PAIR, vlan=10)])
    assert text is not None
    assert " ip address 192.168.10.2/32\n ip address 192.168.60.2/32\n" in text
    assert "router bgp 65499\n bgp router-id 192.168.10.2\n" in text
    assert text.count("interface peer-group LEAF") == 2
    assert " neighbor eno3.10 interface peer-group LEAF\n" in text
    assert "set src 192.168.10.2" in text


def test_frr_beside_an_ordinary_network_takes_a_default_route_only() -> None:
    text = frr_file([mgmt(kind="normal", nics=("eno1",), asn=7, frr_nics=("ens4",), frr_vlan=10)])
    assert text is not None
    assert "interface lo\n!\nrouter bgp 7\n" in text
    assert " neighbor ens4.10 interface peer-group LEAF\n" in text
    assert "route-map TAKEN deny 20\n" in text
    assert frr_file([mgmt()]) is None
