"""The live image: what it is made of, the command that makes it, and whether one that lies there is still right.

mmdebstrap writes a tarball, which sqfstar turns into the squashfs that live-boot fetches; kernel and initrd are taken
out on the way. What is ours in it is one small tarball, unpacked over Debian's files.
"""

import hashlib
import json
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from types import MappingProxyType

from ...model.kinds import FleetSpec, RepositorySpec
from ...model.repositories import in_live, sources_of
from .. import commands
from . import scripts

MANIFEST = "manifest.json"
"""Beside the image: what it was made of."""

GROWS_OLD = timedelta(days=30)
"""After this its packages, the kernel first, lack too many security updates."""

SOURCES, PREFERENCES = "/etc/apt/sources.list.d", "/etc/apt/preferences.d"

COMPONENTS = ("main", "contrib", "non-free-firmware")

PACKAGES = (
    # a system that boots over the network
    "systemd-sysv", "udev", "dbus", "kmod", "initramfs-tools", "live-boot", "live-boot-initramfs-tools", "busybox",
    "zstd", "openssh-server", "lldpd",
    # to look around with
    "iproute2", "iputils-ping", "ethtool", "pciutils", "tcpdump", "netcat-traditional", "curl", "wget",
    "ca-certificates", "less", "procps", "tmux", "vim-tiny", "bind9-host",
    # what the agents ask
    "dmidecode", "lshw", "lsscsi", "ipmitool", "smartmontools", "mokutil", "nvme-cli", "jq", "nmap",
    "libxml-xpath-perl", "openstack-cluster-installer-agent",
    # what installs
    "debootstrap", "parted", "gdisk", "kpartx", "mdadm", "lvm2", "e2fsprogs", "xfsprogs", "dosfstools", "efibootmgr",
    "rsync", "openstack-debian-images", "openstack-pkg-tools",
    # what network cards load before they carry anything
    "firmware-bnx2", "firmware-bnx2x", "firmware-qlogic", "firmware-linux-free",
)  # fmt: skip

SERVICES = ("systemd-networkd", "ssh", "lldpd", "reconciler-host-keys")
STOCK_SERVICES = ("openstack-cluster-installer-agent",)
"""Turned off where our own agent reports: two would take turns in telling half of it."""

MASKED = (
    "apt-daily.timer", "apt-daily-upgrade.timer",  # would hold dpkg's lock while somebody installs a tool
    "e2scrub_all.timer", "e2scrub_reap.service", "nvmf-autoconnect.service",  # nothing of theirs is here
)  # fmt: skip

_NETWORK = """\
# Whoever answers, on whichever port: the firmware's, the initrd's and this lease are one.
[Match]
Type=ether
Kind=!*
[Network]
DHCP=ipv4
LLDP=no
[DHCPv4]
ClientIdentifier=mac
"""
_ONLINE = """\
# One port with an address is enough: most have no cable.
[Service]
ExecStart=
ExecStart=/usr/lib/systemd/systemd-networkd-wait-online --any --timeout=60
"""
_HOST_KEYS = """\
[Unit]
Description=SSH host keys of this boot
Before=ssh.service
ConditionPathExists=!/etc/ssh/ssh_host_ed25519_key
[Service]
Type=oneshot
ExecStart=/usr/bin/ssh-keygen -A
[Install]
WantedBy=multi-user.target
"""
_CONSOLE = """\
# Who has the console has the machine; there is nothing secret in the live system.
[Service]
ExecStart=
ExecStart=-/sbin/agetty --autologin root --keep-baud 115200,57600,38400,9600 - $TERM
"""


