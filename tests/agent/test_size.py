"""A large machine is told in a few seconds, and its controller is asked a few times."""

import json
import resource
from pathlib import Path

import pytest

from reconciler.hardware.fields import MAX_BYTES
from reconciler.hardware.report import parse_report

from .box import a_root, printed

DISKS = 60


def a_large_machine(folder: Path) -> dict[str, str]:
    """Sixty disks with a partition each, and the same behind a controller; every tool notes that it was asked."""
    said = folder / "said"
    said.mkdir()
    names = [f"sd{chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(DISKS)]
    disks = [
        {"name": name, "type": "disk", "size": 12 * 10**12, "model": "HUH721212AL5200", "serial": f"8DJ{n:04}",
         "wwn": f"0x5000cca2910a{n:04x}", "rota": True, "tran": "sas",
         "children": [{"name": f"{name}1", "type": "part", "size": 10**12}]}
        for n, name in enumerate(names)
    ]  # fmt: skip
    behind = {}
    for n in range(DISKS):
        key = f"Drive /c0/e8/s{n}"
        behind[key] = [{"EID:Slt": f"8:{n}", "State": "JBOD", "Model": "HUH721212AL5200"}]
        attributes = {"SN": f"8DJ{n:04}", "Non Coerced size": "10.913 TB [0x575400000 Sectors]"}
        behind[f"{key} - Detailed Information"] = {f"{key} Device attributes": attributes}
    listed = [{"EID:Slt": f"8:{n}"} for n in range(DISKS)]
    answers = {
        "lsblk": {"blockdevices": disks},
        "storcli64 %call show J": {"Controllers": [{"Response Data": {"Physical Drives": DISKS, "PD LIST": listed}}]},
        "storcli64 %call%eall%sall show all J": {"Controllers": [{"Response Data": behind}]},
        "wipefs": {"signatures": []},
    }
    for name, answer in answers.items():
        (said / name).write_text(json.dumps(answer, indent=1))
    (said / "dmidecode -s system-serial-number").write_text("LARGE01\n")
    (said / "dmidecode -t memory").write_text("Memory Device\n\tSize: 32 GB\n\tType: DDR4\n")
    tools = {name: (f"{said}/{name} ", f"{said}/{name}") for name in ("lsblk", "storcli64", "wipefs", "dmidecode")}
    root = a_root(folder, tools, "dash")
    for name in tools:
        tool = folder / "bin" / name
        tool.write_text(tool.read_text().replace("#!/bin/sh\n", f'#!/bin/sh\necho "$*" >> {folder}/asked-{name}\n'))
    return root


def test_sixty_disks_are_told_in_few_seconds_by_few_questions(tmp_path: Path) -> None:
    root = a_large_machine(tmp_path)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    report = printed(root)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    hardware = parse_report(report.encode())
    assert (len(hardware.disks), len(hardware.physical_disks)) == (DISKS, DISKS)
    asked = {name: len((tmp_path / f"asked-{name}").read_text().splitlines()) for name in ("wipefs", "storcli64")}
    assert asked == {"wipefs": 2 * DISKS, "storcli64": 2}
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert spent < 5  # seconds of processors: the tools here only print


def test_a_report_of_hundreds_of_disks_over_two_paths_is_taken(tmp_path: Path) -> None:
    root, disks = a_large_machine(tmp_path), 408  # four enclosures of 102
    paths = [
        {"name": f"sd{path}x{n}", "type": "disk", "size": 18 * 10**12, "model": "WUH721818AL5204", "rota": True,
         "serial": f"2JG{n:05}T", "wwn": f"0x5000cca2b{n:07x}", "tran": "sas"}
        for path in "ab"
        for n in range(disks)
    ]  # fmt: skip
    found = {"signatures": [{"device": "x", "offset": "0x0", "type": "xfs", "uuid": "0" * 36, "label": None}]}
    (tmp_path / "said/wipefs").write_text(json.dumps(found))
    (tmp_path / "said/lsblk").write_text(json.dumps({"blockdevices": paths}))
    report = printed(root).encode()
    assert MAX_BYTES / 16 < len(report) < MAX_BYTES / 2, "as many paths again, and more on each, are taken"
    assert len(parse_report(report).disks) == disks


@pytest.mark.parametrize("broken", ["wipefs", "storcli64 %call%eall%sall show all J"])
def test_a_tool_that_prints_nonsense_costs_its_own_fields(tmp_path: Path, broken: str) -> None:
    root = a_large_machine(tmp_path)
    (tmp_path / "said" / broken).write_text('{"half": [')
    hardware = parse_report(printed(root).encode())
    assert (hardware.serial, len(hardware.disks), hardware.memory) == ("LARGE01", DISKS, 32 * 2**30)
    if not hardware.physical_disks:
        assert f"storcli64 lists {DISKS} disks, 0 were read" in hardware.remarks
