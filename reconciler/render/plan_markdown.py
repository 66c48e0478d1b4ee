"""A plan as a comment on a pull request: what is destroyed first, the long lists folded away."""

from collections.abc import Iterable

from ..model.plan import Plan, Step
from . import plan_groups as groups
from .words import because_of, erases, mark, printable, what

LONGEST_LIST = 100  # rows or machines; GitHub refuses a comment of more than 65,536 characters

_ESCAPES = str.maketrans(
    {c: f"\\{c}" for c in "\\`*_[]|~"}
    | {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
    | {c: f"{c}\N{ZERO WIDTH SPACE}" for c in "@#$"}  # nobody is notified, no issue is linked, nothing is a formula
)


def escaped(text: str) -> str:
    """Text that Markdown shows as it is: no markup, no HTML, no link."""
    return printable(text).translate(_ESCAPES).replace("://", ":\N{ZERO WIDTH SPACE}//")


def plan_markdown(plan: Plan) -> str:
    """The whole plan, with the marks of ``plan_text``."""
    lines = [
        f"### Plan {escaped(groups.base(plan))}",
        "",
        f"{groups.verdict(plan)}{escaped(groups.counts(plan))}.{groups.shown(plan)}",
    ]
    lines += ["", f"> **{escaped(plan.observing)}**"] if plan.observing else []
    lines += _warning(plan)
    lines += _list("Loosened, against the specs in force", groups.loosened(plan))
    lines += _list("Changed, against the specs in force", groups.other_changes(plan))
    lines += _table(plan)
    lines += _details("waiting for an operator's word", groups.needing_approval(plan), plan, is_open=True)
    lines += _details("waiting", groups.waiting(plan), plan)
    lines += _details("orphaned, and left alone", groups.orphaned(plan), plan, is_open=True)
    lines += _list("Short of machines", groups.shortfalls(plan))
    lines += _list("Settled", groups.settled_counts(plan))
    lines += _documents(groups.enc_lines(plan.enc))
    lines += _list("Notes", [f"{name}: {note}" for name, note in sorted(plan.notes.items())])
    lines += _list("Warnings", plan.warnings)
    return "\n".join(lines) + "\n"


def _warning(plan: Plan) -> list[str]:
    number = groups.summary(plan)["destructive"]
    return ["", f"> **This would erase {groups.disks_of(number)}:** those marked **!**"] if number else []


def _table(plan: Plan) -> list[str]:
    rows = [
        f"| **{mark(step).replace('~', chr(92) + '~')}** | {_name(step)}{_star(step, plan)} | {escaped(what(step))} "
        f"| {escaped(because_of(step))} |"
        for step in groups.doing(plan)
    ]
    more = [f"| | and {len(rows) - LONGEST_LIST} more | | |"] if len(rows) > LONGEST_LIST else []
    return (
        ["", "| | machine | what happens | because |", "|---|---|---|---|", *rows[:LONGEST_LIST], *more] if rows else []
    )


def _name(step: Step) -> str:
    return f"{escaped(step.serial)} {escaped(step.hostname)}" if step.hostname else escaped(step.serial)


def _star(step: Step, plan: Plan) -> str:
    return " \\*" if groups.is_by_change(step, plan) else ""


def _marked(step: Step, plan: Plan) -> str:
    return f"{'**!** ' if erases(step) else ''}{_name(step)}{_star(step, plan)}"


def _details(title: str, steps: list[Step], plan: Plan, *, is_open: bool = False) -> list[str]:
    if not steps:
        return []
    lines = ["", f"<details{' open' if is_open else ''}><summary>{len(steps)} {title}</summary>", ""]
    for sentence, group in groups.by_sentence(steps).items():
        more = f", and {len(group) - LONGEST_LIST} more" if len(group) > LONGEST_LIST else ""
        lines.append(f"- {escaped(sentence)}: {', '.join(_marked(step, plan) for step in group[:LONGEST_LIST])}{more}")
    return [*lines, "", "</details>"]


def _list(title: str, items: Iterable[str]) -> list[str]:
    found = [f"- {escaped(item)}" for item in items]
    more = [f"- and {len(found) - LONGEST_LIST} more"] if len(found) > LONGEST_LIST else []
    return ["", f"**{title}**", "", *found[:LONGEST_LIST], *more] if found else []


def _documents(changed: list[groups.EncLine]) -> list[str]:
    if not changed:
        return []
    lines = ["", "**Puppet documents**", ""]
    for one in changed[:LONGEST_LIST]:
        lines += [f"- {escaped(one.text)}", *(f"  - {escaped(part)}" for part in one.parts)]
    more = [f"- and {len(changed) - LONGEST_LIST} more"] if len(changed) > LONGEST_LIST else []
    return [*lines, *more]
