"""Hardware reports of simulated servers: the stock agent's JSON, for three server models."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from . import storcli

GB = 1000**3


@dataclass(frozen=True)
class Model:
    """A server model. Disks are (model, size in bytes), in slot order; behind a RAID controller where it has one."""

    product: str
    memory_mib: int
    disks: tuple[tuple[str, int], ...]
    volumes: tuple[int, ...] = ()  # sizes of the volumes that the RAID controller was delivered with
    controller: str = "C620 Series Chipset Family SATA Controller [AHCI mode]"

    @property
    def has_raid(self) -> bool:
        """Whether its disks are behind a RAID controller."""
        return "MegaRAID" in self.controller

    @property
    def delivered(self) -> list[tuple[int, list[int]]]:
        """The volumes that it came with, as level and slots: a mirror of the first two disks, then disk by disk."""
        return [(1, [0, 1]), *((0, [slot]) for slot in range(2, len(self.volumes) + 1))][: len(self.volumes)]


_SSD = ("MTFDDAK240TDS", 240_057_409_536)
_SSD_BIG = ("MTFDDAK960TDS", 960_197_124_096)
_HDD = ("ST12000NM0027", 12_000_138_625_024)
_MEGARAID = "MegaRAID SAS-3 3108 [Invader]"

CONTROLLER = Model("PowerEdge R440", 65536, (_SSD, _SSD), (_SSD[1],), _MEGARAID)
PROXY = Model("PowerEdge R430", 131072, (_SSD, _SSD, *[_SSD_BIG] * 4), (_SSD[1], *[_SSD_BIG[1]] * 4), _MEGARAID)
BARE = Model("PowerEdge R440", 65536, (_SSD, _SSD), (), _MEGARAID)  # as CONTROLLER, with no volume made yet
STORE = Model("PowerEdge R740xd", 131072, (*[_HDD] * 12, _SSD, _SSD))


class ServerBody(Protocol):
    """What a server is made of, as its agent, its RAID controller and its firmware tell of it."""

    @property
    def serial(self) -> str:
        """By which it is known."""

    @property
    def numbers(self) -> Sequence[str]:
        """Every number that its firmware has for it."""

    @property
    def boot_mac(self) -> str:
        """The MAC address of the interface that it boots from the network by."""

    @property
    def has_raid(self) -> bool:
        """Whether disks are behind a RAID controller."""

    @property
    def delivered(self) -> storcli.DeliveredRaid:
        """What its RAID controller has made of its disks before anybody touches it."""

    @property
    def disk_names(self) -> Sequence[str]:
        """Every disk that can be pulled out: by kernel name, or by its slot where it is behind a controller."""

    def place(self, slot: int) -> storcli.SlotPlace:
        """Where a slot is, by its number among those of all controllers."""

    def drives(self, present: frozenset[str]) -> storcli.Drives:
        """What its RAID controller finds in its slots."""

    def swap(self, disk: str) -> None:
        """Another disk of the same model takes the place of one that can be pulled out."""

    def devices(self, shown: Sequence[storcli.ShownDisk]) -> Mapping[str, storcli.ShownDisk | None]:
        """Kernel names, with what the RAID controller shows by that name; None: a disk beside the controller."""

    def report(
        self, present: frozenset[str], bmc_address: str, shown: Sequence[storcli.ShownDisk] | None, *, installed: bool
    ) -> dict[str, object]:
        """What its agent reports, of an ``installed`` system or the live one; ``shown`` None: it has no controller."""


@dataclass(frozen=True)
class RackedServer:
    """One server in a rack: its model, and the switches and port that its two fast interfaces are plugged into."""

    serial: str
    model: Model
    switches: tuple[str, str]
    port: str
    number: int  # tells the servers' MAC addresses apart

    @property
    def numbers(self) -> tuple[str, ...]:
        return self.serial, "Not Specified", self.serial

    @property
    def boot_mac(self) -> str:
        return boot_mac(self)

    @property
    def has_raid(self) -> bool:
        return self.model.has_raid

    @property
    def delivered(self) -> storcli.DeliveredRaid:
        return storcli.DeliveredRaid(self.model.delivered)

    @property
    def disk_names(self) -> tuple[str, ...]:
        return tuple(disk_names(self.model))

    def place(self, slot: int) -> storcli.SlotPlace:
        return storcli.in_one_enclosure(slot)

    def drives(self, present: frozenset[str]) -> storcli.Drives:
        return drives(self, present)

    def swap(self, disk: str) -> None:
        """Nothing tells its disks of one model apart."""

    def devices(self, shown: Sequence[storcli.ShownDisk]) -> Mapping[str, storcli.ShownDisk | None]:
        return {_kernel_name(number): each for number, each in enumerate(shown)}

    def report(
        self, present: frozenset[str], bmc_address: str, shown: Sequence[storcli.ShownDisk] | None, *, installed: bool
    ) -> dict[str, object]:
        volumes = None if shown is None else [each.size for each in shown]
        return report(self, present, bmc_address, installed=installed, volumes=volumes)


def disk_names(model: Model) -> dict[str, tuple[str, int]]:
    """Kernel name to (model, size) of every disk that can be pulled out."""
    return {_kernel_name(number): disk for number, disk in enumerate(model.disks)}


def _kernel_name(number: int) -> str:
    return f"sd{chr(ord('a') + number)}"


def report(
    placed: RackedServer,
    present: frozenset[str],
    bmc_address: str,
    *,
    installed: bool = False,
    volumes: Iterable[int] | None = None,
) -> dict[str, object]:
    """The stock agent's report of a server that has the disks named in ``present``.

    The stock agent runs in the live system only. One that runs on an ``installed`` system has to say so.
    """
    model = placed.model
    disks = {name: disk for name, disk in disk_names(model).items() if name in present}
    found: dict[str, object] = {
        "blockdevices": _volumes(model.volumes if volumes is None else volumes) if model.has_raid else _plain(disks),
        "interfaces": [_interface(placed, index) for index in range(4)],
        "blkdev_ctrl": [
            {
                "hwid": "raid" if model.has_raid else "sata",
                "vendor": "Broadcom / LSI" if model.has_raid else "Intel Corporation",
                "product": model.controller,
                "ctrl_type": "LSI-raid" if model.has_raid else "none",
                "firmware_version": "4.300.00-8366" if model.has_raid else "0.0.0",
            }
        ],
        "machine": [_machine(placed, bmc_address) | ({"installed_system": "yes"} if installed else {})],
        "memory": [{"size": str(model.memory_mib), "type": "DDR4", "speed": "2933", "manufacturer": "Hynix"}],
    }
    if model.has_raid:
        found["phys-blockdevices"] = [_physical(placed, name, disk) for name, disk in disks.items()]
    return found


def _machine(placed: RackedServer, bmc_address: str) -> dict[str, str]:
    """The report's keys of the machine as a whole. Every value is text, as the stock agent writes it."""
    return {
        "serial": placed.serial,
        "system_manufacturer": "Dell Inc.",
        "productname": placed.model.product,
        "bios_version": "2.12.2",
        "dell_lifecycle_version": "6.00.30.00",
        "ipmi_firmware_version": "6.00",
        "ipmi_detected_ip": bmc_address,
        "ladvd_report": "none",
        "use_oci_sort_dev": "no",
        "cpu_vendor": "GenuineIntel",
        "cpu_threads": "64",
        "cpu_core_per_socket": "16",
        "cpu_sockets": "2",
        "cpu_model_name": "Intel(R) Xeon(R) Gold 5218 CPU @ 2.30GHz",
        "cpu_mhz": "2300.000",
        "boot_uefi": "no",
        "secure_boot": "no",
    }


