"""Disks that are files, and the very script that is sent to look at disks, run by dash on them."""

import hashlib
import json
import lzma
import os
import shutil
import struct
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.model.actions import InstallOs
from reconciler.provisioning import commands, fence

from .. import loops
from ..lab.disks import MARKER
from ..waiting import until
from .build import an_install

NEEDED = {
    "dash": "dash", "losetup": "mount", "partx": "util-linux", "sgdisk": "gdisk", "mkfs.ext4": "e2fsprogs",
    "mkfs.xfs": "xfsprogs", "mkfs.vfat": "dosfstools", "mkfs.btrfs": "btrfs-progs",
    "mdadm": "mdadm", "pvs": "lvm2",
}  # fmt: skip
MISSING = [f"{tool} (apt: {package})" for tool, package in NEEDED.items() if shutil.which(tool) is None]
needs_disks = pytest.mark.skipif(
    bool(MISSING) or os.geteuid() != 0, reason=f"needs root and {', '.join(MISSING) or 'loop devices'}"
)

IMAGES = Path(__file__).parent / "disks"
THIS = "aaaaaaaaaaaa"


def sh(*words: object, **more: object) -> str:
    ran = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=True, **more)
    return ran.stdout.strip()


class Disk:
    """A disk that is a file; ``name`` is its kernel name."""

    def __init__(self, folder: Path, number: int, megabytes: int = 32) -> None:
        self.folder = folder
        self.file = folder / f"disk{number}"
        self.device = loops.attach(self.file, megabytes=megabytes)
        self.windows: list[str] = []

    @property
    def name(self) -> str:
        return self.device.removeprefix("/dev/")

    def detach(self) -> None:
        loops.detach(*self.windows, self.device)

    def partitioned(self) -> str:
        """As the installers do it: room for boot loaders, then the system. A device that shows the latter."""
        sh("sgdisk", "--clear", "--new=1:1M:+1M", "--typecode=1:ef02", "--new=2:0:-1M", self.device)
        return self._partition(2)

    def with_uefi(self) -> str:
        """The same with a partition for UEFI's boot loaders, in which there is a file system."""
        new = ("--new=1:1M:+1M", "--typecode=1:ef02", "--new=2:0:+4M", "--typecode=2:ef00", "--new=3:0:-1M")
        sh("sgdisk", "--clear", *new, self.device)
        sh("mkfs.vfat", self._partition(2))
        return self._partition(3)

    def with_msdos(self) -> str:
        """An old table, as a BIOS knows it."""
        sectors = self.file.stat().st_size // 512 - 2048
        self.write((446, struct.pack("<B3xB3xII", 0x80, 0x83, 2048, sectors) + bytes(48) + b"\x55\xaa"))
        return self._partition(1)

    def whole(self) -> str:
        """No table at all."""
        return self.device

    def _partition(self, number: int) -> str:
        told = sh("partx", "--raw", "--noheadings", "--output", "START,SECTORS", "--nr", number, self.device)
        start, sectors = (int(word) * 512 for word in told.split())
        self.windows.append(loops.attach(self.device, "--offset", start, "--sizelimit", sectors))
        return self.windows[-1]

    def is_image(self, name: str) -> None:
        """The disk of a real array or volume group, as ``tests.lab.disks`` made it."""
        content = lzma.decompress((IMAGES / f"{name}.xz").read_bytes())
        self.resize(len(content))
        self.write((0, content))

    def resize(self, size: int) -> None:
        os.truncate(self.file, size)
        sh("losetup", "--set-capacity", self.device)

    def write(self, *pieces: tuple[int, bytes]) -> None:
        """Write each at its place, through the device: what the kernel holds of it would hide what the file has."""
        with open(self.device, "r+b", buffering=0) as opened:
            for at, content in pieces:
                opened.seek(at)
                opened.write(content)
            os.fsync(opened)

    def sums(self) -> dict[int, str]:
        """A digest of each megabyte on it, by its place, with all that was written and is on its way there."""
        if Path(self.device).exists():
            opened = os.open(self.device, os.O_RDONLY)
            os.fsync(opened)
            os.close(opened)
        with open(self.file, "rb") as opened:
            parts = enumerate(iter(lambda: opened.read(2**20), b""))
            return {at: hashlib.sha256(part).hexdigest() for at, part in parts}


def put(device: str, folder: Path, files: dict[str, str], kind: str = "ext4") -> str:
    """A file system that holds these files.

    It is mounted in a namespace of its own. A container that another test starts at this moment would copy a mount that
    it sees, and the kernel would write to the disk until that container ends.
    """
    sh(f"mkfs.{kind}", *(["-q"] if kind == "ext4" else []), device)
    made, mounted = folder / "made", folder / "mounted"
    made.mkdir()
    for path, text in files.items():
        place = made / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    mounted.mkdir(exist_ok=True)
    sh("unshare", "--mount", "sh", "-ec", 'mount "$0" "$1"; cp -r "$2/." "$1"; umount "$1"', device, mounted, made)
    shutil.rmtree(made)
    return device


def looked(
    *disks: Disk, mode: str = "look", allowed: tuple[str, ...] = (), answers: str | None = None, path: str | None = None
) -> tuple[int, fence.Looked]:
    """Exit status and facts. Nothing stays mounted, and but for ``finish`` not a bit has changed."""
    folder = disks[0].folder
    shown = [place for disk in disks for place in (disk.file, disk.device)]
    action = an_install(reinstall=answers, may_erase=allowed, system_disks=tuple(disk.name for disk in disks))
    before, attached = [disk.sums() for disk in disks], loops.showing(*shown)
    found = run(action, folder, mode, path)
    assert str(folder / "look") not in Path("/proc/self/mounts").read_text()
    until("its loop devices are gone", lambda: set(loops.showing(*shown)) <= set(attached))  # once nobody has them open
    assert mode == "finish" or before == [disk.sums() for disk in disks]
    return found


def run(
    action: InstallOs, folder: Path, mode: str, path: str | None = None, *, fleet: str = "", seen: str | None = None
) -> tuple[int, fence.Looked]:
    """Have the script look, as install ``THIS``. What it leaves in the live system's folder lies in this one."""
    text = commands.fence_file(action, fleet, seen)[fence.SCRIPT_FILE].content.decode()
    script = folder / "fence.sh"
    script.write_text(text.replace(f"INSTALL={action.id}", f"INSTALL={THIS}").replace("/run/reconciler", str(folder)))
    ran = subprocess.run(
        ["dash", script, mode], capture_output=True, text=True, check=False,
        env=os.environ | ({"PATH": path} if path else {}),
    )  # fmt: skip
    assert ran.stderr == ""
    found = fence.parse([json.loads(line) for line in ran.stdout.splitlines()])
    return ran.returncode, replace(found, digest=fence.digest(ran.stdout))


def marked(**differs: object) -> dict[str, str]:
    return {commands.MARKER_FILE: replace(MARKER, **differs).render(), "/etc/hostname": "n1\n"}
