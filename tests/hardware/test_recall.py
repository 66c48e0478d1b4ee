"""Disks of an earlier install are found again by who they are; what cannot be told apart is said."""

from dataclasses import replace

import pytest

from reconciler.hardware.choice import LastInstall, choose_disks, disks_in_use, last_install, recall_disks
from reconciler.hardware.disks import Refusal
from reconciler.hardware.recall import Remembered, recall
from reconciler.model.actions import InstallOs
from reconciler.model.disk_id import DiskId
from reconciler.model.events import Advanced, Started
from reconciler.model.folding import after
from reconciler.model.hardware import Disk, Hardware
from reconciler.model.history import History, Phase
from reconciler.model.kinds import HardwareProfileSpec

from ..planning.build import NOW, VIPS, cluster, holding, in_phase, one, tree
from ..planning.build import machine as a_machine

TB = 10**12


def named(text: str) -> Disk:
    """``sda=SER1`` is sda with a serial, ``sda`` one whose agent knows none, ``sda/SSD`` one of another model."""
    device, _, serial = text.partition("=")
    device, _, model = device.partition("/")
    return Disk(device, device, 12 * TB, model or "HDD-12T", serial, f"0x5000{int(serial[1:]):012x}" if serial else "")


def recorded(names: str) -> tuple[DiskId, ...]:
    return tuple(named(name).identity for name in names.split())


@pytest.mark.parametrize(
    ("system", "data", "today", "found", "problem"),
    [
        # by serial and WWN, whatever the names
        ("sda=S1", "sdb=S2 sdc=S3", "sda=S1 sdb=S2 sdc=S3", "sda | sdb sdc", None),
        ("sda=S1", "sdb=S2 sdc=S3", "sda=S2 sdb=S1 sdc=S3", "sdb | sda sdc", None),
        ("sda=S1", "sdb=S2 sdc=S3", "sda=S9 sdb=S1 sdc=S3 sdd=S2", "sdb | sdd sdc", None),
        ("sda=S1 sdb=S2", "sdc=S3", "sdb=S1 sda=S3", "sdb | sda", None),  # a mirror that lost a disk is one still
        ("sda=S1", "sdb=S2", "sda=S2", " | sda", "its last report has no such disk"),
        ("sda=S1", "sdb=S2", "sda=S9 sdb=S2", " | sdb", "its last report has no such disk"),
        # by name, where nothing speaks against it
        ("sda", "sdb sdc", "sda sdb sdc", "sda | sdb sdc", None),
        ("sda/SSD", "sdb sdc", "sdb/SSD sdc sdd", "sdb | sdc sdd", None),  # the only one of its kind
        ("sda/SSD sdb/SSD", "sdc", "sdc/SSD sda", "sdc | sda", None),  # whichever of the two it is
        ("sda", "", "sda sdb sdc", "sda | ", None),  # Ceph's disks are nobody's concern at the install
        # and where something does
        ("sda", "sdb sdc", "sda sdb", " | ", "no serial or WWN tells which of sda, sdb that is now"),
        ("sda", "sdb sdc", "sda sdb sdc sdd", " | ", "no serial or WWN tells which of sda, sdb, sdc, sdd that is now"),
        ("sda", "sdb sdc", "sdb sdc sdd", " | ", "no serial or WWN tells which of sdb, sdc, sdd that is now"),
        ("sda", "", "sdb sdc", " | ", "no serial or WWN tells which of sdb, sdc that is now"),
        ("sda/SSD", "sdb", "sda sdb", " | sda sdb", "its last report has no such disk"),
        # one agent knows more than the other
        ("sda", "sdb", "sda=S1 sdb=S2", "sda | sdb", None),
        ("sda=S1", "sdb=S2", "sda sdb", "sda | sdb", None),
        ("sda=S1", "sdb=S2", "sdb sdc", " | ", "no serial or WWN tells which of sdb, sdc that is now"),
        ("sda=S1", "sdb", "sdb=S1 sda", "sdb | sda", None),
    ],
)
def test_a_disk_is_found_again(system: str, data: str, today: str, found: str, problem: str | None) -> None:
    recalled = recall(Remembered(recorded(system), recorded(data)), tuple(named(name) for name in today.split()))
    names = [
        " ".join(disk.device for disk in disks if isinstance(disk, Disk)) for disks in (recalled.system, recalled.data)
    ]
    assert " | ".join(names) == found
    if problem is None:
        assert recalled.problem is None
    else:
        assert recalled.problem is not None
        assert recalled.problem.startswith(f"its system was installed on {recorded(system)[0]}")
        assert recalled.problem.endswith(problem)


def store(*names: str) -> Hardware:
    disks = tuple(named(name) for name in names)
    return Hardware("S1", "Dell Inc.", "PowerEdge R650", 128 * 2**30, disks=disks)


ALIKE = HardwareProfileSpec.model_validate(
    {"role": "swiftstore", "disks": [{"count": {"min": 1, "max": 1}}, {"count": {"min": 1, "max": 12}}]}
)
MIRROR = HardwareProfileSpec.model_validate(
    {
        "role": "swiftstore",
        "disks": [{"count": {"min": 2, "max": 2}, "raid": 1, "by": "software"}, {"count": {"min": 1, "max": 12}}],
    }
)
SERVING = LastInstall(recorded("sda=S1 sdb=S2 sdc=S3"), recorded("sda=S1"), stays=True)
LEFT = replace(SERVING, stays=False)


