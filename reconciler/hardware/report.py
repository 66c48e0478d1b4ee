"""A hardware report of the agent, believed or refused as a whole.

Refused is what identity or safety rests on: the serial, sizes and names of disks, structure, types, anything hostile.
An optional text that says nothing useful (a NIC without MAC, a speed of ``-1``), or cannot be shown as it came (control
characters, a thousand letters), is put aside in ``Hardware.extra`` and the rest of the report still counts.
"""

import json
import re
from dataclasses import dataclass, replace
from hashlib import sha256
from ipaddress import ip_address
from typing import Final

from ..model.bmc import is_nobodys
from ..model.boot_nonce import BootNonce, parse_nonce
from ..model.contents import Contents
from ..model.fillers import is_filler, is_no_serial
from ..model.hardware import (
    Cpu,
    Disk,
    DiskController,
    Dmi,
    Hardware,
    Nic,
    PhysicalDisk,
    ReportSection,
    Signature,
    contents_of,
)
from ..model.raid import DiskPlace, place_order
from ..model.serials import SERIAL, SERIAL_WORDS, as_serial
from .fields import MAX_BLOCK_DEVICES, MAX_DISKS, Fields, ReportError, clip, kind_of, parse_object, storable
from .paths import one_per_disk

__all__ = ["Report", "ReportError", "digest", "parse_report", "read_report"]

PETABYTE: Final = 10**15
MIB: Final = 2**20
MAX_SIGNATURES: Final = 256  # of one disk and its partitions; a GPT has 128 of those
MAX_NICS: Final = 256  # SR-IOV shows virtual functions as NICs
MAX_CONTROLLERS: Final = 64
MAX_MODULES: Final = 256
MAX_KEYS: Final = 16
MAX_REMARKS: Final = 64
MAX_UNREAD: Final = 16  # our agent's report has half as many sections
MAX_NSID: Final = 2**32 - 2  # NVM Express base specification: FFFFFFFFh stands for all namespaces
MODULE_WORDS: Final[tuple[str, ...]] = ("type", "speed", "manufacturer")

_SERIAL = re.compile(SERIAL)
_DEVICE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:!-]{0,63}")
_MAC = re.compile(r"[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5}|[0-9a-f]{12}")
_PCI = re.compile(r"[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]")
_HOST_KEY = re.compile(r"(?:ssh|ecdsa|sk)-[a-z0-9@.-]{1,60} [A-Za-z0-9+/]{16,1400}={0,2}(?: [!-~ ]{0,100})?")
_ARCHITECTURES = {"amd64": "amd64", "x86_64": "amd64", "arm64": "arm64", "aarch64": "arm64"}


@dataclass(frozen=True, slots=True)
class Report:
    """What one report says: the hardware, and the boot for which it speaks."""

    hardware: Hardware
    nonce: BootNonce | None  # that it returns, not yet known to be genuine; None: the stock agent's, or of no such boot


def parse_report(body: bytes) -> Hardware:
    """The hardware described by one report of the stock agent, or of ours, which says more.

    Takes sizes of disks in bytes, memory in MiB, NIC speeds in Mbit/s, as the agent writes them.

    Raises:
        ReportError: Identity or safety cannot rest on the report; the error names the field.
    """
    return read_report(body).hardware


def read_report(body: bytes) -> Report:
    """The hardware described by one report, and the nonce that it returns.

    Raises:
        ReportError: Identity or safety cannot rest on the report; the error names the field.
    """
    top = Fields("", parse_object(body))
    nonce = _nonce(top)
    return Report(_hardware(top), nonce)


def _nonce(top: Fields) -> BootNonce | None:
    text = top.exact("boot_nonce")
    try:
        return parse_nonce(text) if text else None
    except ValueError as error:
        top.refuse("boot_nonce", str(error))


