"""Problems in what an operator wrote, and the place of each."""

from dataclasses import dataclass
from enum import StrEnum

from .redaction import redact


class Severity(StrEnum):
    """How much a problem matters."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, order=True, slots=True)
class Location:
    """A place in a file of the spec tree; line and column count from one."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One problem.

    The summary is the same for every instance of a problem and names nothing the
    operator chose, so that it can be searched and counted; the detail names
    everything, then says what to do about it. ``at`` is None only when no file
    can be named (an empty tree).

    Whoever shows a problem, in CI's public log too, shows no login of an address: the detail has none.
    """

    severity: Severity
    summary: str
    detail: str
    at: Location | None

    def __post_init__(self) -> None:
        """Leave out of the detail what may be secret in what the operator wrote."""
        object.__setattr__(self, "detail", redact(self.detail))
