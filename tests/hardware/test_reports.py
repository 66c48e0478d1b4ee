"""Case folders: ``reports/<case>/report.json`` with what it says in ``hardware.json``, or why it is refused in
``error.txt``. ``GOLDEN=overwrite pytest`` writes the expectation anew, for review in the diff.
"""

import json
import os
from dataclasses import asdict
from pathlib import Path

import pytest

from reconciler.hardware.report import ReportError, parse_report

CASES = sorted(path for path in (Path(__file__).parent / "reports").iterdir() if path.is_dir())


def expect_text(path: Path, got: str) -> None:
    if os.environ.get("GOLDEN") == "overwrite":
        path.write_text(got)
    assert got == path.read_text(), f"{path} differs; GOLDEN=overwrite rewrites it"


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.name)
def test_a_report_says_this_or_is_refused_for_that(case: Path) -> None:
    try:
        hardware = parse_report((case / "report.json").read_bytes())
    except ReportError as error:
        expect_text(case / "error.txt", f"{error}\n")
        assert not (case / "hardware.json").exists()
        return
    expect_text(case / "hardware.json", json.dumps(asdict(hardware), indent=1) + "\n")
    assert not (case / "error.txt").exists()


def test_there_are_cases_of_both_sorts() -> None:
    refused = [case for case in CASES if (case / "error.txt").exists()]
    assert len(refused) >= 20
    assert len(CASES) - len(refused) >= 15


def a_report(**lists: list[dict[str, str]]) -> bytes:
    return json.dumps({"machine": [{"serial": "S1ABCDE"}], "memory": [{"size": "1024"}], **lists}).encode()


def test_a_host_key_that_cannot_be_read_leaves_out_itself() -> None:
    good = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHUyYXcbxrPFPAVVrCBqfHZQ2QdBPSDZ4hRcYhg3pGvB"
    report = json.loads(a_report()) | {"ssh_host_keys": ["", good, "ssh-rsa AAAA\0\0", 7]}
    hardware = parse_report(json.dumps(report).encode())
    assert hardware.ssh_host_keys == (good,)
    assert hardware.extra == {"ssh_host_keys[2]": "ssh-rsa AAAA\\x00\\x00", "ssh_host_keys[3]": 7}


def paths(disks: int, each: int) -> list[dict[str, str]]:
    return [
        {
            "name": f"sd{path}x{disk}",
            "size": "18000207937536",
            "serial": f"2JG{disk:05}",
            "wwn": f"0x5000cca2b1a0{disk:04x}",
        }
        for path in range(each)
        for disk in range(disks)
    ]


def test_disks_are_counted_once_however_many_paths_lead_to_them() -> None:
    assert len(parse_report(a_report(blockdevices=paths(512, 2))).disks) == 512
    with pytest.raises(ReportError, match="blockdevices: names 513 disks, more than 512"):
        parse_report(a_report(blockdevices=paths(513, 1)))
    with pytest.raises(ReportError, match="blockdevices: has 2049 entries, more than 2048"):
        parse_report(a_report(blockdevices=[{"name": f"s{i}", "size": "1"} for i in range(2049)]))


def test_of_too_many_controllers_those_of_one_disk_each_are_left_out_first() -> None:
    nvme, raid = {"ctrl_type": "nvme"}, {"ctrl_type": "LSI-raid"}
    hardware = parse_report(a_report(blkdev_ctrl=[nvme] * 72 + [raid]))
    assert len(hardware.controllers) == 64 and hardware.has_raid_controller
    assert hardware.remarks == ("controllers: 9 of 73 are left out",)
    assert parse_report(a_report(blkdev_ctrl=[nvme] * 64)).remarks == ()
