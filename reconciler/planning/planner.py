"""The decision: from what operators want and what is known of the world to one step for every machine.

Pure, and the only place where anything is chosen: ``reconciler plan``, the daemon and the tests all call ``plan``.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from ..model.actions import Enroll, EnrolledVip, Release
from ..model.history import Phase
from ..model.in_force import without_effect
from ..model.machine import Allocation, Approval, MachineView, Observation, Vip
from ..model.plan import Act, Advance, Plan, PlanningInput, Settled, Step, Wait
from ..model.reasons import Because, Reason
from .addressing import Book, NothingFreeError, missing_vips
from .bmc_addresses import BmcBook
from .bmc_changes import bmc_changes
from .candidates import UNPINNED
from .consequences import leads_to_erasing
from .context import Context
from .digest import observation_digest
from .discovery import discovery, not_seen
from .fixed import Held, held_orders, hold, notes_of
from .gates import BringUp, closed_by_serial, gates_by_serial
from .observe_only import only_looking
from .phases import next_step
from .placement import FilledSlot, Placement, place
from .renewal import renewals
from .rings import Swift, ring_notes, ring_steps, swift_clusters
from .safety import blocked_by_operator, within_budgets
from .shared_disks import SharedDisks
from .side_tasks import hook_notes, side_tasks


def plan(given: PlanningInput) -> Plan:
    """What would be done now, and why: exactly one step for every machine, by serial."""
    given, digest = _as_if_done(given), observation_digest(given.observed)
    observed, spec = given.observed, given.spec
    machines = {m.serial: m for m in sorted(observed.machines, key=lambda m: m.serial)}
    ctx = context_of(given, machines)
    placement = place(spec, machines, observed.retired)
    steps = _with_side_tasks(given, machines, _on_their_way(given, placement, machines, ctx), ctx)
    steps |= ring_steps(swifts := tuple(swift_clusters(observed, machines, ctx)), steps)
    unseen, orders = not_seen(given, machines), held_orders(spec, observed)
    erasing = {step.serial for step in (*steps.values(), *unseen) if _erases(step, given, machines)}
    pauses = sorted(observed.pauses, key=lambda pause: pause.scope)
    steps |= {serial: hold(steps[serial], orders) for serial in erasing & steps.keys()}
    safe = [blocked_by_operator(step, machines[serial], pauses, ctx) for serial, step in steps.items()]
    everybody = sorted([*within_budgets(safe, machines, ctx), *unseen], key=lambda step: step.serial)
    return Plan(
        given.base,
        digest,
        tuple(_shown(step, observed, erases=step.serial in erasing) for step in everybody),
        placement.shortfalls,
        notes=_notes(observed, orders, swifts) | hook_notes(spec, observed.hooks),
        observing=observed.observing,
        gates=ctx.gates,
        warnings=tuple(sorted(f"{sentence} ({at or 'by default'})" for sentence, at in without_effect(spec))),
    )


def _on_their_way(
    given: PlanningInput, placement: Placement, machines: Mapping[str, MachineView], ctx: Context
) -> dict[str, Step]:
    """The step of each machine on its own way through the phases, by serial."""
    enrolled = _enroll(given, placement, machines)
    steps: dict[str, Step] = {}
    for m in machines.values():
        if m.allocation is not None:
            steps[m.serial] = next_step(m, m.allocation, placement.orphaned.get(m.serial), ctx)
        else:
            odd = _without_place(m, given.observed.retired.get(m.serial))
            steps[m.serial] = odd or enrolled.get(m.serial) or discovery(m, placement.waiting[m.serial], ctx)
    return steps


def _with_side_tasks(
    given: PlanningInput, machines: Mapping[str, MachineView], steps: dict[str, Step], ctx: Context
) -> dict[str, Step]:
    """The steps, with those in their place that are done beside a machine's way."""
    steps |= _bringing_vips(given, machines, steps)
    steps |= side_tasks(machines, steps, ctx)
    steps |= bmc_changes(machines, steps, ctx)
    steps |= renewals(given, machines, steps)
    return steps


def _shown(step: Step, observed: Observation, *, erases: bool) -> Step:
    """The step as the plan has it: marked where it erases; a mere intention where nothing may be begun."""
    if observed.observing is not None:  # where it leads is for somebody to decide first
        return only_looking(step)
    return _marked(step) if erases else step


def context_of(given: PlanningInput, machines: Mapping[str, MachineView]) -> Context:
    """What every rule may ask."""
    spec, observed = given.spec, given.observed
    approvals: dict[tuple[str, str, int], tuple[Approval, ...]] = {}
    for word in sorted(observed.approvals, key=lambda word: (word.at, word.who)):
        key = word.serial, word.action, word.generation
        approvals[key] = (*approvals.get(key, ()), word)
    bmcs = BmcBook(spec, observed) if spec.fleet.bmc.manage else None
    gates = gates_by_serial(machines.values())
    shut = closed_by_serial(gates)
    bring_up = BringUp(spec, machines, shut)
    return Context(
        spec,
        observed.now,
        given.timings,
        approvals,
        observed.listening_since,
        bmcs,
        gates,
        shut,
        bring_up,
        observed.acted,
        SharedDisks(machines.values()),
        observed.hooks,
    )


def _notes(observed: Observation, orders: Iterable[Held], swifts: Iterable[Swift]) -> dict[str, str]:
    """What somebody should see to, by subject."""
    clock = {"clock": observed.clock} if observed.clock else {}
    shown = sorted(observed.shown.items())
    certificates = {f"API certificate of {cluster}": one.problem for cluster, one in shown if one.problem}
    return {**clock, **certificates, **dict(notes_of(orders)), **dict(ring_notes(swifts))}


