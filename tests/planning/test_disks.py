"""What a machine's disks keep it from."""

from dataclasses import replace

import pytest

from reconciler.model.actions import InstallOs
from reconciler.model.hardware import Disk
from reconciler.model.history import Phase
from reconciler.model.machine import DiskChoice, MachineView
from reconciler.model.ownership import disk_marks
from reconciler.model.plan import Act, Advance, Wait
from reconciler.model.reasons import Reason
from reconciler.planning.planner import plan
from reconciler.provisioning.installers import uploads
from reconciler.render.machines import machine_rows

from .build import (
    MINUTE,
    NOW,
    VIPS,
    approval,
    cluster,
    given,
    holding,
    in_phase,
    kind,
    machine,
    one,
    silent,
    steps,
    tree,
    with_history,
)

SPEC = tree({"cl1": cluster(controller={"count": 3})})
SYSTEM = Disk("sda", "sda", 240_000_000_000, "INTEL", "DA")
TWO_PATHS = replace(SYSTEM, name="sdb", device="sdb", serial="DB", paths=("sdb", "sdc"))


def with_disks(*disks: Disk, system: str, data: tuple[str, ...] = ()) -> MachineView:
    m = holding(in_phase(machine("A"), Phase.ENROLLED))
    assert m.seen is not None
    hardware = replace(m.seen.hardware, disks=disks)
    choice = DiskChoice((system,), data_disks=data, identity=tuple(disk.identity for disk in disks))
    return replace(m, seen=replace(m.seen, hardware=hardware), disks=choice)


@pytest.mark.parametrize(("system", "data"), [("sdb", ()), ("sda", ("sdb",))])
def test_nothing_is_installed_past_a_multipath_device(system: str, data: tuple[str, ...]) -> None:
    step = one(SPEC, with_disks(SYSTEM, TWO_PATHS, system=system, data=data), vips=VIPS)
    assert isinstance(step, Wait)
    assert step.on == (
        "a single path to disk sdb: it is reached as sdb, sdc, and an install knows no multipath; "
        "unplug the others, or leave this disk out of its profile"
    )


@pytest.mark.parametrize(("uefi", "installs"), [(True, True), (False, True), (None, False)])
def test_nothing_is_installed_where_nobody_said_how_it_boots(uefi: bool | None, installs: bool) -> None:
    m = with_disks(SYSTEM, system="sda")
    assert m.seen is not None
    step = one(SPEC, replace(m, seen=replace(m.seen, hardware=replace(m.seen.hardware, uefi=uefi))), vips=VIPS)
    assert isinstance(step, Act) is installs
    assert installs or (isinstance(step, Wait) and step.reason is Reason.BOOT_MODE_UNKNOWN)


NVME = Disk("nvme0n1", "nvme0n1", 960_000_000_000, "SAMSUNG", "S64F", "eui.3634463052100001")
SECOND = replace(NVME, name="nvme0n2", device="nvme0n2", wwn="eui.3634463052100002")
MIRROR = tuple(replace(SYSTEM, name=f"sd{x}", device=f"sd{x}", serial=f"D{x}") for x in "abc")
PICTURE = {"installer": "image", "image": {"url": "http://192.0.2.1/root.tar.xz", "sha256": "0" * 64}}