def boot_mac(placed: RackedServer) -> str:
    """The MAC address of the interface that it boots from the network by."""
    return mac_of(placed, 0)


def _interface(placed: RackedServer, index: int) -> dict[str, str]:
    fast = index >= 2
    return {
        "name": f"eno{index + 1}",
        "macaddr": mac_of(placed, index),
        "max_speed": "10000" if fast else "1000",
        "switchport_name": placed.port if fast else "unknown",
        "switch_hostname": placed.switches[index - 2] if fast else "unknown",
        "firmware_version": "20.5.13" if fast else "21.60.2",
        "driver": "ixgbe" if fast else "tg3",
    }


def mac_of(placed: RackedServer, index: int) -> str:
    """The MAC address of one of its network interfaces."""
    return f"52:54:00:{placed.number >> 8:02x}:{placed.number & 255:02x}:{index:02x}"


def drives(placed: RackedServer, present: frozenset[str]) -> dict[int, storcli.SlotDrive]:
    """What is in each slot."""
    disks = {name: disk for name, disk in disk_names(placed.model).items() if name in present}
    return {_slot(name): storcli.SlotDrive(_serial(placed, _slot(name)), *disk) for name, disk in disks.items()}


def _slot(name: str) -> int:
    return ord(name[-1]) - ord("a")


def _serial(placed: RackedServer, slot: int) -> str:
    return f"PHYF{placed.number:03d}{slot:02d}"


def _volumes(sizes: Iterable[int]) -> list[dict[str, str]]:
    return [_block(_kernel_name(number), "PERC H730 Mini", size) for number, size in enumerate(sizes)]


def _plain(disks: dict[str, tuple[str, int]]) -> list[dict[str, str]]:
    return [_block(name, model, size) for name, (model, size) in disks.items()]


def _block(name: str, model: str, size: int) -> dict[str, str]:
    return {"name": name, "realdev": name, "size": str(size), "model": model}


def _physical(placed: RackedServer, name: str, disk: tuple[str, int]) -> dict[str, str]:
    slot = _slot(name)
    return {
        "controller": "0",
        "enclosure": "32",
        "slot": str(slot),
        "model": disk[0],
        "serial": _serial(placed, slot),
        "size": str(disk[1]),
        "state": "Online",
    }
