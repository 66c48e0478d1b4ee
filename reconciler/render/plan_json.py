"""A plan as the contract's JSON: stable, complete, and described by ``schemas/plan.json``."""

from collections.abc import Mapping
from dataclasses import fields

from typing_extensions import TypedDict

from ..model.action_base import Risk
from ..model.actions import Action, RootImage
from ..model.contents import Contents
from ..model.disk_id import ControllerId, DiskId, InstalledSystem
from ..model.gates import Gate, GateName
from ..model.hardware import Nic
from ..model.interfaces import NodeInterface
from ..model.plan import Act, Advance, Difference, Plan, Step, Wait, risk_of
from ..model.raid import RaidDisk, RaidVolume
from ..model.reasons import Reason
from ..model.redaction import redact
from ..model.spec_change import RuleKind, SpecChange
from ..model.statements import ApproverWord, Asked, Uncounted
from .plan_groups import SummaryJson, summary
from .rows import StepKind
from .words import KINDS, because_of, erases

VERSION = 1


class GateJson(TypedDict):
    """What was read of a service, beside what opens the gate."""

    name: GateName
    value: str | None  # None: nobody has looked yet
    threshold: str
    since: str | None  # since when the value is so
    holds: bool | None  # None: nobody knows


class FactJson(TypedDict):
    """One fact of a statement."""

    name: str
    values: list[str]


class FactChangeJson(TypedDict):
    """A fact that is another now than somebody approved."""

    name: str
    before: list[str]  # empty: there was none
    now: list[str]  # empty: it is gone


class WordJson(TypedDict):
    """What one human said to what is asked."""

    who: str
    why: str
    at: str
    counts: bool
    uncounted: Uncounted | None  # why it does not count
    changed: list[FactChangeJson]  # what is another now than was approved


class AsksJson(TypedDict):
    """What a wait for an approval asks."""

    digest: str  # of the statement
    facts: list[FactJson]
    approvers: int  # so many have to approve
    words: list[WordJson]


class StepJson(TypedDict):
    """One machine's step."""

    serial: str
    hostname: str | None
    cluster: str | None
    role: str | None
    kind: StepKind
    action: dict[str, object] | None
    to: str | None  # the phase that an advance records
    risk: Risk  # of the step itself
    erases: bool  # disks of the machine are erased before the step, and what follows from it, is done
    spare: bool  # it waits for nothing but a free slot
    reason: Reason
    because: str  # the reason in a sentence; for a wait: what it waits for
    needs_approval: str | None  # what an approval would allow
    asks: AsksJson | None  # the statement that an approval would cover
    until: str | None  # when a wait is worth another look
    gates: list[GateJson]  # those that a wait waits for, of the machine itself or of another one
    gates_of: str | None  # hostname of the other machine whose gates they are; null: they are its own
    by_change: bool | None  # another step than under the specs of the base; null: nothing is compared


EncJson = TypedDict("EncJson", {"hostname": str, "class": str, "parameter": str, "before": object, "after": object})


class ShortfallJson(TypedDict):
    """A pool with fewer machines than its cluster asks for."""

    cluster: str
    role: str
    wanted: int
    placed: int
    reason: Reason
    because: str


class SpecChangeJson(TypedDict):
    """A rule that is another than under the specs in force."""

    kind: RuleKind
    what: str
    before: str
    after: str
    looser: bool  # more is done unasked, or somebody more is believed; also where that cannot be told
    file: str | None  # where the plan's specs say it; null: what said it is gone
    line: int | None


class PlanJson(TypedDict):
    """What ``reconciler plan --format json`` prints. The schema is ``schemas/plan.json``."""

    version: int
    base: str | None
    observed: str
    steps: list[StepJson]
    shortfalls: list[ShortfallJson]
    enc: list[EncJson]
    notes: dict[str, str]
    observing: str | None  # why nothing may be begun; such a plan acts on nothing
    warnings: list[str]
    left_out: int  # machines of which this part of the plan does not tell
    going_on: int | None  # only what differs from the base is told, and so many others act or wait; null: all is told
    changes: list[SpecChangeJson]  # rules, the loosened first; none where the specs in force are not at hand
    summary: SummaryJson