@pytest.mark.parametrize(
    ("installer", "disks", "raid", "uefi", "why"),
    [
        ({}, (NVME,), None, True, None),
        ({}, (NVME,), None, False, "cannot install on nvme0n1: NVMe only with UEFI, and it booted as BIOS"),
        ({}, (SECOND,), None, True, "cannot install on nvme0n2: only a controller's first namespace"),
        (PICTURE, (NVME,), None, False, None),
        (PICTURE, (SECOND,), None, True, None),
        ({}, MIRROR[:2], 1, False, None),
        ({}, MIRROR, 1, True, "software RAID 1 of 3 disks (sda, sdb, sdc) is not possible"),
        ({}, MIRROR[:2], 0, True, "software RAID 0 of 2 disks (sda, sdb) is not possible"),
        (PICTURE, MIRROR, 1, True, None),
        (PICTURE, MIRROR[:2], 0, True, None),
        (PICTURE, MIRROR[:2], 0, False, "GRUB cannot be relied on to start from a software RAID 0 on BIOS"),
        (PICTURE, MIRROR, 5, True, "software RAID 5 of 3 disks is not possible"),
    ],
)
def test_disks_that_the_installer_would_refuse_wait_before_anything_is_asked(
    installer: dict[str, object], disks: tuple[Disk, ...], raid: int | None, uefi: bool, why: str | None
) -> None:
    m = with_disks(*disks, system=disks[0].device)
    assert m.seen is not None and m.disks is not None
    chosen = replace(m.disks, system_disks=tuple(disk.device for disk in disks), raid=raid)
    m = replace(m, disks=chosen, seen=replace(m.seen, hardware=replace(m.seen.hardware, uefi=uefi)))
    profile = SPEC.profiles["controller"]
    asked = type(profile).model_validate({**profile.model_dump(exclude_unset=True), **installer})
    step = one(replace(SPEC, profiles={**SPEC.profiles, "controller": asked}), m, vips=VIPS)
    assert isinstance(step, Act) is (why is None)
    if isinstance(step, Act):
        assert isinstance(step.action, InstallOs)
        uploads(step.action, SPEC.fleet, m.seen.hardware, {})  # the act does not refuse it
    elif isinstance(step, Wait):
        assert (step.reason, step.needs_approval) == (Reason.INSTALLER_CANNOT, None)
        assert why is not None and why in step.on


def test_a_machines_page_shows_the_paths() -> None:
    what = given(SPEC, [with_disks(SYSTEM, TWO_PATHS, system="sda")])
    (row,) = machine_rows(plan(what), what.observed)
    assert row.disks == ("sda 240GB INTEL", "sdb 240GB INTEL, over 2 paths (sdb, sdc)")


def test_a_multipath_disk_that_is_left_alone_is_in_nobodys_way() -> None:
    assert isinstance(one(SPEC, with_disks(SYSTEM, TWO_PATHS, system="sda"), vips=VIPS), Act)


GONE = "its system was installed on sda INTEL DA 240000000000, and its last report has no such disk"


def test_an_install_waits_where_nobody_can_tell_the_systems_disk() -> None:
    m = replace(holding(in_phase(machine("A"), Phase.ENROLLED)), disks=None, lost_system=GONE)
    step = one(SPEC, m, vips=VIPS)
    assert isinstance(step, Wait) and step.on == f"an operator: {GONE}"


def test_an_install_waits_where_nobody_can_tell_which_disks_are_meant() -> None:
    unclear = "its profile takes disk 0:32:4, and no serial, WWN or controller tells which of sdb, sdc that is"
    m = replace(holding(in_phase(machine("A"), Phase.ENROLLED)), disks=None, unclear_disks=unclear)
    step = one(SPEC, m, vips=VIPS)
    assert isinstance(step, Wait) and (step.reason, step.on) == (Reason.DISKS_UNCLEAR, f"an operator: {unclear}")


def test_a_reinstall_ends_the_wait_for_the_systems_disk() -> None:
    """Nothing else puts the system on another disk."""
    m = replace(silent(holding(in_phase(machine("A"), Phase.IN_SERVICE))), enc_problem=GONE, lost_system=GONE)
    step = one(SPEC, m, vips=VIPS)
    assert isinstance(step, Wait) and step.on == f"a Puppet document that can be rendered: {GONE}"
    asking = tree({"cl1": cluster(controller={"count": 3})}, {"A": {"reinstall": "its disk died"}})
    assert getattr(one(asking, m, vips=VIPS), "needs_approval", None) == "reinstall"
    assert isinstance(one(asking, m, vips=VIPS, approvals=(approval("A", "reinstall"),)), Advance)


LUN = Disk("sdb", "sdb", 12 * 10**12, "MSA 2060", "2AH00KJ", "0x600a0b800047e2a600000de24f1b3a11")


