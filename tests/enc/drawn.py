"""Clusters as hypothesis draws them: any number of nodes of any role, on any networks, with any settings."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from ipaddress import IPv4Network
from typing import Any

from hypothesis import strategies as st

from reconciler.enc.view import ClusterInput, Member
from reconciler.model.machine import Vip
from reconciler.model.roles import BUILT_IN_ROLES
from reconciler.model.settings import SettingRow, problem_with
from reconciler.model.tree import SpecTree
from reconciler.specs.settings_table import load_table
from reconciler.specs.validate import validate

from ..reference.facts import VERSIONS
from .build import hardware, member, signatures
from .shapes import START

OWN_ROLE = "bastion"
ZONES = ("zone-1", "zone-2", "zone-3")
ASCII = st.characters(min_codepoint=33, max_codepoint=126)
OFTEN_DECISIVE = (
    "bgp_to_the_host", "ceph_multiple_cluster_az", "ceph_use_cephadm_to_deploy", "extswift_use_external",
    "external_keystone_activate", "filebeat_enabled", "generate_root_ssh_keys", "haproxy_use_sni",
    "initial_mon_on_ctrl", "install_designate", "install_magnum", "install_telemetry", "swift_ec_enable",
    "api_use_ipv6",
)  # fmt: skip
"""Switches that sections hang on: drawn on their own, for among hundreds of settings they would rarely come up."""


def _texts(row: SettingRow) -> st.SearchStrategy[str]:
    texts = st.from_regex(row.pattern, fullmatch=True, alphabet=ASCII | st.just(" ")) if row.pattern else st.text(ASCII)
    return texts.filter(lambda text: problem_with(row, [text] if row.type == "list" else text, row.levels[0]) is None)


def value_of(row: SettingRow) -> st.SearchStrategy[Any]:
    """Values that an operator may write."""
    match row.type:
        case "boolean":
            return st.booleans()
        case "choice":
            return st.sampled_from(row.choices)
        case "int":
            low, high = (None if limit is None else int(limit) for limit in (row.min, row.max))
            return st.integers(low, high if high is not None else 2**40)
        case "float":
            return st.floats(row.min, row.max, allow_nan=False, allow_infinity=False)
        case "list":
            return st.lists(_texts(row), max_size=3)
        case _:
            return _texts(row)


VALUES = {name: value_of(row) for name, row in load_table().items()}
BY_LEVEL = {
    level: sorted(name for name, row in load_table().items() if level in row.levels)
    for level in ("fleet", "cluster", "role", "profile", "machine")
}
COUNTS = st.sampled_from([0, 0, 0, 1, 2, 3])


@dataclass(frozen=True)
class Drawn:
    """A cluster, and the spec tree as it was written."""

    given: ClusterInput
    written: str


@st.composite
def _settings(draw: st.DrawFn, level: str, most: int = 6) -> dict[str, Any]:
    names = draw(st.lists(st.sampled_from(BY_LEVEL[level]), max_size=most, unique=True))
    switches = [name for name in OFTEN_DECISIVE if name in BY_LEVEL[level]] if level == "cluster" else []
    names += draw(st.lists(st.sampled_from(switches), max_size=4, unique=True)) if switches else []
    return {name: draw(VALUES[name]) for name in dict.fromkeys(names)}


@st.composite
def _networks(draw: st.DrawFn, zones: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """Management for each location, the API's, and some of all others. Each has a subnet of its own."""
    interfaces = st.sampled_from([["eth0"], ["10g1", "10g2"]])
    found: dict[str, dict[str, Any]] = {}
    for zone in zones if draw(st.booleans()) else (None,):
        found[f"mgmt-{zone or 'all'}"] = {"role": "all", **({"location": zone} if zone else {})}
    found["public"] = {"public": True}
    for usage in ("sql", "sqlmsg", "messaging"):
        found[f"vip-{usage}"] = {"role": "vip", "usage": usage}
    for role in draw(st.sets(st.sampled_from(["vm-net", "ceph-cluster"]))):
        found[role] = {"role": role, "mtu": draw(st.sampled_from([1500, 9000]))}
    for number in range(draw(st.sampled_from([0, 0, 1, 3]))):
        bridge = draw(st.sampled_from(["br-ex", "br-lb"]))
        found[f"bridge-{number}"] = {"role": "ovs-bridge", "bridge": bridge, "bridge_number": int(bridge == "br-lb")}
    for number, network in enumerate(found.values()):
        single = network.get("role") == "vip" or network.get("public")
        prefix = 32 if single and draw(st.booleans()) else 24
        network["subnet"] = f"10.1.{number}.0/{prefix}"
        network["interfaces"] = draw(interfaces)
        if draw(st.booleans()):
            network["vlan"] = draw(st.integers(1, 4094))
    return found


