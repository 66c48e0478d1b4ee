"""The disks of a machine that each entry of a profile takes.

Greedy, in the order written: every entry first takes its minimum, then, again in order, extras up to its maximum.
An entry takes the first disks that fit, by slot or by device name, and never gives one back for a later entry: where
sizes overlap, write the narrower entry first. So the answer can be followed with a finger on the page.

A controller's physical disks count, never the volumes made of them. Block devices of others count beside them, except
for a RAID that the controller should make. Where nothing says what a device hangs on, only an entry takes it that fits
none of the controller's disks: one that names it, or its size, cannot mean another. A disk on USB, such as a boot
module, goes to an entry that names it only: a BMC pretends such disks, too. So does a LUN over Fibre Channel or
SRP, which other machines may have as well. A disk that its controller calls bad, or keeps as a hot spare, goes to no
entry, nor does one that is read-only, or whose zones take writes in sequence only. A RAID by software that has to
outlive a drive takes one namespace of each NVMe drive. What a controller makes a volume of are disks of that controller
alone, the first that has enough, SSDs or hard disks, and a number that the RAID level can be made of.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import TypeGuard

from ..model.hardware import Disk, DiskPlan, DisksTaken, Hardware, PhysicalDisk
from ..model.kinds import DiskRule, HardwareProfileSpec
from ..model.raid import place_order, place_text
from ..model.units import render_size
from .drives import on_own_drives, once_each, wants_own_drives
from .origin import DiskOrigin, origins
from .recall import NOTHING, AnyDisk, Recalled
from .volumes import disks_needed, is_behind_one, of_one_controller, volume_level, volume_of

_NUMBERED = re.compile(r"\d+|\D+")


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a profile does not fit, as a sentence."""

    reason: str
    unclear: bool = False  # it may fit: nobody can tell which disks are meant


def disk_plan(
    hardware: Hardware, profile: HardwareProfileSpec, recalled: Recalled = NOTHING, *, installed: bool = False
) -> DiskPlan | Refusal:
    """Exactly the disks that each entry of ``profile.disks`` takes; or why they do not suffice.

    Args:
        hardware: The machine.
        profile: Its profile.
        recalled: What its disks were used for at an install before. The first entry takes no disk that held data, and
            no other entry one that held the system; each takes those that it had before any other.
        installed: The machine is installed already, so that a disk that was pulled or added since refuses nothing, and
            one that went bad keeps its place.
    """
    free, fits = countable_disks(hardware), _fitting(hardware, recalled, installed=installed)
    taken: list[list[AnyDisk]] = []
    levels = [None if installed else volume_level(hardware, rule) for rule in profile.disks]
    for entry, (rule, level) in enumerate(zip(profile.disks, levels, strict=True)):
        fitting = there = recalled.for_entry(entry, [disk for disk in free if fits(disk, rule)])
        wanted = disks_needed(rule, level)
        if not installed:
            fitting = _joining(fitting, rule, level)
        if len(fitting) < wanted and not installed:
            return Refusal(_too_few(hardware, profile, entry, there))
        taken.append(fitting[:wanted])
        free = [disk for disk in free if disk not in taken[-1]]
    for entry, (rule, held) in enumerate(zip(profile.disks, taken, strict=True)):
        room = len(free) if rule.count.max is None else rule.count.max - len(held)
        fitting = recalled.for_entry(entry, [disk for disk in free if fits(disk, rule)])
        if not installed:
            fitting = _joining(fitting, rule, levels[entry], held)
        extras = fitting[: max(room, 0)]
        held.extend(extras)
        free = [disk for disk in free if disk not in extras]
    free = [disk for disk in free if not _is_external(disk)]
    left = [disk for disk in free if disk not in untold_disks(hardware)]
    if left and profile.unlisted_disks == "refuse" and not installed:
        return Refusal(f"no disk may be left over, but {_disks_left(left)}")
    return DiskPlan(
        tuple(
            DisksTaken(entry, tuple(held), rule.raid, rule.by, rule.options)
            for entry, (rule, held) in enumerate(zip(profile.disks, taken, strict=True))
        ),
        tuple(free),
    )


def left_alone(hardware: Hardware, profile: HardwareProfileSpec) -> tuple[str, ...]:
    """The disks of a machine that fits, of which no entry takes any and that nobody touches, as people name them."""
    plan = disk_plan(hardware, profile)
    if isinstance(plan, Refusal) or profile.unlisted_disks == "use":
        return ()
    return tuple(map(_described, plan.left_over))


