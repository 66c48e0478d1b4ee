"""Hardware of simulated servers that were observed: the agent's report of it, its disks and its RAID controllers.

What a report cannot say twice alike, or what nobody decides by, is left out: ``as_simulated``.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from ..model.contents import Contents, SignatureFound
from ..model.hardware import Disk, Hardware, Nic, PhysicalDisk
from ..model.raid import RaidLayout, RaidVolume, place_order, place_text
from . import storcli

MIB = 2**20
CLOSE = 0.02
"""A volume is this much smaller than its disks at most: the controller keeps its notes at their end."""

_VOLUME_MODEL = "simulated volume"


def as_simulated(hardware: Hardware) -> Hardware:
    """The hardware as it is simulated: without what is drawn at each boot, and what only people read."""
    return replace(hardware, ssh_host_keys=(), remarks=(), extra={})


def report_of(hardware: Hardware) -> dict[str, Any]:
    """A report that is understood as just this hardware, if it is ``as_simulated``."""
    found: dict[str, Any] = {
        "machine": [_machine(hardware)],
        "memory": [dict(module) for module in hardware.memory_modules] or [{"size": str(hardware.memory // MIB)}],
        "blockdevices": [entry for disk in hardware.disks for entry in _paths(disk)],
        "interfaces": [_nic(nic) for nic in hardware.nics],
        "blkdev_ctrl": [
            {
                "hwid": each.hwid,
                "vendor": each.vendor,
                "product": each.product,
                "ctrl_type": each.kind,
                "firmware_version": each.firmware,
            }
            for each in hardware.controllers
        ],
    }
    if hardware.physical_disks:
        found["phys-blockdevices"] = [_physical(disk) for disk in hardware.physical_disks]
    return found


def _machine(hardware: Hardware) -> dict[str, str]:
    """The report's keys of the machine as a whole; those that say nothing are not there."""
    cpu, dmi = hardware.cpu, hardware.dmi
    said: dict[str, object] = {
        "serial": hardware.serial,
        "system_manufacturer": hardware.manufacturer,
        "productname": hardware.product,
        "bios_version": hardware.bios_version,
        "dell_lifecycle_version": hardware.lifecycle_version,
        "ipmi_firmware_version": hardware.bmc_firmware,
        "ipmi_detected_ip": hardware.bmc_address,
        "architecture": hardware.architecture,
        "cpu_vendor": cpu.vendor,
        "cpu_model_name": cpu.model,
        "cpu_threads": cpu.threads,
        "cpu_core_per_socket": cpu.cores_per_socket,
        "cpu_sockets": cpu.sockets,
        "cpu_mhz": cpu.mhz,
        "system_serial": dmi.system,
        "board_serial": dmi.board,
        "chassis_serial": dmi.chassis,
        "system_uuid": dmi.uuid,
    }
    modes = {"boot_uefi": hardware.uefi, "secure_boot": hardware.secure_boot}
    flags = {
        "use_oci_sort_dev": hardware.sort_devices,
        "installed_system": hardware.from_installed,
    }
    texts = {key: str(value) for key, value in said.items() if value not in (None, "")}
    texts |= {key: "yes" if is_so else "no" for key, is_so in modes.items() if is_so is not None}
    return texts | {key: "yes" for key, is_so in flags.items() if is_so}


def _paths(disk: Disk) -> Iterator[dict[str, Any]]:
    """A disk as often as it is reached; most are once."""
    told = _block(disk)
    yield told
    for path in disk.paths[1:]:
        yield {**told, "name": path, "realdev": path}


def _block(disk: Disk) -> dict[str, Any]:
    """A disk as the agent would tell it, with what was found on it."""
    found: dict[str, Any] = {"name": disk.name, "realdev": disk.device, "size": str(disk.size), "model": disk.model}
    said = {"serial": disk.serial, "wwn": disk.wwn, "pci": disk.pci, "transport": disk.transport}
    found |= {key: value for key, value in said.items() if value}
    if disk.nsid is not None:
        found["nsid"] = str(disk.nsid)
    if disk.rotational is not None:
        found["rotational"] = "yes" if disk.rotational else "no"
    found |= {key: "yes" for key, is_so in (("read_only", disk.read_only), ("zoned", disk.zoned)) if is_so}
    if disk.paths:
        found["multipath"] = f"of-{disk.device}"
    signatures = [part for part in disk.contents.parts if isinstance(part, SignatureFound)]
    if signatures:
        found["signatures"] = [
            {"device": part.on or disk.device, "type": part.type, "label": part.label} for part in signatures
        ]
    return found


def _nic(nic: Nic) -> dict[str, str]:
    said = {
        "name": nic.name,
        "macaddr": nic.mac,
        "max_speed": nic.speed,
        "switch_hostname": nic.switch,
        "switchport_name": nic.port,
        "firmware_version": nic.firmware,
        "driver": nic.driver,
        "permanent_macaddr": nic.permanent,
    }
    also = zip(("switchport_id", "switchport_description"), nic.port_also, strict=False)
    return {key: str(value) for key, value in (*said.items(), *also) if value not in (None, "")}


