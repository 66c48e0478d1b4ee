"""Questions that a human is asked before a step, and the approvals that answer just those.

What is asked is a statement: facts of the machine, of its disks by their identities, of what was found, of what comes
of it, and of the policy in force. An approval covers the statement that its giver was shown, by its digest. How the
question is told has no part in it; who approved something else approved nothing of this, and the wait says which fact
has changed.

An approval is good once: the event that uses it up deletes it, and from then on the statement has another turn, so that
no copy of it is good either. It ends after ``policy.approvals.lasts``: by the clock, and by the time that daemons acted
since, whichever is over first. So a clock that was set back, or ahead when the approval was given, keeps none alive.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from ..model.machine import Approval, MachineView
from ..model.plan import Wait
from ..model.reasons import Reason
from ..model.statements import ApproverWord, Asked, Consequence, Fact, FactName, Statement, Uncounted, changes
from .context import Context

_POLICIES = {"install_os": ("install", "foreign_data"), "reinstall": ("reinstall",)}
"""By what is approved the rules of the policy that have a part in the question."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a human is asked."""

    reason: Reason  # one that asks for an approval
    text: str  # completes "waiting for ..."
    consequences: tuple[Consequence, ...] = ()
    facts: tuple[Fact, ...] = ()  # besides those that every question has
    of_machine: bool = True  # False: of its cluster, whichever machine is asked for it

    @property
    def action(self) -> str:
        """What an answer allows: one of ``events.ALL``."""
        return self.reason.about.approval or ""


class Consent(NamedTuple):
    """Everybody has approved who has to."""

    who: str
    why: str


def fact(name: FactName, *values: str) -> Fact:
    """A fact of a statement."""
    return Fact(name.value, values)


def statement(question: Question, m: MachineView, ctx: Context) -> Statement:
    """All that an answer allows."""
    policy = ctx.spec.fleet.policy
    rules = [fact(FactName.POLICY, name, str(getattr(policy, name))) for name in _POLICIES.get(question.action, ())]
    return Statement(
        (
            fact(FactName.ACTION, question.action),
            fact(FactName.REASON, question.reason.value),
            *(_of_machine(m) if question.of_machine else ()),
            *(fact(FactName.CONSEQUENCE, each.value) for each in question.consequences),
            *question.facts,
            *rules,
            fact(FactName.POLICY, "approvers", str(ctx.approvers(question.action))),
        )
    )


def _of_machine(m: MachineView) -> Iterable[Fact]:
    """Which machine it is, as what, and which turn; a round of rings has a digest that never comes again."""
    yield fact(FactName.MACHINE, m.serial)
    if m.allocation is not None:
        yield fact(FactName.NODE, m.allocation.hostname)
        yield fact(FactName.GENERATION, str(m.allocation.generation))
    yield fact(FactName.TURN, str(m.history.answered))


def answer(question: Question, m: MachineView, ctx: Context) -> Consent | Wait:
    """The approval of just this, by as many as have to; else the wait for it, which says why words do not count."""
    asked, given = statement(question, m, ctx), ctx.approvals_of(m, question.action)
    words = tuple(_word(each, asked, ctx) for each in given)
    good = {word.who: word for word in words if word.uncounted is None}
    needed = ctx.approvers(question.action)
    if len(good) >= needed:
        return Consent(" and ".join(good), "; ".join(dict.fromkeys(word.why for word in good.values())))
    parts = [question.text, *(str(word) for word in words if word.uncounted is not None)]
    if needed > 1:
        parts.append(f"{len(good)} of {needed} have approved{_names(good)}")
    return Wait(m.serial, question.reason, "; ".join(parts), asks=Asked(asked, needed, words))


def unanswered(question: Question, m: MachineView, ctx: Context) -> Wait | None:
    """The wait for an approval of just this; None: it was given."""
    found = answer(question, m, ctx)
    return found if isinstance(found, Wait) else None


def _word(given: Approval, asked: Statement, ctx: Context) -> ApproverWord:
    """An approval, and whether it counts for what is asked."""
    word = ApproverWord(given.who, given.why, given.at.isoformat(timespec="seconds"))
    if given.covers is None:
        return word._replace(uncounted=Uncounted.EARLIER)
    if given.covers != asked.digest:
        differ = changes(given.statement, asked) if given.statement else ()
        return word._replace(uncounted=Uncounted.CHANGED, changed=differ)
    if given.void is not None:
        return word._replace(uncounted=Uncounted.VOID, void=given.void)
    return word._replace(uncounted=Uncounted.EXPIRED) if _has_expired(given, ctx) else word


def _has_expired(given: Approval, ctx: Context) -> bool:
    lasts = ctx.spec.fleet.policy.approvals.lasts
    if given.acted is not None and ctx.acted is not None and ctx.acted - given.acted >= lasts.total_seconds():
        return True
    return ctx.now - given.at >= lasts


def _names(good: Iterable[str]) -> str:
    named = ", ".join(good)
    return f" ({named})" if named else ""
