"""Machines that a document names and nobody has seen.

Where the document says where the BMC is, the machine is turned on through it, from the network, and reports. Whether it
is the right one its BMC is asked before, as before every power action. It is never turned off: it may run anything.
"""

from collections.abc import Collection

from ..model.actions import Discover
from ..model.kinds import Lifecycle
from ..model.machine import MachineView
from ..model.plan import Act, PlanningInput, Settled, Step, Wait
from ..model.reasons import Reason
from .context import Context


def discovery(m: MachineView, otherwise: Wait | Settled, ctx: Context) -> Step:
    """What is done so that a machine without a place is seen; ``otherwise``: why it has none."""
    pin, h = ctx.pin(m), m.history
    wanted = pin.lifecycle is Lifecycle.ACTIVE and not pin.protected and not m.conflict
    if m.seen is not None or pin.bmc.address is None or not wanted:
        return otherwise
    if h.side_failures.tried is not None and not h.side_failures.count:  # it was turned on, and boots
        until = h.side_failures.tried + ctx.timings.live_boot
        if ctx.now < until:
            return Wait(m.serial, Reason.NEVER_SEEN, "its first report: it was turned on", until=until)
    because = f"nobody has seen it, and its BMC is at {pin.bmc.address}"
    return Act(Discover(serial=m.serial, generation=0), Reason.NEVER_SEEN, because)


def not_seen(given: PlanningInput, known: Collection[str]) -> list[Step]:
    """Steps of machines that documents name and nobody has seen: a serial mistyped, or one that is still to come."""
    return [
        Wait(serial, Reason.NEVER_SEEN, "its first report: nobody has seen it yet", cluster=pin.cluster, role=pin.role)
        for serial, pin in given.spec.machines.items()
        if serial not in known and pin.lifecycle is not Lifecycle.DECOMMISSIONED
    ]
