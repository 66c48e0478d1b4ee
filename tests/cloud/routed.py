"""A node below the fabric: it boots a live system that reports, and then what an installer left, which routes.

Both are boxes: the programs are this system's (lldpd, ifupdown, FRR, our agent), and what a server would have in
hardware or on its disk is in files.
"""

import json
from dataclasses import dataclass
from importlib.resources import files

from reconciler.hardware.report import parse_report
from reconciler.model.actions import InstallOs
from reconciler.model.hardware import Hardware

from ..waiting import until
from .boxes import Box
from .fabric import NICS, RACKS, Fabric
from .network_files import INSTALLERS, lay_out_packages
from .places import SERVER
from .smbios import Firmware

AGENT = str(files("reconciler") / "data/agent/reconciler-agent")
_MODEL, _MEMORY = "Cloud Router", 2048

_LSBLK = "#!/bin/sh\n# The disks of this system are none of the node's.\necho '{\"blockdevices\": []}'\n"


@dataclass(frozen=True)
class Place:
    """Where a node is plugged in."""

    rack: str
    port: int  # of both leaves of the rack


class RoutedNode:
    """One node."""

    def __init__(self, fabric: Fabric, number: int, place: Place) -> None:
        self._fabric, self.number, self.place = fabric, number, place
        self.folder = fabric.folder / self.name
        self._live = Box(fabric.world, self.name, self.folder / "live")
        self.box = Box(fabric.world, self.name, self.folder / "root")

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
        firmware = Firmware(self.serial, _MODEL, _MEMORY)
        for box in (self._live, self.box):
            tables = box.folder / "firmware/dmi/tables"
            tables.mkdir(parents=True)
            (tables / "smbios_entry_point").write_bytes(firmware.entry_point)
            (tables / "DMI").write_bytes(firmware.table)
        hardware = self.folder / "hardware"
        for nic, mac in zip(NICS, self.macs, strict=True):
            (hardware / "class/net" / nic / "device").mkdir(parents=True)
            (hardware / "class/net" / nic / "address").write_text(f"{mac}\n")
        (hardware / "server").write_text(f"{SERVER}\n")
        (hardware / "bin").mkdir()
        (hardware / "bin/lsblk").write_text(_LSBLK)
        (hardware / "bin/lsblk").chmod(0o755)
        self._fabric.plug(self.name, self.place.rack, self.place.port, self.macs)
        self._live.start()
        self._live.speak_lldp("eno*")

    def report(self) -> Hardware:
        """What our agent reports from the live system, once it hears a switch at every NIC."""
        until(f"{self.name} hears its switches", lambda: len(neighbours(self._live)) == len(NICS))
        return parse_report(self._live.run(*self._agent("--print")).encode())

    def install(self, action: InstallOs, hardware: Hardware, installer: str) -> None:
        """End the live system, and have an installer write the files of the node's network."""
        self._live.cut()
        lay_out_packages(self.box.folder)
        INSTALLERS[installer](action, hardware, self.box.folder)

    def boot(self) -> None:
        """Start what was installed, in the order in which systemd does."""
        self.box.start()
        self.box.run("ifup", "-a")
        self.box.run("/usr/lib/frr/frrinit.sh", "start")
        self.box.speak_lldp("eno*")

    def post(self) -> None:
        """Have our agent post a report to the daemon, through the fabric."""
        self.box.run(*self._agent())

    def _agent(self, *words: str) -> list[str]:
        hardware = self.folder / "hardware"
        path = f"PATH={hardware}/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        return ["env", f"SYS={hardware}", f"SERVER_FILE={hardware}/server", path, AGENT, *words]


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
