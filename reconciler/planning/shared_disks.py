"""Disks that several machines report: a LUN of a storage array, a drive in an enclosure that two servers are cabled to.

Each of these machines would format what another one uses. A drive that was moved looks the same, and so do those of a
machine that reports with another serial: an operator knows.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cached_property

from ..model.disk_matching import real_identifier
from ..model.hardware import Disk
from ..model.machine import MachineView

_SAID = 3
"""Other machines that are named of one disk; a hostile WWN is said to be in thousands."""

_BySerial = dict[str | None, list[MachineView]]


class SharedDisks:
    """Who reports a disk. One serves one plan, and looks at the machines once something is to be erased."""

    def __init__(self, machines: Iterable[MachineView]) -> None:
        self._machines = machines

    def others(self, m: MachineView, disk: Disk) -> tuple[MachineView, ...]:
        """The first of the other machines that report this disk by its WWN; its size and serial do not differ."""
        found: list[MachineView] = []
        for other in self._alike(disk):
            if other.serial != m.serial and other not in found:
                found.append(other)
            if len(found) == _SAID:
                break
        return tuple(found)

    def _alike(self, disk: Disk) -> Iterator[MachineView]:
        wwn, serial = real_identifier(disk.wwn), real_identifier(disk.serial)
        known = self._by_wwn.get((wwn, disk.size), {}) if wwn else {}
        for said in known if serial is None else (serial, None):
            yield from known.get(said, ())

    @cached_property
    def _by_wwn(self) -> dict[tuple[str, int], _BySerial]:
        """Machines by the WWN and size of their disks, then by the serial, which not all say."""
        found: defaultdict[tuple[str, int], _BySerial] = defaultdict(dict)
        for m in self._machines:
            for disk in m.seen.hardware.disks if m.seen else ():
                if wwn := real_identifier(disk.wwn):
                    found[wwn, disk.size].setdefault(real_identifier(disk.serial), []).append(m)
        return found
