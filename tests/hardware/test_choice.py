"""Where the system goes, what is formatted, and what a pulled disk changes."""

from dataclasses import replace

import pytest

from reconciler.hardware.choice import DisksInUse, choose_disks, disks_in_use
from reconciler.hardware.disks import Refusal
from reconciler.hardware.recall import Recalled
from reconciler.model.hardware import Disk, Hardware, PhysicalDisk
from reconciler.model.kinds import HardwareProfileSpec
from reconciler.model.machine import DiskChoice

GB = 1000**3


def machine(*sizes: int, behind: tuple[int, ...] = ()) -> Hardware:
    disks = tuple(Disk(f"sd{chr(97 + i)}", f"sd{chr(97 + i)}", size, "M") for i, size in enumerate(sizes))
    physical = tuple(PhysicalDisk(0, 32, slot, size) for slot, size in enumerate(behind))
    return Hardware("S1", "Dell Inc.", "PowerEdge R740xd", 128 * 2**30, disks=disks, physical_disks=physical)


def profile(role: str, *disks: dict[str, object]) -> HardwareProfileSpec:
    return HardwareProfileSpec.model_validate({"role": role, "disks": disks})


SSD = {"size": {"min": "200GB", "max": "250GB"}, "count": {"min": 2, "max": 2}, "raid": 1, "by": "software"}
HDD = {"size": {"min": "11TB", "max": "13TB"}, "count": {"min": 3, "max": 3}}
STORE = profile("swiftstore", SSD, HDD)
STORE_DISKS = (12000 * GB, 12000 * GB, 12000 * GB, 240 * GB, 240 * GB)


def test_a_software_raid_takes_the_disks_of_the_first_entry_and_formats_the_others() -> None:
    choice = choose_disks(machine(*STORE_DISKS), STORE)
    assert isinstance(choice, DiskChoice)
    assert (choice.system_disks, choice.raid, choice.data_disks) == (("sdd", "sde"), 1, ("sda", "sdb", "sdc"))
    assert len(choice.identity) == 5


def on_usb(hardware: Hardware, *names: str) -> Hardware:
    disks = tuple(replace(disk, transport="usb") if disk.device in names else disk for disk in hardware.disks)
    return replace(hardware, disks=disks)


def test_no_disk_on_usb_is_taken_for_another() -> None:
    """Of the size of a data disk, or of a controller's volume."""
    hardware = on_usb(machine(*STORE_DISKS, 12000 * GB), "sdf")
    for unlisted in ("use", "ignore"):
        choice = choose_disks(hardware, STORE.model_copy(update={"unlisted_disks": unlisted}))
        assert isinstance(choice, DiskChoice)
        assert (choice.system_disks, choice.data_disks) == (("sdd", "sde"), ("sda", "sdb", "sdc"))
    mirror = profile("compute", {"count": {"min": 2, "max": 2}, "raid": 1, "by": "controller"})
    volume = on_usb(machine(240 * GB, 240 * GB, behind=(240 * GB, 240 * GB)), "sda")
    choice = choose_disks(volume, mirror)
    assert isinstance(choice, DiskChoice)
    assert choice.system_disks == ("sdb",)
    assert isinstance(choose_disks(on_usb(volume, "sdb"), mirror), Refusal)


def with_fault(hardware: Hardware, name: str, **fault: bool) -> Hardware:
    disks = tuple(replace(disk, **fault) if disk.device == name else disk for disk in hardware.disks)
    return replace(hardware, disks=disks)


FAULTS = [({"read_only": True}, "read-only"), ({"zoned": True}, "host-managed")]


@pytest.mark.parametrize("unlisted", ["use", "ignore"])
@pytest.mark.parametrize(("fault", "word"), FAULTS)
def test_a_disk_on_which_no_file_system_can_be_made_is_not_installed_on(
    fault: dict[str, bool], word: str, unlisted: str
) -> None:
    specs = STORE.model_copy(update={"unlisted_disks": unlisted})
    choice = choose_disks(with_fault(machine(12000 * GB, *STORE_DISKS), "sda", **fault), specs)
    assert isinstance(choice, DiskChoice)
    assert (choice.system_disks, choice.data_disks) == (("sde", "sdf"), ("sdb", "sdc", "sdd"))
    assert choose_disks(with_fault(machine(*STORE_DISKS), "sdd", **fault), specs) == Refusal(
        "disks entry 1 needs 2 disks of 200GB to 250GB, has 1; no file system can be made on: sdd (240GB M) " + word
    )


