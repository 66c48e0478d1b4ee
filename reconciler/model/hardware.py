"""Hardware as a machine reports it, in one form whatever the agent called it."""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from .contents import NOTHING_FOUND, Contents, SignatureFound
from .disk_id import DiskId
from .fillers import is_no_serial
from .raid import DiskPlace, disk_use
from .serials import as_serial, numbers

_EXTERNAL = frozenset({"usb", "fc", "fcoe", "srp"})


@dataclass(frozen=True, slots=True)
class Disk:
    """A block device as the operating system sees it (a RAID volume counts as one)."""

    name: str  # stable name by which the agent sorts them
    device: str  # kernel name right now
    size: int  # bytes
    model: str = ""
    serial: str = ""  # empty where the agent does not say
    wwn: str = ""
    rotational: bool | None = None  # None where the agent does not say
    contents: Contents = NOTHING_FOUND  # ``contents_of`` its signatures; empty: blank, or not looked
    paths: tuple[str, ...] = ()  # kernel names of all its paths, where it is reached over more than one
    transport: str = ""  # ``usb``, ``fc``, ``fcoe``, ``srp``; empty where the agent does not say, as for any other
    pci: str = ""  # address of the storage controller that it hangs on; empty where the agent does not say
    nsid: int | None = None  # NVMe: id of its namespace, which its kernel name does not tell; None: not said
    read_only: bool = False  # the kernel has it so: a worn-out SSD, a write-protected volume; or the agent does not say
    zoned: bool = False  # its zones take writes in sequence only (host-managed); or the agent does not say

    @property
    def fault(self) -> str:
        """Why no file system can be made on it, as an adjective; empty: one can, as far as the agent says."""
        return "read-only" if self.read_only else "host-managed" if self.zoned else ""

    @property
    def is_external(self) -> bool:
        """Whether it may be what a BMC pretends (USB), or a LUN that other machines have, too.

        Such a disk counts only where somebody names it.
        """
        return self.transport in _EXTERNAL

    @property
    def identity(self) -> DiskId:
        """Which disk this is, as far as this look knows."""
        return DiskId(self.device, tuple(f"{self.model} {self.serial} {self.wwn}".split()), self.size, self.nsid)


@dataclass(frozen=True, slots=True)
class Signature:
    """What one look at the start or end of a disk or a partition found, in wipefs' words."""

    device: str  # kernel name of the disk or partition
    kind: str  # gpt, ext4, LVM2_member, linux_raid_member, ceph_bluestore ...
    label: str = ""


def contents_of(device: str, signatures: Iterable[Signature]) -> Contents:
    """What a disk holds: ``gpt; vfat on sda1; ext4 on sda2 "root"``. The same for the same signatures.

    The protective MBR of a GPT says nothing, nor does a GPT's second copy.
    """
    found = sorted({(s.device != device, s.device, s.kind, s.label) for s in signatures if s.kind != "PMBR"})
    return Contents(tuple(SignatureFound(kind, on if inside else None, label) for inside, on, kind, label in found))


@dataclass(frozen=True, slots=True)
class PhysicalDisk:
    """A disk behind a RAID controller."""

    controller: int
    enclosure: int | None  # None: the controller counts slots alone
    slot: int
    size: int  # bytes
    model: str = ""
    serial: str = ""
    state: str = ""  # as the controller prints it
    wwn: str = ""
    pci: str = ""  # address of the controller; empty where the agent does not say
    rotational: bool | None = None  # None where the agent does not say
    interface: str = ""  # SAS, SATA, NVMe, as the controller prints it; empty where the agent does not say

    @property
    def place(self) -> DiskPlace:
        return self.controller, self.enclosure, self.slot

    @property
    def is_bad(self) -> bool:
        """Whether its controller says that it is not to be used."""
        return disk_use(self.state) == "bad"

    @property
    def is_spare(self) -> bool:
        """Whether its controller keeps it to replace a member that fails."""
        return disk_use(self.state) == "spare"


@dataclass(frozen=True, slots=True)
class Nic:
    """A network interface and its LLDP neighbour."""

    name: str
    mac: str  # lower case, colons; the one that it has now
    speed: int | None = None  # Mbit/s
    switch: str | None = None  # LLDP system name; None where nobody was heard
    port: str | None = None  # LLDP port name
    port_also: tuple[str, ...] = ()  # what else the switch calls it: an index, or somebody's description
    firmware: str = ""
    driver: str = ""
    permanent: str = ""  # the address that it was made with, as ``mac`` is written; empty: the same, or not known

    @property
    def is_address_chosen(self) -> bool:
        """Whether somebody chose the address, so that others may have it (IEEE 802, 8.4: locally administered)."""
        return bool(int(self.mac[:2], 16) & 2)


@dataclass(frozen=True, slots=True)
class DiskController:
    """A storage controller. ``kind`` is the agent's word: ``LSI-raid``, ``nvme``, ``none`` ..."""

    hwid: str
    vendor: str
    product: str
    kind: str
    firmware: str = ""


@dataclass(frozen=True, slots=True)
class Cpu:
    """Processors, all alike."""

    vendor: str = ""
    model: str = ""
    threads: int | None = None  # of all sockets together
    cores_per_socket: int | None = None
    sockets: int | None = None
    mhz: float | None = None


@dataclass(frozen=True, slots=True)
class Dmi:
    """Everything by which the firmware calls the machine and its parts; empty where it says nothing, or a filler."""

    system: str = ""
    board: str = ""
    chassis: str = ""  # of a sled: often that of the enclosure, which it shares with others
    uuid: str = ""


class ReportSection(StrEnum):
    """A part of a report that may be unknown rather than empty."""

    CONTROLLERS = "controllers"
    RAID_DISKS = "physical_disks"  # behind RAID controllers


