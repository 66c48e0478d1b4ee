"""Side tasks while a machine goes its way: operators' hooks and the controllers of its cluster are told of it.

Nothing here holds a machine up. A hook or command has its turn when the machine has nothing better to do, and fails on
an account of its own. Only a release waits: who was told that a machine is there is told that it leaves.
"""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from ..model.actions import Release, RunHook, TellCluster
from ..model.history import Phase, ToldCommand, command_digest
from ..model.kinds import Lifecycle
from ..model.machine import Allocation, MachineView
from ..model.plan import Act, Settled, Step, Wait
from ..model.reasons import Reason
from ..model.roles import facts_of
from ..model.tree import SpecTree
from .context import Context, back_off
from .gates import answers

HOOKS = {
    "dns": Phase.ENROLLED,  # it has a name and addresses
    "bmc_password": Phase.ENROLLED,
    "root_password": Phase.IN_SERVICE,
    "monitoring": Phase.IN_SERVICE,
}
"""From when on each hook is to know of a machine."""

DISCOVER_HOSTS = "su nova -s /bin/sh -c 'nova-manage cell_v2 discover_hosts'"
"""Maps a new compute into its cell, so that the scheduler sees it (nova-manage(1))."""

_AGGREGATE = "{compute_aggregate}"

_REACHED = {
    Phase.DISCOVERED: (),
    Phase.ENROLLED: (Phase.ENROLLED,),
    Phase.INSTALLED: (Phase.ENROLLED,),
    Phase.IN_SERVICE: (Phase.ENROLLED, Phase.IN_SERVICE),
}


def side_tasks(machines: Mapping[str, MachineView], steps: Mapping[str, Step], ctx: Context) -> dict[str, Step]:
    """Steps in place of those of machines that have nothing better to do."""
    wanted, undefined = _wanted(ctx.spec), _undefined(ctx.spec, ctx.defined_hooks)
    controllers: dict[str, list[MachineView]] | None = None
    found: dict[str, Step] = {}
    for serial, step in steps.items():
        m = machines[serial]
        if (allocation := m.allocation) is None or (not wanted and m.history.announced.commands_run is None):
            continue
        if isinstance(step, Act) and isinstance(step.action, Release):
            if told := [name for name in wanted if name in m.history.announced.hooks]:
                found[serial] = _hook(m, allocation, told[0], "released", step.because)
            continue
        if not has_time(m, step, ctx):
            continue
        if due := _due_hook(m, wanted, undefined):
            found[serial] = _hook(
                m, allocation, due, HOOKS[due].value, f"it is {HOOKS[due]}, and hook {due} was not told yet"
            )
            continue
        if (command := _due_command(m, allocation, ctx)) is not None:
            controllers = controllers if controllers is not None else _controllers(machines, ctx)
            tells = _tell(m, allocation, command, controllers.get(allocation.cluster, []))
            if isinstance(tells, Act) or isinstance(step, Settled):
                found[serial] = tells
    return found


def hook_notes(spec: SpecTree, defined: Collection[str] | None) -> dict[str, str]:
    """What keeps hooks from being told of any machine, by subject.

    Args:
        spec: Which names them.
        defined: The names of those that the daemon's configuration defines; None: not known.
    """
    others = f"only {', '.join(sorted(defined))}" if defined else "nor any other"
    return {
        f"Fleet hooks.{hook}": f"told of no machine: the daemon's configuration defines no hook {name}, {others}. "
        f"Put hooks: {{{name}: {{command: [/path/to/program]}}}} into it and restart the daemon, or name another "
        f"({spec.place_in_fleet('hooks', hook)})"
        for hook, name in _undefined(spec, defined).items()
    }


def _wanted(spec: SpecTree) -> dict[str, str]:
    """Hooks that are told of machines, with the name of what the daemon runs for each."""
    return {hook: name for hook in HOOKS if (name := getattr(spec.fleet.hooks, hook)) is not None}


def _undefined(spec: SpecTree, defined: Collection[str] | None) -> dict[str, str]:
    return {hook: name for hook, name in _wanted(spec).items() if defined is not None and name not in defined}


def has_time(m: MachineView, step: Step, ctx: Context) -> bool:
    """Whether nothing better is to be done; what failed beside a wait gives way to what is waited for."""
    failures = m.history.side_failures
    if m.history.open_action is not None or m.conflict or ctx.pin(m).lifecycle is Lifecycle.DECOMMISSIONED:
        return False
    if isinstance(step, Settled):
        return True
    if not isinstance(step, Wait) or step.needs_approval == "release" or failures.count >= ctx.timings.give_up_after:
        return False
    return failures.tried is None or ctx.now >= failures.tried + back_off(failures.count, ctx.timings)


def _due_hook(m: MachineView, wanted: Collection[str], undefined: Collection[str]) -> str | None:
    reached, told = _REACHED[m.history.phase], (*m.history.announced.hooks, *undefined)
    return next((name for name in wanted if HOOKS[name] in reached and name not in told), None)


