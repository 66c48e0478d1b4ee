"""A comparison's material, made once for each state of the Debian archive: live system, manual's tarball, listings.

``python -m tests.installers.made FOLDER WAY ROLE DESCRIPTOR`` makes what is missing, alone in its namespaces. The
descriptor is of the network namespace that reaches the archive. Of an installed root, only its listing stays.
"""

import contextlib
import functools
import hashlib
import http.server
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

from reconciler.model.actions import InstallOs, RootImage
from reconciler.model.files import PROGRAM, File, public
from reconciler.provisioning import commands
from reconciler.provisioning.boot import live_image

from .. import loops
from ..cloud import containers, roots
from ..cloud.archive import RELEASE
from ..cloud.keeper import ALONE
from ..cloud.places import CACHE, MIRROR_PORT
from ..lab.lab import run
from ..waiting import until
from . import listing, live, nodes

MANUAL = Path(__file__).parents[2] / "docs/operating.md"
LIVE = "live"
LOG = "oci.log"

WAYS = ("debian", "shared", "image")
"""Debian's installer as it is; Debian's with the tarball in place of what debootstrap makes, which is faster; ours."""

_NOT_LIVE = ("initramfs-tools", "live-boot", "live-boot-initramfs-tools", "busybox")
"""Of the live image, what has it boot."""

_LEAN = ("--dpkgopt=force-unsafe-io", "--dpkgopt=path-exclude=/usr/share/doc/*")

_DEBOOTSTRAP = f"""\
#!/bin/sh
while [ $# -gt 2 ]; do shift; done
curl --fail --silent {nodes.IMAGE} | tar --extract --zstd --numeric-owner --xattrs-include='*' --file - --directory "$1"
cp /etc/resolv.conf "$1/etc"
chmod 0644 "$1/etc/hostname" "$1/etc/resolv.conf"  # mmdebstrap copies the builder's, with their modes
chroot "$1" apt-get -qq update
chroot "$1" apt-get -qq install grub-pc  # no tarball for BIOS and UEFI can have it, and the installer edits its file
: > "$1/var/cache/apt/archives/one.deb"  # what a package came in, which is removed
"""

_DISKS = {"sda": 16000, "sdb": 1000}  # megabytes, most of them never written
_SYSTEM = {"debian": 1, "shared": 1, "image": 3}
"""The partition that the system is on."""


