"""What becomes of a real disk under a database that knows nothing of it: looked at by the very scripts, then judged.

Disks are files. Those of RAID, LVM, ZFS and Ceph are superblocks that are kept as text (``superblocks/``): this kernel
may have no driver for them, and the script has to say so.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from reconciler.model.contents import Contents
from reconciler.model.disk_id import DiskId, InstalledSystem
from reconciler.model.hardware import Disk as Known
from reconciler.model.ownership import disk_marks, uuid_marks
from reconciler.provisioning import commands, disks, fence
from reconciler.provisioning.erasing import There, impossible, not_allowed
from reconciler.provisioning.fence_script import ENDED, REFUSED

from .build import an_install
from .real_disks import Disk, needs_disks, put, run, sh

pytestmark = needs_disks

SUPERBLOCKS = Path(__file__).parent / "superblocks"
FLEET, OTHERS = "6f1c0d7e-6a8b-4c0e-9f6f-0d8c3f1f7a52", "0b7d2f90-1a2b-4c0e-9f6f-0d8c3f1f7a52"
THIS, BEFORE = "aaaaaaaaaaaa", "0123456789ab"
MARKER = commands.Marker(
    serial="A001", hostname="n1.example.com", generation=2, id=BEFORE, cluster="cl1", role="controller", fleet=FLEET,
    counter=7,
)  # fmt: skip
SYSTEM = InstalledSystem("n1.example.com", BEFORE)

GO: list[object] = []
DONE = "done"


def lay(disk: Disk, name: str) -> None:
    """Write a superblock that is kept as text: the disk's size, then the offset and the bytes of each piece, in hex."""
    lines = [line.split() for line in (SUPERBLOCKS / f"{name}.txt").read_text().splitlines() if line[0] != "#"]
    for at, content in lines:
        if at == "size":
            disk.resize(int(content))
    disk.write(*((int(at, 16), bytes.fromhex(content)) for at, content in lines if at != "size"))


def kept(name: str) -> Callable[[Disk], None]:
    return lambda disk: lay(disk, name)


def system(booted: bool = False, on: str = "partitioned", **differs: object) -> Callable[[Disk], None]:
    """A root file system with a record of an install, in one of the layouts that installers make."""

    def made(disk: Disk) -> None:
        files = {commands.MARKER_FILE: replace(MARKER, **differs).render(), "/etc/hostname": "n1\n"}
        put(getattr(disk, on)(), disk.folder, files | ({commands.BOOTED_FILE: ""} if booted else {}))

    return made


def blank(disk: Disk) -> None:
    pass


def no_system(disk: Disk) -> None:
    put(disk.partitioned(), disk.folder, {"/etc/hostname": "theirs\n"})


def half(disk: Disk) -> None:
    disk.is_image("raid1-1.2")


def damaged(disk: Disk) -> None:
    """A partition table whose first copy is destroyed; the second one and the system are whole."""
    system()(disk)
    disk.write((512, bytes(33 * 512)))


def destroyed(disk: Disk) -> None:
    """Neither copy of the table can be read any more."""
    damaged(disk)
    disk.write((disk.file.stat().st_size - 512, bytes(512)))


@dataclass(frozen=True)
class Judged:
    """What the scripts and the handler's table make of a disk."""

    asked: list[object]
    looked: fence.Looked


def judged(disk: Disk, *, marked: bool = False, **differs: object) -> Judged:
    """The judgement right before an install of this disk; ``marked``: the database knows that we erased it before."""
    listed = sh("lsblk", "--bytes", "--json", "--output", "NAME,TYPE,SIZE,MODEL,SERIAL,WWN", disk.device)
    holding = disks.parse_contents(listed, sh("wipefs", "--json", "--no-act", disk.device) or "{}")
    known = Known(disk.name, disk.name, 240, "SSD", serial="S1", wwn="0x5000")
    identity = DiskId.parse(str(known.identity))
    action = an_install(system_disks=(disk.name,), identity=(identity,), **differs)
    before = disk.sums()
    status, looked = run(action, disk.folder, "look", fleet=FLEET)
    assert disk.sums() == before
    if status == ENDED:
        return Judged([DONE], looked)
    ours = (*disk_marks(known), *uuid_marks(looked.uuids[disk.name])) if marked else ()
    why = impossible(action, looked)
    found = not_allowed(replace(action, ours=ours), There({disk.name: known}, holding, looked))
    assert (status == REFUSED) is (why is not None or any(isinstance(what, InstalledSystem) for _, what in found))
    return Judged([why] if why else [what for _, what in found], looked)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    made = Disk(tmp_path, 0)
    yield made
    made.detach()


