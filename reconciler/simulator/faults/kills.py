"""``kill -9`` of the daemon between any two of its effects; whoever supervises it starts it again."""

import asyncio
import math

from ..sim_daemon import SimDaemon
from ..virtual_loop import die
from .base import Fault

MOST_EFFECTS = 2000
"""A life from blank servers to a cluster in service has some thousands."""


class Kills(Fault):
    """After a drawn number of effects the daemon dies, in the middle of whatever it was about to do, or had done."""

    _left: float = math.inf  # effects until then

    async def act(self) -> None:
        self.world.on_effect = self._count
        while True:
            most = MOST_EFFECTS / (1 + 9 * self.dose)
            self._left = round(math.exp(self.chance.uniform(0, math.log(most))))
            before = len(self.world.daemons)
            while len(self.world.daemons) == before:  # noqa: ASYNC110 - time costs nothing
                await asyncio.sleep(1.0)

    async def heal(self) -> None:
        self.world.on_effect = lambda daemon: None

    def _count(self, daemon: SimDaemon) -> None:
        self._left -= 1
        if self._left <= 0:
            self._left = math.inf
            self.world.tell(f"kill -9 of {daemon.process.name}")
            die()