def _hardware(top: Fields) -> Hardware:
    """The hardware of a report, whose other fields were taken.

    Raises:
        ReportError: Identity or safety cannot rest on it.
    """
    machine = _only_machine(top)
    extra: dict[str, object] = {}
    modules, memory = _memory(top, extra)
    uefi, secure_boot = _firmware(machine)
    controllers, cut = _controllers(top, extra)
    hardware = Hardware(
        serial=_serial(machine),
        manufacturer=machine.text("system_manufacturer"),
        product=machine.text("productname"),
        memory=memory,
        cpu=_cpu(machine),
        disks=_disks(top, extra),
        physical_disks=_physical_disks(top, extra),
        nics=_nics(top, extra),
        controllers=controllers,
        bios_version=machine.text("bios_version"),
        lifecycle_version=machine.text("dell_lifecycle_version"),
        bmc_firmware=machine.text("ipmi_firmware_version"),
        bmc_address=_bmc_address(machine),
        uefi=uefi,
        secure_boot=secure_boot,
        architecture=_architecture(machine),
        sort_devices=machine.yes("use_oci_sort_dev"),
        memory_modules=modules,
        ssh_host_keys=_host_keys(top),
        dmi=_dmi(machine),
        remarks=(*_remarks(top), *cut),
        unread=_unread(top),
        from_installed=machine.yes("installed_system"),
    )
    return replace(hardware, extra=storable(extra | machine.rest() | top.rest()))


def _only_machine(top: Fields) -> Fields:
    machines = top.objects("machine", most=1)
    if not machines:
        raise ReportError("machine", "is missing")
    return machines[0]


def _serial(machine: Fields) -> str:
    """The identity of a machine: never cleaned up, because two machines must not become one by it."""
    given = machine.values.get("serial")
    if isinstance(given, str):
        word = given.strip().lower()
        if not word:
            machine.refuse("serial", "is empty; set one in the firmware")
        if is_no_serial(word):
            machine.refuse("serial", f'"{clip(given)}" is what firmware says when it has no serial; set one there')
        if _SERIAL.fullmatch(as_serial(given)):
            machine.values["serial"] = as_serial(given)
    return machine.name("serial", _SERIAL, f"a serial: {SERIAL_WORDS}")


def _dmi(machine: Fields) -> Dmi:
    """Everything that the firmware says beside the identity that the agent chose, without fillers."""
    keys = ("system_serial", "board_serial", "chassis_serial", "system_uuid")
    return Dmi(*("" if is_no_serial(text) else text for text in map(machine.text, keys)))


