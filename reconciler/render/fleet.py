"""The whole fleet on one page and in one answer: made from a plan and an observation."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Annotated, TypeVar

from pydantic import Field

from ..model.history import Phase
from ..model.kinds import ClusterSpec
from ..model.machine import Observation, Pause
from ..model.observations import Occurrence
from ..model.plan import Plan
from .clusters import cluster_rows
from .machines import MachineSummaries
from .rows import ClusterRow, MachineSummary, StepKind, Tone


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """The git branch being followed: what is in force, and what was refused."""

    commit: str | None = None  # in force
    committed_at: datetime | None = None
    refused: str | None = None  # a newer commit that cannot be used
    problem: str | None = None  # why: it does not validate, the branch was rewritten, git does not answer
    checked_at: datetime | None = None
    is_verified: bool = False  # whether commits count only where who may order what they change has signed them


@dataclass(frozen=True, slots=True)
class Problem:
    """Something of the daemon that does not work just now."""

    what: str  # as in "... fails"
    why: str
    since: datetime | None

    @property
    def text(self) -> str:
        """The whole sentence."""
        return f"{self.what} fails{f' since {self.since:%Y-%m-%d %H:%M:%S} UTC' if self.since else ''}: {self.why}"


@dataclass(frozen=True, slots=True)
class Totals:
    """How many machines, by phase, by tone and by kind of step."""

    machines: int
    phases: Mapping[Phase, int]
    tones: Mapping[Tone, int]
    kinds: Mapping[StepKind, int]


@dataclass(frozen=True)
class FleetView:
    """Everything the dashboard shows. Machines are ordered by serial."""

    generated_at: Annotated[datetime, Field(description="when the daemon last looked")]
    source: SourceStatus
    machines: tuple[MachineSummary, ...]
    clusters: tuple[ClusterRow, ...]
    events: Annotated[tuple[Occurrence, ...], Field(description="the last ones, the newest first")]
    pauses: tuple[Pause, ...]
    totals: Totals
    problems: Annotated[tuple[Problem, ...], Field(description="of the daemon itself, the oldest first")]
    observing: Annotated[str | None, Field(description="why nothing is begun; null: what is to be done is done")]
    clock: Annotated[str | None, Field(description="what to say of the daemon's clock, where it was behind")]


@dataclass(frozen=True, slots=True)
class PlannedFleet:
    """A plan, and what it was made from."""

    plan: Plan
    observation: Observation
    clusters: Mapping[str, ClusterSpec] = field(default_factory=dict)


def build_fleet(
    planned: PlannedFleet,
    *,
    source: SourceStatus,
    events: Iterable[Occurrence] = (),
    progress: Mapping[str, str] | None = None,
    summaries: MachineSummaries | None = None,
) -> FleetView:
    """The view of a fleet that was planned.

    ``events`` is the newest part of history, in any order; ``progress`` the last line that each running action
    printed, by serial. ``summaries`` made those of the view before, and need not make those anew that are the same.
    """
    plan, observation = planned.plan, planned.observation
    machines = (summaries or MachineSummaries()).of(plan, observation, progress)
    return FleetView(
        generated_at=observation.now,
        source=source,
        machines=machines,
        clusters=cluster_rows(planned.clusters, observation, plan.shortfalls),
        events=tuple(sorted(events, key=lambda event: -event.position)),
        pauses=observation.pauses,
        totals=Totals(
            machines=len(machines),
            phases=_counted((row.phase for row in machines), Phase),
            tones=_counted((row.tone for row in machines), Tone),
            kinds=dict(sorted(Counter(row.kind for row in machines).items())),
        ),
        problems=(),
        observing=plan.observing,
        clock=observation.clock,
    )


def with_progress(view: FleetView, progress: Mapping[str, str]) -> FleetView:
    """The view with the newest lines of running actions; the very same object when no line changed."""
    if all(progress.get(row.serial) == row.progress for row in view.machines):
        return view
    rows = tuple(replace(row, progress=progress.get(row.serial)) for row in view.machines)
    return replace(view, machines=rows)


def with_problems(view: FleetView, problems: tuple[Problem, ...]) -> FleetView:
    """The view with what of the daemon does not work now; the very same object when that is what it shows."""
    return view if view.problems == problems else replace(view, problems=problems)


_Enumerated = TypeVar("_Enumerated", bound=StrEnum)


def _counted(values: Iterable[_Enumerated], kinds: type[_Enumerated]) -> dict[_Enumerated, int]:
    """How many of each, in the order of the enum, none left out, so that the page does not jump about."""
    counts = Counter(values)
    return {kind: counts[kind] for kind in kinds}
