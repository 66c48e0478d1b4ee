"""Health of the daemon: what does not work just now, since when, and why. For ``/readyz``, dashboard and Prometheus."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from ..execution import seam
from ..model.redaction import redact
from ..render.fleet import Problem

DATABASE = "the database"
DISK = "the disk"
PLANNING = "planning"
STATE = "the state folder"
WORDS = "writing down what machines say"

OVERDUE_SECONDS = 300.0
"""After which a pass that has not ended is reported. One is made every half minute, and takes seconds."""


@dataclass
class Health:
    """Told by everything that goes on what works and what does not. May be used from any thread."""

    now: Callable[[], datetime]
    steady: Callable[[], float] = seam.steady
    _problems: dict[str, Problem] = field(default_factory=dict)
    _pass_ended: float | None = None

    def fails(self, what: str, why: str) -> bool:
        """Something does not work; whether that is news. What is secret in addresses is not kept: anybody may ask."""
        known, shown = self._problems.get(what), redact(why)
        if known is not None and known.why == shown:
            return False
        self._problems[what] = Problem(what, shown, known.since if known else self.now())
        return True

    def works(self, what: str) -> None:
        """Something works, or works again."""
        self._problems.pop(what, None)

    def is_failing(self, what: str) -> bool:
        """Whether something does not work just now."""
        return what in self._problems

    def expect_passes(self) -> None:
        """A pass has ended, or the first one begins: another one should end soon."""
        self._pass_ended = self.steady()

    @property
    def pass_age(self) -> float:
        """Seconds since the last pass ended; not a number before the first one begins."""
        return self.steady() - self._pass_ended if self._pass_ended is not None else float("nan")

    def problems(self) -> tuple[Problem, ...]:
        """All that does not work, the oldest first."""
        found = list(self._problems.copy().values())
        if self.pass_age > OVERDUE_SECONDS and PLANNING not in self._problems:
            minutes = int(self.pass_age // 60)
            why = f"no pass has ended for {minutes} minutes: it hangs, or waits for a disk, a file or the database"
            found.append(Problem(PLANNING, why, None))
        return tuple(found)
