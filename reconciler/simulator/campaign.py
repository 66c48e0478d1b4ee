"""Many histories of one fleet: which seeds break a rule, what was reached how often, and the least that breaks it.

``python -m reconciler.simulator.campaign 0 200`` lives through the seeds from 0 to 199, and ends with 1 where one
of them breaks a rule; the command that it prints for such a seed lives through that one again.
"""

import argparse
import json
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

from ..execution import seam
from .chance import Chance
from .faults import Swarm, swarm_of
from .scenario import Scenario, read_specs
from .simulation import Ending, Simulation
from .world import Template

MODULE = "reconciler.simulator.campaign"
IN_MEMORY = Path("/dev/shm")  # noqa: S108 - databases are synced at each commit, which costs nothing here


@dataclass(frozen=True)
class Lab:
    """Where histories are lived."""

    scenario: Scenario
    template: Template
    folder: Path

    def live(self, seed: int, swarm: Swarm | None = None, *, is_hasty: bool = False) -> Ending:
        """One history; with the faults that its seed draws, or with others; ``is_hasty``: until a rule is broken."""
        swarm = swarm_of(Chance(seed)) if swarm is None else swarm
        folder = self.folder / "history"
        try:
            simulation = Simulation(seed, self.scenario, self.template, folder, swarm)
            simulation.is_hasty = is_hasty
            return simulation.run()
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def shrunk(ending: Ending, live: Callable[[int, Swarm], Ending]) -> Ending:
    """The history with the fewest faults, and the least of them, that breaks a rule that this one breaks."""
    rules = {each.rule for each in ending.violations}
    found = ending
    while True:
        others = (live(ending.seed, swarm) for swarm in _smaller(found.swarm))
        less = next((other for other in others if rules & {each.rule for each in other.violations}), None)
        if less is None:
            return found
        found = less


def _smaller(swarm: Swarm) -> Iterator[Swarm]:
    """Swarms with a fault less; then with half of one, down to a tenth."""
    for name in swarm:
        yield {other: dose for other, dose in swarm.items() if other != name}
    for name, dose in swarm.items():
        if dose >= 0.2:
            yield {**swarm, name: round(dose / 2, 2)}


@contextmanager
def lab_of(specs: Path, limit: float) -> Iterator[Lab]:
    """A lab in memory, gone afterwards."""
    root = Path(tempfile.mkdtemp(prefix="reconciler-", dir=IN_MEMORY if IN_MEMORY.is_dir() else None))
    try:
        scenario = Scenario(read_specs(specs), limit=limit)
        (root / "template").mkdir()
        yield Lab(scenario, Template(root / "template", scenario), root)
    finally:
        shutil.rmtree(root)


def reached(endings: Iterable[Ending]) -> Mapping[str, int]:
    """In how many histories each thing happened."""
    return Counter(what for ending in endings for what in ending.seen)


def never_enough(endings: Sequence[Ending], wanted: Mapping[str, int]) -> tuple[str, ...]:
    """What happened in fewer histories than are wanted."""
    found = reached(endings)
    return tuple(
        f"{what}: in {found.get(what, 0)} histories, not {least}"
        for what, least in wanted.items()
        if found.get(what, 0) < least
    )


def replays(seed: int, swarm: Swarm | None = None) -> str:
    """The command that lives through a history again."""
    given = f" --faults '{json.dumps(dict(swarm))}'" if swarm is not None else ""
    return f"python -m {MODULE} {seed} {seed + 1}{given}"


def _told(ending: Ending) -> str:
    swarm = ", ".join(f"{name} {dose}" for name, dose in ending.swarm.items()) or "no faults"
    waits = (
        ", ".join(f"{count} {why}" for why, count in Counter(sorted(wait.reason for wait in ending.waits)).items())
        or "nothing"
    )
    return f"seed {ending.seed}: {ending.in_service} in service after {ending.seconds:.0f} s; {swarm}; waits: {waits}"


class _Portion(NamedTuple):
    """What one process lives through."""

    specs: Path
    limit: float
    seeds: range
    swarm: Swarm | None
    stops: bool  # at the first history that breaks a rule


def _lived(asked: _Portion) -> list[Ending]:
    found: list[Ending] = []
    with lab_of(asked.specs, asked.limit) as lab:
        for seed in asked.seeds:
            found.append(lab.live(seed, asked.swarm, is_hasty=asked.stops))
            if asked.stops and found[-1].is_bad:
                break
    return found


def main(words: Sequence[str] | None = None) -> int:
    """Live through the seeds that are named, and tell."""
    parser = argparse.ArgumentParser(prog=MODULE, description=__doc__)
    parser.add_argument("first", type=int)
    parser.add_argument("end", type=int, help="the seed after the last one")
    parser.add_argument("--specs", type=Path, default=Path("cluster-specs"))
    parser.add_argument("--faults", type=json.loads, help="what befalls it, in place of what the seed draws, as JSON")
    parser.add_argument("--limit", type=float, default=1800.0, help="seconds of a history")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--stop", action="store_true", help="at the first history that breaks a rule")
    parser.add_argument("--shrink", action="store_true", help="find the least that breaks the same rule")
    parser.add_argument("--trace", type=Path, help="write what happened in the last history to this file")
    given = parser.parse_args(words)
    parts = [range(given.first + n, given.end, given.processes) for n in range(given.processes)]
    asked = [_Portion(given.specs, given.limit, part, given.faults, given.stop) for part in parts]
    began = seam.steady()
    if given.processes > 1:
        with get_context("spawn").Pool(given.processes) as pool:
            endings = sorted((one for some in pool.map(_lived, asked) for one in some), key=lambda one: one.seed)
    else:
        endings = _lived(asked[0])
    bad = [one for one in endings if one.is_bad]
    for ending in endings if len(endings) == 1 else bad:
        print(_told(ending))
        for line in (*map(str, ending.violations), *ending.problems):
            print(f"    {line}")
        print(f"    {replays(ending.seed, given.faults)}")
    if given.shrink and bad:
        with lab_of(given.specs, given.limit) as lab:
            least = shrunk(bad[0], lab.live)
        print(f"the least: {_told(least)}\n    {replays(least.seed, least.swarm)}")
    if given.trace:
        given.trace.write_text("\n".join(endings[-1].trace))
    for what, count in sorted(reached(endings).items()):
        print(f"{count:6} {what}")
    print(f"{len(endings)} histories, {len(bad)} bad, {seam.steady() - began:.1f} s")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
