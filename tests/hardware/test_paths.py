"""One disk behind two adapters is one disk; disks that only look alike are several."""

from dataclasses import replace

import pytest

from reconciler.hardware.paths import one_per_disk
from reconciler.model.contents import Contents
from reconciler.model.hardware import Disk

SIZE = 12_000_138_625_024
WWN = "0x5000000000000b01"


def disk(device: str, serial: str = "", wwn: str = "", size: int = SIZE, model: str = "HDD-12T") -> Disk:
    return Disk(device, device, size, model, serial, wwn)


@pytest.mark.parametrize(
    ("listed", "multipath", "folded"),
    [
        ([disk("sdb", "SERB", WWN), disk("sdc", "SERB", WWN)], {}, ["sdb=sdb,sdc"]),
        ([disk("sdb", "SERB"), disk("sda"), disk("sdc", "SERB")], {}, ["sdb=sdb,sdc", "sda"]),
        ([disk("sdb", "SERB"), disk("sdc", "SERB", WWN)], {}, ["sdb=sdb,sdc"]),
        ([disk("sdb"), disk("sdc")], {"sdb": "mpatha", "sdc": "mpatha"}, ["sdb=sdb,sdc"]),
        ([disk("sdb"), disk("sdc")], {"sdb": "mpatha", "sdc": "mpathb"}, ["sdb", "sdc"]),
        ([disk("sdb"), disk("sdc")], {"sdb": "mpatha"}, ["sdb", "sdc"]),
        ([disk("sdb"), disk("sdc", size=SIZE // 2)], {"sdb": "mpatha", "sdc": "mpatha"}, ["sdb", "sdc"]),
        ([disk("sdb"), disk("sdc")], {}, ["sdb", "sdc"]),
        ([disk("sdb", "00000000"), disk("sdc", "00000000")], {}, ["sdb", "sdc"]),
        ([disk("sdb", wwn="0x0000000000000000"), disk("sdc", wwn="0x0000000000000000")], {}, ["sdb", "sdc"]),
        ([disk("vda", "VIRTUAL1"), disk("vdb", "VIRTUAL1", size=SIZE // 2)], {}, ["vda", "vdb"]),
        ([disk("sdb", "SERB"), disk("sdc", "SERB", model="SSD")], {}, ["sdb", "sdc"]),
        (
            [disk("nvme0n1", "SERN", "eui.0025385b71b1a2c3"), disk("nvme0n2", "SERN", "eui.0025385b71b1a2c4")],
            {},
            ["nvme0n1", "nvme0n2"],
        ),
        ([disk("nvme0n1", "SERN"), disk("nvme0n2", "SERN")], {}, ["nvme0n1", "nvme0n2"]),
        (  # sdb could be either
            [disk("sda", "SERB", WWN), disk("sdb", "SERB"), disk("sdc", "SERB", "0x5000000000000b02")],
            {},
            ["sda=sda,sdb", "sdc"],
        ),
    ],
)
def test_a_disk_is_counted_by_who_it_is(listed: list[Disk], multipath: dict[str, str], folded: list[str]) -> None:
    found = one_per_disk(listed, multipath)
    assert [each.device + (f"={','.join(each.paths)}" if each.paths else "") for each in found] == folded


def test_what_one_path_shows_the_disk_holds() -> None:
    (one,) = one_per_disk([disk("sdb", "SERB"), replace(disk("sdc", "SERB"), contents=Contents.parse("gpt"))], {})
    assert one.contents == Contents.parse("gpt")
