"""Differences between the roots of the two installers that are as they should be, and why."""

import json
import re
from collections.abc import Mapping
from typing import Any

from .compare import Right

_NOT_ON_EVERY_NODE = (
    "amd64-microcode", "intel-microcode", "frr", "frr-pythontools", "libcares2", "liblua5.3-0", "libyang3",
    "grub-efi-amd64-bin", "grub-efi-amd64-signed", "grub-efi-amd64-unsigned", "shim-helpers-amd64-signed",
    "shim-signed", "shim-signed-common", "shim-unsigned", "ifenslave", "vlan", "openvswitch-switch",
)  # fmt: skip

PACKAGES: Mapping[str, str] = {
    "grub-pc": "for BIOS only: with it the tarball could not serve UEFI",
    **dict.fromkeys(_NOT_ON_EVERY_NODE, "one tarball serves every node, whatever its firmware, network and processor"),
    "dbus-user-session": "recommended by libpam-systemd, which comes before recommendations are turned off",
    "lsb-base": "empty, of an older Debian, and recommended in the same way",
}
"""Why one side has a package, or another version."""


def _settings(text: str) -> list[str]:
    """Lines that say something, without what describes a unit to people."""
    return [line for line in text.splitlines() if line.strip() and not line.startswith(("#", "Description="))]


def _file_name(path: str) -> str:
    return path.rpartition("/")[2]


def _binary(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("deb ")]


def _fields(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines() if line.startswith("UUID=")]


def _without_uuids(text: str) -> list[list[str]]:
    return [[re.sub("UUID=.*", "UUID", word) for word in line] for line in _fields(text)]


def _record(text: str) -> dict[str, Any]:
    """An install's record, without what no two have in common. On each disk that it wrote there are UUIDs."""
    said: dict[str, Any] = json.loads(text)
    assert said.pop("id") and said.pop("ended") and all(disk.pop("uuids") for disk in said["written"])
    return said


def _addresses(text: str) -> set[str]:
    """What reaches others: addresses without prefixes, which one tells as a netmask, gateways, ports of bridges."""
    words = (line.split() for line in text.splitlines())
    told = {(word[0], word[1].partition("/")[0]) for word in words if len(word) > 1 and word[0] in _TELLS}
    return {f"{word} {value}" for word, value in told}


def _names(text: str) -> list[str]:
    """Users or groups, with whatever else is told of them; those of FRR are on every node from a tarball."""
    lines = (re.sub(r":\d+", ":", line) for line in text.splitlines())
    return sorted(line for line in lines if not line.startswith("frr"))


_TELLS = ("address", "gateway", "ovs_type", "ovs_ports", "ovs_bridge", "bond-slaves")


def _menu(text: str) -> list[str]:
    """GRUB's entries, and what it does with the console; not which disk it finds them on, nor the kernel's words."""
    lines = [line.strip() for line in text.splitlines()]
    return [re.sub("gnulinux-.*|[0-9a-f]{8}-[0-9a-f-]+", "", line) for line in lines if line.startswith(_SHOWS)]


_SHOWS = ("menuentry ", "submenu ", "terminal_", "set timeout")


