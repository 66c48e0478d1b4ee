"""A disk that no entry names is never formatted: which block devices show the disks of a RAID controller."""

from dataclasses import replace
from typing import Any

import pytest

from reconciler.hardware.choice import LastInstall, choose_disks, disks_in_use, recall_disks
from reconciler.hardware.disks import Refusal
from reconciler.hardware.recall import NOTHING, Recalled
from reconciler.hardware.shown import same_disks
from reconciler.model.hardware import Disk, Hardware, PhysicalDisk
from reconciler.model.kinds import HardwareProfileSpec
from reconciler.model.raid import place_text

from .machines import machine, profile

HDD, SSD, VOLUME = 12_000_138_625_024, 480_103_981_056, 479_559_942_144
PERC, CHIPSET, SECOND = "0000:af:00.0", "0000:00:17.0", "0000:18:00.0"


def device(name: str, size: int = HDD, serial: str = "", wwn: str = "", pci: str = "", model: str = "") -> Disk:
    return Disk(name, name, size, model, serial, wwn, pci=pci)


def behind(
    slot: int, size: int = HDD, serial: str = "", state: str = "JBOD", wwn: str = "", pci: str = ""
) -> PhysicalDisk:
    return PhysicalDisk(0, 32, slot, size, "", serial, state, wwn, pci)


def with_(disks: list[Disk], physical: list[PhysicalDisk]) -> Hardware:
    return machine(disks=tuple(disks), physical_disks=tuple(physical))


@pytest.mark.parametrize(
    ("listed", "shown", "same"),
    [
        ([behind(2, serial="ZJV0AB02")], [device("sdb", serial="ZJV0AB02")], "0:32:2=sdb"),
        ([behind(2, serial="ZJV0AB02")], [device("sdb", serial="ZJV0AB020000C908")], "0:32:2=sdb"),
        ([behind(2, serial="ZJV0AB020000C908")], [device("sdb", serial="ZJV0AB02")], "0:32:2=sdb"),
        ([behind(2, serial="ZJV0AB0")], [device("sdb", serial="ZJV0AB020000C908")], ""),  # seven letters are too few
        ([behind(2, serial="ZJV0AB02")], [device("sdb", serial="ZJV0AB021"), device("sdc", serial="ZJV0AB022")], ""),
        ([behind(2, serial="ZJV0AB02"), behind(3, serial="ZJV0AB0200")], [device("sdb", serial="ZJV0AB020000")], ""),
        ([behind(2, wwn="5000C500A1B2C302")], [device("sdb", wwn="0x5000c500a1b2c302")], "0:32:2=sdb"),
        ([behind(2, wwn="5000C500A1B2C302")], [device("sdb", serial="5000c500a1b2c302")], "0:32:2=sdb"),
        (  # its WWN is one device's, its serial another's
            [behind(2, serial="ZJV0AB02", wwn="5000C500A1B2C302")],
            [device("sdb", serial="ZJV0AB02"), device("sdc", wwn="0x5000c500a1b2c302")],
            "",
        ),
        ([behind(2, serial="ZJV0AB02")], [device("sdb", serial="ZJV0AB02"), device("sdc", serial="ZJV0AB02")], ""),
        ([behind(2, serial="ZJV0AB02"), behind(3, serial="ZJV0AB02")], [device("sdb", serial="ZJV0AB02")], ""),
        ([behind(2, serial="00000000")], [device("sdb", serial="00000000")], ""),
        ([behind(2, serial="ZJV0AB02")], [device("sdb", SSD, serial="ZJV0AB02")], ""),
    ],
)
def test_a_physical_disk_is_a_block_device_by_who_they_are(
    listed: list[PhysicalDisk], shown: list[Disk], same: str
) -> None:
    found = same_disks(shown, listed)
    assert " ".join(f"{place_text(place)}={disk.device}" for place, disk in found.items()) == same


def jbod(serials: str, states: str = "JBOD", **told: str) -> Hardware:
    """The system's SSD in slot 0, and four alike disks in slots 2 to 5, as sdb to sde."""
    serial = {
        "same": "ZJV0AB0{}", "longer": "ZJV0AB0{}0000C9081234", "wwn": "5000c500a1b2c3d{}", "none": "",
    }[serials]  # fmt: skip
    slots = (2, 3, 4, 5)
    disks = [device(f"sd{name}", serial=serial.format(i), **told) for i, name in zip(slots, "bcde", strict=True)]
    return with_(
        [device("sda", SSD, "PHYG901"), *disks],
        [behind(0, SSD, "PHYG901"), *(behind(i, serial=f"ZJV0AB0{i}", state=states) for i in slots)],
    )


SYSTEM = {"devices": ["0:32:0"], "count": {"min": 1, "max": 1}}
TWO = {"devices": ["0:32:4", "0:32:5"], "count": {"min": 2, "max": 2}}
ALL = {"size": {"min": "10TB"}, "count": {"min": 4}}
STORE = profile(SYSTEM, TWO, role="swiftstore")


