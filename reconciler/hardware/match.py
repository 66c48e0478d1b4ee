"""The profiles that fit a machine, and for each other one the sentence that says why it does not.

Pure and without state: same hardware and same profiles, same answer, so callers may keep it by the hardware's digest.
"""

from collections.abc import Callable, Mapping
from typing import Final

from ..model.hardware import Hardware, Match
from ..model.kinds import HardwareProfileSpec, MatchRule, NumberRange
from .disks import Refusal, disk_plan, exact_size, number_words, size_words

__all__ = ["match", "why_refused"]


def match(hardware: Hardware, profiles: Mapping[str, HardwareProfileSpec]) -> Match:
    """The profiles that fit and share the highest priority, by name; every other one with its reason."""
    refused: dict[str, str] = {}
    fitting: list[str] = []
    for name in sorted(profiles):
        reason = why_refused(hardware, profiles[name])
        if reason is None:
            fitting.append(name)
        else:
            refused[name] = reason
    highest = max((profiles[name].priority for name in fitting), default=0)
    best = tuple(name for name in fitting if profiles[name].priority == highest)
    for name in fitting:
        if name not in best:
            refused[name] = f"outranked by priority: {profiles[name].priority}, and {best[0]} fits with {highest}"
    return Match(best, dict(sorted(refused.items())))


def why_refused(hardware: Hardware, profile: HardwareProfileSpec) -> str | None:
    """The first rule that refuses the machine, as a sentence; None where the profile fits."""
    for rule in RULES:
        reason = rule(hardware, profile.match)
        if reason is not None:
            return reason
    plan = disk_plan(hardware, profile)
    return plan.reason if isinstance(plan, Refusal) else None


def _product(hardware: Hardware, rule: MatchRule) -> str | None:
    return _one_of("product", hardware.product, rule.product)


def _manufacturer(hardware: Hardware, rule: MatchRule) -> str | None:
    return _one_of("manufacturer", hardware.manufacturer, rule.manufacturer)


def _memory(hardware: Hardware, rule: MatchRule) -> str | None:
    wanted = rule.memory
    if wanted is None or _within(hardware.memory, wanted.min, wanted.max):
        return None
    return f"needs {size_words(wanted.min, wanted.max)} of memory, has {_gib(hardware.memory)}"


def _raid_controller(hardware: Hardware, rule: MatchRule) -> str | None:
    """What counts is whether a controller reports disks: one in pass-through mode, or not understood, is none.

    Where its tool did not answer, nobody knows, and neither rule takes the machine.
    """
    behind, wanted = len(hardware.physical_disks), rule.raid_controller
    if wanted != "any" and hardware.raid_disks_are_unknown:
        needs = "needs a MegaRAID controller with disks" if wanted == "megaraid" else "wants no RAID controller"
        return f"{needs}, and the agent's RAID tool did not answer whether there are disks behind one"
    if wanted == "megaraid" and not behind:
        other = " (it has one, but the report names no disks behind it)" if hardware.has_raid_controller else ""
        return f"needs a MegaRAID controller with disks, has none{other}"
    if wanted == "none" and behind:
        return f"wants no RAID controller, but one holds {behind} disk{'s' if behind > 1 else ''}"
    return None


def _cpu(hardware: Hardware, rule: MatchRule) -> str | None:
    wanted, cpu = rule.cpu, hardware.cpu
    if wanted is None:
        return None
    if wanted.model and not any(part in cpu.model for part in wanted.model):
        return f'CPU model "{cpu.model}" does not hold {" or ".join(wanted.model)}'
    return (
        _one_of("CPU vendor", cpu.vendor, wanted.vendor)
        or _number("CPU threads", cpu.threads, wanted.threads)
        or _number("CPU sockets", cpu.sockets, wanted.sockets)
    )


def _nics(hardware: Hardware, rule: MatchRule) -> str | None:
    return _number("network interfaces", len(hardware.nics), rule.nics)


def _firmware(hardware: Hardware, rule: MatchRule) -> str | None:
    if rule.uefi is not None and hardware.uefi is None:
        return f"boot mode is not reported, needs {'UEFI' if rule.uefi else 'BIOS mode'}"
    if rule.uefi is not None and rule.uefi is not hardware.uefi:
        return "needs UEFI, booted in BIOS mode" if rule.uefi else "needs BIOS mode, booted with UEFI"
    return _secure_boot(hardware.secure_boot, rule.secure_boot)


def _secure_boot(found: bool | None, wanted: bool | None) -> str | None:
    if wanted is None or found is wanted:
        return None
    if found is None:
        return f"secure boot is not reported, needs it {_on(wanted)}"
    return f"needs secure boot {_on(wanted)}, it is {_on(found)}"


def _architecture(hardware: Hardware, rule: MatchRule) -> str | None:
    if rule.architecture is None:
        return None
    found = hardware.architecture or ("amd64" if hardware.cpu.vendor in X86_VENDORS else None)
    if found is None:
        return f"needs {rule.architecture}, and the report does not say what it is"
    return None if found == rule.architecture else f"needs {rule.architecture}, is {found}"


RULES: Final[tuple[Callable[[Hardware, MatchRule], str | None], ...]] = (
    _product,
    _manufacturer,
    _memory,
    _raid_controller,
    _cpu,
    _nics,
    _firmware,
    _architecture,
)
"""In the order in which people look at a machine; the disks come last."""

X86_VENDORS: Final = frozenset({"GenuineIntel", "AuthenticAMD", "HygonGenuine", "CentaurHauls", "Shanghai"})
"""CPUID vendor ids, which the stock agent gives, while it does not give the architecture."""


def _one_of(what: str, found: str, wanted: tuple[str, ...]) -> str | None:
    if not wanted or found in wanted:
        return None
    choice = wanted[0] if len(wanted) == 1 else f"one of {', '.join(wanted)}"
    return f'{what} "{found}" is not {choice}' if found else f"{what} is not reported, needs {choice}"


def _number(what: str, found: int | None, wanted: NumberRange | None) -> str | None:
    if wanted is None:
        return None
    if found is None:
        return f"{what} are not reported, needs {number_words(wanted.min, wanted.max)}"
    if _within(found, wanted.min, wanted.max):
        return None
    return f"needs {number_words(wanted.min, wanted.max)} {what}, has {found}"


def _within(value: int, low: int | None, high: int | None) -> bool:
    return (low is None or low <= value) and (high is None or value <= high)


def _gib(size: int) -> str:
    return exact_size(size) if size % 2**30 == 0 else f"{size / 2**30:.2f}GiB"


def _on(state: bool) -> str:
    return "on" if state else "off"
