"""The base of all faults."""

from abc import ABC, abstractmethod

from ..chance import Stream
from ..world import World


class Fault(ABC):
    """One kind of thing that goes wrong."""

    def __init__(self, world: World, chance: Stream, dose: float) -> None:
        """Nothing happens yet. ``dose``: how much of it there is, from 0 to 1."""
        self.world, self.chance, self.dose = world, chance, dose

    @abstractmethod
    async def act(self) -> None:
        """Go on until cancelled."""

    @abstractmethod
    async def heal(self) -> None:
        """Leave nothing of it. Called once ``act`` was cancelled."""

    def pause(self, least: float) -> float:
        """Seconds until it happens again: at the highest dose ``least`` on average, at lower ones longer."""
        return self.chance.expovariate(self.dose / least)
