"""What OCI says of virtual addresses and we would not, from rows of its database alone."""

from ipaddress import IPv4Address, IPv4Interface
from typing import Any

import pytest

from reconciler.oci_import.vips import vip_pins


def network(
    number: int, name: str, address: str, iface1: str = "eno1", iface2: str = "none", **more: Any
) -> dict[str, Any]:
    at = IPv4Interface(address)
    row = {
        "id": number,
        "name": name,
        "ip": str(at.ip),
        "cidr": at.network.prefixlen,
        "cluster": 1,
        "role": "all",
        "is_public": "no",
    }
    return {**row, "iface1": iface1, "iface2": iface2, "vlan": None, "vip_usage": "controller", **more}


def pinned(*networks: dict[str, Any], roles: set[str], bgp: str = "no") -> dict[str, Any]:
    """What is pinned of each class. Each network but the first gives a virtual address."""
    usages = [row.get("vip_usage") for row in networks]
    ips = [
        {"network": row["id"], "usefor": "vip", "vip_usage": usage, "ip": int(IPv4Address("203.0.113.2"))}
        for row, usage in zip(networks[1:], usages[1:], strict=True)
    ]
    tables = {"networks": list(networks), "ips": ips}
    found: dict[str, Any] = {}
    for document in vip_pins({"id": 1, "name": "cl1", "bgp_to_the_host": bgp}, tables, roles):
        for name, values in document.spec["classes"].items():
            found.setdefault(name, {}).update(values)
    return found


MANAGEMENT = network(1, "mgmt", "10.0.0.0/24", "10g1", "10g2")
ALONE = network(2, "public", "203.0.113.7/32", is_public="yes")
WIDE = network(2, "public", "203.0.113.0/24", is_public="yes")
BOND = network(2, "public", "203.0.113.0/24", "10g1", "10g2", is_public="yes")
SQL = network(3, "sql", "203.0.114.0/28", "10g1", "10g2", vip_usage="sql")
MESSAGING = network(4, "messages", "203.0.116.0/28", "eno2", vip_usage="messaging")


@pytest.mark.parametrize(
    ("networks", "roles", "bgp", "expected"),
    [
        ([WIDE], {"controller"}, "no", {}),
        ([BOND], {"controller"}, "no", {}),
        ([BOND], {"controller", "compute", "network"}, "no", {}),
        ([BOND], {"controller", "compute"}, "no", {"oci::controller": {"sql_vip_iface": "bond0"}}),
        (
            [BOND, {**MESSAGING, "iface1": "10g1", "iface2": "10g2"}], {"controller", "compute", "messaging"}, "no",
            {"oci::controller": {"sql_vip_iface": "bond0"}},
        ),
        ([ALONE], {"controller"}, "no", {"oci::controller": {"sql_vip_iface": "eno1"}}),
        ([{**WIDE, "vlan": 113}], {"controller"}, "no", {"oci::controller": {"sql_vip_iface": "eno1"}}),
        ([{**WIDE, "iface1": "10g1"}], {"controller"}, "no", {"oci::controller": {"sql_vip_iface": "10g1"}}),
        (
            [WIDE, SQL], {"controller", "sql"}, "no",
            {
                "oci::controller": {"sql_vip_iface": "bond0", "sql_vip_netmask": 28},
                "oci::sql": {"sql_vip_iface": "bond0", "sql_vip_netmask": 28},
            },
        ),
        ([WIDE, MESSAGING], {"messaging"}, "no", {"oci::messaging": {"sql_vip_iface": "eno1"}}),
        (
            [BOND], {"controller", "compute", "billmon"}, "yes",
            {
                "oci::controller": {"sql_vip_iface": "bond0", "sql_vip_netmask": 24, "vip_netmask": 24},
                "oci::compute": {"vip_netmask": 24},
                "oci::cephmon": {"vip_netmask": 24},
            },
        ),
    ],
    ids=[
        "one interface", "the bond", "network nodes", "br-ex", "br-ex on controllers alone", "a /32", "a VLAN",
        "by speed", "sql nodes", "messaging nodes", "BGP",
    ],
)  # fmt: skip
def test_what_is_pinned(
    networks: list[dict[str, Any]], roles: set[str], bgp: str, expected: dict[str, dict[str, Any]]
) -> None:
    assert pinned(MANAGEMENT, *networks, roles=roles, bgp=bgp) == expected
