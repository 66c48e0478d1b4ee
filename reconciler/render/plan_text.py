"""A plan for a tired operator: what will happen, the worst first; then who waits for what; the rest in numbers."""

from collections.abc import Iterable
from itertools import pairwise

from ..model.plan import Plan, Step
from . import plan_groups as groups
from .words import because_of, erases, mark, printable, what

FOLD_AT = 12  # machines with the same reason are listed up to here; a screen has room for that


def plan_text(plan: Plan) -> str:
    """The whole plan. ``!`` leads to erased disks, ``~`` interrupts service, ``+`` does neither.

    ``*`` behind a name: its step is another one under the specs that the plan is compared with.
    """
    lines: list[str] = [f"! {printable(plan.observing)}", ""] if plan.observing else []
    lines += _top("Loosened, against the specs in force", groups.loosened(plan))
    lines += _top("Changed, against the specs in force", groups.other_changes(plan))
    for step in groups.doing(plan):
        lines.append(f"{mark(step)} {_name(step)}{_star(step, plan)}  {printable(what(step))}")
        lines.append(f"      because {printable(because_of(step))}")
    lines += _section(
        "Waiting for an operator's word (reconciler approve)", _folded(groups.needing_approval(plan), plan)
    )
    lines += _section("Waiting for", _folded(groups.waiting(plan), plan))
    lines += _section("Orphaned, and left alone", _folded(groups.orphaned(plan), plan))
    lines += _section("Short of machines", groups.shortfalls(plan))
    lines += _section("Settled", groups.settled_counts(plan))
    documents = (text for line in groups.enc_lines(plan.enc) for text in (line.text, *(f"  {p}" for p in line.parts)))
    lines += _section("Puppet documents", documents)
    lines += _section("Notes", [f"{name}: {printable(note)}" for name, note in sorted(plan.notes.items())])
    lines += _section("Warnings", map(printable, plan.warnings))
    lines += ["", f"{groups.verdict(plan)}Plan {groups.base(plan)}: {groups.counts(plan)}.{groups.shown(plan)}"]
    one_apart = (line for before, line in pairwise(["", *lines]) if before or line)
    return "\n".join(one_apart) + "\n"


def _name(step: Step) -> str:
    return f"{printable(step.serial)} ({printable(step.hostname)})" if step.hostname else printable(step.serial)


def _section(title: str, items: Iterable[str]) -> list[str]:
    found = [f"  {item}" for item in items]
    return ["", title, *found] if found else []


def _top(title: str, items: Iterable[str]) -> list[str]:
    found = [f"  {item}" for item in items]
    return [title, *found, ""] if found else []


def _star(step: Step, plan: Plan) -> str:
    return " *" if groups.is_by_change(step, plan) else ""


def _folded(steps: Iterable[Step], plan: Plan) -> list[str]:
    """One line per sentence, and the machines of which it is told below."""
    lines = []
    for sentence, group in groups.by_sentence(steps).items():
        more = [f"  and {len(group) - FOLD_AT} more"] if len(group) > FOLD_AT else []
        names = [f"{'!' if erases(step) else ' '} {_name(step)}{_star(step, plan)}" for step in group[:FOLD_AT]]
        lines += [printable(sentence), *(f"  {name}" for name in [*names, *more])]
    return lines
