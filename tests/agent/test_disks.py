"""Disks as the real agent tells them: block devices that are none to install on, and what a disk cannot do."""

import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from reconciler.hardware.report import PETABYTE, parse_report
from reconciler.model.hardware import Hardware

from ..hardware.test_corpus import CORPUS, a_machine
from .box import printed

GOOD = {"name": "sda", "type": "disk", "size": 480103981056, "model": "SSDSC2KB480G8", "serial": "S1", "rota": False}


@dataclass(frozen=True, slots=True)
class Device:
    """A block device beside a good disk."""

    name: str
    on: str = "pci0000:00/0000:00:17.0/host1/target1:0:0/1:0:0:0/block"  # folder below /sys/devices
    size: int = 12 * 10**12
    sys: Mapping[str, str] = field(default_factory=dict)  # files below its own folder in /sys, and what they say


def hardware_with(device: Device, folder: Path, shell: str) -> Hardware:
    """What a machine of a good disk and the device reports."""
    machine, root = folder / "machine", folder / "root"
    machine.mkdir()
    root.mkdir()
    shutil.copy(CORPUS[0] / "dmidecode", machine / "dmidecode")
    other = {**GOOD, "name": device.name, "size": device.size, "serial": "S2"}
    (machine / "lsblk").write_text(json.dumps({"blockdevices": [GOOD, other]}))
    (machine / "wipefs").write_text('{"signatures": []}')
    sda, path = (
        "devices/pci0000:00/0000:00:17.0/host0/target0:0:0/0:0:0:0/block/sda",
        f"devices/{device.on}/{device.name}",
    )
    files = {f"{sda}/device/model": "X", f"{path}/device/model": "X"} | {
        f"{path}/{name}": said for name, said in device.sys.items()
    }
    links = {"block/sda": f"../{sda}", f"block/{device.name}": f"../{path}"}
    lines = [*(f"{name} = {said}" for name, said in files.items()), *(f"{name} -> {to}" for name, to in links.items())]
    (machine / "sys").write_text("\n".join(lines))
    return parse_report(printed(a_machine(root, machine, shell)).encode())


MTD = "pci0000:00/0000:00:1f.5/spi_master/spi0/spi0.0/mtd/mtd0"
FLASH = "a flash chip of the board"

LEFT_OUT = [
    (Device("mtdblock0", MTD, 33554432), f"disks: left out are mtdblock0 ({FLASH})"),
    (Device("ftla", MTD, 33554432), f"disks: left out are ftla ({FLASH})"),
    (Device("ubiblock0_0", "virtual/ubi/ubi0", 33554432), f"disks: left out are ubiblock0_0 ({FLASH})"),
    (
        Device("sdb", size=130 * 10**15),
        "disks: sdb (SSDSC2KB480G8 S2) is left out: it says an impossible size, 130000 TB",
    ),
    (Device("sdc", size=0), "disks: sdc (SSDSC2KB480G8 S2) is left out: it says size 0"),
]


@pytest.mark.parametrize("shell", ["dash", "busybox"])
@pytest.mark.parametrize(("device", "remark"), LEFT_OUT, ids=[device.name for device, _ in LEFT_OUT])
def test_what_is_no_disk_to_install_on_leaves_out_itself(
    device: Device, remark: str, shell: str, tmp_path: Path
) -> None:
    hardware = hardware_with(device, tmp_path, shell)
    assert [disk.device for disk in hardware.disks] == ["sda"]
    assert remark in hardware.remarks


FAULTS = [
    ({"ro": "0", "queue/zoned": "none"}, ""),
    ({"ro": "1", "queue/zoned": "none"}, "read-only"),
    ({"ro": "0", "queue/zoned": "host-managed"}, "host-managed"),
    ({"ro": "0", "queue/zoned": "host-aware"}, ""),  # it takes random writes
    ({}, ""),
]


@pytest.mark.parametrize("shell", ["dash", "busybox"])
@pytest.mark.parametrize(("sys", "fault"), FAULTS)
def test_a_disk_says_why_no_file_system_can_be_made_on_it(
    sys: Mapping[str, str], fault: str, shell: str, tmp_path: Path
) -> None:
    first, second = hardware_with(Device("sdb", sys=sys), tmp_path, shell).disks
    assert (first.fault, second.fault) == ("", fault)


@pytest.mark.parametrize("shell", ["dash", "busybox"])
@pytest.mark.parametrize("size", [10**15, 10**15 + 1])
def test_the_largest_disk_that_counts_is_the_largest_that_the_server_takes(
    size: int, shell: str, tmp_path: Path
) -> None:
    hardware = hardware_with(Device("sdb", size=size), tmp_path, shell)
    assert [disk.device for disk in hardware.disks] == (["sda", "sdb"] if size <= PETABYTE else ["sda"])


@pytest.mark.parametrize("shell", ["dash", "busybox"])
def test_a_disk_behind_a_controller_that_says_an_impossible_size_leaves_out_itself(shell: str, tmp_path: Path) -> None:
    folder, root = tmp_path / "machine", tmp_path / "root"
    shutil.copytree(next(path for path in CORPUS if path.name == "megacli-directly-attached"), folder)
    root.mkdir()
    listing = next(path for path in folder.iterdir() if "PDList" in path.name)
    first, size, rest = re.split(r"(Raw Size: .*\[0x[0-9a-f]+)", listing.read_text(), maxsplit=1)
    listing.write_text(f"{first}{size}ffffffff{rest}".replace("Non Coerced Size", "Size"))
    report = json.loads(printed(a_machine(root, folder, shell)))
    assert any("is left out: it says an impossible size" in remark for remark in report["remarks"])
    assert len(parse_report(json.dumps(report).encode()).physical_disks) >= 1
