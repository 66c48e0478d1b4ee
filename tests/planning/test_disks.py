"""What a machine's disks keep it from."""

from dataclasses import replace

import pytest

from reconciler.model.hardware import Disk
from reconciler.model.history import Phase
from reconciler.model.machine import DiskChoice, MachineView
from reconciler.model.plan import Act, Advance, Wait
from reconciler.model.reasons import Reason
from reconciler.planning.planner import plan
from reconciler.render.machines import machine_rows

from .build import VIPS, approval, cluster, given, holding, in_phase, machine, one, silent, tree

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
