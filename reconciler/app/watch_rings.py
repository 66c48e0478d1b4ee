"""Asks nodes which of Swift's ring files they have: one that has others than it was given is named, and given them."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import structlog

from ..execution.handlers import Tools
from ..execution.handlers.node import node_shell
from ..execution.handlers.rings import read_rings
from ..model.errors import PermanentError, TemporaryError
from ..model.history import Phase
from ..model.machine import MachineView, Observation
from .taking_turns import take_turns

log = structlog.get_logger()

AT_ONCE = 8
"""Nodes asked at the same time; each is one SSH connection."""


@dataclass
class RingsWatch:
    """Asks every node in service whose cluster has rings, and notes what is new."""

    tools: Tools

    async def look(self, observed: Observation, busy: Callable[[str], bool]) -> bool:
        """Ask each node once; True when one has other files than when it was last asked."""
        clusters = {state.cluster for state in observed.rings}
        asked = (m for m in observed.machines if _has_rings(m, clusters) and not busy(m.serial))
        return await take_turns(asked, self._ask, AT_ONCE)

    async def _ask(self, m: MachineView) -> bool:
        """Note which ring files the node has; True where they are others than were known."""
        try:
            async with node_shell(self.tools, m) as shell:
                there = await read_rings(self.tools, shell)
        except (TemporaryError, PermanentError) as error:
            log.info("rings not known", serial=m.serial, error=str(error))
            return False
        if there == m.history.rings:
            return False
        await asyncio.to_thread(self.tools.records.rings_read, m.serial, there, self.tools.time.now())
        return True


def _has_rings(m: MachineView, clusters: Iterable[str]) -> bool:
    """Whether it was given rings, as far as anybody knows; one that never was is given them by an action."""
    held = m.allocation
    serves = held is not None and held.address is not None and m.history.phase is Phase.IN_SERVICE
    return serves and held is not None and held.cluster in clusters and m.history.rings is not None
