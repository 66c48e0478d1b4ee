"""The very script that is sent to look at disks, run by dash on disks that are files.

This kernel may know neither partition tables nor software RAID nor LVM: the script reads partitions through their table
and a mirror's half at its data offset, and says what it cannot read. ``tests/lab/test_assembled.py`` assembles them.
"""

import fcntl
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.model.contents import Unreadable, UnreadFound
from reconciler.provisioning import commands, fence
from reconciler.provisioning.fence_script import ENDED, LOCK_SECONDS, REFUSED

from ..lab.disks import MARKER
from .build import an_install
from .real_disks import THIS, Disk, looked, marked, needs_disks, put, run, sh

pytestmark = needs_disks


@pytest.fixture
def large(tmp_path: Path) -> Iterator[Disk]:
    """One on which XFS and Btrfs can be made."""
    made = Disk(tmp_path, 1, 320)
    yield made
    made.detach()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    made = Disk(tmp_path, 0)
    yield made
    made.detach()


@pytest.mark.parametrize(
    ("differs", "asked", "status", "verdict"),
    [
        ({"finished": False}, {}, 0, "abandoned"),
        ({"finished": False}, {"allowed": (MARKER.id,)}, 0, "allowed"),
        ({}, {}, REFUSED, "refused"),
        ({"generation": 0}, {}, REFUSED, "refused"),
        ({"id": THIS}, {}, ENDED, "ended"),
        ({"id": THIS, "finished": False}, {}, 0, "unfinished"),
        ({}, {"allowed": ("ffffffffffff", MARKER.id)}, 0, "allowed"),
        ({}, {"allowed": ("ffffffffffff",)}, REFUSED, "refused"),
        ({}, {"allowed": (MARKER.id,), "answers": "2026-11-22"}, REFUSED, "answered"),
        ({}, {"allowed": (MARKER.id,), "answers": "2026-11-2"}, 0, "allowed"),
        ({"reinstall": 'a "quote"'}, {"allowed": (MARKER.id,), "answers": 'a "quote"'}, REFUSED, "answered"),
        ({"reinstall": "null"}, {"allowed": (MARKER.id,), "answers": "null"}, REFUSED, "answered"),
        ({"reinstall": None}, {"allowed": (MARKER.id,), "answers": "null"}, 0, "allowed"),
    ],
)
def test_a_system_of_ours(
    disk: Disk, differs: dict[str, object], asked: dict[str, object], status: int, verdict: str
) -> None:
    put(disk.partitioned(), disk.folder, marked(**differs))
    ended, there = looked(disk, **asked)
    assert (ended, [(met.disk, met.verdict) for met in there.markers]) == (status, [(disk.name, verdict)])
    assert commands.parse_marker(there.markers[0].text) == replace(MARKER, **differs)
    assert there.unread == ()


@pytest.mark.parametrize(
    ("text", "allowed", "verdict"),
    [
        ('{"serial": "S", "hostname": "n", "generation": 1, "id": "0123456789ab"}\n', (), "refused"),
        ('{"serial": "S", "hostname": "n", "generation": 1, "id": "0123456789ab"}\n', (MARKER.id,), "allowed"),
        ("", (MARKER.id,), "refused"),
        ("garbage \0 \" $(reboot) '", (), "refused"),
        ("", ("?",), "allowed"),
    ],
)
def test_a_marker_of_old_or_one_that_is_damaged_counts_as_finished(
    disk: Disk, text: str, allowed: tuple[str, ...], verdict: str
) -> None:
    put(disk.device, disk.folder, {commands.MARKER_FILE: text})
    _, there = looked(disk, allowed=allowed)
    assert [met.verdict for met in there.markers] == [verdict]


@pytest.mark.parametrize("base", ["", "/@", "/@rootfs"])
def test_a_root_on_btrfs(large: Disk, base: str) -> None:
    put(large.device, large.folder, {base + commands.MARKER_FILE: MARKER.render()}, "btrfs")
    assert looked(large)[0] == REFUSED


def test_a_root_on_xfs(large: Disk) -> None:
    put(large.partitioned(), large.folder, marked(), "xfs")
    assert looked(large)[0] == REFUSED


def test_a_blank_disk(disk: Disk) -> None:
    assert looked(disk) == (0, fence.Looked(uuids={disk.name: ()}))


def test_somebody_elses_system_and_data_say_that_there_are_files(disk: Disk, large: Disk) -> None:
    put(disk.partitioned(), disk.folder, {"/etc/hostname": "theirs\n"})
    put(large.device, large.folder, {"/data": "x"}, "xfs")
    status, there = looked(disk, large)
    assert (status, there.markers, there.files) == (0, (), {disk.name, large.name})
    uuid = sh("blkid", "--probe", "--match-tag", "UUID", "--output", "value", large.device)
    assert there.uuids[large.name] == (uuid,)


