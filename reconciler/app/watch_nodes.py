"""Asks nodes over SSH how their services are, and which of Swift's ring files they have: on one connection in a turn.

Services are looked at on nodes in service, and on those that Puppet has made and that are not ready. A node whose
services are ready is looked at every so often. One that is not ready, or does not answer, is looked at soon again, and
then less and less often. Ring files are asked for every so often, of nodes in service that were given some: one that
has others is named, and given those in force. Never more than a few connections are open, however large the fleet is,
and nodes that somebody waits for come first.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from ..execution.handlers import Tools
from ..execution.handlers.node import node_shell
from ..execution.handlers.rings import read_rings
from ..execution.handlers.services import read_services
from ..execution.seam import offload
from ..model.errors import PermanentError, TemporaryError
from ..model.gates import GateName, Gates, Readings, unreachable
from ..model.history import Phase
from ..model.machine import MachineView, Observation
from ..model.rings import RingFile, files_in_force
from ..planning.gates import current_readings, gates_by_serial, runs_services
from .taking_turns import take_turns

log = structlog.get_logger()

AT_ONCE = 8
"""Nodes asked at the same time; each is one SSH connection, and a dozen questions on the node."""
IN_A_ROW = 8 * AT_ONCE
"""Nodes in one round: those that somebody waits for do not wait for a sweep of all others."""
KEPT_FOR = timedelta(hours=1)
"""Readings that stay the same are written down again after this time."""


_InForce = Mapping[str, tuple[RingFile, ...]]
"""By cluster its ring files."""


@dataclass(frozen=True, slots=True)
class NodePace:
    """How often nodes are asked."""

    services: timedelta
    again: timedelta  # until the next look at services that are not ready; then twice as long, up to ``services``
    rings: timedelta


@dataclass(frozen=True, slots=True)
class _Turn:
    """One node, and what it is asked now."""

    m: MachineView
    ready: bool
    at: datetime  # since when it is due
    services: bool
    rings: bool
    in_force: tuple[RingFile, ...]  # Swift's rings of its cluster; none: nobody knows them


@dataclass(slots=True)
class _NodeSaid:
    """What came back. A connection may break after the first of two answers."""

    services: Readings | None = None
    rings: tuple[RingFile, ...] | None = None
    error: str = ""


@dataclass
class NodeWatch:
    """Asks nodes what is due of each, and notes what is new."""

    tools: Tools
    pace: NodePace
    _next: dict[str, datetime] = field(default_factory=dict)  # when to look at its services again, by serial
    _next_rings: dict[str, datetime] = field(default_factory=dict)  # when to ask for its ring files again, by serial
    _in_vain: dict[str, int] = field(default_factory=dict)  # looks in a row at a node that is not ready, by serial
    _began: datetime | None = None  # when the first round was

    async def look(self, observed: Observation, busy: Callable[[str], bool]) -> bool:
        """Ask the nodes whose turn it is, once each; True when one says something new."""
        now = self.tools.time.now()
        self._began = self._began or now
        gates = await offload(gates_by_serial, observed.machines)
        in_force = {name: files_in_force(observed.rings, name) for name in {state.cluster for state in observed.rings}}
        asked = (m for m in observed.machines if _has_an_address(m) and not busy(m.serial))
        turns = [turn for m in asked if (turn := self._turn(m, gates.get(m.serial, ()), in_force, now)) is not None]

        async def take(turn: _Turn) -> bool:
            said = await self._ask(turn)
            services = turn.services and await self._heed_services(turn, said, now)
            rings = turn.rings and await self._heed_rings(turn.m, said, now)
            return services or rings

        in_order = sorted(turns, key=lambda turn: (turn.ready, turn.at, turn.m.serial))
        return await take_turns(in_order[:IN_A_ROW], take, AT_ONCE)

    def _turn(self, m: MachineView, gates: Gates, in_force: _InForce, now: datetime) -> _Turn | None:
        """What the node is asked now; None: nothing.

        Ring files that are due before half of their time has passed are asked for along with the services: both are
        due together from then on. They are asked for at once where the services say that they are others.
        """
        ready = all(gate.holds for gate in gates)
        services_at = self._services_due(m, now, ready) if runs_services(m) else None
        rings_at = self._rings_due(m, now) if _has_rings(m, in_force) else None
        services = services_at is not None and services_at <= now
        differ = any(gate.name is GateName.SWIFT_RINGS and gate.holds is False for gate in gates)
        along = self.pace.rings if differ else self.pace.rings / 2
        rings = rings_at is not None and rings_at <= (now + along if services else now)
        if not services and not rings:
            return None
        at = min(moment for moment in (services_at, rings_at) if moment is not None)
        files = in_force.get(m.allocation.cluster, ()) if m.allocation else ()
        return _Turn(m, ready or not services, at, services, rings, files)

    def _services_due(self, m: MachineView, now: datetime, ready: bool) -> datetime:
        """When its services are to be looked at; a look that was made before we started counts, if all was well."""
        planned = self._next.get(m.serial)
        if planned is not None and planned <= now + self.pace.services:  # later: planned by a clock that was ahead
            return planned
        readings = current_readings(m)
        return min(readings.at, now) + self.pace.services if readings and ready else now

    def _rings_due(self, m: MachineView, now: datetime) -> datetime:
        """When it is to be asked for its ring files; all of them a while after we started, unless their turn comes."""
        planned = self._next_rings.get(m.serial, (self._began or now) + self.pace.rings)
        return planned if planned <= now + self.pace.rings else now  # later: planned by a clock that was ahead

    async def _ask(self, turn: _Turn) -> _NodeSaid:
        """Whatever is due of the node, on one connection."""
        assert turn.m.allocation is not None
        said = _NodeSaid()
        try:
            async with node_shell(self.tools, turn.m) as shell:
                if turn.services:
                    said.services = await read_services(self.tools, shell, turn.m.allocation.role, turn.in_force)
                if turn.rings:
                    said.rings = await read_rings(self.tools, shell)
        except (TemporaryError, PermanentError) as error:
            said.error = str(error)
            log.info("node not asked", serial=turn.m.serial, error=said.error)
        return said

    async def _heed_services(self, turn: _Turn, said: _NodeSaid, now: datetime) -> bool:
        """Write down what is new of its services, and when to look at them again; whether there is news."""
        m, found, known = turn.m, said.services, current_readings(turn.m)
        if found is None and known is not None:
            found = unreachable(known, self.tools.time.now(), said.error)
        self._next[m.serial] = now + self._pause(m.serial, turn.ready)
        news = found is not None and _says_more(known, found)
        if found is not None and (news or m.readings is None or found.at - m.readings.at > KEPT_FOR):
            await offload(self.tools.records.services_read, m.serial, found)
        if news and turn.ready:
            self._next[m.serial] = now
        return news

    def _pause(self, serial: str, ready: bool) -> timedelta:
        """How long to leave it alone; it may have to be asked for long before it is ready."""
        self._in_vain[serial] = count = 0 if ready else self._in_vain.get(serial, 0) + 1
        most = self.pace.services
        return min(self.pace.again * 2 ** min(count - 1, 20), most) if count else most

    async def _heed_rings(self, m: MachineView, said: _NodeSaid, now: datetime) -> bool:
        """Write down which ring files the node has, where they are others than were known; whether they are."""
        self._next_rings[m.serial] = now + self.pace.rings
        if said.rings is None or said.rings == m.history.rings:
            return False
        await offload(self.tools.records.rings_read, m.serial, said.rings, self.tools.time.now())
        return True


def _has_an_address(m: MachineView) -> bool:
    return m.allocation is not None and m.allocation.address is not None


def _has_rings(m: MachineView, in_force: _InForce) -> bool:
    """Whether it was given rings, as far as anybody knows; one that never was is given them by an action."""
    serves = m.allocation is not None and m.history.phase is Phase.IN_SERVICE
    return serves and m.allocation is not None and m.allocation.cluster in in_force and m.history.rings is not None


def _says_more(before: Readings | None, found: Readings) -> bool:
    if before is None:
        return True
    values = {each.name: each.value for each in before.values}
    return values != {each.name: each.value for each in found.values} or before.classes != found.classes
