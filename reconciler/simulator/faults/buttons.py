"""People who turn machines off and on by hand, and choose at the console what boots."""

import asyncio

from .base import Fault

SECONDS = 60.0
"""Between two buttons, at the highest dose."""


class Buttons(Fault):
    """Somebody in the data centre who knows nothing of us."""

    async def act(self) -> None:
        while True:
            await asyncio.sleep(self.pause(SECONDS))
            serial = self.chance.choice(sorted(self.world.servers))
            await self.world.power(serial, on=False)
            await asyncio.sleep(self.chance.uniform(0.5, 20.0))
            await self.world.power(serial, on=True, device=self.chance.choice(("default", "network", "disk")))

    async def heal(self) -> None:
        """It leaves nothing that goes on."""
