"""What is said when a machine is not as it was."""

from dataclasses import replace
from typing import Any

import pytest

from reconciler.hardware.changes import ChangeKind as Kind
from reconciler.hardware.changes import changes
from reconciler.hardware.report import digest
from reconciler.hardware.serial_conflict import conflict
from reconciler.model.contents import Contents
from reconciler.model.hardware import Cpu, Disk, DiskController, Nic

from .machines import GIB, behind, disks, machine, nic

SDF = Disk("sdf", "sdf", 12 * 10**12, "ST12000NM")
SAME_WWN = replace(SDF, serial="S1", wwn="0x5002538d00000000")
RAID = DiskController("raid", "Broadcom / LSI", "MegaRAID SAS-3 3108", "LSI-raid", "4.300")
ENO1 = "eno1 (e4:43:4b:00:00:01)"


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"disks": (SDF,)}, {"disks": ()}, [(Kind.DISK_GONE, "disk sdf (12TB ST12000NM) is gone")]),
        ({"disks": ()}, {"disks": (SDF,)}, [(Kind.DISK_NEW, "disk sdf (12TB ST12000NM) is new")]),
        (
            {"disks": disks(240)},
            {"disks": disks(480, model="")},
            [(Kind.DISK_CHANGED, "disk sda (240GB MZ7LH) is now 480GB")],
        ),
        (
            {"disks": (replace(SDF, serial="Z1"),)},
            {"disks": (replace(SDF, serial="Z1", name="sdg", device="sdg"),)},
            [(Kind.DISK_CHANGED, "disk sdg (12TB ST12000NM) was called sdf before")],
        ),
        (  # two of a batch with one WWN are two
            {"disks": (SAME_WWN, replace(SAME_WWN, serial="S2", name="sdg", device="sdg"))},
            {"disks": (SAME_WWN,)},
            [(Kind.DISK_GONE, "disk sdg (12TB ST12000NM) is gone")],
        ),
        (
            {"disks": (SAME_WWN, replace(SAME_WWN, serial="S2", name="sdg", device="sdg"))},
            {"disks": (replace(SAME_WWN, serial="S2"), replace(SAME_WWN, serial="S3", name="sdg", device="sdg"))},
            [
                (Kind.DISK_GONE, "disk sdf (12TB ST12000NM) is gone"),
                (Kind.DISK_NEW, "disk sdg (12TB ST12000NM) is new"),
                (Kind.DISK_CHANGED, "disk sdf (12TB ST12000NM) was called sdg before"),
            ],
        ),
        (  # one was replaced by another of its batch
            {"disks": (SAME_WWN,)},
            {"disks": (replace(SAME_WWN, serial="S2"),)},
            [
                (Kind.DISK_GONE, "disk sdf (12TB ST12000NM) is gone"),
                (Kind.DISK_NEW, "disk sdf (12TB ST12000NM) is new"),
            ],
        ),
        (  # namespaces share their controller's serial
            {
                "disks": (
                    replace(SDF, serial="SERN", nsid=1),
                    replace(SDF, serial="SERN", nsid=2, name="sdg", device="sdg"),
                )
            },
            {
                "disks": (
                    replace(SDF, serial="SERN", nsid=2),
                    replace(SDF, serial="SERN", nsid=3, name="sdg", device="sdg"),
                )
            },
            [
                (Kind.DISK_GONE, "disk sdf (12TB ST12000NM) is gone"),
                (Kind.DISK_NEW, "disk sdg (12TB ST12000NM) is new"),
                (Kind.DISK_CHANGED, "disk sdf (12TB ST12000NM) was called sdg before"),
            ],
        ),
        (  # two disks with one filler are two
            {"disks": (replace(SDF, serial="00000000"),)},
            {"disks": (replace(SDF, serial="00000000"), replace(SDF, serial="00000000", name="sdg", device="sdg"))},
            [(Kind.DISK_NEW, "disk sdg (12TB ST12000NM) is new")],
        ),
        (
            {"disks": (replace(SDF, serial="Z1", paths=("sdf", "sdg")),)},
            {"disks": (replace(SDF, serial="Z1"),)},
            [(Kind.DISK_CHANGED, "disk sdf (12TB ST12000NM) is reached over 1 path, over 2 before")],
        ),
        (
            {"disks": (SDF,)},
            {"disks": (replace(SDF, contents=Contents.parse("ext4")),)},
            [(Kind.DISK_CHANGED, "disk sdf (12TB ST12000NM) holds ext4 now, nothing before")],
        ),
        (
            {"physical_disks": behind(240, 960)},
            {"physical_disks": behind(240)},
            [(Kind.DISK_GONE, "disk 0:32:1 (960GB MZ7LH) is gone")],
        ),
        (
            {"physical_disks": behind(240)},
            {"physical_disks": (replace(behind(240)[0], serial="S9"),)},
            [(Kind.DISK_CHANGED, "disk 0:32:0 (240GB MZ7LH) serial S0 was replaced by 240GB MZ7LH serial S9")],
        ),
        (
            {"physical_disks": (replace(behind(240)[0], state="Online"),)},
            {"physical_disks": (replace(behind(240)[0], state="Failed"),)},
            [(Kind.DISK_CHANGED, "disk 0:32:0 (240GB MZ7LH) is Failed, was Online")],
        ),
        (
            {"controllers": (RAID,)},
            {"controllers": ()},
            [(Kind.CONTROLLER_GONE, "storage controller raid Broadcom / LSI MegaRAID SAS-3 3108 is gone")],
        ),
        (
            {"controllers": ()},
            {"controllers": (RAID,)},
            [(Kind.CONTROLLER_NEW, "storage controller raid Broadcom / LSI MegaRAID SAS-3 3108 is new")],
        ),
        (
            {"controllers": (RAID,)},
            {"controllers": (replace(RAID, firmware="4.680"),)},
            [
                (
                    Kind.FIRMWARE,
                    "firmware of storage controller raid Broadcom / LSI MegaRAID SAS-3 3108 is 4.680, was 4.300",
                )
            ],
        ),
        (
            {"nics": (nic("eno1", 1), nic("eno2", 2))},
            {"nics": (nic("eno1", 1),)},
            [(Kind.NIC_GONE, "network interface eno2 (e4:43:4b:00:00:02) is gone")],
        ),
        ({"nics": ()}, {"nics": (nic("eno1", 1),)}, [(Kind.NIC_NEW, f"network interface {ENO1} is new")]),
        (
            {"nics": (nic("eno1", 1, "sw1", "swp3"),)},
            {"nics": (nic("eno1", 1, "sw2", "swp3"),)},
            [(Kind.NIC_RECABLED, f"network interface {ENO1} is on sw2 port swp3, was on sw1 port swp3")],
        ),
        (
            {"nics": (nic("eno1", 1, "sw1", "swp3"),)},
            {"nics": (nic("eno1", 1),)},
            [(Kind.NIC_RECABLED, f"network interface {ENO1} is on no switch that it hears, was on sw1 port swp3")],
        ),
        (
            {"nics": (nic("eno1", 1),)},
            {"nics": (nic("eno1", 1, None, "p3"),)},
            [
                (
                    Kind.NIC_RECABLED,
                    f"network interface {ENO1} is on port p3 of a switch without a name, "
                    "was on no switch that it hears",
                )
            ],
        ),
        (
            {"nics": (Nic("eno1", "e4:43:4b:00:00:01", firmware="1"),)},
            {"nics": (Nic("eno1", "e4:43:4b:00:00:01", firmware="2"),)},
            [(Kind.FIRMWARE, f"firmware of {ENO1} is 2, was 1")],
        ),
        ({"memory": 256 * GIB}, {"memory": 192 * GIB}, [(Kind.MEMORY, "memory is 192GiB, was 256GiB")]),
        (
            {"cpu": Cpu(model="Xeon", sockets=2, threads=64)},
            {"cpu": Cpu(model="Xeon", sockets=1, threads=32)},
            [(Kind.CPU, "processor is Xeon (1 sockets, 32 threads), was Xeon (2 sockets, 64 threads)")],
        ),
        ({"bios_version": "2.1"}, {"bios_version": "2.2"}, [(Kind.FIRMWARE, "BIOS version is 2.2, was 2.1")]),
        ({"bmc_firmware": "6.0"}, {"bmc_firmware": ""}, [(Kind.FIRMWARE, "BMC firmware is not reported, was 6.0")]),
        ({}, {"bmc_address": None}, [(Kind.BMC_ADDRESS, "BMC address is not reported, was 192.168.200.9")]),
        ({}, {"uefi": True}, [(Kind.BOOT_MODE, "boot mode is UEFI, was BIOS")]),
        ({}, {"secure_boot": True}, [(Kind.BOOT_MODE, "secure boot is on, was off")]),
        ({}, {"product": "PowerEdge R650"}, [(Kind.MODEL, "product is PowerEdge R650, was PowerEdge R640")]),
        ({}, {"cpu": replace(machine().cpu, mhz=3100.0)}, []),
        ({}, {"nics": machine().nics[::-1], "disks": machine().disks[::-1]}, []),
    ],
)
def test_each_change_is_said(before: dict[str, Any], after: dict[str, Any], expected: list[tuple[Kind, str]]) -> None:
    was, now = machine(**before), machine(**after)
    assert [(change.kind, change.text) for change in changes(was, now)] == expected
    assert (digest(was) == digest(now)) is (expected == [])


