"""Rehearsals: many histories of an operator's own fleet, as it was observed, under specs that are to come.

The database, the network and the machines of the fleet are not touched: what is read of them was read before, and all
that is written lies in a folder in memory, which is gone afterwards.
"""

import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from ..app.rehearsed import Rehearsable
from ..model.plan import Orphaned
from ..model.rehearsal import BrokenRule, LivedHistory, WaitedFor, wants_human
from .campaign import IN_MEMORY, Lab
from .faults import FAULTS, Swarm
from .replica import ObservedTemplate
from .scenario import Scenario
from .simulation import Ending

LIMIT = 3600.0
"""Seconds that a history lasts at most."""

FAULT_NAMES = tuple(FAULTS)


@dataclass(frozen=True)
class Rehearsal:
    """Where histories of one fleet are lived. Made once, and handed to every process."""

    scenario: Scenario
    template: ObservedTemplate

    @property
    def waiting(self) -> tuple[WaitedFor, ...]:
        """Machines that want a human when histories begin."""
        return self.template.waiting

    @property
    def otherwise(self) -> tuple[str, ...]:
        """Machines that begin otherwise than they were observed, in sentences."""
        return self.template.otherwise

    def live(self, seed: int, faults: Swarm | None = None) -> tuple[LivedHistory, Sequence[str]]:
        """One history, and all that happened in it; with the faults that its seed draws, or with others."""
        with _folder() as folder:
            ending = Lab(self.scenario, self.template, folder).live(seed, faults)
        return self._facts(ending), ending.trace

    def _facts(self, ending: Ending) -> LivedHistory:
        """What there is to say of a history."""
        before = {(each.serial, each.reason) for each in self.template.waiting}
        left = {(wait.serial, wait.reason): wait.on for wait in ending.waits if wants_human(wait)}
        told = {key: text for key, text in sorted({**ending.helped, **left}.items()) if key not in before}
        tally = ending.tally
        return LivedHistory(
            seed=ending.seed,
            faults=dict(ending.swarm),
            rested=ending.rested,
            in_service=ending.in_service,
            installed=ending.installed,
            reinstalled=tally.reinstalled,
            rolled_out=len({serial for serial, action in ending.begun if action == "roll_out"}),
            actions=len(ending.begun),
            orphaned=tuple(step.hostname or step.serial for step in ending.planned if isinstance(step, Orphaned)),
            taken_down=tally.taken_down,
            most_installing=tally.most_installing,
            most_down=tally.most_down,
            lacking=tuple(f"{s.cluster} has {s.placed} of {s.wanted} {s.role}: {s.because}" for s in ending.shortfalls),
            later=Counter(wait.reason for wait in ending.later),
            lost=tuple(tally.lost),
            waited=tuple(WaitedFor(*key, text, left=key in left) for key, text in told.items()),
            broken=tuple(BrokenRule(each.rule.name, each.at, each.what) for each in ending.violations),
            problems=ending.problems,
        )

    def live_all(self, seeds: Iterable[int], faults: Swarm | None, processes: int) -> Iterator[LivedHistory]:
        """The histories of these seeds, each as soon as it was lived, so many of them at once."""
        if processes == 1:
            yield from (self.live(seed, faults)[0] for seed in seeds)
            return
        with get_context("spawn").Pool(processes, _take, (self, faults)) as pool:
            yield from pool.imap_unordered(_live, seeds)


_TAKEN: list[tuple[Rehearsal, Swarm | None]] = []
"""What this process lives, where it is one of several."""


def _take(rehearsal: Rehearsal, faults: Swarm | None) -> None:
    _TAKEN.append((rehearsal, faults))


def _live(seed: int) -> LivedHistory:
    rehearsal, faults = _TAKEN[-1]
    return rehearsal.live(seed, faults)[0]


@contextmanager
def rehearsal_of(given: Rehearsable, limit: float = LIMIT) -> Iterator[Rehearsal]:
    """What histories of this fleet begin with, in memory, gone afterwards."""
    with _folder() as folder:
        scenario = Scenario(
            given.before, change=given.after, begins=given.observation.now, check=given.check, limit=limit
        )
        yield Rehearsal(scenario, ObservedTemplate(folder, scenario, given.observation))


@contextmanager
def _folder() -> Iterator[Path]:
    """A folder that only we may read, in memory where that is possible."""
    root = Path(tempfile.mkdtemp(prefix="reconciler-", dir=IN_MEMORY if IN_MEMORY.is_dir() else None))
    try:
        yield root
    finally:
        shutil.rmtree(root, ignore_errors=True)


def processors() -> int:
    """How many histories can be lived at once."""
    return len(os.sched_getaffinity(0))
