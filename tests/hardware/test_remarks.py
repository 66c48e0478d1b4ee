"""What of a report was not taken as it came, as data and in words."""

import re
from dataclasses import replace

from reconciler.hardware.remarks import remarks
from reconciler.model.hardware import Disk, Nic, PhysicalDisk
from reconciler.model.remarks import Remark, RemarkKind, RemarkReason
from reconciler.render.match import remark_json, why_text

from .machines import behind, machine, nic, profile

SAS = Disk("sda", "sda", 10**12, "HDD", serial="S1", wwn="0x5000c500a1b2c3d4", paths=("sda", "sdc"))
HARDWARE = machine(
    disks=(
        SAS,
        Disk("sdb", "sdb", 10**12, "HDD", serial="00000000"),
        Disk("sdd", "sdd", 10**12, serial="S3"),
        Disk("sde", "sde", 64 * 10**9, "IDSDM", serial="0123", transport="usb"),
        Disk("sdf", "sdf", 64 * 10**9, "LUN C-Mode", serial="0124", transport="fc"),
        Disk("sdg", "sdg", 10**12, "SSD", serial="S12345", read_only=True),
        Disk("sdh", "sdh", 10**13, "HSH721414AL", serial="S12346", zoned=True),
    ),
    nics=(
        nic("eno1", 1),
        Nic("enp0s20f0u1u6", "be:3a:f2:00:00:01"),
        Nic("ens1f0v3", "be:3a:f2:00:00:02"),
        nic("eno2", 7),
        nic("eno3", 7),
    ),
    extra={"machine[0].productname": "PowerEdge\\x00"},
    remarks=("disks: left out are pmem0 (persistent memory)", "nothing was plugged in"),
)


def test_every_part_that_was_not_taken_as_it_came_is_told_once() -> None:
    assert remarks(HARDWARE) == (
        Remark(RemarkKind.LEFT_OUT, RemarkReason.SAID_BY_AGENT, "disks", ("left out are pmem0 (persistent memory)",)),
        Remark(RemarkKind.LEFT_OUT, RemarkReason.SAID_BY_AGENT, "agent", ("nothing was plugged in",)),
        Remark(RemarkKind.FOLDED, RemarkReason.SEVERAL_PATHS, "sda", ("sda", "sdc")),
        Remark(RemarkKind.DOUBTED, RemarkReason.NO_IDENTITY, "sdb", ("00000000",)),
        Remark(RemarkKind.LEFT_OUT, RemarkReason.USB_DISK, "sde", ("IDSDM",)),
        Remark(RemarkKind.LEFT_OUT, RemarkReason.LUN, "sdf", ("LUN C-Mode",)),
        Remark(RemarkKind.LEFT_OUT, RemarkReason.READ_ONLY, "sdg", ("SSD",)),
        Remark(RemarkKind.LEFT_OUT, RemarkReason.ZONED, "sdh", ("HSH721414AL",)),
        Remark(RemarkKind.DOUBTED, RemarkReason.USB, "enp0s20f0u1u6", ("be:3a:f2:00:00:01",)),
        Remark(RemarkKind.DOUBTED, RemarkReason.CHOSEN_ADDRESS, "ens1f0v3", ("be:3a:f2:00:00:02",)),
        Remark(RemarkKind.DOUBTED, RemarkReason.SHARED_ADDRESS, "eno2", ("e4:43:4b:00:00:07",)),
        Remark(RemarkKind.DOUBTED, RemarkReason.SHARED_ADDRESS, "eno3", ("e4:43:4b:00:00:07",)),
        Remark(RemarkKind.LEFT_OUT, RemarkReason.NOT_UNDERSTOOD, "machine[0].productname", ("PowerEdge\\x00",)),
    )


LISTED = machine(
    disks=(Disk("sda", "sda", 10**11, serial="S12"), Disk("sdb", "sdb", 10**12, serial="S13")),
    physical_disks=behind(1000, 1000),
)


def test_disks_that_nobody_can_tell_apart_are_told_of_a_machine_and_its_profile() -> None:
    assert remarks(LISTED) == (Remark(RemarkKind.DOUBTED, RemarkReason.WHOSE_IS_UNTOLD, "sda"),)
    first, second = remarks(LISTED, "compute", profile({"devices": ["0:32:1"]}))
    assert (first, second.reason, second.on) == (*remarks(LISTED), RemarkReason.DISKS_UNCLEAR, "compute")
    assert why_text((second,)).endswith("tells which of sdb that is\n")
    assert remarks(LISTED, "compute", profile({"count": {"min": 2}})) == remarks(LISTED)


ARECA = machine(disks=tuple(Disk(f"sd{c}", f"sd{c}", 10**12, serial="A1180050003KX") for c in "abcde"))


def test_a_serial_of_more_devices_than_a_disk_has_paths_is_told_of_each() -> None:
    names = tuple(disk.name for disk in ARECA.disks)
    assert remarks(ARECA) == tuple(Remark(RemarkKind.DOUBTED, RemarkReason.ONE_SERIAL, name, names) for name in names)


BAD = machine(disks=(), physical_disks=(*behind(1000), PhysicalDisk(0, 32, 1, 10**12, state="UBad")))


def test_a_disk_that_its_controller_calls_bad_is_told() -> None:
    assert remarks(BAD) == (Remark(RemarkKind.LEFT_OUT, RemarkReason.BAD_DISK, "0:32:1", ("UBad",)),)
    assert why_text(remarks(BAD)) == "    left-out: disk 0:32:1 is called UBad by its controller: no entry takes it\n"


SPARE = replace(BAD, physical_disks=(*behind(1000), PhysicalDisk(0, 32, 1, 10**12, state="GHS")))


def test_a_hot_spare_is_told() -> None:
    assert remarks(SPARE) == (Remark(RemarkKind.LEFT_OUT, RemarkReason.SPARE_DISK, "0:32:1", ("GHS",)),)


def test_each_has_its_sentence_beside_the_data() -> None:
    found = (
        *remarks(HARDWARE),
        *remarks(LISTED, "compute", profile({"devices": ["0:32:1"]})),
        *remarks(ARECA),
        *remarks(BAD),
        *remarks(SPARE),
    )
    assert {remark.reason for remark in found} == set(RemarkReason)
    for remark in found:
        line = remark_json(remark)
        assert (line["kind"], line["reason"], line["on"]) == (remark.kind, remark.reason, remark.on)
        assert remark.on in line["text"]
        assert not re.search(r"[{}]", line["text"])
    assert why_text(found).splitlines()[3] == (
        "    doubted: disk sdb says no serial and no WWN (00000000): nobody can tell it from another of its size"
    )
    assert why_text(()) == "    nothing was folded, left out or doubted\n"


def test_what_a_field_said_is_cut_in_a_line_for_people() -> None:
    (long,) = remarks(machine(disks=(Disk("sda", "sda", 1, serial="S12"),), extra={"blob": "x" * 500}))
    assert len(why_text((long,))) < 200
    assert remark_json(long)["more"] == ["x" * 500]
