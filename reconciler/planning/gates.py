"""Gates of the machines, and the order in which the roles of a cluster come up.

A node serves once the gates of its role hold. A role's first Puppet runs begin once the roles that it needs serve.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property

from ..model.explanation import ExplainedGates
from ..model.gates import ABSENT, SIZE_OF, GateName, Gates, Readings, closed_first, gate_of
from ..model.history import Phase
from ..model.machine import Allocation, MachineView, Power
from ..model.roles import gates_if_there, gates_of, needed_by, rank_in_bring_up
from ..model.tree import SpecTree

_Members = tuple[int, ...]
"""How many members each cluster of ``SIZE_OF`` is to have on nodes of a role, in its order."""


def gates_by_serial(machines: Iterable[MachineView]) -> Mapping[str, Gates]:
    """The gates of every machine that holds a place and has an installed system."""
    held = [(m, m.allocation) for m in machines if m.allocation is not None and _has_a_system(m)]
    counted = Counter(
        (a.cluster, a.role, size) for m, a in held if runs_services(m) for size in SIZE_OF.keys() - _lost(m)
    )
    members = {pool: tuple(counted[*pool, size] for size in SIZE_OF) for pool in {(a.cluster, a.role) for _, a in held}}
    return {m.serial: _gates(m, a, members[a.cluster, a.role]) for m, a in held}


def _lost(m: MachineView) -> frozenset[GateName]:
    """The sizes in which the machine is not to count: its own gates say that it is dead, or its part of that service.

    It is out of service itself. The others are not out because of it too, or its reinstall would wait for them for
    ever, and they for its reinstall.
    """
    if not answers(m):
        return frozenset(SIZE_OF)
    return frozenset(size for size, gate in SIZE_OF.items() if _is_shut(m, gate))


def answers(m: MachineView) -> bool:
    """Whether nothing says that the machine is dead: neither its power, nor the last try to log in to it."""
    return not _is_shut(m, GateName.LOGIN) and (m.seen is None or m.seen.power is not Power.OFF)


def _is_shut(m: MachineView, name: GateName) -> bool:
    readings = current_readings(m)
    known = readings.values if readings is not None else ()
    return any(each.name is name and gate_of(name, each).holds is False for each in known)


def runs_services(m: MachineView) -> bool:
    """Whether Puppet was seen to succeed on the system that is installed on it."""
    return m.history.phase is Phase.IN_SERVICE or (m.history.phase is Phase.INSTALLED and puppet_succeeded(m))


def puppet_succeeded(m: MachineView) -> bool:
    """Whether the last that was done on the machine was a good Puppet run, after its install."""
    h = m.history
    begun = h.install.begun
    return h.last_done == "run_puppet" and h.last_done_at is not None and (begun is None or h.last_done_at > begun)


def closed_by_serial(gates: Mapping[str, Gates]) -> Mapping[str, Gates]:
    """Those that do not hold, of machines that have any. What nobody knows is not closed."""
    found = ((serial, tuple([gate for gate in some if gate.holds is False])) for serial, some in gates.items())
    return {serial: shut for serial, shut in found if shut}


def current_readings(m: MachineView) -> Readings | None:
    """What was read since the system was installed that the machine has."""
    begun = m.history.install.begun
    return m.readings if m.readings is not None and (begun is None or m.readings.at > begun) else None


def _has_a_system(m: MachineView) -> bool:
    return m.history.phase in (Phase.INSTALLED, Phase.IN_SERVICE)


def _gates(m: MachineView, allocation: Allocation, members: _Members) -> Gates:
    readings = current_readings(m)
    if readings is None:
        return _unread(allocation.role, members)
    known = {each.name: each for each in readings.values}
    always, if_there = _names(allocation.role, readings.classes)
    there = [name for name in if_there if name in known and known[name].value != ABSENT]
    sizes = dict(zip(SIZE_OF, members, strict=True))
    return tuple([gate_of(name, known.get(name), sizes.get(name, 0)) for name in (*always, *there)])


@cache
def _unread(role: str, members: _Members) -> Gates:
    """Of a node that nobody has looked at."""
    sizes = dict(zip(SIZE_OF, members, strict=True))
    return tuple(gate_of(name, None, sizes.get(name, 0)) for name in gates_of(role))


@cache
def _names(role: str, classes: tuple[str, ...]) -> tuple[tuple[GateName, ...], tuple[GateName, ...]]:
    """The gates of a node of this role: of services that it has, and of those that it may have."""
    return gates_of(role, classes), gates_if_there(role, classes)


@dataclass(frozen=True, slots=True)
class NotReady:
    """Why a role's first Puppet runs do not begin yet."""

    text: str
    hostname: str | None = None  # of the first node that does not serve; None: there is none yet
    gates: Gates = ()  # that are closed on that node


