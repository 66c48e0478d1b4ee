"""Which profiles a machine fits, which disks they take, and the sentences that refuse."""

from dataclasses import replace
from typing import Any

import pytest

from reconciler.hardware.choice import choose_disks
from reconciler.hardware.disks import Refusal, countable_disks, disk_name, disk_plan, left_alone
from reconciler.hardware.match import match, why_refused
from reconciler.model.hardware import Cpu, Disk, DiskController, DiskPlan, Hardware, PhysicalDisk, ReportSection
from reconciler.model.machine import DiskChoice

from .machines import GIB, behind, disks, entry, machine, nic, profile

RAID = DiskController("raid", "Broadcom / LSI", "MegaRAID", "LSI-raid")
UNANSWERED = "the agent's RAID tool did not answer whether there are disks behind one"
SMALL, LARGE = ("200GB", "300GB"), ("800GB", "1.8TB")


@pytest.mark.parametrize(
    ("rule", "hardware", "reason"),
    [
        ({}, {}, None),
        ({"product": ["PowerEdge R640", "PowerEdge R440"]}, {}, None),
        ({"product": ["PowerEdge R440"]}, {}, 'product "PowerEdge R640" is not PowerEdge R440'),
        ({"product": ["R440", "R430"]}, {}, 'product "PowerEdge R640" is not one of R440, R430'),
        ({"product": ["PowerEdge R440"]}, {"product": ""}, "product is not reported, needs PowerEdge R440"),
        ({"manufacturer": ["HPE"]}, {}, 'manufacturer "Dell Inc." is not HPE'),
        ({"memory": {"min": "256GiB", "max": "256GiB"}}, {}, None),
        (
            {"memory": {"min": "64GiB", "max": "128GiB"}},
            {},
            "needs 64GiB to 128GiB of memory, has 256GiB",
        ),
        (
            {"memory": {"min": "64GiB"}},
            {"memory": 64 * GIB - 1},
            "needs at least 64GiB of memory, has 64.00GiB",
        ),
        ({"raid_controller": "any"}, {"physical_disks": behind(240)}, None),
        ({"raid_controller": "none"}, {}, None),
        ({"raid_controller": "none"}, {"controllers": (RAID,)}, None),
        ({"raid_controller": "megaraid"}, {"physical_disks": behind(240)}, None),
        ({"raid_controller": "megaraid"}, {}, "needs a MegaRAID controller with disks, has none"),
        ({"raid_controller": "any"}, {"unread": (ReportSection.RAID_DISKS,)}, None),
        ({"raid_controller": "none"}, {"unread": (ReportSection.CONTROLLERS,)}, None),
        (
            {"raid_controller": "none"},
            {"unread": (ReportSection.RAID_DISKS,), "controllers": (RAID,)},
            f"wants no RAID controller, and {UNANSWERED}",
        ),
        (
            {"raid_controller": "none"},
            {"unread": (ReportSection.RAID_DISKS,)},
            f"wants no RAID controller, and {UNANSWERED}",
        ),
        (
            {"raid_controller": "megaraid"},
            {"unread": (ReportSection.RAID_DISKS,), "controllers": (RAID,)},
            f"needs a MegaRAID controller with disks, and {UNANSWERED}",
        ),
        ({"raid_controller": "megaraid"}, {"unread": (ReportSection.RAID_DISKS,), "physical_disks": behind(240)}, None),
        (
            {"raid_controller": "megaraid"},
            {"controllers": (RAID,)},
            "needs a MegaRAID controller with disks, has none (it has one, but the report names no disks behind it)",
        ),
        (
            {"raid_controller": "none"},
            {"physical_disks": behind(240, 240)},
            "wants no RAID controller, but one holds 2 disks",
        ),
        ({"cpu": {"vendor": ["GenuineIntel"], "model": ["Gold"], "threads": {"min": 64}}}, {}, None),
        ({"cpu": {"vendor": ["AuthenticAMD"]}}, {}, 'CPU vendor "GenuineIntel" is not AuthenticAMD'),
        ({"cpu": {"model": ["EPYC", "Silver"]}}, {}, 'CPU model "Xeon Gold 5218" does not hold EPYC or Silver'),
        ({"cpu": {"threads": {"min": 128}}}, {}, "needs at least 128 CPU threads, has 64"),
        ({"cpu": {"sockets": {"max": 1}}}, {}, "needs up to 1 CPU sockets, has 2"),
        ({"cpu": {"sockets": {"max": 1}}}, {"cpu": Cpu()}, "CPU sockets are not reported, needs up to 1"),
        ({"nics": {"min": 4, "max": 4}}, {}, "needs 4 network interfaces, has 2"),
        ({"nics": {"min": 2}}, {}, None),
        ({"uefi": True}, {}, "needs UEFI, booted in BIOS mode"),
        ({"uefi": False}, {"uefi": True}, "needs BIOS mode, booted with UEFI"),
        ({"uefi": True}, {"uefi": None}, "boot mode is not reported, needs UEFI"),
        ({"uefi": False}, {"uefi": None}, "boot mode is not reported, needs BIOS mode"),
        ({}, {"uefi": None, "secure_boot": None}, None),
        ({"secure_boot": True}, {}, "needs secure boot on, it is off"),
        ({"secure_boot": True}, {"secure_boot": None}, "secure boot is not reported, needs it on"),
        ({"secure_boot": False}, {"secure_boot": None}, "secure boot is not reported, needs it off"),
        ({"architecture": "amd64"}, {}, None),
        ({"architecture": "arm64"}, {}, "needs arm64, is amd64"),
        ({"architecture": "arm64"}, {"architecture": "arm64"}, None),
        ({"architecture": "arm64"}, {"cpu": Cpu("ARM")}, "needs arm64, and the report does not say what it is"),
    ],
)
def test_every_rule_refuses_with_a_sentence(rule: dict[str, Any], hardware: dict[str, Any], reason: str | None) -> None:
    assert why_refused(machine(**hardware), profile(match=rule)) == reason


