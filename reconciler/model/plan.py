"""A plan: one step per machine, each with its reason, as data and as a sentence."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from .action_base import Risk
from .actions import Action, BuildRings, InstallOs, Release
from .gates import Gate
from .history import Phase
from .machine import Observation
from .reasons import Reason
from .spec_change import SpecChange
from .statements import Asked
from .tree import SpecTree


@dataclass(frozen=True, slots=True)
class Timings:
    """How long to wait for machines. The defaults suit real servers."""

    back_off: timedelta = timedelta(minutes=1)  # after the first failure; doubles
    back_off_cap: timedelta = timedelta(minutes=15)
    give_up_after: int = 5  # failures in a row, then an operator is asked
    report_every: timedelta = timedelta(seconds=30)  # the stock agent's period
    live_boot: timedelta = timedelta(minutes=20)  # from power-on to the first report; slow POSTs take ten
    first_boot: timedelta = timedelta(minutes=20)  # from the reboot into the installed system to its first word
    puppet_silence: timedelta = timedelta(minutes=60)  # without a word from the node, before we look ourselves
    gate_patience: timedelta = timedelta(minutes=30)  # that a gate may be closed, before an operator is asked


@dataclass(frozen=True, slots=True)
class PlanningInput:
    """Everything ``plan`` may know."""

    base: str | None  # commit
    spec: SpecTree
    observed: Observation
    timings: Timings = Timings()


@dataclass(frozen=True, slots=True)
class Act:
    """Do something now."""

    action: Action
    reason: Reason
    because: str
    hostname: str | None = None
    cluster: str | None = None
    role: str | None = None
    erases: bool = False  # it, or what follows once it is done, erases the machine's disks

    @property
    def serial(self) -> str:
        return self.action.serial

    @property
    def risk(self) -> Risk:
        return self.action.risk


@dataclass(frozen=True, slots=True)
class Advance:
    """The machine already is where the next phase begins; record it."""

    serial: str
    to: Phase
    reason: Reason
    because: str
    hostname: str | None = None
    cluster: str | None = None
    role: str | None = None
    announces: bool = False  # its cluster is told that it came into service
    risk: Risk = Risk.NONE  # destructive: it leaves service, to be reinstalled
    erases: bool = False  # as of an act


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do until something outside changes. ``on`` completes "waiting for ..."."""

    serial: str
    reason: Reason
    on: str
    hostname: str | None = None
    cluster: str | None = None
    role: str | None = None
    until: datetime | None = None  # when it is worth looking again
    asks: Asked | None = None  # of a wait for an approval: what it would allow, and who approved
    erases: bool = False  # what follows once the wait is over erases the machine's disks
    gates: tuple[Gate, ...] = ()  # those that are waited for, of this machine or of another one
    gates_of: str | None = None  # hostname of the other machine whose gates they are; None: its own

    @property
    def needs_approval(self) -> str | None:
        """The action type that an approval would allow."""
        return self.reason.about.approval

    @property
    def covers(self) -> str | None:
        """Digest of what an approval would allow."""
        return self.asks.statement.digest if self.asks else None

    @property
    def wants_operator(self) -> bool:
        """Whether a human has to mend something."""
        return self.reason.about.wants_operator

    @property
    def spare(self) -> bool:
        """Whether nothing but a free slot is waited for: nobody is missing anything."""
        return self.reason.about.spare


@dataclass(frozen=True, slots=True)
class Settled:
    """The machine is as wanted."""

    serial: str
    reason: Reason
    because: str
    hostname: str | None = None
    cluster: str | None = None
    role: str | None = None


@dataclass(frozen=True, slots=True)
class Orphaned:
    """The machine holds a name or data, and git no longer asks for it. Nothing is released or erased unasked."""

    serial: str
    reason: Reason
    because: str
    hostname: str | None = None
    cluster: str | None = None
    role: str | None = None


Step = Act | Advance | Wait | Settled | Orphaned


RISK_OF_APPROVED: Mapping[str, Risk] = {
    "install_os": InstallOs.risk,
    "reinstall": Risk.DESTRUCTIVE,  # the machine leaves service, and its disks are erased then
    "release": Release.risk,
    "change_rings": BuildRings.risk,
}
"""The worst of each thing that a human can approve."""


def risk_of(step: Step) -> Risk:
    """The worst that a step does by itself."""
    return step.risk if isinstance(step, Act | Advance) else Risk.NONE


@dataclass(frozen=True, slots=True)
class Shortfall:
    """A cluster asks for more machines of a role than there are."""

    cluster: str
    role: str
    wanted: int
    placed: int
    reason: Reason
    because: str


@dataclass(frozen=True, slots=True)
class EncChange:
    """One parameter of one node's Puppet document that the new revision changes. Secrets as fingerprints."""

    hostname: str
    puppet_class: str
    parameter: str
    before: object
    after: object


def is_at_rest(step: Step) -> bool:
    """Whether nothing is done or awaited for the machine, or it is a spare one."""
    return isinstance(step, Settled) or (isinstance(step, Wait) and step.spare)


@dataclass(frozen=True, slots=True)
class Difference:
    """What a plan tells that another one of the same machines does not."""

    serials: frozenset[str] = frozenset()  # machines with another step
    shortfalls: tuple[Shortfall, ...] = ()
    notes: frozenset[str] = frozenset()  # their subjects
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be done now, and why. Rendered, compared, stored, executed; never edited."""

    base: str | None
    observed: str  # digest of the observation, without its clock
    steps: tuple[Step, ...]  # by serial
    shortfalls: tuple[Shortfall, ...] = ()
    enc: tuple[EncChange, ...] = ()
    notes: Mapping[str, str] = field(default_factory=dict)  # what somebody should see to, by subject
    observing: str | None = None  # why nothing may be begun: the database may be older than the machines
    warnings: tuple[str, ...] = ()  # what is written in vain, with the place; nothing has to be done about it
    gates: Mapping[str, tuple[Gate, ...]] = field(default_factory=dict)  # of each machine with a system, by serial
    left_out: int = 0  # machines of which this part of the plan does not tell
    changes: tuple[SpecChange, ...] = ()  # rules that are others under the specs that the plan is compared with
    beyond: Difference | None = None  # what is told here and not by those specs; None: nothing is compared
    going_on: int | None = None  # only that is told, and so many machines act or wait anyway; None: all is told

    @property
    def is_quiet(self) -> bool:
        """Whether nothing would be done or changed, nothing waits but spare machines, and nobody has to look at it."""
        return all(map(is_at_rest, self.steps)) and not (
            self.shortfalls or self.enc or self.notes or self.observing or self.changes
        )
