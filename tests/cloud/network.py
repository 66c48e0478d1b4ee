"""The cloud's network: one bridge in the keeper's namespace, and a namespace with one cable for each machine."""

import os
from pathlib import Path

from ..lab.lab import run
from .places import BMCS_GATEWAY, NAMESPACE, NODES_GATEWAY, PUBLIC_GATEWAY, SERVER

BRIDGE, NIC = "br0", "eno1"
SWITCH = "tor-cloud-1"
"""What lldpd on the bridge's ports calls it."""


def lay() -> None:
    """The bridge, with this side's addresses on it, in the calling process's own namespace, and a name for that."""
    run("mount", "-t", "tmpfs", "tmpfs", "/run")  # in a namespace of its own too: names of namespaces and containers
    Path("/run/netns").mkdir()
    run("ip", "link", "set", "lo", "up")
    run("ip", "netns", "attach", NAMESPACE, str(os.getpid()))
    run("ip", "link", "add", BRIDGE, "type", "bridge")
    run("ip", "link", "set", BRIDGE, "up")
    for address, length in ((SERVER, 24), (NODES_GATEWAY, 24), (BMCS_GATEWAY, 24), (PUBLIC_GATEWAY, 28)):
        run("ip", "address", "add", f"{address}/{length}", "dev", BRIDGE)
    run("sysctl", "--quiet", "--write", "net.ipv4.ip_forward=1")


def plug(namespace: str, port: str, mac: str) -> None:
    """A namespace for a machine, whose only NIC is plugged into this port of the switch."""
    run("ip", "netns", "add", namespace)
    run("ip", "link", "add", port, "type", "veth", "peer", "name", NIC, "address", mac, "netns", namespace)
    run("ip", "link", "set", port, "master", BRIDGE, "up")


def unplug(namespace: str) -> None:
    """As when a machine loses its power: its NIC has forgotten its addresses, and the switch's port is down."""
    run("ip", "netns", "delete", namespace)