def taken(hardware: Hardware, *entries: dict[str, Any], **changed: Any) -> object:
    """Names of the disks each entry takes, then those left over; or the reason."""
    plan = disk_plan(hardware, profile(*entries, **changed))
    if isinstance(plan, Refusal):
        return plan.reason
    return [" ".join(map(disk_name, part)) for part in (*(taken.disks for taken in plan.taken), plan.left_over)]


@pytest.mark.parametrize(
    ("sizes", "entries", "unlisted", "expected"),
    [
        ([240, 240], [entry(*SMALL, 2, 2)], "refuse", ["a b", ""]),
        ([240, 240, 960], [entry(*SMALL, 2, 2)], "ignore", ["a b", "c"]),
        (
            [240, 240, 960],
            [entry(*SMALL, 2, 2)],
            "refuse",
            "no disk may be left over, but 1 is: {c} (960GB MZ7LH)",
        ),
        ([240] * 8, [entry(*SMALL, 2, 2)], "ignore", ["a b", "c d e f g h"]),
        (
            [240] * 8,
            [entry(*SMALL, 2, 2)],
            "refuse",
            "no disk may be left over, but 6 are: {c} (240GB MZ7LH), {d} (240GB MZ7LH), "
            "{e} (240GB MZ7LH), {f} (240GB MZ7LH), ...",
        ),
        ([960], [entry(*LARGE, 2, 4)], "ignore", "needs 2 to 4 disks of 800GB to 1.8TB, has 1"),
        ([960], [entry(*LARGE, 2, None)], "ignore", "needs at least 2 disks of 800GB to 1.8TB, has 1"),
        ([960] * 3, [entry(*LARGE, 2, 4)], "refuse", ["a b c", ""]),
        ([960] * 6, [entry(*LARGE, 2, None)], "refuse", ["a b c d e f", ""]),
        # minima of all entries come first, then extras in order
        ([960] * 4, [entry(*LARGE, 1, 2), entry(*LARGE, 2, 4)], "refuse", ["a d", "b c", ""]),
        ([960] * 5, [entry(*LARGE, 1, 2), entry(*LARGE, 2, 4)], "refuse", ["a d", "b c e", ""]),
        ([960] * 3, [entry(*LARGE, 0, 2), entry(*LARGE, 2, 2)], "refuse", ["c", "a b", ""]),
        # greedy in the order written: the narrower entry belongs first
        (
            [960, 240],
            [entry("200GB", "1.8TB", 1, 1), entry(*LARGE, 1, 1)],
            "ignore",
            "disks entry 2 needs 1 disk of 800GB to 1.8TB, has 0 left, because entries before it take 1",
        ),
        ([960, 240], [entry(*LARGE, 1, 1), entry("200GB", "1.8TB", 1, 1)], "refuse", ["a", "b", ""]),
    ],
)
@pytest.mark.parametrize("where", ["block devices", "behind a controller"])
def test_entries_take_disks_in_order_with_and_without_a_controller(
    where: str, sizes: list[int], entries: list[dict[str, Any]], unlisted: str, expected: str | list[str]
) -> None:
    if where == "behind a controller":
        hardware = machine(physical_disks=behind(*sizes), disks=disks(sizes[0]))
        names = {chr(ord("a") + i): f"0:32:{i}" for i in range(8)}
    else:
        hardware = machine(disks=disks(*sizes))
        names = {letter: f"sd{letter}" for letter in "abcdefgh"}
    if isinstance(expected, list):
        wanted: object = [" ".join(names[letter] for letter in part.split()) for part in expected]
    else:
        wanted = expected.format(**names)
    assert taken(hardware, *entries, unlisted_disks=unlisted) == wanted


