"""Every reason for people: ``docs/reasons.md``, and one at a time for a terminal."""

import textwrap

from ..model.reasons import REASONS, Reason
from .rows import ReasonRow

WIDTH = 118

_INTRODUCTION = """\
# Reasons

<!-- Made from reconciler/model/reasons.py: change that, then `make schemas`. -->

Every step of a plan has a reason, and so has every shortfall of a cluster: `reason` in JSON (`plan`, `machines`,
`clusters`, and the same below `/v1`). Prometheus has those of steps in `reconciler_steps{kind, reason}`. The sentence
beside it, `because`, tells it of one machine, for people: its words may change, the names below do not. `reconciler
explain-reason NAME` shows one of them.

*Wants you*: a wait for it ends when somebody mends something. *Asks for approval*: `reconciler approve SERIAL` allows
the action that is named, once, and only for the facts that the machine waits with.
"""

_HEADINGS = {
    Reason.NEVER_SEEN: "Getting a place",
    Reason.SECRETS_MISSING: "The way to an install",
    Reason.BOOTS_FROM_DISK: "The first boot and Puppet",
    Reason.IN_SERVICE: "In service",
    Reason.REINSTALL_REQUESTED: "Going back",
    Reason.IN_FLIGHT: "Whatever is to be done",
}
"""By the first reason below each."""


def reasons_page() -> str:
    """The whole page."""
    parts = [_INTRODUCTION]
    for reason in Reason:
        if heading := _HEADINGS.get(reason):
            parts.append(f"\n## {heading}\n")
        parts.append(f"\n### {reason}\n\n{reason_text(reason)}")
    return "".join(parts)


def reason_row(reason: Reason) -> ReasonRow:
    """What holds for a reason, for programs."""
    about = REASONS[reason]
    return ReasonRow(reason, about.text, about.wants_operator, about.approval, about.retry, about.spare)


def reason_text(reason: Reason) -> str:
    """What holds for a reason, as a paragraph of lines that fit a terminal."""
    about = REASONS[reason]
    said = [about.text]
    said += ["*Wants you.*"] if about.wants_operator else []
    said += [f"*Asks for approval: {about.approval}.*"] if about.approval else []
    return textwrap.fill(" ".join(said), WIDTH, break_long_words=False, break_on_hyphens=False) + "\n"
