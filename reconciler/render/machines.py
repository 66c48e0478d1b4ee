"""A plan and what it was made from, as one row per machine."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from ..model.disk_id import ControllerId, DiskId
from ..model.gates import Gates, closed_first
from ..model.hardware import Disk, Racked
from ..model.history import Phase
from ..model.machine import MachineView, Observation
from ..model.observations import Occurrence
from ..model.plan import RISK_OF_APPROVED, Act, Advance, Orphaned, Plan, Settled, Step, Wait, risk_of
from ..model.rings import differences, files_in_force
from ..model.units import render_size
from .racks import natural
from .rings import disk_rings
from .rows import MachinePage, MachineRow, MachineSummary, Tone
from .words import KINDS, because_of, what


@dataclass(frozen=True, slots=True)
class _Now:
    """What the summary of a machine is made of."""

    machine: MachineView
    step: Step
    progress: str | None
    gates: Gates

    def is_as(self, before: "_Now") -> bool:
        """Whether nothing has changed."""
        alike = (self.step, self.progress, self.gates) == (before.step, before.progress, before.gates)
        return alike and self.machine is before.machine


@dataclass(frozen=True, slots=True)
class _Made:
    of: _Now
    summary: MachineSummary


@dataclass
class MachineSummaries:
    """Makes summaries, and gives the very same one again while nothing of its machine has changed.

    Most machines of a large fleet rest most of the time.
    """

    _made: Mapping[str, _Made] = field(default_factory=dict)

    def of(
        self, plan: Plan, observation: Observation, progress: Mapping[str, str] | None = None
    ) -> tuple[MachineSummary, ...]:
        """One per machine, by serial. ``progress``: the last line that each running action printed, by serial."""
        steps = {step.serial: step for step in plan.steps}
        known, said = self._made, progress or {}
        made: dict[str, _Made] = {}
        for machine in sorted(observation.machines, key=lambda machine: machine.serial):
            serial = machine.serial
            now = _Now(machine, steps[serial], said.get(serial), plan.gates.get(serial, ()))
            made[serial] = _made(now, known.get(serial))
        self._made = made
        return tuple(one.summary for one in made.values())


def machine_rows(plan: Plan, observation: Observation) -> list[MachineRow]:
    """One row per machine, by cluster, role and number; those without a name last."""
    summaries = MachineSummaries().of(plan, observation)
    return sorted(rows_of(summaries, observation, plan.gates), key=_by_name)


def rows_of(
    summaries: Iterable[MachineSummary], observation: Observation, gates: Mapping[str, Gates]
) -> list[MachineRow]:
    """Summaries with all that is shown of these machines; none of one that ``observation`` no longer knows."""
    known = {machine.serial: machine for machine in observation.machines}
    return [machine_row(one, known[one.serial], gates.get(one.serial, ())) for one in summaries if one.serial in known]


def machine_row(summary: MachineSummary, machine: MachineView, gates: Gates = ()) -> MachineRow:
    """All that is shown of the machine of a summary."""
    given, hardware = machine.allocation, machine.seen.hardware if machine.seen else None
    return MachineRow(
        **_values(summary),
        gates=closed_first(gates),
        place=place_text(machine.racked),
        addresses=given.addresses if given else {},
        memory=f"{hardware.memory / 2**30:.4g}GiB" if hardware else None,
        disks=_disks(machine),
        profiles=machine.match.profiles,
        refused=machine.match.refused,
    )


def machine_page(
    row: MachineRow, known: MachineView, events: Iterable[Occurrence], observed: Observation
) -> MachinePage:
    """One machine whole; ``events`` oldest first."""
    files = files_in_force(observed.rings, row.cluster or "")
    return MachinePage(
        **_values(row),
        rings=disk_rings(known, observed),
        rings_differ=differences(known.history.rings, files),
        events=tuple(events),
        known=known,
    )


def place_text(racked: Racked | None) -> str | None:
    """Where it stands: ``dc 2, row b, rack 3, U5``."""
    if racked is None:
        return None
    unit = f", U{racked.unit}" if racked.unit is not None else ""
    return f"dc {racked.dc}, row {racked.row}, rack {racked.rack}{unit}"


def _by_name(row: MachineRow) -> tuple[object, ...]:
    return row.hostname is None, row.cluster or "", row.role or "", natural(row.name)


def _made(now: _Now, before: _Made | None) -> _Made:
    return before if before is not None and now.is_as(before.of) else _Made(now, _summary(now))


def _summary(now: _Now) -> MachineSummary:
    """A machine and its step in the row that command, API and pages share."""
    machine, step = now.machine, now.step
    seen, given, racked, history = machine.seen, machine.allocation, machine.racked, machine.history
    hardware = seen.hardware if seen else None
    doing = history.open_action or (step.action if isinstance(step, Act) else None)
    asks = step.needs_approval if isinstance(step, Wait) else None
    return MachineSummary(
        serial=machine.serial,
        hostname=given.hostname if given else step.hostname,
        cluster=given.cluster if given else step.cluster,
        role=given.role if given else step.role,
        phase=history.phase,
        kind=KINDS[type(step)],
        reason=step.reason,
        because=because_of(step),
        now=_now(step),
        tone=_tone(machine, step),
        action=doing.type if doing else None,
        risk=doing.risk if doing else RISK_OF_APPROVED[asks] if asks else risk_of(step),
        progress=now.progress,
        needs_approval=asks,
        generation=given.generation if given else None,
        profile=given.profile if given else machine.match.profile,
        location=given.location if given else racked.location if racked else None,
        dc=racked.dc if racked else None,
        row=racked.row if racked else None,
        rack=racked.rack if racked else None,
        unit=racked.unit if racked else None,
        height=racked.height if racked else 1,
        address=(given.address if given else None) or (seen.address if seen else None),
        manufacturer=hardware.manufacturer if hardware else None,
        product=hardware.product if hardware else None,
        bmc=hardware.bmc_address if hardware else None,
        power=seen.power if seen else None,
        status=seen.status if seen else None,
        last_heard=seen.heard_at if seen else None,
        document=machine.document.digest if machine.document else None,
        document_since=machine.document.since if machine.document else None,
        applied=machine.applied,
        behind=machine.behind and history.phase is Phase.IN_SERVICE,
        failures=history.failures.count,
        failing_since=history.failures.since if history.failures.count else None,
        last_error=history.failures.error,
        aside_error=history.side_failures.error,
        aside_since=history.side_failures.since if history.side_failures.count else None,
        conflict=machine.conflict,
        closed_gates=tuple(gate.name for gate in now.gates if gate.holds is False),
    )


def _values(shown: MachineSummary) -> dict[str, Any]:
    return {each.name: getattr(shown, each.name) for each in fields(shown)}


def _disks(machine: MachineView) -> tuple[str, ...]:
    """Its disks in words, with what a report or a step found on them."""
    if machine.seen is None:
        return ()
    met: dict[DiskId | ControllerId, str] = {each.on: str(each.what) for each in machine.history.disks.foreign_data}
    # ``met`` is empty for most machines, whose disks need no identity then.
    return tuple(_disk(disk, met.get(disk.identity, "") if met else "") for disk in machine.seen.hardware.disks)


def _disk(disk: Disk, met: str) -> str:
    """A disk, and what it is known to hold: by its report, or ``met`` when it was to be erased."""
    holds = str(disk.contents) or met
    text = f"{disk.name} {render_size(disk.size)} {disk.model}".strip()
    if disk.paths:
        text += f", over {len(disk.paths)} paths ({', '.join(disk.paths)})"
    return f"{text}, holds {holds}" if holds else text


def _now(step: Step) -> str:
    """What happens to it, or what it waits for, in one line."""
    match step:
        case Act() | Advance():
            return f"{what(step)}, because {step.because}"
        case Orphaned():
            return f"orphaned: {step.because}"
        case Wait(needs_approval=str(action)):
            return f"waiting for {step.on} (approve {action})"
        case Wait():
            return f"waiting for {step.on}"
        case Settled():
            return step.because


def _tone(machine: MachineView, step: Step) -> Tone:
    """The row's colour: trouble wins over what the machine waits for, and that over what it does."""
    history = machine.history
    if machine.conflict or machine.enc_problem or history.permanent or history.failures.count:
        return Tone.TROUBLE
    match step:
        case Wait() if step.wants_operator:
            return Tone.TROUBLE
        case Wait(needs_approval=str()):
            return Tone.ASKS
        case Act() | Advance():
            return Tone.BUSY
        case _ if history.open_action:
            return Tone.BUSY
        case Settled():
            return Tone.SETTLED
        case Orphaned():
            return Tone.ORPHANED
        case Wait():
            return Tone.WAITING
