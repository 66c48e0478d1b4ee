"""Values that OCI gives to all nodes of a cluster and we would not: pinned in overlays that say when to drop them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Self

from ...model.bridges import DEFAULT_BRIDGE
from ...model.roles import ROLES, facts_of
from ..database import Row, Tables
from ..machines import OciMachine
from ..yaml_documents import SpecDocument


class Pin(NamedTuple):
    """An EncOverlay to be, of one cluster."""

    end: str  # of its name
    why: str  # the comment above it
    nodes: Mapping[str, Any]  # a selector, without the cluster
    classes: Mapping[str, Mapping[str, Any]]

    @classmethod
    def of_role(cls, what: str, why: str, role: str, values: Mapping[str, Any]) -> Self:
        """Parameters of a role's own class, for all of its nodes."""
        return cls(f"{role}-{what}", why, {"roles": [role]}, {facts_of(role).puppet_class: values})


CLUSTERED = tuple(role for role, facts in ROLES.items() if facts.vip)
"""Roles that bring up a virtual address of their own."""

OSD_CLASS = facts_of("cephosd").puppet_class

FIRST_SETUP = (
    "OCI still makes databases and accounts with every Puppet run, although all controllers are in service.\n"
    "Drop this when they are all there; OCI's own word for that was: cluster-set --initial-cluster-setup no."
)
BRIDGES = (
    "OCI tells nodes of the bridges of every location, and counts a bridge once per location, so that the external "
    "network has a name for each.\n"
    "Drop this when no network of Neutron uses the names that go: openstack network list --long."
)
GPUS = (
    "OCI knows GPUs by their name alone: of several products of one name, Nova is told of the first; and it counts "
    "those of nodes that are no computes.\n"
    "Drop this to have those that there are; flavors then find GPUs that they did not find before."
)

API_NETWORK = (
    "OCI gives the address of the API's network where that of the API is meant.\nDrop this: the right one is given."
)
OSD_SETUP = (
    "OCI's word on whether Puppet makes OSDs of the disks, contrary to how far these nodes have come.\n"
    "Drop this when their OSDs are up."
)


def cluster_pins(cluster: Row, tables: Tables, machines: Sequence[OciMachine], roles: set[str]) -> list[SpecDocument]:
    """An EncOverlay for every value that all nodes of some role have, and that we would not give.

    Args:
        cluster: OCI's cluster.
        tables: OCI's database.
        machines: The cluster's.
        roles: Those of its nodes whose classes are their own by now.
    """
    found = [
        *_first_setup(cluster, machines, roles),
        *_bridges(cluster, tables, machines, roles),
        *_gpus(machines, roles),
        *_api_network(cluster, tables, roles),
        *_osd_setup(machines),
    ]
    return documents(str(cluster["name"]), found)


def documents(cluster: str, pins: Iterable[Pin]) -> list[SpecDocument]:
    """An EncOverlay for each."""
    specs = [(pin, {"for": {"clusters": [cluster], **pin.nodes}, "classes": pin.classes}) for pin in pins]
    return [SpecDocument("EncOverlay", f"oci-{cluster}-{pin.end}", spec, pin.why) for pin, spec in specs]


def _first_setup(cluster: Row, machines: Sequence[OciMachine], roles: set[str]) -> Iterator[Pin]:
    controllers = [machine for machine in machines if machine.role == "controller"]
    if cluster["initial_cluster_setup"] == "yes" and controllers and all(m.installed for m in controllers):
        for role in CLUSTERED:
            if role in roles and role != "sqlmsg":  # their database begins empty, and stays its own
                yield Pin.of_role("first-setup", FIRST_SETUP, role, {"initial_cluster_setup": True})


