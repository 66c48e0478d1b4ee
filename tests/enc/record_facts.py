"""``python -m tests.enc.record_facts`` writes ``node_facts.yaml`` anew: what a real agent of Debian 13 sends of a node.

The node is a root with the packages that nodes are installed with, the files that an install leaves, and the facts that
Puppet's modules bring, where the agent puts them. It has a host name, a network and processes of its own, and no disks;
which processors it has, and how much memory, is said here. Its own Puppet is asked twice: with ``include_legacy_facts``
in its ``puppet.conf``, and without. Wants root, mmdebstrap and iproute2, and takes two minutes.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from reconciler.enc import node_texts
from reconciler.enc.view import views

from ..cloud.roots import NODE_PACKAGES, bootstrap
from .node_facts import LEGACY, PUPPET_CONF, RECORD, installed_files, puppet_conf, without_legacy_facts
from .puppet_modules import puppet_modules
from .shapes import cluster

HOST, DOMAIN, ROLE = "z-controller-1", "example.com", "controller"

_BOOTS = ("linux-image", "initramfs-tools", "grub")
"""Packages that make an installed system boot: facts do not tell of them, and they take long."""

_MEMORY = 256 * 2**20  # KiB
_CPU = """\
processor\t: {0}
vendor_id\t: GenuineIntel
model name\t: Intel(R) Xeon(R)
cpu MHz\t\t: 2600.000
physical id\t: 0
siblings\t: {1}
core id\t\t: {0}
cpu cores\t: {1}
flags\t\t: fpu vmx ssse3 sse4_2 aes

"""
_PROC = {
    "1/comm": "systemd\n",
    "bus/pci/devices": "",
    "cpuinfo": "".join(_CPU.format(n, 4) for n in range(4)),
    "filesystems": "\text4\n\txfs\n",
    "loadavg": "0.00 0.00 0.00 1/100 1000\n",
    "meminfo": "".join(f"Mem{name}: {_MEMORY} kB\n" for name in ("Total", "Free", "Available"))
    + "SwapTotal: 0 kB\nSwapFree: 0 kB\n",
    "uptime": "60.00 60.00\n",
}
"""What the kernel would say of this machine, and not of a server."""

_ENTER = """\
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount -t tmpfs tmpfs "$root/run"
for of_this_machine in block class/dmi/id; do
    [ ! -d "$root/sys/$of_this_machine" ] || mount -t tmpfs tmpfs "$root/sys/$of_this_machine"
done
cd "$root/srv/proc"
find . -type f | while read -r name; do
    [ ! -e "$root/proc/$name" ] || mount --bind "$name" "$root/proc/$name"
done
[ ! -e /proc/sys/net/ipv6 ] || echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad # addresses count at once
hostname "$host"
ip link set lo up
ip link add eno1 address 52:54:00:00:00:01 type veth peer name eno2 address 52:54:00:00:00:02
ip address add 192.168.100.11/24 dev eno1
ip link set eno1 up
ip link set eno2 up
path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
exec chroot "$root" env --ignore-environment LANG=C.UTF-8 PATH="$path" \
    puppet facts find --terminus facter --render-as json
"""
"""``facts find`` asks as the agent does; ``facts show`` would not go by the setting."""

_LEFT_OUT = frozenset({"hypervisors"})
"""Facts of virtual machines only."""

_FIXED: Mapping[str, object] = {
    "is_virtual": False,
    "virtual": "physical",
    "kernelmajversion": "6.12",
    "kernelrelease": "6.12.0-amd64",
    "kernelversion": "6.12.0",
    "processors.cores": 4,
    "processors.threads": 1,
    "role": "$role",
    "oci_role": "$role",
}
"""In place of what is true of this machine only, by where it stands: its kernel, its processors, what it runs on."""

_HEAD = f"""\
# Facts of a Debian 13 node before its first Puppet run, by python -m tests.enc.record_facts: not written by hand.
# It sends those below "legacy" where its puppet.conf has {LEGACY}.
"""


def main() -> int:
    """Record, and return an exit status."""
    if missing := [name for name in ("mmdebstrap", "unshare", "chroot", "ip") if shutil.which(name) is None]:
        print(f"needs {', '.join(missing)}", file=sys.stderr)
        return 1
    with TemporaryDirectory() as folder:
        root = Path(folder) / "root"
        bootstrap(Path(folder), [name for name in NODE_PACKAGES if not name.startswith(_BOOTS)], root, ())
        RECORD.write_text(record(root))
    return 0


def record(root: Path) -> str:
    """The text of the file: what a node with this root sends."""
    _lay_out(root)
    configuration = without_legacy_facts(puppet_conf())
    always = _sent(root, configuration)
    everything = _sent(root, configuration.replace("[main]\n", f"[main]\n{LEGACY} = true\n"))
    if changed := {name for name, value in always.items() if everything.get(name) != value}:
        raise LookupError(f"not sent alike twice: {', '.join(sorted(changed))}")
    legacy = {name: value for name, value in everything.items() if name not in always}
    return _HEAD + yaml.safe_dump({"always": always, "legacy": legacy}, width=120, allow_unicode=True)


def _lay_out(root: Path) -> None:
    """What a node has before its first Puppet run, beside its packages."""
    for module in sorted(puppet_modules().folder.glob("*/lib")):
        shutil.copytree(module, root / "var/cache/puppet/lib", dirs_exist_ok=True)
    view = views(cluster({ROLE: 1}))[f"{HOST}.{DOMAIN}"]
    hosts = f"127.0.0.1 localhost\n192.168.100.11 {HOST}.{DOMAIN} {HOST}\n"
    for path, text in installed_files(hosts, node_texts.facts(view)).items():
        _write(root / path.lstrip("/"), text)
    for name, text in _PROC.items():
        _write(root / "srv/proc" / name, text)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def _sent(root: Path, configuration: str) -> dict[str, Any]:
    """The facts that the agent sends with this ``puppet.conf``, without what is true of this machine only."""
    _write(root / PUPPET_CONF.lstrip("/"), configuration)
    own = ("--mount", "--net", "--uts", "--pid", "--fork", "--kill-child")
    ran = subprocess.run(
        ["unshare", *own, "sh", "-euc", _ENTER],
        check=True, stdout=subprocess.PIPE, text=True, env=os.environ | {"root": str(root), "host": HOST},
    )  # fmt: skip
    values: dict[str, Any] = json.loads(ran.stdout)["values"]
    return {name: _of_any_node(value, name) for name, value in sorted(values.items()) if name not in _LEFT_OUT}


def _of_any_node(value: Any, place: str) -> Any:
    """The value with placeholders for names and keys, or what is fixed for this place."""
    if place in _FIXED:
        return _FIXED[place]
    if isinstance(value, Mapping):
        return {name: _of_any_node(inner, f"{place}.{name}") for name, inner in value.items()}
    if isinstance(value, list):
        return [_of_any_node(inner, place) for inner in value]
    if not isinstance(value, str):
        return value
    text = re.sub(r"AAAA[\w+/=]+", "AAAA", re.sub(r"(SSHFP \d \d) \w+", r"\1 00", value))
    return text.replace("$", "$$").replace(HOST, "$hostname").replace(DOMAIN, "$domain")


if __name__ == "__main__":
    sys.exit(main())
