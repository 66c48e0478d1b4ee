"""What must hold for any plan, whatever it was made from. Cheap enough to run on every plan."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from reconciler.model.action_base import Risk
from reconciler.model.actions import ChangeBmc, ConfigureBmc, ConfigureRaid, Enroll, InstallOs, Release, RollOut
from reconciler.model.history import Phase
from reconciler.model.machine import MachineView
from reconciler.model.plan import Act, Plan, PlanningInput, Wait
from reconciler.model.roles import facts_of
from reconciler.planning.candidates import UNPINNED


def broken_promises(plan: Plan, given: PlanningInput) -> list[str]:
    """Every promise that the plan breaks, as a sentence each. Anything but an empty list is a bug of the planner."""
    return [*_one_step_each(plan, given), *_reasons(plan), *_nothing_twice(plan, given), *_nobody_hurt(plan, given)]


def _one_step_each(plan: Plan, given: PlanningInput) -> Iterator[str]:
    serials = [step.serial for step in plan.steps]
    if serials != sorted(set(serials)):
        yield "the steps are not one per machine, by serial"
    if missing := {m.serial for m in given.observed.machines} - set(serials):
        yield f"no step for {', '.join(sorted(missing))}"


def _reasons(plan: Plan) -> Iterator[str]:
    for step in plan.steps:
        if not (step.on if isinstance(step, Wait) else step.because).strip():
            yield f"{step.serial}: a step without a sentence"
        if isinstance(step, Wait) and (step.needs_approval is None) != (step.covers is None):
            yield f"{step.serial}: an approval is asked for, and of nothing"


def _nothing_twice(plan: Plan, given: PlanningInput) -> Iterator[str]:
    """Names and addresses, over what is handed out and what would be."""
    enrolls = {s.serial: s.action for s in plan.steps if isinstance(s, Act) and isinstance(s.action, Enroll)}
    held = [m.allocation for m in given.observed.machines if m.allocation and m.serial not in enrolls]
    names = [a.hostname for a in held] + [e.hostname for e in enrolls.values()]
    addresses = [text for a in held for text in a.addresses.values()]
    addresses += [text for e in enrolls.values() for text in e.addresses.values()]
    addresses += [vip.address for vip in given.observed.vips]
    addresses += [address for e in enrolls.values() for _, _, address in e.vips]
    acts = [s.action for s in plan.steps if isinstance(s, Act)]
    bmcs = {a.serial: a.address for a in acts if isinstance(a, ConfigureBmc | ChangeBmc) and a.address}
    others = {m.history.bmc.address for m in given.observed.machines if m.serial not in bmcs}
    addresses += [address for address in (*bmcs.values(), *others) if address]
    yield from (f"{name} is given to two machines" for name in _twice(names))
    yield from (f"{address} is given twice" for address in _twice(addresses))


def _twice(values: Iterable[str]) -> list[str]:
    return sorted(value for value, times in Counter(values).items() if times > 1)


def _nobody_hurt(plan: Plan, given: PlanningInput) -> Iterator[str]:
    views = {m.serial: m for m in given.observed.machines}
    for step in plan.steps:
        if not isinstance(step, Act) or step.risk is Risk.NONE:
            continue
        m, pin = views[step.serial], given.spec.machines.get(step.serial, UNPINNED)
        if pin.protected:
            yield f"{step.serial}: protected, and {step.action.type}"
        if m.conflict or m.history.open_action:
            yield f"{step.serial}: held, and {step.action.type}"
        if (
            isinstance(step.action, InstallOs | ConfigureRaid | Release)
            and m.allocation is None
            and not given.observed.retired
        ):
            yield f"{step.serial}: holds nothing, and {step.action.type}"
        if isinstance(step.action, RollOut) and (others := _peers_taken_down(step, plan, views)):
            yield f"{step.serial}: runs Puppet together with {', '.join(others)} of its quorum"
        if m.allocation and step.action.generation != m.allocation.generation:
            yield f"{step.serial}: {step.action.type} for generation {step.action.generation}"
        if isinstance(step.action, InstallOs) and (m.seen is None or not step.action.system_disks):
            yield f"{step.serial}: installed unseen, or on no disk"


def _peers_taken_down(step: Act, plan: Plan, views: Mapping[str, MachineView]) -> list[str]:
    """Others of the node's quorum that this plan, or an action in flight, takes out of service too."""
    if not facts_of(step.role).votes:
        return []
    pool = (step.cluster, step.role)
    acting = {s.serial for s in plan.steps if isinstance(s, Act) and s.risk is not Risk.NONE}
    begun = ((m.serial, m.history.open_action) for m in views.values())
    acting |= {serial for serial, action in begun if action is not None and action.risk is not Risk.NONE}
    serving = (m for m in views.values() if m.allocation and m.history.phase is Phase.IN_SERVICE)
    mine = (m.serial for m in serving if m.allocation and (m.allocation.cluster, m.allocation.role) == pool)
    return sorted(serial for serial in mine if serial in acting and serial != step.serial)