FILES: tuple[Right, ...] = (
    # what no two installs have in common
    Right(r"etc/ssh/ssh_host_(ecdsa|ed25519)_key(\.pub)?", "drawn at each install; OCI's hook hides public keys"),
    Right(r"etc/ssh/ssh_host_rsa_key\.pub", "OCI's hook hides public keys: whoever connects is told them"),
    Right(r"etc/reconciler/install\.json", "each install has its id, its end and its UUIDs", _record),
    Right(r"etc/fstab", "each file system has its UUID", _without_uuids),
    Right(r"boot/initrd\.img-.*", "dates; it finds any root by what the kernel is told"),
    Right(r"var/(log|cache|backups)/.*", "what happened, and what can be made again"),
    Right(r"var/lib/(apt|dpkg|ucf)/.*", "what happened; packages are compared by name and version"),
    Right(r"etc/(group|gshadow|passwd|shadow|subuid|subgid)-", "as it was one user before"),
    Right(r"(dev|run)/.*", "in memory, once it boots"),
    Right(r"etc/machine-id|var/lib/dbus/machine-id", "drawn by Debian's installer, and by the first boot of ours"),
    Right(r"etc/ld\.so\.cache|etc/mdadm/mdadm\.conf", "made of what is there, with a date"),
    Right(r"(etc/group|etc/gshadow|etc/passwd|etc/shadow|etc/sub[gu]id)", "numbers by the order of packages", _names),
    # the disk, GRUB and the console
    Right(
        r"boot/grub/grub\.cfg", "another partition; the kernel's words are in the tests of the image installer", _menu
    ),
    Right(r"boot/grub/i386-pc/(core|load)\.(img|cfg)", "it finds the menu in another partition"),
    Right(r"boot/grub/(unicode\.pf2|device\.map|grubenv)", "for a menu with graphics; of an old GRUB"),
    Right(r"boot/(efi|extlinux)", "for UEFI; for a loader that nobody has chosen"),
    Right(r"etc/default/grub(\.d/reconciler\.cfg)?", "grub-pc asks and writes the one file, we write the other"),
    Right(
        r"etc/systemd/system/(serial-)?getty.*", "whole units and links in place of settings: root is logged in by both"
    ),
    Right(r"etc/systemd/system/(emergency|rescue)\.service\.d/console\.conf", "a remark", _settings),
    Right(r"etc/systemd/system/epmd\.socket", "an empty line", _settings),
    Right(r"etc/udev/rules\.d/60-deadline.*", "a scheduler that no kernel has since 5.0"),
    # what is there before Puppet's first run, or made by it
    Right(
        r"etc/systemd/system/oci-first-boot\.service\.d(/package-lists\.conf)?", "a tarball has no lists of packages"
    ),
    Right(r"(etc/ca-certificates\.conf|usr/share/ca-certificates/oci(/.*)?)", "Debian's: by Puppet's first run"),
    Right(r"etc/ssl/certs/(OCI_.*|ca-certificates\.crt|[0-9a-f]{8}\.\d)", "what follows from that"),
    Right(r"etc/ssl/certs/oci-pki-(api|swiftproxy)\.(csr|key|pem)", "OCI's hook copies all; nobody reads them there"),
    # the network, by other words
    Right(r"etc/network/interfaces", "a text of each", _addresses),
    Right(
        r"etc/frr/frr\.conf", "a text of each: the fabric of tests/cloud sees nodes speak BGP by both", lambda text: ""
    ),
    Right(r"etc/apt/sources\.list", "sources of sources, which no node needs", _binary),
    Right(r"etc/ssh/sshd_config", "OCI's hook names public keys as certificates; ours stands in a file of its own"),
    # for people, as OCI's authors like it
    Right(
        r"root/\.(bashrc|screenrc)|etc/joe/joerc|etc/serial_?number",
        "root's shell, and the number that its prompt shows",
    ),
    Right(r"etc/apt/apt\.conf\.d/99(progressbar|mmdebstrap)", "a progress bar; what mmdebstrap was told"),
    Right(r"etc/alternatives/editor.*|var/lib/misc/editorrc", "the editor"),
    Right(r"etc/(default/console-setup|console-setup/cached_.*)", "letters on the console: latin ones, or all"),
    Right(r"etc/default/mdadm", "whether mdadm is talkative"),
    # packages that one side has
    Right(r"etc/systemd/system/timers\.target\.wants/apt-daily.*", "a folder by its two names", _file_name),
    Right(r"etc/systemd/system/.*/frr\.service|var/lib/(frr|systemd/deb-systemd-helper-enabled/.*frr.*)", "of frr"),
    Right(r"usr/.*grub-(pc|bios-setup|ntldr-img|legacy).*|var/lib/grub/ucf.*", "of grub-pc"),
)