class BringUp:
    """The order in which the roles of each cluster come up, and how far that has come."""

    def __init__(self, spec: SpecTree, machines: Mapping[str, MachineView], shut: Mapping[str, Gates]) -> None:
        self._spec, self._machines, self._shut = spec, machines, shut

    def rank(self, cluster: str, role: str) -> int:
        """How many roles of the cluster come one after the other before this one."""
        return rank_in_bring_up(role, self._asked(cluster))

    def has_needs(self, allocation: Allocation) -> bool:
        """Whether the machine's first Puppet run needs the services of other roles."""
        return bool(needed_by(allocation.role, self._asked(allocation.cluster)))

    def not_ready(self, allocation: Allocation) -> NotReady | None:
        """Why the machine does not run Puppet for the first time yet; None: it may."""
        cluster = allocation.cluster
        needed = needed_by(allocation.role, self._asked(cluster))
        return next((why for role in needed if (why := self._missing(cluster, role))), None)

    def _asked(self, cluster: str) -> Collection[str]:
        spec = self._spec.clusters.get(cluster)
        wanted = {role for role, pool in spec.roles.items() if pool.count != 0} if spec else set()
        return wanted | self._pools.get(cluster, {}).keys()

    @cached_property
    def _pools(self) -> Mapping[str, Mapping[str, list[MachineView]]]:
        found: dict[str, dict[str, list[MachineView]]] = defaultdict(lambda: defaultdict(list))
        for m in self._machines.values():
            if m.allocation is not None:
                found[m.allocation.cluster][m.allocation.role].append(m)
        return found

    def _missing(self, cluster: str, role: str) -> NotReady | None:
        """What its nodes lack; more than half of them are enough, as they are for a quorum."""
        pool = self._pools.get(cluster, {}).get(role, [])
        if not pool:
            return NotReady(f"a {role} machine of {cluster}: it has none yet")
        waiting = [m for m in pool if m.history.phase is not Phase.IN_SERVICE or m.serial in self._shut]
        if 2 * (serve := len(pool) - len(waiting)) > len(pool):
            return None
        first = min(waiting, key=lambda m: (m.serial not in self._shut, m.serial))
        gates = self._shut.get(first.serial, ())
        assert first.allocation is not None
        how = str(gates[0]) if gates else f"it is {first.history.phase}"
        text = f"the {role} machines of {cluster}: {serve} of {len(pool)} serve; {first.allocation.hostname}: {how}"
        return NotReady(text, first.allocation.hostname, gates)


def explained_gates(spec: SpecTree, machines: Mapping[str, MachineView], serial: str) -> ExplainedGates:
    """The gates of a machine, and what its first Puppet run still needs.

    Args:
        spec: The specs.
        machines: All that hold a place in the machine's cluster, by serial.
        serial: Of the machine, which is one of them.
    """
    m, gates = machines[serial], gates_by_serial(machines.values())
    own = closed_first(gates.get(serial, ()))
    if m.allocation is None or runs_services(m):
        return ExplainedGates(own)
    missing = BringUp(spec, machines, closed_by_serial(gates)).not_ready(m.allocation)
    return ExplainedGates(own, missing.text, missing.hostname, missing.gates) if missing else ExplainedGates(own)
