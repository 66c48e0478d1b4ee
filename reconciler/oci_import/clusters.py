"""Rows of clusters, networks and locations as documents."""

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Network
from typing import Any, NamedTuple

from ..model.kinds import LocationSpec
from ..model.roles import facts_of
from ..model.zones import swift_region_id, swift_zone_id, unstable_zones
from .database import Row, Tables
from .levels import Levels
from .machines import OciCluster, OciMachine, address_of, is_set
from .overlays.ceph_first_stage import stage_note
from .swift_links import follows_from_link, swift_of
from .yaml_documents import Noted, SpecDocument, ToDecide

_USAGES = {"api": "api", "controller": "api", "sql": "sql", "sqlmsg": "sqlmsg", "messaging": "messaging"}

_ON_EVERY_CONTROLLER = ("install_barbican", "install_heat")
"""Where OCI's database has no column for it, as in older versions."""

WITHOUT_COMPUTES = "OCI installs it on all controllers. Without computes, ours have it only where this asks for it."
HOSTS = "OCI's hosts files lack some names. Drop this to have them; nothing else changes."


def locations(tables: Tables) -> list[SpecDocument]:
    """A Location per row, with the numbers of Swift's rings where ours would be others."""
    regions = {row["name"]: row["id"] for row in tables.get("swiftregions", ())}
    plain = {row["name"]: LocationSpec(swift_region=row["swiftregion"]) for row in tables["locations"]}
    numbered = {name for name in plain if name not in unstable_zones(plain)}
    used = {machine["location_id"] for machine in tables["machines"]}
    used |= {one["location_id"] for one in tables["networks"] if one["is_public"] != "yes" and one["role"] != "vip"}
    found = []
    for row in tables["locations"]:
        if row["id"] not in used:  # OCI wants one for every network, even where nothing stands
            continue
        name, region = row["name"], row["swiftregion"]
        spec: dict[str, Any] = {"swift_region": region}
        if name not in numbered or swift_zone_id(plain, name) != row["id"]:
            spec["swift_zone"] = row["id"]
        number = regions.get(region)
        alone = {name: plain[name]}  # where the region's name says its number, the others do not matter
        if number and (not region[-1:].isdigit() or swift_region_id(alone, name) != number):
            spec["swift_region_number"] = number
        found.append(SpecDocument("Location", name, spec))
    return found


def cluster(of_oci: OciCluster, levels: Levels, *, unbounded: bool) -> tuple[SpecDocument, list[str]]:
    """The cluster's document, and what of it has no counterpart, as sentences.

    Args:
        of_oci: OCI's cluster.
        levels: The settings.
        unbounded: OCI took machines into it without anybody saying so.
    """
    row, tables, machines = of_oci.row, of_oci.tables, of_oci.machines
    name = row["name"]
    leftover: list[str] = []
    places = {one["id"]: one["name"] for one in tables["locations"]}
    networks: dict[str, Any] = {}
    for one in tables["networks"]:
        if one["cluster"] == row["id"] and one["role"] != "ipmi":
            try:
                networks[one["name"]] = network(one, places)
            except ValueError as error:
                leftover.append(f"network {one['name']} of {name}: {error}")
    _number_bridges(networks.values())
    settings: dict[str, Any] = dict(levels.clusters.get(name, {}))
    if of_oci.ceph_alone:
        settings["initial_mon_on_ctrl"] = Noted(True, stage_note(name))
    if linked := swift_of(row, tables):
        known = follows_from_link(linked, tables)
        settings = {key: value for key, value in settings.items() if known.get(key) != value}
    if row.get("haproxy_use_sni") == "yes" or any(vip.usage == "sql" for vip in vips(row, tables)):
        settings["complete_hosts_files"] = Noted(False, HOSTS)
    if not any(machine.role and facts_of(machine.role).runs_instances for machine in machines):
        settings |= {each: Noted(True, WITHOUT_COMPUTES) for each in _ON_EVERY_CONTROLLER if each not in row}
    hosts = [one for one in tables.get("filebeathosts", ()) if one["cluster"] == row["id"]]
    if hosts:
        settings["filebeat_output_hosts"] = tuple(f"{one['hostname']}:{one['port']}" for one in hosts)
    spec: dict[str, Any] = {
        "domain": row["domain"],
        "region": None if row["region_name"] == "RegionOne" else row["region_name"],
        "api": _api(row),
        "networks": networks,
        "links": {"swift": linked["name"]} if linked else None,
        "settings": levels.marked(settings),
        "roles": {role: _pool(name, role, machines, levels, unbounded) for role in _roles(machines)},
    }
    return SpecDocument("Cluster", name, {key: value for key, value in spec.items() if value}), leftover


