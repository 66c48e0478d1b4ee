"""What an install may destroy: a table, from what the live system says to what an operator is asked."""

from dataclasses import replace

import pytest

from reconciler.model.actions import Erasable
from reconciler.model.contents import Contents, MarkFound, Unreadable, UnreadFound
from reconciler.model.disk_id import DiskId, InstalledSystem
from reconciler.model.hardware import Disk
from reconciler.model.ownership import could_be_ours, disk_marks, is_ours
from reconciler.provisioning import commands
from reconciler.provisioning.erasing import There, impossible, installed_system, not_allowed
from reconciler.provisioning.fence import NOTHING, FoundMarker, Looked

from .build import an_install

NAMED = Disk("sda", "sda", 240, "SSD", serial="S1", wwn="0x5000")
NAMELESS = Disk("sda", "sda", 240, "SSD")
FILLED = replace(NAMELESS, serial="00000000")
REPORTED = DiskId.parse("sda SSD 240")  # the stock agent knows no serial number
PROVEN = DiskId.parse("sda SSD S1 0x5000 240")
PROVES_NOTHING = DiskId.parse("sda SSD 00000000 240")
ACTION = an_install(system_disks=("sda",), data_disks=(), identity=(REPORTED,))
MARKER = commands.Marker("A001", "n1", 1, "0123456789ab")
LVM = UnreadFound(Unreadable.NOT_ASSEMBLED, ("/dev/sda",), "LVM2_member")
TABLE = UnreadFound(Unreadable.BAD_TABLE, ("/dev/sda",), "PMBR")
BY_NAME = Contents.of(MarkFound("serial", "S1"), MarkFound("WWN", "0x5000"))
SYSTEM = InstalledSystem("n1", "0123456789ab")


def held(text: str) -> Contents:
    """Signatures as they are told, and marks behind them: ``gpt; ext4 on sda1, UUID U1``."""
    signatures, *marks = text.split(", ")
    return Contents.parse(signatures) + Contents(tuple(MarkFound(*mark.split()) for mark in marks))


def asked(disk: Disk, holds: str, looked: Looked = NOTHING, **differs: object) -> list[InstalledSystem | Contents]:
    there = There({"sda": disk}, {"sda": Contents.parse(holds)}, looked)
    return [what for _, what in not_allowed(replace(ACTION, **differs), there)]


def uuids(*found: str, **more: object) -> Looked:
    return Looked(uuids={"sda": found}, **more)


def met(verdict: str, **differs: object) -> FoundMarker:
    return FoundMarker("sda", verdict, replace(MARKER, **differs).render())