@pytest.mark.parametrize(
    ("state", "why"),
    [
        *((bad, "calls bad") for bad in ("UBad", "UBUnsp", "UGUnsp", "Failed", "Msng", "Unconfigured(bad), Spun Up")),
        *((spare, "keeps as hot spares") for spare in ("GHS", "DHS", "HSPShld", "Hotspare, Spun Up")),
    ],
)
def test_a_disk_that_its_controller_calls_bad_or_keeps_as_a_spare_is_taken_by_no_entry(state: str, why: str) -> None:
    first, *good = behind(240, 240, 240)
    hardware = machine(physical_disks=(replace(first, state=state), *good), disks=())
    mirror = entry(*SMALL, 2, 2, raid=1)
    assert taken(hardware, mirror) == ["0:32:1 0:32:2", "0:32:0"]
    assert taken(hardware, entry(*SMALL, 2, None)) == ["0:32:1 0:32:2", "0:32:0"]
    assert taken(hardware, {"devices": ["0:32:0"]}) == (
        f"needs at least 1 disk named 0:32:0, has 0; its controller {why}: 0:32:0 (240GB MZ7LH) {state}"
    )
    left = f"no disk may be left over, but 1 is: 0:32:0 (240GB MZ7LH) {state}"
    assert taken(hardware, mirror, unlisted_disks="refuse") == left
    assert left_alone(hardware, profile(mirror)) == (f"0:32:0 (240GB MZ7LH) {state}",)
    installed = disk_plan(hardware, profile(mirror), installed=True)
    assert isinstance(installed, DiskPlan)
    assert [disk_name(disk) for disk in installed.taken[0].disks] == ["0:32:0", "0:32:1"], "it keeps its place"


@pytest.mark.parametrize(
    "state", ["", "UGood", "JBOD", "Onln", "Offln", "Rbld", "Cpybck", "Unconfigured(good), Spun Up", "?"]
)
def test_a_disk_of_any_other_state_counts(state: str) -> None:
    hardware = machine(physical_disks=tuple(replace(disk, state=state) for disk in behind(240, 240)), disks=())
    assert taken(hardware, entry(*SMALL, 2, 2, raid=1)) == ["0:32:0 0:32:1", ""]


def on_two(first: int, second: int) -> Hardware:
    """So many disks of 240 GB in slots 0, 1 ... behind controller 0, and behind controller 1."""
    places = [(controller, slot) for controller, number in enumerate((first, second)) for slot in range(number)]
    listed = tuple(PhysicalDisk(controller, 32, slot, 240 * 10**9) for controller, slot in places)
    return machine(physical_disks=listed, disks=())


