"""What goes wrong in a simulated world: each kind an actor of its own, with chance of its own.

Swarm testing (Groce et al., ISSTA 2012): a seed draws a few kinds, and how much of each. Histories with all of them at
once would hide what takes a long time without some of them.
"""

from collections.abc import Mapping

from ..chance import Chance
from .base import Fault
from .buttons import Buttons
from .disks import SwappedDisks
from .kills import Kills
from .liars import ForgedWords, LyingBmcs
from .network import BadNetwork
from .restores import RestoredBackups

FAULTS: Mapping[str, type[Fault]] = {
    "kills": Kills,
    "network": BadNetwork,
    "buttons": Buttons,
    "disks": SwappedDisks,
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
    """The faults of a history, as its seed draws them."""
    drawn = chance.stream("swarm")
    doses = {name: (drawn.random() < CHOSEN, round(drawn.uniform(0.1, 1.0), 2)) for name in FAULTS}
    return {name: dose for name, (chosen, dose) in doses.items() if chosen}
