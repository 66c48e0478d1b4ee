"""When two looks saw one and the same disk, and what cannot tell."""

from dataclasses import replace

import pytest

from reconciler.model.disk_id import DiskId
from reconciler.model.disk_matching import could_be, own_serial, proven_by, proven_same, real_identifier
from reconciler.model.hardware import Disk

SIZE = 12_000_138_625_024
WWN, OTHER_WWN = "0x5000c500a1b2c3d4", "0x5000c500a1b2c3d5"
PLAIN = Disk("sda", "sda", SIZE, "HDD-12T")
KNOWN = replace(PLAIN, serial="ZL2ABCDE", wwn=WWN)


FILLERS = """
|0|00000000|0x0000000000000000|eui.0000000000000000|0000-0000|11111111|FFFFFFFF|xxxxxxxx|----|0123456789ABCDEF
unknown|None|null|n-a|N/A|not provided|-|.|Default string|To be filled by O.E.M.
"""


@pytest.mark.parametrize(
    ("text", "identifier"),
    [
        ("ZL2ABCDE", "zl2abcde"),
        ("  S3EV NX0J  502188 ", "s3ev nx0j 502188"),
        (WWN.upper().replace("0X", "0x"), "5000c500a1b2c3d4"),
        ("naa.5000C500A1B2C3D4", "5000c500a1b2c3d4"),
        ("eui.0025385b71b1a2c3", "0025385b71b1a2c3"),
        *((filler, None) for filler in FILLERS.strip().replace("\n", "|").split("|")),
    ],
)
def test_a_filler_is_nobodys_identifier(text: str, identifier: str | None) -> None:
    assert real_identifier(text) == identifier


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (KNOWN, replace(KNOWN, name="sdq", device="sdq"), True),
        (KNOWN, replace(KNOWN, device="sdq", wwn="naa.5000C500A1B2C3D4"), True),
        (KNOWN, replace(KNOWN, serial=""), True),
        (KNOWN, replace(KNOWN, wwn=""), True),
        (KNOWN, replace(KNOWN, wwn="", model=""), True),
        (KNOWN, replace(KNOWN, wwn="", model="SSD"), False),
        (KNOWN, replace(KNOWN, wwn=OTHER_WWN), False),  # two actuators of one disk
        (KNOWN, replace(KNOWN, serial="ZL2XXXXX"), False),  # a copied virtual disk
        (KNOWN, replace(KNOWN, size=SIZE // 2), False),
        (replace(KNOWN, wwn=""), replace(KNOWN, wwn="", size=SIZE // 2), False),  # virtual disks, one serial for all
        (PLAIN, PLAIN, False),
        (replace(PLAIN, serial="00000000"), replace(PLAIN, serial="00000000"), False),
        (replace(PLAIN, wwn="0x0000000000000000"), replace(PLAIN, wwn="0x0000000000000000"), False),
        (
            replace(KNOWN, device="nvme0n1", wwn="eui.0025385b71b1a2c3"),
            replace(KNOWN, device="nvme0n2", wwn="eui.0025385b71b1a2c4"),
            False,
        ),
        (replace(KNOWN, device="nvme0n1", wwn=""), replace(KNOWN, device="nvme0n2", wwn=""), False),
        (replace(KNOWN, device="nvme0n1", wwn=""), replace(KNOWN, device="nvme3n1", wwn=""), True),
    ],
)
def test_two_looks_saw_one_disk(one: Disk, other: Disk, same: bool) -> None:
    assert proven_same(one, other) is same
    assert proven_same(other, one) is same


@pytest.mark.parametrize(
    ("recorded", "now", "proven", "possible"),
    [
        (KNOWN, KNOWN, True, True),
        (KNOWN, replace(KNOWN, device="sdq"), True, True),
        (KNOWN, replace(KNOWN, wwn="naa.5000C500A1B2C3D4"), True, True),
        (KNOWN, replace(KNOWN, wwn=""), True, True),
        (KNOWN, replace(KNOWN, serial=""), True, True),
        (replace(KNOWN, wwn=""), KNOWN, True, True),
        (replace(KNOWN, serial=""), KNOWN, True, True),
        (replace(KNOWN, model=""), KNOWN, True, True),
        (KNOWN, replace(KNOWN, model="ATA HDD-12T"), True, True),
        (KNOWN, replace(KNOWN, size=SIZE - 512), False, True),  # it may have grown
        (KNOWN, replace(KNOWN, serial="ZL2OTHER"), False, True),
        (KNOWN, replace(KNOWN, wwn=OTHER_WWN), False, True),
        (KNOWN, replace(KNOWN, wwn=OTHER_WWN, size=SIZE - 512), False, False),
        (KNOWN, replace(KNOWN, serial="ZL2OTHER", wwn=OTHER_WWN), False, False),
        (KNOWN, PLAIN, False, True),  # this agent knows less
        (PLAIN, KNOWN, False, True),
        (PLAIN, PLAIN, False, True),
        (PLAIN, replace(PLAIN, device="sdq"), False, True),
        (PLAIN, replace(PLAIN, model="SSD"), False, False),
        (replace(PLAIN, serial="00000000"), replace(PLAIN, serial="00000000"), False, True),
        (replace(KNOWN, device="nvme0n1", wwn=""), replace(KNOWN, device="nvme0n2", wwn=""), False, True),
        (replace(KNOWN, device="nvme0n1", wwn=""), replace(KNOWN, device="nvme0n1", wwn=""), False, True),
        (replace(KNOWN, device="nvme0n1"), replace(KNOWN, device="nvme0n2"), True, True),
        (replace(KNOWN, device="nvme0n1"), replace(KNOWN, device="nvme0n1", wwn=OTHER_WWN), False, False),
        (
            replace(KNOWN, device="nvme0n1", wwn="", nsid=1),
            replace(KNOWN, device="nvme0n1", wwn="", nsid=2),
            False,
            False,
        ),
        (replace(KNOWN, model="HDD 12T", serial="A B"), replace(KNOWN, model="HDD 12T", serial="A B"), True, True),
    ],
)
def test_a_recorded_disk_is_found_again(recorded: Disk, now: Disk, proven: bool, possible: bool) -> None:
    assert proven_by(recorded.identity, now) is proven
    assert could_be(recorded.identity, now) is possible


@pytest.mark.parametrize(
    "text", ["sda 480", "nvme0n1 SSD PM883 S1 0x5000 480103981056", "sda", "sda SSD", "sda 480 nsid=2"]
)
def test_a_recorded_disk_reads_as_it_was_written(text: str) -> None:
    assert str(DiskId.parse(text)) == text


def test_the_id_of_a_namespace_is_recorded_and_no_part_of_what_lsblk_says() -> None:
    recorded = DiskId.parse(str(replace(KNOWN, device="nvme0n2", nsid=7).identity))
    assert (recorded.nsid, recorded.size) == (7, SIZE)
    assert recorded.description == KNOWN.identity.description


def test_a_serial_of_a_namespace_is_not_its_own() -> None:
    assert own_serial(replace(KNOWN, device="nvme0n1")) is own_serial(replace(KNOWN, device="nvme0n2", nsid=2)) is None
    assert own_serial(KNOWN) == "zl2abcde"


@pytest.mark.parametrize("text", ["", "controller 0"])
def test_what_names_no_disk_is_none(text: str) -> None:
    with pytest.raises(ValueError):
        DiskId.parse(text)