@pytest.mark.parametrize(
    ("hardware", "rules", "expected"),
    [
        (on_two(1, 2), [entry(*SMALL, 2, 2, raid=1)], ["1:32:0 1:32:1", "0:32:0"]),
        (on_two(2, 2), [entry(*SMALL, 2, 2, raid=1)], ["0:32:0 0:32:1", "1:32:0 1:32:1"]),
        (on_two(3, 3), [entry(*SMALL, 2, None, raid=5)], ["0:32:0 0:32:1 0:32:2", "1:32:0 1:32:1 1:32:2"]),
        (on_two(1, 3), [entry(*SMALL, 0, None, raid=0)], ["0:32:0", "1:32:0 1:32:1 1:32:2"]),
        (on_two(2, 3), [entry(*SMALL, 2, 2, raid=1), entry(*SMALL, 3, 3, raid=5)],
         ["0:32:0 0:32:1", "1:32:0 1:32:1 1:32:2", ""]),
        # no level, or made by software: a controller shows each disk by itself
        (on_two(1, 1), [entry(*SMALL, 2, 2)], ["0:32:0 1:32:0", ""]),
        (on_two(1, 1), [entry(*SMALL, 2, 2, raid=1, by="software")], ["0:32:0 1:32:0", ""]),
        (on_two(1, 1), [entry(*SMALL, 2, 2, raid=1)],
         "needs 2 disks of 200GB to 300GB behind one controller for RAID 1, has 1"),
        (on_two(2, 1), [entry(*SMALL, 2, 2), entry(*SMALL, 2, 2, raid=1)],
         "disks entry 2 needs 2 disks of 200GB to 300GB behind one controller for RAID 1, has 1 left, because entries "
         "before it take 1"),
    ],
)  # fmt: skip
def test_a_volume_is_made_of_the_disks_of_one_controller(
    hardware: Hardware, rules: list[dict[str, Any]], expected: object
) -> None:
    assert taken(hardware, *rules) == expected


def namespaces(*names: str) -> tuple[Disk, ...]:
    """Namespaces of 240 GB, as ``nvme0n1/S1``: their kernel names, each with the serial of its drive."""
    told = [each.partition("/") for each in names]
    return tuple(Disk(name, name, 240 * 10**9, "MZQL2", serial) for name, _, serial in told)


HALVES = tuple(
    Disk(f"sd{letter}", f"sd{letter}", 240 * 10**9, "ST14000NM", serial, f"0x5000c500a1b2c3d{place}")
    for place, (letter, serial) in enumerate(zip("abcd", ("ZK1", "ZK1", "ZK2", "ZK2"), strict=True))
)
"""Two hard disks with two actuators each, which show as two disks of one serial."""

ON_TWO, ON_ONE = namespaces("nvme0n1/S1A", "nvme0n2/S1A", "nvme1n1/S2B"), namespaces("nvme0n1/S1A", "nvme0n2/S1A")


@pytest.mark.parametrize(
    ("listed", "rule", "expected"),
    [
        (ON_TWO, {"raid": 1, "count": {"min": 2, "max": 2}}, ["nvme0n1 nvme1n1", "nvme0n2"]),
        (ON_TWO, {"raid": 1, "count": {"min": 2}}, ["nvme0n1 nvme1n1", "nvme0n2"]),
        (ON_TWO, {"raid": 0, "count": {"min": 2, "max": 2}}, ["nvme0n1 nvme0n2", "nvme1n1"]),  # outlives no drive
        (ON_TWO, {"count": {"min": 2, "max": 2}, "by": "controller"}, ["nvme0n1 nvme0n2", "nvme1n1"]),
        (ON_ONE, {"raid": 1, "count": {"min": 2, "max": 2}}, "needs 2 disks on a drive each for RAID 1, has 1"),
        # one drive over two controllers; no serial told
        (namespaces("nvme0n1/S1A", "nvme1n2/S1A"), {"raid": 1, "count": {"min": 2, "max": 2}},
         "needs 2 disks on a drive each for RAID 1, has 1"),
        (namespaces("nvme0n1", "nvme0n2", "nvme10n1"), {"raid": 1, "count": {"min": 2, "max": 2}},
         ["nvme0n1 nvme10n1", "nvme0n2"]),
        (HALVES, {"raid": 1, "count": {"min": 2, "max": 2}}, ["sda sdc", "sdb sdd"]),
        (HALVES[:2], {"raid": 1, "count": {"min": 2, "max": 2}}, ["sda sdb", ""]),  # maybe volumes of one controller
    ],
)  # fmt: skip
def test_a_mirror_by_software_is_on_several_drives(
    listed: tuple[Disk, ...], rule: dict[str, Any], expected: object
) -> None:
    assert taken(machine(disks=listed), {"by": "software", **rule}) == expected


def test_a_mirror_that_is_on_one_drive_already_keeps_its_place() -> None:
    rule = entry(*SMALL, 2, 2, raid=1, by="software")
    found = disk_plan(machine(disks=ON_ONE), profile(rule), installed=True)
    assert isinstance(found, DiskPlan)
    assert [disk_name(disk) for disk in found.taken[0].disks] == ["nvme0n1", "nvme0n2"]