def on_lun(serial: str, lun: Disk = LUN, number: int = 1) -> MachineView:
    """A machine whose system goes to a LUN, beside a disk of its own that nobody names."""
    m = holding(in_phase(machine(serial), Phase.ENROLLED), number)
    assert m.seen is not None
    own = replace(SYSTEM, serial=f"D{serial}", wwn=f"0x5000c500a1b2c{serial}")
    hardware = replace(m.seen.hardware, disks=(own, lun))
    return replace(m, seen=replace(m.seen, hardware=hardware), disks=DiskChoice(("sdb",), identity=(lun.identity,)))


def test_a_disk_that_two_machines_report_is_erased_on_an_operators_word_alone() -> None:
    """However each of them writes the WWN, under whatever name."""
    other = replace(LUN, name="sdx", device="sdx", serial="", wwn=LUN.wwn.replace("0x", "naa."))
    seen_there = replace(machine("0b2"), disks=None)
    assert seen_there.seen is not None
    seen_there = replace(
        seen_there, seen=replace(seen_there.seen, hardware=replace(seen_there.seen.hardware, disks=(other,)))
    )
    free = tree({"cl1": cluster(controller={"count": 3})}, policy={"foreign_data": "automatic"})
    for spec in (SPEC, free):
        found = steps(spec, [on_lun("0a1"), on_lun("0a2", number=2), seen_there], vips=VIPS)
        for serial, others in (
            ("0a1", "cl1-controller-2.example.com and 0b2"),
            ("0a2", "cl1-controller-1.example.com and 0b2"),
        ):
            step = found[serial]
            assert isinstance(step, Wait) and (step.reason, step.needs_approval) == (Reason.FOREIGN_DATA, "install_os")
            assert step.on == f"approval to erase what another machine reports, too, and may use: sdb ({others})"


def test_who_approved_it_approved_one_machine_and_all_that_report_the_disk() -> None:
    two = [on_lun("0a1"), on_lun("0a2", number=2)]
    found = steps(SPEC, two, vips=VIPS, approvals=(approval("0a1"),))
    assert (kind(found["0a1"]), kind(found["0a2"])) == ("install_os", "wait")
    word = given(SPEC, two, vips=VIPS, approvals=(approval("0a1"),)).observed.approvals
    third = steps(SPEC, [*two, on_lun("0a3", number=3)], vips=VIPS, approvals=word)["0a1"]
    assert isinstance(third, Wait) and "shared" in third.on


def test_an_install_that_began_to_erase_a_shared_disk_asks_no_second_time() -> None:
    begun = with_history(on_lun("0a1"), erased=disk_marks(LUN), install_begun=NOW - MINUTE, install_generation=1)
    assert kind(steps(SPEC, [begun, on_lun("0a2", number=2)], vips=VIPS)["0a1"]) == "install_os"


@pytest.mark.parametrize(
    "there",
    [
        replace(LUN, wwn="0x600a0b800047e2a600000de24f1b3a12"),
        replace(LUN, serial="2AH00KK"),  # one WWN of a whole batch: its serials tell
        replace(LUN, size=LUN.size + 512),
        replace(LUN, wwn="0x0000000000000000"),
    ],
)
def test_disks_that_differ_are_nobody_elses(there: Disk) -> None:
    found = steps(SPEC, [on_lun("0a1"), on_lun("0a2", there, 2)], vips=VIPS)
    assert (kind(found["0a1"]), kind(found["0a2"])) == ("install_os", "install_os")


def test_a_shared_disk_that_is_left_alone_is_in_nobodys_way() -> None:
    two = [on_lun("0a1"), on_lun("0a2", number=2)]
    own = [replace(m, disks=DiskChoice(("sda",), identity=(SYSTEM.identity,))) for m in two]
    assert {kind(step) for step in steps(SPEC, own, vips=VIPS).values()} == {"install_os"}


def test_of_a_wwn_that_all_machines_report_a_few_are_named() -> None:
    """And the rest of them not looked at for each."""
    found = steps(SPEC, [on_lun(f"{n:03x}", number=n) for n in range(1, 13)], vips=VIPS)
    assert str(getattr(found["001"], "on", "")).endswith(
        "(cl1-controller-2.example.com and cl1-controller-3.example.com and cl1-controller-4.example.com)"
    )
