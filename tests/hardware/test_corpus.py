"""Machines of the field, told by the real agent and understood by the real parser. Adding one needs no Python.

A machine is a folder below ``corpus/``. ``about.md`` names the public record and what it says, and where the machine
showed a fault of this product. ``expected.yaml`` holds what follows from that record, written before the agent ran.
``dmidecode`` is that tool's whole output; ``lsblk``, ``lldpcli -f json show neighbors`` and so on are what the tools
print, each for its command line, or for every one ("/" is written "%"). ``sys`` has what is below /sys, ``meminfo`` is
the kernel's. Serials and addresses are invented, and the texts were made anew in the tools' formats.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconciler.hardware.report import ReportError, parse_report
from reconciler.model.hardware import Hardware
from reconciler.model.raid import place_text

from ..agent.box import a_root, printed

CORPUS = sorted(path for path in (Path(__file__).parent / "corpus").iterdir() if path.is_dir())
NO_TOOLS = {"about.md", "expected.yaml", "dmidecode", "sys", "meminfo"}
KEYWORDS = {
    "bios-vendor": (0, "Vendor"), "bios-version": (0, "Version"), "bios-revision": (0, "BIOS Revision"),
    "system-manufacturer": (1, "Manufacturer"), "system-serial-number": (1, "Serial Number"),
    "system-uuid": (1, "UUID"), "baseboard-serial-number": (2, "Serial Number"), "chassis-type": (3, "Type"),
    "chassis-serial-number": (3, "Serial Number"),
}  # fmt: skip
"""What ``dmidecode -s`` calls a field: the structure's type, and the field's name there."""


def dmi_answers(whole: str) -> Iterator[tuple[str, str]]:
    """What dmidecode says to narrower questions: command line and answer."""
    blocks = [
        (int(n[1]), block) for block in whole.split("\n\n") if (n := re.match(r"Handle .* DMI type (\d+)", block))
    ]
    yield "-t 1", "\n\n".join(block for kind, block in blocks if kind == 1)
    yield "-t memory", "\n\n".join(block for kind, block in blocks if kind in (5, 6, 16, 17))
    for keyword, (wanted, field) in KEYWORDS.items():
        values = [re.search(rf"^\t{field}: (.*)$", block, re.MULTILINE) for kind, block in blocks if kind == wanted]
        yield f"-s {keyword}", "".join(f"{value[1]}\n" for value in values if value)


def a_machine(folder: Path, machine: Path, shell: str) -> dict[str, str]:
    """The environment in which the agent meets the machine."""
    names = {path.name.partition(" ")[0] for path in machine.iterdir()} - NO_TOOLS
    tools = {name: (f"{machine}/{name} ", f"{machine}/{name}") for name in names}
    dmi = folder / "dmi"
    dmi.mkdir()
    for line, answer in dmi_answers((machine / "dmidecode").read_text()):
        (dmi / line).write_text(answer)
    root = a_root(folder, tools | {"dmidecode": (f"{dmi}/", "")}, shell)
    for line in (machine / "sys").read_text().splitlines():
        name, sign, value = line.split(" ", maxsplit=2)
        path = folder / "sys" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if sign == "->":
            path.symlink_to(value)
        else:
            path.write_text(f"{value}\n")
    if (machine / "meminfo").exists():
        (folder / "proc/meminfo").write_text((machine / "meminfo").read_text())
    return root


def told(hardware: Hardware) -> dict[str, Any]:
    """What may be expected of a machine."""
    dmi = hardware.dmi
    return {
        "serial": hardware.serial,
        "product": hardware.product,
        "memory": hardware.memory // 2**20,
        "disks": {disk.device: disk.size for disk in hardware.disks},
        "external": [disk.device for disk in hardware.disks if disk.is_external],
        "models": {disk.device: disk.model for disk in hardware.disks},
        "paths": {disk.device: list(disk.paths) for disk in hardware.disks if disk.paths},
        "behind": {place_text(disk.place): disk.size for disk in hardware.physical_disks},
        "serials": [disk.serial for disk in hardware.physical_disks],
        "nics": {nic.name: nic.speed for nic in hardware.nics},
        "permanent": {nic.name: nic.permanent for nic in hardware.nics if nic.permanent},
        "heard": {nic.name: " ".join(word for word in (nic.switch, nic.port) if word) for nic in hardware.nics},
        "also": {nic.name: list(nic.port_also) for nic in hardware.nics},
        "controllers": {controller.product: controller.firmware or "0.0.0" for controller in hardware.controllers},
        "dmi": {"system": dmi.system, "board": dmi.board, "chassis": dmi.chassis, "uuid": dmi.uuid},
        "bmc": hardware.bmc_address,
        "bios": hardware.bios_version,
        "cpu": hardware.cpu.model,
        "unread": list(hardware.unread),
    }


def where(report: dict[str, Any]) -> dict[str, dict[str, str]]:
    """The controllers that disks are on, and what else tells one disk from the other, as the agent says it."""
    disks = {disk["realdev"]: disk for disk in report["blockdevices"]}
    behind = {
        ":".join(disk.get(part, "") for part in ("controller", "enclosure", "slot")): disk
        for disk in report.get("phys-blockdevices", ())
    }
    wanted = {"pci": (disks, "pci"), "nsid": (disks, "nsid")} | {
        f"behind_{key}": (behind, key) for key in ("pci", "wwn")
    }
    return {
        word: {name: disk[key] for name, disk in found.items() if key in disk} for word, (found, key) in wanted.items()
    }


@pytest.mark.parametrize("shell", ["dash", "busybox"])
@pytest.mark.parametrize("machine", CORPUS, ids=lambda path: path.name)
def test_a_machine_of_the_field_is_understood(machine: Path, shell: str, tmp_path: Path) -> None:
    expected = yaml.safe_load((machine / "expected.yaml").read_text())
    report = printed(a_machine(tmp_path, machine, shell))
    if "refused" in expected:
        with pytest.raises(ReportError) as why:
            parse_report(report.encode())
        assert str(why.value) == expected["refused"]
        return
    hardware = parse_report(report.encode())
    remarks, none = expected.pop("remarks", []), expected.pop("no_remarks", [])
    assert [part for part in remarks if not any(part in remark for remark in hardware.remarks)] == []
    assert [remark for remark in hardware.remarks if any(part in remark for part in none)] == []
    found = told(hardware) | where(json.loads(report))
    found["dmi"] = {name: found["dmi"][name] for name in expected.get("dmi", {})}
    found["controllers"] = {name: found["controllers"].get(name) for name in expected.get("controllers", {})}
    assert {name: found[name] for name in expected} == expected


def test_each_machine_has_a_public_source_and_enough_showed_a_fault() -> None:
    about = {machine.name: (machine / "about.md").read_text() for machine in CORPUS}
    assert len(about) >= 40
    assert [name for name, text in about.items() if not re.search(r"^Source: https://", text, re.MULTILINE)] == []
    assert len([name for name, text in about.items() if "\nShowed: " in text]) >= 10


def test_no_two_machines_say_one_thing_but_for_names_and_numbers() -> None:
    seen: dict[tuple[str, str], str] = {}
    for machine in CORPUS:
        for path in machine.iterdir():
            if path.name in NO_TOOLS - {"dmidecode"}:
                continue
            bare = re.sub(r"\b\w*\d[\w.:-]*", "0", path.read_text())
            assert seen.setdefault((path.name, bare), machine.name) == machine.name, f"{path} says what that says"