@pytest.mark.parametrize(("fault", "word"), FAULTS)
def test_no_volume_of_a_controller_on_which_nothing_can_be_written_is_installed_on(
    fault: dict[str, bool], word: str
) -> None:
    mirror = profile("compute", {"count": {"min": 2, "max": 2}, "raid": 1, "by": "controller"})
    hardware = with_fault(machine(240 * GB, behind=(240 * GB, 240 * GB)), "sda", **fault)
    assert choose_disks(hardware, mirror) == Refusal(f"sda is {word}, and no file system can be made on it")


@pytest.mark.parametrize("unlisted", ["use", "ignore"])
def test_a_disk_that_became_read_only_keeps_its_place_where_something_is_installed(unlisted: str) -> None:
    specs = STORE.model_copy(update={"unlisted_disks": unlisted})
    for name in ("sda", "sdd"):
        now = with_fault(machine(*STORE_DISKS), name, read_only=True)
        assert disks_in_use(now, specs) == DisksInUse(("sdd", "sde"), ("sda", "sdb", "sdc"))
    recalled = Recalled(now.disks[3:], now.disks[:3], stays=True)
    assert disks_in_use(now, specs, recalled) == DisksInUse(("sdd", "sde"), ("sda", "sdb", "sdc"))


@pytest.mark.parametrize("unlisted", ["use", "ignore"])
@pytest.mark.parametrize(("fault", "word"), FAULTS)
def test_a_disk_on_which_the_install_could_not_put_anything_holds_no_data_later(
    fault: dict[str, bool], word: str, unlisted: str
) -> None:
    now = with_fault(machine(12000 * GB, *STORE_DISKS), "sda", **fault)
    recalled = Recalled(now.disks[4:], now.disks[1:4], stays=True)
    more = profile("swiftstore", SSD, {**HDD, "count": {"min": 3}}).model_copy(update={"unlisted_disks": unlisted})
    assert disks_in_use(now, more, recalled) == DisksInUse(("sde", "sdf"), ("sdb", "sdc", "sdd")), word


def test_a_disk_on_usb_that_an_entry_names_has_the_system_or_data() -> None:
    first = on_usb(machine(64 * GB, 12000 * GB, 64 * GB), "sda", "sdc")
    choice = choose_disks(
        first, profile("swiftstore", {"devices": ["sda"]}, {"devices": ["sdb", "sdc"], "count": {"min": 2}})
    )
    assert isinstance(choice, DiskChoice)
    assert (choice.system_disks, choice.data_disks) == (("sda",), ("sdb", "sdc"))


def sorted_by_agent(*names: str) -> Hardware:
    """Data disks of a swift store that the kernel calls sda, sdb, ..., and the agent so."""
    hardware = machine(*[12000 * GB] * len(names))
    disks = (replace(disk, name=name) for disk, name in zip(hardware.disks, names, strict=True))
    return replace(hardware, disks=tuple(disks))


def test_a_name_of_two_disks_names_none_before_an_install() -> None:
    """The agent sorts disks by names that the kernel has, too, and gives to others."""
    crossed = sorted_by_agent("sdb", "sda", "sdc")
    for system, data in (("sda", "sdb"), ("sdb", "sda"), ("sda", "sdc"), ("sdc", "sdb")):
        choice = choose_disks(crossed, profile("swiftstore", {"devices": [system]}, {"devices": [data]}))
        assert isinstance(choice, Refusal) and choice.unclear, (system, data)
        assert "two disks are called that" in choice.reason
    choice = choose_disks(crossed, profile("compute", {"devices": ["sdb"]}))
    assert choice == Refusal(
        "its profile names sdb, and two disks are called that: by its agent the kernel's sda, and by the kernel its "
        "agent's sda. Take it by size or model instead",
        unclear=True,
    )


