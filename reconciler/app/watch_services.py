"""Looks at the services of nodes, over SSH: those in service, and those that Puppet has made and that are not ready.

A node whose services are ready is looked at every so often. One that is not ready, or does not answer, is looked at
soon again, and then less and less often. Never more than a few connections are open, however large the fleet is, and
nodes that somebody waits for come first.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from ..execution.handlers import Tools
from ..execution.handlers.node import node_shell
from ..execution.handlers.services import read_services
from ..model.errors import PermanentError, TemporaryError
from ..model.gates import Gates, Readings, unreachable
from ..model.machine import MachineView
from ..planning.gates import current_readings, gates_by_serial, runs_services
from .taking_turns import take_turns

log = structlog.get_logger()

AT_ONCE = 8
"""Nodes looked at at the same time; each is one SSH connection, and a dozen questions on the node."""
IN_A_ROW = 8 * AT_ONCE
"""Nodes in one round: those that somebody waits for do not wait for a sweep of all others."""
KEPT_FOR = timedelta(hours=1)
"""Readings that stay the same are written down again after this time."""


@dataclass
class ServiceWatch:
    """Reads how the services of nodes are, and notes what is new."""

    tools: Tools
    every: timedelta
    soon: timedelta  # until the next look at a node that is not ready; then twice as long, up to ``every``
    _next: dict[str, datetime] = field(default_factory=dict)  # when to look again, by serial
    _in_vain: dict[str, int] = field(default_factory=dict)  # looks in a row at a node that is not ready, by serial

    async def look(self, machines: Sequence[MachineView], busy: Callable[[str], bool]) -> bool:
        """Look at the nodes whose turn it is, once each; True when one says something new."""
        now = self.tools.time.now()
        gates = await asyncio.to_thread(gates_by_serial, machines)
        asked = ((m, _hold(gates[m.serial])) for m in machines if _can_be_asked(m) and not busy(m.serial))
        due = [(ready, at, m.serial, m) for m, ready in asked if (at := self._due(m, now, ready)) <= now]

        async def look_at(one: tuple[bool, datetime, str, MachineView]) -> bool:
            was_ready, _, serial, m = one
            found = await self._look_at(m)
            self._next[serial] = now + self._pause(serial, was_ready)
            is_news = await self._note(m, found)
            if is_news and was_ready:
                self._next[serial] = now
            return is_news

        return await take_turns(sorted(due)[:IN_A_ROW], look_at, AT_ONCE)

    def _due(self, m: MachineView, now: datetime, ready: bool) -> datetime:
        """When it is to be looked at next; a look that was made before we started counts, if all was well then."""
        planned = self._next.get(m.serial)
        if planned is not None and planned <= now + self.every:  # later ones were planned by a clock that was ahead
            return planned
        readings = current_readings(m)
        return min(readings.at, now) + self.every if readings and ready else now

    def _pause(self, serial: str, ready: bool) -> timedelta:
        """How long to leave it alone; it may have to be asked for long before it is ready."""
        self._in_vain[serial] = count = 0 if ready else self._in_vain.get(serial, 0) + 1
        return min(self.soon * 2 ** min(count - 1, 20), self.every) if count else self.every

    async def _look_at(self, m: MachineView) -> Readings | None:
        """What its services say now; None: it cannot be asked, and never could."""
        assert m.allocation is not None
        try:
            async with node_shell(self.tools, m) as shell:
                return await read_services(self.tools, shell, m.allocation.role)
        except (TemporaryError, PermanentError) as error:
            log.info("services not known", serial=m.serial, error=str(error))
            known = current_readings(m)
            return unreachable(known, self.tools.time.now(), str(error)) if known else None

    async def _note(self, m: MachineView, found: Readings | None) -> bool:
        """Write down what is new; whether it is."""
        news = found is not None and _says_more(current_readings(m), found)
        if found is not None and (news or m.readings is None or found.at - m.readings.at > KEPT_FOR):
            await asyncio.to_thread(self.tools.records.services_read, m.serial, found)
        return news


def _can_be_asked(m: MachineView) -> bool:
    return runs_services(m) and m.allocation is not None and m.allocation.address is not None


def _hold(gates: Gates) -> bool:
    return all(gate.holds for gate in gates)


def _says_more(before: Readings | None, found: Readings) -> bool:
    if before is None:
        return True
    values = {each.name: each.value for each in before.values}
    return values != {each.name: each.value for each in found.values} or before.classes != found.classes