def told(found: Any) -> str:
    if isinstance(found, Refusal):
        return found.reason
    system, data = getattr(found, "system_disks", None) or found.system, getattr(found, "data_disks", None)
    return f"{' '.join(system)} | {' '.join(found.data if data is None else data)}"


WHICH = (
    "its profile takes disk 0:32:4; disk 0:32:5, and no serial, WWN or controller tells which of sdb, sdc, sdd, sde "
    "those are"
)


@pytest.mark.parametrize(
    ("hardware", "spec", "expected"),
    [
        (jbod("same"), STORE, "sda | sdd sde"),
        (jbod("longer"), STORE, "sda | sdd sde"),
        (jbod("wwn"), STORE, WHICH),
        (jbod("none"), STORE, WHICH),
        (jbod("none", states=""), STORE, WHICH),
        # who takes all that are alike need not know which is which
        (jbod("none"), profile(SYSTEM, ALL, role="swiftstore"), "sda | sdb sdc sdd sde"),
        (jbod("wwn"), profile(SYSTEM, TWO, role="swiftstore", unlisted_disks="use"), "sda | sdb sdc sdd sde"),
        (jbod("none"), profile(SYSTEM, role="swiftstore"), "sda | "),
        # as many devices as it takes, and each may be a disk that it does not take
        (
            replace(jbod("none"), disks=jbod("none").disks[:3]),
            STORE,
            WHICH.replace("sdb, sdc, sdd, sde", "sdb, sdc"),
        ),
    ],
)
def test_only_disks_that_an_entry_takes_are_formatted(
    hardware: Hardware, spec: HardwareProfileSpec, expected: str
) -> None:
    assert told(choose_disks(hardware, spec)) == expected
    assert told(disks_in_use(hardware, spec)) == expected


def test_what_is_as_large_as_a_disk_that_no_device_shows_is_not_that_disk() -> None:
    """A LUN, say."""
    spec = profile(SYSTEM, {"size": {"min": "10TB"}, "count": {"min": 1}}, role="swiftstore")
    for state, data in (("JBOD", "sdb"), ("", "sdb"), ("Unconfigured(good)", ""), ("UGood", "")):
        listed = [behind(0, SSD, "PHYG901"), behind(2, serial="ZJV0AB02", state=state)]
        lun = device("sdb", serial="600a098038314d53")
        assert told(choose_disks(with_([device("sda", SSD, "PHYG901"), lun], listed), spec)) == f"sda | {data}"
    spare = with_([device("sda", SSD, "PHYG901"), lun], [listed[0], behind(2, serial="ZJV0AB02", state="GHS")])
    assert told(disks_in_use(spare, spec)) == "sda | "
    assert "keeps as hot spares: 0:32:2" in told(choose_disks(spare, spec))


def installed_on(*names: str, serials: str = "wwn") -> LastInstall:
    on = tuple(disk.identity for name in names for disk in jbod(serials).disks if disk.name == name)
    return LastInstall(on, on[:1], stays=True)


@pytest.mark.parametrize("spec", [STORE, profile(SYSTEM, ALL, role="swiftstore", unlisted_disks="ignore")])
@pytest.mark.parametrize("names", ["sdd sde", "sdb sdc"])
def test_in_service_the_record_says_which_disks_are_for_data(names: str, spec: HardwareProfileSpec) -> None:
    """Where today's report tells of other disks than those that hold objects, too."""
    for serials in ("wwn", "longer") if spec is STORE else ():
        hardware, last = jbod(serials), installed_on("sda", *names.split(), serials=serials)
        assert told(disks_in_use(hardware, spec, recall_disks(hardware, spec, last))) == f"sda | {names}"


def test_a_disk_that_replaced_one_of_the_record_is_for_data_where_its_serial_tells() -> None:
    hardware, last = jbod("longer"), installed_on("sda", "sdd", "sde", serials="longer")
    new = replace(hardware.disks[3], serial="ZJV0AB0X", name="sdf", device="sdf")
    disks = (*hardware.disks[:3], new, hardware.disks[4])
    slot4 = replace(hardware.physical_disks[3], serial="ZJV0AB0X")
    listed = (*hardware.physical_disks[:3], slot4, hardware.physical_disks[4])
    known = replace(hardware, disks=disks, physical_disks=listed)
    assert told(disks_in_use(known, STORE, recall_disks(known, STORE, last))) == "sda | sdf sde"
    unknown = replace(hardware, disks=disks)  # slot 4 and sdf are all that is left
    assert told(disks_in_use(unknown, STORE, recall_disks(unknown, STORE, last))) == "sda | sdf sde"
    two = replace(unknown, disks=(*disks, device("sdg", serial="ZJV0AB0Y")))
    assert told(disks_in_use(two, STORE, recall_disks(two, STORE, last))) == "sda | sde"


