"""``python -m tests.lab.prepare``: what the lab boots and installs, below ``var/lab``; what is current is kept.

Needs the Debian mirror, which the lab's own network does not reach. The first time takes some minutes.
"""

import contextlib
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from reconciler.app.config import load_config
from reconciler.app.directory import PROVISIONING_KEY
from reconciler.app.site import Site
from reconciler.cli.app import run

from .fleet import fleet

LAB = Path("var/lab").absolute()
SITE = LAB / "site"
"""A site that only makes images: a run begins with a copy of its database, which has the key that is in them."""

KERNEL = LAB / "kernel"
"""Debian's, with its modules, as its package has them."""

IMAGES = LAB / "images"
ROOT_IMAGE, ROOT_MANIFEST = IMAGES / "root.tar.zst", IMAGES / "root.json"

ROOT_PACKAGES = (
    "linux-image-amd64", "initramfs-tools", "systemd-sysv", "udev", "kmod", "mdadm", "grub2-common", "grub-pc-bin",
    "grub-efi-amd64-bin", "grub-efi-amd64-signed", "shim-signed", "ifupdown", "ifenslave", "vlan", "iproute2",
    "netbase", "openssh-server", "ca-certificates", "curl", "iputils-ping", "puppet",
    "openstack-cluster-installer-utils", "ssl-cert",
)  # fmt: skip
"""What a store needs of those in docs/operating.md."""

_ROOT_COMMAND = [
    "mmdebstrap", "--variant=minbase", f"--include={','.join(ROOT_PACKAGES)}",
    "--dpkgopt=path-exclude=/usr/share/man/*", "--dpkgopt=path-exclude=/usr/share/locale/*",
    "--dpkgopt=path-exclude=/usr/share/doc/*", "trixie",
]  # fmt: skip

GROWS_OLD = timedelta(days=30)

_CONFIG = f"""\
specs: {SITE}/specs
database: sqlite:///{SITE}/reconciler.db
state: {SITE}
boot: {LAB}/boot
"""


def main() -> int:
    """Lay everything out, and return an exit status."""
    (SITE / "specs").mkdir(parents=True, exist_ok=True)
    (SITE / "specs/fleet.yaml").write_text(fleet())
    (SITE / "reconciler.yaml").write_text(_CONFIG)
    with contextlib.closing(Site(load_config(SITE / "reconciler.yaml", {}, {}))) as made:
        made.certificates.mint(
            (PROVISIONING_KEY,)
        )  # as a daemon does at its first start: no other command makes a database
    site = ("--config", str(SITE / "reconciler.yaml"))
    if status := run([*site, "boot-files"]):
        return status
    if run([*site, "boot-image", "check"]):
        status = run([*site, "boot-image", "build", "--compression", "lz4"])  # unpacked fastest by a slow processor
    if not status:
        _kernel()
        _root_image(datetime.now(UTC))
    return status


def _kernel() -> None:
    """For the small machine that assembles disks (``disks.py``)."""
    if KERNEL.exists():
        return
    new = LAB / "kernel.new"
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir()
    depends = subprocess.run(["apt-cache", "depends", "linux-image-amd64"], capture_output=True, text=True, check=True)
    (package,) = re.findall(r"Depends: (linux-image-[0-9]\S+)", depends.stdout)[:1]
    subprocess.run(["apt-get", "download", package], cwd=new, check=True)
    (archive,) = new.glob("*.deb")
    subprocess.run(["dpkg-deb", "--extract", archive, new], check=True)
    archive.unlink()
    new.rename(KERNEL)


def _root_image(now: datetime) -> None:
    """The tarball that servers are installed from."""
    if ROOT_IMAGE.exists() and ROOT_MANIFEST.exists():
        made = json.loads(ROOT_MANIFEST.read_text())
        if made["command"] == _ROOT_COMMAND and now - datetime.fromisoformat(made["built_at"]) < GROWS_OLD:
            print(f"The root tarball of {made['built_at']} is current.")
            return
    IMAGES.mkdir(parents=True, exist_ok=True)
    new = IMAGES / "new.tar.zst"
    subprocess.run([*_ROOT_COMMAND, str(new)], check=True, env=os.environ | {"TMPDIR": str(IMAGES)})
    with new.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    new.replace(ROOT_IMAGE)
    manifest = {"command": _ROOT_COMMAND, "built_at": now.isoformat(timespec="seconds"), "sha256": digest}
    ROOT_MANIFEST.write_text(json.dumps(manifest, indent=1) + "\n")


def root_sha256() -> str:
    """Of the tarball."""
    digest: str = json.loads(ROOT_MANIFEST.read_text())["sha256"]
    return digest


if __name__ == "__main__":
    sys.exit(main())