def _memory(top: Fields, extra: dict[str, object]) -> tuple[tuple[dict[str, str], ...], int]:
    """The modules as they are described, and the bytes of all together; the stock agent gives one entry, the total."""
    entries = top.objects("memory", MAX_MODULES)
    if not entries:
        raise ReportError("memory", "is missing")
    modules: list[dict[str, str]] = []
    total = 0
    for entry in entries:
        size = entry.whole("size", 1, PETABYTE // MIB)
        total += size
        words: dict[str, str] = {key: entry.text(key) for key in MODULE_WORDS if key in entry.values}
        modules.append({"size": str(size), **words})
        extra.update(entry.rest())
    if total * MIB > PETABYTE:
        raise ReportError("memory", "is more than 1 PB in all")
    return tuple(modules), total * MIB


def _cpu(machine: Fields) -> Cpu:
    return Cpu(
        vendor=machine.text("cpu_vendor"),
        model=machine.text("cpu_model_name"),
        threads=machine.maybe_whole("cpu_threads", 65536),
        cores_per_socket=machine.maybe_whole("cpu_core_per_socket", 65536),
        sockets=machine.maybe_whole("cpu_sockets", 1024),
        mhz=machine.maybe_number("cpu_mhz", 100_000),
    )


def _disks(top: Fields, extra: dict[str, object]) -> tuple[Disk, ...]:
    """The disks by kernel name, each once, however many paths lead to it.

    Args:
        top: The report.
        extra: Takes what no field of a disk holds.

    Raises:
        ReportError: A name occurs twice, a size or name cannot be one, or there are too many disks.
    """
    found: dict[str, Disk] = {}
    devices: set[str] = set()
    multipath: dict[str, str] = {}
    for entry in top.objects("blockdevices", MAX_BLOCK_DEVICES):
        name = entry.name("name", _DEVICE, "a device name")
        if name in found:
            entry.refuse("name", f'"{name}" is given twice')
        device = entry.name("realdev", _DEVICE, "a device name", default=name)
        if device in devices:
            entry.refuse("realdev", f'"{device}" is given twice')
        devices.add(device)
        found[name] = Disk(
            name=name,
            device=device,
            size=entry.whole("size", 1, PETABYTE),
            model=entry.text("model"),
            serial=entry.text("serial"),
            wwn=entry.text("wwn"),
            rotational=entry.yes("rotational") if "rotational" in entry.values else None,
            contents=_contents(entry, device),
            transport=entry.text("transport"),
            pci=_pci(entry),
            nsid=entry.maybe_whole("nsid", MAX_NSID),
            read_only=entry.yes("read_only"),
            zoned=entry.yes("zoned"),
        )
        if joined := entry.text("multipath"):
            multipath[device] = joined
        extra.update(entry.rest())
    disks = one_per_disk(found.values(), multipath)
    if len(disks) > MAX_DISKS:
        top.refuse("blockdevices", f"names {len(disks)} disks, more than {MAX_DISKS}")
    return disks


def _contents(entry: Fields, device: str) -> Contents:
    """What is written on a disk, where our agent looked."""
    signatures: list[Signature] = []
    for each in entry.objects("signatures", MAX_SIGNATURES):
        on = each.name("device", _DEVICE, "a device name")
        signatures.append(Signature(on, each.text("type", limit=64), each.verbatim("label", limit=64)))
    return contents_of(device, signatures)


def _physical_disks(top: Fields, extra: dict[str, object]) -> tuple[PhysicalDisk, ...]:
    """The disks behind RAID controllers, one per slot; ``extra`` takes what no field of theirs holds.

    Raises:
        ReportError: Two disks are in one slot, or a number is out of range.
    """
    found: dict[DiskPlace, PhysicalDisk] = {}
    for entry in top.objects("phys-blockdevices", MAX_DISKS):
        place = entry.whole("controller", 0, 255), _enclosure(entry), entry.whole("slot", 0, 65535)
        if place in found:
            where = "no enclosure" if place[1] is None else f"enclosure {place[1]}"
            entry.refuse("slot", f"two disks are in slot {place[2]} of {where}, controller {place[0]}")
        found[place] = PhysicalDisk(
            *place,
            size=entry.whole("size", 1, PETABYTE),
            model=entry.text("model"),
            serial=entry.text("serial"),
            state=entry.text("state"),
            wwn=entry.text("wwn"),
            pci=_pci(entry),
            rotational=entry.yes("rotational") if "rotational" in entry.values else None,
            interface=entry.text("interface"),
        )
        extra.update(entry.rest())
    return tuple(found.values())


def _pci(entry: Fields) -> str:
    """The address of a storage controller, in the form in which two are compared; empty where the text is none."""
    given = entry.text("pci")
    if _PCI.fullmatch(given.lower()):
        return given.lower()
    entry.keep("pci", given)
    return ""


def _enclosure(entry: Fields) -> int | None:
    """None where the controller has none, so that the agent leaves it out, or says ``N/A`` as MegaCLI does."""
    given = entry.values.get("enclosure")
    is_place = isinstance(given, str) and given.strip().isdecimal() and given.strip(" 0") != ""
    if given is None or (isinstance(given, str) and not is_place and is_filler(given)):
        entry.values.pop("enclosure", None)
        return None
    return entry.whole("enclosure", 0, 65535)


def _nics(top: Fields, extra: dict[str, object]) -> tuple[Nic, ...]:
    """The network interfaces that have a MAC address; ``extra`` takes whole those that have none.

    Raises:
        ReportError: A name cannot be an interface's.
    """
    found = []
    for entry in top.objects("interfaces", MAX_NICS):
        mac, permanent = _mac(entry, "macaddr"), _mac(entry, "permanent_macaddr")
        if mac is None:  # InfiniBand, or a NIC whose driver failed: it identifies nobody
            extra[entry.where] = entry.values
            continue
        entry.values.pop("macaddr")
        if permanent is not None:
            entry.values.pop("permanent_macaddr")
        found.append(
            Nic(
                name=entry.name("name", _DEVICE, "an interface name"),
                mac=mac,
                speed=entry.maybe_whole("max_speed", 10_000_000),
                switch=entry.text("switch_hostname") or None,
                port=entry.text("switchport_name") or None,
                port_also=tuple(
                    name for key in ("switchport_id", "switchport_description") if (name := entry.text(key))
                ),
                firmware=entry.text("firmware_version"),
                driver=entry.text("driver"),
                permanent=permanent if permanent is not None and permanent != mac else "",
            )
        )
        extra.update(entry.rest())
    return tuple(found)


def _mac(entry: Fields, key: str) -> str | None:
    given = entry.values.get(key, "")
    if not isinstance(given, str):
        entry.refuse(key, f"is {kind_of(given)}, not text")
    if not _MAC.fullmatch(given.lower()):
        return None
    digits = re.sub("[:-]", "", given.lower())
    group_or_none = int(digits[:2], 16) & 1 or digits == "0" * 12
    return None if group_or_none else ":".join(digits[i : i + 2] for i in range(0, 12, 2))


def _controllers(top: Fields, extra: dict[str, object]) -> tuple[tuple[DiskController, ...], tuple[str, ...]]:
    """The controllers of disks, in the report's order, and a remark where there are too many to be kept.

    lshw lists each NVMe disk as one, and nothing is decided by those: they go first. ``extra`` takes what no field of
    theirs holds.
    """
    found = []
    for entry in top.objects("blkdev_ctrl", MAX_BLOCK_DEVICES):
        found.append(
            DiskController(
                hwid=entry.text("hwid"),
                vendor=entry.text("vendor"),
                product=entry.text("product"),
                kind=entry.verbatim("ctrl_type"),
                firmware=entry.text("firmware_version"),
            )
        )
        extra.update(entry.rest())
    by_weight = sorted(range(len(found)), key=lambda place: found[place].kind == "nvme")
    kept = tuple(found[place] for place in sorted(by_weight[:MAX_CONTROLLERS]))
    gone = len(found) - len(kept)
    return kept, (f"controllers: {gone} of {len(found)} are left out",) if gone else ()


def _bmc_address(machine: Fields) -> str | None:
    """The BMC's IP address in its shortest form; None where the agent's text is none, or one that is nobody's."""
    given = machine.text("ipmi_detected_ip")
    try:
        address = str(ip_address(given))
    except ValueError:
        machine.keep("ipmi_detected_ip", given)
        return None
    return None if is_nobodys(address) else address


def _firmware(machine: Fields) -> tuple[bool | None, bool | None]:
    """Whether it booted with UEFI, and whether with Secure Boot, which there is with UEFI alone; None: not reported."""
    uefi, secure = machine.maybe_yes("boot_uefi"), machine.maybe_yes("secure_boot")
    return uefi, False if uefi is False and secure is None else secure


def _architecture(machine: Fields) -> str | None:
    given = machine.text("architecture")
    known = _ARCHITECTURES.get(given.lower())
    if known is None:
        machine.keep("architecture", given)
    return known


def _host_keys(top: Fields) -> tuple[str, ...]:
    """The public keys that can be read; others, such as a file that was torn when power failed, are put aside.

    Without any the machine's host key is believed as it is first seen: a report of nothing but others is refused.
    """
    keys = top.items("ssh_host_keys", MAX_KEYS)
    readable = tuple(key for key in keys if isinstance(key, str) and _HOST_KEY.fullmatch(key))
    if keys and not readable:
        top.refuse("ssh_host_keys[0]", "is not a public key such as ssh-ed25519 AAAA..., and none behind it is one")
    for i, key in enumerate(keys):
        if key not in readable:
            top.keep(f"ssh_host_keys[{i}]", key)
    return readable


def _unread(top: Fields) -> tuple[ReportSection, ...]:
    """The sections that our agent could not fill; what it names beside them is put aside."""
    named = top.items("unread", MAX_UNREAD)
    for i, each in enumerate(named):
        if each not in list(ReportSection):
            top.keep(f"unread[{i}]", each)
    return tuple(section for section in ReportSection if section in named)


def _remarks(top: Fields) -> tuple[str, ...]:
    """Sentences for people, bounded; nothing is decided by them."""
    said = Fields("remarks", {str(i): item for i, item in enumerate(top.items("remarks", MAX_REMARKS))})
    return tuple(text for key in list(said.values) if (text := said.text(key)))


def digest(hardware: Hardware) -> str:
    """Equal for the same hardware, in whatever order its parts were listed.

    The processor's clock is left out: agents read the current one, which changes from report to report.
    """
    parts = replace(
        hardware,
        cpu=replace(hardware.cpu, mhz=None),
        disks=tuple(sorted(hardware.disks, key=lambda disk: disk.name)),
        physical_disks=tuple(sorted(hardware.physical_disks, key=lambda disk: place_order(disk.place))),
        nics=tuple(sorted(hardware.nics, key=lambda nic: (nic.mac, nic.name))),
        controllers=tuple(sorted(hardware.controllers, key=repr)),
        ssh_host_keys=tuple(sorted(hardware.ssh_host_keys)),
        memory_modules=(),
        extra={},
    )
    modules = sorted(sorted(module.items()) for module in hardware.memory_modules)
    rest = json.dumps([modules, dict(hardware.extra)], sort_keys=True)
    return sha256(f"{parts!r}{rest}".encode()).hexdigest()[:32]
