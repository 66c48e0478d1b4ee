"""Changes between two reports of one machine, as an on-call person would say them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from ..model.disk_matching import real_identifier, serials_contradict
from ..model.hardware import Disk, DiskController, Hardware, Nic, PhysicalDisk
from ..model.switches import same_switch
from ..model.units import counted, render_size
from .disks import describe, disk_name, exact_size
from .recall import AnyDisk


class ChangeKind(StrEnum):
    """Sorts of change, by which events are counted and alerts are chosen."""

    FIRST_REPORT = "first-report"
    DISK_GONE = "disk-gone"
    DISK_NEW = "disk-new"
    DISK_CHANGED = "disk-changed"
    NIC_GONE = "nic-gone"
    NIC_NEW = "nic-new"
    NIC_RECABLED = "nic-recabled"
    CONTROLLER_GONE = "controller-gone"
    CONTROLLER_NEW = "controller-new"
    MEMORY = "memory"
    CPU = "cpu"
    FIRMWARE = "firmware"
    BMC_ADDRESS = "bmc-address"
    BOOT_MODE = "boot-mode"
    MODEL = "model"


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is not as it was."""

    kind: ChangeKind
    text: str


def changes(before: Hardware | None, after: Hardware) -> tuple[Change, ...]:
    """Everything that differs, disks first; nothing when only order or the processor's current clock does."""
    if before is None:
        return (Change(ChangeKind.FIRST_REPORT, f"first report: {_summary(after)}"),)
    return (
        *_disks(before, after),
        *_physical_disks(before, after),
        *_controllers(before, after),
        *_nics(before, after),
        *_machine(before, after),
    )


def _summary(h: Hardware) -> str:
    disks = h.physical_disks or h.disks
    total = render_size(sum(disk.size for disk in disks))
    return (
        f"{h.manufacturer or 'unknown maker'} {h.product or 'unknown product'}, {exact_size(h.memory)} of memory, "
        f"{counted(len(disks), 'disk')} ({total}), {counted(len(h.nics), 'network interface')}"
    )


def _by_identity(before: Sequence[Disk], after: Sequence[Disk]) -> tuple[dict[str, Disk], dict[str, Disk]]:
    """The disks of both reports by the strongest identifier that one disk has in each; by name where there is none."""
    shared = {key for disks in (before, after) for key, times in Counter(_keys(disks)).items() if times > 1}

    def key_of(disk: Disk) -> str:
        return next((key for key in _keys([disk]) if key not in shared), disk.name)

    old, new = ({key_of(disk): disk for disk in disks} for disks in (before, after))
    for key in sorted(old.keys() & new.keys()):
        if serials_contradict(old[key].identity, new[key]):  # another disk, of a maker that gives all one WWN
            new[f"{key} of another serial"] = new.pop(key)
    return old, new


def _keys(disks: Iterable[Disk]) -> Iterator[str]:
    """Identifiers of disks, the strongest of each first."""
    for disk in disks:
        wwn, serial = real_identifier(disk.wwn), real_identifier(disk.serial)
        if wwn:
            yield f"wwn {wwn}"
        if serial:
            yield f"serial {serial}"
            if disk.nsid is not None:
                yield f"serial {serial} namespace {disk.nsid}"


def _disks(before: Hardware, after: Hardware) -> Iterator[Change]:
    """Disks that came, went, or differ in name, size, model, paths or contents."""
    old, new = _by_identity(before.disks, after.disks)
    yield from _came_and_went(old, new)
    for key in sorted(old.keys() & new.keys()):
        was, now = old[key], new[key]
        if was.name != now.name:
            yield Change(ChangeKind.DISK_CHANGED, f"disk {describe(now)} was called {was.name} before")
        if (was.size, was.model) != (now.size, now.model):
            yield Change(ChangeKind.DISK_CHANGED, f"disk {describe(was)} is now {_size_and_model(now)}")
        if len(was.paths) != len(now.paths):
            paths, until_now = len(now.paths) or 1, len(was.paths) or 1
            text = f"disk {describe(now)} is reached over {counted(paths, 'path')}, over {until_now} before"
            yield Change(ChangeKind.DISK_CHANGED, text)
        if was.contents != now.contents:
            text = f"disk {describe(now)} holds {now.contents or 'nothing'} now, {was.contents or 'nothing'} before"
            yield Change(ChangeKind.DISK_CHANGED, text)


def _physical_disks(before: Hardware, after: Hardware) -> Iterator[Change]:
    old, new = ({disk_name(disk): disk for disk in h.physical_disks} for h in (before, after))
    yield from _came_and_went(old, new)
    for slot in sorted(old.keys() & new.keys()):
        was, now = old[slot], new[slot]
        if (was.serial, was.size, was.model) != (now.serial, now.size, now.model):
            text = f"disk {describe(was)}{_serial(was)} was replaced by {_size_and_model(now)}{_serial(now)}"
            yield Change(ChangeKind.DISK_CHANGED, text)
        elif was.state != now.state:
            text = f"disk {describe(now)} is {now.state or 'in no known state'}, was {was.state or 'in no known state'}"
            yield Change(ChangeKind.DISK_CHANGED, text)