def countable_disks(hardware: Hardware) -> list[AnyDisk]:
    """Every real disk once: in order of slots, then of names (sda, sdb, ... sdz, sdaa)."""
    whose = origins(hardware)
    behind = once_each(sorted(hardware.physical_disks, key=lambda disk: place_order(disk.place)))
    beside = [disk for disk in hardware.disks if whose[disk.device] is not DiskOrigin.CONTROLLER]
    return [*behind, *sorted(beside, key=_by_name)]


def doubt_of_names(hardware: Hardware, rules: Iterable[DiskRule]) -> Refusal | None:
    """Why nobody can tell which disks entries name: the agent has names of its own, and the kernel has them as well.

    An entry that names the same disks either way is clear.
    """
    by_agent = {disk.name: disk for disk in hardware.disks}
    by_kernel = {name: disk for disk in hardware.disks for name in (disk.device, *disk.paths)}
    both = by_agent.keys() & by_kernel.keys()
    for rule in rules:
        twice = [word for word in rule.devices if word in both and by_agent[word] is not by_kernel[word]]
        for word in twice:
            if by_agent[word].device not in twice:
                reason = (
                    f"its profile names {word}, and two disks are called that: by its agent the kernel's "
                    f"{by_agent[word].device}, and by the kernel its agent's {by_kernel[word].name}. "
                    "Take it by size or model instead"
                )
                return Refusal(reason, unclear=True)
    return None


def untold_disks(hardware: Hardware) -> list[Disk]:
    """Those block devices beside a controller of which nothing says whose they are."""
    whose = origins(hardware)
    return [disk for disk in hardware.disks if whose[disk.device] is DiskOrigin.UNTOLD]


def disk_name(disk: AnyDisk) -> str:
    """How people point at a disk: ``sda``, or controller:enclosure:slot."""
    return disk.name if isinstance(disk, Disk) else place_text(disk.place)


def describe(disk: AnyDisk) -> str:
    """``sdf (12TB ST12000NM)``."""
    return f"{disk_name(disk)} ({render_size(disk.size)}{' ' if disk.model else ''}{disk.model})"


def exact_size(size: int) -> str:
    """A bound as it was most likely written: whole GiB as GiB, all else decimal."""
    return f"{size // 2**30}GiB" if size and size % 2**30 == 0 else render_size(size)


def size_words(low: int | None, high: int | None) -> str:
    """``220GiB to 250GiB``, ``at least 1TB``, ``up to 2TB``."""
    if low is not None and high is not None:
        return exact_size(low) if low == high else f"{exact_size(low)} to {exact_size(high)}"
    if low is not None:
        return f"at least {exact_size(low)}"
    return "any size" if high is None else f"up to {exact_size(high)}"


def number_words(low: int | None, high: int | None) -> str:
    """``2``, ``2 to 4``, ``at least 2``, ``up to 4``."""
    if high is None:
        return f"at least {low or 0}"
    if low is None:
        return f"up to {high}"
    return str(low) if low == high else f"{low} to {high}"


def _joining(
    fitting: Sequence[AnyDisk], rule: DiskRule, level: int | None, held: Sequence[AnyDisk] = ()
) -> list[AnyDisk]:
    """Those of the disks that fit which may stand beside the ones held: in a volume, or in a RAID by software."""
    if level is not None:
        return volume_of(fitting, rule, level, held)
    return on_own_drives(fitting, held) if wants_own_drives(rule) else list(fitting)


def is_usable(disk: AnyDisk, recalled: Recalled, *, installed: bool) -> bool:
    """Whether the machine's system may be on the disk, or its data.

    What was installed on a disk is there still, where the disk went bad or became read-only since.
    """
    if isinstance(disk, Disk):
        return not disk.zoned and (not disk.read_only or (installed and recalled.may_hold(disk)))
    return installed or not _is_unusable(disk)


def _fitting(
    hardware: Hardware, recalled: Recalled = NOTHING, *, installed: bool = False
) -> Callable[[AnyDisk, DiskRule], bool]:
    """Whether an entry may take a disk of this machine."""
    untold, called = untold_disks(hardware), frozenset(disk.name for disk in hardware.disks)

    def fits(disk: AnyDisk, rule: DiskRule) -> bool:
        if not is_usable(disk, recalled, installed=installed):
            return False
        beside = bool(hardware.physical_disks) and isinstance(disk, Disk)
        if beside and rule.raid is not None and rule.by == "controller":
            return False
        if disk in untold and any(_fits(listed, rule, called) for listed in hardware.physical_disks):
            return False
        return _fits(disk, rule, called)

    return fits


def _fits(disk: AnyDisk, rule: DiskRule, called: AbstractSet[str]) -> bool:
    """Whether a disk is one that an entry means; ``called``: how the agent calls the machine's block devices."""
    if _is_external(disk) and not (rule.devices or rule.model):
        return False
    if rule.size is not None and not (
        (rule.size.min is None or rule.size.min <= disk.size) and (rule.size.max is None or disk.size <= rule.size.max)
    ):
        return False
    if rule.devices and not _names(disk, called) & set(rule.devices):
        return False
    return not rule.model or any(part in disk.model for part in rule.model)