@pytest.mark.parametrize(
    ("disk", "holds", "looked", "differs", "question"),
    [
        (NAMELESS, "", uuids(), {}, []),
        (NAMELESS, "gpt", uuids("U1"), {}, [held("gpt, UUID U1")]),
        (NAMELESS, "gpt", uuids("U2", "U1"), {}, [held("gpt, UUID U1")]),
        (NAMED, "gpt", uuids("U1"), {}, [held("gpt, serial S1, WWN 0x5000")]),
        (NAMED, "gpt", uuids("U1"), {"identity": (PROVEN,)}, [held("gpt")]),  # the plan holds it to that
        (NAMELESS, "gpt", uuids("U1"), {"may_hold": (Erasable("sda", held("gpt")),)}, [held("gpt, UUID U1")]),
        (NAMELESS, "gpt", uuids("U1"), {"may_hold": (Erasable("sda", held("gpt, UUID U1")),)}, []),
        (
            NAMELESS,
            "gpt",
            uuids("U2"),
            {"may_hold": (Erasable("sda", held("gpt, UUID U1")),)},
            [held("gpt, UUID U2")],
        ),  # swapped
        (NAMELESS, "gpt", uuids("U1"), {"may_hold": (("sda", None),)}, []),
        # ours
        (NAMELESS, "gpt", uuids("U1"), {"ours": ("uuid u1", str(REPORTED))}, []),
        (NAMELESS, "gpt", uuids("U1", "U2"), {"ours": ("uuid u1",)}, [held("gpt, UUID U1")]),  # something was added
        (NAMELESS, "gpt", uuids(), {"ours": ("uuid u1", str(REPORTED))}, [held("gpt")]),
        (NAMED, "gpt", uuids("U9"), {"ours": disk_marks(NAMED)}, []),
        (NAMED, "gpt", uuids("U9"), {"ours": ("wwn 0x5000",)}, []),  # as journals of old have it
        (
            NAMED,
            "gpt",
            uuids("U9"),
            {"ours": ("serial S2", "wwn 0x5001", str(REPORTED))},
            [held("gpt, serial S1, WWN 0x5000")],
        ),
        # what is no identifier of this very disk neither tells it from others nor makes it ours
        (FILLED, "gpt", uuids("U9"), {"ours": ("serial 00000000",)}, [held("gpt, UUID U9")]),
        (FILLED, "gpt", uuids("U9"), {"identity": (PROVES_NOTHING,)}, [held("gpt, UUID U9")]),
        (NAMED, "gpt", uuids("U9"), {"ours": ("serial S1", "wwn 0x5001")}, [held("gpt, serial S1, WWN 0x5000")]),
        # what cannot be read is nobody's
        (
            NAMED,
            "LVM2_member",
            uuids(unread=(("sda", LVM),)),
            {"ours": disk_marks(NAMED)},
            [held("LVM2_member, serial S1, WWN 0x5000")],
        ),
        (NAMED, "", uuids(unread=(("sda", TABLE),)), {}, [Contents.of(TABLE) + BY_NAME]),
        (NAMED, "gpt", uuids(unread=(("sdb", LVM),)), {"ours": disk_marks(NAMED)}, []),
        # systems of ours
        (NAMED, "gpt", uuids(markers=(met("allowed"),)), {}, []),
        (NAMED, "gpt", uuids(markers=(met("unfinished"),)), {}, []),
        (NAMED, "gpt", uuids(markers=(met("unfinished", serial="B002"),)), {}, [held("gpt, serial S1, WWN 0x5000")]),
        (NAMED, "gpt", uuids(markers=(met("refused"),)), {"ours": disk_marks(NAMED)}, [SYSTEM]),
        (NAMED, "gpt", uuids(markers=(met("refused"),)), {"may_hold": (("sda", None),)}, [SYSTEM]),
        (NAMED, "gpt", uuids(markers=(met("refused"),)), {}, [held("gpt, serial S1, WWN 0x5000"), SYSTEM]),
    ],
)
def test_what_is_asked(
    disk: Disk, holds: str, looked: Looked, differs: dict[str, object], question: list[InstalledSystem | Contents]
) -> None:
    assert asked(disk, holds, looked, **differs) == question


def test_a_data_disk_of_ours_that_holds_files_is_asked_about() -> None:
    action = {
        "system_disks": ("sdz",),
        "data_disks": ("sda",),
        "identity": (REPORTED, DiskId.parse("sdz SSD 1")),
        "ours": disk_marks(NAMED),
    }
    disks = {"sda": NAMED, "sdz": Disk("sdz", "sdz", 1)}

    def asks(looked: Looked) -> list[InstalledSystem | Contents]:
        there = There(disks, {"sda": held("xfs"), "sdz": Contents()}, looked)
        return [what for _, what in not_allowed(replace(ACTION, **action), there)]

    assert asks(Looked()) == []
    assert asks(Looked(files=frozenset({"sda"}))) == [held("xfs, serial S1, WWN 0x5000")]


@pytest.mark.parametrize("text", ["", "null", MARKER.render().replace("0123456789ab", "reboot; (install x)")])
def test_a_marker_that_cannot_be_read_is_unknown(text: str) -> None:
    told = installed_system(FoundMarker("sda", "refused", text))
    assert told.install == "?"


