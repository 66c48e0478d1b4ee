"""Installing from a tarball of a root file system: the second way, chosen by a profile's ``installer: image``.

The script partitions (GPT, with room for GRUB on BIOS and on UEFI, whichever the machine is), makes the RAID and the
file systems, unpacks the tarball, adds the node's files, and lets the tarball's own GRUB install itself. It needs no
mirror and no cloud-init. What the tarball has to bring, and how the script looks for it first: ``tarball``.

It runs below the wrapper of the other installer (``commands.install_script``), and may be run again from its start.
"""

import shlex
from collections.abc import Mapping

from ..model.actions import InstallOs
from ..model.files import File, private, public
from ..model.hardware import Hardware
from ..model.installable import why_not_image
from ..model.nics import NO_RENAMING
from . import commands, ifupdown, interfaces, tarball
from .nic_names import keeps_kernels_names

SCRIPT_FILE = "/run/reconciler/image.sh"
COMMAND = ("/bin/sh", SCRIPT_FILE)
"""What the wrapper runs."""

WORK = "/run/reconciler"
ROOT = f"{WORK}/root"
"""Where the new system is mounted meanwhile."""

_EFI = {None: "x86_64-efi", "amd64": "x86_64-efi", "arm64": "arm64-efi"}
_BAUD = 115200

