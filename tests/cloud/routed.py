"""A node below the fabric: it boots a live system that reports, and then what an installer left, which routes.

The live system is a box with lldpd and our agent. The installed system is a container that boots Debian: ifupdown, FRR
and lldpd are its own, and start as systemd has them.
"""

import json
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from string import Template

from reconciler.hardware.report import parse_report
from reconciler.model.actions import InstallOs
from reconciler.model.hardware import Hardware

from ..waiting import until
from .boxes import Box, Container
from .containers import HARDWARE
from .fabric import NICS, RACKS, Fabric
from .machine import write_tree
from .network_files import INSTALLERS, Target
from .places import NODES, SERVER
from .smbios import Firmware

_AGENT = files("reconciler") / "data/agent/reconciler-agent"
_MODEL, _MEMORY = "Cloud Router", 2048
_ASN = 64512  # of every node

_LSBLK = b"#!/bin/sh\n# The disks of this system are none of the node's.\necho '{\"blockdevices\": []}'\n"


@dataclass(frozen=True)
class Place:
    """Where a node is plugged in."""

    rack: str
    port: int  # of both leaves of the rack


class RoutedNode:
    """One node."""

    def __init__(self, fabric: Fabric, number: int, place: Place, image: Path) -> None:
        self._fabric, self.number, self.place = fabric, number, place
        folder = fabric.folder / self.name
        self._live = Box(fabric.world, self.name, folder / "live")
        self.box = Container(fabric.world, self.name, folder / "installed", image)

    @property
    def serial(self) -> str:
        """By which the project knows it."""
        return f"ROUTED{self.number}"

    @property
    def name(self) -> str:
        """Of its network namespace."""
        return self.serial.lower()

    @property
    def macs(self) -> tuple[str, ...]:
        """Of its NICs."""
        return tuple(f"52:54:00:fa:{self.number:02x}:{index:02x}" for index, _ in enumerate(NICS, 1))

    def deliver(self) -> None:
        """Plug it in, and boot the live system: it hears its switches."""
        for box, words in ((self._live, "boot=live"), (self.box, "root=UUID=0")):
            self._lay_hardware(box.folder, words)
        self._fabric.plug(self.name, self.place.rack, self.place.port, self.macs)
        self._live.start()
        self._live_network("add")
        self._live.speak_lldp("eno*")

    def _lay_hardware(self, folder: Path, cmdline: str) -> None:
        """What a server would have in hardware: firmware, network cards, no disks."""
        firmware = Firmware(self.serial, _MODEL, _MEMORY)
        write_tree(folder / "firmware/dmi/tables", {"smbios_entry_point": firmware.entry_point, "DMI": firmware.table})
        for nic, mac in zip(NICS, self.macs, strict=True):
            write_tree(folder / "hardware/sys/class/net" / nic / "device", {})
            write_tree(folder / "hardware/sys/class/net" / nic, {"address": f"{mac}\n".encode(), "speed": b"10000\n"})
        write_tree(folder / "hardware/proc", {"cmdline": f"{cmdline}\n".encode()})
        write_tree(folder / "hardware", {"server": f"{SERVER}\n".encode()})
        write_tree(folder / "hardware/bin", {"lsblk": _LSBLK, "reconciler-agent": _AGENT.read_bytes()}, 0o755)

    def _live_network(self, word: str) -> None:
        """What DHCP would give the live system, or take from it."""
        address = f"{SERVER.rpartition('.')[0]}.{50 + self.number}/24"
        self._fabric.world.run("ip", "-n", self.name, "address", word, address, "dev", NICS[0])

    def live_hops(self) -> list[str]:
        """The hops from the live system to the daemon's address."""
        return self._fabric.trace(self._live, SERVER)

    def report(self) -> Hardware:
        """What our agent reports from the live system, once it hears a switch at every NIC."""
        until(f"{self.name} hears its switches", lambda: len(neighbours(self._live)) == len(NICS))
        return parse_report(self._live.run(*_agent("--print")).encode())

    def install(self, action: InstallOs, hardware: Hardware, installer: str) -> None:
        """End the live system, and have an installer write the files of the node's network."""
        self._live.cut()
        self._live_network("delete")
        self._fabric.route(self.name)
        self.box.lay_out()
        target = Target(self._fabric.world.enter, self.box.root, self.box.folder / "uploaded")
        INSTALLERS[installer](action, hardware, target)
        target.run('echo "$NODE" > "$ROOT/etc/hostname"', ROOT=str(self.box.root), NODE=action.hostname)

    def posts(self) -> bool:
        """Have our agent post a report, through the fabric; whether the daemon took it."""
        return self.box.attempt(*_agent()).returncode == 0


def _agent(*words: str) -> list[str]:
    seen = (f"SYS={HARDWARE}/sys", f"PROC={HARDWARE}/proc", f"SERVER_FILE={HARDWARE}/server")
    return ["env", *seen, f"PATH={HARDWARE}/bin:/usr/sbin:/usr/bin:/sbin:/bin", "reconciler-agent", *words]


def specs() -> str:
    """The fleet's: every switch in its rack, and a cluster with BGP to the host."""
    place = '    {leaf}: {{dc: "1", row: a, rack: "{rack}", location: room-1}}\n'
    switches = "".join(place.format(leaf=leaf, rack=name) for name, pair in RACKS.items() for leaf in pair)
    text = (Path(__file__).parent / "specs/routed.yaml").read_text()
    return Template(text).substitute(server=SERVER, nodes=NODES, asn=_ASN, product=_MODEL, switches=switches)


def neighbours(box: Box) -> dict[str, tuple[str, str]]:
    """The switch and the port of it that each NIC hears, by NIC."""
    heard = json.loads(box.run("lldpcli", "-f", "json0", "show", "neighbors"))
    found = {}
    for one in heard["lldp"][0].get("interface", ()):
        found[one["name"]] = (one["chassis"][0]["name"][0]["value"], one["port"][0]["id"][0]["value"])
    return found


def leaves_of(place: Place) -> dict[str, tuple[str, str]]:
    """The switch and the port of it that each NIC of a node is plugged into, by NIC."""
    return {nic: (leaf, f"swp{place.port}") for nic, leaf in zip(NICS, RACKS[place.rack], strict=True)}
