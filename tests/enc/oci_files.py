"""Files that the recorded OCI was told: its configuration and repositories as specs, its hardware reports."""

import configparser
import json
from pathlib import Path
from typing import Any

import yaml

from reconciler.model.hardware import Cpu, Disk, DiskController, Hardware, Nic


def reports_of(shape: Path) -> list[dict[str, Any]]:
    return [json.loads(line)["report"] for line in (shape / "reports.jsonl").read_text().splitlines()]


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
