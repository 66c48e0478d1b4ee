"""Swift's rings: built before the first store is installed, the same on every node, and changed round by round.

Machines carry what is done for their cluster: of those that have nothing better to do, the first. A ring that is in
force is changed only by a round that a human approved, and only once all nodes have the last one and
``min_part_hours`` have passed. Nothing is ever removed here: what should go is told.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property, partial

from ..model.actions import BuildRings, InstallOs, PlaceRings, RunPuppet
from ..model.gates import GateName
from ..model.history import Phase
from ..model.kinds import ClusterSpec, Lifecycle
from ..model.machine import MachineView, Observation
from ..model.plan import Act, Settled, Step, Wait
from ..model.reasons import Because, Reason
from ..model.rings import (
    RingBasis,
    RingChange,
    RingFile,
    RingMoves,
    RingRound,
    RingState,
    RingWanted,
    differences,
    files_in_force,
    has_all,
    order_of,
)
from ..model.roles import facts_of
from ..model.statements import Consequence, FactName
from ..model.units import counted, render_size
from .approvals import Question, answer, fact
from .context import Context
from .gates import runs_services
from .ring_devices import (
    RingIndex,
    WantedDevice,
    changes,
    is_in,
    object_ports,
    rings_wanted,
    storing_roles,
    told_apart,
    wanted_devices,
)
from .safety import waiting
from .side_tasks import has_time

_NAMED = 3  # disks or nodes in a sentence; more do not help


@dataclass(frozen=True)
class Swift:
    """A cluster that stores in Swift."""

    name: str
    spec: ClusterSpec
    roles: tuple[str, ...]  # that have disks in its rings
    nodes: tuple[MachineView, ...]  # that hold a place in it and use its rings; stores first
    wanted: tuple[RingWanted, ...]
    states: Mapping[str, RingState]
    worked_out: RingRound | None
    ctx: Context

    @cached_property
    def devices(self) -> tuple[WantedDevice, ...]:
        """All disks of its nodes that belong into its rings."""
        held = ((m, m.allocation) for m in self.nodes if m.allocation)
        return told_apart(dev for m, place in held for dev in wanted_devices(self.ctx.spec, m, place))

    @property
    def serving(self) -> tuple[MachineView, ...]:
        """Nodes in service."""
        return tuple(m for m in self.nodes if m.history.phase is Phase.IN_SERVICE)

    @property
    def files(self) -> tuple[RingFile, ...]:
        """What each node is to have."""
        return files_in_force(self.states.values(), self.name)

    @property
    def is_building(self) -> bool:
        """Whether one of its nodes carries a build right now."""
        return any(isinstance(m.history.open_action, BuildRings) for m in self.nodes)

    def may_give(self) -> tuple[WantedDevice, ...]:
        """Disks that a round may add or raise: those of nodes that serve, and that nobody rests."""
        giving = {m.serial for m in self.serving if self.ctx.pin(m).lifecycle is Lifecycle.ACTIVE}
        return tuple(device for device in self.devices if device.serial in giving)

    def due(self, devices: tuple[WantedDevice, ...]) -> tuple[tuple[RingBasis, ...], tuple[RingChange, ...]]:
        """The rings that change, and how, if these disks are to be in them."""
        ports = object_ports(self.states.values(), self.devices)
        ramp, most = self.spec.rings.ramp, self.spec.rings.most_bytes_per_round or 0
        bases: list[RingBasis] = []
        found: list[RingChange] = []
        renamed = self.states.keys() - {ring.name for ring in self.wanted}  # a policy has another index: see _refused
        for ring in self.wanted:
            state = self.states.get(ring.name)
            if state is None and renamed:
                continue
            if some := changes(ring, state, devices, ports, ramp):
                found += some
                fixed = (state.part_power, state.replicas) if state else (ring.part_power, ring.replicas)
                parity = state.parity if state else ring.parity
                version = state.version if state else 0
                bases.append(RingBasis(ring.name, version, *fixed, ring.min_part_hours, parity, most))
        return tuple(bases), tuple(found)


def ring_steps(swifts: Iterable[Swift], steps: Mapping[str, Step]) -> dict[str, Step]:
    """Steps in place of those of machines that wait for rings, build them, or have others than those in force."""
    found: dict[str, Step] = {}
    for swift in swifts:
        if not swift.states:
            found |= _first(swift, steps)
            continue
        placing = _placing(swift, steps)
        found |= placing
        found |= _round(swift, {serial: step for serial, step in steps.items() if serial not in placing})
    return found


def swift_clusters(observed: Observation, machines: Mapping[str, MachineView], ctx: Context) -> Iterator[Swift]:
    """Every cluster that stores in Swift, by name."""
    rounds = {each.cluster: each for each in observed.ring_rounds}
    nodes: dict[str, list[MachineView]] = defaultdict(list)
    for m in machines.values():
        if m.allocation and facts_of(m.allocation.role).object_store == "swift":
            nodes[m.allocation.cluster].append(m)
    for name, spec in sorted(ctx.spec.clusters.items()):
        states = {state.name: state for state in observed.rings if state.cluster == name}
        roles = storing_roles(ctx.spec, spec, name)
        if not roles and not states:
            continue
        using = tuple(sorted(nodes[name], key=partial(_turn, roles=roles)))
        wanted = rings_wanted(ctx.spec, name, observed.fixed.get(name, {}))
        yield Swift(name, spec, roles, using, wanted, states, rounds.get(name), ctx)


def _turn(m: MachineView, roles: tuple[str, ...]) -> tuple[bool, bool, int, str]:
    assert m.allocation is not None
    facts = facts_of(m.allocation.role)
    return m.allocation.role not in roles, not facts.stores_data, m.allocation.number, m.serial


# ---- the first ones


def _first(swift: Swift, steps: Mapping[str, Step]) -> dict[str, Step]:
    """No node is installed before its rings are there: it could not start, and nothing would say so."""
    if any(_served(m) for m in swift.nodes):  # its rings are elsewhere: ``ring_notes`` says so
        return {}
    installing = [m for m in swift.nodes if _installs(steps[m.serial])]
    lacking = None if swift.is_building else _lacking(swift)
    on = f"the first rings of {swift.name}: {lacking or 'they are being built'}"
    found: dict[str, Step] = {m.serial: waiting(steps[m.serial], Reason.RINGS_MISSING, on) for m in installing}
    carrier = next((m for m in swift.nodes if _is_free(m, steps[m.serial]) or m in installing), None)
    if lacking is None and not swift.is_building and carrier is not None:
        bases, changed = swift.due(swift.devices)
        because = f"all stores of {swift.name} have their places, and none is installed yet"
        found[carrier.serial] = _build(swift, carrier, (bases, changed), Because(Reason.RINGS_DUE, because))
    return found


def _lacking(swift: Swift) -> str | None:
    """What the first rings wait for; None: nothing."""
    ready = {dev.serial for dev in swift.devices}
    counts = [swift.spec.roles[role].count or 0 for role in swift.roles]
    most = swift.spec.rings.begin_with or sum(counts)
    if len(ready) < most:
        return f"{len(ready)} of {most} stores have their places, and disks that are known"
    for ring in swift.wanted:
        disks = sum(is_in(ring.name, device) for device in swift.devices)
        if disks < ring.replicas:
            return f"the {ring.name} ring has {disks} of at least {ring.replicas:g} disks"
    return None


def _served(m: MachineView) -> bool:
    return m.history.phase is Phase.IN_SERVICE or m.history.service.left is not None


def _installs(step: Step) -> bool:
    return isinstance(step, Act) and isinstance(step.action, InstallOs)


def _is_free(m: MachineView, step: Step) -> bool:
    """Whether its step may give way to what is done for its cluster: it is bookkeeping."""
    rests = isinstance(step, Settled) or (isinstance(step, Wait) and step.needs_approval is None)
    return rests and m.history.open_action is None and m.conflict is None


def _build(
    swift: Swift,
    m: MachineView,
    due: tuple[tuple[RingBasis, ...], tuple[RingChange, ...]],
    why: Because,
    approved: str | None = None,
) -> Act:
    """The cluster's rings are built, as one of its nodes' step.

    Args:
        swift: The cluster.
        m: The node.
        due: What the rings are now, and what is to change.
        why: The first ones, a round that is to be worked out, or one that is taken.
        approved: Digest of the round that a human approved.
    """
    assert m.allocation is not None
    action = BuildRings(
        serial=m.serial,
        generation=m.allocation.generation,
        cluster=swift.name,
        bases=due[0],
        changes=due[1],
        first=why.reason is Reason.RINGS_DUE,
        approved=approved,
    )
    return Act(action, *why, m.allocation.hostname, swift.name, m.allocation.role)


# ---- rounds


def _round(swift: Swift, steps: Mapping[str, Step]) -> dict[str, Step]:
    """The next round: what it would do is worked out, a human approves it, and it is taken."""
    bases, changed = swift.due(swift.may_give())
    resting = [m for m in swift.serving if isinstance(steps.get(m.serial), Settled) and m.history.open_action is None]
    if not changed or not resting or swift.is_building:
        return {}
    first = resting[0]
    if settling := _settling(swift, bases, steps[first.serial]):
        return {first.serial: settling}
    worked_out = swift.worked_out
    if worked_out is None or worked_out.order != order_of(bases, changed):
        disks = counted(len({(change.ip, change.device) for change in changed}), "disk")
        because = f"{disks} of {swift.name} have not all their weight in the rings yet"
        return {first.serial: _build(swift, first, (bases, changed), Because(Reason.RING_ROUND_DUE, because))}
    question = round_question(worked_out)
    carrier = next((m for m in resting if _approves(m, question, swift.ctx)), first)
    given = answer(question, carrier, swift.ctx)
    if isinstance(given, Wait):
        return {carrier.serial: waiting_with(steps[carrier.serial], given)}
    because = f"{given.who} approved the round: {given.why}"
    why = Because(Reason.RING_ROUND, because)
    return {carrier.serial: _build(swift, carrier, (bases, changed), why, worked_out.digest)}


def _approves(m: MachineView, question: Question, ctx: Context) -> bool:
    return not isinstance(answer(question, m, ctx), Wait)


def waiting_with(step: Step, wait: Wait) -> Wait:
    """The wait, for the machine and place of the step."""
    return Wait(step.serial, wait.reason, wait.on, step.hostname, step.cluster, step.role, asks=wait.asks)


def _settling(swift: Swift, bases: tuple[RingBasis, ...], step: Step) -> Wait | None:
    """Why no round may begin yet."""
    if late := [m for m in swift.serving if not has_all(m.history.rings, swift.files)]:
        names = _some([m.allocation.hostname for m in late if m.allocation])
        return waiting(step, Reason.RINGS_SETTLE, f"all nodes to have the rings in force, before the next: {names}")
    moved = [(swift.states[b.ring].at, b.min_part_hours) for b in bases if b.ring in swift.states]
    until = max((at + timedelta(hours=hours) for at, hours in moved), default=swift.ctx.now)
    if swift.ctx.now >= until:
        return None
    on = f"min_part_hours since the last round of {swift.name}, before the next"
    return waiting(step, Reason.RINGS_SETTLE, on, until=until)


def round_question(worked_out: RingRound) -> Question:
    """What a human is asked before rings change."""
    told = "; ".join(map(_told, worked_out.moves))
    moves = [fact(FactName.MOVE, m.ring, str(m.version), str(m.partitions), str(m.bytes)) for m in worked_out.moves]
    text = f"approval to change the rings of {worked_out.cluster}: {told}"
    taken = fact(FactName.ROUND, worked_out.cluster, worked_out.digest)
    return Question(Reason.RING_ROUND, text, (Consequence.MOVES_DATA,), (taken, *moves), of_machine=False)


def _told(move: RingMoves) -> str:
    disks = [f"{name} {was:g} -> {weight:g}" for name, was, weight in move.devices]
    most = f", at most {render_size(move.bytes)}" if move.bytes else ""
    return f"{move.ring}: {counted(move.partitions, 'partition')} move{most} ({_some(disks)})"


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


# ---- nodes


def _placing(swift: Swift, steps: Mapping[str, Step]) -> dict[str, Step]:
    """Every node has the files in force; one that was installed with them is asked once."""
    found: dict[str, Step] = {}
    for m in swift.nodes:
        held, step = m.allocation, steps[m.serial]
        if held is None or has_all(m.history.rings, swift.files):
            continue
        serves = m.history.phase is Phase.IN_SERVICE or _waits_for_rings(m, swift.ctx)
        rests = serves and has_time(m, step, swift.ctx)
        if not (rests or _fails_for_want_of_rings(m, step)):
            continue
        action = PlaceRings(
            serial=m.serial,
            generation=held.generation,
            hostname=held.hostname,
            cluster=swift.name,
            rings=swift.files,
        )
        because = differences(m.history.rings, swift.files) or "nobody has asked it for its rings yet"
        found[m.serial] = Act(action, Reason.RINGS_DIFFER, because, held.hostname, swift.name, held.role)
    return found


def _waits_for_rings(m: MachineView, ctx: Context) -> bool:
    """Whether a node that runs its services stays out of service for its rings: a round was taken since its install."""
    return runs_services(m) and any(gate.name is GateName.SWIFT_RINGS for gate in ctx.shut.get(m.serial, ()))


def _fails_for_want_of_rings(m: MachineView, step: Step) -> bool:
    """Whether Puppet fails on a node that was installed before there were rings: it is given them once."""
    runs = isinstance(step, Act) and isinstance(step.action, RunPuppet)
    return runs and m.history.failures.count > 0 and m.history.rings is None and not m.history.side_failures.count


# ---- what is told, and not done


def ring_notes(swifts: Iterable[Swift]) -> Iterator[tuple[str, str]]:
    """What an operator should know of rings, by subject."""
    for swift in swifts:
        told = [*_unknown(swift), *_refused(swift), *_leaving(swift), *_renamed(swift)]
        if told:
            yield f"rings of {swift.name}", "; ".join(told)


def _unknown(swift: Swift) -> Iterator[str]:
    if not swift.states and any(_served(m) for m in swift.nodes):
        yield (
            'its nodes serve, and nobody has told their rings here: take them over with "reconciler import oci '
            '--swift-builders". None are built, as another set of rings would hide all that is stored'
        )


def _refused(swift: Swift) -> Iterator[str]:
    """Orders that would take another ring: what is stored lies where the present one puts it."""
    wanted = {ring.name: ring for ring in swift.wanted}
    for name, state in sorted(swift.states.items()):
        if (ring := wanted.get(name)) is None:
            yield f"no policy has the {name} ring any more, and it stays, as what is stored there does"
            continue
        if ring.part_power != state.part_power:
            yield (
                f"the {name} ring has part power {state.part_power}, and the specs say {ring.part_power}: it rises by "
                "Swift's own relink procedure alone (swift-ring-builder prepare_increase_partition_power, then "
                "swift-object-relinker)"
            )
        if (ring.replicas, ring.parity) != (state.replicas, state.parity):
            yield f"the {name} ring has {state.replicas:g} replicas, and the specs say {ring.replicas:g}: that is kept"


def _leaving(swift: Swift) -> Iterator[str]:
    """Devices that no wanted disk is: nothing removes them yet."""
    gone: dict[str, None] = {}
    moved: dict[str, None] = {}
    unknown = {m.allocation.address for m in swift.nodes if m.allocation and m.disks is None}
    for state in swift.states.values():
        index = RingIndex(state)
        held = {dev.id: device for device in swift.devices if (dev := index.held_by(device)) is not None}
        for dev in state.devices:
            device = held.get(dev.id)
            if device is None and dev.ip not in unknown and dev.weight:
                gone[f"{dev.ip}/{dev.device}"] = None
            elif device and (device.region, device.zone, device.ip) != (dev.region, dev.zone, dev.ip):
                moved[f"{dev.ip}/{dev.device}"] = None
    if gone:
        yield f"{_some(list(gone))} are in them, and no node has such a disk now: they stay, as nothing drains them yet"
    if moved:
        yield f"{_some(list(moved))} stand in another region or zone, or have another address, than the rings say"


def _renamed(swift: Swift) -> Iterator[str]:
    """Disks with another kernel name: rings know a device by where it is mounted, and Puppet mounts it by its name."""
    found: dict[str, None] = {}
    for state in swift.states.values():
        index = RingIndex(state)
        for device in swift.devices:
            dev = index.held_by(device)
            if dev and dev.ip == device.ip and dev.device != device.device:
                found[f"{dev.ip}/{dev.device} is {device.device} now"] = None
    if found:
        yield (
            f"{_some(sorted(found))}: Puppet mounts a disk below /srv/node by the name that it has, and the rings mean "
            "the disk that had the name. Boot the node until the names are those of the rings, before Puppet runs there"
        )
