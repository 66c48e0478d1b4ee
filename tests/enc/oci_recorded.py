"""A recorded OCI cluster as specs, members, virtual addresses and secrets, from its database dump alone."""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from ipaddress import ip_address
from typing import Any

import yaml

from reconciler.enc import yaml_writer
from reconciler.enc.compile import compile_node
from reconciler.enc.params import SecretText
from reconciler.enc.view import NOT_FOR_MANAGEMENT, ClusterInput, Member, views
from reconciler.model.machine import Vip
from reconciler.model.settings import SettingRow
from reconciler.specs.settings_table import load_table

from ..reference import configuration
from ..reference.clusters import VERSION, Cluster
from ..reference.database import Row, Tables
from .build import cluster_input, member, tree_of
from .oci_files import fleet_yaml, hardware_of, repositories_yaml

CLUSTERED = ("controller", "messaging", "sql", "sqlmsg")
"""Roles whose nodes corosync knows by OCI's numbers of machines."""

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Recorded:
    """A recording whose database holds one cluster."""

    recording: Cluster

    @property
    def tables(self) -> Tables:
        return self.recording.tables

    @property
    def cluster(self) -> Row:
        return self.tables["clusters"][0]

    @property
    def name(self) -> str:
        return str(self.cluster["name"])

    @cached_property
    def networks(self) -> dict[str, Row]:
        return {str(row["id"]): row for row in self.tables["networks"]}

    @cached_property
    def locations(self) -> dict[str, str]:
        return {str(row["id"]): str(row["name"]) for row in self.tables["locations"]}

    def given(self, version: str = VERSION, **settings: Any) -> ClusterInput:
        """The cluster as the tables need it. ``settings``: the cluster's, over what the dump says."""
        told = configuration.recorded()
        tree = tree_of(fleet_yaml(told.conf), self._specs(settings), repositories_yaml(told.repositories))
        base = cluster_input(tree, self.name, self._members(), version)
        vips = (row for row in self.tables["ips"] if row["usefor"] == "vip")
        found = tuple(
            Vip(self.name, str(self._network(row)["name"]), str(row["vip_usage"]), _address(row["ip"])) for row in vips
        )
        return replace(base, vips=found)

    def documents(self, given: ClusterInput | None = None) -> dict[str, dict[str, Any]]:
        """Every node's classes, as they stand in its document, with the secrets of the dump."""
        texts = {
            hostname: yaml_writer.dump(compile_node(view).document, self.reveal)
            for hostname, view in views(given or self.given()).items()
        }
        return {hostname: yaml.load(text, yaml.CSafeLoader)["classes"] for hostname, text in texts.items()}

    def reveal(self, secret: SecretText) -> str:
        """The text that OCI made, as YAML; keys of certificates are not in the dump."""
        if secret.ref.form == "ssh":
            return yaml_writer.quoted(
                self._public_key(secret) if secret.part == "public" else "a private key, in base64"
            )
        row = self._password(secret)
        if row is None:
            return yaml_writer.quoted("a certificate or a key, in base64")
        text = str(row["pass"])
        return yaml_writer.quoted(as_fernet(text) if secret.ref.kind.startswith("fernetkey") else text)

    def _password(self, secret: SecretText) -> Row | None:
        kind, _, az = secret.ref.kind.partition("-az")
        return self._passwords.get((secret.ref.service, kind, az or "0"))

    def _public_key(self, secret: SecretText) -> str:
        if secret.ref.service == "root":
            rows = (row["pubkey"] for row in self.tables["sshkeypairs"] if row["hostname"] == secret.ref.owner)
            return _unserialized(next(rows, None))
        row = self._password(secret)
        return _unserialized(row["passtxt1"]) if row else "no such pair"

    @cached_property
    def _passwords(self) -> dict[tuple[str, str, str], Row]:
        rows = self.tables["passwords"]
        return {(str(r["service"]), str(r["passtype"]), str(r.get("az", "0"))): r for r in rows}

    def _network(self, row: Row) -> Row:
        return self.networks[str(row["network"])]

    def _specs(self, settings: Mapping[str, Any]) -> str:
        documents = [
            _document(
                "Location", str(row["name"]), {"swift_region": row["swiftregion"], "swift_zone": int(str(row["id"]))}
            )
            for row in self.tables["locations"]
        ]
        cluster = self.cluster
        spec: dict[str, Any] = {
            "domain": cluster["domain"],
            "region": cluster["region_name"],
            "networks": {str(row["name"]): self._network_spec(row) for row in self.networks.values()},
            "settings": {**_settings(cluster, "cluster"), **settings},
            "roles": {str(row["role"]): {"count": None} for row in self.tables["machines"] if row["role"]},
        }
        if cluster["vip_hostname"]:
            spec["api"] = {"hostname": cluster["vip_hostname"]}
        documents.append(_document("Cluster", self.name, spec))
        for machine in self.tables["machines"]:
            own = _settings(machine, "machine")
            if machine["role"] in CLUSTERED and f"-{machine['id']}." not in str(machine["hostname"]):
                own["corosync_node_id"] = int(str(machine["id"]))
            documents += [_document("Machine", str(machine["serial"]), {"settings": own})] if own else []
        return yaml.safe_dump_all(documents, sort_keys=False)

    def _network_spec(self, row: Row) -> dict[str, Any]:
        spec: dict[str, Any] = {
            "subnet": f"{row['ip']}/{row['cidr']}",
            "interfaces": [name for name in (row["iface1"], row["iface2"]) if name and name != "none"],
        }
        if row["is_public"] == "yes":
            return {**spec, "public": True}
        if row["role"] != "all":
            spec["role"] = row["role"]
        if row["role"] == "vip":
            spec["usage"] = {"controller": "api"}.get(str(row["vip_usage"]), row["vip_usage"])
        else:
            spec["location"] = self.locations[str(row["location_id"])]
        if row["mtu"] not in (None, "0"):
            spec["mtu"] = int(str(row["mtu"]))
        if row["vlan"]:
            spec["vlan"] = int(row["vlan"])
        if row["bridgename"]:
            spec["bridge"] = row["bridgename"]
        return spec

    def _members(self) -> list[Member]:
        reports = self.recording.reports
        return [self._member(row, reports[str(row["serial"])]) for row in self.tables["machines"] if row["hostname"]]

    def _member(self, row: Row, report: dict[str, Any]) -> Member:
        ips = [ip for ip in self.tables["ips"] if ip["usefor"] == "machine" and ip["machine"] == row["id"]]
        places = {str(self._network(ip)["name"]): _address(ip["ip"]) for ip in ips}
        roles = {str(self._network(ip)["name"]): self._network(ip)["role"] for ip in ips}
        first = next(name for name, role in roles.items() if role not in NOT_FOR_MANAGEMENT)
        number = re.search(r"-(\d+)\.", str(row["hostname"]))
        made = member(
            self.name,
            str(row["role"]),
            int(number[1]) if number else 0,
            places.pop(first),
            first,
            self.locations[str(row["location_id"])],
            hostname=row["hostname"],
            serial=row["serial"],
            hardware=hardware_of(report),
            data_disks=_data_disks(row, sorted(disk["name"] for disk in report["blockdevices"])),
            addresses=places,
        )
        if (row["status"], row["puppet_status"]) != ("installed", "success"):
            return made
        return replace(made, in_service=True, begun_at=LONG_AGO, served_at=LONG_AGO)


