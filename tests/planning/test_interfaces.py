"""From a cluster's networks to the interfaces of a node."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from reconciler.model.actions import InstallOs
from reconciler.model.hardware import Nic
from reconciler.model.history import Phase
from reconciler.model.interfaces import counted, kernel_name
from reconciler.model.machine import Allocation
from reconciler.model.plan import Act
from reconciler.planning.interfaces import NoInterfacesError, interfaces_of

from .build import NOW, ZONES, cluster, holding, in_phase, machine, net, one, tree

SPEEDS = (1000, 1000, 10_000, 25_000)
NICS = tuple(Nic(f"eno{n}", f"02:00:00:00:00:0{n}", speed) for n, speed in enumerate(SPEEDS, 1))
BOND = ["10g1", "10g2"]


def interfaces(
    networks: dict[str, Any],
    role: str = "compute",
    roles: tuple[str, ...] = (),
    nics: tuple[Nic, ...] = NICS,
    had: tuple[Nic, ...] = (),
    **settings: Any,
) -> Any:
    """Of a node in z1 with an address on every network that gives one, in the order written."""
    spec = cluster(networks=networks, **{name: {} for name in (role, *roles)})
    spec["settings"] = {name: value for name, value in settings.items() if name in ("asn", "bgp_to_the_host")}
    own = {name: value for name, value in settings.items() if name not in spec["settings"]}
    found = tree({"cl1": spec}, machines={"A": {"settings": own}})
    names = [name for name, given in networks.items() if given.get("role") not in ("ovs-bridge", "vip")]
    addresses = {name: f"10.{n}.0.5" for n, name in enumerate(names)}
    held = Allocation("cl1", role, role, "z1", f"cl1-{role}-1.example.com", 1, addresses)
    return interfaces_of(found, "A", held, nics, had)


def test_names_are_resolved_and_only_the_management_network_has_a_gateway() -> None:
    networks = {"mgmt": net("10.0.0.0/24", interfaces=BOND), "vm": net("10.1.0.0/16", role="vm-net", mtu=9000)}
    first, second = interfaces(networks)
    assert (first.kind, first.nics, first.address, first.gateway) == (
        "bond", ("eno3", "eno4"), "10.0.0.5/24", "10.0.0.1",
    )  # fmt: skip
    assert (second.kind, second.nics, second.address, second.gateway) == ("normal", ("eno1",), "10.1.0.5/16", None)
    assert (second.for_vms, second.mtu, first.bridge, second.bridge) == (True, 9000, "br-ex", None)


@pytest.mark.parametrize(
    ("role", "others", "bridge"),
    [
        ("compute", (), "br-ex"),
        ("network", (), "br-ex"),
        ("controller", ("compute",), "br-ex"),  # nobody else routes for virtual machines
        ("controller", ("compute", "network"), None),
        ("controller", (), None),
        ("cephosd", ("compute",), None),
    ],
)
def test_who_has_the_external_bridge(role: str, others: tuple[str, ...], bridge: str | None) -> None:
    assert interfaces({"mgmt": net("10.0.0.0/24")}, role, others)[0].bridge == bridge


def test_bridges_of_the_clusters_own_take_its_place() -> None:
    networks = {
        "mgmt": net("10.0.0.0/24", interfaces=BOND),
        "lb": net("10.9.0.0/24", role="ovs-bridge", interfaces=["1g2"], bridge="br-lb", vlan=7, location="z1"),
        "lb2": net("10.8.0.0/24", role="ovs-bridge", interfaces=["1g2"], bridge="br-lb2", location="z2"),
    }
    first, second = interfaces(networks)
    assert first.bridge is None
    assert (second.kind, second.bridge, second.nics, second.vlan) == ("bridge", "br-lb", ("eno2",), 7)
    assert len(interfaces(networks, "cephmon")) == 1


@pytest.mark.parametrize(
    ("interface", "settings", "kind", "asn"),
    [
        (BOND, {}, "bgp", 65499),
        (["10g1"], {}, "normal", None),
        (BOND, {"force_no_bgp2host": True}, "bond", None),
    ],
)
def test_bgp_to_the_host(interface: list[str], settings: dict[str, Any], kind: str, asn: int | None) -> None:
    networks = {"mgmt": net("10.0.0.0/24", interfaces=interface)}
    (found,) = interfaces(networks, bgp_to_the_host=True, asn=65499, **settings)
    assert (found.kind, found.asn) == (kind, asn)


def test_frr_beside_an_ordinary_network_and_the_mac_of_a_virtual_node() -> None:
    networks = {"mgmt": net("10.0.0.0/24")}
    (found,) = interfaces(
        networks, asn=7, force_frr=True, force_frr_nic2="none", force_frr_vlan=12, nested_openstack=True,
        brex_macaddr="fa:16:3e:00:00:01",
    )  # fmt: skip
    assert (found.kind, found.asn, found.frr_nics, found.frr_vlan) == ("normal", 7, ("ens4",), 12)
    assert found.bridge_mac == "fa:16:3e:00:00:01"


def test_a_device_has_room_for_everything_on_it() -> None:
    networks = {
        "mgmt": net("10.0.0.0/24", interfaces=BOND),
        "vm": net("10.1.0.0/24", role="vm-net", interfaces=BOND, vlan=16, mtu=9000),
        "ceph": net("10.2.0.0/24", role="ceph-cluster", interfaces=BOND, vlan=20),
    }
    assert [one.mtu for one in interfaces(networks)] == [9000, 9000, None]


@pytest.mark.parametrize(
    ("second", "why"),
    [
        ({"interfaces": ["100g1"]}, "an interface 100g1 for network second: it reports no such interface"),
        ({"interfaces": ["10g1", "eno3"]}, "two interfaces for network second: 10g1 and eno3 are both eno3 on it"),
        ({"interfaces": ["10g1"]}, "networks mgmt and second on eno3 to share all their interfaces, or none"),
        ({"interfaces": BOND, "role": "ovs-bridge", "bridge": "br-lb"}, "to be on different interfaces, or mgmt in a"),
        ({"interfaces": []}, "network second to name an interface"),
    ],
)
def test_what_cannot_be_is_waited_for(second: dict[str, Any], why: str) -> None:
    networks = {"mgmt": net("10.0.0.0/24", interfaces=BOND), "second": net("10.1.0.0/24", **second)}
    with pytest.raises(NoInterfacesError, match=why):
        interfaces(networks)


def test_two_vlans_of_one_number_on_different_interfaces_would_have_one_name() -> None:
    networks = {
        "mgmt": net("10.0.0.0/24", interfaces=BOND, vlan=103),
        "vm": net("10.1.0.0/16", role="vm-net", interfaces=["eno1"], vlan=103),
    }
    with pytest.raises(NoInterfacesError, match=r"mgmt and vm to be in different VLANs, or .*: both make vlan103"):
        interfaces(networks)


def test_debians_installer_makes_no_bgp_session_in_a_vlan_of_too_long_a_name() -> None:
    nics = tuple(Nic(name, f"02:00:00:00:00:0{n}") for n, name in enumerate(("enp130s0f0np0", "enp130s0f1np1")))
    networks = {"mgmt": net("10.0.0.0/24", interfaces=[nic.name for nic in nics], vlan=103)}
    with pytest.raises(NoInterfacesError, match=r"VLAN enp130s0f0np0.103, and the kernel takes 15 characters"):
        interfaces(networks, nics=nics, asn=64512, bgp_to_the_host=True)


def test_bgp_without_an_as_number_is_waited_for() -> None:
    with pytest.raises(NoInterfacesError, match="an AS number: cl1 speaks BGP, and its setting asn is not set"):
        interfaces({"mgmt": net("10.0.0.0/24", interfaces=BOND)}, bgp_to_the_host=True)


HAD = (Nic("ens3f0", "02:00:00:00:01:00", 10_000), Nic("ens3f1", "02:00:00:00:01:01", 10_000))
CAME = (Nic("ens1f0", "02:00:00:00:02:00", 10_000), Nic("ens1f1", "02:00:00:00:02:01", 25_000))
RENAMED = tuple(replace(nic, name=f"{nic.name}np{n}") for n, nic in enumerate(HAD))
REPLACED = tuple(replace(nic, mac=nic.mac.replace("02:00", "02:09")) for nic in HAD)
SWAPPED = (replace(HAD[0], name="ens3f1"), replace(HAD[1], name="ens3f0"))


@pytest.mark.parametrize(
    ("nics", "found"),
    [
        (CAME + HAD, ("ens3f0", "ens3f1")),
        (CAME + RENAMED, ("ens3f0np0", "ens3f1np1")),
        (CAME + REPLACED, ("ens3f0", "ens3f1")),
        (CAME + tuple(replace(nic, speed=None) for nic in HAD), ("ens3f0", "ens3f1")),
    ],
)
def test_a_node_that_is_installed_again_keeps_its_ports(nics: tuple[Nic, ...], found: tuple[str, ...]) -> None:
    """A card whose names sort before took the first places, and nobody had cabled it for the node's networks."""
    networks = {"mgmt": net("10.0.0.0/24", interfaces=BOND)}
    assert interfaces(networks, nics=nics, had=HAD)[0].nics == found
    kept = counted(HAD, nics)
    assert tuple(kernel_name(name, kept) for name in BOND) == found, "VIPs are put on the ports of the install's record"
    assert interfaces(networks, nics=nics, had=kept)[0].nics == found


