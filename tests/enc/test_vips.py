"""Where virtual addresses are brought up, and with which prefix: on lo as a /32, or on an interface of the node."""

import json
from dataclasses import replace
from typing import Any

import pytest

from reconciler.enc.view import ClusterInput, EncError
from reconciler.model.hardware import Nic
from reconciler.model.kinds import Network, RolePool

from .build import hardware
from .openstack import openstack, rows

WIDE, ALONE = "203.0.113.0/24", "203.0.113.7/32"
MANAGED = {"subnet": "10.0.0.0/22", "interfaces": ["1g1", "1g2"]}
TUNNELS = {"subnet": "10.1.0.0/22", "role": "vm-net", "interfaces": ["10g1", "10g2"]}


def nics(*names: str, prefix: str = "02:00:00:00:00") -> tuple[Nic, ...]:
    """Two interfaces of 1 Gbit/s, and then two of 10."""
    return tuple(Nic(name, f"{prefix}:{n:02x}", speed=1000 if n < 2 else 10_000) for n, name in enumerate(names))


def given(
    public: dict[str, Any],
    roles: dict[str, int] | None = None,
    *,
    settings: str = "{}",
    asked: dict[str, int] | None = None,
    **networks: dict[str, Any],
) -> ClusterInput:
    """Controllers whose interfaces have different names, in a cluster with such a public network.

    ``asked``: nodes that the specs ask for and that are not there yet.
    """
    kinds = {
        "os-controller-1": nics("eno1", "eno2", "enp3s0f0", "enp3s0f1"),
        "os-controller-2": nics("ens1", "ens2", "ens3", "ens4"),
    }
    own = {
        name: {"hardware": replace(hardware(name), nics=found), "addresses": {"tunnels": "10.1.0.9"}}
        for name, found in kinds.items()
    }
    found = openstack({"controller": 2, **(roles or {})}, settings=settings, own=own)
    spec = found.tree.clusters["os"]
    more = {"mgmt": MANAGED, "tunnels": TUNNELS, "public": {"public": True, **public}, **networks}
    made = {name: Network.model_validate_json(json.dumps(one)) for name, one in more.items()}
    pools = {role: RolePool(count=count) for role, count in {"controller": 2, **(roles or {}), **(asked or {})}.items()}
    changed = spec.model_copy(update={"networks": {**spec.networks, **made}, "roles": pools})
    return replace(found, tree=replace(found.tree, clusters={"os": changed}))


@pytest.mark.parametrize(
    ("public", "settings", "prefix", "interface"),
    [
        ({"subnet": ALONE, "interfaces": ["eno2"]}, "{}", 32, "lo"),
        ({"subnet": WIDE}, "{}", 32, "lo"),
        ({"subnet": WIDE, "interfaces": ["1g1", "1g2"]}, "{bgp_to_the_host: true, asn: 64512}", 32, "lo"),
        ({"subnet": WIDE, "interfaces": ["eno2"]}, "{}", 24, "eno2"),
        ({"subnet": WIDE, "interfaces": ["10g1"]}, "{}", 24, "enp3s0f0"),
        ({"subnet": WIDE, "interfaces": ["10g2"]}, "{bgp_to_the_host: true, asn: 64512}", 24, "enp3s0f1"),
        ({"subnet": WIDE, "interfaces": ["1g1", "1g2"]}, "{}", 24, "bond0"),
        ({"subnet": WIDE, "interfaces": ["eno1", "eno2"]}, "{}", 24, "bond0"),
        ({"subnet": WIDE, "interfaces": ["10g1", "10g2"]}, "{}", 24, "bond1"),
        ({"subnet": WIDE, "interfaces": ["1g1", "1g2"], "vlan": 113}, "{}", 24, "vlan113"),
    ],
    ids=[
        "the network is the address", "no interface", "BGP over two legs", "a kernel's name", "by speed",
        "one leg without BGP", "the management bond", "the same by names", "the second bond", "a VLAN",
    ],
)  # fmt: skip
def test_the_apis_address(public: dict[str, Any], settings: str, prefix: int, interface: str) -> None:
    """With its network's prefix on lo, a controller answered for every address of the network, the gateway's too."""
    found = rows(given(public, settings=settings))
    assert (found["vip_netmask"], found["sql_vip_iface"]) == (prefix, interface)


def test_each_node_has_its_own_names_for_the_interfaces() -> None:
    of_all = given({"subnet": WIDE, "interfaces": ["10g1"]})
    names = [rows(of_all, f"os-controller-{n}")["sql_vip_iface"] for n in (1, 2)]
    assert names == ["enp3s0f0", "ens3"]