def behind_two(**changed: Any) -> Hardware:
    """Two drives that both controllers list; ``changed``: what the second controller says otherwise."""
    first = tuple(
        PhysicalDisk(0, 20, slot, 240 * 10**9, "ST4000NM", f"Z1Z{slot}AAAA", wwn=f"5000c500a1b2c3d{slot}")
        for slot in (0, 1)
    )
    return machine(physical_disks=(*first, *(replace(disk, controller=1, **changed) for disk in first)), disks=())


@pytest.mark.parametrize(
    ("hardware", "number"),
    [
        (behind_two(), 2),
        (behind_two(wwn=""), 2),
        (behind_two(enclosure=21, state="UGood"), 2),
        (behind_two(wwn="5000c500ffffffff"), 4),
        (behind_two(serial=""), 4),
        (behind_two(serial="Z1Z9BBBB", wwn="5000c500ffffffff"), 4),
        (behind_two(model="ST8000NM"), 4),
    ],
)
def test_a_drive_behind_two_controllers_counts_once(hardware: Hardware, number: int) -> None:
    assert len(countable_disks(hardware)) == number
    found = taken(hardware, {"count": {"min": 4, "max": 4}})
    assert found == ("needs 4 disks, has 2" if number == 2 else ["0:20:0 0:20:1 1:20:0 1:20:1", ""])


@pytest.mark.parametrize("number", [2, 3])
def test_disks_of_one_controller_that_share_a_serial_are_several(number: int) -> None:
    listed = tuple(PhysicalDisk(0, 32, slot, 240 * 10**9, "ST14000NM", "ZK1ABCD") for slot in range(number))
    assert len(countable_disks(machine(physical_disks=listed, disks=()))) == number


HDD, SSD, SAS = {"rotational": True, "interface": "SAS"}, {"rotational": False, "interface": "SATA"}, {
    "rotational": False, "interface": "SAS",
}  # fmt: skip


def of_kinds(*kinds: dict[str, Any]) -> Hardware:
    """Disks of 240 GB behind one controller, in slots 0, 1, ..."""
    listed = zip(behind(*[240] * len(kinds)), kinds, strict=True)
    return machine(physical_disks=tuple(replace(disk, **kind) for disk, kind in listed), disks=())


@pytest.mark.parametrize(
    ("kinds", "rule", "expected"),
    [
        ([HDD, SSD, SSD], {"raid": 1, "count": {"min": 2, "max": 2}}, ["0:32:1 0:32:2", "0:32:0"]),
        ([HDD, SSD, SSD], {"raid": 1, "count": {"min": 2}}, ["0:32:1 0:32:2", "0:32:0"]),
        ([HDD, SSD, HDD, HDD], {"raid": 5, "count": {"min": 3}}, ["0:32:0 0:32:2 0:32:3", "0:32:1"]),
        ([SSD, SAS, SAS], {"raid": 1, "count": {"min": 2, "max": 2}}, ["0:32:1 0:32:2", "0:32:0"]),
        ([SSD, SAS], {"raid": 1, "count": {"min": 2, "max": 2}}, ["0:32:0 0:32:1", ""]),  # some controllers mix these
        ([HDD, SSD], {"raid": 1, "count": {"min": 2, "max": 2}},
         "needs 2 disks that are all SSDs or all hard disks for RAID 1, has 1"),
        ([HDD, {}, {}], {"raid": 1, "count": {"min": 2, "max": 2}}, ["0:32:1 0:32:2", "0:32:0"]),
        ([{}, {}], {"raid": 1, "count": {"min": 2, "max": 2}}, ["0:32:0 0:32:1", ""]),  # the stock agent says nothing
        ([HDD, SSD], {"count": {"min": 2, "max": 2}}, ["0:32:0 0:32:1", ""]),
        ([HDD, SSD], {"raid": 1, "by": "software", "count": {"min": 2, "max": 2}}, ["0:32:0 0:32:1", ""]),
    ],
)  # fmt: skip
def test_a_volume_is_of_ssds_or_of_hard_disks(
    kinds: list[dict[str, Any]], rule: dict[str, Any], expected: object
) -> None:
    assert taken(of_kinds(*kinds), rule) == expected


