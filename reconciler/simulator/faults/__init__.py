"""Faults of a simulated world: each kind an actor of its own, with chance of its own.

Swarm testing (Groce et al., ISSTA 2012): a seed draws a few kinds, and how much of each. Histories with all of them at
once would hide what takes a long time without some of them.
"""

from collections.abc import Mapping

from ..chance import Chance
from .base import Fault
from .buttons import Buttons
from .disks import SwappedDisks
from .installers import FailingInstallers
from .kills import Kills
from .liars import ForgedWords, LyingBmcs
from .network import BadNetwork
from .restores import RestoredBackups
from .seconds import SecondDaemons

FAULTS: Mapping[str, type[Fault]] = {
    "kills": Kills,
    "network": BadNetwork,
    "buttons": Buttons,
    "disks": SwappedDisks,
    "installers": FailingInstallers,
    "seconds": SecondDaemons,
    "restores": RestoredBackups,
    "forged": ForgedWords,
    "bmcs": LyingBmcs,
}
"""By the name that a swarm has for it."""

Swarm = Mapping[str, float]
"""How much of each fault there is, from 0 to 1."""

CHOSEN = 0.5
"""How likely each fault is in a history."""


def swarm_of(chance: Chance) -> Swarm:
    """The faults of a history, as its seed draws them: each for itself, so that a new kind changes no other."""
    drawn = ((name, chance.stream(f"swarm {name}")) for name in FAULTS)
    return {name: round(stream.uniform(0.1, 1.0), 2) for name, stream in drawn if stream.random() < CHOSEN}