@pytest.mark.parametrize(
    ("roles", "asked", "networks", "expected"),
    [
        ({"compute": 1}, {}, {}, "br-ex"),
        ({}, {"compute": 1}, {}, "br-ex"),
        ({"compute": 1, "network": 1}, {}, {}, "bond0"),
        ({"compute": 1}, {"network": 1}, {}, "bond0"),
        ({}, {}, {}, "bond0"),
        ({"compute": 1}, {}, {"x": {"subnet": "198.51.100.0/24", "role": "ovs-bridge", "bridge": "br-lb"}}, "bond0"),
    ],
    ids=["they route", "they will", "network nodes do", "network nodes will", "nobody does", "bridges of its own"],
)
def test_where_br_ex_has_the_management_interfaces_it_has_the_address_too(
    roles: dict[str, int], asked: dict[str, int], networks: dict[str, dict[str, Any]], expected: str
) -> None:
    """As the installer makes it: by what the specs ask for."""
    of_all = given({"subnet": WIDE, "interfaces": ["1g1", "1g2"]}, roles, asked=asked, **networks)
    assert rows(of_all)["sql_vip_iface"] == expected


def test_an_interface_that_the_node_does_not_have_is_said() -> None:
    with pytest.raises(EncError, match=r"os-controller-1.example.com reports no interface 25g1, for .* 203.0.113.2$"):
        rows(given({"subnet": WIDE, "interfaces": ["25g1"]}))


def test_sql_nodes_bring_their_address_up_on_lo_whatever_its_network() -> None:
    wide = {"subnet": "203.0.114.0/28", "role": "vip", "usage": "sql", "interfaces": ["eno1"]}
    found = rows(given({"subnet": WIDE, "interfaces": ["eno1"]}, {"sql": 1}, sql=wide), "os-sql-1")
    assert (found["sql_vip_netmask"], found["sql_vip_iface"]) == (32, "lo")


@pytest.mark.parametrize(
    ("subnet", "interfaces", "expected"),
    [("203.0.116.0/28", ["eno3"], (28, "eno3")), ("203.0.116.2/32", ["eno3"], (32, "lo"))],
)
def test_messaging_nodes_bring_up_their_own_address(subnet: str, interfaces: list[str], expected: tuple[Any]) -> None:
    messaging = {"subnet": subnet, "role": "vip", "usage": "messaging", "interfaces": interfaces}
    of_all = given({"subnet": WIDE, "interfaces": ["eno1"]}, {"messaging": 1, "sql": 1}, messaging=messaging)
    found = rows(of_all, "os-messaging-1")
    assert (found["messaging_vip_cidr"], found["sql_vip_iface"]) == expected


def installed(public: dict[str, Any], reported: tuple[Nic, ...], had: tuple[Nic, ...]) -> ClusterInput:
    """The controllers, of which the first was installed with such interfaces, and reports those today."""
    of_all = given(public)
    first, *others = of_all.members
    assert first.hardware is not None
    return replace(of_all, members=(replace(first, hardware=replace(first.hardware, nics=reported), nics=had), *others))


THEN = nics("eno1", "eno2", "enp65s0f0np0", "enp65s0f1np1")
CARD = nics("x", "y", "enp33s0f0np0", "enp33s0f1np1", prefix="02:00:00:00:11")[2:]


@pytest.mark.parametrize(
    ("today", "interface"),
    [
        (THEN, "enp65s0f0np0"),
        ((*THEN, *CARD), "enp65s0f0np0"),
        ((*THEN[:2], *CARD, *nics("x", "y", "enp66s0f0np0", "enp66s0f1np1")[2:]), "enp65s0f0np0"),
    ],
    ids=["as it was", "another card", "the kernel would call it otherwise"],
)
def test_an_installed_node_keeps_its_address_on_the_interface_that_it_was_installed_with(
    today: tuple[Nic, ...], interface: str
) -> None:
    """A card in a lower slot comes first by name, and has no cable; .link files bind the names to MAC addresses."""
    public = {"subnet": WIDE, "interfaces": ["10g1"]}
    assert rows(installed(public, today, THEN))["sql_vip_iface"] == interface


def test_an_interface_that_is_gone_is_said_and_replaced_by_no_other() -> None:
    today = (*THEN[:2], *CARD)
    with pytest.raises(
        EncError, match=r"was installed with enp65s0f0np0 \(02:00:00:00:00:02\).* install the node anew"
    ):
        rows(installed({"subnet": WIDE, "interfaces": ["10g1"]}, today, THEN))
    assert rows(installed({"subnet": WIDE, "interfaces": ["eno2"]}, today, THEN))["sql_vip_iface"] == "eno2"


def test_a_node_of_which_nobody_recorded_the_interfaces_has_those_that_it_reports() -> None:
    found = rows(installed({"subnet": WIDE, "interfaces": ["10g1"]}, (*THEN, *CARD), ()))
    assert found["sql_vip_iface"] == "enp33s0f0np0"