@pytest.mark.parametrize(
    ("number", "rule", "expected"),
    [
        (5, {"raid": 10, "count": {"min": 4}}, 4),
        (7, {"raid": 10, "count": {"min": 4}}, 6),
        (7, {"raid": 10, "count": {"min": 5, "max": 7}}, 6),
        (8, {"raid": 10, "count": {"min": 4, "max": 7}}, 6),
        (3, {"raid": 1, "count": {"min": 2, "max": 3}}, 2),
        (3, {"raid": 1}, 2),
        (3, {"raid": 1, "count": {"min": 0}}, 2),
        (1, {"raid": 1, "count": {"min": 0}}, 0),
        (5, {"raid": 5, "count": {"min": 3}}, 5),
        (3, {"raid": 5}, 3),
        (5, {"raid": 6, "count": {"min": 4}}, 5),
        (3, {"raid": 6, "count": {"min": 0}}, 0),
        (1, {"raid": 0, "count": {"min": 1, "max": 1}}, 1),
        (5, {"raid": 10, "count": {"min": 5}}, "needs at least 6 disks for RAID 10, has 5"),
        (3, {"raid": 10, "count": {"min": 2}}, "needs at least 4 disks for RAID 10, has 3"),
        (1, {"raid": 1}, "needs at least 2 disks for RAID 1, has 1"),
        (2, {"raid": 5, "count": {"min": 2, "max": 4}}, "needs 3 to 4 disks for RAID 5, has 2"),
        (3, {"raid": 6}, "needs at least 4 disks for RAID 6, has 3"),
        (4, {"raid": 10, "count": {"min": 5, "max": 5}}, "asks for RAID 10, and no controller makes it of 5 disks"),
        # made by software, or of what a controller shows whose disks nobody names
        (5, {"raid": 10, "by": "software", "count": {"min": 4}}, 5),
    ],
)
def test_a_volume_is_made_of_a_number_of_disks_that_its_level_takes(
    number: int, rule: dict[str, Any], expected: int | str
) -> None:
    found = taken(machine(physical_disks=behind(*[240] * number), disks=()), rule)
    if isinstance(expected, str):
        assert found == expected
    else:
        names = [f"0:32:{slot}" for slot in range(number)]
        assert found == [" ".join(names[:expected]), " ".join(names[expected:])]


def test_a_volume_of_which_a_report_names_no_disks_is_one_block_device() -> None:
    assert taken(machine(disks=disks(240)), {"raid": 1}) == ["sda", ""]


def test_a_machine_that_is_installed_keeps_its_disks_behind_any_controller() -> None:
    plan = disk_plan(on_two(1, 1), profile(entry(*SMALL, 2, 2, raid=0)), installed=True)
    assert isinstance(plan, DiskPlan)
    assert [disk_name(disk) for disk in plan.taken[0].disks] == ["0:32:0", "1:32:0"]


def test_a_machine_without_disks_fits_what_asks_for_none() -> None:
    assert taken(machine(disks=()), unlisted_disks="refuse") == [""]
    assert taken(machine(disks=()), {"count": {"min": 1}}) == "needs at least 1 disk, has 0"


def test_a_volume_does_not_count_beside_the_disks_it_is_made_of() -> None:
    hardware = machine(disks=disks(240), physical_disks=behind(240, 240))
    assert taken(hardware, entry(*SMALL, 2, 2, raid=1), unlisted_disks="refuse") == ["0:32:0 0:32:1", ""]


def test_nvme_disks_count_beside_a_controllers_but_not_for_its_raid() -> None:
    nvme = Disk("nvme0n1", "nvme0n1", 960 * 10**9, "P4510")
    hardware = machine(disks=(*disks(240), nvme), physical_disks=behind(240, 240, 960))
    assert taken(hardware, entry(*SMALL, 2, 2, raid=1), entry(*LARGE, 1, 4), unlisted_disks="refuse") == [
        "0:32:0 0:32:1",
        "0:32:2 nvme0n1",
        "",
    ]
    assert taken(hardware, entry(*LARGE, 2, 2, raid=1)) == "needs 2 disks of 800GB to 1.8TB, has 1"


