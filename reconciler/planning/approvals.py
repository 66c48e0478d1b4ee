"""Questions that a human is asked before a step, and the approvals that answer just those.

An approval covers the facts of its question, by their digest: which disks with which contents, which request, which
name. How the question is told has no part in it; and who approved something else approved nothing of this.
"""

import hashlib
import json
from dataclasses import dataclass

from ..model.machine import Approval, MachineView
from ..model.plan import Wait
from ..model.reasons import Reason
from .context import Context


@dataclass(frozen=True, slots=True)
class Question:
    """What a human is asked."""

    reason: Reason  # one that asks for an approval
    text: str  # completes "waiting for ..."
    facts: tuple[tuple[str, ...], ...] = ()  # all that an answer allows

    @property
    def covers(self) -> str:
        """Digest of the facts."""
        content = json.dumps([self.reason.value, *self.facts])
        return hashlib.sha256(content.encode()).hexdigest()[:16]


def answer(question: Question, m: MachineView, ctx: Context) -> Approval | Wait:
    """The approval of just this; else the wait for one, which says so where an approval does not count."""
    given, on = ctx.approval(m, question.reason.about.approval or ""), question.text
    if given is not None:
        if given.covers == question.covers:
            return given
        void = "covers something else" if given.covers else "is void: it was given to an earlier version"
        on = f"{on}; what {given.who} approved on {given.at:%Y-%m-%d} {void}"
    return Wait(m.serial, question.reason, on, covers=question.covers)


def unanswered(question: Question, m: MachineView, ctx: Context) -> Wait | None:
    """The wait for an approval of just this; None: it was given."""
    found = answer(question, m, ctx)
    return found if isinstance(found, Wait) else None