@st.composite
def clusters(draw: st.DrawFn) -> Drawn:
    """One cluster of the fleet, perhaps with another whose Swift it uses."""
    zones = ZONES[: draw(st.integers(1, 3))]
    counts = {role: draw(COUNTS) for role in (*BUILT_IN_ROLES, OWN_ROLE)}
    counts["controller"] = draw(st.integers(0, 3))
    networks = draw(_networks(zones))
    profiles = {role: draw(_settings("profile")) for role in ("compute", "swiftstore")}
    converged = draw(st.booleans())
    profiles["compute"]["compute_is_cephosd"] = converged
    version = draw(st.sampled_from(VERSIONS))
    members = [m for role, count in counts.items() for m in _members(draw, role, count, zones, networks, profiles)]
    linked = draw(st.booleans())
    machines = {m.serial: draw(_settings("machine")) for m in members if draw(st.integers(0, 3)) == 0}
    for number, values in enumerate(machines.values(), 101):
        if "corosync_node_id" in values:  # one that another node has is refused
            values["corosync_node_id"] = number
    fleet = {**FLEET, "puppet": {"module_version": version}, "settings": draw(_settings("fleet"))}
    documents = [
        _document("Fleet", "fleet", fleet),
        *(_document("Location", zone, {"swift_region": f"region-{draw(st.integers(1, 2))}"}) for zone in zones),
        *(_document("HardwareProfile", n, {"role": n, "settings": values}) for n, values in profiles.items()),
        _document("Role", OWN_ROLE, {"classes": {"my::bastion": {"port": 22}}}),
        _document("Cluster", "z", {
            "domain": "example.com",
            "networks": networks,
            "settings": draw(_settings("cluster", 20)),
            "roles": {r: {"count": n, "settings": draw(_settings("role", 2))} for r, n in counts.items() if n},
            "links": {"swift": "other"} if linked else {},
        }),
        *([_document("Cluster", "other", OTHER)] if linked else []),
        *(_document("Machine", serial, {"settings": values}) for serial, values in machines.items()),
    ]  # fmt: skip
    written = "\n---\n".join(json.dumps(document) for document in documents)
    loaded = validate({"fleet.yaml": written.encode()}, settings_table=load_table(), module_versions=VERSIONS)
    assert loaded.tree is not None, [p for p in loaded.problems if p.severity.name == "ERROR"]
    given = ClusterInput(
        name="z",
        tree=loaded.tree,
        members=tuple(members),
        vips=tuple(_vips(loaded.tree)),
        signatures=signatures(version),
    )
    return Drawn(given, written)


FLEET = {"provisioning": {"address": "192.168.100.2", "hostname": "seed", "trusted_networks": ["192.168.100.0/24"]}}
OTHER = {
    "domain": "example.org",
    "networks": {
        "o": {"subnet": "10.2.0.0/24", "interfaces": ["eth0"]},
        "p": {"subnet": "10.2.1.1/32", "public": True},
    },
    "roles": {"controller": {"count": 1}, "swiftproxy": {"count": 1}},
}


def _document(kind: str, name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "reconciler/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}


def _members(
    draw: st.DrawFn,
    role: str,
    count: int,
    zones: tuple[str, ...],
    networks: Mapping[str, Any],
    profiles: Mapping[str, Any],
) -> list[Member]:
    found = []
    for number in range(1, count + 1):
        zone = draw(st.sampled_from(zones))
        host = (*BUILT_IN_ROLES, OWN_ROLE).index(role) * 4 + number + 5
        management = f"mgmt-{zone}" if f"mgmt-{zone}" in networks else "mgmt-all"
        names = (management, *(name for name in ("vm-net", "ceph-cluster") if name in networks))
        to = {name: str(IPv4Network(networks[name]["subnet"])[host]) for name in names}
        disks = draw(st.integers(1, 4))
        serial = f"Z-{role.upper()}-{number}"
        one = member(
            "z", role, number, to.pop(management), management, zone, serial=serial, addresses=to,
            profile=role if role in profiles else "", hardware=hardware(serial, disks, raid=draw(st.booleans())),
            data_disks=tuple(f"sd{'bcde'[n]}" for n in range(disks - 1)),
        )  # fmt: skip
        hours = draw(st.none() | st.integers(0, 3))
        if hours is not None:
            begun = START + timedelta(hours=hours)
            one = replace(one, in_service=draw(st.booleans()), begun_at=begun, served_at=begun + timedelta(minutes=30))
        found.append(one)
    return found


def _vips(tree: SpecTree) -> list[Vip]:
    found = []
    for cluster, spec in tree.clusters.items():
        for name, network in spec.networks.items():
            if network.public or network.role == "vip":
                address = network.subnet[0] if network.subnet.prefixlen == 32 else network.subnet[2]
                found.append(Vip(cluster, name, network.usage or "api", str(address)))
    return found