def _bridges(cluster: Row, tables: Tables, machines: Sequence[OciMachine], roles: set[str]) -> Iterator[Pin]:
    """Pins of bridge mappings, where locations share a bridge or differ in them: OCI tells each node of all of them."""
    rows = [row for row in tables["networks"] if row["cluster"] == cluster["id"] and row["role"] == "ovs-bridge"]
    bridges = [str(row["bridgename"]) for row in rows]
    if _are_told_alike(rows, machines):
        return
    names: dict[str, dict[str, list[str]]] = {}
    for machine in machines:
        if machine.role and machine.facts.carries_vm_traffic:
            name = str(machine.row["neutron_external_network_name"])
            names.setdefault(machine.role, {}).setdefault(name, []).append(machine.hostname)
    every = dict.fromkeys(name for some in names.values() for name in some)
    for role, facts in ROLES.items():
        if role not in roles:
            continue
        if facts.stands_in_for_network:
            yield Pin.of_role("bridges", BRIDGES, role, _mapped(every, bridges))
        elif len(groups := names.get(role, {})) == 1:
            yield Pin.of_role("bridges", BRIDGES, role, _mapped(groups, bridges))
        else:
            for name, hostnames in groups.items():
                classes = {facts.puppet_class: _mapped([name], bridges)}
                yield Pin(f"{role}-{name}-bridges", BRIDGES, {"nodes": hostnames}, classes)


def _are_told_alike(rows: Sequence[Row], machines: Iterable[OciMachine]) -> bool:
    """Whether each node has all bridges, which are counted once; without a bridge of its location it has br-ex."""
    bridges = [str(row["bridgename"]) for row in rows]
    here = {row["location_id"] for row in rows}
    there = {machine.row["location_id"] for machine in machines if machine.role} - here
    is_everywhere = len(here) < 2 and (not there or set(bridges) <= {DEFAULT_BRIDGE})
    return len(bridges) == len(set(bridges)) and is_everywhere


def _mapped(names: Any, bridges: Sequence[str]) -> dict[str, list[str]]:
    numbered = [(f"{name}{number or ''}", bridge) for name in names for number, bridge in enumerate(bridges)]
    return {
        "bridge_mapping_list": [f"{name}:{bridge}" for name, bridge in numbered],
        "external_network_list": [name for name, _ in numbered],
    }


def _gpus(machines: Sequence[OciMachine], roles: set[str]) -> Iterator[Pin]:
    theirs: dict[str, str] = {}
    ours = set()
    for machine in machines:
        if machine.row.get("use_gpu") == "yes":
            words = (str(machine.row[f"gpu_{what}"]).split() for what in ("name", "vendor_id", "product_id"))
            for kind in zip(*words, strict=False):
                one = ".".join((*kind, str(machine.row["gpu_device_type"])))
                theirs.setdefault(kind[0], one)
                ours |= {one} if machine.role == "compute" else set()
    if "controller" in roles and ours != set(theirs.values()):
        values = {"use_gpu": True, "gpu_def": list(theirs.values())}
        yield Pin.of_role("gpus", GPUS, "controller", values)


def _api_network(cluster: Row, tables: Tables, roles: set[str]) -> Iterator[Pin]:
    given = [(role, name) for role, name in (("dns", "vip_ipaddr"), ("sql", "ip_vip_to_whitelist")) if role in roles]
    for network in tables["networks"]:
        if network["cluster"] == cluster["id"] and network["is_public"] == "yes" and int(network["cidr"]) < 32:
            for role, name in given:
                yield Pin.of_role("api", API_NETWORK, role, {name: network["ip"]})


def _osd_setup(machines: Sequence[OciMachine]) -> Iterator[Pin]:
    for word in ("yes", "no"):
        hostnames = [
            machine.hostname
            for machine in machines
            if machine.facts.runs_osds
            and machine.row.get("ceph_osd_initial_setup", "yes") == word
            and machine.installed is (word == "yes")
        ]
        if hostnames:
            classes = {OSD_CLASS: {"ceph_osd_initial_setup": word == "yes"}}
            yield Pin(f"osd-setup-{word}", OSD_SETUP, {"nodes": hostnames}, classes)
