"""What an installer leaves on a node for its network, made by the installer's own code.

Two installers, as a hardware profile chooses: ours, and Debian's ``build-openstack-debian-image``, of whose script the
part that writes these files is run as it is. Nothing else writes them: no Puppet class of OCI's knows FRR.
"""

import fcntl
import os
import re
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from reconciler.model.actions import InstallOs
from reconciler.model.hardware import Hardware
from reconciler.provisioning import commands
from reconciler.provisioning.interfaces import static_ifaces
from reconciler.provisioning.root_image import SCRIPT_FILE, image_files

from ..debian import Apt
from ..lab.lab import run
from .archive import RELEASE
from .places import CACHE

_PACKAGE = "openstack-debian-images"
_PART = re.compile(r'^# Setup networking\n.*?^if \[ "\$\{HAS_BGP_TO_THE_HOST\}".*?^fi\n', re.MULTILINE | re.DOTALL)


def lay_out_packages(root: Path) -> None:
    """What Debian's packages frr and ifupdown bring, below a root."""
    for name in ("interfaces.d", "if-pre-up.d", "if-up.d", "if-down.d", "if-post-down.d"):
        (root / "etc/network" / name).mkdir(parents=True)
    run("cp", "--archive", "/etc/frr", str(root / "etc/frr"))  # with its owners


def image_installer(action: InstallOs, hardware: Hardware, root: Path) -> None:
    """Ours: its files, uploaded below ``root`` and brought into place by its script."""
    uploaded = root / "uploaded"
    for path, file in image_files(action, hardware, {}).items():
        place = uploaded / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(file.content)
        place.chmod(file.mode)
    functions = (uploaded / SCRIPT_FILE.lstrip("/")).read_text().removesuffix("\nmain\n")
    moved = f"FILES={uploaded}{commands.TARGET}\nROOT={root}\n"
    subprocess.run(["sh", "-ec", f"{functions}\n{moved}add_files"], check=True)


def debian_installer(action: InstallOs, hardware: Hardware, root: Path) -> None:
    """Debian's, with the arguments that the project gives it."""
    words = " ".join(static_ifaces(action.interfaces))
    given = {"MOUNT_DIR": str(root), "STATIC_ETH": words, "RELEASE": action.release}
    subprocess.run(["sh", "-ec", _network_part()], env=os.environ | given, check=True)


INSTALLERS: Mapping[str, Callable[[InstallOs, Hardware, Path], None]] = {
    "image": image_installer,
    "debian": debian_installer,
}
"""By the name that a profile's ``installer`` has for it."""


def _network_part() -> str:
    """Of Debian's script, what writes ``/etc/network/interfaces`` and FRR's files.

    Raises:
        LookupError: The script is not the one that this was written for, or cannot be fetched.
    """
    found = _PART.search((_unpacked() / "usr/sbin/build-openstack-debian-image").read_text())
    if found is None:
        raise LookupError(f"the script of {_PACKAGE} sets up the network elsewhere")
    return found[0]


def _unpacked() -> Path:
    """The package of the release that nodes run, fetched by the first process that asks."""
    folder = CACHE.parent / f"{_PACKAGE}-{RELEASE}"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            apt = Apt(folder, RELEASE)
            apt.get("update")
            apt.get("download", f"{_PACKAGE}/{RELEASE}", folder=folder)
            (package,) = folder.glob("*.deb")
            subprocess.run(["dpkg", "--extract", package, folder / "root"], check=True)
            (folder / "complete").touch()
    return folder / "root"
