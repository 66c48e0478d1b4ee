"""Drift of a machine: what is no longer as it was when it got its place."""

from collections import Counter

from ..model.machine import Allocation, MachineView
from ..model.plan import Wait
from ..model.reasons import Reason
from ..model.units import render_size
from .context import Context


def drift(m: MachineView, allocation: Allocation, ctx: Context) -> Wait | None:
    """What drifted. It is shown, and not acted on."""
    found = _what_drifted(m, allocation, ctx)
    return Wait(m.serial, Reason.DRIFT, f"an operator: drift: {found}") if found else None


def _what_drifted(m: MachineView, allocation: Allocation, ctx: Context) -> str | None:
    if gone := _lost_disks(m):
        return f"{gone} since it was installed"
    if not ctx.pin(m).profile and (refused := m.match.refused.get(allocation.profile)):
        return f"{allocation.profile} does not match any more: {refused}"
    stands = ctx.pin(m).location or (m.racked.location if m.racked else None)
    if stands and allocation.location and stands != allocation.location:
        return f"it stands in {stands}, and got its place in {allocation.location}"
    if differing := sorted(allocation.addresses.keys() ^ ctx.networks(m, allocation)):
        return f"networks {', '.join(differing)} came or went since it was installed"
    return None


def _lost_disks(m: MachineView) -> str | None:
    """Disks that it was installed with and has no more; by size, as kernel names change and few agents know serials."""
    if m.seen is None:
        return None
    had = {disk.name: disk.size for disk in m.history.install.on if disk.size is not None}
    has = {disk.device: disk.size for disk in m.seen.hardware.disks}
    if had.items() <= has.items():  # as is nearly always so, and is asked of each machine in each pass
        return None
    missing = Counter(had.values()) - Counter(disk.size for disk in m.seen.hardware.disks)
    if not missing:
        return None
    names = sorted(had.keys() - has.keys())
    what = ", ".join(f"{n} disk{'s' if n > 1 else ''} of {render_size(size)}" for size, n in sorted(missing.items()))
    was = f" ({', '.join(names)})" if len(names) == missing.total() else ""
    return f"{what} {'are' if missing.total() > 1 else 'is'} gone{was}"