def _names(disk: AnyDisk, called: AbstractSet[str]) -> set[str]:
    """By which an entry may name it: no word names two disks, and so the kernel's counts where no other has it."""
    return {disk.name, *({disk.device} - called)} if isinstance(disk, Disk) else {disk_name(disk)}


def _is_unusable(disk: AnyDisk) -> TypeGuard[PhysicalDisk]:
    return isinstance(disk, PhysicalDisk) and (disk.is_bad or disk.is_spare)


def _described(disk: AnyDisk) -> str:
    """With its state, where that is why no entry takes it."""
    state = disk.fault if isinstance(disk, Disk) else disk.state if _is_unusable(disk) else ""
    return f"{describe(disk)} {state}".rstrip()


def _is_external(disk: AnyDisk) -> bool:
    return isinstance(disk, Disk) and disk.is_external


def _by_name(disk: Disk) -> tuple[int, list[tuple[bool, int, str]]]:
    """Names without digits by length first, as the kernel counts: sdz before sdaa; numbers inside by value."""
    parts = [(part.isdigit(), int(part) if part.isdigit() else 0, part) for part in _NUMBERED.findall(disk.name)]
    return (0 if any(is_number for is_number, _, _ in parts) else len(disk.name)), parts


def _too_few(hardware: Hardware, profile: HardwareProfileSpec, entry: int, there: Sequence[AnyDisk]) -> str:
    """What an entry needs and has, and where the others that would fit are."""
    rule, fits = profile.disks[entry], _fitting(hardware)
    level, fitting = volume_level(hardware, rule), [disk for disk in countable_disks(hardware) if fits(disk, rule)]
    least, left, fit_at_all = disks_needed(rule, level), len(there), len(fitting)
    where = f"disks entry {entry + 1} " if len(profile.disks) > 1 else ""
    volume = ""
    if level is not None:
        if rule.count.max is not None and least > rule.count.max:
            return f"{where}asks for RAID {level}, and no controller makes it of {_number(rule, rule.count.min)}"
        left, fit_at_all = (len(of_one_controller(each, least)) for each in (there, fitting))
        together = " that are all SSDs or all hard disks" if is_behind_one(fitting) else " behind one controller"
        together = together if fit_at_all < len(fitting) else ""
        volume = f"{together} for RAID {level}" if together or least != rule.count.min else ""
    elif wants_own_drives(rule):
        left, listed = len(on_own_drives(there)), fit_at_all
        fit_at_all = len(on_own_drives(fitting))
        volume = f" on a drive each for RAID {rule.raid}" if fit_at_all < listed else ""
    others = "entries before it take {}" if entry else "{} held data at its last install"
    earlier = f" left, because {others.format(fit_at_all - left)}" if fit_at_all > left else ""
    besides = _not_counted(hardware, rule)
    return f"{where}needs {_number(rule, least)}{_kind(rule)}{volume}, has {left}{earlier}{besides}"


def _not_counted(hardware: Hardware, rule: DiskRule) -> str:
    """Which disks the entry means, and may not take."""
    called = frozenset(disk.name for disk in hardware.disks)
    behind = [disk for disk in hardware.physical_disks if _fits(disk, rule, frozenset())]
    why: dict[str, list[AnyDisk]] = {
        "its controller calls bad": [disk for disk in behind if disk.is_bad],
        "its controller keeps as hot spares": [disk for disk in behind if disk.is_spare],
        "no file system can be made on": [disk for disk in hardware.disks if disk.fault and _fits(disk, rule, called)],
    }
    return "".join(f"; {said}: {', '.join(map(_described, disks))}" for said, disks in why.items() if disks)


def _number(rule: DiskRule, least: int | None) -> str:
    """``2 to 4 disks``."""
    one = rule.count.max == 1 or (rule.count.max is None and least == 1)
    return f"{number_words(least, rule.count.max)} {'disk' if one else 'disks'}"


def _kind(rule: DiskRule) -> str:
    words = ""
    if rule.size is not None:
        words += f" of {size_words(rule.size.min, rule.size.max)}"
    if rule.devices:
        words += f" named {' or '.join(rule.devices)}"
    if rule.model:
        words += f" whose model holds {' or '.join(rule.model)}"
    return words


def _disks_left(left: list[AnyDisk]) -> str:
    shown = ", ".join(map(_described, left[:4])) + (", ..." if len(left) > 4 else "")
    return f"{len(left)} {'is' if len(left) == 1 else 'are'}: {shown}"
