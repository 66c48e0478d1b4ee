"""Approving, from the command line and over HTTP: of the statement that was shown, signed where the site demands it."""

from ..model.errors import PermanentError
from ..model.machine import Allocation, Approval
from ..model.plan import Step, Wait
from .site import Site


def statement_text(site: Site, step: Step | None) -> str | None:
    """What a step waits for somebody to approve, as it is shown and signed; None: nothing."""
    asks = step.asks if isinstance(step, Wait) else None
    return asks.statement.text(site.fleet) if asks else None


def approve(site: Site, wait: Wait, held: Allocation | None, given: Approval, *, shown: str | None = None) -> Approval:
    """Write down that somebody approves what a machine waits for; what was written.

    Args:
        site: Whose.
        wait: Of the machine's step in the plan.
        held: What the machine has.
        given: Who approves, why, and with which signature; the rest of it is taken from the wait.
        shown: Digest of the statement that its giver was shown; None: the one that is asked now.

    Raises:
        PermanentError: Something else is asked than was shown; or it is not signed as this site demands.
    """
    assert wait.asks is not None and wait.needs_approval is not None
    asked = wait.asks.statement
    if shown is not None and shown != asked.digest:
        raise PermanentError(f"{wait.serial} asks for something else than was shown: {asked.digest}. Look again")
    who = _signer(site, wait, given)
    word = Approval(
        serial=wait.serial,
        action=wait.needs_approval,
        generation=held.generation if held else 1,
        who=who,
        why=given.why,
        at=given.at,
        covers=asked.digest,
        statement=asked,
        signature=given.signature,
    )
    site.store.approve(word, wait.on)
    return word


def _signer(site: Site, wait: Wait, given: Approval) -> str:
    """Who approves: whoever signed, by the name that this site has for the key.

    Raises:
        PermanentError: Nobody signed, and this site demands that; or nobody who may.
    """
    assert wait.asks is not None and wait.needs_approval is not None
    demanded = site.signatures is not None and site.signatures.demands(wait.needs_approval)
    if given.signature is None:
        if demanded:
            raise PermanentError(
                f"an approval of {wait.needs_approval} has to be signed here, with a key that the configuration allows "
                "(approvals.allowed_signers)"
            )
        return given.who
    if site.signatures is None:
        raise PermanentError("this site knows no keys: its configuration has no approvals.allowed_signers")
    return site.signatures.signer(wait.asks.statement, given.signature, site.fleet)
