"""Asks nodes whether they have caught up by themselves: their agents run Puppet by timer, and tell nobody.

Asked are those in service that are behind, or of which it is not known which document they have. A node that does not
answer, or has nothing new to say, is asked less and less often.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from ..execution.handlers import Tools
from ..execution.handlers.node import node_shell
from ..execution.handlers.puppet import caught_up
from ..execution.seam import offload
from ..model.errors import PermanentError, TemporaryError
from ..model.history import Phase
from ..model.machine import MachineView
from .taking_turns import take_turns

log = structlog.get_logger()

AT_ONCE = 16
"""Nodes asked at the same time; each is one SSH connection."""
SELDOM = timedelta(hours=6)
"""The longest that a node is left alone which never says anything new."""


@dataclass
class PuppetWatch:
    """Asks nodes for their last Puppet run, and notes when that began."""

    tools: Tools
    every: timedelta
    _next: dict[str, tuple[datetime, timedelta]] = field(default_factory=dict)  # when to ask again, after what pause

    async def look(self, machines: Iterable[MachineView], busy: Callable[[str], bool]) -> bool:
        """Ask every node whose turn it is once; True when one has run Puppet since we last knew."""
        now = self.tools.time.now()
        self._next = {serial: each for serial, each in self._next.items() if each[0] <= now + SELDOM}  # clock put back
        asked = [m for m in machines if _is_worth_asking(m) and self._next.get(m.serial, (now, self.every))[0] <= now]

        async def ask(m: MachineView) -> bool:
            if busy(m.serial):
                return False
            found = await self._ask(m)
            pause = self.every if found else min(2 * self._next.get(m.serial, (now, self.every / 2))[1], SELDOM)
            self._next[m.serial] = now + pause, pause
            return found

        return await take_turns(asked, ask, AT_ONCE)

    async def _ask(self, m: MachineView) -> bool:
        assert m.seen is not None
        try:
            async with node_shell(self.tools, m) as shell:
                when = await caught_up(self.tools, shell)
        except (TemporaryError, PermanentError) as error:
            log.info("last Puppet run not known", serial=m.serial, error=str(error))
            return False
        if when is None or (m.seen.last_puppet_began is not None and when <= m.seen.last_puppet_began):
            return False
        await offload(self.tools.records.puppet_ran, m.serial, when, self.tools.time.now())
        return True


def _is_worth_asking(m: MachineView) -> bool:
    if m.history.phase is not Phase.IN_SERVICE or m.seen is None:
        return False
    if m.allocation is None or m.allocation.address is None:  # nobody knows where it is
        return False
    return m.behind or m.seen.last_puppet_began is None