@dataclass(frozen=True, slots=True)
class Hardware:
    """One report, converted and bounded. Made by ``hardware.report.parse_report``."""

    serial: str
    manufacturer: str
    product: str
    memory: int  # bytes
    cpu: Cpu = Cpu()
    disks: tuple[Disk, ...] = ()
    physical_disks: tuple[PhysicalDisk, ...] = ()
    nics: tuple[Nic, ...] = ()
    controllers: tuple[DiskController, ...] = ()
    bios_version: str = ""
    lifecycle_version: str = ""  # Dell's Lifecycle Controller
    bmc_firmware: str = ""
    bmc_address: str | None = None
    bmc_address_before: str | None = None  # what it reported last, where this report says none; the store adds it
    uefi: bool | None = False  # how it booted; None: not reported. Stored reports leave out what is not so
    secure_boot: bool | None = False  # None: not reported
    architecture: str | None = None  # amd64 | arm64; None where the agent does not say
    sort_devices: bool = False  # the agent named disks by its own order (use_oci_sort_dev)
    memory_modules: tuple[Mapping[str, str], ...] = ()
    ssh_host_keys: tuple[str, ...] = ()  # "ssh-ed25519 AAAA...", where the agent says
    dmi: Dmi = Dmi()  # where the agent says; ``serial`` is what it chose
    remarks: tuple[str, ...] = ()  # sentences of the agent: what it left out or could not read, and missing tools
    from_installed: bool = False  # an agent on the installed system says so; the stock one runs in the live system
    unread: tuple[ReportSection, ...] = ()  # what the agent asked for and was not told: empty there is not none
    extra: Mapping[str, object] = field(default_factory=dict)  # fields we do not know, kept as they came

    @property
    def boots_with_uefi(self) -> bool:
        """Whether what is installed on it has to start with UEFI.

        Raises:
            ValueError: Nobody said how it booted.
        """
        if self.uefi is None:
            raise ValueError("its agent does not say whether it booted with UEFI or as BIOS")
        return self.uefi

    def coming_after(self, before: "Hardware") -> "Hardware":
        """This report, with the BMC's address of the one before where it says none: a BMC that restarts is silent."""
        if self.bmc_address is not None:
            return self
        return replace(self, bmc_address_before=before.bmc_address or before.bmc_address_before)

    @property
    def macs(self) -> frozenset[str]:
        """The addresses that, with the serial, identify the machine."""
        return frozenset(nic.mac for nic in self.nics)

    @property
    def numbers(self) -> frozenset[str]:
        """The numbers that the firmware has for the machine, as ``serials.number`` writes them."""
        return numbers((self.serial, self.dmi.system, self.dmi.board, self.dmi.chassis, self.dmi.uuid))

    def called_in(self, names: Container[str]) -> str | None:
        """The first of the machine's other numbers than its serial that is among names, UUID first; None: none is.

        A chassis' serial is not asked for: sleds share it.
        """
        return next((each for each in self._said[:-1] if each in names and self._is_other_name(each)), None)

    @property
    def other_names(self) -> tuple[str, ...]:
        """What it may be called beside its serial: UUID in small and in capital letters, system, board, chassis.

        Empty where the firmware says nothing, or a filler.
        """
        return tuple(each if self._is_other_name(each) else "" for each in self._said)

    def _is_other_name(self, text: str) -> bool:
        return text != self.serial and not is_no_serial(text)

    @property
    def _said(self) -> tuple[str, ...]:
        dmi = self.dmi
        return (dmi.uuid.lower(), dmi.uuid.upper(), *map(as_serial, (dmi.system, dmi.board, dmi.chassis)))

    @property
    def has_raid_controller(self) -> bool | None:
        """Whether it has a MegaRAID-like controller; None: the agent could not read which controllers there are."""
        if any(controller.kind == "LSI-raid" for controller in self.controllers):
            return True
        if ReportSection.CONTROLLERS not in self.unread:
            return False
        return True if self.physical_disks else None

    @property
    def raid_disks_are_unknown(self) -> bool:
        """Whether disks may sit behind a RAID controller that no tool got to list them."""
        return ReportSection.RAID_DISKS in self.unread and not self.physical_disks


@dataclass(frozen=True, slots=True)
class Racked:
    """Where a machine stands, from the switch it sees."""

    dc: str
    row: str
    rack: str
    unit: int | None  # lowest rack unit
    height: int
    location: str | None
    compute_aggregate: str | None
    switch: str
    port: str
    doubt: str | None = None  # why this may be the wrong place: another NIC sees a switch in another rack


@dataclass(frozen=True, slots=True)
class Unracked:
    """Why nobody can say where a machine stands, as a sentence."""

    reason: str


@dataclass(frozen=True, slots=True)
class Match:
    """Which profiles fit a machine, and for each other one the rule that refused it."""

    profiles: tuple[str, ...] = ()  # of the highest priority among those that fit
    refused: Mapping[str, str] = field(default_factory=dict)

    @property
    def profile(self) -> str | None:
        """The profile, when exactly one fits."""
        return self.profiles[0] if len(self.profiles) == 1 else None


@dataclass(frozen=True, slots=True)
class DisksTaken:
    """What one entry of a profile's ``disks`` takes of a machine."""

    entry: int  # counted from zero
    disks: tuple[Disk | PhysicalDisk, ...]  # behind a controller: its physical disks, else block devices
    raid: int | None  # level; None: single disks
    by: str  # controller | software
    options: tuple[str, ...] = ()  # for the controller


@dataclass(frozen=True, slots=True)
class DiskPlan:
    """Which disks a profile takes for what, entry by entry, and those that nothing takes."""

    taken: tuple[DisksTaken, ...] = ()
    left_over: tuple[Disk | PhysicalDisk, ...] = ()