_BODY = r"""
say() {
    printf '%s\n' "$1"
}

fail() {
    say "E: $1"
    exit 1
}

# partition DISK NUMBER: its device.
partition() {
    case "$1" in
        *[0-9]) printf '/dev/%sp%s\n' "$1" "$2" ;;
        *) printf '/dev/%s%s\n' "$1" "$2" ;;
    esac
}

# release DEVICE: stop what was assembled of it. In a subshell, as it calls itself.
release() (
    for holder in /sys/block/"$1"/holders/* /sys/block/"$1"/"$1"*/holders/*; do
        [ -e "$holder" ] || continue
        name=${holder##*/}
        release "$name"
        case "$name" in
            md*) mdadm --stop "/dev/$name" ;;
            dm-*) dmsetup remove --retry "/dev/$name" ;;
        esac
    done
)

# erase DISK: forget what is on it, its partitions' signatures first, so that nothing comes back with the new ones.
erase() {
    [ -b "/dev/$1" ] || fail "there is no disk /dev/$1"
    if grep -Eq "^/dev/$1(p?[0-9]+)? " /proc/self/mounts; then
        fail "/dev/$1 is mounted: this is not the live system, or somebody works on it"
    fi
    release "$1"
    for entry in /sys/block/"$1"/"$1"*; do
        if [ -e "$entry/partition" ]; then
            wipefs --quiet --all --force "/dev/${entry##*/}"
        fi
    done
    wipefs --quiet --all --force "/dev/$1"
}

# divide DISK: 1 for GRUB's core on BIOS, 2 for UEFI, 3 the system.
divide() {
    sgdisk --clear \
        --new=1:1M:+1M --typecode=1:ef02 --change-name=1:bios \
        --new=2:0:+512M --typecode=2:ef00 --change-name=2:esp \
        --new=3:0:0 --typecode=3:"$ROOT_TYPE" --change-name=3:root \
        "/dev/$1" > /dev/null
    udevadm settle --timeout=30
    for number in 2 3; do
        device=$(partition "$1" "$number")
        [ -b "$device" ] || fail "$device did not appear"
        wipefs --quiet --all --force "$device"
    done
}

# The device that the system is on.
make_root_device() {
    # shellcheck disable=SC2086  # a list of disks
    set -- $DISKS
    if [ "$#" -eq 1 ]; then
        partition "$1" 3
        return
    fi
    count=$#
    members=
    for disk in "$@"; do
        members="$members $(partition "$disk" 3)"
    done
    # shellcheck disable=SC2086
    mdadm --create /dev/md0 --run --quiet --metadata=1.2 --homehost="$NODE" --name=root \
        --level="$RAID" --raid-devices="$count" $members >&2
    printf '/dev/md0\n'
}

unpack() {
    fetch --output "$ROOT/.image" || fail "cannot fetch $URL"
    printf '%s  %s\n' "$SHA256" "$ROOT/.image" | sha256sum --check --status - ||
        fail "$URL is not the tarball with SHA-256 $SHA256"
    tar --extract --file "$ROOT/.image" --directory "$ROOT" --numeric-owner --xattrs-include='*' ||
        fail "cannot unpack $URL"
    rm "$ROOT/.image"
}

uuid() {
    blkid --match-tag UUID --output value "$1"
}

# Whom the live system asks for names, as DHCP told it, the node asks too: the tarball has whom its builder asked.
give_name_servers() {
    if grep -q '^nameserver' /etc/resolv.conf && [ ! -L "$ROOT/etc/resolv.conf" ]; then
        cp /etc/resolv.conf "$ROOT/etc/resolv.conf"
        chmod 0644 "$ROOT/etc/resolv.conf"
    fi
}

# The node's own files, over what the tarball brought. FRR's package leaves bgpd off.
add_files() {
    tar --create --directory "$FILES" . | tar --extract --directory "$ROOT" --no-overwrite-dir --numeric-owner
    if [ -e "$FILES/etc/frr/frr.conf" ]; then
        sed -i 's/^bgpd=.*/bgpd=yes/' "$ROOT/etc/frr/daemons"
    fi
}

# Services read the node's key by the group that Debian has for that.
share_key() {
    key=$ROOT/etc/ssl/private/ssl-cert-snakeoil.key
    if [ -e "$key" ]; then
        chgrp "$(sed -n 's/^ssl-cert:[^:]*:\([0-9]*\):.*/\1/p' "$ROOT/etc/group")" "$key"
        chmod 0640 "$key"
    fi
}

configure() {
    rm -f "$ROOT"/etc/ssh/ssh_host_*
    add_files
    share_key
    printf '%s\n' "$NODE" > "$ROOT/etc/hostname"
    chmod 0644 "$ROOT/etc/hostname"  # mmdebstrap copies the builder's, with its mode
    : > "$ROOT/etc/machine-id"
    give_name_servers
    if [ -d "$ROOT/etc/cloud" ]; then
        : > "$ROOT/etc/cloud/cloud-init.disabled"
    fi
    keys=~root/.ssh
    mkdir -p "$ROOT$keys" "$ROOT/boot/efi"
    chmod 0700 "$ROOT${keys%/*}" "$ROOT$keys"
    cat "$keys/authorized_keys" >> "$ROOT$keys/authorized_keys"
    if [ -e "$ROOT$keys/id_rsa.pub" ]; then
        cat "$ROOT$keys/id_rsa.pub" >> "$ROOT$keys/authorized_keys"  # controllers log in to each other
    fi
    chmod 0600 "$ROOT$keys/authorized_keys"
    if ! grep -qsx nf_conntrack "$ROOT/etc/modules"; then
        printf 'nf_conntrack\n' >> "$ROOT/etc/modules"  # Puppet sets its limits, which are there once it is loaded
    fi
    printf 'UUID=%s / ext4 errors=remount-ro 0 1\n' "$(uuid "$1")" > "$ROOT/etc/fstab"
    if [ "$FIRMWARE" != bios ]; then
        printf 'UUID=%s /boot/efi vfat umask=0077,nofail 0 1\n' "$(uuid "$(partition "${DISKS%% *}" 2)")" \
            >> "$ROOT/etc/fstab"
    fi
    if [ "$1" = /dev/md0 ]; then
        mkdir -p "$ROOT/etc/mdadm"
        mdadm --detail --scan /dev/md0 > "$ROOT/etc/mdadm/mdadm.conf"
    fi
}

# Run a command in the new system.
inside() {
    chroot "$ROOT" /usr/bin/env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"
}

# Have the new system believe the fleet's authorities as it does Debian's.
believe_authorities() {
    for file in "$ROOT"/usr/share/ca-certificates/oci/*.crt; do
        [ -e "$file" ] || continue
        name=oci/${file##*/}
        grep -qsx "$name" "$ROOT/etc/ca-certificates.conf" || printf '%s\n' "$name" >> "$ROOT/etc/ca-certificates.conf"
    done
    inside update-ca-certificates --fresh
}

make_bootable() {
    mkdir -p "$ROOT/dev" "$ROOT/proc" "$ROOT/sys"
    mount -t proc proc "$ROOT/proc"  # without what is mounted on the live system's, which need not come off again
    for path in dev sys; do
        mount --rbind "/$path" "$ROOT/$path"
        mount --make-rslave "$ROOT/$path"
    done
    inside ssh-keygen -A > /dev/null
    believe_authorities
    if [ "$1" = /dev/md0 ]; then
        inside update-initramfs -u -k all  # it names the RAID; the tarball's own finds any other root
    fi
    for disk in $DISKS; do
        if [ "$FIRMWARE" = bios ]; then
            inside grub-install --target=i386-pc "/dev/$disk"
        else
            mount "$(partition "$disk" 2)" "$ROOT/boot/efi"
            # Debian's signed GRUB looks for its menu in /EFI/debian and nowhere else.
            inside grub-install --target="$FIRMWARE" --bootloader-id=debian --efi-directory=/boot/efi --no-nvram \
                --force-extra-removable
            umount "$ROOT/boot/efi"
        fi
    done
    inside update-grub
    inside systemctl enable oci-first-boot.service oci-report-status.service
}

leave() {
    status=$?
    trap - EXIT
    if mountpoint --quiet "$ROOT"; then
        umount --recursive "$ROOT" || umount --recursive --lazy "$ROOT"
    fi
    exit "$status"
}

main() {
    mkdir -p "$ROOT"
    if mountpoint --quiet "$ROOT"; then
        umount --recursive "$ROOT"  # what an install that was killed left behind
    fi
    trap leave EXIT
    trap 'exit 1' HUP INT TERM
    say "Reading $URL"
    survey
    say "Partitioning $DISKS"
    for disk in $DISKS $DATA; do
        erase "$disk"
    done
    for disk in $DISKS; do
        divide "$disk"
    done
    say "Making file systems"
    device=$(make_root_device)
    mkfs.ext4 -q -F -L root "$device"
    for disk in $DISKS; do
        if [ "$FIRMWARE" != bios ]; then
            mkfs.vfat -F 32 -n ESP "$(partition "$disk" 2)" > /dev/null
        fi
    done
    for disk in $DATA; do
        mkfs.xfs -q -f "/dev/$disk"
    done
    mount "$device" "$ROOT"
    say "Unpacking $URL"
    unpack
    say "Configuring $NODE"
    configure "$device"
    say "Installing GRUB"
    make_bootable "$device"
    sync
    umount --recursive "$ROOT"
    say "Done"
}

main
"""