def test_entries_that_mean_the_same_disks_by_either_name_are_clear() -> None:
    crossed = sorted_by_agent("sdb", "sda", "slot7")
    both = profile("swiftstore", {"devices": ["sda", "sdb"], "raid": 1, "by": "software"}, {"devices": ["sdc"]})
    for third in ("sdc", "slot7"):
        choice = choose_disks(
            crossed, both.model_copy(update={"disks": (both.disks[0], profile("x", {"devices": [third]}).disks[0])})
        )
        assert isinstance(choice, DiskChoice)
        assert (set(choice.system_disks), choice.data_disks) == ({"sda", "sdb"}, ("sdc",))
    choice = choose_disks(crossed, profile("compute", {"devices": ["sdc"]}, {"devices": ["sda"]}))
    assert isinstance(choice, DiskChoice)  # the second entry's are not formatted
    assert choice.system_disks == ("sdc",)


def test_in_use_are_the_disks_that_the_agent_calls_so() -> None:
    """As every document of OCI names them; no entry takes the disk of another one."""
    crossed = sorted_by_agent("sdb", "sda")
    for system, data in (("sda", "sdb"), ("sdb", "sda")):
        used = disks_in_use(crossed, profile("swiftstore", {"devices": [system]}, {"devices": [data]}))
        assert used == DisksInUse((system,), (data,))


@pytest.mark.parametrize("role", ["controller", "cephosd", "compute"])
def test_other_roles_format_nothing_beside_the_system(role: str) -> None:
    choice = choose_disks(machine(*STORE_DISKS), profile(role, SSD))
    assert isinstance(choice, DiskChoice)
    assert choice.data_disks == ()


@pytest.mark.parametrize(
    ("raid", "behind", "volumes", "system"),
    [
        (1, (240, 240), (240,), ("sda",)),
        (1, (240, 240), (239,), ("sda",)),  # the controller keeps its notes at the end
        (10, (960, 960, 960, 960), (240, 1920), ("sdb",)),
        (5, (960, 960, 960), (1920,), ("sda",)),
        (1, (240, 240), (960,), None),  # its volume does not exist yet
        (1, (240, 240), (), None),
    ],
)
def test_behind_a_controller_the_system_goes_to_the_volume_of_the_right_size(
    raid: int, behind: tuple[int, ...], volumes: tuple[int, ...], system: tuple[str, ...] | None
) -> None:
    rule = {"count": {"min": len(behind), "max": len(behind)}, "raid": raid, "by": "controller"}
    hardware = machine(*(size * GB for size in volumes), behind=tuple(size * GB for size in behind))
    choice = choose_disks(hardware, profile("controller", rule))
    assert (choice.system_disks if isinstance(choice, DiskChoice) else None) == system


def test_a_machine_with_a_pulled_data_disk_is_not_installed_on_but_keeps_the_others_in_use() -> None:
    pulled = machine(*STORE_DISKS)
    pulled = replace(pulled, disks=pulled.disks[1:])
    assert isinstance(choose_disks(pulled, STORE), Refusal)
    in_use = disks_in_use(pulled, STORE)
    assert isinstance(in_use, DisksInUse)
    assert in_use.data == ("sdb", "sdc")


@pytest.mark.parametrize(("raid", "left", "volume"), [(1, 1, 960), (5, 2, 1920), (6, 2, 1920), (10, 3, 1920)])
def test_a_machine_whose_system_lost_a_disk_keeps_its_system(raid: int, left: int, volume: int) -> None:
    members = {1: 2, 5: 3, 6: 4, 10: 4}[raid]
    rule = {"count": {"min": members, "max": members}, "raid": raid, "by": "controller"}
    degraded = machine(volume * GB, behind=(960 * GB,) * left)
    assert isinstance(choose_disks(degraded, profile("controller", rule)), Refusal)
    in_use = disks_in_use(degraded, profile("controller", rule))
    assert isinstance(in_use, DisksInUse)
    assert in_use.system == ("sda",)


def test_a_store_whose_software_raid_lost_a_disk_keeps_its_data_disks() -> None:
    pulled = machine(*STORE_DISKS)
    smallest = min(pulled.disks, key=lambda disk: disk.size)
    pulled = replace(pulled, disks=tuple(disk for disk in pulled.disks if disk is not smallest))
    whole, in_use = disks_in_use(machine(*STORE_DISKS), STORE), disks_in_use(pulled, STORE)
    assert isinstance(whole, DisksInUse) and isinstance(in_use, DisksInUse)
    assert len(in_use.system) == len(whole.system) - 1
    assert in_use.data == whole.data


