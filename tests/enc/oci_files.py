"""What the recorded OCI was told, as specs; and the hardware reports that it had, understood."""

from collections.abc import Iterable
from typing import Any

import yaml

from reconciler.model.hardware import Cpu, Disk, DiskController, Hardware, Nic

from ..reference.configuration import Repository, Sections


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


def fleet_yaml(conf: Sections) -> str:
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


def repositories_yaml(repositories: Iterable[Repository]) -> str:
    return yaml.safe_dump_all([_document(one) for one in repositories])


def _document(one: Repository) -> dict[str, Any]:
    conf = dict(one.conf)
    default = conf.pop("DEFAULT")
    texts = {"sources": one.sources, "pinning": one.pinning, "key": one.key}
    spec: dict[str, Any] = {
        "family": one.family,
        "name": one.name,
        "install_in_target": default.get("install_repo_in_target") == "yes",
        "extra": {key: default[key].strip('"') for key in AS_THEY_ARE if key in default},
        "tokens": {key: value for key, value in default.items() if key.isupper()},
        "distribution_tokens": conf,
        **{field: text for field, text in texts.items() if text is not None},
        **{ours: default[theirs].strip('"').split(",") for ours, theirs in LISTS.items() if theirs in default},
    }
    name = f"{one.family}-{one.name}"
    return {"apiVersion": "reconciler/v1", "kind": "Repository", "metadata": {"name": name}, "spec": spec}