def holds(*types: str) -> list[object]:
    """That an operator is asked about a disk with these signatures, and no more is known of it."""
    return [list(types)]


@pytest.mark.parametrize(
    ("there", "unknown", "erased_by_us"),
    [
        pytest.param(blank, GO, GO, id="blank"),
        pytest.param(system(id=THIS, finished=False), GO, GO, id="our unfinished record of this very action"),
        pytest.param(system(finished=False), holds("gpt"), GO, id="our unfinished record of another action"),
        pytest.param(
            system(finished=False, generation=1), holds("gpt"), GO, id="our unfinished record of an older generation"
        ),
        pytest.param(system(id=THIS, finished=False, booted=True), ["aaaaaaaaaaaa"], ["aaaaaaaaaaaa"], id="it ran"),
        pytest.param(system(id=THIS), [DONE], [DONE], id="our finished record of this very action"),
        pytest.param(system(), [BEFORE], [BEFORE], id="our finished record"),
        pytest.param(system(generation=1), [BEFORE], [BEFORE], id="our finished record of an older generation"),
        pytest.param(system(fleet=""), [BEFORE], [BEFORE], id="a finished record of a version that knew no fleets"),
        pytest.param(system(fleet=OTHERS), [BEFORE], [BEFORE], id="another fleet's finished record"),
        pytest.param(system(fleet=OTHERS, finished=False), [BEFORE], [BEFORE], id="another fleet's unfinished record"),
        pytest.param(system(fleet=OTHERS, id=THIS), [THIS], [THIS], id="another fleet's record of the same id"),
        pytest.param(
            system(fleet=OTHERS, id=THIS, finished=False), [THIS], [THIS], id="the same id, another fleet's, unfinished"
        ),
        pytest.param(no_system, holds("gpt"), GO, id="a system without a record"),
        pytest.param(half, [BEFORE], [BEFORE], id="half of a mirror with our finished record"),
        pytest.param(kept("md-raid0"), holds("linux_raid_member"), holds("linux_raid_member"), id="md RAID 0"),
        pytest.param(kept("md-raid5"), holds("linux_raid_member"), holds("linux_raid_member"), id="md RAID 5"),
        pytest.param(kept("md-raid10"), holds("linux_raid_member"), holds("linux_raid_member"), id="md RAID 10"),
        pytest.param(kept("isw"), holds("isw_raid_member"), holds("isw_raid_member"), id="RAID of the firmware"),
        pytest.param(kept("lvm"), holds("LVM2_member"), holds("LVM2_member"), id="LVM"),
        pytest.param(kept("zfs"), holds("zfs_member"), holds("zfs_member"), id="ZFS"),
        pytest.param(kept("ceph"), holds("ceph_bluestore"), holds("ceph_bluestore"), id="Ceph"),
        pytest.param(kept("luks"), holds("crypto_LUKS"), holds("crypto_LUKS"), id="LUKS"),
        pytest.param(kept("swap"), holds("swap"), GO, id="swap"),
        pytest.param(damaged, [BEFORE], [BEFORE], id="a damaged GPT with a good copy"),
        pytest.param(destroyed, ["unread"], ["unread"], id="a damaged GPT"),
    ],
)
def test_what_is_asked_of_a_disk(
    disk: Disk, there: Callable[[Disk], None], unknown: list[object], erased_by_us: list[object]
) -> None:
    there(disk)
    assert [told(judged(disk)), told(judged(disk, marked=True))] == [unknown, erased_by_us]


def told(found: Judged) -> list[object]:
    """What is asked, as the table has it: the id of an install, or the kinds of signatures."""
    named = []
    for each in found.asked:
        if isinstance(each, InstalledSystem):
            return [each.install]
        kinds = [part.type for part in each.parts if part.kind == "signature"] if isinstance(each, Contents) else each
        named.append(kinds or "unread" if isinstance(kinds, list) else kinds)
    return named


LAYOUTS = ["partitioned", "with_uefi", "with_msdos", "whole"]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_record_is_read_in_every_layout_that_installers_make(disk: Disk, layout: str) -> None:
    system(on=layout)(disk)
    assert told(judged(disk)) == [BEFORE]
    assert told(judged(disk, may_erase=(BEFORE,))) == []
