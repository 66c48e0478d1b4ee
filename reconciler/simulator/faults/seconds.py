"""Somebody starts a second daemon on the same database; after a while one of both dies."""

import asyncio

from .base import Fault

SECONDS = 60.0
"""Between two of them, at the highest dose."""


class SecondDaemons(Fault):
    """The second one stands by until the first has died, or dies itself."""

    async def act(self) -> None:
        while True:
            await asyncio.sleep(self.pause(SECONDS))
            first = self.world.daemon
            if not first.is_up:
                continue
            second = self.world.start_daemon()
            await asyncio.sleep(self.chance.uniform(5.0, 90.0))
            dies = self.chance.choice((first, second))
            self.world.tell(f"{dies.process.name} is killed")
            dies.kill()

    async def heal(self) -> None:
        for daemon in self.world.daemons[:-1]:
            if daemon.is_up:
                daemon.kill()
