"""Finds approvals that answer a question which nobody asks any more, so that they are void.

A word that was given is for what was asked then. Once that has gone, as a disk was cleared by hand or a reinstall taken
back, the word is gone too: should the same be asked again, somebody has to look again. A question that is there with
other facts is another matter: what was approved stays to be compared with, and the plan says what changed.

Silence is no end of a question. Whether a machine reports, waits for a window, or is at work, has no part in it.
"""

from ..model.history import Phase
from ..model.kinds import InstallPolicy, Lifecycle
from ..model.machine import Approval, MachineView
from ..model.plan import PlanningInput
from .candidates import UNPINNED
from .context import Context
from .install import foreign_data
from .phases import pinned_elsewhere
from .planner import context_of
from .vouching import voucher


def gone_questions(given: PlanningInput) -> tuple[Approval, ...]:
    """Approvals that nothing waits for, and nothing could use."""
    if not given.observed.approvals:
        return ()
    machines = {m.serial: m for m in given.observed.machines}
    ctx = context_of(given, machines)
    clusters = {each.cluster for each in given.observed.ring_rounds}
    return tuple(
        word for word in given.observed.approvals if not _is_asked(word, machines.get(word.serial), clusters, ctx)
    )


def _is_asked(word: Approval, m: MachineView | None, with_rounds: set[str], ctx: Context) -> bool:
    """Whether the question is there that a word answers, whatever the machine does or waits for now."""
    if m is None or m.allocation is None or m.allocation.generation != word.generation:
        return False
    if m.history.open_action is not None:  # it may be what is allowed that is at work
        return True
    pin = ctx.spec.machines.get(m.serial, UNPINNED)
    match word.action:
        case "release":
            moved = pinned_elsewhere(m.allocation, pin)
            return pin.lifecycle is Lifecycle.DECOMMISSIONED or moved is not None
        case "reinstall":
            return pin.reinstall not in (None, m.history.install.reinstall)
        case "change_rings":
            return m.allocation.cluster in with_rounds
        case _:
            return m.history.phase in (Phase.DISCOVERED, Phase.ENROLLED) and _asks_to_install(m, ctx)


def _asks_to_install(m: MachineView, ctx: Context) -> bool:
    """Whether something about the install is a human's to allow."""
    by_policy = ctx.spec.fleet.policy.install is InstallPolicy.APPROVAL
    had_another_place = m.history.service.released is not None
    return by_policy or had_another_place or bool(foreign_data(m)) or voucher(m, ctx) is None
