import json
from dataclasses import replace

import pytest

from reconciler.model.contents import Contents, SignatureFound
from reconciler.model.disk_id import DiskId
from reconciler.model.hardware import Disk
from reconciler.provisioning import disks

NOW = disks.parse_lsblk(
    json.dumps(
        {
            "blockdevices": [
                {"name": "sda", "model": "PERC H730P Mini", "serial": "00aa", "size": 240057409536},
                {"name": "sdb", "model": "PERC  H730P Mini ", "serial": None, "size": "960197124096"},
                {"name": "vda", "model": None, "serial": None, "size": 10},
            ]
        }
    )
)


def test_lsblk_is_read_whatever_its_version() -> None:
    assert NOW[1] == Disk("sdb", "sdb", 960197124096, "PERC H730P Mini")
    assert NOW[2] == Disk("vda", "vda", 10)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"blockdevices": [{}]}', '{"blockdevices": [{"name": "a", "size": ""}]}']
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="lsblk"):
        disks.parse_lsblk(text)


def test_a_disk_that_says_no_size_leaves_out_itself() -> None:
    text = '{"blockdevices": [{"name": "sda", "size": null}, 7, {"size": 9}, {"name": "sdb", "size": 9, "model": 5}]}'
    assert disks.parse_lsblk(text) == (Disk("sdb", "sdb", 9, "5"),)
    assert disks.real(text) == ["sda", "sdb"]  # nothing is erased by these: what may be in use is looked at


NO_TEXT = r'{"blockdevices": [{"name": "sda", "size": 9, "model": "A\\x41\xff\x10B\u00ae \\\xfe", "serial": "Nº 7"}]}'
"""Bytes that are no text, beside a backslash that is; letters beyond ASCII."""


def test_what_is_no_text_is_blank() -> None:
    assert disks.parse_lsblk(NO_TEXT) == (Disk("sda", "sda", 9, "A\\x41 B \\", "N 7"),)


@pytest.mark.parametrize("model", ["INTEL® SSD", "INTEL  SSD", "INTEL SSD"])
def test_a_disk_is_compared_by_what_is_text_of_it(model: str) -> None:
    """Other agents report all that lsblk says."""
    (now,) = disks.parse_lsblk(
        f'{{"blockdevices": [{{"name": "sda", "size": 9, "model": "{model}", "serial": "S1"}}]}}'
    )
    for reported in ("INTEL® SSD", "INTEL SSD"):
        assert disks.differences([Disk("sda", "sda", 9, reported, "S1").identity], [now]) == []
    (said,) = disks.differences([Disk("sda", "sda", 9, "INTEL® SSD 2", "S1").identity], [now])
    assert said.startswith("sda is ")


@pytest.mark.parametrize(
    ("identity", "differences"),
    [
        ([], []),
        (["sda PERC H730P Mini 240057409536"], []),
        (["sda PERC H730P Mini 00aa 240057409536"], []),
        (["sda PERC H730P Mini  240057409536"], []),
        (["sda 240057409536", "vda 10", "vda null 10"], []),
        (["sdb PERC H730P Mini 960197124096"], []),
        (["sdc X 1"], ["sdc is gone"]),
        (["sda PERC H730P Mini 00ab 240057409536"], ['sda is "sda PERC H730P Mini 00aa 240057409536", the plan saw ']),
        (["vda 11"], ['vda is "vda 10", the plan saw "vda 11"']),
        (["sda SSD 240057409536", "sdb 1"], ["sda is", "sdb is"]),
    ],
)  # fmt: skip
def test_disks_that_changed_since_the_plan(identity: list[str], differences: list[str]) -> None:
    found = disks.differences(map(DiskId.parse, identity), NOW)
    assert len(found) == len(differences)
    assert all(said.startswith(expected) for said, expected in zip(found, differences, strict=True))


def test_a_reported_disk_is_the_disk_that_lsblk_shows() -> None:
    reported = Disk("sda", "sda", 240057409536, "PERC H730P Mini")
    assert disks.differences([reported.identity], NOW) == []


LISTED = """{"blockdevices": [{"name": "sda", "size": 9, "children": [{"name": "sda1", "size": 4, "children": [
    {"name": "vg-root", "size": 1}]}]}, {"name": "sdb", "size": 9}, {"name": "sdc", "size": 9}]}"""