@dataclass(frozen=True, slots=True)
class ImageFile:
    """A file of ours in the image."""

    content: bytes
    mode: int = 0o644


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a live image is made of."""

    suite: str
    architecture: str
    mirror: str
    packages: tuple[str, ...]
    services: tuple[str, ...]
    disabled: tuple[str, ...]
    files: Mapping[str, ImageFile] = field(repr=False)  # by absolute path
    sources: Mapping[str, str] = field(default_factory=dict)  # name of a .sources file -> text
    pinning: Mapping[str, str] = field(default_factory=dict)  # name of a file of preferences -> text

    @property
    def digests(self) -> dict[str, str]:
        """SHA-256 of each file of ours, in hex; of repositories by where apt has them."""
        content = {path: placed.content for path, placed in self.files.items()}
        content |= {f"{SOURCES}/{name}": text.encode() for name, text in self.sources.items()}
        content |= {f"{PREFERENCES}/{name}": text.encode() for name, text in self.pinning.items()}
        return {path: hashlib.sha256(content[path]).hexdigest() for path in sorted(content)}

    @property
    def beside(self) -> dict[str, str]:
        """Texts that mmdebstrap reads from the folder that it works in, by name."""
        return {**self.sources, **self.pinning}


def recipe(
    fleet: FleetSpec,
    architecture: str,
    authorized_key: str,
    agent: Mapping[str, bytes],
    repositories: Mapping[str, RepositorySpec] = MappingProxyType({}),
) -> Recipe:
    """The fleet's live image.

    Args:
        fleet: For its release, mirror, and the server's address.
        architecture: Debian's name.
        authorized_key: Ours, as a line of an authorized_keys file. Operators' are the fleet's.
        agent: Our agent's files by name: programs, and the units that start them. None: the stock agent reports.
        repositories: All of the fleet's; those for the live image are used beside its mirror.

    Raises:
        ValueError: We could not log in.
    """
    if not authorized_key.strip():
        raise ValueError("no SSH key is given, so we could not log in to the live system")
    keys = (authorized_key.strip(), *fleet.provisioning.boot.authorized_keys)
    files = {
        commands.SERVER_FILE: ImageFile(f"{fleet.provisioning.address}\n".encode()),
        commands.ROOT_KEYS_FILE: ImageFile("\n".join((*keys, "")).encode(), 0o600),
        "/etc/resolv.conf": ImageFile(
            b"# live-boot(7) fills it with what DHCP says, as long as there is nothing in it\n"
        ),
        "/etc/hostname": ImageFile(b"live\n"),
        "/etc/systemd/network/10-all.network": ImageFile(_NETWORK.encode()),
        "/etc/systemd/system/reconciler-host-keys.service": ImageFile(_HOST_KEYS.encode()),
        "/etc/systemd/system/systemd-networkd-wait-online.service.d/any.conf": ImageFile(_ONLINE.encode()),
        "/etc/systemd/system/serial-getty@.service.d/autologin.conf": ImageFile(_CONSOLE.encode()),
        "/etc/systemd/system/getty@.service.d/autologin.conf": ImageFile(_CONSOLE.encode()),
    }
    units = sorted(name for name in agent if name.endswith(".service"))
    for name, content in agent.items():
        if name in units:
            files[f"/etc/systemd/system/{name}"] = ImageFile(content)
        else:
            files[f"/usr/bin/{name}"] = ImageFile(content, 0o755)
    extra = dict(in_live(repositories, fleet, architecture))
    sources = {f"{name}.sources": sources_of(r, fleet) for name, r in extra.items()}
    return Recipe(
        suite=fleet.release.debian,
        architecture=architecture,
        mirror=fleet.mirrors.debian,
        packages=(f"linux-image-{architecture}", *PACKAGES, *fleet.provisioning.boot.packages),
        services=(*SERVICES, *(name.removesuffix(".service") for name in units)),
        disabled=STOCK_SERVICES if units else (),
        files=files,
        sources={name: text for name, text in sources.items() if text is not None},
        pinning={f"{name}.pref": r.pinning for name, r in extra.items() if r.pinning is not None},
    )


def command(made: Recipe, overlay: str, folder: str) -> list[str]:
    """The command line of mmdebstrap. The tarball goes to its standard output, kernel and initrd into ``folder``.

    Args:
        made: What to make.
        overlay: Path of the tarball with our files.
        folder: Where the texts ``beside`` lie; what does not belong into the squashfs is left there, with
            ``PACKAGE_LIST``.
    """
    pinned = [f"upload {shlex.quote(f'{folder}/{name}')} {PREFERENCES}/{name}" for name in sorted(made.pinning)]
    hooks = [
        f"tar-in {shlex.quote(overlay)} /",
        f'chroot "$1" systemctl --quiet enable {" ".join(made.services)}',
        f'chroot "$1" systemctl --quiet mask {" ".join(MASKED)}',
        *([f'chroot "$1" systemctl --quiet disable {" ".join(made.disabled)}'] if made.disabled else ()),
        'rm -f "$1"/etc/ssh/ssh_host_*',
        f"chroot \"$1\" sh -c 'dpkg-query --show > /{PACKAGE_LIST}'",
        f"download /{PACKAGE_LIST} {shlex.quote(f'{folder}/{PACKAGE_LIST}')}",
        f"download /vmlinuz {shlex.quote(f'{folder}/{scripts.KERNEL}')}",
        f"download /initrd.img {shlex.quote(f'{folder}/{scripts.INITRD}')}",
        f'rm -f "$1"/{PACKAGE_LIST} "$1"/boot/vmlinuz-* "$1"/boot/initrd.img-*',
    ]
    return [
        "mmdebstrap",
        "--variant=minbase",
        "--format=tar",
        f"--architectures={made.architecture}",
        f"--components={','.join(COMPONENTS)}",
        f"--include={','.join(made.packages)}",
        "--dpkgopt=path-exclude=/usr/share/man/*",
        "--dpkgopt=path-exclude=/usr/share/locale/*",
        "--dpkgopt=path-exclude=/usr/share/doc/*",
        "--dpkgopt=path-include=/usr/share/doc/*/copyright",
        '--aptopt=Acquire::Languages "none"',
        *(f"--setup-hook={hook}" for hook in pinned),  # before anything is chosen to be installed
        *(f"--customize-hook={hook}" for hook in hooks),
        made.suite,
        "-",
        made.mirror,
        *(f"{folder}/{name}" for name in sorted(made.sources)),
    ]


PACKAGE_LIST = "packages.txt"
"""What dpkg-query --show printed: a package and its version per line."""


def squash_command(path: str, compression: str) -> list[str]:
    """Reads the tarball from its standard input."""
    return ["sqfstar", "-comp", compression, "-no-progress", "-quiet", path]


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an image was made of; the text of ``MANIFEST``."""

    suite: str
    architecture: str
    mirror: str
    packages: tuple[str, ...]  # that were asked for
    files: Mapping[str, str]  # of ours: path -> SHA-256
    steps: str  # SHA-256 of the command that built it, with the paths left out
    built_at: str  # UTC, RFC 3339
    installed: Mapping[str, str]  # all packages -> versions
    image: Mapping[str, str]  # kernel, initrd, squashfs -> SHA-256

    def render(self) -> str:
        """The text of the file."""
        return json.dumps(asdict(self), indent=1, sort_keys=True) + "\n"


