"""When a RAID controller is configured, and what a human is asked before."""

from dataclasses import replace

from reconciler.model.actions import ConfigureRaid
from reconciler.model.contents import Contents, SingleDiskFound, VolumeFound
from reconciler.model.disk_id import ControllerId, Finding, InstalledSystem
from reconciler.model.events import Erasing, Failed, Succeeded
from reconciler.model.folding import after
from reconciler.model.history import Phase
from reconciler.model.machine import MachineView
from reconciler.model.plan import Act
from reconciler.model.raid import RaidDisk, RaidLayout, RaidVolume
from reconciler.render.words import describe

from ..histories import history_with
from .build import MINUTE, NOW, approval, cluster, holding, in_phase, kind, machine, one, silent, tree

SPEC = tree({"cl1": cluster(controller={})})
DISKS = (RaidDisk(0, 32, 0, "S0"), RaidDisk(0, 32, 1, "S1"))
LAYOUT = RaidLayout((RaidVolume(1, DISKS, ("WB",)),))
BARE = replace(in_phase(holding(machine("A")), Phase.ENROLLED), raid=LAYOUT, disks=None)


def action(m: MachineView, **more: object) -> ConfigureRaid:
    step = one(SPEC, m, **more)
    assert isinstance(step, Act) and isinstance(step.action, ConfigureRaid)
    return step.action


def met(m: MachineView, *found: tuple[str, str]) -> MachineView:
    return replace(m, history=after(m.history, Failed("A", NOW - MINUTE, "id", "nothing was erased", True, found)))


def test_it_comes_before_the_install_and_names_the_exact_disks() -> None:
    step = one(SPEC, BARE)
    assert isinstance(step, Act)
    assert step.because == "profile controller asks for RAID 1 of 0:32:0, 0:32:1"
    assert describe(step.action) == "set up RAID 1 of 0:32:0 S0, 0:32:1 S1"
    assert action(BARE).may_hold == ()


def test_seen_in_place_it_is_not_done_again_unless_the_profile_or_a_disk_changes() -> None:
    there = replace(BARE, disks=machine("A").disks, raid=LAYOUT)
    done = replace(there, history=after(there.history, Succeeded("A", NOW - MINUTE, action(there))))
    assert kind(one(SPEC, done)) == "install_os"
    swapped = RaidLayout((replace(LAYOUT.volumes[0], disks=(DISKS[0], replace(DISKS[1], serial="S9"))),))
    assert kind(one(SPEC, replace(done, raid=swapped))) == "configure_raid"


def test_after_a_change_nothing_is_installed_before_a_report_that_shows_it() -> None:
    there = replace(BARE, disks=machine("A").disks)
    erased = after(there.history, Erasing("A", NOW, tuple(disk.identity for disk in DISKS)))
    done = replace(there, history=after(erased, Succeeded("A", NOW, action(there))))
    assert kind(one(SPEC, done)) == "wait"


def test_a_machine_that_is_not_in_the_live_system_is_booted_into_it_first() -> None:
    assert kind(one(SPEC, silent(replace(BARE, disks=machine("A").disks)))) == "boot_live"
    assert kind(one(SPEC, silent(BARE))) == "boot_live"


def test_what_the_controller_holds_waits_for_a_word_that_is_good_for_just_that() -> None:
    old = Finding(ControllerId(0), Contents.of(VolumeFound(0, 0, ("0:32:0",))))
    held = met(BARE, old)
    wait = one(SPEC, held)
    assert wait.needs_approval == "install_os"
    assert wait.on == "approval to erase controller 0 (volume 0, RAID 0 of 0:32:0): we did not put it there"
    word = replace(approval("A"), covers=wait.covers)
    assert action(held, approvals=(word,)).may_hold == (old,)
    more = met(BARE, old, Finding(ControllerId(0), Contents.of(SingleDiskFound("0:32:1"))))
    assert one(SPEC, more, approvals=(word,)).needs_approval == "install_os"


def test_a_reinstall_leaves_volumes_as_they_are() -> None:
    left = replace(BARE, disks=machine("A").disks, history=history_with(BARE.history, left_service=NOW - 9 * MINUTE))
    spec = tree({"cl1": cluster(controller={})}, {"A": {"reinstall": "2026-11-23"}})
    assert kind(one(spec, left)) == "install_os"


def test_only_a_disk_with_a_serial_number_is_known_to_be_ours() -> None:
    nameless = replace(DISKS[1], serial="")
    m = replace(BARE, raid=RaidLayout((RaidVolume(1, (DISKS[0], nameless)),)))
    erased = after(m.history, Erasing("A", NOW - MINUTE, (DISKS[0].identity, nameless.identity)))
    assert action(replace(m, history=erased)).ours == (DISKS[0].identity,)


def test_an_install_on_a_volume_is_asked_about_by_its_id() -> None:
    held = met(BARE, Finding(ControllerId(0), InstalledSystem("n1.example.com", "0123456789ab")))
    wait = one(SPEC, held)
    word = replace(approval("A"), covers=wait.covers)
    assert action(held, approvals=(word,)).may_erase == ("0123456789ab",)
