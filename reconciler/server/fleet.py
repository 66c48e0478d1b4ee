"""The fleet as the dashboard and the API show it: one flat row per machine, made from a plan and an observation."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from ..model.actions import InstallOs, Risk
from ..model.machine import MachineView, Observation, Pause, Phase
from ..model.plan import Act, Advance, Orphaned, Plan, Settled, Shortfall, Step, Wait


class Tone(StrEnum):
    """How much a machine wants a human's eye, most first."""

    TROUBLE = "trouble"  # held, or it keeps failing
    ASKS = "asks"  # an approval would let it go on
    BUSY = "busy"  # something is being done to it
    WAITING = "waiting"
    ORPHANED = "orphaned"
    SETTLED = "settled"


@dataclass(frozen=True, slots=True)
class MachineRow:
    """One machine. None is "nobody knows", or "it has none"."""

    serial: str
    hostname: str | None
    cluster: str | None
    role: str | None
    phase: Phase
    kind: str  # act | advance | wait | settled | orphaned
    text: str  # because; for a wait what it is for
    tone: Tone
    action: str | None = None  # type of the action being done
    risk: Risk = Risk.NONE
    progress: str | None = None  # the last line of the action being done
    needs_approval: str | None = None  # the action type that an approval would allow
    generation: int | None = None
    failures: int = 0
    last_error: str | None = None
    conflict: str | None = None
    profile: str | None = None
    product: str | None = None
    manufacturer: str | None = None
    location: str | None = None
    dc: str | None = None
    row: str | None = None
    rack: str | None = None
    unit: int | None = None  # lowest rack unit
    height: int = 1  # rack units
    address: str | None = None  # management address, or where it last called from
    bmc_address: str | None = None
    last_seen: datetime | None = None
    status: str | None = None
    power: str | None = None
    document: str | None = None  # digest of the Puppet document that it is given
    document_since: datetime | None = None
    applied: str | None = None  # digest of the one that its last good Puppet run had
    behind: bool = False  # its document changed since then

    @property
    def name(self) -> str:
        """What humans call it."""
        return self.hostname or self.serial

    @property
    def short_name(self) -> str:
        """The same without its domain, where space is scarce."""
        return self.name.partition(".")[0] if self.hostname else self.serial


@dataclass(frozen=True, slots=True)
class ClusterRow:
    """One cluster: how many machines of each role, and what it still lacks."""

    name: str
    machines: int
    in_service: int
    behind: int  # in service, and their Puppet document has changed
    roles: Mapping[str, int]
    shortfalls: tuple[Shortfall, ...] = ()


@dataclass(frozen=True, slots=True)
class EventRow:
    """One line of history, already in words."""

    position: int
    at: datetime
    serial: str | None
    kind: str
    text: str
    who: str | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """The git branch being followed: what is in force, and what was refused."""

    commit: str | None = None  # in force
    committed_at: datetime | None = None
    refused: str | None = None  # a newer commit that cannot be used
    problem: str | None = None  # why: it does not validate, the branch was rewritten, git does not answer
    checked_at: datetime | None = None


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
    phases: Mapping[str, int]
    tones: Mapping[str, int]
    kinds: Mapping[str, int]


@dataclass(frozen=True)
class FleetView:
    """Everything the dashboard shows. Machines are ordered by serial."""

    source: Source
    generated_at: datetime
    machines: tuple[MachineRow, ...]
    clusters: tuple[ClusterRow, ...]
    events: tuple[EventRow, ...]  # newest first
    pauses: tuple[Pause, ...]
    totals: Totals
    problems: tuple[Problem, ...] = ()  # of the daemon itself, the oldest first
    observing: str | None = None  # why nothing is begun; None: what is to be done is done
    clock: str | None = None  # what to say of the daemon's clock, where it was behind what it had said before