def in_use(hardware: Hardware, profile: HardwareProfileSpec, last: LastInstall) -> str:
    found = disks_in_use(hardware, profile, recall_disks(hardware, profile, last))
    return found.reason if isinstance(found, Refusal) else f"{' '.join(found.system)} | {' '.join(found.data)}"


def chosen(hardware: Hardware, profile: HardwareProfileSpec, last: LastInstall) -> str:
    found = choose_disks(hardware, profile, recall_disks(hardware, profile, last))
    return (
        found.reason if isinstance(found, Refusal) else f"{' '.join(found.system_disks)} | {' '.join(found.data_disks)}"
    )


@pytest.mark.parametrize(
    ("today", "expected"),
    [
        (("sda=S1", "sdb=S2", "sdc=S3"), "sda | sdb sdc"),
        (("sda=S2", "sdb=S1", "sdc=S3"), "sdb | sda sdc"),
        (("sda=S4", "sdb=S1", "sdc=S3"), "sdb | sda sdc"),  # S2 was replaced by S4
        (("sda=S3", "sdb=S1"), "sdb | sda"),
    ],
)
def test_the_disks_of_a_node_in_service_are_those_of_its_install(today: tuple[str, ...], expected: str) -> None:
    assert in_use(store(*today), ALIKE, SERVING) == expected
    assert in_use(store(*today), ALIKE, replace(SERVING, system_on=())) == expected  # as older records have it


def test_a_node_whose_system_disk_is_gone_gets_no_other_one() -> None:
    told = in_use(store("sda=S2", "sdb=S3"), ALIKE, SERVING)
    assert "its last report has no such disk" in told
    assert recall_disks(store("sda=S2", "sdb=S3"), ALIKE, SERVING).lost == told
    assert recall_disks(store("sda=S2", "sdb=S3"), ALIKE, LEFT).lost is None  # it may be installed on another


def test_what_replaced_a_disk_of_the_systems_mirror_is_not_for_data() -> None:
    last = LastInstall(recorded("sda=S1 sdb=S2 sdc=S3"), recorded("sda=S1 sdb=S2"), stays=True)
    assert in_use(store("sda=S9", "sdb=S3", "sdc=S2"), MIRROR, last) == "sda sdc | sdb"
    assert in_use(store("sda=S9", "sdb=S3", "sdc=S2"), MIRROR, replace(last, system_on=())) == "sda sdc | sdb"


def test_a_profile_that_was_rewritten_moves_no_system() -> None:
    other = HardwareProfileSpec.model_validate({"role": "swiftstore", "disks": [{"devices": ["sdc"]}, {}]})
    assert in_use(store("sda=S1", "sdb=S2", "sdc=S3"), other, SERVING) == "sda | sdb sdc"


@pytest.mark.parametrize(
    ("today", "expected"),
    [
        (("sda=S2", "sdb=S1", "sdc=S3"), "sdb | sda sdc"),
        (("sda=S2", "sdb=S9", "sdc=S3"), "sdb | sda sdc"),  # the system's disk died
        (("sda=S2", "sdb=S3"), "disks entry 1 needs 1 disk, has 0 left, because 2 held data at its last install"),
    ],
)
def test_a_reinstall_takes_the_systems_disk_again_and_none_with_data(today: tuple[str, ...], expected: str) -> None:
    assert chosen(store(*today), ALIKE, LEFT) == expected


def test_a_reinstall_of_disks_that_nobody_can_tell_apart_waits() -> None:
    last = LastInstall(recorded("sda sdb sdc"), recorded("sda"), stays=False)
    assert chosen(store("sda", "sdb", "sdc"), ALIKE, last) == "sda | sdb sdc"
    assert "no serial or WWN tells" in chosen(store("sda", "sdb"), ALIKE, last)
    assert "no serial or WWN tells" in in_use(store("sda", "sdb"), ALIKE, last)


def test_the_journal_remembers_which_disks_hold_the_system() -> None:
    m = holding(in_phase(a_machine("A"), Phase.ENROLLED))
    step = one(tree({"cl1": cluster(controller={})}), m, vips=VIPS)
    install = getattr(step, "action", None)
    assert isinstance(install, InstallOs)
    install = replace(install, system_disks=("sda",), identity=recorded("sda=S1 sdb=S2"))
    begun = after(History(phase=Phase.ENROLLED), Started("A", NOW, install))
    assert (begun.install.on, begun.install.system_on) == (recorded("sda=S1 sdb=S2"), recorded("sda=S1"))
    assert last_install(begun) is None  # its first install: whatever fits is taken
    installed = after(begun, Advanced("A", NOW, Phase.INSTALLED, "it ended well"))
    assert last_install(installed) == LastInstall(begun.install.on, begun.install.system_on, stays=True)
    serving = after(installed, Advanced("A", NOW, Phase.IN_SERVICE, "Puppet has succeeded"))
    left = after(serving, Advanced("A", NOW, Phase.ENROLLED, "its reinstall is asked for"))
    assert last_install(left) == LastInstall(begun.install.on, begun.install.system_on, stays=False)