def test_an_empty_filesystem_says_nothing(disk: Disk) -> None:
    put(disk.device, disk.folder, {})
    status, there = looked(disk)
    assert (status, there.markers, there.unread, there.files) == (0, (), (), frozenset())


@pytest.mark.parametrize("name", ["raid1-1.2", "raid1-1.0"])
def test_the_half_of_a_mirror_is_read_at_its_data_offset(disk: Disk, name: str) -> None:
    disk.is_image(name)
    status, there = looked(disk)
    assert (status, [met.verdict for met in there.markers], there.unread) == (REFUSED, ["refused"], ())
    assert looked(disk, allowed=(MARKER.id,))[0] == 0


def test_a_volume_group_is_read_or_said_not_to_be(disk: Disk) -> None:
    disk.is_image("lvm")
    status, there = looked(disk)
    if "device-mapper" in Path("/proc/devices").read_text():
        assert status == REFUSED
    else:
        assert (status, there.unread) == (
            0,
            ((disk.name, UnreadFound(Unreadable.NOT_ASSEMBLED, (disk.device,), "LVM2_member")),),
        )


@pytest.mark.parametrize(("image", "tool", "told"), [("raid1-1.2", "mdadm", "mdadm"), ("lvm", "vgchange", "lvm2")])
def test_a_tool_that_is_missing_is_said(disk: Disk, image: str, tool: str, told: str) -> None:
    disk.is_image(image)
    programs = disk.folder / "programs"
    programs.mkdir()
    for folder in ("/bin", "/sbin", "/usr/bin", "/usr/sbin"):
        for program in Path(folder).iterdir():
            if program.name != tool and not (programs / program.name).exists():
                (programs / program.name).symlink_to(program)
    status, there = looked(disk, path=str(programs))
    assert (status, len(there.unread)) == (0, 1)
    assert there.unread[0][1].why is Unreadable.NO_TOOL
    assert str(there.unread[0][1]).endswith(f"and there is no {told}")


@pytest.mark.parametrize(
    ("signature", "at", "told"),
    [
        (b"bluestore block device\n", 0, "ceph_bluestore"),
        (b"LUKS\xba\xbe\x00\x01", 0, "crypto_LUKS"),
    ],
)
def test_what_it_cannot_look_into_is_said(disk: Disk, signature: bytes, at: int, told: str) -> None:
    disk.write((at, signature))
    status, there = looked(disk)
    assert (status, there.unread) == (0, ((disk.name, UnreadFound(Unreadable.OF_NO_KNOWN_KIND, (disk.device,), told)),))


def zfs_label() -> bytes:
    """The list of names and values of a pool's label, in XDR, as libblkid reads it since util-linux 2.40."""

    def text(value: str) -> bytes:
        return struct.pack(">I", len(value)) + value.encode() + b"\0" * (-len(value) % 4)

    def pair(name: str, kind: int, value: bytes) -> bytes:
        body = text(name) + struct.pack(">II", kind, 1) + value
        return struct.pack(">II", len(body) + 8, len(body) + 8) + body

    numbers = {"version": 5000, "state": 0, "txg": 4, "pool_guid": 7, "top_guid": 8, "guid": 9, "ashift": 12}
    pairs = [pair(name, 8, struct.pack(">Q", value)) for name, value in numbers.items()]
    return b"\1\1\0\0" + struct.pack(">II", 0, 1) + pair("name", 9, text("tank")) + b"".join(pairs) + bytes(8)


def test_a_pool_of_zfs_is_said(large: Disk) -> None:
    older = (0x00BAB10C).to_bytes(8, "little")  # an uberblock, by which an older libblkid knows a pool
    large.write((16 * 1024, zfs_label()), *((128 * 1024 + 1024 * number, older) for number in range(32)))
    assert looked(large)[1].unread == (
        (large.name, UnreadFound(Unreadable.OF_NO_KNOWN_KIND, (large.device,), "zfs_member")),
    )


def test_swap_cannot_hold_a_system(disk: Disk) -> None:
    sh("mkswap", disk.device)
    assert looked(disk)[1].unread == ()


def test_a_damaged_partition_table_is_read_through_its_copy(disk: Disk) -> None:
    put(disk.partitioned(), disk.folder, marked())
    disk.write((512, bytes(33 * 512)))
    assert looked(disk)[0] == REFUSED


def test_a_partition_table_without_a_good_copy_is_said(disk: Disk) -> None:
    disk.partitioned()
    for at in (512, 32 * 2**20 - 512):
        disk.write((at, bytes(512)))
    status, there = looked(disk)
    assert (status, there.unread) == (
        0, ((disk.name, UnreadFound(Unreadable.BAD_TABLE, (disk.device,), "PMBR")),)
    )  # fmt: skip