def _physical(disk: PhysicalDisk) -> dict[str, str]:
    """A disk behind a controller as the agent would tell it."""
    enclosure = {} if disk.enclosure is None else {"enclosure": str(disk.enclosure)}
    rotational = {None: "", True: "yes", False: "no"}[disk.rotational]
    told = {"wwn": disk.wwn, "pci": disk.pci, "rotational": rotational, "interface": disk.interface}
    return {
        "controller": str(disk.controller),
        **enclosure,
        "slot": str(disk.slot),
        "size": str(disk.size),
        "model": disk.model,
        "serial": disk.serial,
        "state": disk.state,
        **{key: value for key, value in told.items() if value},
    }


# ---- what its RAID controllers have made of its disks


@dataclass(frozen=True)
class ControllerState:
    """Which disks of the operating system are behind controllers, and what they are made of, as far as can be told."""

    volumes: tuple[tuple[Disk, int, tuple[int, ...]], ...] = ()  # with level and slots
    single: tuple[tuple[Disk, int], ...] = ()  # with its slot
    beside: tuple[Disk, ...] = ()  # those that are behind none


def controller_state(hardware: Hardware, asked: RaidLayout | None = None) -> ControllerState:
    """What volumes there must be, as no report says which disks are in which.

    Each disk that the kernel shows is a single one where a physical disk has its serial. Else it is a volume that its
    profile asks for, if it has the size of one; else a volume of as few disks as make this size.

    Args:
        hardware: As it was observed.
        asked: What its profile asks of its controllers.
    """
    return _Guess(hardware, asked).found()


class _Guess:
    """Takes one disk of the operating system after the other, and gives it disks that nobody has taken yet."""

    def __init__(self, hardware: Hardware, asked: RaidLayout | None) -> None:
        self._physical = slots_of(hardware)
        self._free = dict(enumerate(self._physical))
        self._asked = list(asked.volumes) if asked else []
        self._disks = hardware.disks

    def found(self) -> ControllerState:
        volumes, single, beside = [], [], []
        for disk in self._disks:
            if disk.device.startswith("nvme") or not self._physical:
                beside.append(disk)
            elif (slot := self._with_serial(disk)) is not None:
                single.append((disk, slot))
            elif (made := self._as_asked(disk) or self._of_few(disk)) is not None:
                volumes.append((disk, *made))
            else:
                beside.append(disk)
        return ControllerState(tuple(volumes), tuple(single), tuple(beside))

    def _with_serial(self, disk: Disk) -> int | None:
        """The slot of the one physical disk that it is."""
        same = [slot for slot, each in self._free.items() if each.serial and each.serial == disk.serial]
        return self._take(same)[0] if len(same) == 1 else None

    def _as_asked(self, disk: Disk) -> tuple[int, tuple[int, ...]] | None:
        """Level and slots of a volume that its profile asks for."""
        for volume in self._asked:
            slots = self._members(volume)
            if slots and _is_close(disk.size, _usable(volume.level, [self._free[slot].size for slot in slots])):
                self._asked.remove(volume)
                return volume.level, self._take(slots)
        return None

    def _members(self, volume: RaidVolume) -> list[int]:
        """The slots of all its disks; none where one is gone or taken."""
        wanted = [(disk.controller, disk.enclosure, disk.slot) for disk in volume.disks]
        slots = [slot for slot, disk in self._free.items() if disk.place in wanted]
        return slots if len(slots) == len(wanted) else []

    def _of_few(self, disk: Disk) -> tuple[int, tuple[int, ...]] | None:
        """Level and slots of the plainest volume of its size: a mirror of two where there are, else of one disk."""
        for level, count in ((1, 2), (0, 1), (0, 2), (5, 3), (10, 4), (6, 4)):
            for size in sorted({each.size for each in self._free.values()}):
                alike = [slot for slot, each in self._free.items() if each.size == size]
                if len(alike) >= count and _is_close(disk.size, _usable(level, [size] * count)):
                    return level, self._take(alike[:count])
        return None

    def _take(self, slots: Iterable[int]) -> tuple[int, ...]:
        taken = tuple(slots)
        for slot in taken:
            del self._free[slot]
        return taken


def slots_of(hardware: Hardware) -> list[PhysicalDisk]:
    """The disks behind controllers, by the numbers of their slots."""
    return sorted(hardware.physical_disks, key=lambda disk: place_order(disk.place))


