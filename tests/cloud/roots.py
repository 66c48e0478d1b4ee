"""``python -m tests.cloud.roots``: the live image, the tarball that nodes are installed from, the Puppet server's root.

They lie in the user's cache folder, by the archive's state that they were made from and by how they were made: what
is there is taken as it is. The first time takes minutes.
"""

import contextlib
import fcntl
import functools
import hashlib
import inspect
import io
import json
import os
import shlex
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from reconciler.app.boot_image import agent_files
from reconciler.app.config import load_config
from reconciler.app.directory import PROVISIONING_KEY
from reconciler.app.site import Site
from reconciler.cli.app import run as reconciler
from reconciler.provisioning.boot import live_image

from ..debian import mirror
from . import archive, containers
from .places import CACHE, MIRROR_PORT, SERVER

LIVE, PUPPET, TEMPEST, SWIFT, ROUTED = "live", "puppet", "tempest", "swift", "routed"
"""Names of what is made: the live image; roots of the Puppet server, Tempest, Swift's nodes, nodes that only route.

Tarballs are named after roles.
"""

LAYERS = Path(__file__).parent / "layers"
"""Which packages the catalog of a role's node installs: ``test_layers`` writes it."""

ROLES = tuple(sorted(path.name for path in LAYERS.iterdir()))

KERNEL_PACKAGES = ("linux-image-cloud-amd64", "initramfs-tools", "mdadm", "grub2-common", "grub-pc-bin")
"""What the installer wants of a tarball, as docs/operating.md lists it, and no container boots."""

SYSTEM_PACKAGES = (
    # what it wants besides
    "systemd-sysv", "udev", "kmod", "ifupdown", "iproute2", "netbase", "openssh-server", "ca-certificates", "curl",
    "iputils-ping", "puppet", "openstack-cluster-installer-utils", "chrony", "lvm2", "xfsprogs", "adduser",
    "lsb-release",
    # what Debian's own installer brings and OCI's classes take for granted
    "dbus", "cron", "rsyslog", "logrotate", "gnupg", "sudo", "less", "procps", "psmisc", "lsof", "locales", "ssl-cert",
    "python3", "rsync", "bash-completion", "dmidecode", "iptables", "jq", "file", "debconf-utils",
)  # fmt: skip

PUPPET_PACKAGES = (
    "systemd-sysv", "dbus", "iproute2", "ca-certificates", "curl", "puppetserver", "puppet-module-oci",
    "puppet-module-puppetlabs-sshkeys-core", "puppet-module-puppetlabs-host-core",
    "puppet-module-puppetlabs-selinux-core", "puppet-module-debian-archvsync", "ruby-rexml",
)  # fmt: skip

TEMPEST_PACKAGES = ("tempest", "ca-certificates")

ROUTED_PACKAGES = (
    "systemd-sysv", "dbus", "ifupdown", "iproute2", "frr", "lldpd", "procps",
    "jq", "curl", "dmidecode", "traceroute",  # of the agent, and to look around
)  # fmt: skip

_LEAN = (
    "--dpkgopt=path-exclude=/usr/share/locale/*",
    "--dpkgopt=path-exclude=/usr/share/doc/*", "--dpkgopt=force-unsafe-io", '--aptopt=Apt::Install-Recommends "false"',
)  # fmt: skip

_SITE_CONFIG = "specs: {site}/specs\ndatabase: sqlite:///{site}/reconciler.db\nstate: {site}\nboot: {folder}/boot\n"
_SITE_SPECS = """\
apiVersion: reconciler/v1
kind: Fleet
metadata: {{name: cloud}}
spec:
  mirrors: {{debian: "{mirror}"}}
  provisioning: {{address: {server}, trusted_networks: [192.168.100.0/24], boot: {{packages: [zstd, xz-utils]}}}}
"""


def main() -> int:
    """Make what is missing, and return an exit status."""
    with newest() as folder:
        _make(folder)
    return 0


def swift_system() -> Path:
    """A root of what every node has, and of what the packages of Swift's roles depend on, made where it is missing.

    It boots in a container, and Puppet finds there what it finds in a node's tarball.
    """
    packages = sorted({name for role in ("swiftproxy", "swiftstore") for name in _role_packages(role)})
    recipe = (*SYSTEM_PACKAGES, *_LEAN, *_texts(_node_files()), *packages, _DEPENDENCIES)
    with newest() as folder:
        once(folder, SWIFT, recipe, functools.partial(_swift, packages=packages))
    return folder / SWIFT


