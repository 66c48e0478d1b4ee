"""What an installer leaves on a node for its network, made by the installer's own code.

Two installers, as a hardware profile chooses: ours, and Debian's ``build-openstack-debian-image``, of whose script the
part that writes these files is run as it is. Nothing else writes them: no Puppet class of OCI's configures FRR.
"""

import os
import re
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from reconciler.model.actions import InstallOs
from reconciler.model.hardware import Hardware
from reconciler.provisioning import commands
from reconciler.provisioning.interfaces import static_ifaces
from reconciler.provisioning.root_image import SCRIPT_FILE, image_files

from ..debian import Apt, once
from .archive import RELEASE

_PACKAGE = "openstack-debian-images"
_PART = re.compile(r'^# Setup networking\n.*?^if \[ "\$\{HAS_BGP_TO_THE_HOST\}".*?^fi\n', re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Target:
    """Where an installer writes."""

    enter: tuple[str, ...]  # what to put before a command that sees the root
    root: Path  # of the node, with Debian's packages unpacked
    folder: Path  # for what is uploaded

    def run(self, script: str, **given: str) -> None:
        """Run a script of the installer's.

        Args:
            script: Its text.
            given: Variables that it wants.
        """
        subprocess.run([*self.enter, "sh", "-ec", script], env=os.environ | given, check=True)


def image_installer(action: InstallOs, hardware: Hardware, target: Target) -> None:
    """Ours: its files are uploaded, and its script brings them into place."""
    for path, file in image_files(action, hardware, {}).items():
        place = target.folder / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(file.content)
        place.chmod(file.mode)
    functions = (target.folder / SCRIPT_FILE.lstrip("/")).read_text().removesuffix("\nmain\n")
    moved = f"FILES={target.folder}{commands.TARGET}\nROOT={target.root}\n"
    target.run(f"{functions}\n{moved}add_files")


def debian_installer(action: InstallOs, _: Hardware, target: Target) -> None:
    """Debian's, with the arguments that the project gives it."""
    words = " ".join(static_ifaces(action.interfaces))
    target.run(_network_part(), MOUNT_DIR=str(target.root), STATIC_ETH=words, RELEASE=action.release)


INSTALLERS: Mapping[str, Callable[[InstallOs, Hardware, Target], None]] = {
    "image": image_installer,
    "debian": debian_installer,
}
"""By the name that a profile's ``installer`` has for it."""


def _network_part() -> str:
    """Of Debian's script, what writes ``/etc/network/interfaces`` and FRR's files.

    Raises:
        LookupError: The script is not the one that this was written for, or cannot be fetched.
    """
    package = once(f"{_PACKAGE}-{RELEASE}", _unpack)
    found = _PART.search((package / "root/usr/sbin/build-openstack-debian-image").read_text())
    if found is None:
        raise LookupError(f"the script of {_PACKAGE} sets up the network elsewhere")
    return found[0]


def _unpack(folder: Path) -> None:
    """The package of the release that nodes run."""
    apt = Apt(folder, RELEASE)
    apt.get("update")
    (package,) = apt.download([f"{_PACKAGE}/{RELEASE}"])
    subprocess.run(["dpkg", "--extract", package, folder / "root"], check=True)
