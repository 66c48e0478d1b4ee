"""Consequences of a step: whether the machine's disks are erased before all of it is done."""

from ..model.action_base import Risk
from ..model.actions import Discover, Enroll, Release
from ..model.history import Phase
from ..model.kinds import Lifecycle, MachineSpec
from ..model.machine import MachineView
from ..model.plan import Act, Advance, Step, Wait

_APPROVALS = ("install_os", "reinstall")
"""Steps that erase, once a human allows them."""


def leads_to_erasing(step: Step, m: MachineView | None, pin: MachineSpec) -> bool:
    """Whether the step, or what follows once it is done or no longer waits, erases disks of the machine.

    A machine that was given a place and is not installed yet is on its way to its install, whatever it waits for. What
    has no place and nobody sent to a cluster leads nowhere that is known.

    Args:
        step: What is to be done, before anybody's safety or patience is considered.
        m: The machine; None: nobody has heard of it.
        pin: What the operator says of it. A protected machine is never installed.
    """
    if not isinstance(step, Act | Advance | Wait) or pin.protected:
        return False
    if not isinstance(step, Wait) and step.risk is Risk.DESTRUCTIVE:
        return True
    if isinstance(step, Wait) and step.needs_approval is not None:
        return step.needs_approval in _APPROVALS
    if m is None or m.allocation is None:
        return _is_given_a_place(step, m, pin)
    if (isinstance(step, Act) and isinstance(step.action, Release)) or _is_past_its_install(step):
        return False
    return m.history.phase in (Phase.DISCOVERED, Phase.ENROLLED)


def _is_given_a_place(step: Step, m: MachineView | None, pin: MachineSpec) -> bool:
    if isinstance(step, Act) and isinstance(step.action, Enroll):
        return True
    sent = pin.lifecycle is Lifecycle.ACTIVE and (pin.cluster is not None or pin.replaces is not None)
    unseen = m is None or m.seen is None
    return sent and unseen and (isinstance(step, Wait) or (isinstance(step, Act) and isinstance(step.action, Discover)))


def _is_past_its_install(step: Step) -> bool:
    """Whether it turns out that there is nothing to install: it ended well, or is not asked for any more."""
    return isinstance(step, Advance) and step.to in (Phase.INSTALLED, Phase.IN_SERVICE)