def _number_bridges(networks: Iterable[dict[str, Any]]) -> None:
    """Write which physical network each of several bridges is: OCI counts them in the order of its table."""
    own = [network for network in networks if network.get("role") == "ovs-bridge" and network.get("bridge")]
    bridges = list(dict.fromkeys(network["bridge"] for network in own))
    for network in own if len(bridges) > 1 else ():
        network["bridge_number"] = bridges.index(network["bridge"])


def network(row: Row, places: Mapping[int, str]) -> dict[str, Any]:
    """One network as it is written in the cluster's document; only what is not ours by default.

    Raises:
        ValueError: OCI holds something that is no network.
    """
    subnet = IPv4Network((row["ip"], int(row["cidr"])), strict=False)
    public = row["is_public"] == "yes"
    is_vip = row["role"] == "vip" and not public
    mtu = int(row.get("mtu") or 0)
    usage = _USAGES.get(str(row.get("vip_usage") or "api"), "api")
    spec: dict[str, Any] = {
        "subnet": str(subnet),
        "location": None if public or is_vip else places.get(row["location_id"]),
        "role": None if public or row["role"] in ("all", None, "") else row["role"],
        "public": public,
        "usage": usage if is_vip else None,
        "interfaces": [row[key] for key in ("iface1", "iface2") if is_set(row.get(key))],
        "vlan": int(row["vlan"]) if is_set(row.get("vlan")) and int(row["vlan"]) else None,
        "mtu": mtu or None,
        "bridge": row["bridgename"] if is_set(row.get("bridgename")) else None,
        "range": _range(row, subnet),
    }
    return {key: value for key, value in spec.items() if value}


def bmc_networks(tables: Tables) -> list[dict[str, Any]]:
    """OCI's networks of BMCs, as the Fleet has them."""
    found = []
    for row in tables["networks"]:
        if row["role"] == "ipmi":
            subnet = IPv4Network((row["ip"], int(row["cidr"])), strict=False)
            booted = IPv4Network((row["ipmi_match_addr"], int(row["ipmi_match_cidr"])), strict=False)
            vlan = int(row["vlan"]) if is_set(row.get("vlan")) else 0
            found.append(
                {"name": row["name"], "subnet": str(subnet), "gateway": str(subnet[1]), "for_machines_in": str(booted)}
                | ({"vlan": vlan} if vlan else {})
            )
    return found


class OciVip(NamedTuple):
    """A virtual address that OCI gave, in the form of ``Enroll.vips``."""

    network: str
    usage: str
    address: str


def vips(row: Row, tables: Tables) -> list[OciVip]:
    """The cluster's virtual addresses."""
    networks = {one["id"]: one for one in tables["networks"] if one["cluster"] == row["id"]}
    return [
        OciVip(one["name"], _usage_of(ip, one), address_of(ip["ip"]))
        for ip in tables.get("ips", ())
        if ip["usefor"] == "vip" and (one := networks.get(ip["network"])) is not None
    ]


def _usage_of(ip: Row, network_row: Row) -> str:
    """Of an address; OCI before 43 knew the API's only, and networks for others by their own column."""
    return _USAGES.get(str(ip.get("vip_usage") or network_row.get("vip_usage") or "api"), "api")


def _range(row: Row, subnet: IPv4Network) -> dict[str, str] | None:
    """What OCI may hand out, unless it is all that we would."""
    first, last = int(row["first_ip"]), int(row["last_ip"])
    lowest, highest = int(subnet.network_address), int(subnet.broadcast_address)
    if subnet.prefixlen >= 31 or (first in (lowest + 1, lowest + 2) and last == highest - 1):
        return None
    return {"first": address_of(max(first, lowest)), "last": address_of(min(last, highest))}


def _api(row: Row) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if row.get("vip_hostname"):
        found["hostname"] = row["vip_hostname"]
    if row.get("self_signed_api_cert") == "no":
        note = (
            ToDecide("OCI's certificate of the API is not self-signed. Put its successor and key into this file."),
            "If you imported without --certificates, put the one of today there first: nodes wait for it.",
        )
        found["certificate"] = Noted(f"/etc/reconciler/{row['name']}-api.pem", note)
    return found


def _pool(cluster: str, role: str, machines: Iterable[OciMachine], levels: Levels, unbounded: bool) -> dict[str, Any]:
    settings = levels.roles.get((cluster, role), {})
    count = sum(1 for machine in machines if machine.role == role)
    return ({} if unbounded else {"count": count}) | ({"settings": levels.marked(settings)} if settings else {})


def _roles(machines: Iterable[OciMachine]) -> list[str]:
    return list(dict.fromkeys(machine.role for machine in machines if machine.role))
