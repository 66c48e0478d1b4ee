"""Counts of one history that its operators ask for: quorums that were lost, and machines out of service at once.

A machine that has served is a member of its pool until its place is taken from it, as databases and message queues
count their members. What the reconciler turned off counts as its doing until it serves again.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field

from ..model.rehearsal import Blame, QuorumLoss
from ..model.roles import facts_of
from .judge import ServingPool


def majority(members: int) -> int:
    """The fewest of them that decide."""
    return members // 2 + 1


@dataclass
class Tally:
    """Sees all of one history."""

    clock: Callable[[], float]
    lost: list[QuorumLoss] = field(default_factory=list)
    reinstalled: dict[str, str] = field(default_factory=dict)  # hostnames of installed systems that went, by serial
    taken_down: int = 0
    most_installing: int = 0
    most_down: int = 0
    _members: dict[ServingPool, set[str]] = field(default_factory=lambda: defaultdict(set))
    _without: set[ServingPool] = field(default_factory=set)  # those that have no quorum now

    def join(self, pool: ServingPool, serial: str) -> None:
        """A machine is a member from now on."""
        self._members[pool].add(serial)

    def members(self, pool: ServingPool) -> int:
        """How many there are."""
        return len(self._members.get(pool, ()))

    def keep(self, serials: Collection[str]) -> None:
        """No other machines have a place any more."""
        for members in self._members.values():
            members.intersection_update(serials)

    def serving(self, now: Mapping[str, ServingPool], down: Collection[str]) -> None:
        """Who serves, and who is down by the reconciler's doing.

        Args:
            now: Machines that serve, by serial.
            down: Serials of those that it turned off, and that do not serve again yet.
        """
        for serial, pool in now.items():
            self.join(pool, serial)
        self.most_down = max(self.most_down, len(down))
        for pool, members in self._members.items():
            if facts_of(pool.role).votes and len(members) > 1:
                self._count(pool, members, members & now.keys(), down)

    def installing(self, servers: Iterable[bool]) -> None:
        """On how many an installer runs."""
        self.most_installing = max(self.most_installing, sum(servers))

    def _count(self, pool: ServingPool, members: set[str], serve: set[str], down: Collection[str]) -> None:
        """Note that a pool has lost its quorum, once for each time."""
        if len(serve) >= majority(len(members)):
            self._without.discard(pool)
        elif pool not in self._without:
            self._without.add(pool)
            blame = _blame(len(members), len(members - serve), len(members.intersection(down) - serve))
            self.lost.append(QuorumLoss(self.clock(), *pool, len(serve), len(members), blame))


def _blame(members: int, away: int, ours: int) -> Blame:
    """Who had a part in it; ``ours``: those among the members that are away which the reconciler turned off."""
    if members - ours < majority(members):
        return Blame.RECONCILER
    return Blame.BOTH if members - (away - ours) >= majority(members) else Blame.FAULTS