def as_fernet(digits: str) -> str:
    """The Fernet key that OCI makes of a password: its first 32 hexadecimal digits, taken for bytes."""
    return base64.b64encode(digits[:32].encode()).decode()


def _unserialized(text: str | None) -> str:
    """The text inside of PHP's ``s:3:"abc";``."""
    return str(text).partition(':"')[2].removesuffix('";')


def _document(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "reconciler/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}


def _address(number: str | None) -> str:
    return str(ip_address(int(str(number))))


def _settings(row: Row, level: str) -> dict[str, Any]:
    """Settings of the table that the columns of a row set to another value than the default."""
    found = {}
    for name, known in load_table().items():
        text = row.get(name)
        if text is None or level not in known.levels or (text == "cluster_value" != known.default):
            continue
        value = _typed(known, text)
        if value != (list(known.default) if isinstance(known.default, tuple) else known.default):
            found[name] = value
    return found


def _typed(known: SettingRow, text: str) -> Any:
    match known.type:
        case "boolean":
            return text == "yes"
        case "int":
            return int(text)
        case "float":
            return float(text)
        case "list":
            return [] if text == "none" else re.findall(r"[^,; ]+", text)
        case _:
            return text


def _data_disks(row: Row, names: list[str]) -> tuple[str, ...]:
    """The disks without the system's. Where OCI names none it is the first, whatever it is called."""
    if row["install_on_raid"] == "yes":
        count = {"0": 2, "1": 2, "5": 3, "10": 4}[str(row["raid_type"])]
        system = {row[f"raid_dev{n}"] for n in range(count)}
    else:
        system = {names[0] if row["dest_blk"] == "none" else row["dest_blk"]}
    return tuple(name for name in names if name not in system)
