"""Installers that end badly, as their mirror went away, and first Puppet runs that fail."""

import asyncio

from .base import Fault

MOST = 0.5
"""How likely an install fails, at the highest dose."""


class FailingInstallers(Fault):
    """An install that fails has erased its disks, and leaves something on them that is no system."""

    async def act(self) -> None:
        for server in self.world.servers.values():
            server.fails_install = self._fails
            server.puppet_failures = int(self._fails())
        await asyncio.Event().wait()

    async def heal(self) -> None:
        for server in self.world.servers.values():
            server.fails_install = lambda: False
            server.puppet_failures = 0

    def _fails(self) -> bool:
        return self.chance.random() < self.dose * MOST
