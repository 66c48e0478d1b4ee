"""The placement of machines: which machine takes which slot of which cluster.

A machine keeps its place until it is released on purpose: what is handed out is counted first and never shuffled.
Free slots then go, in this order, to machines pinned to a cluster; to pools with a count, by cluster name; to pools
that take every machine, by cluster name. Within a pool a machine that no other cluster could use is preferred.
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

from ..model.kinds import RackingSpec
from ..model.machine import Allocation, MachineView, Power
from ..model.plan import Settled, Shortfall, Wait
from ..model.reasons import Because, Reason
from ..model.tree import SpecTree
from .candidates import Candidate, candidate, unplaced_because
from .pools import PoolName, SlotPool, count_holders, keep_slots, many, pools_of, shortfalls


@dataclass(frozen=True, slots=True)
class FilledSlot:
    """A slot found for a machine that had none."""

    candidate: Candidate
    cluster: str
    replaced: Allocation | None = None  # what the machine it replaces held


@dataclass(frozen=True, slots=True)
class Placement:
    """Who gets a place, and what becomes of everybody else."""

    placed: Mapping[str, FilledSlot]  # in the order in which numbers and addresses are handed out
    waiting: Mapping[str, Wait | Settled]
    orphaned: Mapping[str, str]  # why nobody asks for them any more
    shortfalls: tuple[Shortfall, ...]


def place(spec: SpecTree, machines: Mapping[str, MachineView], retired: Mapping[str, Allocation]) -> Placement:
    """Find a slot for every machine that has none; ``machines`` by serial, sorted."""
    pools = pools_of(spec)
    orphaned = count_holders(spec, machines, pools)
    found = {m.serial: candidate(m, spec) for m in machines.values() if m.allocation is None}
    waiting = {serial: answer for serial, answer in found.items() if not isinstance(answer, Candidate)}
    pinned: list[Candidate] = []
    free: list[Candidate] = []
    for c in found.values():
        if isinstance(c, Candidate):
            (pinned if c.cluster or c.replaces else free).append(c)
    keep_slots(spec, machines, retired, pools)
    placed: dict[str, FilledSlot] = {}
    for c in pinned:
        answer = _place_pinned(c, machines, retired, pools, spec.rackings)
        if isinstance(answer, FilledSlot):
            placed[c.serial] = answer
        else:
            waiting[c.serial] = Wait(c.serial, *answer, role=c.role)
    placed |= _fill(free, pools)
    reasons = _Reasons(pools, spec.rackings)
    waiting |= {c.serial: reasons.wait(machines[c.serial], c) for c in free if c.serial not in placed}
    return Placement(placed, waiting, orphaned, shortfalls(pools))


def _place_pinned(
    c: Candidate,
    machines: Mapping[str, MachineView],
    retired: Mapping[str, Allocation],
    pools: Mapping[PoolName, SlotPool],
    rackings: Mapping[str, RackingSpec],
) -> FilledSlot | Because:
    """The slot of a machine that is pinned to a cluster or replaces another, or what it waits for."""
    replaced = None
    if c.replaces:
        replaced = retired.get(c.replaces)
        if why := _not_replaceable(c, machines.get(c.replaces), replaced):
            return Because(Reason.REPLACED_REMAINS, why)
    cluster = replaced.cluster if replaced else c.cluster or ""
    pool = pools.get((cluster, c.role))
    if pool is None:
        return Because(Reason.NO_SLOT_FOR_PIN, f"{cluster} to ask for a {c.role}: it asks for none")
    if not pool.takes_from(c.location):
        return _wrong_place(machines[c.serial], c, [pool], rackings)
    pool.kept_for.discard(c.serial)
    if pool.room < 1:
        on = f"a free slot: {cluster} has its {many(pool.want.count or 0, c.role)}"
        return Because(Reason.NO_SLOT_FOR_PIN, on)
    pool.take(pool.part(c.location, c.rack))
    return FilledSlot(c, cluster, replaced)


def _not_replaceable(c: Candidate, old: MachineView | None, released: Allocation | None) -> str | None:
    if old and old.allocation:
        return f"{old.serial} to be decommissioned and released: it still holds {old.allocation.hostname}"
    if released is None:
        return f"a machine to replace: {c.replaces} never held a place here"
    if old and old.seen and old.seen.power not in (None, Power.OFF):
        return f"{old.serial} to be turned off: it may still use the addresses of {released.hostname}"
    if released.role != c.role:
        return f"hardware for a {released.role}: {c.replaces} was one, and this machine is a {c.role}"
    return None


def _fill(free: Iterable[Candidate], pools: Mapping[PoolName, SlotPool]) -> dict[str, FilledSlot]:
    """Give the free machines, by serial, to the pools. Those alike in role, location and rack queue up together."""
    queues: dict[tuple[str, str | None, str | None], deque[Candidate]] = defaultdict(deque)
    for c in free:
        queues[c.role, c.location, c.rack].append(c)
    by_role: dict[str, list[deque[Candidate]]] = defaultdict(list)
    for (role, _, _), queue in queues.items():
        by_role[role].append(queue)
    users: dict[int, int] = {  # clusters that could use the machines of a queue
        id(queue): sum(p.takes_from(queue[0].location) for p in pools.values() if p.role == role)
        for (role, _, _), queue in queues.items()
    }
    placed: dict[str, FilledSlot] = {}
    for pool in sorted(pools.values(), key=lambda p: (p.want.count is None, p.cluster, p.role)):
        for c in _chosen(pool, by_role[pool.role], users):
            placed[c.serial] = FilledSlot(c, pool.cluster)
    return placed


def _chosen(pool: SlotPool, queues: Iterable[deque[Candidate]], users: Mapping[int, int]) -> Iterable[Candidate]:
    """Take from the queues while there is room, always for the emptiest part of the pool."""

    def entry(queue: deque[Candidate]) -> tuple[int, int, str, str, deque[Candidate]]:
        part = pool.part(queue[0].location, queue[0].rack)
        return pool.filled[part] if pool.want.spread else 0, users[id(queue)], part or "", queue[0].serial, queue

    fitting = [q for q in queues if q and pool.takes_from(q[0].location)]
    if pool.want.spread:
        fitting = [q for q in fitting if pool.part(q[0].location, q[0].rack) is not None]
    heap = [entry(queue) for queue in fitting]
    heapify(heap)
    while heap and pool.room >= 1:
        filled, *_, queue = heappop(heap)
        part = pool.part(queue[0].location, queue[0].rack)
        if not pool.has_share_for(part):
            continue
        if pool.want.spread and filled != pool.filled[part]:
            heappush(heap, entry(queue))
            continue
        pool.take(part)
        yield queue.popleft()
        if queue:
            heappush(heap, entry(queue))


class _Reasons:
    """Says once per kind of machine what it waits for."""

    def __init__(self, pools: Mapping[PoolName, SlotPool], rackings: Mapping[str, RackingSpec]) -> None:
        self._rackings = rackings
        self._by_role: dict[str, list[SlotPool]] = defaultdict(list)
        for pool in pools.values():
            self._by_role[pool.role].append(pool)
        self._said: dict[tuple[str, str | None, str | None], Because] = {}

    def wait(self, m: MachineView, c: Candidate) -> Wait:
        asking = self._by_role[c.role]
        if asking and c.location is None:
            return Wait(c.serial, *_wrong_place(m, c, asking, self._rackings), role=c.role)
        kind = (c.role, c.location, c.rack)
        if kind not in self._said:
            self._said[kind] = self._reason(m, c, asking)
        return Wait(c.serial, *self._said[kind], role=c.role)

    def _reason(self, m: MachineView, c: Candidate, asking: list[SlotPool]) -> Because:
        if not asking:
            return Because(Reason.NO_FREE_SLOT, f"a cluster that asks for a {c.role}: none does")
        near = [(pool, pool.part(c.location, c.rack)) for pool in asking if pool.takes_from(c.location)]
        if not near:
            return _wrong_place(m, c, asking, self._rackings)
        on = "a free slot: " + "; ".join(_full(pool, part) for pool, part in near)
        lacks_its_part = any(_lacks_its_part(pool, part) for pool, part in near)
        return Because(Reason.PART_UNKNOWN if lacks_its_part else Reason.NO_FREE_SLOT, on)


def _lacks_its_part(pool: SlotPool, part: str | None) -> bool:
    """Whether there is a slot that it would get, were it known where it stands, or where those stand that have one."""
    spreads = pool.room >= 1 and pool.want.spread is not None
    return spreads and (part is None or (bool(pool.strays) and pool.has_share_for(part, strays=False)))


def _full(pool: SlotPool, part: str | None) -> str:
    wanted = many(pool.want.count or 0, pool.role)
    if _lacks_its_part(pool, part):
        by, strays = pool.want.spread, ", ".join(sorted(pool.strays))
        whose = "this one" if part is None else f"{strays}, which may be {part}: no report of it names a switch there"
        return f"{pool.cluster} spreads its {wanted} by {by}, and nobody knows the {by} of {whose}"
    if pool.room >= 1 and pool.want.spread:
        over = f"{pool.parts} {pool.want.spread}s"
        return f"{pool.cluster} spreads its {wanted} over {over}, and {part} has its share"
    if pool.kept_for:
        return f"{pool.cluster} keeps the rest of its {wanted} for {', '.join(sorted(pool.kept_for))}"
    return f"{pool.cluster} has its {wanted}"


def _wrong_place(
    m: MachineView, c: Candidate, asking: Iterable[SlotPool], rackings: Mapping[str, RackingSpec]
) -> Because:
    if c.location is None:
        return Because(Reason.NO_LOCATION, unplaced_because(m, rackings))
    where = "; ".join(
        f"{pool.cluster} takes them from {', '.join(sorted(pool.places)) or 'nowhere: it has no network for them'}"
        for pool in asking
        if pool.places is not None
    )
    return Because(Reason.NO_CLUSTER_THERE, f"a cluster that wants a {c.role} in {c.location}: {where}")
