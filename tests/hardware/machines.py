"""Machines and specs for the tests here, in few words."""

from typing import Any

from reconciler.model.hardware import Cpu, Disk, Hardware, Nic, PhysicalDisk
from reconciler.model.kinds import HardwareProfileSpec, RackingSpec

GIB = 2**30


def machine(**changed: Any) -> Hardware:
    """A PowerEdge R640 with two small and three large disks, and two network interfaces."""
    given: dict[str, Any] = {
        "serial": "2S2JGM2", "manufacturer": "Dell Inc.", "product": "PowerEdge R640", "memory": 256 * GIB,
        "cpu": Cpu("GenuineIntel", "Xeon Gold 5218", threads=64, cores_per_socket=16, sockets=2, mhz=2300.0),
        "disks": disks(240, 240, 960, 960, 960),
        "nics": (nic("eno1", 1), nic("eno2", 2)),
        "bios_version": "2.12.2", "bmc_firmware": "6.00", "bmc_address": "192.168.200.9",
    }  # fmt: skip
    return Hardware(**(given | changed))


def disks(*gigabytes: int, model: str = "MZ7LH") -> tuple[Disk, ...]:
    """sda, sdb, ..., of decimal gigabytes."""
    names = [f"sd{chr(ord('a') + i)}" for i in range(len(gigabytes))]
    return tuple(Disk(name, name, size * 10**9, model) for name, size in zip(names, gigabytes, strict=True))


def behind(*gigabytes: int, model: str = "MZ7LH") -> tuple[PhysicalDisk, ...]:
    """Disks in slots 0, 1, ... of enclosure 32 behind controller 0."""
    return tuple(PhysicalDisk(0, 32, slot, size * 10**9, model, f"S{slot}") for slot, size in enumerate(gigabytes))


def nic(name: str, last: int, switch: str | None = None, port: str | None = None) -> Nic:
    return Nic(name, f"e4:43:4b:00:00:{last:02x}", 10000, switch, port)


def profile(*entries: dict[str, Any], **changed: Any) -> HardwareProfileSpec:
    return HardwareProfileSpec.model_validate({"role": "compute", "disks": list(entries)} | changed)


def entry(low: str, high: str, least: int, most: int | None, **changed: Any) -> dict[str, Any]:
    return {"size": {"min": low, "max": high}, "count": {"min": least, "max": most}} | changed


def racking(**changed: Any) -> RackingSpec:
    """Two racks of two switches; R640 of one unit, R740xd of two."""
    switches = {
        f"sw{rack}{side}": {"dc": "2", "row": "b", "rack": str(rack), "location": f"zone-{rack}"}
        for rack in (1, 2)
        for side in "ab"
    }
    products = {"PowerEdge R640": {"height": 1}, "PowerEdge R740xd": {"height": 2}}
    ports = {"pattern": r"swp(?P<unit>\d+)"}
    return RackingSpec.model_validate({"switches": switches, "products": products, "ports": ports} | changed)
