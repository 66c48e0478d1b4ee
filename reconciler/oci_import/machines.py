"""Rows about a machine as what it reported, what it was given, and how far it has come."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import IPv4Address
from typing import Any

from ..hardware.report import ReportError, parse_report
from ..model.hardware import Hardware
from ..model.machine import InstallStatus
from ..model.roles import RoleFacts, facts_of
from .database import Row, Tables

_NOT_FOR_MANAGEMENT = frozenset({"vm-net", "ovs-bridge", "ceph-cluster", "vip"})
_MIB = 2**20
_PLACEHOLDERS = frozenset({"", "unknown", "none", "None"})


@dataclass(frozen=True, slots=True)
class OciMachine:
    """A machine as OCI knows it."""

    row: Row
    serial: str
    hardware: Hardware | None  # None: what OCI knows is no report that we would believe
    cluster: str | None
    role: str | None
    location: str | None
    hostname: str
    addresses: Mapping[str, str]  # network -> address, management first
    address: str  # where it last called from
    heard_at: datetime | None
    status: InstallStatus | None
    installed: bool

    @property
    def facts(self) -> RoleFacts:
        """The facts of its role; of a machine without one, those of a role of the users' own."""
        return facts_of(self.role or "")


@dataclass(frozen=True, slots=True)
class OciCluster:
    """A cluster as OCI knows it."""

    row: Row
    tables: Tables
    machines: Sequence[OciMachine]  # its own, those without a role left out
    ceph_alone: bool  # its controllers and computes have no classes of their own yet


def read_machines(tables: Tables) -> tuple[list[OciMachine], list[str]]:
    """Every machine, and what could not be understood, as sentences."""
    clusters = {row["id"]: row["name"] for row in tables["clusters"]}
    locations = {row["id"]: row["name"] for row in tables["locations"]}
    addresses = _addresses(tables)
    parts = {name: _by_machine(tables.get(name, ())) for name in _PARTS}
    found, leftover = [], []
    for row in tables["machines"]:
        serial = str(row["serial"]).strip()
        hardware = None
        try:
            hardware = parse_report(_report(row, {name: parts[name].get(row["id"], ()) for name in _PARTS}))
        except ReportError as error:
            leftover.append(f"machine {serial}: what OCI knows of its hardware cannot be right: {error}")
        cluster = clusters.get(row["cluster"])
        found.append(
            OciMachine(
                row=row,
                serial=hardware.serial if hardware else serial,
                hardware=hardware,
                cluster=cluster,
                role=row["role"] if cluster and row["role"] else None,
                location=locations.get(row["location_id"]),
                hostname=row["hostname"] or "",
                addresses=addresses.get(row["id"], {}),
                address=str(row["ipaddr"] or ""),
                heard_at=_moment(row.get("lastseen")),
                status=_status(row.get("status")),
                installed=row.get("installed") == "yes" or row.get("puppet_status") == "success",
            )
        )
    return found, leftover


_PARTS = ("blockdevices", "blkdev_ctrl", "physblockdevices", "ifnames")


def _report(row: Row, parts: Mapping[str, Sequence[Row]]) -> bytes:
    """The report of the stock agent that OCI made the rows of."""
    machine = {
        "serial": row["serial"],
        "system_manufacturer": row.get("system_manufacturer"),
        "productname": row.get("product_name"),
        "bios_version": row.get("bios_version"),
        "dell_lifecycle_version": row.get("dell_lifecycle_version"),
        "ipmi_firmware_version": row.get("ipmi_firmware_version"),
        "ipmi_detected_ip": row.get("ipmi_detected_ip"),
        "cpu_vendor": row.get("cpu_vendor"),
        "cpu_threads": row.get("cpu_threads"),
        "cpu_core_per_socket": row.get("cpu_core_per_socket"),
        "cpu_sockets": row.get("cpu_sockets"),
        "cpu_model_name": row.get("cpu_model_name"),
        "cpu_mhz": row.get("cpu_mhz"),
        "boot_uefi": row.get("boot_uefi"),
        "secure_boot": row.get("secure_boot"),
        "use_oci_sort_dev": row.get("use_oci_sort_dev"),
    }
    report = {
        "machine": [_texts(machine)],
        "memory": [{"size": str(row["memory"])}],
        "blockdevices": [
            _texts({"name": disk["name"], "realdev": disk.get("realdev") or disk["name"], "size": _bytes(disk, parts)})
            for disk in parts["blockdevices"]
        ],
        "phys-blockdevices": [_texts(disk) for disk in _placed(parts["physblockdevices"])],
        "blkdev_ctrl": [_texts(_without_ids(controller)) for controller in parts["blkdev_ctrl"]],
        "interfaces": [_texts(_without_ids(nic)) for nic in parts["ifnames"]],
    }
    return json.dumps(report).encode()


def _placed(disks: Sequence[Row]) -> Iterator[dict[str, Any]]:
    """OCI 42 kept no controller and no enclosure: of disks in slots of the same number, each is in one of its own."""
    seen = Counter[object]()
    for disk in disks:
        yield {"controller": 0, "enclosure": seen[disk["slot"]], **_without_ids(disk)}
        seen[disk["slot"]] += 1


def _bytes(disk: Row, parts: Mapping[str, Sequence[Row]]) -> int:
    """OCI keeps whole MiB, rounded up or down; the volume of one physical disk is never larger than it."""
    size = int(disk["size_mb"]) * _MIB
    behind = (int(one["size"]) for one in parts["physblockdevices"])
    return next((exact for exact in behind if abs(exact - size) < _MIB), size)


def _without_ids(row: Row) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in ("id", "machine_id")}


def _texts(values: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in values.items() if value is not None}


def _by_machine(rows: Sequence[Row]) -> dict[int, list[Row]]:
    found: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        found[row["machine_id"]].append(row)
    return found


def _addresses(tables: Tables) -> dict[int, dict[str, str]]:
    """Network name to address by machine id, the management network first."""
    networks = {row["id"]: row for row in tables["networks"]}
    held: dict[int, list[tuple[bool, str, str]]] = defaultdict(list)
    for ip in tables.get("ips", ()):
        network = networks.get(ip["network"])
        if ip["usefor"] == "machine" and network is not None and network["role"] != "ipmi":
            other = network["role"] in _NOT_FOR_MANAGEMENT or network["is_public"] == "yes"
            held[ip["machine"]].append((other, network["name"], address_of(ip["ip"])))
    return {
        machine: {name: address for _, name, address in sorted(each, key=lambda one: one[0])}
        for machine, each in held.items()
    }


def address_of(number: object) -> str:
    """OCI keeps addresses as numbers."""
    return str(IPv4Address(int(str(number))))


def _moment(value: object) -> datetime | None:
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) else None


def _status(value: object) -> InstallStatus | None:
    return next((status for status in InstallStatus if status.value == value), None)


def is_set(value: object) -> bool:
    """Whether OCI stored anything but one of its words for nothing."""
    return value is not None and str(value) not in _PLACEHOLDERS