def test_a_damaged_filesystem_is_said(disk: Disk) -> None:
    put(disk.device, disk.folder, marked())
    disk.write((2048, bytes(2 * 2**20)))  # group descriptors and the root folder
    status, there = looked(disk)
    assert (status, there.unread) == (0, ((disk.name, UnreadFound(Unreadable.NOT_MOUNTED, (disk.device,), "ext4")),))


def test_a_disk_that_is_mounted_stops_it(disk: Disk, tmp_path_factory: pytest.TempPathFactory) -> None:
    put(disk.device, disk.folder, {"/x": "x"})
    elsewhere = tmp_path_factory.mktemp("mounted")
    sh("mount", "-o", "ro", disk.device, elsewhere)  # else the kernel writes to it meanwhile
    try:
        status, there = looked(disk)
    finally:
        sh("umount", elsewhere)
    assert (status, there.mounted) == (REFUSED, ((disk.name, f"{disk.device} on {elsewhere}"),))


def test_what_an_installer_that_was_killed_left_mounted_does_not(disk: Disk) -> None:
    put(disk.device, disk.folder, marked(id=THIS, finished=False))
    (disk.folder / "root").mkdir()
    sh("mount", "-o", "ro", disk.device, disk.folder / "root")  # else the kernel writes to it meanwhile
    try:
        status, there = looked(disk)
    finally:
        sh("umount", disk.folder / "root")
    assert (status, there.mounted, [met.verdict for met in there.markers]) == (0, (), ["unfinished"])


def test_a_look_waits_for_another_one_to_end(disk: Disk) -> None:
    script = disk.folder / "fence.sh"
    text = fence.script((disk.name,), commands.MARKER_FILE, fence.Terms(THIS)).replace(
        "/run/reconciler", str(disk.folder)
    )
    script.write_text(text.replace(f"--timeout {LOCK_SECONDS}", "--timeout 1"))
    (disk.folder / "look").mkdir()
    with (disk.folder / "look.lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        ran = subprocess.run(["dash", script, "look"], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "another look at the disks" in ran.stderr
    assert subprocess.run(["dash", script, "look"], capture_output=True, check=False).returncode == 0


def test_disks_that_changed_since_they_were_judged_stop_it(disk: Disk) -> None:
    action = an_install(system_disks=(disk.name,))
    seen = looked(disk)[1].digest
    assert run(action, disk.folder, "look", seen=seen) == (0, fence.Looked(uuids={disk.name: ()}))
    put(disk.device, disk.folder, {"/data": "of somebody who swapped the disk"})
    status, there = run(action, disk.folder, "look", seen=seen)
    assert (status, there.changed, there.files) == (REFUSED, True, {disk.name})
    assert run(action, disk.folder, "look")[0] == 0, "it is judged anew"


def test_a_disk_that_is_gone_is_said(disk: Disk) -> None:
    disk.detach()
    disk.device = "/dev/nothing"
    assert looked(disk)[1].unread == (("nothing", UnreadFound(Unreadable.NO_SUCH_DISK, ("/dev/nothing",))),)


def test_a_journal_is_not_replayed(disk: Disk) -> None:
    """A power cut leaves a journal that a mere read-only mount would replay: that would write."""
    device = put(disk.device, disk.folder, marked())
    sh("debugfs", "-w", "-R", "feature needs_recovery", device)
    assert "needs_recovery" in sh("dumpe2fs", "-h", device)
    assert looked(disk)[0] == REFUSED  # and not a bit has changed


class TestFinish:
    def test_the_marker_of_this_install_is_finished(self, disk: Disk) -> None:
        device = put(disk.partitioned(), disk.folder, marked(id=THIS, finished=False))
        assert looked(disk)[0] == 0
        assert looked(disk, mode="finish")[0] == 0
        status, there = looked(disk)
        found = commands.parse_marker(there.markers[0].text)
        assert (status, replace(found, ended=None, written=())) == (ENDED, replace(MARKER, id=THIS))
        assert found.ended is not None
        assert found.written == there.uuids[disk.name], "the record says what is on which disk"
        sh("e2fsck", "-fn", device)

    @pytest.mark.parametrize("files", [{}, marked(finished=False)], ids=["no marker", "another's"])
    def test_no_other_is(self, disk: Disk, files: dict[str, str]) -> None:
        put(disk.device, disk.folder, files)
        assert looked(disk, mode="finish")[0] == 1
        assert looked(disk)[0] == 0

    def test_the_half_of_a_mirror_is_never_written_to(self, disk: Disk) -> None:
        disk.is_image("raid1-1.2")
        before = disk.sums()
        assert looked(disk, mode="finish")[0] == 1
        assert disk.sums() == before


def test_what_was_written_is_known_by_its_uuids(disk: Disk) -> None:
    put(disk.partitioned(), disk.folder, marked())
    _, there = looked(disk, mode="written")
    table = sh("blkid", "--probe", "--match-tag", "PTUUID", "--output", "value", disk.device)
    assert there == fence.Looked(uuids={disk.name: (table,)})
