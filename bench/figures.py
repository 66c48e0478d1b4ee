"""Figures of a run: a number, what it should be, and how large the fleet was."""

import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from reconciler import __version__

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True, slots=True)
class Scale:
    """How much there is to do."""

    name: str
    clusters: int
    machines: int  # in all clusters together
    nodes: int  # of the one cluster whose Puppet documents are served
    seconds: int  # that a server is kept under load
    connections: int  # that report at the same time
    repeats: int  # of what is quick


FULL = Scale("full", clusters=40, machines=10_000, nodes=1_000, seconds=10, connections=200, repeats=5)
SMALL = Scale("small", clusters=2, machines=60, nodes=30, seconds=1, connections=8, repeats=2)
SCALES: Mapping[str, Scale] = {scale.name: scale for scale in (FULL, SMALL)}


@dataclass(frozen=True, slots=True)
class Figure:
    """One number. The target is for the full scale, on two cores."""

    name: str
    measured: float
    target: float
    unit: str
    at_least: bool = False  # more is better
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def met(self) -> bool:
        """Whether the number is as good as promised."""
        return self.measured >= self.target if self.at_least else self.measured <= self.target


Bench = Callable[[Scale, Path], list[Figure]]
"""Measures at a scale, and may leave files in a folder of its own."""


@dataclass(frozen=True, slots=True)
class Run:
    """What one run took, in seconds."""

    wall: float
    cpu: float  # of this process and of those it waited for; less than wall where others used the machine meanwhile


def timed(work: Callable[[], object], repeats: int) -> list[Run]:
    """What each run took."""
    found = []
    for _ in range(repeats):
        began, cpu = time.perf_counter(), _cpu_seconds()
        work()
        found.append(Run(time.perf_counter() - began, _cpu_seconds() - cpu))
    return found


def _cpu_seconds() -> float:
    used = [resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def median_figure(
    name: str, runs: Sequence[Run], target: float, unit: str = "s", factor: float = 1.0, **details: object
) -> Figure:
    """The median of several runs by the wall's clock, with all of them in the details."""
    wall, cpu = ([round(getattr(run, clock) * factor, 4) for run in runs] for clock in ("wall", "cpu"))
    return Figure(name, statistics.median(wall), target, unit, details={"runs": wall, "cpu": cpu, **details})


def as_json(figures: list[Figure], scale: Scale) -> str:
    """What is kept: the figures, and on what machine they came about."""
    kept = [{**asdict(figure), "met": figure.met} for figure in figures]
    return json.dumps({"machine": machine_facts(), "scale": asdict(scale), "figures": kept}, indent=1) + "\n"


def machine_facts() -> dict[str, Any]:
    """What one must know to compare figures."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "processor": _processor(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "version": __version__,
        "commit": _commit(),
        "load_average": os.getloadavg()[0],  # of the last minute; what others did meanwhile is in the figures too
    }


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if sys.platform == "linux" else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


def _commit() -> str | None:
    done = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    return done.stdout.strip() or None