@contextlib.contextmanager
def newest(lock: str = "lock") -> Iterator[Path]:
    """The folder of the archive's present state, for one process; those of the states before go afterwards.

    Args:
        lock: Its name. Whoever makes other things than those of this module need not wait for them.
    """
    folder = archive.folder()
    with (folder / lock).open("w") as opened:
        fcntl.flock(opened, fcntl.LOCK_EX)  # two would write one file
        yield folder
    for old in CACHE.glob(f"{archive.RELEASE}-*"):
        if old != folder:
            shutil.rmtree(old)


def _make(folder: Path) -> None:
    once(folder, LIVE, (_SITE_SPECS, inspect.getsource(live_image), *map(bytes.hex, agent_files().values())), _live)
    once(folder, PUPPET, (*PUPPET_PACKAGES, *_LEAN, _PLUGINS), _puppet)
    for role in ROLES:
        recipe = (
            *KERNEL_PACKAGES,
            *SYSTEM_PACKAGES,
            *_LEAN,
            *_texts(_node_files()),
            *_role_packages(role),
            _DEPENDENCIES,
        )
        once(folder, role, recipe, functools.partial(_node, role=role))
    once(folder, TEMPEST, (*TEMPEST_PACKAGES, *_LEAN), _tempest)


def once(folder: Path, name: str, recipe: Iterable[str], make: Callable[[Path], None]) -> None:
    """Have it made by ``make`` where it is not there whole, or was made by another recipe."""
    made = folder / f"{name}.json"
    wanted = hashlib.sha256("\0".join(recipe).encode()).hexdigest()
    if made.exists() and json.loads(made.read_text())["recipe"] == wanted:
        print(f"{folder / name}: is there", flush=True)
        return
    made.unlink(missing_ok=True)
    began = time.monotonic()
    print(f"{folder / name}: is made ...", flush=True)
    make(folder)
    took = round(time.monotonic() - began)
    made.write_text(json.dumps({"recipe": wanted, "seconds": took}) + "\n")
    print(f"{folder / name}: made in {took} s", flush=True)


def routed() -> Path:
    """The root of a node that boots, reports and routes, and has no OpenStack: made where it is not there."""
    with newest() as folder:
        once(folder, ROUTED, (*ROUTED_PACKAGES, *_LEAN), _routed)
    return folder / ROUTED


def _live(folder: Path) -> None:
    """By the command that operators use. Its SSH key is of a site that only makes images: see ``machine``."""
    site = folder / "site"
    shutil.rmtree(site, ignore_errors=True)
    (site / "specs").mkdir(parents=True)
    (site / "specs/fleet.yaml").write_text(_SITE_SPECS.format(mirror=mirror(), server=SERVER))
    (site / "reconciler.yaml").write_text(_SITE_CONFIG.format(site=site, folder=folder))
    with contextlib.closing(Site(load_config(site / "reconciler.yaml", {}, {}))) as made:
        made.certificates.mint((PROVISIONING_KEY,))
    if status := reconciler(["--config", str(site / "reconciler.yaml"), "boot-image", "build", "--compression", "lz4"]):
        raise RuntimeError(f"the live image was not built: status {status}")
    (built,) = folder.glob("boot/tftp/live/*/filesystem.squashfs")
    built.replace(folder / f"{LIVE}.squashfs")
    shutil.rmtree(folder / "boot")


def _node(folder: Path, role: str) -> None:
    target = tarball(folder, role)
    new = folder / f"new-{target.name}"
    with _hooks(folder, role, _role_packages(role)) as hooks:
        plugins = (f"tar-in {folder}/plugins.tar /", 'rm -f "$1"/etc/ssh/ssh_host_*')
        bootstrap(folder, (*KERNEL_PACKAGES, *SYSTEM_PACKAGES), new, (*hooks, *plugins))
    new.replace(target)


def _swift(folder: Path, packages: Iterable[str]) -> None:
    shutil.rmtree(folder / SWIFT, ignore_errors=True)
    with _hooks(folder, SWIFT, packages) as hooks:
        bootstrap(folder, SYSTEM_PACKAGES, folder / SWIFT, hooks)


@contextlib.contextmanager
def _hooks(folder: Path, name: str, packages: Iterable[str]) -> Iterator[tuple[str, ...]]:
    """What is done in a node's root once its own packages are there."""
    files = folder / f"{name}-files.tar"
    _pack(files, _node_files())
    dependencies = f'chroot "$1" sh -ec {shlex.quote(_DEPENDENCIES)} sh {" ".join(packages)}'
    yield dependencies, f"tar-in {files} /"
    files.unlink()


