"""Rehearsals: what is rehearsed of a fleet, and the facts of each history that its simulation lived through."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from .plan import Step, Wait
from .reasons import Reason

TIMES_AS_FAST = 20
"""As a real server, which boots in some three minutes and is installed in six, a simulated one is; so are people."""


class Blame(StrEnum):
    """Who had a part in the loss of a quorum."""

    RECONCILER = "reconciler"  # it took down too many by itself
    BOTH = "both"  # it had taken down one when something else befell another
    FAULTS = "faults"  # without it the quorum would have been lost all the same


@dataclass(frozen=True, slots=True)
class QuorumLoss:
    """Fewer machines of a role that votes served than make a majority."""

    at: float  # seconds since the history began
    cluster: str
    role: str
    serving: int
    members: int
    blame: Blame

    def __str__(self) -> str:
        return f"{self.serving} of {self.members} {self.role} machines of {self.cluster} served"


@dataclass(frozen=True, slots=True)
class WaitedFor:
    """Something that a machine had a human do, or still has."""

    serial: str
    reason: Reason
    text: str = ""  # as the plan told it
    left: bool = False  # nobody had done it when the history ended


_CHANGES_END_THEM = frozenset(
    {
        Reason.NEVER_SEEN, Reason.NO_PROFILE, Reason.NO_LOCATION, Reason.NO_CLUSTER_THERE, Reason.PART_UNKNOWN,
        Reason.NO_SLOT_FOR_PIN, Reason.REPLACED_REMAINS, Reason.NOTHING_FREE, Reason.NO_DOCUMENT,
        Reason.NO_SYSTEM_DISK, Reason.SEVERAL_PATHS, Reason.NETWORK_IMPOSSIBLE, Reason.NO_BMC_ADDRESS,
        Reason.MAINTENANCE, Reason.PROTECTED, Reason.PAUSED,
    }
)  # fmt: skip
"""Reasons of waits that name no operator, and that end when somebody changes specs, hardware or a decision."""


def wants_human(step: Step) -> bool:
    """Whether a step waits for somebody to approve, to mend, or to change something."""
    if not isinstance(step, Wait) or step.spare:
        return False
    asks = step.needs_approval is not None or step.wants_operator or step.reason.about.retry
    return asks or step.reason in _CHANGES_END_THEM


@dataclass(frozen=True, slots=True)
class BrokenRule:
    """A rule that did not hold in a history."""

    name: str
    at: float  # seconds since the history began
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LivedHistory:
    """What came of one history."""

    seed: int
    faults: Mapping[str, float]  # how much of each; none: nothing befell the fleet
    rested: float | None  # seconds from the change, or the beginning, to the last that was done; None: it went on
    in_service: int  # machines, in the end
    actions: int = 0  # that the reconciler began
    installed: int = 0  # times that an installer erased disks
    reinstalled: Mapping[str, str] = field(default_factory=dict)  # hostnames of installed systems erased, by serial
    rolled_out: int = 0  # machines in service on which Puppet was run for another document
    taken_down: int = 0  # times that the reconciler turned off a machine that served
    most_installing: int = 0  # machines at once
    most_down: int = 0  # machines at once that served until the reconciler turned them off
    orphaned: tuple[str, ...] = ()  # hostnames of machines that no spec asks for, in the end
    lacking: tuple[str, ...] = ()  # machines that clusters ask for in the end and do not have, in sentences
    later: Mapping[Reason, int] = field(default_factory=dict)  # machines that go on by themselves, after its end
    lost: tuple[QuorumLoss, ...] = ()
    waited: tuple[WaitedFor, ...] = ()  # but for what waited before the change already
    broken: tuple[BrokenRule, ...] = ()
    problems: tuple[str, ...] = ()  # errors that nobody handled


@dataclass(frozen=True, slots=True, kw_only=True)
class RehearsedPart:
    """What is rehearsed of a fleet, and how it stands when histories begin."""

    machines: int
    in_service: int
    observed: datetime  # when
    clusters: tuple[str, ...]
    left_out: tuple[str, ...] = ()  # clusters that the change does not touch
    base: str | None = None  # the commit in force; None: it is not known
    changes: bool = False  # whether the specs differ from those that are in force when histories begin
    waiting: tuple[WaitedFor, ...] = ()  # machines that want a human already
    otherwise: tuple[str, ...] = ()  # machines that begin otherwise than they were observed, in sentences
    notes: tuple[str, ...] = ()  # what else differs from the fleet
