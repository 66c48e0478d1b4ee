"""A node's first Puppet runs, from its first boot into service: whose turn it is, and the gates that it waits for."""

from ..model.actions import BeginPuppet, RunPuppet
from ..model.gates import GateName
from ..model.history import Phase
from ..model.machine import Allocation, InstallStatus, MachineView
from ..model.plan import Act, Advance, Step, Wait
from ..model.reasons import Reason
from .context import Context, said_after
from .gates import current_readings


def first_puppet(m: MachineView, allocation: Allocation, said: InstallStatus, ctx: Context) -> Step:
    """The wait for a first boot that runs Puppet, or a look of ours at a node that has said nothing for long.

    Args:
        m: The machine, which has said ``said``.
        allocation: Its place.
        said: ``firstboot`` or ``puppet-running``.
        ctx: What the plan is made from.
    """
    assert m.seen is not None and m.seen.status_at is not None
    if m.history.failures.count:
        return run_puppet(m, allocation, "its last try did not succeed")
    spoke = max(m.seen.status_at, m.history.touched or m.seen.status_at)
    until = spoke + ctx.timings.puppet_silence
    if ctx.now < until:
        return Wait(m.serial, Reason.PUPPET_RUNS, f"its first Puppet run: it says {said}", until=until)
    return run_puppet(m, allocation, f"no word from it since {spoke:%Y-%m-%d %H:%M} UTC")


def run_puppet(m: MachineView, allocation: Allocation, because: str) -> Step:
    """See to Puppet's run over SSH: nobody but the node itself, if anybody, has said how it went."""
    run = RunPuppet(serial=m.serial, generation=allocation.generation, hostname=allocation.hostname)
    return Act(run, Reason.PUPPET_UNSEEN, because)


def in_its_turn(step: Step, m: MachineView, allocation: Allocation, ctx: Context) -> Step:
    """The step, unless it runs Puppet, or waits for that, before the roles serve that the machine needs."""
    said, runs = said_after(m, m.history.install.begun), isinstance(step, Act) and isinstance(step.action, RunPuppet)
    waits_or_runs = runs or said is InstallStatus.FIRSTBOOT
    if ctx.bring_up is None or not waits_or_runs or not ctx.bring_up.has_needs(allocation):
        return step
    if missing := ctx.bring_up.not_ready(allocation):
        return Wait(m.serial, Reason.BRING_UP, missing.text, gates=missing.gates, gates_of=missing.hostname)
    may_be_held = said in (None, InstallStatus.FIRSTBOOT) and not _was_let_go(m)
    return _begin_puppet(m, allocation) if may_be_held else step


def _was_let_go(m: MachineView) -> bool:
    """Whether the node's first boot was told that it may run Puppet."""
    last = m.history.last_begun
    return last == "run_puppet" or (last == "begin_puppet" and not m.history.failures.count)


def _begin_puppet(m: MachineView, allocation: Allocation) -> Step:
    begin = BeginPuppet(serial=m.serial, generation=allocation.generation, hostname=allocation.hostname)
    return Act(begin, Reason.PUPPET_MAY_BEGIN, "what it needs serves, and its first boot waits for that")


def into_service(m: MachineView, allocation: Allocation, ctx: Context) -> Step:
    """Puppet has succeeded, and what it made is asked itself."""
    gates = ctx.gates.get(m.serial, ())
    if waits := gate_closed(m, ctx):
        return _puppet_again(m, allocation, waits, ctx) or waits
    if current_readings(m) is None or any(gate.holds is None for gate in gates):
        return Wait(m.serial, Reason.SERVICES_UNREAD, "a look at its services: Puppet has succeeded", gates=gates)
    because = "Puppet was seen to succeed, and its services are ready"
    return Advance(m.serial, Phase.IN_SERVICE, Reason.PUPPET_SUCCEEDED, because, announces=True)


def gate_closed(m: MachineView, ctx: Context) -> Wait | None:
    """The wait for services that are not ready."""
    shut = ctx.shut.get(m.serial, ())
    if not shut:
        return None
    first = min(shut, key=lambda gate: gate.since or ctx.now)
    until = (first.since or ctx.now) + ctx.timings.gate_patience
    more = f", and {len(shut) - 1} more" if len(shut) > 1 else ""
    if ctx.now < until:
        on = f"its services to be ready: {first}{more}"
        return Wait(m.serial, Reason.GATE_CLOSED, on, until=until, gates=shut)
    on = f"an operator: its services are not ready: {first}{more}"
    return Wait(m.serial, Reason.GATE_STAYS_CLOSED, on, gates=shut)


_NOT_PUPPETS = frozenset({GateName.LOGIN, GateName.SWIFT_RINGS})
"""Gates that another Puppet run does not open: it cannot be begun, or others bring what is missing."""


def _puppet_again(m: MachineView, allocation: Allocation, waits: Wait, ctx: Context) -> Act | None:
    """Another Puppet run on a node whose services do not become ready after its last one, before an operator is asked.

    A store's rsync has its configuration from a cron job, and only a Puppet run after that starts it.
    """
    ran = m.history.last_done_at
    pause = ctx.timings.gate_patience / 3
    is_due = waits.reason is Reason.GATE_CLOSED and ran is not None and ctx.now >= ran + pause
    if not is_due or not _NOT_PUPPETS.isdisjoint(gate.name for gate in waits.gates):
        return None
    run = RunPuppet(serial=m.serial, generation=allocation.generation, hostname=allocation.hostname, again=True)
    because = f"Puppet ran at {ran:%Y-%m-%d %H:%M} UTC, and a service is still not ready: {waits.gates[0]}"
    return Act(run, Reason.GATE_CLOSED, because)
