"""Decides what a machine boots from when it asks over the network: the live system, or its own disk.

A machine that serves or is quarantined must come back by itself, whatever its firmware's boot order is. One that is to
be installed, or that nobody knows, has nothing to lose in the live system. Nothing is erased by either answer.
"""

from collections.abc import Callable

from ..model.boot_choice import BootChoice, BootFrom
from ..model.history import Phase
from ..model.machine import OURS, MachineView
from ..model.tree import SpecTree
from .candidates import UNPINNED
from .context import install_evidence, said_after

UNKNOWN = BootChoice(BootFrom.LIVE, "it never reported")
"""For a machine that nobody has seen: in the live system it reports."""

BootRule = Callable[[MachineView], tuple[BootFrom, str]]


def boots_from(m: MachineView, tree: SpecTree) -> BootChoice:
    """What this machine boots from, and why."""
    if m.conflict:
        return BootChoice(BootFrom.DISK, f"it is quarantined: {m.conflict}", m.serial)
    if tree.machines.get(m.serial, UNPINNED).protected:
        return BootChoice(BootFrom.DISK, "it is protected", m.serial)
    boot, because = RULES[m.history.phase](m)
    return BootChoice(boot, because, m.serial)


def _discovered(m: MachineView) -> tuple[BootFrom, str]:
    return BootFrom.LIVE, "it has no place yet"


def _enrolled(m: MachineView) -> tuple[BootFrom, str]:
    done = install_evidence(m, m.allocation) if m.allocation else None
    if done is None and m.history.install.open and (said := said_after(m, m.history.install.begun)) in OURS:
        done = f"it says {said}, and nobody saw how its install ended"  # a word is enough to erase nothing
    return (BootFrom.DISK, done) if done else (BootFrom.LIVE, "it is to be installed")


def _installed(m: MachineView) -> tuple[BootFrom, str]:
    return BootFrom.DISK, "Debian is on its disk"


def _in_service(m: MachineView) -> tuple[BootFrom, str]:
    return BootFrom.DISK, "it is in service"


RULES: dict[Phase, BootRule] = {
    Phase.DISCOVERED: _discovered,
    Phase.ENROLLED: _enrolled,
    Phase.INSTALLED: _installed,
    Phase.IN_SERVICE: _in_service,
}