@pytest.mark.parametrize("known", [True, False])
def test_a_boot_mode_that_nobody_says_has_not_changed(known: bool) -> None:
    was, now = machine(uefi=known, secure_boot=known), machine(uefi=None, secure_boot=None)
    assert [*changes(was, now), *changes(now, was)] == []
    assert digest(was) != digest(now), "it is stored, as it is not what was known"


def test_the_first_report_is_summed_up() -> None:
    (only,) = changes(None, machine())
    assert only.kind is Kind.FIRST_REPORT
    assert only.text == (
        "first report: Dell Inc. PowerEdge R640, 256GiB of memory, 5 disks (3.36TB), 2 network interfaces"
    )


@pytest.mark.parametrize(
    ("known", "reported", "same"),
    [
        ((1, 2), (1, 2), True),
        ((1, 2), (2, 3), True),
        ((1, 2), (3, 4), False),
        ((1, 2), (), False),
        ((), (), True),
    ],
    ids=["nothing changed", "one card replaced", "none in common", "none reported", "none ever"],
)
def test_a_machine_is_its_serial_and_its_mac_addresses(
    known: tuple[int, ...], reported: tuple[int, ...], same: bool
) -> None:
    one, other = (machine(nics=tuple(nic(f"eno{i}", i) for i in numbers)) for numbers in (known, reported))
    assert (conflict(one, other) is None) is same