@pytest.mark.parametrize("by", [{"model": ["IDSDM"]}, {"devices": ["sda"]}])
@pytest.mark.parametrize("many", [(), behind(960)])
@pytest.mark.parametrize("over", ["usb", "fc", "fcoe", "srp"])
def test_an_external_disk_counts_only_where_an_entry_names_it(
    by: dict[str, Any], many: tuple[PhysicalDisk, ...], over: str
) -> None:
    module, virtual = (
        Disk(name, name, 64 * 10**9, model, transport=over)
        for name, model in (("sda", "IDSDM"), ("sdb", "Virtual Floppy"))
    )
    hardware = machine(disks=(module, virtual), physical_disks=many)
    named = disk_plan(hardware, profile(by, {"count": {"min": 0}}, unlisted_disks="refuse"))
    assert isinstance(named, DiskPlan)
    assert [entry.disks for entry in named.taken] == [(module,), many]
    by_size = disk_plan(hardware, profile(entry("60GB", "70GB", 1, 1)))
    assert by_size == Refusal("needs 1 disk of 60GB to 70GB, has 0")
    unnamed = disk_plan(hardware, profile(unlisted_disks="use"))
    assert unnamed == DiskPlan((), many)
    stock = replace(hardware, disks=(replace(module, transport=""),), physical_disks=())
    assert disk_plan(stock, profile(entry("60GB", "70GB", 1, 1))) != by_size


TWELVE, BOSS = 12_000_138_625_024, 240_057_409_536
BESIDE = Disk("sda", "sda", BOSS, "DELLBOSS_VD", "abcdef0123450010")


def beside(*shown: Disk, pci: str = "") -> Hardware:
    """Two disks of 12 TB that a controller lists and shows as sdb and sdc, and what hangs elsewhere."""
    listed = tuple(PhysicalDisk(0, 32, slot, TWELVE, "", f"ZJV0AB0{slot}", "JBOD", pci=pci) for slot in (1, 2))
    as_they_are = tuple(
        Disk(name, name, TWELVE, "", f"ZJV0AB0{slot}", pci=pci) for slot, name in ((1, "sdb"), (2, "sdc"))
    )
    return machine(disks=(*shown, *as_they_are), physical_disks=listed)


PERC, AHCI = "0000:af:00.0", "0000:00:17.0"


@pytest.mark.parametrize(
    "first", [entry("200GB", "260GB", 1, 1), {"devices": ["sda"]}, {"model": ["BOSS"]}], ids=["size", "name", "model"]
)
@pytest.mark.parametrize(
    "hardware", [beside(BESIDE), beside(replace(BESIDE, pci=AHCI), pci=PERC)], ids=["stock", "ours"]
)
def test_a_disk_of_another_controller_counts_beside_a_raid_controllers(
    hardware: Hardware, first: dict[str, Any]
) -> None:
    rules = first, entry("10TB", "14TB", 2, 2)
    assert taken(hardware, *rules, unlisted_disks="refuse") == ["sda", "0:32:1 0:32:2", ""]
    chosen = choose_disks(hardware, profile(*rules, role="swiftstore"))
    assert isinstance(chosen, DiskChoice)
    assert (chosen.system_disks, chosen.data_disks) == (("sda",), ("sdb", "sdc"))


ANY = {"count": {"min": 2}}


@pytest.mark.parametrize(
    ("hardware", "rule", "expected"),
    [
        # a LUN, of which nothing says what it hangs on: only an entry that cannot mean the controller's disks takes it
        (beside(BESIDE), ANY, ["0:32:1 0:32:2", "sda"]),
        (beside(BESIDE), {"size": {"max": "1TB"}}, ["sda", "0:32:1 0:32:2"]),
        (beside(replace(BESIDE, pci=AHCI)), ANY, ["0:32:1 0:32:2", "sda"]),  # nobody says where the controller is
        (beside(BESIDE, pci=PERC), ANY, ["0:32:1 0:32:2", "sda"]),
        (beside(replace(BESIDE, pci=AHCI), pci=PERC), ANY, ["0:32:1 0:32:2 sda", ""]),
        # the controller's own, never counted
        (beside(replace(BESIDE, pci=PERC), pci=PERC), {"size": {"max": "1TB"}}, None),
        (beside(replace(BESIDE, model="PERC H740P Mini")), {"size": {"max": "1TB"}}, None),
        (beside(replace(BESIDE, size=TWELVE * 2 - 10**9)), {"size": {"min": "20TB"}}, None),  # a volume of both
        (beside(replace(BESIDE, size=int(TWELVE * 0.96))), {"size": {"max": "11.9TB"}}, None),  # of one
        # a disk that the controller lists, whatever it hangs on
        (replace(beside(pci=PERC), disks=(replace(BESIDE, size=115 * 10**11, serial="ZJV0AB020", pci=AHCI),)),
         {"size": {"max": "11.9TB"}}, None),
    ],
)  # fmt: skip
def test_what_a_device_hangs_on_says_whether_it_counts(
    hardware: Hardware, rule: dict[str, Any], expected: object
) -> None:
    found = taken(hardware, rule)
    assert found == expected if expected else "has 0" in str(found)