def _hook(m: MachineView, allocation: Allocation, name: str, event: str, because: str) -> Act:
    action = RunHook(
        serial=m.serial,
        generation=allocation.generation,
        hook=name,
        event=event,
        hostname=allocation.hostname,
        cluster=allocation.cluster,
        role=allocation.role,
        location=allocation.location,
        addresses=allocation.addresses,
    )
    return Act(action, Reason.HOOK_DUE, because, allocation.hostname, allocation.cluster, allocation.role)


# ---- the cluster


class _Command(NamedTuple):
    """A command for a controller."""

    number: int  # its place among the machine's, from 0
    line: str  # for this machine, but for what its racking does not tell


def _due_command(m: MachineView, allocation: Allocation, ctx: Context) -> _Command | None:
    """The next command for a controller; None: all have been run, or its cluster is not to be told.

    A command is known by its text, wherever it stands among the others by now. One that took the place of another one,
    which is gone, counts as run: it may be the same with a word changed.
    """
    if m.history.phase is not Phase.IN_SERVICE or (told := _told_commands(m, allocation)) is None:
        return None
    commands = _commands(m, allocation, ctx)
    digests = [command_digest(command.line) for command in commands]
    run = {each.digest for each in told}
    replaced = {each.number for each in told if each.digest not in digests}
    due = (each for each, digest in zip(commands, digests, strict=True) if digest not in run)
    return next((command for command in due if command.number not in replaced), None)


def _told_commands(m: MachineView, allocation: Allocation) -> tuple[ToldCommand, ...] | None:
    """The commands that were run for it; None: its cluster is not to be told, or nobody knows which ones were."""
    announced = m.history.announced
    if announced.commands_run is None:
        return None
    unknown = announced.commands_run - len(announced.commands)
    first = ToldCommand(0, command_digest(DISCOVER_HOSTS))
    if unknown == 1 and facts_of(allocation.role).runs_instances and first not in announced.commands:
        return (first, *announced.commands)
    return announced.commands if unknown <= 0 else None


def _commands(m: MachineView, allocation: Allocation, ctx: Context) -> list[_Command]:
    profile = ctx.spec.profiles.get(allocation.profile)
    written = [DISCOVER_HOSTS] if facts_of(allocation.role).runs_instances else []
    written += profile.after_puppet if profile else ()
    values = {"{hostname}": allocation.hostname}
    if m.racked and m.racked.compute_aggregate:
        values[_AGGREGATE] = m.racked.compute_aggregate
    return [_Command(number, _filled_in(text, values)) for number, text in enumerate(written)]


def _filled_in(text: str, values: Mapping[str, str]) -> str:
    for name, value in values.items():
        text = text.replace(name, value)
    return text


def _controllers(machines: Mapping[str, MachineView], ctx: Context) -> dict[str, list[MachineView]]:
    """By cluster, those whose gates hold before the others, and then by number."""
    found: dict[str, list[MachineView]] = {}
    for m in machines.values():
        if m.allocation is not None and facts_of(m.allocation.role).leads:
            found.setdefault(m.allocation.cluster, []).append(m)
    return {
        name: sorted(some, key=lambda m: (m.serial in ctx.shut, m.allocation.number if m.allocation else 0))
        for name, some in found.items()
    }


def _tell(m: MachineView, allocation: Allocation, command: _Command, controllers: list[MachineView]) -> Step:
    """Once all controllers are in, and those that answer and this node are up to date; until then it is settled."""
    if (missing := _not_ready(m, controllers)) is not None:
        because = f"in service; {missing}"
        return Settled(m.serial, Reason.IN_SERVICE, because, allocation.hostname, allocation.cluster, allocation.role)
    if _AGGREGATE in command.line:
        on = "an operator: after_puppet names {compute_aggregate}, and the racking has none for its switch"
        return Wait(m.serial, Reason.AGGREGATE_UNKNOWN, on, allocation.hostname, allocation.cluster, allocation.role)
    first = next(c for c in controllers if _answers(c))
    assert first.allocation is not None
    action = TellCluster(
        serial=m.serial,
        generation=allocation.generation,
        hostname=allocation.hostname,
        number=command.number,
        command=command.line,
        controller=first.serial,
        controller_hostname=first.allocation.hostname,
    )
    because = f"it came into service, and commands that tell {allocation.cluster} so are still to run"
    return Act(action, Reason.CLUSTER_NOT_TOLD, because, allocation.hostname, allocation.cluster, allocation.role)


def _not_ready(m: MachineView, controllers: list[MachineView]) -> str | None:
    """Why the cluster is not told of the machine yet. A controller that is dead holds nobody up."""
    if not all(c.history.phase is Phase.IN_SERVICE for c in controllers):
        return "its cluster is told of it once all controllers are in service"
    if not (asked := [c for c in controllers if _answers(c)]):
        return "its cluster is told of it once a controller is up"
    if m.behind or any(c.behind for c in asked):
        return "its cluster is told of it once Puppet has run here and on the controllers"
    return None


def _answers(controller: MachineView) -> bool:
    return controller.seen is not None and answers(controller)
