"""Packages that a root file system's tarball has to bring, and the image installer's search for them before it erases.

The tarball is fixed content, and the installer adds no package to it: what a node misses would be found after its disks
were erased, or never, as OCI's first boot runs once. So the script reads the whole tarball once before it erases
anything, keeps none of it, and ends where the digest or a package is wrong.
"""

import re
from collections.abc import Iterator

from ..model.actions import InstallOs
from ..model.roles import facts_of

ALWAYS = (
    "linux-image-.+", "initramfs-tools", "grub2-common", "ifupdown", "iputils-ping|inetutils-ping",
    "openssh-server", "ca-certificates", "puppet-agent|openvox-agent|puppet", "openstack-cluster-installer-utils",
    "ssl-cert",
)  # fmt: skip
"""Extended regular expressions, each of the names of packages that will do.

OCI's classes give keys to the group of ``ssl-cert``, and install it nowhere.
"""

_GRUB = {"bios": "grub-pc-bin", "x86_64-efi": "grub-efi-amd64-bin", "arm64-efi": "grub-efi-arm64-bin"}


def packages(action: InstallOs, firmware: str) -> tuple[str, ...]:
    """What the tarball has to bring for this node, as ``ALWAYS``.

    Args:
        action: What to install.
        firmware: ``bios``, or grub-install's target for the machine's UEFI.
    """
    return tuple(
        dict.fromkeys([*ALWAYS, _GRUB[firmware], *_by_role(action), *_by_network(action), *_by_operator(action)])
    )


def _by_operator(action: InstallOs) -> Iterator[str]:
    """A custom role's, which may be named as apt takes them: with an architecture, a release or a version."""
    return (re.sub("[.+]", r"\\\g<0>", re.split("[:/=]", name)[0]) for name in action.packages)


def _by_role(action: InstallOs) -> Iterator[str]:
    if action.raid is not None:
        yield "mdadm"
    yield from facts_of(action.role).first_boot_needs  # it ends where one is missing, and never runs again


def _by_network(action: InstallOs) -> Iterator[str]:
    interfaces = action.interfaces
    if any(one.kind == "bond" for one in interfaces):
        yield "ifenslave"
    if any(one.bridge or one.ovs_ports for one in interfaces):
        yield "openvswitch-switch"
    if any(one.kind == "bgp" or one.frr_vlan is not None for one in interfaces):
        yield "frr"


SURVEY = r"""
# fetch [CURL'S OPTION...]
fetch() {
    curl --fail --silent --show-error --location --retry 5 --retry-connrefused "$@" "$URL"
}

# The names in a tarball on standard input, of which nothing is left over: the digest is of all of it.
# tar cannot find out by itself how a stream is compressed.
names() {
    case $(dd bs=1 count=6 2>/dev/null | tee "$WORK/magic" | od -An -tx1 | tr -d ' \n') in
        1f8b*) kind=--gzip ;;
        28b52ffd*) kind=--zstd ;;
        fd377a585a*) kind=--xz ;;
        425a68*) kind=--bzip2 ;;
        *) kind= ;;
    esac
    # shellcheck disable=SC2086  # no option where there is none
    cat "$WORK/magic" - | tar --list $kind --file - || : > "$WORK/unreadable"
    cat > /dev/null
}

# Read all of the tarball, and keep the names of its packages: dpkg has a list of files for each.
survey() {
    rm -f "$WORK/bytes" "$WORK/fetched" "$WORK/unreadable"
    mkfifo "$WORK/bytes"
    sha256sum < "$WORK/bytes" > "$WORK/sum" &
    { fetch && : > "$WORK/fetched"; } | tee "$WORK/bytes" | names |
        sed -n 's#^\(\./\)\{0,1\}var/lib/dpkg/info/\([^:/]*\)\(:[^/]*\)\{0,1\}\.list$#\2#p' > "$WORK/packages"
    wait
    [ -e "$WORK/fetched" ] || fail "cannot fetch $URL: nothing was erased"
    grep -q "^$SHA256 " "$WORK/sum" || fail "$URL is not the tarball with SHA-256 $SHA256: nothing was erased"
    [ ! -e "$WORK/unreadable" ] || fail "tar cannot read $URL: nothing was erased"
    missing=
    for package in $PACKAGES; do
        grep -Exq "$package" "$WORK/packages" || missing="$missing, $package"
    done
    # Names, without the backslashes that make expressions of them.
    [ -z "$missing" ] || fail "$URL lacks $(printf '%s' "${missing#, }" | tr -d '\134'): nothing was erased"
}
"""
"""Shell functions; ``survey`` ends the script where the tarball will not do."""