def _came_and_went(
    old: dict[str, Disk] | dict[str, PhysicalDisk], new: dict[str, Disk] | dict[str, PhysicalDisk]
) -> Iterator[Change]:
    for key in sorted(old.keys() - new.keys()):
        yield Change(ChangeKind.DISK_GONE, f"disk {describe(old[key])} is gone")
    for key in sorted(new.keys() - old.keys()):
        yield Change(ChangeKind.DISK_NEW, f"disk {describe(new[key])} is new")


def _size_and_model(disk: AnyDisk) -> str:
    return f"{render_size(disk.size)}{' ' if disk.model else ''}{disk.model}"


def _serial(disk: AnyDisk) -> str:
    return f" serial {disk.serial}" if disk.serial else ""


def _controllers(before: Hardware, after: Hardware) -> Iterator[Change]:
    old, new = ({(c.hwid, c.vendor, c.product): c for c in h.controllers} for h in (before, after))
    for key in sorted(old.keys() - new.keys()):
        yield Change(ChangeKind.CONTROLLER_GONE, f"storage controller {_controller(old[key])} is gone")
    for key in sorted(new.keys() - old.keys()):
        yield Change(ChangeKind.CONTROLLER_NEW, f"storage controller {_controller(new[key])} is new")
    for key in sorted(old.keys() & new.keys()):
        what = f"storage controller {_controller(new[key])}"
        yield from _differs(ChangeKind.FIRMWARE, f"firmware of {what}", old[key].firmware, new[key].firmware)


def _controller(controller: DiskController) -> str:
    return " ".join(word for word in (controller.hwid, controller.vendor, controller.product) if word)


def _nics(before: Hardware, after: Hardware) -> Iterator[Change]:
    old, new = ({nic.mac: nic for nic in h.nics} for h in (before, after))
    for mac in sorted(old.keys() - new.keys()):
        yield Change(ChangeKind.NIC_GONE, f"network interface {_nic(old[mac])} is gone")
    for mac in sorted(new.keys() - old.keys()):
        yield Change(ChangeKind.NIC_NEW, f"network interface {_nic(new[mac])} is new")
    for mac in sorted(old.keys() & new.keys()):
        was, now = old[mac], new[mac]
        if was.port != now.port or not _is_one_switch(was.switch, now.switch):
            text = f"network interface {_nic(now)} is on {_neighbour(now)}, was on {_neighbour(was)}"
            yield Change(ChangeKind.NIC_RECABLED, text)
        yield from _differs(ChangeKind.FIRMWARE, f"firmware of {_nic(now)}", was.firmware, now.firmware)


def _is_one_switch(was: str | None, now: str | None) -> bool:
    return was == now or (was is not None and now is not None and same_switch(was, now))


def _nic(nic: Nic) -> str:
    return f"{nic.name} ({nic.mac})"


def _neighbour(nic: Nic) -> str:
    if nic.switch is None:
        return f"port {nic.port} of a switch without a name" if nic.port else "no switch that it hears"
    return f"{nic.switch} port {nic.port or 'unknown'}"


def _machine(before: Hardware, after: Hardware) -> Iterator[Change]:
    """Changes of what a machine has once: model, memory, processor, firmware, BMC address, boot mode."""
    for kind, what, was, now in (
        (ChangeKind.MODEL, "manufacturer", before.manufacturer, after.manufacturer),
        (ChangeKind.MODEL, "product", before.product, after.product),
        (ChangeKind.MEMORY, "memory", exact_size(before.memory), exact_size(after.memory)),
        (ChangeKind.CPU, "processor", _cpu(before), _cpu(after)),
        (ChangeKind.FIRMWARE, "BIOS version", before.bios_version, after.bios_version),
        (ChangeKind.FIRMWARE, "BMC firmware", before.bmc_firmware, after.bmc_firmware),
        (ChangeKind.FIRMWARE, "Lifecycle Controller version", before.lifecycle_version, after.lifecycle_version),
        (ChangeKind.BMC_ADDRESS, "BMC address", before.bmc_address, after.bmc_address),
    ):
        yield from _differs(kind, what, was, now)
    for what, was, now in (
        ("boot mode", _boot_mode(before), _boot_mode(after)),
        ("secure boot", _on(before.secure_boot), _on(after.secure_boot)),
    ):
        if was is not None and now is not None:  # what an agent does not say has not changed
            yield from _differs(ChangeKind.BOOT_MODE, what, was, now)


def _differs(kind: ChangeKind, what: str, was: str | None, now: str | None) -> Iterator[Change]:
    if was != now:
        yield Change(kind, f"{what} is {now or 'not reported'}, was {was or 'not reported'}")


def _cpu(h: Hardware) -> str:
    cpu = h.cpu
    return f"{cpu.model or cpu.vendor or 'unknown'} ({cpu.sockets or '?'} sockets, {cpu.threads or '?'} threads)"


def _boot_mode(h: Hardware) -> str | None:
    return None if h.uefi is None else "UEFI" if h.uefi else "BIOS"


def _on(state: bool | None) -> str | None:
    return None if state is None else "on" if state else "off"
