"""Hardware reports as OCI's agent sends them, without the names of the fields."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

Report = dict[str, list[dict[str, str]]]
Kept = Mapping[str, Sequence[Sequence[str]]]

FIELDS = {
    "blockdevices": ("name", "realdev", "size", "model"),
    "phys-blockdevices": ("controller", "enclosure", "slot", "model", "serial", "size", "state"),
    "interfaces": (
        "name", "macaddr", "max_speed", "switchport_name", "switch_hostname", "firmware_version", "driver",
    ),
    "blkdev_ctrl": ("hwid", "vendor", "product", "ctrl_type", "firmware_version"),
    "machine": (
        "serial", "system_manufacturer", "productname", "bios_version", "dell_lifecycle_version",
        "ipmi_firmware_version", "ipmi_detected_ip", "ladvd_report", "use_oci_sort_dev", "cpu_vendor", "cpu_threads",
        "cpu_core_per_socket", "cpu_sockets", "cpu_model_name", "cpu_mhz", "boot_uefi", "secure_boot",
    ),
    "memory": ("size", "type", "speed", "manufacturer"),
}  # fmt: skip
"""The parts of a report, and the fields of each entry."""


def read_report(kept: Kept) -> Report:
    """The report."""
    return {part: [dict(zip(FIELDS[part], values, strict=True)) for values in rows] for part, rows in kept.items()}


def write_report(report: Mapping[str, Sequence[Mapping[str, Any]]]) -> Kept:
    """What is kept of a report."""
    return {part: [[row[name] for name in FIELDS[part]] for row in rows] for part, rows in report.items()}


def as_sent(report: Report) -> bytes:
    """What goes over the wire."""
    return json.dumps(report).encode()