def test_what_disks_hold_is_told_by_disk() -> None:
    probed = """{"signatures": [{"device": "sda", "type": "gpt", "label": null}, {"device": "sda", "type": "PMBR"}]}
    {
       "signatures": [
          {"device": "sda1", "type": "ext4", "label": "a\\tb\\u00e9 c "}
       ]
    }
    {"unread": "sdc"}"""
    found = disks.parse_contents(LISTED, probed)
    assert found == {
        "sda": Contents.of(SignatureFound("gpt"), SignatureFound("ext4", "sda1", "a b c")),
        "sdb": Contents(),
    }
    assert str(found["sda"]) == 'gpt; ext4 on sda1 "a b c"'


def test_a_label_that_is_no_text_loses_nothing_else() -> None:
    probed = r"""{"signatures": [{"device": "sda1", "type": "vfat", "label": "DONN\xc9ES"}]}
    {"signatures": [{"device": "sdb", "type": "ext4", "label": "a\\xb"}]}"""
    found = disks.parse_contents(LISTED, probed)
    assert found["sda"] == Contents.of(SignatureFound("vfat", "sda1", "DONN ES"))
    assert found["sdb"] == Contents.of(SignatureFound("ext4", label="a\\xb"))
    assert found["sdc"] == Contents()


def test_a_disk_of_which_a_part_cannot_be_told_is_not_taken_for_blank() -> None:
    listed = """{"blockdevices": [{"name": "sda", "children": [{"name": null}]}, {"name": "sdb", "children": "sdb1"},
        {"name": "sdc", "children": [7]}, {"name": "sdd", "children": [{"name": "sdd1"}]}, {"name": "sde"}, {}]}"""
    probed = """{"signatures": [{"device": "sdd1", "type": null}]}"""
    assert disks.parse_contents(listed, probed) == {"sde": Contents()}


@pytest.mark.parametrize("probed", ["wipefs: not found", '{"signatures": [{}]}', "[]"])
def test_what_cannot_be_understood_is_not_taken_for_blank(probed: str) -> None:
    with pytest.raises(ValueError, match="what is on its disks is not readable"):
        disks.parse_contents(LISTED, probed)


def test_a_disk_that_shows_a_second_path_is_not_the_plans_any_more() -> None:
    one = Disk("sdb", "sdb", 12, "HDD", "SERB", "0x5000000000000b01")
    assert disks.differences([one.identity], [one]) == []
    other = replace(one, name="sdc", device="sdc")
    (said,) = disks.differences([one.identity], [one, other])
    assert said == "sdb is reached as sdc too, and an install knows no multipath"


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ({"ro": False, "zoned": "none"}, ""), ({"ro": "0"}, ""), ({}, ""), ({"ro": None, "zoned": None}, ""),
        ({"zoned": "host-aware"}, ""), ({"ro": True}, "read-only"), ({"ro": "1"}, "read-only"),
        ({"zoned": "host-managed"}, "host-managed"),
    ],
)  # fmt: skip
def test_a_disk_on_which_no_file_system_can_be_made_is_refused_before_anything_is_erased(
    said: dict[str, object], word: str
) -> None:
    (now,) = disks.parse_lsblk(json.dumps({"blockdevices": [{"name": "sda", "size": 9, "serial": "S1", **said}]}))
    found = disks.differences([Disk("sda", "sda", 9, serial="S1").identity], [now])
    assert found == ([f"sda is {word}, and no file system can be made on it"] if word else [])


CHAINS = {
    "sda": "block:scsi:pci", "vda": "block:virtio:pci", "nvme0n1": "block:nvme:pci", "nvme1n1": "block:nvme-subsystem",
    "mmcblk0": "block:mmc:mmc_host:platform", "sdb": "block:scsi:usb:pci", "old": None,
    "drbd1000": "block", "zd0": "block", "bcache0": "block", "nullb0": "block", "mpatha": "block", "md127": "block",
    "nbd0": "block", "zram0": "block", "rbd0": "block:rbd",
    "mtdblock0": "block:mtd:spi:spi_master:pci",
}  # fmt: skip
"""Subsystems as lsblk lists them, by disk; lsblk of a system that does not tell says none."""


def test_a_disk_is_what_a_device_stands_behind() -> None:
    rows = [{"name": name, "size": 9, "subsystems": chain} for name, chain in CHAINS.items()]
    listed = json.dumps({"blockdevices": rows})
    assert disks.real(listed) == ["sda", "vda", "nvme0n1", "nvme1n1", "mmcblk0", "sdb", "old"]
    with pytest.raises(ValueError, match="lsblk"):
        disks.real("no JSON")