def test_what_a_label_says_is_no_installed_system() -> None:
    assert InstalledSystem.parse(str(SYSTEM)) == SYSTEM
    with pytest.raises(ValueError, match="is no installed system"):
        InstalledSystem.parse(f'ext4 on sda1 "{SYSTEM}"')


@pytest.mark.parametrize(
    ("verdict", "why"),
    [("answered", 'n1 of install 0123456789ab on sda has answered the reinstall "again"'), ("refused", None)],
)
def test_a_reinstall_that_was_answered_is_not_answered_twice(verdict: str, why: str | None) -> None:
    found = impossible(replace(ACTION, reinstall="again"), uuids(markers=(met(verdict),)))
    assert found is None if why is None else why in str(found)


@pytest.mark.parametrize(
    ("old", "ours"),
    [
        ("sda SSD S1 0x5000 240", True),
        ("sdq SSD S1 240", True),
        ("sdq null 0x5000 240", True),
        ("sda SSD 240", False),
        ("sda SSD S2 0x5001 240", False),
        ("sda SSD S1 0x5000 241", False),
        ("240", False),
    ],
)
def test_journals_of_old_count_where_they_know_a_serial_number_or_a_wwn(old: str, ours: bool) -> None:
    assert is_ours(NAMED, (), (old,)) is ours
    assert not is_ours(NAMELESS, (), (old,))


S1 = replace(NAMED, wwn="")


@pytest.mark.parametrize(
    ("disk", "marks"),
    [
        (NAMELESS, ()),
        (FILLED, ()),
        (replace(FILLED, wwn="0x0000000000000000"), ()),
        (NAMED, ("sda SSD S1 0x5000 240",)),
        (replace(NAMED, wwn="eui.0000000000000000"), ("sda SSD S1 eui.0000000000000000 240",)),
        (S1, ("sda SSD S1 240",)),
        (replace(S1, device="nvme0n1"), ()),  # the serial is the controller's, and 1 no namespace's id
        (replace(S1, device="nvme0n2"), ()),
        (replace(NAMED, device="nvme0n2"), ("nvme0n2 SSD S1 0x5000 240",)),
    ],
)
def test_a_disk_is_marked_by_all_that_it_says_where_anything_is_its_own(disk: Disk, marks: tuple[str, ...]) -> None:
    assert disk_marks(disk) == marks


@pytest.mark.parametrize(
    ("other", "marks"),
    [
        (replace(NAMED, device="sdb", serial="S2", wwn="0x5001"), ("sda SSD S1 0x5000 240",)),
        (replace(NAMED, device="sdb", serial="S2"), ("sda SSD S1 0x5000 240", "shared wwn 5000")),
        (replace(NAMED, device="sdb", size=480), ("shared wwn 5000", "shared serial s1")),
        (replace(FILLED, device="sdb"), ("sda SSD S1 0x5000 240",)),
    ],
)
def test_what_another_disk_has_too_is_written_down_as_no_mark(other: Disk, marks: tuple[str, ...]) -> None:
    assert disk_marks(NAMED, (NAMED, other)) == marks
    there = There({"sda": NAMED, "sdb": other}, {}, NOTHING)
    assert there.marks(("sda",)) == tuple(sorted(marks))


ERASED = replace(NAMED, wwn="0x5001")
OLD_MARKS = ("serial S1", "wwn 0x5001")
"""What journals of old have of ``ERASED``."""
SPARE = replace(ERASED, serial="S2")
"""Another disk, of a maker that gives all of them one WWN."""


