"""The slots that clusters ask for: who holds them, who they are kept for, and where free ones may be filled from."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ..model.history import Phase
from ..model.kinds import ClusterSpec, Lifecycle, RolePool
from ..model.machine import Allocation, MachineView
from ..model.plan import Shortfall
from ..model.reasons import Because, Reason
from ..model.tree import SpecTree
from .candidates import UNPINNED, rack

PoolName = tuple[str, str]
"""Cluster and role."""

_PROGRESS = {phase: place for place, phase in enumerate(Phase)}


@dataclass(slots=True)
class SlotPool:
    """The slots of one role in one cluster while they are being filled."""

    cluster: str
    role: str
    want: RolePool
    places: frozenset[str] | None  # locations it takes machines from; None: anywhere
    parts: int  # locations or racks that it spreads over
    holders: list[MachineView] = field(default_factory=list)
    filled: dict[str | None, int] = field(default_factory=lambda: defaultdict(int))  # by what it spreads over
    strays: list[str] = field(default_factory=list)  # holders of which nobody knows the rack that they stand in
    taken: int = 0
    kept_for: set[str] = field(default_factory=set)  # pinned here, and not ready to take the slot

    @property
    def room(self) -> float:
        """Slots that anybody may take."""
        return float("inf") if self.want.count is None else self.want.count - self.taken - len(self.kept_for)

    def takes_from(self, location: str | None) -> bool:
        """Whether machines there may take its slots; None: a machine that stands nowhere we know."""
        return self.places is None or location in self.places

    def part(self, location: str | None, rack: str | None) -> str | None:
        """What of the pool a machine there would belong to, of the parts that it spreads over."""
        return {"location": location, "rack": rack, None: None}[self.want.spread]

    def has_share_for(self, part: str | None, *, strays: bool = True) -> bool:
        """Whether one more machine there keeps the pool even: counts of any two parts differ by one at most.

        Args:
            part: Of those that the pool spreads over.
            strays: Count all holders of which nobody knows the rack as if they stood there, as they may.
        """
        if self.want.count is None or self.want.spread is None:
            return True
        base, extra = divmod(self.want.count, self.parts)
        there = self.filled[part] + len(self.strays if strays else ())
        if there != base:
            return there < base
        return sum(1 for filled in self.filled.values() if filled > base) < extra

    def take(self, part: str | None) -> None:
        self.taken += 1
        self.filled[part] += 1

    def hold(self, m: MachineView, allocation: Allocation) -> None:
        """Count a machine that has a slot, by the location that it got it for."""
        part = self.part(allocation.location, rack(m))
        self.holders.append(m)
        self.take(part)
        if self.want.spread == "rack" and part is None:
            self.strays.append(allocation.hostname)


def pools_of(spec: SpecTree) -> dict[PoolName, SlotPool]:
    """Every pool that git asks for, empty."""
    found = {}
    for cluster_name, cluster in sorted(spec.clusters.items()):
        for role, want in sorted(cluster.roles.items()):
            places = _places(cluster, role, want)
            found[cluster_name, role] = SlotPool(cluster_name, role, want, places, _parts(spec, want, places))
    return found


def _places(cluster: ClusterSpec, role: str, want: RolePool) -> frozenset[str] | None:
    """Locations with a network that can manage such a machine, narrowed to those the pool names."""
    at = {network.location for network in cluster.networks.values() if network.may_manage(role)}
    named = frozenset(want.locations)
    if None in at:
        return named or None
    everywhere = frozenset(location for location in at if location)
    return everywhere & named if named else everywhere


def _parts(spec: SpecTree, want: RolePool, places: frozenset[str] | None) -> int:
    if want.spread == "rack":
        racks = {
            (at.dc, at.row, at.rack)
            for racking in spec.rackings.values()
            for at in racking.switches.values()
            if places is None or at.location in places
        }
        return max(1, len(racks))
    return max(1, len(spec.locations if places is None else places))


def count_holders(
    spec: SpecTree, machines: Mapping[str, MachineView], pools: Mapping[PoolName, SlotPool]
) -> dict[str, str]:
    """Count what is handed out; return the machines that git asks for no longer, and why."""
    orphaned = {}
    for m in machines.values():
        if m.allocation is None or spec.machines.get(m.serial, UNPINNED).lifecycle is Lifecycle.DECOMMISSIONED:
            continue
        allocation = m.allocation
        pool = pools.get((allocation.cluster, allocation.role))
        if pool is not None:
            pool.hold(m, allocation)
        elif allocation.cluster in spec.clusters:
            orphaned[m.serial] = f"{allocation.cluster} asks for no {allocation.role} any more"
        else:
            orphaned[m.serial] = f"cluster {allocation.cluster} is in no spec any more"
    for pool in pools.values():
        if pool.want.count is not None and len(pool.holders) > pool.want.count:
            why = f"{pool.cluster} wants {many(pool.want.count, pool.role)}, has {len(pool.holders)}"
            orphaned |= {m.serial: why for m in _furthest_first(pool.holders, spec)[pool.want.count :]}
    return orphaned


def _furthest_first(holders: Iterable[MachineView], spec: SpecTree) -> list[MachineView]:
    """Holders in the order in which they are kept: pinned ones, those furthest along, the lowest numbers."""

    def order(m: MachineView) -> tuple[bool, int, int, str]:
        pinned = spec.machines.get(m.serial, UNPINNED).cluster is not None
        return not pinned, -_PROGRESS[m.history.phase], m.allocation.number if m.allocation else 0, m.serial

    return sorted(holders, key=order)


def keep_slots(
    spec: SpecTree,
    machines: Mapping[str, MachineView],
    retired: Mapping[str, Allocation],
    pools: Mapping[PoolName, SlotPool],
) -> None:
    """Keep slots for machines pinned to a cluster and role, or replacing one, that are not there yet."""
    for serial, pin in spec.machines.items():
        m = machines.get(serial)
        if pin.lifecycle is Lifecycle.DECOMMISSIONED or (m is not None and m.allocation is not None):
            continue
        old = held_by(pin.replaces, machines, retired) if pin.replaces else None
        name = (old.cluster, old.role) if old else (pin.cluster, pin.role)
        if name[0] and name[1] and (pool := pools.get((name[0], name[1]))):
            pool.kept_for.add(serial)


def held_by(serial: str, machines: Mapping[str, MachineView], retired: Mapping[str, Allocation]) -> Allocation | None:
    """What a machine holds, or held last."""
    m = machines.get(serial)
    return m.allocation if m and m.allocation else retired.get(serial)


def shortfalls(pools: Mapping[PoolName, SlotPool]) -> tuple[Shortfall, ...]:
    """The pools that stay short of their count, once everybody is placed."""
    return tuple(
        Shortfall(pool.cluster, pool.role, pool.want.count, pool.taken, *_missing(pool))
        for pool in pools.values()
        if pool.want.count is not None and pool.taken < pool.want.count
    )


def _missing(pool: SlotPool) -> Because:
    if pool.kept_for:
        return Because(Reason.KEPT_FOR_PIN, f"kept for {', '.join(sorted(pool.kept_for))}")
    if pool.places is not None and not pool.places:
        return Because(Reason.NO_NETWORK, "the cluster has no network for them")
    if pool.want.spread == "location" and pool.places:
        short = [place for place in sorted(pool.places) if pool.has_share_for(place)]
        return Because(Reason.NO_FREE_MACHINE, f"no free machine in {', '.join(short)}")
    return Because(Reason.NO_FREE_MACHINE, "no free machine")


def many(count: int, role: str) -> str:
    """``3 compute machines``: roles such as sql have no plural."""
    return f"{count} {role} machine{'' if count == 1 else 's'}"
