"""Everything of a report that was not taken as it came: folded, left out, or doubted. For ``match --why``."""

from collections import Counter
from collections.abc import Iterator

from ..model.disk_matching import real_identifier
from ..model.hardware import Disk, Hardware
from ..model.kinds import HardwareProfileSpec
from ..model.nics import is_usb
from ..model.remarks import Remark, RemarkKind, RemarkReason
from .choice import choose_disks
from .disks import Refusal, disk_name, untold_disks
from .paths import of_one_serial


def remarks(
    hardware: Hardware, name: str | None = None, profile: HardwareProfileSpec | None = None
) -> tuple[Remark, ...]:
    """What was not taken as it came: what the agent says of it, then disks, interfaces and fields, as in the report.

    Last, what its profile, where it has one, takes of disks that nobody can tell apart.
    """
    found = (*_of_agent(hardware), *_of_disks(hardware), *_of_nics(hardware), *_of_fields(hardware))
    chosen = choose_disks(hardware, profile) if profile else None
    if name is None or not isinstance(chosen, Refusal) or not chosen.unclear:
        return found
    return (*found, Remark(RemarkKind.DOUBTED, RemarkReason.DISKS_UNCLEAR, name, (chosen.reason,)))


def _of_agent(hardware: Hardware) -> Iterator[Remark]:
    for said in hardware.remarks:
        about, colon, what = said.partition(": ")
        yield Remark(
            RemarkKind.LEFT_OUT, RemarkReason.SAID_BY_AGENT, *((about, (what,)) if colon else ("agent", (said,)))
        )


def _of_disks(hardware: Hardware) -> Iterator[Remark]:
    """Disks that were folded, and those of which nothing says which, how many or whose they are."""
    untold = untold_disks(hardware)
    alike = {disk.device: group for group in of_one_serial(hardware.disks) for disk in group}
    for disk in hardware.disks:
        yield from _of_one_not_taken(disk)
        if disk.device in alike:
            others = tuple(other.name for other in alike[disk.device])
            yield Remark(RemarkKind.DOUBTED, RemarkReason.ONE_SERIAL, disk.name, others)
        if disk in untold:
            yield Remark(RemarkKind.DOUBTED, RemarkReason.WHOSE_IS_UNTOLD, disk.name)
        if disk.paths:
            yield Remark(RemarkKind.FOLDED, RemarkReason.SEVERAL_PATHS, disk.name, disk.paths)
        if real_identifier(disk.serial) is None and real_identifier(disk.wwn) is None:
            said = tuple(text for text in (disk.serial, disk.wwn) if text)
            yield Remark(RemarkKind.DOUBTED, RemarkReason.NO_IDENTITY, disk.name, said)
    for listed in hardware.physical_disks:
        if listed.is_bad:
            yield Remark(RemarkKind.LEFT_OUT, RemarkReason.BAD_DISK, disk_name(listed), (listed.state,))
        if listed.is_spare:
            yield Remark(RemarkKind.LEFT_OUT, RemarkReason.SPARE_DISK, disk_name(listed), (listed.state,))


def _of_one_not_taken(disk: Disk) -> Iterator[Remark]:
    """Why an entry does not take a disk, or only where it names it."""
    reasons = {
        RemarkReason.USB_DISK: disk.transport == "usb",
        RemarkReason.LUN: disk.is_external and disk.transport != "usb",
        RemarkReason.READ_ONLY: disk.read_only,
        RemarkReason.ZONED: disk.zoned,
    }
    for reason in (reason for reason, is_so in reasons.items() if is_so):
        yield Remark(RemarkKind.LEFT_OUT, reason, disk.name, (disk.model,) if disk.model else ())


def _of_nics(hardware: Hardware) -> Iterator[Remark]:
    times = Counter(nic.mac for nic in hardware.nics)
    for nic in hardware.nics:
        reason = None
        if is_usb(nic):
            reason = RemarkReason.USB
        elif times[nic.mac] > 1:
            reason = RemarkReason.SHARED_ADDRESS
        elif nic.is_address_chosen:
            reason = RemarkReason.CHOSEN_ADDRESS
        if reason is not None:
            yield Remark(RemarkKind.DOUBTED, reason, nic.name, (nic.mac,))


def _of_fields(hardware: Hardware) -> Iterator[Remark]:
    for field, said in hardware.extra.items():
        yield Remark(RemarkKind.LEFT_OUT, RemarkReason.NOT_UNDERSTOOD, field, (str(said),))
