"""Profiles for machines that OCI was given by hand: what they are, written down as what such a machine must be."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..hardware.choice import choose_disks
from ..hardware.match import match
from ..hardware.shown import CLOSE
from ..model.hardware import Hardware
from ..model.kinds import HardwareProfileSpec
from ..model.machine import DiskChoice
from ..model.units import render_size
from .machines import OciMachine
from .profiles import the_rest
from .yaml_documents import SpecDocument, plain

_LEVELS = ((1, 2, 1), (0, 1, 1), (10, 4, 2), (5, 3, 2), (6, 4, 2))
"""RAID level, number of disks, and how many disks' worth of room they give: what people build for a system."""

_Kind = tuple[str, str, tuple[Any, ...]]


@dataclass(slots=True)
class Profiles:
    """Which profile each machine of a cluster has, and those that had to be made."""

    of: dict[str, str] = field(default_factory=dict)  # by serial
    specs: dict[str, HardwareProfileSpec] = field(default_factory=dict)
    made: list[SpecDocument] = field(default_factory=list)
    leftover: list[str] = field(default_factory=list)


def assign_profiles(machines: Iterable[OciMachine], known: Mapping[str, HardwareProfileSpec]) -> Profiles:
    """The one profile of its role that fits a machine; where there is none, one is made for its like."""
    found = Profiles(specs=dict(known))
    rest: dict[_Kind, list[OciMachine]] = {}
    for machine in machines:
        if not machine.role:
            continue
        if machine.hardware is None:
            found.leftover.append(f"{machine.hostname} ({machine.serial}) has no profile: its hardware is not known")
            continue
        fitting = [name for name in match(machine.hardware, known).profiles if known[name].role == machine.role]
        usable = [name for name in fitting if isinstance(choose_disks(machine.hardware, known[name]), DiskChoice)]
        if len(usable) == 1 and not _installed_elsewhere(machine, known[usable[0]]):
            found.of[machine.serial] = usable[0]
        else:
            rest.setdefault((machine.role, machine.hardware.product, _system(machine)), []).append(machine)
    for (role, product, _), alike in sorted(rest.items(), key=lambda item: repr(item[0])):
        document = _profile(_free_name(role, product, found.specs), role, alike)
        found.made.append(document)
        found.specs[document.name] = HardwareProfileSpec.model_validate(plain(document.spec))
        found.of |= dict.fromkeys((machine.serial for machine in alike), document.name)
    return found


def _installed_elsewhere(machine: OciMachine, profile: HardwareProfileSpec) -> bool:
    """Whether OCI's record of the system's disks is another one than the profile's."""
    assert machine.hardware is not None
    chosen = choose_disks(machine.hardware, profile)
    wanted = _system_disks(machine)
    if not isinstance(chosen, DiskChoice) or not wanted:
        return False
    return {disk.name for disk in machine.hardware.disks if disk.device in chosen.system_disks} != set(wanted)


def _system_disks(machine: OciMachine) -> tuple[str, ...]:
    """Names of the disks on which OCI was told to install; none: the first one."""
    row = machine.row
    if row.get("install_on_raid") == "yes":
        number = {"10": 4, "5": 3}.get(str(row.get("raid_type")), 2)
        return tuple(str(row[f"raid_dev{i}"]) for i in range(number) if row.get(f"raid_dev{i}"))
    named = str(row.get("dest_blk") or "none")
    known = {disk.name for disk in machine.hardware.disks} if machine.hardware else set()
    if named not in known and f"{named}n1" in known:  # people name an NVMe controller, and mean its disk
        return (f"{named}n1",)
    return () if named == "none" else (named,)


def _system(machine: OciMachine) -> tuple[Any, ...]:
    """The first entry of ``disks`` as a hashable value: machines that share it share a profile."""
    assert machine.hardware is not None
    hardware, named = machine.hardware, _system_disks(machine)
    if len(named) > 1:
        return ("software", named, int(machine.row["raid_type"]))
    disks = {disk.name: disk for disk in hardware.disks}
    first = named[0] if named else next((n for n in ("sda", "nvme0n1", "vda") if n in disks), min(disks, default=""))
    if first in disks and hardware.physical_disks and (volume := _volume(hardware, disks[first].size)):
        return ("controller", *volume)
    return ("plain", (first,))


def _volume(hardware: Hardware, size: int) -> tuple[int, int, int] | None:
    """RAID level, number and size of the physical disks that make a volume of that size."""
    sizes = [disk.size for disk in hardware.physical_disks]
    for level, number, room in _LEVELS:
        for each in dict.fromkeys(sizes):
            if sizes.count(each) >= number and each * room * (1 - CLOSE) <= size <= each * room:
                return level, number, each
    return None


def _profile(name: str, role: str, machines: list[OciMachine]) -> SpecDocument:
    """A profile that fits these machines: their product, range of memory, controller and system disk."""
    known = [machine.hardware for machine in machines if machine.hardware is not None]
    memory = sorted(hardware.memory for hardware in known)
    spec: dict[str, Any] = {
        "role": role,
        "match": {
            "product": [known[0].product],
            "memory": {"min": _memory(memory[0]), "max": _memory(memory[-1])},
            "raid_controller": "megaraid" if all(hardware.physical_disks for hardware in known) else "none",
        },
        "disks": [_entry(_system(machines[0]))],
    }
    if rest := the_rest(role):
        spec["unlisted_disks"] = rest
    if any(bool(one.physical_disks) != bool(known[0].physical_disks) for one in known):
        del spec["match"]["raid_controller"]
    who = machines[0].hostname if len(machines) == 1 else f"{machines[0].hostname} and {len(machines) - 1} more"
    return SpecDocument("HardwareProfile", name, spec, f"Made of {who}: no profile of OCI's for this role fits.")


def _entry(system: tuple[Any, ...]) -> dict[str, Any]:
    match system:
        case ("software", names, level):
            count = {"min": len(names), "max": len(names)}
            return {"devices": list(names), "count": count, "raid": level, "by": "software"}
        case ("controller", level, number, size):
            around = {"min": render_size(round(size * 0.98)), "max": render_size(round(size * 1.02))}
            return {"size": around, "count": {"min": number, "max": number}, "raid": level}
        case (_, names):
            return {"devices": list(names)}
    raise AssertionError(f"no system disks {system}. This is a bug in reconciler.")


def _memory(size: int) -> str:
    return f"{size // 2**30}GiB" if size % 2**30 == 0 else f"{size}B"


def _free_name(role: str, product: str, taken: Mapping[str, object]) -> str:
    words = "".join(c if c.isalnum() else "-" for c in product.lower()).strip("-") or "unknown"
    base = f"{role}-{words}"[:56].rstrip("-")
    names = (base if number == 1 else f"{base}-{number}" for number in range(1, len(taken) + 3))
    return next(name for name in names if name not in taken)
