"""A small machine with Debian's kernel, for what this one's kernel may lack: software RAID and LVM.

It boots from memory, with the programs of this system and blank disks, runs a script, and turns itself off.
``python -m tests.lab.disks`` makes the images in ``tests/provisioning/disks`` with it, after ``python -m
tests.lab.prepare``; wants root, and the packages in ``tests/lab/packages``. ``test_assembled.py`` shows in it that RAID
and LVM are assembled and read as they are on real servers.
"""

import gzip
import lzma
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from reconciler.provisioning import commands, fence

from .prepare import KERNEL, LAB

IMAGES = Path(__file__).parents[1] / "provisioning" / "disks"

_PROGRAMS = (
    "dash", "base64", "cat", "cksum", "cut", "find", "grep", "head", "ls", "mkdir", "mv", "rm", "rmdir", "sed", "sleep",
    "sort", "tail", "tr", "dd", "flock", "modprobe", "mkfs.ext4", "lvm", "pvcreate", "vgcreate", "lvcreate", "busybox",
    *fence.PROGRAMS,
)  # fmt: skip
_MODULES = "virtio_pci virtio_blk ext4 loop md_mod raid1 raid456 raid10 dm_mod"

_INIT = """\
#!/bin/dash
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tmpfs run /run
for module in {modules}; do modprobe -q "$module"; done
while [ ! -b /dev/{last} ]; do sleep 0.1; done
dash /script < /dev/null > /dev/ttyS0 2>&1
sync
busybox poweroff -f
"""

_LVM = "activation { udev_sync = 0 udev_rules = 0 }\n"  # there is no udev to make the nodes

MARKER = commands.Marker(
    serial="A001", hostname="n1.example.com", generation=1, id="0123456789ab", cluster="cl1", role="controller",
    reinstall="2026-11-22", finished=True,
)  # fmt: skip
"""In the root file systems of the images."""

_ROOT = f"""\
mkfs.ext4 -q -F -b 1024 -O ^has_journal,^metadata_csum -I 128 "$1" && mkdir -p /run/new && mount -t ext4 "$1" /run/new
mkdir -p /run/new/etc/reconciler
printf '%s' '{MARKER.render()}' > /run/new/etc/reconciler/install.json
umount /run/new
"""
_MIRROR = "mdadm --create {array} --run --metadata=%s --level=1 --bitmap=none --raid-devices=2 {two}"
_VOLUME = "pvcreate -q {one} && vgcreate -q system {one} && lvcreate -qq -Wn -L 8M -n root system"

ROOTS = {
    "raid1-1.2": (_MIRROR % "1.2", "{array}"),
    "raid1-1.0": (_MIRROR % "1.0", "{array}"),
    "lvm": (_VOLUME, "/dev/system/root"),
}
"""How a root file system with ``MARKER`` is made: the command, and the device that it is on."""


def making(name: str) -> str:
    """The script that makes this root on blank disks vda and vdb, and takes it apart again."""
    command, device = ROOTS[name]
    words = {"array": "/dev/md7", "one": "/dev/vda", "two": "/dev/vda /dev/vdb"}
    apart = "vgchange -q --activate n system" if name == "lvm" else "mdadm --wait /dev/md7; mdadm --stop /dev/md7"
    return f"set -- {device.format(**words)}\n{command.format(**words)}\n{_ROOT}{apart}\n"


def run(folder: Path, script: str, disks: Mapping[str, Path], files: Mapping[str, str] | None = None) -> str:
    """Boot, with these disks as vda, vdb and so on; what the script printed."""
    folder.mkdir(parents=True, exist_ok=True)
    tree = folder / "tree"
    _lay_out(tree, sorted(disks)[-1], {"/script": script, **(files or {})})
    names = subprocess.run(["find", "."], cwd=tree, capture_output=True, check=True).stdout
    packed = subprocess.run(
        ["cpio", "--create", "--quiet", "--format=newc"], cwd=tree, input=names, capture_output=True, check=True
    )
    (folder / "initrd").write_bytes(gzip.compress(packed.stdout, 1))
    shutil.rmtree(tree)
    (kernel,) = (KERNEL / "boot").glob("vmlinuz-*")
    drives = [word for _, disk in sorted(disks.items()) for word in ("-drive", f"file={disk},format=raw,if=virtio")]
    command = [
        "qemu-system-x86_64", "-display", "none", "-nodefaults", "-no-reboot", "-accel", "tcg,thread=multi",
        "-cpu", "qemu64", "-m", "1024", "-serial", "stdio", "-kernel", str(kernel), "-initrd", f"{folder}/initrd",
        "-append", "console=ttyS0 quiet panic=-1", *drives,
    ]  # fmt: skip
    ran = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600, check=True)
    return ran.stdout.replace("\r", "")


def _lay_out(tree: Path, last: str, files: Mapping[str, str]) -> None:
    """The system in memory: programs with their libraries, modules, and files."""
    shutil.rmtree(tree, ignore_errors=True)
    for name in ("proc", "sys", "dev", "run", "etc", "tmp", "usr/bin", "usr/sbin", "usr/lib", "usr/lib64"):
        (tree / name).mkdir(parents=True)
    for name in ("bin", "sbin", "lib", "lib64"):
        (tree / name).symlink_to(f"usr/{name}")
    for program in _PROGRAMS:
        found = shutil.which(program)
        assert found is not None, f"{program} is not installed here"
        (tree / "usr/bin" / program).unlink(missing_ok=True)
        shutil.copy(found, tree / "usr/bin" / program)
        libraries = subprocess.run(["ldd", found], capture_output=True, text=True, check=False).stdout
        _copy(tree, re.findall(r"(/\S+) \(0x", libraries))
    (modules,) = (KERNEL / "lib/modules").iterdir()
    for part in ("drivers/md", "drivers/block", "drivers/virtio", "fs", "lib", "crypto", "arch"):
        shutil.copytree(modules / "kernel" / part, tree / "usr/lib/modules" / modules.name / "kernel" / part)
    for file in modules.glob("modules.*"):
        shutil.copy(file, tree / "usr/lib/modules" / modules.name)
    subprocess.run(["depmod", "--basedir", tree, modules.name], check=True)
    init = _INIT.format(modules=_MODULES, last=last)
    for path, text in {"/init": init, "/etc/lvm/lvm.conf": _LVM, **files}.items():
        place = tree / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        place.chmod(0o755)


def _copy(tree: Path, libraries: Iterable[str]) -> None:
    for library in libraries:
        place = tree / library.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        if not place.exists():
            shutil.copy(library, place)


def blank(folder: Path, megabytes: int = 16, count: int = 2) -> dict[str, Path]:
    """New disks: kernel name to file."""
    folder.mkdir(parents=True, exist_ok=True)
    made = {f"vd{chr(ord('a') + n)}": folder / f"disk{n}" for n in range(count)}
    for file in made.values():
        with file.open("wb") as opened:
            opened.truncate(megabytes * 2**20)
    return made


def main() -> int:
    """Make the images, and return an exit status."""
    IMAGES.mkdir(exist_ok=True)
    for name in ROOTS:
        folder = LAB / "disks" / name
        disks = blank(folder)
        print(run(folder, making(name), disks))
        (IMAGES / f"{name}.xz").write_bytes(lzma.compress(disks["vda"].read_bytes(), preset=9))
    return 0


if __name__ == "__main__":
    sys.exit(main())
