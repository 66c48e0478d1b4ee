"""What a container lacks beside a real machine, and the files that make up for it. ``docs/cloud.md`` lists each.

Nothing here is the project's: real machines get none of it.
"""

_SYSCTL = r"""#!/bin/sh
# A container's network namespace lacks some keys that OCI's classes set, and this kernel others: those are pretended.
pretended=/run/sysctl-pretended
if [ ! -e "$pretended" ]; then
    for version in ipv4 ipv6; do
        for number in 1 2 3; do
            echo "net.$version.neigh.default.gc_thresh$number = 128"
        done
    done > "$pretended"
    for key in vm.swappiness net.netfilter.nf_conntrack_max net.nf_conntrack_max net.core.netdev_budget \
        net.core.netdev_max_backlog; do
        echo "$key = 1"
    done >> "$pretended"
fi
for word in "$@"; do
    key=${word%%=*}
    grep -q "^$key = " "$pretended" || continue
    case $word in
        *=*)
            sed -i "s/^$key = .*/$key = ${word#*=}/" "$pretended"
            echo "$key = ${word#*=}"
            ;;
        *)
            case " $* " in
                *" -n "*) sed -n "s/^$key = //p" "$pretended" ;;
                *) grep "^$key = " "$pretended" ;;
            esac
            ;;
    esac
    exit 0
done
case " $* " in
    *" -a "*)
        /usr/sbin/sysctl "$@"
        cat "$pretended"
        exit 0
        ;;
esac
exec /usr/sbin/sysctl "$@"
"""

_LSBLK = r"""#!/bin/sh
# The container's disks are loop devices of the host. HARDWARE/block shows its own, under the names that a server's
# disks have; lsblk itself goes by the kernel's names, sees the host's disks too, and calls these no disks.
words=
devices=
while [ $# -gt 0 ]; do
    case $1 in
        --exclude | -e) shift ;;
        --exclude=*) ;;
        /dev/*) devices="$devices $1" ;;
        *) words="$words $1" ;;
    esac
    shift
done
names='s/\bloop\b/disk/g'
own=
for link in HARDWARE/block/*; do
    [ -L "$link" ] || continue
    device=$(readlink "$link")
    device=${device##*/}
    names="$names; s/\b${device}p\([0-9]\)/${link##*/}\1/g; s/\b$device\b/${link##*/}/g"
    own="$own /dev/${link##*/}"
done
# shellcheck disable=SC2086  # lists of words
said=$(/usr/bin/lsblk $words ${devices:-$own})
status=$?
printf '%s\n' "$said" | sed "$names"
exit "$status"
"""

_UDEVADM = r"""#!/bin/sh
# There is no udev in a container. "settle" has the kernel read the partition tables, and makes the partitions' nodes.
case $1 in
    settle | trigger)
        for link in HARDWARE/block/*; do
            disk=${link##*/}
            partx --update "/dev/$disk" 2> /dev/null
            rm -f "/dev/$disk"[0-9]*
            for part in "$link"/loop*p*; do
                [ -e "$part/dev" ] || continue
                number=${part##*p}
                IFS=: read -r major minor < "$part/dev"
                mknod "/dev/$disk$number" b "$major" "$minor"
            done
        done
        exit 0
        ;;
esac
exec /usr/bin/udevadm "$@"
"""

_HAPROXY = """\
# A process may have 20,000 files open here; HAProxy would ask for 80,000.
[Service]
Environment="EXTRAOPTS=-S /run/haproxy-master.sock -n 4000"
"""

HARDWARE = "/run/hardware"
"""Where a container sees what its machine has in place of hardware."""

_AGENT = f"""\
# A veth has no device behind it, and so is no network card to the agent: it looks where one has.
[Service]
Environment=SYS={HARDWARE}/sys
"""

_NETWORK = """\
# The machine's cable is a veth, which the image's own file leaves out.
[Match]
Name=eno*
[Network]
DHCP=ipv4
LLDP=no
[DHCPv4]
ClientIdentifier=mac
"""

Files = dict[str, tuple[str, int]]
"""Text and mode by absolute path."""


def disk_tools() -> Files:
    """In place of what asks udev and the kernel: a machine's disks are loop devices of the host."""
    tools = {"lsblk": _LSBLK, "udevadm": _UDEVADM}
    return {f"/usr/local/bin/{name}": (text.replace("HARDWARE", HARDWARE), 0o755) for name, text in tools.items()}


def node_files() -> Files:
    """Of the tarball that nodes are installed from."""
    return disk_tools() | {
        "/usr/local/sbin/sysctl": (_SYSCTL, 0o755),
        "/etc/systemd/system/haproxy.service.d/container.conf": (_HAPROXY, 0o644),
        "/etc/dpkg/dpkg.cfg.d/container": ("force-unsafe-io\n", 0o644),
    }


def live_files() -> Files:
    """Laid over the live image when a machine boots from the network."""
    return disk_tools() | {
        "/etc/systemd/network/00-container.network": (_NETWORK, 0o644),
        "/etc/systemd/system/reconciler-agent.service.d/container.conf": (_AGENT, 0o644),
    }
