"""What the world remembers of machines, and makes of their disks."""

from dataclasses import replace

import pytest

from bench.figures import SMALL
from bench.fleet import Fleet
from bench.lives import tree_of, unpacked
from reconciler.app.observer import Observer
from reconciler.hardware.report import digest
from reconciler.model.hardware import Disk, Hardware, PhysicalDisk
from reconciler.model.history import History, Install, Phase, Service
from reconciler.model.kinds import HardwareProfileSpec
from reconciler.model.machine import Allocation, SecretRef, Seen
from reconciler.model.tree import SpecTree
from reconciler.store.snapshot import Snapshot

from ..planning.build import NOW, tree


def test_machines_bought_together_share_what_was_understood_of_them() -> None:
    fleet = Fleet(SMALL)
    observed = unpacked(fleet, tree_of(fleet.spec_files()))
    first, *others = [m for m in observed.machines if m.match.profile == "swiftstore"]
    assert first.disks is not None and len(first.disks.data_disks) == 12
    assert len(others) > 5
    for other in others:
        assert other.disks is first.disks
        assert other.match is first.match
        assert other.racked != first.racked


class Nothing:
    """No documents."""

    def missing(self, serial: str) -> tuple[SecretRef, ...]:
        return ()

    def problem(self, serial: str) -> str | None:
        return None

    def digest(self, hostname: str) -> str | None:
        return None


def test_a_machine_that_nobody_has_seen_is_there_once_its_bmc_is_known() -> None:
    spec = tree(machines={"A": {"bmc": {"address": "192.0.2.200"}}, "B": {"role": "controller"}})
    observed = Observer().observe(spec, Snapshot(token=0), Nothing(), NOW)
    assert [(m.serial, m.seen) for m in observed.machines] == [("A", None)]


PROFILE = {"role": "swiftstore", "disks": [{"count": {"min": 1, "max": 1}}, {"count": {"min": 1, "max": 12}}]}
STORE = Allocation("cl1", "swiftstore", "store", "z1", "cl1-swiftstore-1.example.com", 1, {"cl1-z1": "10.1.1.3"})


def alike(device: str, serial: str) -> Disk:
    return Disk(device, device, 12 * 10**12, "HDD-12T", serial)


def serving(*disks: Disk) -> Snapshot:
    """A store whose system went to the disk S1, and that reports these disks now."""
    hardware = Hardware("A", "Dell Inc.", "PowerEdge R650", 2**37, disks=disks)
    installed_on = tuple(
        alike(device, serial).identity for device, serial in (("sda", "S1"), ("sdb", "S2"), ("sdc", "S3"))
    )
    history = History(phase=Phase.IN_SERVICE, service=Service(since=NOW), install=Install(begun=NOW, on=installed_on))
    seen = {"A": Seen(hardware, digest(hardware), NOW, "10.1.1.3")}
    return Snapshot(token=0, seen=seen, allocations={"A": STORE}, histories={"A": history})


@pytest.fixture
def spec() -> SpecTree:
    return replace(tree(), profiles={"store": HardwareProfileSpec.model_validate(PROFILE)})


def test_disks_that_swapped_names_at_a_boot_keep_their_purpose(spec: SpecTree) -> None:
    observer = Observer()
    names = []
    for first, second in (("S1", "S2"), ("S2", "S1"), ("S1", "S2")):
        now = serving(alike("sda", first), alike("sdb", second), alike("sdc", "S3"))
        (member,) = observer.members(spec, now)["cl1"]
        names.append(member.data_disks)
    assert names == [("sdb", "sdc"), ("sda", "sdc"), ("sdb", "sdc")]


def test_a_profile_that_takes_some_of_several_alike_disks_waits_and_says_for_what() -> None:
    listed = tuple(PhysicalDisk(0, 32, slot, 12 * 10**12, state="JBOD") for slot in (4, 5))
    hardware = Hardware("A", "", "", 2**37, disks=(alike("sda", ""), alike("sdb", "")), physical_disks=listed)
    now = Snapshot(token=0, seen={"A": Seen(hardware, digest(hardware), NOW, "10.1.1.3")})
    one = HardwareProfileSpec.model_validate({"role": "compute", "disks": [{"devices": ["0:32:5"]}]})
    (view,) = Observer().observe(replace(tree(), profiles={"one": one}), now, Nothing(), NOW).machines
    assert view.disks is None
    assert view.unclear_disks is not None and "tells which of sda, sdb that is" in view.unclear_disks


def test_without_its_systems_disk_a_machine_gets_no_document_and_says_which_it_was(spec: SpecTree) -> None:
    observer = Observer()
    now = serving(alike("sda", "S2"), alike("sdb", "S3"))
    (member,) = observer.members(spec, now)["cl1"]
    (view,) = observer.observe(spec, now, Nothing(), NOW).machines
    told = "its system was installed on sda HDD-12T S1 12000000000000, and its last report has no such disk"
    assert (member.data_disks, member.no_disks, view.lost_system) == (None, told, told)