ONE_SYSTEM = {"size": {"min": "400GB", "max": "500GB"}, "count": {"min": 1, "max": 1}}
TWO_DATA = {"size": {"min": "11TB", "max": "13TB"}, "count": {"min": 2, "max": 2}}
WITH_A_LUN = (480 * GB, 12000 * GB, 12000 * GB, 2199 * GB)


@pytest.mark.parametrize(
    ("unlisted", "entries", "data"),
    [
        ("ignore", (ONE_SYSTEM, TWO_DATA), ("sdb", "sdc")),
        ("use", (ONE_SYSTEM, TWO_DATA), ("sdb", "sdc", "sdd")),
        ("ignore", (ONE_SYSTEM,), ()),
        ("use", (ONE_SYSTEM,), ("sdb", "sdc", "sdd")),
        # sdc is an extra of the system's entry, and stays unused
        ("ignore", ({"count": {"min": 1, "max": 2}}, {"size": {"min": "11TB"}}), ("sdb",)),
    ],
)
def test_a_disk_that_no_entry_names_is_left_alone_unless_it_is_to_be_used(
    unlisted: str, entries: tuple[dict[str, object], ...], data: tuple[str, ...]
) -> None:
    hardware = machine(*WITH_A_LUN)
    for role in ("swiftstore", "cephosd", "volume"):
        spec = profile(role, *entries).model_copy(update={"unlisted_disks": unlisted})
        in_use = disks_in_use(hardware, spec)
        assert isinstance(in_use, DisksInUse)
        assert in_use == DisksInUse(("sda",), data)
    choice = choose_disks(hardware, profile("swiftstore", *entries).model_copy(update={"unlisted_disks": unlisted}))
    assert isinstance(choice, DiskChoice)
    assert choice.data_disks == data
    assert len(choice.identity) == 1 + len(data)


def test_a_disk_that_came_later_is_for_data_only_where_an_entry_takes_it() -> None:
    """Where none may be left over, too: nothing refuses a machine that is in service."""
    spec = profile("swiftstore", ONE_SYSTEM, TWO_DATA).model_copy(update={"unlisted_disks": "refuse"})
    in_use = disks_in_use(machine(*WITH_A_LUN), spec)
    assert isinstance(in_use, DisksInUse)
    assert in_use.data == ("sdb", "sdc")


@pytest.mark.parametrize(
    ("entries", "behind", "shown", "data"),
    [
        # each by itself: the controller shows them as they are, or a little smaller
        (({"raid": 1}, {"size": {"min": "900GB"}}), (240, 240, 960, 960), (240, 960, 960), ("sdb", "sdc")),
        (({"raid": 1}, {"size": {"min": "900GB"}}), (240, 240, 960, 960), (240, 959, 959), ("sdb", "sdc")),
        # each a RAID 0 of its own, and one volume of them all
        (({"raid": 1}, {"size": {"min": "900GB"}, "raid": 0}), (240, 240, 960, 960), (240, 960, 960), ("sdb", "sdc")),
        (({"raid": 1}, {"size": {"min": "900GB"}, "raid": 0}), (240, 240, 960, 960), (240, 1920), ("sdb",)),
        (({"raid": 1}, {"size": {"min": "900GB"}, "raid": 5}), (240, 240, 960, 960, 960), (240, 1920), ("sdb",)),
        # a LUN and a volume that nobody named stay alone, whether or not theirs is there yet
        (({"raid": 1}, {"size": {"min": "900GB"}}), (240, 240, 960), (240, 2199, 960), ("sdc",)),
        (({"raid": 1}, {"size": {"min": "900GB"}, "raid": 1}), (240, 240, 960, 960), (240, 2199), ()),
        (({"raid": 1},), (240, 240, 960), (240, 960), ()),
    ],
)
def test_behind_a_controller_data_goes_to_what_it_shows_of_the_other_entries(
    entries: tuple[dict[str, object], ...], behind: tuple[int, ...], shown: tuple[int, ...], data: tuple[str, ...]
) -> None:
    first = {"size": {"max": "250GB"}, "count": {"min": 2, "max": 2}}
    rules = (first | entries[0], *({"count": {"min": 1}} | entry for entry in entries[1:]))
    hardware = machine(*(size * GB for size in shown), behind=tuple(size * GB for size in behind))
    in_use = disks_in_use(hardware, profile("swiftstore", *rules))
    assert in_use == DisksInUse(("sda",), data)
