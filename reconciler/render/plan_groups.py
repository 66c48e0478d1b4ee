"""Groups of a plan's steps, in the order an operator reads them: common to the plan's text and Markdown."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from typing_extensions import TypedDict

from ..model.action_base import Risk
from ..model.plan import Act, Advance, EncChange, Orphaned, Plan, Settled, Step, Wait
from ..model.spec_change import SpecChange
from .value_diff import differences, shown_value
from .words import because_of, erases, printable, worst_of

_WORST_FIRST = (Risk.DESTRUCTIVE, Risk.DISRUPTIVE, Risk.NONE)


class SummaryJson(TypedDict):
    """Numbers of machines, by the kind of their step.

    Counted among those too: ``destructive``, whose disks are erased before all that is shown is done, whatever is to be
    done first or waited for; ``needs_approval``; and ``spare``, which wait for nothing but a free slot.
    """

    act: int
    advance: int
    destructive: int
    wait: int
    needs_approval: int
    spare: int
    settled: int
    orphaned: int
    enc: int
    loosened: int


def summary(plan: Plan) -> SummaryJson:
    """How many machines there are of each kind of step."""
    kinds = Counter(type(step) for step in plan.steps)
    return {
        "act": kinds[Act],
        "advance": kinds[Advance],
        "destructive": sum(map(erases, plan.steps)),
        "wait": kinds[Wait],
        "needs_approval": sum(isinstance(step, Wait) and step.needs_approval is not None for step in plan.steps),
        "spare": sum(isinstance(step, Wait) and step.spare for step in plan.steps),
        "settled": kinds[Settled],
        "orphaned": kinds[Orphaned],
        "enc": len(plan.enc),
        "loosened": sum(change.looser for change in plan.changes),
    }


def doing(plan: Plan) -> list[Act | Advance]:
    """What will happen, the worst that it leads to first."""
    found = [step for step in plan.steps if isinstance(step, Act | Advance)]
    return sorted(found, key=lambda step: _WORST_FIRST.index(worst_of(step)))


def needing_approval(plan: Plan) -> list[Step]:
    """What a human's word would let through."""
    return [step for step in plan.steps if isinstance(step, Wait) and step.needs_approval is not None]


def waiting(plan: Plan) -> list[Step]:
    """What waits for anything else."""
    return [step for step in plan.steps if isinstance(step, Wait) and step.needs_approval is None]


def orphaned(plan: Plan) -> list[Step]:
    """What git no longer asks for."""
    return [step for step in plan.steps if isinstance(step, Orphaned)]


def by_sentence(steps: Iterable[Step]) -> dict[str, list[Step]]:
    """Steps of which the same is told together, in the order of the first machine of which it is."""
    groups: dict[str, list[Step]] = defaultdict(list)
    for step in steps:
        groups[because_of(step)].append(step)
    return groups


def settled_counts(plan: Plan) -> list[str]:
    """``12 cl1 compute in service``, by cluster and role."""
    told = (
        " ".join(part for part in (step.cluster, step.role, step.because) if part)
        for step in plan.steps
        if isinstance(step, Settled)
    )
    return [f"{count} {printable(text)}" for text, count in sorted(Counter(told).items())]


def shortfalls(plan: Plan) -> list[str]:
    """``cl1 has 2 of 3 controller: no free machine in zone-3``."""
    return [f"{s.cluster} has {s.placed} of {s.wanted} {s.role}: {printable(s.because)}" for s in plan.shortfalls]


def loosened(plan: Plan) -> list[str]:
    """``policy.reinstall: approval -> automatic (fleet.yaml:12)``: rules that leave more undone by humans."""
    return [_changed(change) for change in plan.changes if change.looser]


def other_changes(plan: Plan) -> list[str]:
    """The rules that changed, and were not loosened."""
    return [_changed(change) for change in plan.changes if not change.looser]


def _changed(change: SpecChange) -> str:
    at = f"  ({change.at.file}:{change.at.line})" if change.at else ""
    return f"{printable(change.what)}: {printable(change.before)} -> {printable(change.after)}{at}"


MOST_PARTS = 12
"""Parts of one parameter of which it is told; the JSON has both values whole."""


@dataclass(frozen=True, slots=True)
class EncLine:
    """One changed parameter of one node, or of many that it changes alike."""

    text: str
    parts: tuple[str, ...] = ()  # where it is a list or a mapping: what differs in it


def enc_lines(changes: Iterable[EncChange]) -> list[EncLine]:
    """Changed Puppet parameters; the same change of many nodes is told once."""
    groups: dict[tuple[str, str, str, str], list[EncChange]] = defaultdict(list)
    for c in changes:
        groups[c.puppet_class, c.parameter, _whole(c.before), _whole(c.after)].append(c)
    return [_enc_line(alike) for _, alike in sorted(groups.items())]


def _whole(value: object) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def _enc_line(alike: list[EncChange]) -> EncLine:
    first, hosts = alike[0], sorted(change.hostname for change in alike)
    name = f"{first.puppet_class}::{first.parameter}"
    who = hosts[0] if len(hosts) == 1 else f"{len(hosts)} nodes, {hosts[0]} to {hosts[-1]}"
    parts = list(differences(first.before, first.after))
    if all(not part.path for part in parts):
        return EncLine(
            f"{name}: {printable(shown_value(first.before))} -> {printable(shown_value(first.after))}  ({who})"
        )
    told = [printable(str(part)) for part in parts[:MOST_PARTS]]
    more = [f"and {len(parts) - MOST_PARTS} more"] if len(parts) > MOST_PARTS else []
    return EncLine(f"{name}  ({who})", (*told, *more))


def counts(plan: Plan) -> str:
    """``3 to do, 2 waiting (1 for an approval), 12 settled; would erase 3 machines' disks``."""
    s = summary(plan)
    said = [
        (s["act"] + s["advance"], " to do"),
        (s["wait"] - s["spare"], f" waiting ({s['needs_approval']} for an approval)"),
        (s["orphaned"], " orphaned"),
        (s["spare"], " spare"),
        (s["settled"], " settled"),
        (s["enc"], " Puppet parameters changed"),
        (s["loosened"], f" {'rule' if s['loosened'] == 1 else 'rules'} loosened"),
    ]
    nothing = "no machines" if plan.going_on is None else "no machine has another step"
    numbers = ", ".join(f"{count}{text}" for count, text in said if count) or nothing
    return f"{numbers}; would erase {disks_of(s['destructive'])}" if s["destructive"] else numbers


def disks_of(machines: int) -> str:
    """``3 machines' disks``."""
    return "1 machine's disks" if machines == 1 else f"{machines} machines' disks"


def verdict(plan: Plan) -> str:
    """``No changes.``, with a space behind it, where that is so."""
    return "No changes. " if plan.is_quiet else ""


def is_by_change(step: Step, plan: Plan) -> bool:
    """Whether a step has to be marked: it is another one than the base's, and such steps are told among others."""
    return plan.going_on is None and plan.beyond is not None and step.serial in plan.beyond.serials


def shown(plan: Plan) -> str:
    """``Shown: 2 of 12 machines, 3 others go on anyway.``, with a space before it, where that is not all."""
    anyway = f", {plan.going_on} others go on anyway" if plan.going_on else ""
    return f" Shown: {len(plan.steps)} of {len(plan.steps) + plan.left_out} machines{anyway}." if plan.left_out else ""


def base(plan: Plan) -> str:
    """The commit, as short as people write it."""
    return plan.base[:12] if plan.base else "without a commit"
