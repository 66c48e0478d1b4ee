"""A machine that runs the live system: its root, disks that are files, its firmware, and no hardware else.

What is mounted is in the mount namespace of the calling process, which is to be one of its own.
"""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from reconciler.model.files import PROGRAM, File

from .. import loops
from ..cloud import containers, overlay
from ..cloud.machine import write_tree
from ..cloud.smbios import Firmware
from ..lab.lab import run

_DEVICES = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9), "tty": (5, 0)}
_DESCRIPTORS = {"fd": "", "stdin": "/0", "stdout": "/1", "stderr": "/2"}
_PROGRAMS = {"partprobe": "#!/bin/sh\nexec udevadm settle\n", "e4defrag": "#!/bin/sh\n"}
"""In place of what wants udev, and of what takes a third of Debian's installer's time and changes no file."""
_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Live:
    """The live system as it runs."""

    folder: Path
    disks: Mapping[str, str]  # a server's name for it -> loop device

    @property
    def root(self) -> Path:
        """Of the system, as this side sees it."""
        return self.folder / "root"

    def upload(self, files: Mapping[str, File]) -> None:
        """Files by absolute path."""
        for path, file in files.items():
            place = self.root / path.lstrip("/")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(file.content)
            place.chmod(file.mode)

    def read(self, path: str) -> bytes:
        """Of a file, by absolute path."""
        return (self.root / path.lstrip("/")).read_bytes()

    def run(self, *words: str) -> None:
        """Run a command in it, as its systemd would.

        Raises:
            subprocess.CalledProcessError: It failed.
        """
        command = ["chroot", self.root, "env", "-i", _PATH, "LC_ALL=C.UTF-8", "HOME=/root", *words]
        subprocess.run(command, stdin=subprocess.DEVNULL, check=True)

    @contextlib.contextmanager
    def mounted(self, disk: str, number: int) -> Iterator[Path]:
        """A partition of a disk, read-only, until the block ends."""
        point = self.folder / "installed"
        point.mkdir()
        run("mount", "-o", "ro", f"{self.disks[disk]}p{number}", str(point))
        try:
            yield point
        finally:
            run("umount", str(point))


@contextlib.contextmanager
def booted(folder: Path, system: Path, firmware: Firmware, disks: Mapping[str, int]) -> Iterator[Live]:
    """A machine with blank disks, until the block ends.

    Args:
        folder: Its own, which goes with it.
        system: A root of the live system, which stays as it is.
        firmware: What dmidecode reads.
        disks: Megabytes by name.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    attached: dict[str, str] = {}
    try:
        for name, size in disks.items():
            attached[name] = loops.attach(folder / name, "--partscan", megabytes=size)
        machine = Live(folder, attached)
        overlay.lay(system, machine.folder)
        _mount_kernel(machine, firmware)
        _make_devices(machine)
        machine.upload({path: File(text.encode(), mode) for path, (text, mode) in containers.disk_tools().items()})
        machine.upload({f"/usr/local/bin/{name}": File(text.encode(), PROGRAM) for name, text in _PROGRAMS.items()})
        yield machine
    finally:
        subprocess.run(["umount", "--recursive", "--lazy", folder / "root"], check=False)
        loops.detach(*attached.values())
        shutil.rmtree(folder)


def _mount_kernel(machine: Live, firmware: Firmware) -> None:
    """What the kernel shows: of the firmware, the machine's own."""
    tables = {"smbios_entry_point": firmware.entry_point, "DMI": firmware.table}
    write_tree(machine.folder / "firmware/dmi/tables", tables)
    run("mount", "-t", "proc", "proc", f"{machine.root}/proc")
    run("mount", "-t", "sysfs", "sysfs", f"{machine.root}/sys")
    run("mount", "--bind", f"{machine.folder}/firmware", f"{machine.root}/sys/firmware")
    for name in ("dev", "run", "tmp"):
        run("mount", "-t", "tmpfs", "tmpfs", f"{machine.root}/{name}")


def _make_devices(machine: Live) -> None:
    """In place of udev. The disks have the names that a server's have."""
    folder, block = machine.root / "dev", machine.root / containers.HARDWARE.lstrip("/") / "block"
    block.mkdir(parents=True)
    for name, (major, minor) in _DEVICES.items():
        os.mknod(folder / name, 0o20666, os.makedev(major, minor))
        (folder / name).chmod(0o666)
    for name, end in _DESCRIPTORS.items():
        (folder / name).symlink_to(f"/proc/self/fd{end}")
    for name, loop in machine.disks.items():
        os.mknod(folder / name, 0o60660, os.stat(loop).st_rdev)
        (block / name).symlink_to(f"/sys/block/{Path(loop).name}")