def plan_json(plan: Plan) -> PlanJson:
    """The contract's JSON plan, as plain values."""
    return {
        "version": VERSION,
        "base": plan.base,
        "observed": plan.observed,
        "steps": [_step_json(step, plan.beyond) for step in plan.steps],
        "shortfalls": [
            {
                "cluster": s.cluster,
                "role": s.role,
                "wanted": s.wanted,
                "placed": s.placed,
                "reason": s.reason,
                "because": s.because,
            }
            for s in plan.shortfalls
        ],
        "enc": [
            {
                "hostname": c.hostname,
                "class": c.puppet_class,
                "parameter": c.parameter,
                "before": c.before,
                "after": c.after,
            }
            for c in plan.enc
        ],
        "notes": dict(plan.notes),
        "observing": plan.observing,
        "warnings": list(plan.warnings),
        "left_out": plan.left_out,
        "going_on": plan.going_on,
        "changes": [_change_json(change) for change in plan.changes],
        "summary": summary(plan),
    }


def _change_json(change: SpecChange) -> SpecChangeJson:
    return {
        "kind": change.kind,
        "what": change.what,
        "before": change.before,
        "after": change.after,
        "looser": change.looser,
        "file": change.at.file if change.at else None,
        "line": change.at.line if change.at else None,
    }


def _step_json(step: Step, beyond: Difference | None) -> StepJson:
    """A step with every key of ``schemas/plan.json``; None where a kind of step has no such thing."""
    waits = step if isinstance(step, Wait) else None
    return {
        "serial": step.serial,
        "hostname": step.hostname,
        "cluster": step.cluster,
        "role": step.role,
        "kind": KINDS[type(step)],
        "action": _action_json(step.action) if isinstance(step, Act) else None,
        "to": step.to.value if isinstance(step, Advance) else None,
        "risk": risk_of(step),
        "erases": erases(step),
        "spare": waits.spare if waits else False,
        "reason": step.reason,
        "because": because_of(step),
        "needs_approval": waits.needs_approval if waits else None,
        "asks": asks_json(waits.asks) if waits and waits.asks else None,
        "until": waits.until.isoformat(timespec="seconds") if waits and waits.until else None,
        "gates": [_gate_json(gate) for gate in waits.gates] if waits else [],
        "gates_of": waits.gates_of if waits else None,
        "by_change": step.serial in beyond.serials if beyond else None,
    }


def asks_json(asks: Asked) -> AsksJson:
    """What is asked, and what was said to it."""
    return {
        "digest": asks.statement.digest,
        "facts": [{"name": each.name, "values": list(each.values)} for each in asks.statement.facts],
        "approvers": asks.approvers,
        "words": [_word_json(word) for word in asks.words],
    }


def _word_json(word: ApproverWord) -> WordJson:
    return {
        "who": word.who,
        "why": word.why,
        "at": word.at,
        "counts": word.uncounted is None,
        "uncounted": word.uncounted,
        "changed": [{"name": c.name, "before": list(c.before), "now": list(c.now)} for c in word.changed],
    }


def _gate_json(gate: Gate) -> GateJson:
    return {
        "name": gate.name,
        "value": gate.value,
        "threshold": gate.threshold,
        "since": gate.since.isoformat(timespec="seconds") if gate.since else None,
        "holds": gate.holds,
    }


def _action_json(action: Action) -> dict[str, object]:
    """The action's fields, its type first, and the id by which the journal knows it."""
    values = _fields(action)
    return {"type": values.pop("type"), "id": action.id, **values}


def _plain(value: object) -> object:
    """A value of an action as JSON has it, without what may be secret in addresses."""
    if isinstance(value, DiskId | ControllerId | InstalledSystem):
        return str(value)
    if isinstance(value, Contents):
        return value.plain
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, RootImage):
        return _fields(value.shown)
    if isinstance(value, Nic | NodeInterface | RaidVolume | RaidDisk):
        return _fields(value)
    if isinstance(value, str):
        return redact(value)
    return dict(value) if isinstance(value, Mapping) else value


def _fields(value: Action | Nic | NodeInterface | RootImage | RaidVolume | RaidDisk) -> dict[str, object]:
    return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
