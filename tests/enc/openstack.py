"""A small OpenStack cluster ``os`` in memory, of whatever nodes and specs a test asks for."""

from dataclasses import replace
from typing import Any

from reconciler.enc.compile import Compiled, compile_node
from reconciler.enc.params import SecretText, Value
from reconciler.enc.view import ClusterInput, Member, views
from reconciler.model.machine import Vip

from .build import cluster_input, member, tree_of

FLEET = """
apiVersion: reconciler/v1
kind: Fleet
metadata: {name: fleet}
spec:
  provisioning: {address: 192.168.100.2, hostname: seed, trusted_networks: [192.168.100.0/24]}
"""

CLUSTER = """
apiVersion: reconciler/v1
kind: Location
metadata: {name: zone-1}
spec: {swift_region: region1}
---
apiVersion: reconciler/v1
kind: Cluster
metadata: {name: os}
spec:
  domain: example.com
  networks:
    mgmt: {subnet: 10.0.0.0/22, location: zone-1}
    public: {subnet: 203.0.113.0/24, public: true, interfaces: [eno1]}
    sql: {subnet: 203.0.114.0/28, role: vip, usage: sql, interfaces: [eno1, eno2]}
    sqlmsg: {subnet: 203.0.115.7/32, role: vip, usage: sqlmsg, interfaces: [eno1], vlan: 12}
    messaging: {subnet: 203.0.116.0/28, role: vip, usage: messaging, interfaces: [eno2]}
    EXTRA: {subnet: 198.51.100.0/24, role: vm-net}
  settings: {}
"""


VIPS = {
    "api": ("public", "203.0.113.2"),
    "sql": ("sql", "203.0.114.2"),
    "sqlmsg": ("sqlmsg", "203.0.115.7"),
    "messaging": ("messaging", "203.0.116.2"),
}


def machine(serial: str, settings: str) -> str:
    """A document with a machine's own settings, as YAML."""
    return f"apiVersion: reconciler/v1\nkind: Machine\nmetadata: {{name: {serial}}}\nspec: {{settings: {settings}}}\n"


def openstack(
    nodes: dict[str, int],
    *,
    settings: str = "{}",
    networks: str = "",
    more: str = "",
    fleet: str = FLEET,
    version: str = "43.0.45",
    own: dict[str, dict[str, Any]] | None = None,
    asked: dict[str, int] | None = None,
) -> ClusterInput:
    """A cluster with so many nodes of each role.

    ``settings`` and ``networks`` are YAML of the cluster's spec, ``more`` whole documents, ``own``: what
    ``build.member`` takes, by short hostname. ``asked``: how many nodes of each role the spec asks for, whether or not
    they are there; None: it names no roles.
    """
    spec = CLUSTER.replace("settings: {}", f"settings: {settings}")
    spec = spec.replace("    EXTRA: {subnet: 198.51.100.0/24, role: vm-net}\n", networks)
    if asked is not None:
        spec += "  roles:\n" + "".join(f"    {role}: {{count: {count}}}\n" for role, count in asked.items())
    members: list[Member] = []
    for role, count in nodes.items():
        for number in range(1, count + 1):
            high, low = divmod(len(members) + 10, 250)
            mine = (own or {}).get(f"os-{role}-{number}", {})
            hostname = f"os-{role}-{number}.example.com"
            members.append(
                member(
                    "os",
                    role,
                    number,
                    f"10.0.{high}.{low + 1}",
                    "mgmt",
                    "zone-1",
                    **{"hostname": hostname, **mine},
                )
            )
    given = cluster_input(tree_of(fleet, spec, *([more] if more else [])), "os", members, version)
    vips = tuple(Vip("os", network, usage, address) for usage, (network, address) in VIPS.items())
    return replace(given, vips=vips)


def compiled(given: ClusterInput, short: str = "os-controller-1") -> Compiled:
    return compile_node(views(given)[f"{short}.example.com"])


def rows(given: ClusterInput, short: str = "os-controller-1") -> dict[str, Value]:
    """Parameters of the node's own class; secrets by name."""
    classes = compiled(given, short).classes
    (own,) = [name for name in classes if name.count("::") == 1 and name not in ("oci::generic", "oci::filebeat")]
    return {
        name: str(given.value) if isinstance(given.value, SecretText) else given.value
        for name, given in classes[own].items()
    }


def subroles(given: ClusterInput, short: str = "os-controller-1") -> dict[str, bool]:
    """What the class is told to do, without ``has_subrole_``."""
    found = rows(given, short).items()
    return {n.removeprefix("has_subrole_"): bool(value) for n, value in found if n.startswith("has_subrole_")}
