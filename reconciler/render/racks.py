"""Rack elevations and groups, as the dashboard draws them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from .rows import MachineSummary


@dataclass(frozen=True, slots=True)
class RackSlot:
    """One line of a rack, from the top: a machine with the units it takes, or free units."""

    top: int
    bottom: int
    machine: MachineSummary | None = None

    @property
    def units(self) -> int:
        """Rack units."""
        return self.top - self.bottom + 1

    @property
    def name(self) -> str:
        """``U7`` or ``U7-8``."""
        return f"U{self.bottom}" if self.top == self.bottom else f"U{self.bottom}-{self.top}"


@dataclass(frozen=True, slots=True)
class Rack:
    """One rack. ``misplaced`` are machines whose unit nobody knows or that another one claims as well."""

    dc: str
    row: str
    rack: str
    slots: tuple[RackSlot, ...]
    misplaced: tuple[MachineSummary, ...]

    @property
    def name(self) -> str:
        """As it is called on the page."""
        return f"{self.dc} / {self.row} / {self.rack}"


@dataclass(frozen=True, slots=True)
class WaitGroup:
    """Machines that wait for the same."""

    on: str
    machines: tuple[MachineSummary, ...]


def draw_racks(machines: Iterable[MachineSummary]) -> tuple[Rack, ...]:
    """All racks that hold a machine, in the order humans count: rack 9 before rack 10."""
    found: dict[tuple[str, str, str], list[MachineSummary]] = {}
    for machine in machines:
        if machine.rack is not None:
            found.setdefault((machine.dc or "", machine.row or "", machine.rack), []).append(machine)
    return tuple(
        _draw(place, found[place]) for place in sorted(found, key=lambda place: [natural(part) for part in place])
    )


def unracked(machines: Iterable[MachineSummary]) -> tuple[MachineSummary, ...]:
    """Machines that no known switch has seen."""
    return tuple(sorted((m for m in machines if m.rack is None), key=lambda m: natural(m.name)))


def group_waits(machines: Iterable[MachineSummary]) -> tuple[WaitGroup, ...]:
    """Waiting machines by what they wait for, the largest group first."""
    groups: dict[str, list[MachineSummary]] = {}
    for machine in machines:
        if machine.kind == "wait":
            groups.setdefault(machine.because, []).append(machine)
    ordered = sorted(groups.items(), key=lambda group: (-len(group[1]), group[0]))
    return tuple(WaitGroup(on, tuple(sorted(members, key=lambda m: natural(m.name)))) for on, members in ordered)


def natural(text: str) -> list[tuple[int, int, str]]:
    """A sort key in which ``rack9`` comes before ``rack10``."""
    parts = re.findall(r"[0-9]{1,18}|[^0-9]+", text)
    return [(0, int(part), "") if part.isdigit() and part.isascii() else (1, 0, part) for part in parts]


def _draw(place: tuple[str, str, str], machines: list[MachineSummary]) -> Rack:
    taken: dict[int, MachineSummary] = {}
    misplaced = []
    for machine in sorted(machines, key=lambda m: m.serial):
        units = range(machine.unit, machine.unit + machine.height) if machine.unit is not None else range(0)
        if not units or any(unit in taken for unit in units):
            misplaced.append(machine)
        else:
            taken |= dict.fromkeys(units, machine)
    return Rack(*place, slots=tuple(_slots(taken)), misplaced=tuple(misplaced))


def _slots(taken: dict[int, MachineSummary]) -> Iterable[RackSlot]:
    """From the highest machine down to unit 1; free units in between are one line."""
    unit = max(taken, default=0)
    while unit >= 1:
        machine = taken.get(unit)
        bottom = unit
        while bottom > 1 and taken.get(bottom - 1) is machine:
            bottom -= 1
        yield RackSlot(unit, bottom, machine)
        unit = bottom - 1