def image_files(action: InstallOs, hardware: Hardware, before: Mapping[str, File]) -> dict[str, File]:
    """What is uploaded for the script, and itself.

    Args:
        action: What to install.
        hardware: The machine's report.
        before: ``node_files``; what the other installer's hook would put in its place is put there.

    Raises:
        ValueError: A NIC of the plan is not in this machine, or the script cannot make such disks or interfaces.
    """
    interfaces.check_present(action.interfaces, hardware.nics)
    files = {**_in_place(action, before), **_network(action), **_grub(action, hardware)}
    return {
        **{commands.TARGET + path: file for path, file in files.items()},
        SCRIPT_FILE: private(image_script(action, hardware)),
    }


def image_script(action: InstallOs, hardware: Hardware) -> str:
    """The script, with its choices as variables at its head.

    Raises:
        ValueError: There is no image, or no such RAID, or nobody said how the machine boots.
    """
    disks, image = action.system_disks, action.image
    if image is None:
        raise ValueError("no image is given")
    if why := why_not_image(disks, action.raid, uefi=hardware.uefi):
        raise ValueError(why)
    uefi = hardware.boots_with_uefi
    firmware = _EFI.get(hardware.architecture, "x86_64-efi") if uefi else "bios"
    chosen = {
        "NODE": action.hostname,
        "DISKS": " ".join(disks),
        "DATA": " ".join(action.data_disks),
        "RAID": "" if action.raid is None else str(action.raid),
        "ROOT_TYPE": "8300" if action.raid is None else "fd00",
        "FIRMWARE": firmware,
        "URL": image.url,
        "SHA256": image.sha256,
        "PACKAGES": " ".join(tarball.packages(action, firmware)),
        "FILES": commands.TARGET,
        "WORK": WORK,
        "ROOT": ROOT,
    }
    head = "".join(f"{name}={shlex.quote(value)}\n" for name, value in chosen.items())
    first = f"#!/bin/sh\n# Installs {action.hostname} from a tarball. Written by reconciler.\nset -eu\n\n"
    return f"{first}{head}{tarball.SURVEY}{_BODY}"


def _in_place(action: InstallOs, before: Mapping[str, File]) -> dict[str, File]:
    """The node's files where they belong in the installed system: OCI's hook would copy them there."""
    node = f"/{action.hostname}"
    authorities = "/usr/share/ca-certificates/oci"
    moved = {
        "/etc/ssl/private/ssl-cert-snakeoil.key": f"{node}.key",
        "/etc/ssl/certs/ssl-cert-snakeoil.pem": f"{node}.crt",
        "/etc/ssl/certs/oci-pki-api.crt": "/oci-pki-api.crt",
        "/etc/ssl/private/oci-pki-api.key": "/oci-pki-api.key",
        "/etc/ssl/private/oci-pki-api.pem": "/oci-pki-api.pem",
        "/etc/ssl/certs/oci-pki-swiftproxy.crt": "/oci-pki-swiftproxy.crt",
        "/etc/ssl/private/oci-pki-swiftproxy.key": "/oci-pki-swiftproxy.key",
        "/etc/ssl/private/oci-pki-swiftproxy.pem": "/oci-pki-swiftproxy.pem",
        **{f"/etc/ssl/certs/oci-pki-{ca}.pem": f"/oci-pki-{ca}.pem" for ca in ("root-ca", "oci-ca", "oci-ca-chain")},
        f"{authorities}/OCI_1_selfsigned-root-ca.crt": "/oci-pki-root-ca.pem",
        f"{authorities}/OCI_2_oci-ca.crt": "/oci-pki-oci-ca.pem",
    }
    staged = {
        path.removeprefix(commands.TARGET): file
        for path, file in before.items()
        if path.startswith(commands.TARGET + "/")
    }
    staged |= {to: before[path] for to, path in moved.items() if path in before}
    return {
        **staged,
        "/etc/systemd/system/epmd.socket": public(_EPMD),
        "/etc/systemd/system/oci-first-boot.service.d/package-lists.conf": public(_PACKAGE_LISTS),
        **{f"/etc/apt/apt.conf.d/{name}": public(f"{line}\n") for name, line in _APT.items()},
        **{f"/etc/systemd/system/{unit}.service.d/console.conf": public(text) for unit, text in _CONSOLES.items()},
    }


