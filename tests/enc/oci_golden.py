"""OCI's cluster ``a_swift_only`` as a spec tree and members, from what its server was told."""

import configparser
import json
from pathlib import Path
from typing import Any

import yaml

from reconciler.enc.view import ClusterInput, Member
from reconciler.model.hardware import Cpu, Disk, DiskController, Hardware, Nic

from .build import cluster_input, member, tree_of

SPECS = """
apiVersion: reconciler/v1
kind: Location
metadata: {name: zone-1}
spec: {swift_region: region1}
---
apiVersion: reconciler/v1
kind: Location
metadata: {name: zone-2}
spec: {swift_region: region1}
---
apiVersion: reconciler/v1
kind: Location
metadata: {name: zone-5}
spec: {swift_region: region2, swift_zone: 3}
---
apiVersion: reconciler/v1
kind: Cluster
metadata: {name: swift}
spec:
  domain: example.com
  region: swiftregion
  networks:
    swift-zone-1-net: {subnet: 192.168.10.0/24, location: zone-1, interfaces: [10g1, 10g2]}
    swift-zone-2-net: {subnet: 192.168.11.0/24, location: zone-2, interfaces: [10g1, 10g2]}
    swift-zone-5-net: {subnet: 192.168.12.0/24, location: zone-5, interfaces: [10g1, 10g2]}
    swift-pub: {subnet: 203.0.113.0/24, public: true, interfaces: [eno1]}
  settings:
    statsd_hostname: statsd.example.com
    swift_disable_encryption: false
    swift_public_cloud_middlewares: true
    swift_rsync_connection_limit: 16
    swift_encryption_key_id: 5cd2b5a8-3b1f-4f3d-9a51-0f5b7d4a2c11
    swift_proxy_hostname: swift-swiftproxy-1.example.com
  roles:
    controller: {count: 3}
    swiftproxy: {settings: {swift_store_account: true, swift_store_container: true, swift_store_object: false}}
    swiftstore: {settings: {swift_store_account: false, swift_store_container: false, swift_store_object: true}}
"""


def golden_cluster(shared: Path) -> ClusterInput:
    golden = shared / "oci-golden"
    reports = {r["machine"][0]["serial"]: r for r in reports_of(golden / "a_swift_only")}
    listed = json.loads((golden / "a_swift_only/aux.json").read_text())["machine_list.json"]["data"]
    members = [_member(machine, reports[machine["serial"]]) for machine in listed]
    return cluster_input(
        tree_of(fleet_yaml(golden / "config"), SPECS, repositories_yaml(golden / "config/repos")),
        "swift",
        members,
        api="203.0.113.2",
    )


def reports_of(shape: Path) -> list[dict[str, Any]]:
    return [json.loads(line)["report"] for line in (shape / "reports.jsonl").read_text().splitlines()]


def _member(machine: dict[str, Any], report: dict[str, Any]) -> Member:
    address, _, network = machine["mgmt_ip"].partition("@")
    system = {machine["raid_dev0"], machine["raid_dev1"]} if machine["install_on_raid"] == "yes" else {"sda"}
    names = sorted(disk["name"] for disk in report["blockdevices"])
    return member(
        "swift",
        machine["role"],
        0,
        address,
        network,
        machine["location_name"],
        hostname=machine["hostname"],
        serial=machine["serial"],
        hardware=hardware_of(report),
        data_disks=tuple(name for name in names if name not in system),
    )


def hardware_of(report: dict[str, Any]) -> Hardware:
    machine = report["machine"][0]
    return Hardware(
        serial=machine["serial"],
        manufacturer=machine["system_manufacturer"],
        product=machine["productname"],
        memory=int(report["memory"][0]["size"]) * 2**20,
        cpu=Cpu(sockets=int(machine["cpu_sockets"])),
        disks=tuple(Disk(d["name"], d["realdev"], int(d["size"])) for d in report["blockdevices"]),
        nics=tuple(Nic(n["name"], n["macaddr"], driver=n["driver"]) for n in report["interfaces"]),
        controllers=tuple(
            DiskController(c["hwid"], c["vendor"], c["product"], c["ctrl_type"]) for c in report["blkdev_ctrl"]
        ),
        sort_devices=machine["use_oci_sort_dev"] == "yes",
    )


def fleet_yaml(config: Path) -> str:
    conf = configparser.ConfigParser(interpolation=None)
    conf.optionxform = str
    conf.read(config / "openstack-cluster-installer.conf")
    golden_mirror = (
        "http://mirror.example.com/debian-buildd"  # the conf file was changed after the documents were taken
    )
    network, tokens = conf["network"], dict(conf["repo_tokens"]) | {"DEBIAN_INCOMING_BUILDD": golden_mirror}
    spec = {
        "provisioning": {"address": network["OCI_IP"], "hostname": "vm", "trusted_networks": ["192.168.100.0/24"]},
        "mirrors": {
            "debian": network["debian_mirror"],
            "security": network["debian_security_mirror"],
            "backports": network["debian_backport_mirror"],
            "incoming": golden_mirror,
        },
        "release": {"openstack": "epoxy", "debian": "trixie"},
        "http_proxy": {"enabled": False, "address": network["HTTP_PROXY_ADDR"]},
        "repository_tokens": tokens,
    }
    return yaml.safe_dump({"apiVersion": "reconciler/v1", "kind": "Fleet", "metadata": {"name": "fleet"}, "spec": spec})


LISTS = {
    "roles": "supported_role",
    "distributions": "supported_codename",
    "hardware_vendors": "target_hardware_vendor_value",
}
AS_THEY_ARE = (
    "filename",
    "suites",
    "supported_arch",
    "unsupported_codename",
    "target_package_list",
    "target_hardware_vendor_cmd_check",
)


def repositories_yaml(folder: Path) -> str:
    documents = []
    for path in sorted(folder.glob("*/*/repo.conf")):
        conf = configparser.ConfigParser(interpolation=None, default_section="none")
        conf.optionxform = str
        conf.read(path)
        documents.append(_repository(path.parent, {name: dict(conf[name]) for name in conf.sections()}))
    return yaml.safe_dump_all(documents)


def _repository(folder: Path, conf: dict[str, dict[str, str]]) -> dict[str, Any]:
    default = conf.pop("DEFAULT")
    keys = {p.name: p for p in folder.glob("*.asc")}
    spec: dict[str, Any] = {
        "family": folder.parent.name,
        "name": folder.name,
        "install_in_target": default.get("install_repo_in_target") == "yes",
        "extra": {key: default[key].strip('"') for key in AS_THEY_ARE if key in default},
        "tokens": {key: value for key, value in default.items() if key.isupper()},
        "distribution_tokens": conf,
    }
    spec |= {ours: default[theirs].strip('"').split(",") for ours, theirs in LISTS.items() if theirs in default}
    for field, file in (("sources", "repo.sources"), ("pinning", "repo.pref")):
        if (folder / file).exists():
            spec[field] = (folder / file).read_text()
    if keys:
        spec["key"] = next(iter(keys.values())).read_text()
    return {
        "apiVersion": "reconciler/v1",
        "kind": "Repository",
        "metadata": {"name": f"{folder.parent.name}-{folder.name}"},
        "spec": spec,
    }
