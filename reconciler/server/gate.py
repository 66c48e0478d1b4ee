"""What a request has to show before a route is entered, as FastAPI dependencies."""

from typing import Annotated

from fastapi import Depends, HTTPException, Request

from .access import APPROVES, LOOKS, OPERATES, Access, Caller, Token, caller_of
from .ports import Served


def served_of(request: Request) -> Served:
    """What this application serves."""
    served: Served = request.app.state.served
    return served


def caller(request: Request) -> Caller:
    """Who is asking.

    Raises:
        HTTPException: A token was shown that nobody has.
    """
    found = caller_of(request.scope, served_of(request).trust.tokens)
    if found.forged:
        raise HTTPException(401, "This token is not known.", {"www-authenticate": "Bearer"})
    return found


def may_look(request: Request, who: Annotated[Caller, Depends(caller)]) -> None:
    """Let pass who may see the fleet: by token, from this machine, or from a network of the dashboard's."""
    if who.may(LOOKS) or who.is_loopback:
        return
    if who.address is None or not served_of(request).trust.may_look(who.address):
        raise HTTPException(403, "To look, show a token, or come from this machine or one of the dashboard_networks.")


def may_operate(who: Annotated[Caller, Depends(caller)]) -> Token:
    """Let pass operators, by token only."""
    return _holder(who, OPERATES, "an operator's or approver's")


def may_approve(who: Annotated[Caller, Depends(caller)]) -> Token:
    """Let pass approvers, by token only."""
    return _holder(who, APPROVES, "an approver's")


def _holder(who: Caller, roles: frozenset[Access], whose: str) -> Token:
    if who.token is None or not who.may(roles):
        status = 403 if who.token else 401
        raise HTTPException(status, f"This needs {whose} token.", {"www-authenticate": "Bearer"})
    return who.token