_APT = {
    "80norecommends": 'APT::Install-Recommends "0";',
    "98nopdiff": 'Acquire::PDiffs "false";',
    "99notranslations": 'Acquire::Languages "none";',
}
"""As the other installer has them."""

_LOGIN = """\
# Who has the console has the machine, and root has no password by which to mend its network.
[Service]
ExecStart=
ExecStart=-/sbin/agetty --autologin root --noclear {}$TERM
"""
_RESCUE = """\
# On the screen, whichever console the kernel was told last.
[Service]
ExecStart=
ExecStart=-/bin/sh -c "/sbin/sulogin /dev/tty0; /bin/systemctl --fail --no-block default"
"""
_CONSOLES = {
    "getty@": _LOGIN.format("%I "),
    "serial-getty@": _LOGIN.format("--keep-baud 115200,57600,38400,9600 %I "),
    "emergency": _RESCUE,
    "rescue": _RESCUE,
}
"""Units of consoles, and what each does otherwise than Debian's: what the other installer has them do."""


_EPMD = """\
[Unit]
Description=Erlang Port Mapper Daemon Activation Socket

[Socket]
ListenStream=4369
BindIPv6Only=both
Accept=false

[Install]
WantedBy=sockets.target
"""
"""In place of Debian's, which listens on the loopback only: RabbitMQ finds its other nodes through it."""


_PACKAGE_LISTS = """\
# A tarball brings no lists of packages, or old ones; without them first boot and Puppet find nothing to install.
[Service]
ExecStartPre=-/bin/sh -c 'for try in 1 2 3 4 5 6 7 8 9; do apt-get -q update --error-on=any && exit; sleep 30; done'
"""
"""The other installer has fetched them. A mirror that is away for four minutes costs none of the first runs."""


def _network(action: InstallOs) -> dict[str, File]:
    files = {"/etc/network/interfaces": public(ifupdown.interfaces_file(action.interfaces))}
    if any(one.kind == "bond" for one in action.interfaces):
        files["/etc/modprobe.d/bonding.conf"] = public("options bonding mode=4 lacp_rate=1 xmit_hash_policy=layer3+4\n")
    if (text := ifupdown.frr_file(action.interfaces)) is not None:
        files["/etc/frr/frr.conf"] = public(text)
    return files


_KERNEL = ("text", "consoleblank=0", "systemd.show_status=true", "processor.max_cstate=0")
"""Words of the kernel's command line that the other installer has. It also asks for messages before there is a console,
and for control groups of version 1: trixie's systemd waits half a minute at each boot, and then has version 2."""


def _grub(action: InstallOs, hardware: Hardware) -> dict[str, File]:
    more = (
        ("iommu=pt", hardware.cpu.vendor == "AuthenticAMD"),
        (NO_RENAMING, keeps_kernels_names(hardware.nics)),
    )
    words = " ".join([*_KERNEL, *(word for word, is_wanted in more if is_wanted)])
    lines = ['GRUB_DISTRIBUTOR="Debian"', f'GRUB_CMDLINE_LINUX_DEFAULT="{words}"']  # no tarball has /etc/default/grub
    if action.console is not None:
        lines.append(f'GRUB_CMDLINE_LINUX="console=tty0 console={action.console},{_BAUD}n8"')
        if action.console.startswith("ttyS"):
            unit = action.console.removeprefix("ttyS")
            lines += ['GRUB_TERMINAL="console serial"', f'GRUB_SERIAL_COMMAND="serial --unit={unit} --speed={_BAUD}"']
    return {"/etc/default/grub.d/reconciler.cfg": public("\n".join(lines) + "\n")}