_DEPENDENCIES = """\
for package in $(apt-get --simulate --no-install-recommends install "$@" | sed -n 's/^Inst \\([^ ]*\\).*/\\1/p'); do
    case " $* " in
        *" $package "*) ;;
        *) set -- "$@" + "$package" ;;
    esac
done
while [ "$1" != + ]; do shift; done
DEBIAN_FRONTEND=noninteractive apt-get --yes --no-install-recommends install $(printf '%s\\n' "$@" | grep -vFx +)
"""
"""Installs what packages depend on, and none of them: Puppet finds it unpacked, and still installs them as ever."""


def _role_packages(role: str) -> list[str]:
    """What the role's Puppet classes install, as its catalog lists it."""
    return (LAYERS / role).read_text().split()


def _puppet(folder: Path) -> None:
    root = folder / PUPPET
    shutil.rmtree(root, ignore_errors=True)
    bootstrap(folder, PUPPET_PACKAGES, root, ())
    with (folder / "plugins.tar").open("wb") as packed:
        subprocess.run(["chroot", root, "sh", "-ec", _PLUGINS], stdout=packed, check=True)


def _tempest(folder: Path) -> None:
    shutil.rmtree(folder / TEMPEST, ignore_errors=True)
    bootstrap(folder, TEMPEST_PACKAGES, folder / TEMPEST, ())


def _routed(folder: Path) -> None:
    shutil.rmtree(folder / ROUTED, ignore_errors=True)
    bootstrap(folder, ROUTED_PACKAGES, folder / ROUTED, ())


_PLUGINS = """\
for lib in /usr/share/puppet/modules/*/lib; do
    mkdir -p /tmp/plugins/var/cache/puppet/lib
    cp -r "$lib/." /tmp/plugins/var/cache/puppet/lib
done
tar -C /tmp/plugins -cf - ./var/cache/puppet/lib
rm -r /tmp/plugins
"""
"""What nodes fetch from the Puppet server before their first run: a thousand files, one by one, took four minutes."""


def bootstrap(folder: Path, packages: Iterable[str], target: Path, hooks: Iterable[str]) -> None:
    """Make a tarball or the folder of a root with these packages. ``folder``: for files that are there meanwhile."""
    command = [
        "unshare", "--mount",  # a build that is killed leaves nothing mounted
        "mmdebstrap", "--variant=minbase", "--mode=root", f"--include={','.join(packages)}", *_LEAN,
        *(f"--customize-hook={hook}" for hook in hooks), archive.RELEASE, str(target),
        f"deb {mirror()} {archive.RELEASE} main", f"deb {mirror()} {archive.RELEASE}-updates main",
        f"deb {archive.security_mirror()} {archive.RELEASE}-security main",
    ]  # fmt: skip
    if target.suffix != ".zst":
        command.insert(3, "--format=directory")
    subprocess.run(command, check=True, env=os.environ | {"TMPDIR": str(folder)})


def _node_files() -> containers.Files:
    return containers.node_files() | _sources()


def _texts(files: containers.Files) -> Iterator[str]:
    for path, (text, mode) in sorted(files.items()):
        yield f"{path} {mode:o} {text}"


def _sources() -> containers.Files:
    """Nodes reach no mirror but the cloud's own, until Puppet writes what the fleet's repositories say."""
    here = f"http://{SERVER}:{MIRROR_PORT}"
    lines = [f"deb {here}/debian {archive.RELEASE} main", f"deb {here}/debian {archive.RELEASE}-updates main"]
    lines.append(f"deb {here}/debian-security {archive.RELEASE}-security main")
    return {"/etc/apt/sources.list": ("\n".join([*lines, ""]), 0o644)}


def _pack(target: Path, files: containers.Files) -> None:
    """A tarball of root's files: text and mode by absolute path."""
    with tarfile.open(target, "w") as archived:
        for path, (text, mode) in sorted(files.items()):
            entry = tarfile.TarInfo(path.lstrip("/"))
            entry.size, entry.mode = len(text.encode()), mode
            archived.addfile(entry, io.BytesIO(text.encode()))


def tarball(folder: Path, role: str) -> Path:
    """That nodes of the role are installed from."""
    return folder / f"{role}.tar.zst"


def sha256(folder: Path, role: str) -> str:
    """Of the role's tarball."""
    with tarball(folder, role).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


if __name__ == "__main__":
    sys.exit(main())