def manifest(made: Recipe, package_list: str, image: Mapping[str, str], now: datetime) -> Manifest:
    """Of an image that was just made."""
    installed = dict(line.split("\t", 1) for line in package_list.splitlines() if "\t" in line)
    return Manifest(
        made.suite,
        made.architecture,
        made.mirror,
        made.packages,
        made.digests,
        _steps(made),
        now.isoformat(timespec="seconds"),
        installed,
        image,
    )


def _steps(made: Recipe) -> str:
    """Of the command without what the manifest says in words."""
    bare = replace(made, suite="", architecture="", mirror="", packages=(), sources={}, pinning={})
    return hashlib.sha256("\0".join(command(bare, "", "")).encode()).hexdigest()


def parse_manifest(text: str) -> Manifest:
    """The manifest that ``render`` wrote.

    Raises:
        ValueError: It is not one.
    """
    try:
        raw = json.loads(text)
        found = Manifest(**raw | {"packages": tuple(raw["packages"])})
        datetime.fromisoformat(found.built_at)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{MANIFEST} is not readable: {error}") from error
    return found


def differences(made: Manifest, wanted: Recipe, image: Mapping[str, str], now: datetime) -> list[str]:
    """Why an image should be built anew, one sentence each; none: it is current.

    Args:
        made: What it was made of.
        wanted: What it would be made of now.
        image: SHA-256 of its files as they are on disk now.
        now: To tell its age.
    """
    return [*_broken(made, image), *_other(made, wanted), *_old(made, now)]


def _broken(made: Manifest, image: Mapping[str, str]) -> Iterator[str]:
    for name, digest in sorted(made.image.items()):
        if name not in image:
            yield f"{name} is gone: no machine can boot it"
        elif image[name] != digest:
            yield f"{name} is not the file that was built: it was changed or cut since"


def _other(made: Manifest, wanted: Recipe) -> Iterator[str]:
    """The differences between an image and what it should be made of, as sentences; none: it may be used as it is."""
    if made.suite != wanted.suite:
        yield f"it is Debian {made.suite}, and the fleet's release is {wanted.suite}"
    if made.architecture != wanted.architecture:
        yield f"it is for {made.architecture}, not {wanted.architecture}"
    if missing := sorted(set(wanted.packages) - set(made.packages)):
        yield f"it was built without {_listed(missing)}"
    if more := sorted(set(made.packages) - set(wanted.packages)):
        yield f"it was built with {_listed(more)}, which nobody asks for any more"
    if made.steps != _steps(wanted):
        yield "it was built in another way than this reconciler does it"
    digests = wanted.digests
    for path in sorted(digests.keys() | made.files.keys()):
        if made.files.get(path) != digests.get(path):
            yield f"{path} {_change(path in made.files, path in digests)}{_MEANING.get(path, '')}"


_MEANING = {
    commands.SERVER_FILE: ": machines would report to another address",
    commands.ROOT_KEYS_FILE: ": we could not log in with the key that we have now",
    "/usr/bin/reconciler-agent": ": machines would report with another agent than this reconciler's",
}
"""What it means for operators when one of our files is another."""


def _change(was: bool, is_wanted: bool) -> str:
    if was and is_wanted:
        return "is another now"
    return "is not in it" if is_wanted else "is in it, and does not belong there any more"


def _old(made: Manifest, now: datetime) -> Iterator[str]:
    age = now - datetime.fromisoformat(made.built_at)
    if age > GROWS_OLD:
        kernel = next((f"{n} {v}" for n, v in made.installed.items() if n.startswith("linux-image-")), "its kernel")
        yield f"it is {age.days} days old: {kernel} and the rest lack the security updates since"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)
