"""Programs in a simulated live system's PATH: an installer, and stand-ins for all that touches disks or the network.

The stand-ins show the server's own folders as disks. The scripts that are sent to a live system really run, and must
find nothing of the machine that simulates it: ``fence.PROGRAMS`` are all here.
"""

import sys
from pathlib import Path

from ..provisioning import commands, root_image
from ..provisioning.install import PROGRAM

_HEAD = """\
#!/bin/sh
root="{root}"
for device; do :; done  # the last word
name=${{device#/dev/}}
system=no
if [ -d "$root/disk" ] && [ ! -e "$root/written/${{name%1}}" ]; then
    [ ! -e "$root/on" ] || read -r on < "$root/on"
    case " ${{on:-sda}} " in
        *" ${{name%1}} "*) system=yes ;;
    esac
fi
"""
"""``name``: the device that is asked about; ``system``: whether it is, or is on, a disk with an installed system."""

_DISKS = {
    "lsblk": 'echo "$device"; [ $system = no ] || echo "${{device}}1"\n',
    "blockdev": "echo 1\n",
    "blkid": """\
tag=$5
written=
[ ! -e "$root/written/${{name%1}}" ] || written=$(tr '\\n' ' ' < "$root/written/${{name%1}}")
case $tag:$system:$name in
    TYPE:yes:*1) echo ext4; exit ;;
    PTTYPE:yes:*1 | TYPE:yes:*) exit ;;
    PTTYPE:yes:*) echo gpt; exit ;;
    *UUID:yes:*) cat "$root/uuid" 2> /dev/null; exit ;;
esac
set -- $written
[ "$#" -le 1 ] || exit 8
case $tag:$written in
    PTTYPE:gpt* | PTTYPE:dos*) echo "$1" ;;
    TYPE:gpt* | TYPE:dos*) ;;
    TYPE:*) echo "$1" ;;
esac
""",
    "mount": """\
test -d "$root/disk" && case $5 in
    *1) rmdir "$6" && ln -s "$root/disk" "$6" ;;
    *) exit 32 ;;
esac
""",
    "umount": 'rm "$device" && mkdir "$device"\n',
    "mountpoint": '[ -L "$device" ]\n',
    "sync": "exit 0\n",
    "chown": "exit 0\n",
    **dict.fromkeys(("findmnt", "partx", "losetup", "mdadm", "pvs", "vgchange"), "exit 1\n"),
}

_OTHERS = {
    PROGRAM: """\
#!/bin/sh
# Stands in for the installer of the live image: it erases, takes its time, says what it does, and writes the disk.
echo "$@" >> "{root}/erased"
rm -rf "{root}/disk" "{root}/written" "{root}/on"
sed -n "s/^DISKS='\\{{0,1\\}}\\([^']*\\).*/\\1/p" "{image}" > "{root}/on" 2> /dev/null || while [ "$#" -gt 1 ]; do
    case $1:$2 in
        --dest-hdd:raid*) ;;
        --dest-hdd:* | --raid-devices:*) echo "$2" | tr ',' ' ' > "{root}/on" ;;
    esac
    shift
done
cat /proc/sys/kernel/random/uuid > "{root}/uuid"
for step in "Partitioning" "Bootstrapping Debian" "Installing packages" "Installing GRUB"; do
    echo "$step"
    sleep {pause}
done
test ! -e "{root}/fail-install" || {{ echo "E: the mirror went away"; exit 1; }}
cp -r "{root}/live{target}" "{root}/disk.new" && mv "{root}/disk.new" "{root}/disk"
echo "Done"
sleep {pause}
""",
    "find": """\
#!/bin/sh
# What is mounted is a link here, into which find looks only where it is told to.
first=$1
shift
exec /usr/bin/find "$first/" "$@"
""",
    "curl": """\
#!/bin/sh
exec "{python}" -m reconciler.simulator.curl "{server}" "{address}" "$@"
""",
}


def put_programs(root: Path, pause: float, server: str, address: str) -> None:
    """Write them all into ``bin`` of a simulated server.

    Args:
        root: The server's folder.
        pause: Seconds that each step of the installer takes.
        server: URL of the provisioning server.
        address: Of the simulated one.
    """
    (root / "bin").mkdir(exist_ok=True)
    for name, text in {**{name: _HEAD + text for name, text in _DISKS.items()}, **_OTHERS}.items():
        program = root / "bin" / name
        program.write_text(
            text.format(
                pause=pause, root=root, python=sys.executable, target=commands.TARGET, server=server, address=address,
                image=f"{root}/live{root_image.SCRIPT_FILE}",
            )
        )  # fmt: skip
        program.chmod(0o755)