def _erases(step: Step, given: PlanningInput, machines: Mapping[str, MachineView]) -> bool:
    return leads_to_erasing(step, machines.get(step.serial), given.spec.machines.get(step.serial, UNPINNED))


def _marked(step: Step) -> Step:
    return replace(step, erases=True) if isinstance(step, Act | Advance | Wait) else step


def _as_if_done(given: PlanningInput) -> PlanningInput:
    """The input with enrolments in flight taken as done, so that nothing they hand out is handed out again."""
    observed = given.observed
    enrolling = [(m, m.history.open_action) for m in observed.machines if isinstance(m.history.open_action, Enroll)]
    if not enrolling:
        return given
    fresh = [(m, action) for m, action in enrolling if m.allocation is None]
    done = {m.serial: replace(m, allocation=Allocation.given_by(action)) for m, action in fresh}
    vips = {Vip(action.cluster, *vip) for _, action in enrolling for vip in action.vips} | set(observed.vips)
    machines = tuple(done.get(m.serial, m) for m in observed.machines)
    ordered = tuple(sorted(vips, key=lambda vip: (vip.cluster, vip.usage, vip.network)))
    return replace(given, observed=replace(observed, machines=machines, vips=ordered))


def _without_place(m: MachineView, last: Allocation | None) -> Step | None:
    """A machine whose journal goes further than its holdings: unknown is not the same as new."""
    if m.conflict or (m.history.phase is Phase.DISCOVERED and m.history.open_action is None):
        return None
    if m.history.open_action is not None:
        return Wait(m.serial, Reason.IN_FLIGHT, f"the action in flight: {m.history.open_action.type}")
    if last is None:
        on = f"an operator: its journal says {m.history.phase}, and it holds no name or address"
        return Wait(m.serial, Reason.PLACE_LOST, on)
    release = Release(serial=m.serial, generation=last.generation, hostname=last.hostname)
    because = "its release was interrupted"
    return Act(release, Reason.RELEASE_INTERRUPTED, because, last.hostname, last.cluster, last.role)


def _enroll(given: PlanningInput, placement: Placement, machines: Mapping[str, MachineView]) -> dict[str, Step]:
    """Hand out names and addresses, in the order in which slots were found."""
    if not placement.placed:
        return {}
    book = Book(given.spec, given.observed)
    steps: dict[str, Step] = {}
    for serial, placed in placement.placed.items():
        m, role = machines[serial], placed.candidate.role
        if _without_place(m, given.observed.retired.get(serial)) is not None:
            continue
        try:
            action = book.enroll(m, placed)
        except NothingFreeError as none:
            steps[serial] = Wait(serial, Reason.NOTHING_FREE, str(none), cluster=placed.cluster, role=role)
        else:
            steps[serial] = Act(action, *_because(given, placed), action.hostname, placed.cluster, role)
    return steps


def _because(given: PlanningInput, placed: FilledSlot) -> Because:
    c = placed.candidate
    if placed.replaced:
        return Because(Reason.REPLACES, f"it replaces {c.replaces}")
    if c.cluster:
        return Because(Reason.PINNED, f"it is pinned to {c.cluster}")
    count = given.spec.clusters[placed.cluster].roles[c.role].count
    wants = f"every {c.role} machine" if count is None else f"{count} {c.role} machine{'' if count == 1 else 's'}"
    text = f"hardware profile {c.profile} matches, and {placed.cluster} wants {wants}"
    return Because(Reason.MATCHES_PROFILE, text)


def _bringing_vips(
    given: PlanningInput, machines: Mapping[str, MachineView], steps: Mapping[str, Step]
) -> dict[str, Step]:
    """VIPs asked for after a cluster's machines came: one of them that has nothing better to do brings them along."""
    have = {(vip.cluster, vip.usage): vip for vip in given.observed.vips}
    lacking = {name for name, cluster in given.spec.clusters.items() if missing_vips(name, cluster, have)}
    lacking -= {step.cluster for step in steps.values() if isinstance(step, Act) and isinstance(step.action, Enroll)}
    carriers: dict[str, MachineView] = {}
    for serial, step in steps.items() if lacking else ():
        if step.cluster in lacking and isinstance(step, Settled) and machines[serial].allocation:
            carriers.setdefault(step.cluster, machines[serial])
    if not carriers:
        return {}
    book = Book(given.spec, given.observed)
    due = [(m, m.allocation, book.new_vips(name)) for name, m in sorted(carriers.items())]
    return {m.serial: _bring_vips(m, has, vips) for m, has, vips in due if has and vips}


def _bring_vips(m: MachineView, has: Allocation, vips: Iterable[Vip]) -> Act:
    """An enrolment of an enrolled machine, unchanged but for the virtual addresses that its cluster still needs."""
    enroll = Enroll(
        serial=m.serial,
        generation=has.generation,
        cluster=has.cluster,
        role=has.role,
        profile=has.profile,
        location=has.location,
        hostname=has.hostname,
        number=has.number,
        addresses=has.addresses,
        vips=tuple(EnrolledVip(vip.network, vip.usage, vip.address) for vip in vips),
    )
    asked = ", ".join(vip.usage for vip in vips)
    because = f"{has.cluster} has no VIP yet for: {asked}"
    return Act(enroll, Reason.VIPS_MISSING, because, has.hostname, has.cluster, has.role)