def test_a_device_of_which_nobody_knows_whose_it_is_refuses_nothing_and_is_told() -> None:
    assert taken(beside(BESIDE), ANY, unlisted_disks="refuse") == ["0:32:1 0:32:2", "sda"]
    assert left_alone(beside(BESIDE), profile(ANY)) == ("sda (240.06GB DELLBOSS_VD)",)
    known = beside(replace(BESIDE, pci=AHCI), pci=PERC)
    assert "1 is: sda" in str(taken(known, {"size": {"min": "1TB"}, "count": {"min": 2}}, unlisted_disks="refuse"))


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"devices": ["sdc", "sde"], "count": {"min": 2, "max": 2}}, ["sdc sde", "sda sdb sdd"]),
        ({"devices": ["sdm"]}, "needs at least 1 disk named sdm, has 0"),
        ({"model": ["LH"], "count": {"min": 1, "max": 1}}, ["sda", "sdb sdc sdd sde"]),
        ({"model": ["ST12", "HUH"]}, "needs at least 1 disk whose model holds ST12 or HUH, has 0"),
        ({"size": {"min": "2TB"}}, "needs at least 1 disk of at least 2TB, has 0"),
        ({"size": {"min": "960GB", "max": "960GB"}, "count": {"max": 9}}, ["sdc sdd sde", "sda sdb"]),
    ],
)
def test_disks_are_chosen_by_name_model_or_size(rule: dict[str, Any], expected: object) -> None:
    assert taken(machine(), rule) == expected


def test_disks_are_taken_as_the_kernel_counts_however_they_are_listed() -> None:
    names = ["sdaa", "sdb", "sda", "sdz", "nvme10n1", "nvme2n1"]
    hardware = machine(disks=tuple(Disk(name, name, 960 * 10**9) for name in names))
    assert taken(hardware, entry(*LARGE, 1, None)) == ["nvme2n1 nvme10n1 sda sdb sdz sdaa", ""]


def test_a_plan_says_what_becomes_of_the_disks() -> None:
    rule = entry(*SMALL, 2, 2, raid=1, by="controller", options=["WB", "RA"])
    plan = disk_plan(machine(), profile(entry(*LARGE, 3, 3), rule))
    assert isinstance(plan, DiskPlan)
    assert [(part.entry, part.raid, part.by, part.options) for part in plan.taken] == [
        (0, None, "controller", ()),
        (1, 1, "controller", ("WB", "RA")),
    ]


def test_the_highest_priority_wins_and_equals_tie() -> None:
    profiles = {
        "plain": profile(),
        "other": profile(),
        "wanted": profile(priority=5),
        "unfit": profile(priority=9, match={"uefi": True}),
    }
    found = match(machine(), profiles)
    assert found.profile == "wanted"
    assert found.refused == {
        "other": "outranked by priority: 0, and wanted fits with 5",
        "plain": "outranked by priority: 0, and wanted fits with 5",
        "unfit": "needs UEFI, booted in BIOS mode",
    }
    del profiles["wanted"]
    assert match(machine(), profiles).profiles == ("other", "plain")
    assert match(machine(), profiles).profile is None
    assert match(machine(), profiles) == match(machine(), dict(reversed(profiles.items())))


def test_a_machine_that_fits_nothing_is_told_why_everywhere() -> None:
    found = match(machine(nics=(nic("eno1", 1),)), {"a": profile(match={"nics": {"min": 2}})})
    assert found.profiles == ()
    assert found.refused == {"a": "needs at least 2 network interfaces, has 1"}


@pytest.mark.parametrize(
    ("unlisted", "left"),
    [("ignore", ("sdc (960GB MZ7LH)", "sdd (960GB MZ7LH)", "sde (960GB MZ7LH)")), ("use", ()), ("refuse", ())],
)
def test_disks_that_nobody_will_touch_are_named(unlisted: str, left: tuple[str, ...]) -> None:
    assert left_alone(machine(), profile(entry(*SMALL, 2, 2), unlisted_disks=unlisted)) == left
