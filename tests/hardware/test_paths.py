"""One disk behind two adapters is one disk; disks that only look alike are several."""

from dataclasses import replace

import pytest

from reconciler.hardware.choice import choose_disks
from reconciler.hardware.disks import Refusal
from reconciler.hardware.paths import of_one_serial, one_per_disk
from reconciler.model.contents import Contents
from reconciler.model.hardware import Disk
from reconciler.model.machine import DiskChoice

from .machines import machine, profile

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


def areca(number: int, **changed: str) -> list[Disk]:
    return [disk(f"sd{chr(97 + i)}", "A1180050003KX", **changed) for i in range(number)]


def test_by_its_serial_alone_a_disk_has_four_paths_at_most() -> None:
    """Some controllers give all their disks one serial."""
    assert [len(each.paths) for each in one_per_disk(areca(4), {})] == [4]
    sixteen = one_per_disk(areca(16), {})
    assert [(each.device, each.paths) for each in sixteen] == [(each.device, ()) for each in areca(16)]
    (group,) = of_one_serial(sixteen)
    assert group == sixteen
    assert of_one_serial(areca(4)) == of_one_serial(areca(16, wwn=WWN)) == ()
    assert [len(each.paths) for each in one_per_disk(areca(16, wwn=WWN), {})] == [16]
    assert [len(each.paths) for each in one_per_disk(areca(16), {each.device: "mpatha" for each in areca(16)})] == [16]
    mixed = one_per_disk([*areca(5), disk("sdx", "A1180050003KX", WWN), disk("sdy", "A1180050003KX", WWN)], {})
    assert [each.device for each in mixed] == ["sda", "sdb", "sdc", "sdd", "sde", "sdx"]
    assert mixed[-1].paths == ("sdx", "sdy")


def test_nothing_is_installed_where_disks_may_be_one() -> None:
    spec = profile({"count": {"min": 1, "max": 1}})
    found = choose_disks(machine(disks=one_per_disk(areca(5), {})), spec)
    assert isinstance(found, Refusal) and found.unclear
    assert found.reason.startswith("5 devices, sda to sde, say the serial A1180050003KX and no WWN")
    other = disk("nvme0n1", "SERN")
    assert isinstance(choose_disks(machine(disks=(*areca(5), other)), profile({"devices": ["nvme0n1"]})), DiskChoice)


def test_a_namespace_is_told_by_its_id_where_the_agent_says_it() -> None:
    one, two = disk("nvme0n1", "SERN"), disk("nvme1n1", "SERN")
    assert len(one_per_disk([one, two], {})) == 1
    assert len(one_per_disk([replace(one, nsid=1), replace(two, nsid=2)], {})) == 2
    assert len(one_per_disk([replace(one, nsid=1), replace(two, device="nvme1n2", nsid=1)], {})) == 1


def test_what_one_path_shows_the_disk_holds() -> None:
    (one,) = one_per_disk([disk("sdb", "SERB"), replace(disk("sdc", "SERB"), contents=Contents.parse("gpt"))], {})
    assert one.contents == Contents.parse("gpt")