def made(way: str, role: str) -> listing.Made:
    """The root of a node of this role.

    Raises:
        RuntimeError: It was not made; has the end of the installer's log.
    """
    with roots.newest(f"{nodes.FOLDER}.lock") as state:
        folder = state / nodes.FOLDER
        folder.mkdir(exist_ok=True)
        outside = os.open("/proc/self/ns/net", os.O_RDONLY)
        words = [sys.executable, "-m", __name__, str(folder), way, role, str(outside)]
        try:
            ran = subprocess.run(
                [*ALONE, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, pass_fds=[outside],
                check=False,
            )  # fmt: skip
        finally:
            os.close(outside)
            loops.detach(*loops.showing(*folder.glob("*/sd?")))  # of one that was killed
        if ran.returncode:
            raise RuntimeError(f"{ran.stdout[-2000:]}\n{ran.stderr[-4000:]}\n{_end(folder / f'{way}-{role}.log')}")
        return listing.Made(**json.loads((folder / f"{way}-{role}.listing.json").read_text()))


def _end(log: Path) -> str:
    return log.read_text(errors="replace")[-4000:] if log.exists() else ""


def main(folder: Path, way: str, role: str, outside: int) -> None:
    """Make the listing, and first what it is made with."""
    run("ip", "link", "set", "lo", "up")
    with _archive(folder, outside), _web(folder):
        live_command = _live_command(folder)
        roots.once(folder, LIVE, live_command, lambda _: _bootstrap(live_command))
        if way != "debian":
            command = tarball_command(folder)
            roots.once(folder, nodes.TARBALL, command, lambda _: _bootstrap(command))
        install = nodes.install_of(role, _image(folder) if way == "image" else None)
        uploads = {**dict(_of_the_image()), **nodes.uploads(install, folder / "secrets.json"), **_in_place(way)}
        recipe = _recipe(folder, way, uploads)
        roots.once(folder, f"{way}-{role}", recipe, lambda _: _installed(folder, way, install, uploads))


def _recipe(folder: Path, way: str, uploads: Mapping[str, File]) -> Iterator[str]:
    """What the listing depends on beside the archive's state."""
    yield from (f"{path} {file.mode:o} {file.content.hex()}" for path, file in sorted(uploads.items()))
    yield from (Path(module.__file__).read_text() for module in (live, listing, containers))
    if way != "debian":
        yield from tarball_command(folder)


def _installed(folder: Path, way: str, install: InstallOs, uploads: Mapping[str, File]) -> None:
    name = f"{way}-{install.role}"
    with live.booted(folder / name, folder / LIVE, nodes.FIRMWARE, _DISKS) as machine:
        machine.upload(uploads)
        try:
            machine.run("sh", commands.SCRIPT_FILE)
        finally:
            (folder / f"{name}.log").write_bytes(machine.read(commands.LOG_FILE))
        with machine.mounted("sda", _SYSTEM[way]) as root:
            told = listing.Made(listing.listing(root), listing.packages(root))
        (folder / f"{name}.listing.json").write_text(json.dumps(told._asdict()))


def _in_place(way: str) -> dict[str, File]:
    """Programs in place of the live system's own."""
    return {"/usr/local/sbin/debootstrap": File(_DEBOOTSTRAP.encode(), PROGRAM)} if way == "shared" else {}


def _of_the_image() -> Iterator[tuple[str, File]]:
    """What of the live image is ours."""
    recipe = live_image.recipe(nodes.FLEET, nodes.ARCHITECTURE, nodes.KEY, {})
    for path, file in recipe.files.items():
        yield path, File(file.content, file.mode)
    yield "/etc/resolv.conf", public("nameserver 192.0.2.53\n")  # as DHCP said


def _live_command(folder: Path) -> list[str]:
    packages = [name for name in live_image.PACKAGES if name not in _NOT_LIVE]
    components = f"--components={','.join(live_image.COMPONENTS)}"
    include = f"--include={','.join((*packages, 'zstd'))}"
    return [
        "mmdebstrap",
        "--variant=minbase",
        "--format=directory",
        components,
        include,
        *_LEAN,
        RELEASE,
        f"{folder}/{LIVE}",
    ]


def tarball_command(folder: Path) -> list[str]:
    """The manual's command, as it stands there."""
    found = re.search(r"^mmdebstrap (?:.*\\\n)*.*root\.tar\.zst$", MANUAL.read_text(), re.MULTILINE)
    assert found is not None
    *words, _ = shlex.split(found[0].replace("\\\n", ""))
    return [*words, f"{folder}/{nodes.TARBALL}"]


def _bootstrap(command: list[str]) -> None:
    """Run mmdebstrap. Whatever it makes, it makes anew."""
    target = Path(command[-1])
    if target.is_dir():
        shutil.rmtree(target)
    sources = "\n".join(
        f"deb {mirror} {suite} {' '.join(_components(command))}"
        for mirror, suite in (
            (nodes.FLEET.mirrors.debian, RELEASE),
            (nodes.FLEET.mirrors.debian, f"{RELEASE}-updates"),
            (nodes.FLEET.mirrors.security, f"{RELEASE}-security"),
        )
    )
    subprocess.run(
        [*command, "-"], input=sources, text=True, check=True, env=os.environ | {"TMPDIR": str(target.parent)}
    )


def _components(command: list[str]) -> list[str]:
    """Of the archive, as an option of the command names them."""
    named = [word.removeprefix("--components=") for word in command if word.startswith("--components=")]
    return named[0].split(",") if named else ["main"]


def _image(folder: Path) -> RootImage:
    with (folder / nodes.TARBALL).open("rb") as opened:
        return RootImage(url=nodes.IMAGE, sha256=hashlib.file_digest(opened, "sha256").hexdigest())


@contextlib.contextmanager
def _web(folder: Path) -> Iterator[None]:
    """The tarball, where a hardware profile would say that it is."""
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", nodes.IMAGE_PORT), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield
        server.shutdown()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


@contextlib.contextmanager
def _archive(folder: Path, outside: int) -> Iterator[None]:
    """The Debian archive's copy, from which all that is made here is made."""
    words = ("127.0.0.1", str(MIRROR_PORT), str(CACHE / "packages"), str(outside))
    with (folder / "mirror.log").open("wb") as log:
        started = subprocess.Popen(
            [sys.executable, "-m", "tests.cloud.archive", *words], stdout=log, stderr=log, pass_fds=[outside]
        )
        try:
            until("the archive's copy answers", _answers)
            yield
        finally:
            started.kill()
            started.wait()


def _answers() -> bool:
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(f"{nodes.MIRROR}/nothing", timeout=60):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]))
