"""Holds back what may not be touched now, whatever the rules say: as waits that name what they wait for.

Two kinds of waits. ``blocked_by_operator`` looks at one machine: maintenance, pauses, protection, failures.
``within_budgets`` looks at all of them: windows, how many may be out of service, and how many may be wiped at any
moment.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from ..model.action_base import Risk
from ..model.actions import BootDisk, Release, RollOut, RunPuppet
from ..model.history import Phase
from ..model.kinds import Lifecycle, Policy
from ..model.machine import InstallStatus, MachineView, Pause, Power
from ..model.plan import Act, Advance, Step, Wait, risk_of
from ..model.reasons import Reason
from ..model.roles import facts_of
from ..model.units import counted
from .context import Context, back_off, comes_up, fell_into_live, is_unanswered, said_after
from .gates import answers
from .windows import closed_until

Pool = tuple[str, str]
"""Cluster and role."""


def _name(step: Step) -> str:
    return step.action.type if isinstance(step, Act) else "reinstall"


def blocked_by_operator(step: Step, m: MachineView, pauses: Iterable[Pause], ctx: Context) -> Step:
    """The step, unless this machine is not to be touched now."""
    risk, what, pin = risk_of(step), _name(step), ctx.pin(m)
    if not isinstance(step, Act) and risk is Risk.NONE:
        return step
    if pin.lifecycle is Lifecycle.MAINTENANCE:
        return waiting(step, Reason.MAINTENANCE, f"the end of its maintenance; then {what}")
    for pause in pauses:
        if pause.scope in ("fleet", f"cluster:{step.cluster}", f"machine:{m.serial}"):
            on = f"the end of a pause ({pause.scope}, by {pause.who}: {pause.why}); then {what}"
            return waiting(step, Reason.PAUSED, on)
    if pin.protected and risk is not Risk.NONE:
        return waiting(step, Reason.PROTECTED, f"its protection to be lifted; then {what}")
    return _after_failures(step, m, what, ctx)


def _after_failures(step: Step, m: MachineView, what: str, ctx: Context) -> Step:
    """The step, or a wait where the machine's failures ask for one: for an operator, or for the end of a back-off.

    Args:
        step: What a rule asks for.
        m: The machine.
        what: Names the step in the wait's sentence.
        ctx: The clock, and how long to back off.
    """
    failures, permanent = m.history.failures, m.history.permanent
    if isinstance(step, Act) and step.action.looks:  # they have a back-off of their own, and never give up
        return step
    if isinstance(step, Act) and step.action.is_side_task:
        failures, permanent = m.history.side_failures, False
    count, error = failures.count, failures.error or "no reason given"
    if _says_that_it_is_well(step, m):  # worth another look after the back-off, whatever failed before
        count, permanent = min(count, ctx.timings.give_up_after - 1), False
    if permanent:
        return waiting(step, Reason.FAILED, f"an operator, then retry: {what} failed: {error}")
    if count >= ctx.timings.give_up_after:
        on = f"an operator, then retry: {count} failures in a row, the last: {error}"
        return waiting(step, Reason.FAILED, on)
    if count and failures.tried and ctx.now < (again := failures.tried + back_off(count, ctx.timings)):
        on = f"another try at {what} at {again:%H:%M:%S} UTC, after {_times(count)}: {error}"
        return waiting(step, Reason.BACKS_OFF, on, until=again)
    return step


def _says_that_it_is_well(step: Step, m: MachineView) -> bool:
    """Whether a step only asks the node how it is, and the node said since the last try that it is well."""
    asks = isinstance(step, Act) and isinstance(step.action, RunPuppet)
    return asks and said_after(m, m.history.failures.tried) is InstallStatus.PUPPET_SUCCESS


def _times(failures: int) -> str:
    return "1 failure" if failures == 1 else f"{failures} failures"


def within_budgets(steps: Sequence[Step], machines: Mapping[str, MachineView], ctx: Context) -> list[Step]:
    """Let through what the fleet can bear; the rest waits. Puppet documents go last.

    Machines are erased and installed in the order in which the roles of their cluster come up, and then by serial: the
    database is of more use than the fortieth compute. Documents are rolled out from the last node of a role to its
    first, and to controllers after everybody else of their cluster: what is wrong with one shows before it reaches the
    node that the others lean on.
    """
    policy, service = ctx.spec.fleet.policy, _ServiceCount(machines, ctx)
    wiping = sum(_is_being_wiped(m) for m in machines.values())
    kept: list[Step] = []
    for step in sorted(steps, key=lambda step: _turn(step, machines, ctx)):
        m = machines.get(step.serial)
        if m is None or (risk := risk_of(step)) is Risk.NONE:
            kept.append(step)
            continue
        wipes = _begins_wiping(step, m)
        if opens := closed_until(policy.windows, risk, ctx.now):
            on = f"a window for {risk} steps, at {opens:%a %H:%M} UTC; then {_name(step)}"
            kept.append(waiting(step, Reason.WINDOW_CLOSED, on, until=opens))
        elif why := service.refusal(step, m, policy):
            kept.append(waiting(step, Reason.PEERS_OUT, why))
        elif wipes and wiping >= policy.max_destructive:
            on = f"a free slot: max_destructive lets {policy.max_destructive} be erased or installed at a time"
            kept.append(waiting(step, Reason.BUDGET_SPENT, on))
        else:
            wiping += wipes
            service.let(step, m)
            kept.append(step)
    return kept


def _turn(step: Step, machines: Mapping[str, MachineView], ctx: Context) -> tuple[bool, bool, int]:
    """Its place in the order; steps of one place keep the order they came in."""
    m = machines.get(step.serial)
    if m is None or m.allocation is None:
        return False, False, 0
    if _rolls_out(step):
        return True, facts_of(m.allocation.role).leads, -m.allocation.number
    if ctx.bring_up is None or m.history.phase is Phase.IN_SERVICE:
        return False, False, 0
    return False, False, ctx.bring_up.rank(m.allocation.cluster, m.allocation.role)


def _rolls_out(step: Step) -> bool:
    return isinstance(step, Act) and isinstance(step.action, RollOut)


def _is_being_wiped(m: MachineView) -> bool:
    """Whether it takes one of the slots for destructive steps: from leaving service until its install has ended."""
    waits_for_install = m.history.service.left is not None and m.history.phase is Phase.ENROLLED
    return waits_for_install or (m.history.open_action is not None and m.history.open_action.risk is Risk.DESTRUCTIVE)


def _heals(step: Step, m: MachineView) -> bool:
    """Whether a machine that should serve is power-cycled to do so again."""
    serves = m.history.phase is Phase.IN_SERVICE
    return serves and isinstance(step, Act) and isinstance(step.action, BootDisk)


def _heals_now(m: MachineView, ctx: Context) -> bool:
    """Whether it was power-cycled to serve again, and may still be on its way up."""
    return m.history.phase is Phase.IN_SERVICE and (isinstance(m.history.open_action, BootDisk) or comes_up(m, ctx))


def _does_not_answer(m: MachineView, ctx: Context) -> bool:
    """Whether it was booted and is not known to serve again; one that cannot prove it counts for as long as a boot."""
    provable = m.history.install.id is not None
    return m.history.phase is Phase.IN_SERVICE and (is_unanswered(m) if provable else comes_up(m, ctx))


def _begins_wiping(step: Step, m: MachineView) -> bool:
    if _is_being_wiped(m):
        return False
    return isinstance(step, Act | Advance) and step.risk is Risk.DESTRUCTIVE


class _ServiceCount:
    """Who is in service and who is out, by pool; counts what this plan takes out too."""

    def __init__(self, machines: Mapping[str, MachineView], ctx: Context) -> None:
        self._ctx = ctx
        self._members: Counter[Pool] = Counter()
        self._out: Counter[Pool] = Counter()
        self._down: Counter[Pool] = Counter()  # those among them that are out for more than a closed gate
        self._healing: Counter[Pool] = Counter()  # power-cycled, and not seen to be back yet
        self._leading: Counter[str] = Counter()  # by cluster: controllers that are behind, and answer
        self._rolling: Counter[str] = Counter()  # by cluster: nodes other than controllers that are given documents now
        for m in machines.values():
            if m.allocation and (m.history.phase is Phase.IN_SERVICE or m.history.service.left):
                pool = (m.allocation.cluster, m.allocation.role)
                self._members[pool] += 1
                is_down = self._is_down(m)
                self._down[pool] += is_down
                self._out[pool] += is_down or m.serial in ctx.shut
                self._healing[pool] += _heals_now(m, ctx)
                self._leading[pool[0]] += facts_of(pool[1]).leads and m.behind and answers(m)
                self._rolling[pool[0]] += isinstance(m.history.open_action, RollOut) and not facts_of(pool[1]).leads

    def _is_out(self, m: MachineView) -> bool:
        return m.serial in self._ctx.shut or self._is_down(m)

    def _is_down(self, m: MachineView) -> bool:
        history, ctx = m.history, self._ctx
        off = m.seen is not None and m.seen.power is Power.OFF
        mended = history.open_action is not None and history.open_action.risk is not Risk.NONE
        if history.service.left is not None or off or mended or ctx.pin(m).lifecycle is Lifecycle.MAINTENANCE:
            return True
        failed = history.failures.count > 0 and history.last_begun == "roll_out"
        has_run = m.seen is not None and m.seen.last_puppet_began is not None and not m.behind
        broken = failed and not has_run  # its document may be what is wrong; one that it has run well since is not
        return broken or fell_into_live(m, ctx) or _does_not_answer(m, ctx)

    def refusal(self, step: Step, m: MachineView, policy: Policy) -> str | None:
        """Why this machine may not be taken out of service now; None: it may, or is out already."""
        if m.allocation is None or m.history.phase is not Phase.IN_SERVICE:
            return None
        pool = (m.allocation.cluster, m.allocation.role)
        if _rolls_out(step) and (why := self._not_yet(m, pool)):
            return why
        if _heals(step, m):
            return self._not_yet_healed(pool, policy)
        if self._is_down(m):
            return None
        released = isinstance(step, Act) and isinstance(step.action, Release)
        if released and not self._is_wanted(pool):
            return None
        out, members = self._others(m, pool), self._members[pool]
        if out >= (most := policy.may_be_out(pool[1], members)):
            return f"its peers: {out} of {members} {pool[1]} machines are out of service, {most} may be"
        stays = released or _rolls_out(step)  # a released one votes no more; Puppet takes none down for long
        lone = members == 1  # has no quorum to lose
        out = self._out[pool] - self._is_out(m)
        if facts_of(pool[1]).votes and not stays and not lone and out >= (members - 1) // 2:
            return f"its peers: with {out + 1} of {members} {pool[1]} machines out of service the quorum is lost"
        return None

    def _others(self, m: MachineView, pool: Pool) -> int:
        """Peers that are out of service.

        For a machine whose own gate is closed, peers do not count whose gates are closed and that is all: a document
        that mends them all would reach none of them.
        """
        if self._is_out(m):
            return self._down[pool] - self._is_down(m)
        return self._out[pool]

    def _not_yet_healed(self, pool: Pool, policy: Policy) -> str | None:
        """Why this machine is not power-cycled now. It serves nobody, so that one at a time always may be."""
        healing, members = self._healing[pool], self._members[pool]
        most = max(1, policy.may_be_out(pool[1], members))
        if healing < most:
            return None
        return f"its peers: {healing} of {members} {pool[1]} machines come up from their disks, {most} may at once"

    def _not_yet(self, m: MachineView, pool: Pool) -> str | None:
        """Why this node's document is not rolled out now, though the budget might allow it."""
        cluster, role = pool
        facts = facts_of(role)
        others = self._others(m, pool)
        if facts.votes and others > 0:
            return f"its peers: {others} of {self._members[pool]} {role} machines are out of service; one at a time"
        if facts.runs_instances and m.history.announced.commands_run == 0 and (leading := self._leading[cluster]):
            first = counted(leading, "controller")
            return f"{first} of {cluster} to catch up: they come first, as this node is new to them"
        if facts.leads and (rolling := self._rolling[cluster]):
            return f"the other nodes of {cluster}: Puppet runs on {rolling} of them, and controllers come last"
        return None

    def _is_wanted(self, pool: Pool) -> bool:
        cluster = self._ctx.spec.clusters.get(pool[0])
        return cluster is not None and pool[1] in cluster.roles and cluster.roles[pool[1]].count != 0

    def let(self, step: Step, m: MachineView) -> None:
        """Count a machine that this plan takes out."""
        if m.allocation and _rolls_out(step) and not facts_of(m.allocation.role).leads:
            self._rolling[m.allocation.cluster] += 1
        if m.allocation and _heals(step, m):
            self._healing[m.allocation.cluster, m.allocation.role] += 1
        if m.allocation and m.history.phase is Phase.IN_SERVICE:
            pool = (m.allocation.cluster, m.allocation.role)
            self._out[pool] += not self._is_out(m)
            self._down[pool] += not self._is_down(m)


def waiting(step: Step, reason: Reason, on: str, until: datetime | None = None) -> Wait:
    """A wait in place of the step, for the same machine and place."""
    return Wait(step.serial, reason, on, step.hostname, step.cluster, step.role, until=until)