def build_fleet(
    plan: Plan,
    observation: Observation,
    *,
    source: Source,
    events: Iterable[EventRow] = (),
    progress: Mapping[str, str] | None = None,
) -> FleetView:
    """Join a plan with what it was made from.

    ``events`` is the newest part of history, in any order; ``progress`` the last line that each running action
    printed, by serial.
    """
    steps = {step.serial: step for step in plan.steps}
    said = progress or {}
    rows = tuple(
        _row(machine, steps.get(machine.serial), said.get(machine.serial))
        for machine in sorted(observation.machines, key=lambda machine: machine.serial)
    )
    return FleetView(
        source=source,
        generated_at=observation.now,
        machines=rows,
        clusters=_clusters(rows, plan.shortfalls),
        events=tuple(sorted(events, key=lambda event: -event.position)),
        pauses=observation.pauses,
        totals=Totals(
            machines=len(rows),
            phases=_counted((row.phase for row in rows), Phase),
            tones=_counted((row.tone for row in rows), Tone),
            kinds=dict(sorted(Counter(row.kind for row in rows).items())),
        ),
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


def _row(machine: MachineView, step: Step | None, progress: str | None) -> MachineRow:
    seen, given, racked, history = machine.seen, machine.allocation, machine.racked, machine.history
    kind, text = _told(step)
    doing = history.open or (step.action if isinstance(step, Act) else None)
    asks = step.needs_approval if isinstance(step, Wait) else None
    return MachineRow(
        serial=machine.serial,
        hostname=given.hostname if given else step.hostname if step else None,
        cluster=given.cluster if given else step.cluster if step else None,
        role=given.role if given else step.role if step else None,
        phase=history.phase,
        kind=kind,
        text=text,
        tone=_tone(machine, step, asks),
        action=doing.type if doing else None,
        risk=doing.risk if doing else InstallOs.risk if asks == "install_os" else Risk.NONE,
        progress=progress,
        needs_approval=asks,
        generation=given.generation if given else None,
        failures=history.failures,
        last_error=history.last_error,
        conflict=machine.conflict,
        profile=given.profile if given else machine.match.profile,
        product=seen.hardware.product if seen else None,
        manufacturer=seen.hardware.manufacturer if seen else None,
        location=given.location if given else racked.location if racked else None,
        dc=racked.dc if racked else None,
        row=racked.row if racked else None,
        rack=racked.rack if racked else None,
        unit=racked.unit if racked else None,
        height=racked.height if racked else 1,
        address=(given.address if given else None) or (seen.address if seen else None),
        bmc_address=seen.hardware.bmc_address if seen else None,
        last_seen=seen.heard_at if seen else None,
        status=seen.status if seen else None,
        power=seen.power if seen else None,
        document=machine.document.digest if machine.document else None,
        document_since=machine.document.since if machine.document else None,
        applied=machine.applied,
        behind=machine.behind and history.phase is Phase.IN_SERVICE,
    )


def _told(step: Step | None) -> tuple[str, str]:
    match step:
        case Act(because=because):
            return "act", because
        case Advance(because=because):
            return "advance", because
        case Wait(on=on):
            return "wait", on
        case Settled(because=because):
            return "settled", because
        case Orphaned(because=because):
            return "orphaned", because
        case None:
            return "wait", "the next plan"


def _tone(machine: MachineView, step: Step | None, asks: str | None) -> Tone:
    history = machine.history
    if machine.conflict or machine.enc_problem or history.permanent or history.failures:
        return Tone.TROUBLE
    if isinstance(step, Wait) and step.wants_operator:
        return Tone.TROUBLE
    if asks:
        return Tone.ASKS
    if history.open or isinstance(step, Act | Advance):
        return Tone.BUSY
    if isinstance(step, Settled):
        return Tone.SETTLED
    return Tone.ORPHANED if isinstance(step, Orphaned) else Tone.WAITING


def _clusters(rows: tuple[MachineRow, ...], shortfalls: tuple[Shortfall, ...]) -> tuple[ClusterRow, ...]:
    members: dict[str, list[MachineRow]] = {shortfall.cluster: [] for shortfall in shortfalls}
    for row in rows:
        if row.cluster:
            members.setdefault(row.cluster, []).append(row)
    return tuple(
        ClusterRow(
            name,
            machines=len(found),
            in_service=sum(row.phase is Phase.IN_SERVICE for row in found),
            behind=sum(row.behind for row in found),
            roles=dict(sorted(Counter(row.role or "" for row in found).items())),
            shortfalls=tuple(shortfall for shortfall in shortfalls if shortfall.cluster == name),
        )
        for name, found in sorted(members.items())
    )


def _counted(values: Iterable[StrEnum], kinds: type[StrEnum]) -> dict[str, int]:
    """How many of each, in the order of the enum, none left out, so that the page does not jump about."""
    counts = Counter(values)
    return {kind.value: counts[kind] for kind in kinds}