def _usable(level: int, sizes: Sequence[int]) -> int:
    """What a volume of these disks holds, in bytes."""
    many = len(sizes)
    return min(sizes) * {1: 1, 5: many - 1, 6: many - 2, 10: many // 2}.get(level, many)


def _is_close(size: int, room: int) -> bool:
    return room * (1 - CLOSE) <= size <= room


# ---- a server


@dataclass
class ObservedBody:
    """Implements ``hardware.ServerBody``: of one server in one history."""

    hardware: Hardware  # ``as_simulated``
    asked: RaidLayout | None = None  # what its profile asks of its controllers
    swapped: Counter[str] = field(default_factory=Counter)  # how often, by the name of a disk

    @property
    def serial(self) -> str:
        return self.hardware.serial

    @property
    def numbers(self) -> tuple[str, ...]:
        dmi = self.hardware.dmi
        return tuple(filter(None, (self.serial, dmi.system, dmi.board, dmi.chassis, dmi.uuid)))

    @property
    def boot_mac(self) -> str:
        return next((nic.mac for nic in self.hardware.nics), "02:00:00:00:00:00")

    @property
    def has_raid(self) -> bool:
        return bool(self.hardware.physical_disks)

    @cached_property
    def _before(self) -> ControllerState:
        return controller_state(self.hardware, self.asked)

    @cached_property
    def _slots(self) -> list[PhysicalDisk]:
        return slots_of(self.hardware)

    @property
    def delivered(self) -> storcli.DeliveredRaid:
        volumes = [(level, list(slots)) for _, level, slots in self._before.volumes]
        return storcli.DeliveredRaid(volumes, [slot for _, slot in self._before.single])

    @property
    def disk_names(self) -> tuple[str, ...]:
        behind = [place_text(disk.place) for disk in self._slots]
        return (*behind, *(disk.device for disk in self._before.beside))

    def place(self, slot: int) -> storcli.SlotPlace:
        return self._slots[slot].place

    def drives(self, present: frozenset[str]) -> storcli.Drives:
        there = ((slot, disk) for slot, disk in enumerate(self._slots) if place_text(disk.place) in present)
        return {slot: storcli.SlotDrive(disk.serial, disk.model, disk.size) for slot, disk in there}

    def swap(self, disk: str) -> None:
        self.swapped[disk] += 1

    def devices(self, shown: Sequence[storcli.ShownDisk]) -> Mapping[str, storcli.ShownDisk | None]:
        return {disk.device: by for disk, by in self._shown(shown)}

    def _shown(self, shown: Sequence[storcli.ShownDisk]) -> list[tuple[Disk, storcli.ShownDisk | None]]:
        """Every disk that the kernel shows: what was there before by its old name, what is new by a free one."""
        before = {slots: disk for disk, _, slots in self._before.volumes}
        before |= {(slot,): disk for disk, slot in self._before.single}
        names = {disk.device for disk in (*before.values(), *self._before.beside)}
        free = (name for name in _letters() if name not in names)
        found: list[tuple[Disk, storcli.ShownDisk | None]] = []
        for each in shown:
            known = before.get(each.slots)
            found.append((known or _new_volume(next(free), each.size), each))
        found += [(self._as_swapped(disk), None) for disk in self._before.beside]
        order = {disk.device: number for number, disk in enumerate(self.hardware.disks)}
        return sorted(found, key=lambda one: order.get(one[0].device, len(order)))

    def _as_swapped(self, disk: Disk) -> Disk:
        """The disk that is in its place now: of the same model, with another serial and WWN."""
        if not (times := self.swapped[disk.device]):
            return disk
        serial, wwn = (_next_number(text, times) for text in (disk.serial, disk.wwn))
        return replace(disk, serial=serial, wwn=wwn, contents=Contents())

    def report(
        self, present: frozenset[str], bmc_address: str, shown: Sequence[storcli.ShownDisk] | None, *, installed: bool
    ) -> dict[str, object]:
        before = self._before
        made = [storcli.ShownDisk(slots, disk.size) for disk, _, slots in before.volumes]
        made += [storcli.ShownDisk((slot,), disk.size) for disk, slot in before.single]
        disks = [disk for disk, by in self._shown(made if shown is None else shown) if by or disk.device in present]
        there = [disk for disk in self.hardware.physical_disks if place_text(disk.place) in present]
        now = replace(
            self.hardware,
            disks=tuple(disks),
            physical_disks=tuple(there),
            bmc_address=bmc_address or None,
            from_installed=installed,
        )
        return report_of(now)


def _letters() -> Iterator[str]:
    """sda, sdb ... sdz, and then by number: nothing has more volumes."""
    yield from (f"sd{chr(ord('a') + number)}" for number in range(26))
    yield from (f"sda{chr(ord('a') + number)}" for number in range(26))


def _new_volume(name: str, size: int) -> Disk:
    return Disk(name, name, size, _VOLUME_MODEL)


def _next_number(text: str, times: int) -> str:
    """Another number of the same form."""
    if not text:
        return ""
    digits = re.search(r"[0-9A-Fa-f](?=[^0-9A-Fa-f]*$)", text)
    if digits is None:
        return f"{text}{times}"
    return f"{text[: digits.start()]}{(int(digits[0], 16) + times) % 16:x}{text[digits.end() :]}"