@pytest.mark.parametrize(
    ("disk", "marks", "ours"),
    [
        (ERASED, OLD_MARKS, True),
        (ERASED, disk_marks(ERASED), True),
        (replace(ERASED, wwn="naa.5001", device="sdq"), OLD_MARKS, True),
        (NAMED, OLD_MARKS, False),  # the second volume behind one controller, whose serial they share
        (NAMED, disk_marks(ERASED), False),
        (NAMED, (str(ERASED.identity),), False),
        (S1, ("serial S1",), True),
        (FILLED, ("serial 00000000",), False),
        (FILLED, (str(FILLED.identity),), False),
        (replace(S1, device="nvme0n2"), ("serial S1",), False),
        (replace(S1, device="nvme0n2"), (str(replace(S1, device="nvme0n1").identity),), False),
        # one WWN, and another disk: the serial, or the size, says so
        (SPARE, disk_marks(ERASED), False),
        (SPARE, (*disk_marks(ERASED), "wwn 5001"), False),  # a journal of old has what the plan knew of it
        (SPARE, (str(REPORTED), "wwn 5001"), True),  # ... and that may have been neither WWN nor serial
        (replace(SPARE, serial=""), disk_marks(ERASED), True),
        (replace(ERASED, size=480), disk_marks(ERASED), False),
        (replace(S1, size=480), (*disk_marks(S1), "serial s1"), False),
        (S1, ("0:32:1 S1", "serial s1"), True),  # a disk in a volume says nothing of one that is shown by itself
    ],
)
def test_a_disk_is_ours_by_what_is_its_own(disk: Disk, marks: tuple[str, ...], ours: bool) -> None:
    assert is_ours(disk, (), marks) is ours


TWIN = replace(S1, device="sdb")
SPARE_TWIN = replace(SPARE, device="sdb")


@pytest.mark.parametrize(
    ("disk", "other", "marks", "ours"),
    [
        (S1, TWIN, disk_marks(S1), False),
        (S1, TWIN, OLD_MARKS, False),
        (TWIN, S1, disk_marks(S1), False),
        (S1, replace(TWIN, size=480), disk_marks(S1), False),
        (S1, replace(TWIN, serial="S2"), disk_marks(S1), True),
        (ERASED, SPARE_TWIN, disk_marks(ERASED), True),  # its serial is its own
        (ERASED, SPARE_TWIN, ("wwn 0x5001",), False),
        (replace(ERASED, serial=""), SPARE_TWIN, disk_marks(ERASED), False),
        # once several had it, it never proves one again
        (TWIN, NAMELESS, (*disk_marks(S1, (S1, TWIN)), str(S1.identity)), False),
        (TWIN, NAMELESS, (*disk_marks(S1, (S1, TWIN)), "serial s1"), False),
    ],
)
def test_what_several_disks_have_makes_none_of_them_ours(
    disk: Disk, other: Disk, marks: tuple[str, ...], ours: bool
) -> None:
    assert is_ours(disk, (), marks, (disk, other)) is ours
    assert is_ours(disk, ("U1",), (*marks, "uuid u1"), (disk, other))  # what is written on it is


@pytest.mark.parametrize(
    ("disk", "among", "marks", "only_the_live_system_tells"),
    [
        (S1, (S1,), ("uuid u1",), False),
        (S1, (S1, TWIN), ("uuid u1",), True),
        (S1, (S1, TWIN), (), False),
        (S1, (S1,), ("uuid u1", "shared serial s1"), True),
    ],
)
def test_whose_a_disk_is_that_shares_its_serial_is_seen_on_it(
    disk: Disk, among: tuple[Disk, ...], marks: tuple[str, ...], only_the_live_system_tells: bool
) -> None:
    assert could_be_ours(disk, marks, among) is only_the_live_system_tells


@pytest.mark.parametrize("size", [240, 480])
def test_data_on_a_disk_that_shares_its_serial_is_asked_about_by_what_is_written_on_it(size: int) -> None:
    other = replace(TWIN, size=size)
    action = replace(ACTION, system_disks=("sdb",), identity=(other.identity,), ours=disk_marks(S1))
    there = There({"sda": S1, "sdb": other}, {"sdb": held("gpt")}, Looked(uuids={"sdb": ("U1",)}))
    assert [what for _, what in not_allowed(action, there)] == [held("gpt, UUID U1")]
