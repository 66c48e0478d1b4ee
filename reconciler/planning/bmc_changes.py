"""BMCs of machines in service that are to have another password or network: changed through themselves.

A new password harms nobody: the old one is kept until the BMC has let us in with the new. A network is another matter:
a BMC with a gateway or VLAN that does not work is lost until somebody walks there. So within a BMC network one is
changed after the other, and while one of them was not seen to have arrived, no other is begun.
"""

from collections.abc import Mapping
from dataclasses import replace

from ..model.actions import ChangeBmc
from ..model.history import Phase
from ..model.machine import MachineView
from ..model.plan import Act, Settled, Step, Wait
from ..model.reasons import Reason
from .context import Context
from .side_tasks import has_time


def bmc_changes(machines: Mapping[str, MachineView], steps: Mapping[str, Step], ctx: Context) -> dict[str, Step]:
    """Steps in place of those of machines in service that have nothing better to do."""
    if ctx.bmcs is None:
        return {}
    moving = _moving(machines)
    found: dict[str, Step] = {}
    for serial, step in sorted(steps.items()):
        m = machines[serial]
        if m.allocation is None or m.history.phase is not Phase.IN_SERVICE or not has_time(m, step, ctx):
            continue
        change = ctx.bmcs.change(m, m.allocation.generation)
        if isinstance(change, Wait):
            if isinstance(step, Settled):
                found[serial] = replace(change, hostname=step.hostname, cluster=step.cluster, role=step.role)
        elif change is not None:
            found[serial] = _one_at_a_time(change, step, moving)
    return found


def _moving(machines: Mapping[str, MachineView]) -> dict[str | None, str]:
    """Of each BMC network the machine whose BMC is being given another one, or was and did not arrive."""
    pending = [(m.serial, m.history.bmc.change) for m in machines.values()]
    return {change.network_name: serial for serial, change in pending if change is not None and change.address}


def _one_at_a_time(change: ChangeBmc, step: Step, moving: dict[str | None, str]) -> Step:
    first = moving.setdefault(change.network_name, change.serial) if change.address else change.serial
    if first != change.serial and change.rotate is None:
        if not isinstance(step, Settled):
            return step
        return replace(step, because=f"{step.because}; its BMC is next once that of {first} has arrived")
    if first != change.serial:  # its password at least
        change = replace(change, address=None, network=None, gateway=None, vlan=None, network_name=None)
    return Act(change, Reason.BMC_DIFFERS, _because(change), step.hostname, step.cluster, step.role)


def _because(change: ChangeBmc) -> str:
    password = f'a new password for its BMC is asked for ("{change.rotate}")' if change.rotate else ""
    network = f"the fleet wants its BMC at {change.address} in {change.network_name}" if change.address else ""
    return "; ".join(filter(None, (password, network)))