USB = Nic("enp0s20f0u1u6", "be:3a:f2:00:00:01")
"""The network of a BMC, which has one address on every machine of its maker."""


@pytest.mark.parametrize(
    ("shared", "same"),
    [
        (USB, False),
        (Nic("eth7", "00:25:90:00:00:99", driver="cdc_ether"), False),
        (Nic("usb0", "00:25:90:00:00:99"), False),
        (Nic("enx002590000099", "00:25:90:00:00:99"), False),
        (Nic("ens1f0v3", "be:3a:f2:00:00:01"), False),  # somebody chose it
        (Nic("enp2s0", "00:25:90:00:00:99"), True),
    ],
)
def test_addresses_that_several_machines_may_have_prove_nothing(shared: Nic, same: bool) -> None:
    one, other = machine(nics=(nic("eno1", 1), shared)), machine(nics=(nic("eno1", 2), shared))
    assert (conflict(one, other) is None) is same
    assert same or "and no MAC address of a maker is common to both" in str(conflict(one, other))


def test_a_virtual_machine_has_only_addresses_that_somebody_chose() -> None:
    one, other = (machine(nics=(Nic("ens3", f"52:54:00:00:00:0{last}"), USB)) for last in (1, 2))
    assert conflict(one, one) is None
    assert conflict(one, other) is not None


def test_a_conflict_names_the_serial_and_both_machines_addresses() -> None:
    other = machine(nics=(nic("eno1", 7), nic("eno2", 8)))
    assert conflict(machine(), other) == (
        "two machines claim the serial 2S2JGM2: one has e4:43:4b:00:00:01, e4:43:4b:00:00:02, the other has "
        "e4:43:4b:00:00:07, e4:43:4b:00:00:08, and no MAC address is common to both"
    )
