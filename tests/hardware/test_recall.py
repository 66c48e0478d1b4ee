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


def told(name: str, serial: str = "", wwn: str = "", size: int = 12 * TB, nsid: int | None = None) -> Disk:
    return Disk(name, name, size, "HDD-12T", serial, wwn, nsid=nsid)


W = [f"5000cca0541ae{i}74" for i in range(4)]
SERIALS = ["KJGATM4R", "KJGATM5S", "KJGATM6T", "KJGATM7U"]
SAS = [told(f"sd{name}", SERIALS[i], f"0x{W[i]}") for i, name in enumerate("abc")]
SPACES = [told(f"nvme0n{i}", "232942269630") for i in (1, 2)]
IDS = [replace(disk, nsid=nsid) for disk, nsid in zip(SPACES, (1, 2), strict=True)]
EUI = [replace(disk, wwn=f"eui.000000000000000100a075234226963{i}") for i, disk in enumerate(IDS)]
OTHER_EUI = [replace(disk, wwn=f"nvme.1344-323332393432323639363330-0000000{i}") for i, disk in enumerate(IDS, 1)]
NOT_TOLD = "no serial or WWN tells which of {} that is now"


@pytest.mark.parametrize(
    ("then", "now", "system", "problem"),
    [
        # lsblk said the WWN as serial, and now says the serial; the names have changed places, too
        ([replace(d, serial=w) for d, w in zip(SAS, W, strict=False)], SAS, "sda", None),
        (
            [replace(d, serial=w, device=n, name=n) for d, w, n in zip(SAS, W, ("sdb", "sdc", "sda"), strict=False)],
            SAS,
            "sda",
            None,
        ),
        # udev says other WWNs
        ([replace(d, wwn=f"0x11d650145385500{i}") for i, d in enumerate(SAS)], SAS, "sda", None),
        ([replace(d, wwn=f"0x11d650145385500{i}", size=11 * TB) for i, d in enumerate(SAS)], SAS, "", "no such disk"),
        # a volume grew, and is as large as those for data
        ([replace(SAS[0], size=6 * TB), *SAS[1:]], SAS, "sda", None),
        ([replace(SAS[0], size=6 * TB, wwn=""), *SAS[1:]], SAS, "sda", None),
        # neither WWN nor serial is its own, or both are other disks'
        ([told("sda", size=6 * TB), *SAS[1:]], SAS, "", "no such disk"),
        (SAS[:1], [replace(SAS[0], serial="X1"), replace(SAS[1], serial=SERIALS[0])], "", NOT_TOLD.format("sda, sdb")),
        ([SAS[0], SAS[1]], [replace(SAS[1], serial="KJG9", wwn="")], "", "no such disk"),
        # one WWN, and another serial: the disk was replaced, or lsblk says another text
        (SAS[:1], [replace(SAS[0], serial="X1")], "", "and sda has that WWN and another serial"),
        (SAS[:1], [replace(SAS[0], serial="X1", device="sdq", name="sdq")], "", "sdq has that WWN and another serial"),
        (SAS[:2], [replace(SAS[0], serial="X1"), SAS[1]], "", "and sda has that WWN and another serial"),
        (SAS[:1], [replace(SAS[0], serial=f"0x{W[0]}")], "sda", None),
        (SAS[:1], [replace(SAS[0], serial="00000000")], "sda", None),
        (SAS[:1], [replace(SAS[0], serial="X1", model="HDD-12U")], "", "and sda has that WWN and another serial"),
        (SAS[:1], [replace(SAS[0], model="HDD-12U")], "sda", None),
        ([replace(SAS[0], serial="")], SAS[:1], "sda", None),
        (SAS[:1], [replace(SAS[0], serial="")], "sda", None),
        # ... which one WWN of all does not have to mean
        ([replace(d, wwn="0x1234") for d in SAS[:2]], [replace(d, wwn="0x1234") for d in SAS[1:]], "", "no such disk"),
        # two of a batch with one WWN
        ([replace(disk, wwn="0x1234") for disk in SAS[:2]], [replace(SAS[1], wwn="0x1234")], "", "no such disk"),
        # one serial for all, and the system's is gone
        ([replace(d, serial="S1") for d in SAS], [replace(d, serial="S1") for d in SAS[1:]], "", "no such disk"),
        # namespaces: their names tell nothing
        (SPACES, SPACES, "", NOT_TOLD.format("nvme0n1, nvme0n2")),
        (SPACES[:1], SPACES, "", NOT_TOLD.format("nvme0n1, nvme0n2")),
        (SPACES[:1], SPACES[:1], "nvme0n1", None),
        (IDS, IDS, "nvme0n1", None),
        (IDS, [replace(IDS[0], nsid=2), replace(IDS[1], nsid=1)], "nvme0n2", None),
        (IDS[:1], [replace(IDS[0], nsid=2)], "", "no such disk"),
        (SPACES, IDS, "", NOT_TOLD.format("nvme0n1, nvme0n2")),
        # another udev gives namespaces other WWNs: all else has to agree
        (EUI, OTHER_EUI, "nvme0n1", None),
        (EUI, [replace(OTHER_EUI[0], nsid=2), replace(OTHER_EUI[1], nsid=1)], "nvme0n2", None),
        (EUI[:1], [replace(OTHER_EUI[0], nsid=2)], "", "no such disk"),
        (EUI[:1], [replace(OTHER_EUI[0], nsid=None)], "", "no such disk"),
        (EUI[:1], [replace(OTHER_EUI[0], size=11 * TB)], "", "no such disk"),
        (EUI[:1], [replace(OTHER_EUI[0], model="HDD-12U")], "", "no such disk"),
        (EUI[:1], [replace(OTHER_EUI[0], serial="232942269631")], "", "no such disk"),
        (
            EUI[:1],
            [OTHER_EUI[0], replace(OTHER_EUI[0], name="nvme1n1", device="nvme1n1")],
            "",
            NOT_TOLD.format("nvme0n1, nvme1n1"),
        ),
    ],
)  # fmt: skip
def test_an_identifier_that_one_disk_has_proves_it(
    then: list[Disk], now: list[Disk], system: str, problem: str | None
) -> None:
    first, *data = (DiskId.parse(str(disk.identity)) for disk in then)
    recalled = replace(recall(Remembered((first,), tuple(data)), tuple(now)), stays=True)
    assert " ".join(disk.device for disk in recalled.system if isinstance(disk, Disk)) == system
    assert (recalled.lost is None) == (problem is None)
    assert problem is None or (recalled.lost or "").endswith(problem)
    assert not {disk.device for disk in recalled.data if isinstance(disk, Disk)} & {system}


def test_no_disk_of_a_mirror_is_taken_by_a_wwn_that_has_another_serial() -> None:
    recalled = recall(Remembered(tuple(d.identity for d in SAS[:2])), (SAS[0], replace(SAS[1], serial="X1")))
    assert [disk.device for disk in recalled.system if isinstance(disk, Disk)] == ["sda"]
    assert "and sdb has that WWN and another serial" in str(recalled.lost)


def test_a_disk_with_data_that_may_be_another_is_not_for_the_system() -> None:
    recalled = recall(Remembered((SAS[0].identity,), (SAS[1].identity,)), (SAS[0], replace(SAS[1], serial="X1")))
    assert [disk.device for disk in recalled.data if isinstance(disk, Disk)] == ["sdb"]


def test_a_mirror_of_two_namespaces_is_on_both_whichever_is_which() -> None:
    recalled = recall(Remembered(tuple(disk.identity for disk in SPACES)), tuple(SPACES))
    assert [disk.device for disk in recalled.system if isinstance(disk, Disk)] == ["nvme0n1", "nvme0n2"]


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