def test_a_reinstall_follows_the_record_where_nothing_else_tells() -> None:
    hardware, last = jbod("wwn"), replace(installed_on("sda", "sdd", "sde"), stays=False)
    assert told(choose_disks(hardware, STORE, recall_disks(hardware, STORE, last))) == "sda | sdd sde"
    last = replace(installed_on("sda", "sdb", "sdc", serials="longer"), stays=False)  # it had others then
    hardware = jbod("longer")
    assert told(choose_disks(hardware, STORE, recall_disks(hardware, STORE, last))) == "sda | sdd sde"


RAID1 = profile({"size": {"max": "500GB"}, "count": {"min": 2, "max": 2}, "raid": 1, "by": "controller"})
MEMBERS = [behind(0, SSD, "S45N0001", "Onln", pci=PERC), behind(1, SSD, "S45N0002", "Onln", pci=PERC)]
STOCK = [replace(disk, pci="") for disk in MEMBERS]
LONE = device("sda", VOLUME, "PHYF0001", "0x55cd2e4150a1b201")
MADE = device("sdb", VOLUME, "00abcdef", "0x62cea7f09d1e4600", model="PERC H740P Mini")
EITHER = "its profile takes the RAID 1 of 0:32:0, 0:32:1, and no serial, WWN or controller tells which of {} that is"
NONE = "its profile finds no disk for the system"


@pytest.mark.parametrize(
    ("disks", "listed", "expected"),
    [
        ([LONE, MADE], STOCK, EITHER.format("sda, sdb")),
        ([MADE], STOCK, "sdb | "),
        ([replace(LONE, pci=CHIPSET), replace(MADE, pci=PERC)], MEMBERS, "sdb | "),
        ([replace(LONE, pci=CHIPSET)], MEMBERS, NONE),  # what a controller shows is on its address
        ([replace(LONE, pci=PERC), replace(MADE, pci=PERC)], MEMBERS, EITHER.format("sda, sdb")),
        # of two controllers of one make
        ([replace(LONE, pci=SECOND), replace(MADE, pci=PERC)], [*MEMBERS, behind(9, HDD, pci=SECOND)], "sdb | "),
        # its disks are in no volume yet
        ([LONE], [replace(disk, state="UGood") for disk in STOCK], NONE),
        ([LONE], [STOCK[0], replace(STOCK[1], state="JBOD")], NONE),
        # a disk that is certainly another one, and one that may be
        ([replace(LONE, serial="S45N0009")], [*STOCK, behind(7, SSD, "S45N0009")], NONE),
        ([LONE], [*STOCK, behind(7, SSD, "S45N0009", "JBOD")], EITHER.format("sda")),
        ([MADE], [*STOCK, behind(7, SSD, "S45N0009", "GHS")], "sdb | "),
        ([MADE], [*STOCK, behind(7, SSD, "S45N0009", "Onln")], "sdb | "),  # in another volume, of another size
    ],
)
def test_the_systems_volume_is_what_the_controller_shows(
    disks: list[Disk], listed: list[PhysicalDisk], expected: str
) -> None:
    assert told(choose_disks(with_(disks, listed), RAID1)) == expected


def test_a_system_that_was_recorded_is_there_whatever_looks_alike() -> None:
    hardware = with_([LONE, MADE], STOCK)
    last = LastInstall((MADE.identity,), (MADE.identity,), stays=True)
    assert told(disks_in_use(hardware, RAID1, recall_disks(hardware, RAID1, last))) == "sdb | "
    again = recall_disks(hardware, RAID1, replace(last, stays=False))
    assert told(choose_disks(hardware, RAID1, again)) == "sdb | "


def test_a_volume_that_held_data_is_not_the_systems() -> None:
    held = Recalled(data=(MADE,))
    assert told(choose_disks(with_([MADE], STOCK), RAID1, held)) == NONE
    assert told(choose_disks(with_([MADE], STOCK), RAID1, NOTHING)) == "sdb | "


def test_a_mirror_by_software_of_a_controllers_disks_is_made_of_both() -> None:
    spec = profile({"size": {"max": "500GB"}, "count": {"min": 2, "max": 2}, "raid": 1, "by": "software"})
    listed = [behind(0, SSD, "S45N0001"), behind(1, SSD, "S45N0002"), behind(7, SSD, "S45N0007")]
    shown = [device("sda", SSD, "S45N0007"), device("sdb", SSD, "S45N0002"), device("sdc", SSD, "S45N0001")]
    assert told(choose_disks(with_(shown, listed), spec)) == "sdb sdc | "
    assert "disk 0:32:0; disk 0:32:1" in told(choose_disks(with_([replace(d, serial="") for d in shown], listed), spec))
    assert told(choose_disks(with_(shown[:2], listed), spec)) == NONE  # no half of a mirror is installed on
    assert told(disks_in_use(with_(shown[:2], listed), spec)) == "sdb | "
