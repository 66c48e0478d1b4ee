"""Rights of callers: who is asking, what they may have, and what they show before a route is entered.

An address is believed only when it is that of the connection itself. Behind a
proxy everyone seems to come from the proxy, and what a proxy says of its
clients can be forged; so a request that carries forwarding headers has no
address at all, and only a token helps. A request that reached the loopback
address under a foreign host name is treated the same way: that is how a web
page makes a browser ask us (DNS rebinding).
"""

import hashlib
import hmac
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Annotated, Any

from fastapi import Depends, HTTPException, Request

ClientAddress = IPv4Address | IPv6Address
TrustedNetwork = IPv4Network | IPv6Network
Headers = Iterable[tuple[bytes, bytes]]

_FORWARDING = frozenset(
    {b"forwarded", b"via", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto", b"x-real-ip"}
)


class Access(StrEnum):
    """What a bearer token is for."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    APPROVER = "approver"
    PUPPET = "puppet"


LOOKS = frozenset({Access.VIEWER, Access.OPERATOR, Access.APPROVER})
OPERATES = frozenset({Access.OPERATOR, Access.APPROVER})
APPROVES = frozenset({Access.APPROVER})
CLASSIFIES = frozenset({Access.PUPPET, Access.OPERATOR})


@dataclass(frozen=True, slots=True)
class Token:
    """Whom a bearer token stands for."""

    name: str
    role: Access


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is asking. ``address`` is None where nobody can tell; ``forged``: a token was shown that nobody has."""

    address: ClientAddress | None
    token: Token | None = None
    forged: bool = False

    def may(self, roles: frozenset[Access]) -> bool:
        """Whether the caller's token has one of the roles."""
        return self.token is not None and self.token.role in roles

    def is_in(self, networks: Sequence[TrustedNetwork]) -> bool:
        """Whether the caller's own address is in one of the networks."""
        return self.address is not None and any(self.address in network for network in networks)

    @property
    def is_loopback(self) -> bool:
        """Whether the caller is on this machine."""
        return self.address is not None and self.address.is_loopback


@dataclass(frozen=True, slots=True)
class Trust:
    """Whom the server believes, by address and by token. Asked anew at each request, so that a commit takes effect."""

    is_puppet_server: Callable[[ClientAddress], bool]  # who may ask for any node's classes
    may_look: Callable[[ClientAddress], bool] = lambda address: False  # who may see the dashboard, besides loopback
    tokens: Mapping[str, Token] = field(default_factory=dict)  # by the SHA-256 of the token, in hex


def caller_of(scope: Mapping[str, Any], tokens: Mapping[str, Token]) -> Caller:
    """The caller of an ASGI request."""
    client = scope.get("client")
    address = parse_address(client[0]) if client else None
    bearer = host = None
    for name, value in scope["headers"]:
        if name in _FORWARDING:
            address = None
        elif name == b"authorization":
            bearer = value
        elif name == b"host":
            host = value
    if address is not None and address.is_loopback and not _is_ours(host):
        address = None
    if bearer is None:
        return Caller(address)
    token = find_token(bearer, tokens)
    return Caller(address, token, forged=token is None)


def find_token(authorization: bytes, tokens: Mapping[str, Token]) -> Token | None:
    """Whose token an ``Authorization`` header shows. All known ones are compared, each in constant time."""
    scheme, _, secret = authorization.partition(b" ")
    if scheme.lower() != b"bearer":
        return None
    shown = hashlib.sha256(secret.strip()).hexdigest()
    found = [token for known, token in tokens.items() if hmac.compare_digest(known, shown)]
    return found[0] if found else None


def parse_address(text: str) -> ClientAddress | None:
    """An address, IPv4 also where the socket shows it inside IPv6; None when it is none (a test, a UNIX socket)."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def caller(request: Request) -> Caller:
    """Who is asking, as a FastAPI dependency.

    Raises:
        HTTPException: A token was shown that nobody has.
    """
    found = caller_of(request.scope, _trust_of(request).tokens)
    if found.forged:
        raise HTTPException(401, "This token is not known.", {"www-authenticate": "Bearer"})
    return found


def may_look(request: Request, who: Annotated[Caller, Depends(caller)]) -> None:
    """Let pass who may see the fleet: by token, from this machine, or from a network of the dashboard's."""
    if who.may(LOOKS) or who.is_loopback:
        return
    if who.address is None or not _trust_of(request).may_look(who.address):
        raise HTTPException(403, "To look, show a token, or come from this machine or one of the dashboard_networks.")


def may_operate(who: Annotated[Caller, Depends(caller)]) -> Token:
    """Let pass operators, by token only."""
    return _holder(who, OPERATES, "an operator's or approver's")


def may_approve(who: Annotated[Caller, Depends(caller)]) -> Token:
    """Let pass approvers, by token only."""
    return _holder(who, APPROVES, "an approver's")


def _trust_of(request: Request) -> Trust:
    trust: Trust = request.app.state.trust
    return trust


def _holder(who: Caller, roles: frozenset[Access], whose: str) -> Token:
    if who.token is None or not who.may(roles):
        status = 403 if who.token else 401
        raise HTTPException(status, f"This needs {whose} token.", {"www-authenticate": "Bearer"})
    return who.token


def _is_ours(host: bytes | None) -> bool:
    """Whether a ``Host`` header names this machine in a way that no web page elsewhere can make it."""
    if host is None:
        return True
    text = host.decode("latin-1")
    name = text[1:].partition("]")[0] if text.startswith("[") else text.partition(":")[0]
    return name == "localhost" or parse_address(name) is not None
