"""The Puppet modules of Debian 13, fetched by APT and unpacked below the user's cache; nothing is installed.

APT works with a state of its own, so neither root nor a change of the machine's sources is needed: the packages come
from the mirror that the machine's own sources name. 3.5 MB once.
"""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from reconciler.model.debian import module_for
from reconciler.specs.puppet_module import known_signatures

from ..debian import Apt, once, own_release

RELEASE = "trixie"
VERSION = module_for(RELEASE, tuple(known_signatures()))
"""Of puppet-module-oci in that release."""

WANTED = (
    f"puppet-module-oci={VERSION}",
    "puppet-module-puppetlabs-sshkeys-core",
    "puppet-module-puppetlabs-host-core",
    "puppet-module-puppetlabs-selinux-core",
    "puppet-module-debian-archvsync",
)
"""The module, and what it uses without depending on it."""

FOR_RUBY = ("ruby-puppet-resource-api", "ruby-hocon")
"""What the firewall module needs besides, of the release that this machine runs: its Ruby loads them."""


class Modules:
    """The modules, unpacked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "modules"
        self._root = folder / "root"

    @property
    def ruby(self) -> str:
        """Where Ruby finds what modules need: a value for ``RUBYLIB``."""
        gems = sorted(self._root.glob("usr/share/rubygems-integration/all/gems/*/lib"))
        return ":".join(map(str, [self._root / "usr/lib/ruby/vendor_ruby", *gems]))


def puppet_modules() -> Modules:
    """The modules of Debian 13, unpacked by the first process that asks.

    Raises:
        LookupError: They cannot be fetched.
    """
    return Modules(once(f"puppet-{RELEASE}-{VERSION}", lambda folder: _unpack(_fetch(folder), folder)))


def _fetch(folder: Path) -> list[Path]:
    """The packages that a machine with no module would install, as files."""
    apt = Apt(folder, RELEASE)
    apt.get("update")
    planned = apt.get("--simulate", "--no-install-recommends", f"--target-release={RELEASE}", "install", *WANTED)
    names = re.findall(r"^Inst (puppet-module-\S+) \((\S+)", planned, re.MULTILINE)
    wanted = [*(f"{name}={version}" for name, version in names), *(f"{name}/{own_release()}" for name in FOR_RUBY)]
    return apt.download(wanted)


def _unpack(packages: list[Path], folder: Path) -> None:
    """Unpack all, and link the modules as their packages' alternatives would."""
    root, modules = folder / "root", folder / "modules"
    for made in (root, modules):
        made.mkdir(exist_ok=True)
    for package in packages:
        subprocess.run(["dpkg", "--extract", package, root], check=True)
        for name, target in _alternatives(package):
            link = modules / name
            link.unlink(missing_ok=True)
            link.symlink_to(root / target)
            assert link.is_dir(), f"{package.name} has no {target}"


def _alternatives(package: Path) -> Iterator[tuple[str, str]]:
    """A module's name, and its folder in the package."""
    shown = subprocess.run(["dpkg-deb", "--info", package, "postinst"], capture_output=True, text=True, check=False)
    script = shown.stdout.replace("\\\n", " ")
    for link, target in re.findall(r"update-alternatives --install +(\S+) +\S+ +/(\S+)", script):
        yield Path(link).name, target
