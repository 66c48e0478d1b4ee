"""A network that loses words, delays them, says them twice, and so has them overtake each other."""

import asyncio

from ..wires import Weather
from .base import Fault


class BadNetwork(Fault):
    """Spells of bad weather for everybody."""

    async def act(self) -> None:
        while True:
            await asyncio.sleep(self.chance.uniform(5.0, 60.0))
            lost, late, twice = (self.dose * self.chance.choice((0.0, 0.05, 0.3)) for _ in range(3))
            self.world.wires.weather = Weather(lost=lost, late=late, twice=twice)
            self.world.tell(f"weather: {lost:.2f} lost, {late:.2f} late, {twice:.2f} twice")
            await asyncio.sleep(self.chance.uniform(5.0, 90.0))
            await self.heal()

    async def heal(self) -> None:
        self.world.wires.weather = self.world.scenario.weather