@pytest.mark.parametrize(
    ("nics", "asked", "waits"),
    [
        (CAME + HAD[:1], BOND, "10g2 of network mgmt was ens3f1 when this node was last installed, and it reports no"),
        (CAME, BOND, "10g1 of network mgmt was ens3f0 when this node was last installed"),
        (CAME + SWAPPED, BOND, "10g1 of network mgmt was ens3f0 when this node was last installed"),
        (CAME + HAD, ["25g1"], "an interface 25g1 for network mgmt: it had none when it was last installed"),
        (HAD, ["1g1"], "an interface 1g1 for network mgmt: it had none when it was last installed"),
    ],
)
def test_where_nothing_tells_its_port_a_human_does(nics: tuple[Nic, ...], asked: list[str], waits: str) -> None:
    with pytest.raises(NoInterfacesError, match=waits):
        interfaces({"mgmt": net("10.0.0.0/24", interfaces=asked)}, nics=nics, had=HAD)


def test_a_port_that_came_since_goes_by_the_kernels_name() -> None:
    assert interfaces({"mgmt": net("10.0.0.0/24", interfaces=["ens1f1"])}, nics=CAME + HAD, had=HAD)[0].nics == (
        "ens1f1",
    )


def test_the_plan_of_a_reinstall_has_the_ports_that_the_node_was_installed_with() -> None:
    networks = {f"cl1-{z}": net(f"10.1.{n}.0/24", location=z, interfaces=BOND) for n, z in enumerate(ZONES, 1)}
    networks["cl1-public"] = net("203.0.1.0/28", public=True, interfaces=BOND)
    spec = tree({"cl1": cluster(networks=networks, controller={"count": 1})}, machines={"S1": {"reinstall": "again"}})
    m = holding(machine("S1"), 1)
    assert m.seen is not None
    m = replace(m, seen=replace(m.seen, hardware=replace(m.seen.hardware, nics=CAME + HAD)))
    facts: dict[str, Any] = {"install_begun": NOW - timedelta(days=9), "install_id": "i1", "nics": HAD}
    left = {"left_service": NOW - timedelta(hours=1), "left_install": "i1"}
    step = one(spec, in_phase(m, Phase.ENROLLED, **facts, **left))
    assert isinstance(step, Act)
    assert isinstance(step.action, InstallOs)
    assert {each.nics for each in step.action.interfaces} == {("ens3f0", "ens3f1")}
    assert step.action.nics == HAD
    step = one(spec, in_phase(m, Phase.ENROLLED, **(facts | {"nics": ()}), **left))
    assert isinstance(step, Act)
    assert isinstance(step.action, InstallOs)
    assert {each.nics for each in step.action.interfaces} == {("ens1f0", "ens1f1")}, "nobody recorded its ports"
