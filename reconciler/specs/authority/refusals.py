"""Sentences that tell why commits are refused, and what to do about it."""

from collections.abc import Sequence
from typing import Final

from .judgement import OrderRefusal, RefusedCommit

MAX_TOLD: Final = 10
"""Refused commits of a branch that are spelled out."""

MAX_PATH: Final = 300
"""Letters of a path that are told."""

SEAL: Final = "Reconciler-Seal: "

_TO_DO: Final = {
    OrderRefusal.BROKEN: "Make it again with git.",
    OrderRefusal.CUT_OFF: "Fetch the whole history: git fetch --unshallow.",
    OrderRefusal.NO_RULE: "Have a rule written for it.",
    OrderRefusal.NOT_ALLOWED: "Have it sealed by one of them.",
    OrderRefusal.TOO_FEW: "Have it sealed by others of them.",
    OrderRefusal.OWN_CONTENT: "Rebase instead, or make that change in a commit of its own; or have it sealed.",
    OrderRefusal.NOT_REDONE: "Rebase instead; or have it sealed.",
}
_SEAL_IT: Final = "Sign it anew, or have it sealed."


def render_refusals(target: str, refused: Sequence[RefusedCommit]) -> str:
    """Why the commits up to a target are not taken, a line for each.

    Args:
        target: The newest commit.
        refused: At least one.
    """
    lines = [f"{target[:12]} was not ordered by who may: {_counted(len(refused))} refused."]
    lines += [
        f"{one.commit[:12]}: {render_refusal(one)}. {_TO_DO.get(one.reason, _SEAL_IT)}" for one in refused[:MAX_TOLD]
    ]
    if len(refused) > MAX_TOLD:
        lines.append(f"... and {len(refused) - MAX_TOLD} more.")
    if any(one.reason not in (OrderRefusal.BROKEN, OrderRefusal.CUT_OFF) for one in refused):
        lines.append(f"To seal all of it, somebody who may change it signs on top of it: {seal_command(target)}")
    return "\n".join(lines)


def seal_command(commit: str) -> str:
    """How a commit, and all before it, is sealed by hand."""
    return f'git commit -S --allow-empty -m "Seal" -m "{SEAL}{commit}"'


def _counted(number: int) -> str:
    return f"{number} commit{'s' if number != 1 else ''} {'are' if number != 1 else 'is'}"


def render_refusal(one: RefusedCommit) -> str:
    """Why a commit is refused, as a sentence without its end."""
    path = shown_path(one.path or "")
    who, may = _names(one.signers), _names(one.may)
    did = "sealed" if one.unverified is not None else "signed"
    return {
        OrderRefusal.BROKEN: f"it {one.detail}",
        OrderRefusal.CUT_OFF: "a commit before it is not there",
        OrderRefusal.UNVERIFIED: str(one.unverified),
        OrderRefusal.NOT_NAMED: f"{who} signed it, and no rule lets them order anything",
        OrderRefusal.NO_RULE: f'no rule says who may change "{path}"',
        OrderRefusal.NOT_ALLOWED: f'{who} {did} it, and "{path}" may be changed by {may} only',
        OrderRefusal.TOO_FEW: f'{who} {did} it, and "{path}" needs {one.needed} of {may}',
        OrderRefusal.OWN_CONTENT: f'it is a merge that changes "{path}" by itself',
        OrderRefusal.NOT_REDONE: "it is a merge that nobody can make again without deciding something",
    }[one.reason]


def shown_path(path: str) -> str:
    """A path as it can be printed and kept, whatever somebody called a file."""
    return (path if path.isprintable() else ascii(path)[1:-1])[:MAX_PATH]


def _names(names: Sequence[str]) -> str:
    return ", ".join(names) or "nobody"
