"""The few addresses that machines and Puppet ask all the time, answered before any framework is entered.

An ENC answer is a look-up and a write, a report a hash and a queue; routing and
validation of the full application would cost several times that. Everything else
falls through to it.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, unquote

from ..hardware.fields import MAX_BYTES
from ..model.errors import WORLD
from .auth import CLASSIFIES, Caller, caller_of
from .ingest import Ingest
from .metrics import Metrics
from .ports import NoDocument, Served, ServedDocument
from .responses import JSON, YAML, Answer, busy, refused, refused_as_oci

AsgiScope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[AsgiScope, Receive, Send], Awaitable[None]]

BODY_SECONDS = 20.0
"""For a whole report; the agent's curl sends its few kB at once."""

MAX_READ = 16 * 1024 * 1024
"""Bytes of a body that are read to refuse it politely; of a longer one the connection is cut."""

_ENC = "/v1/enc/"
_REPORTS = frozenset({"/v1/report", "/oci/report.php"})
_STATUSES = frozenset({"/v1/install-status", "/oci/install-status.php"})
_OCI_API = "/oci/api.php"

HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)


class Fast:
    """ASGI application in front of ``app``."""

    def __init__(self, served: Served, ingest: Ingest, metrics: Metrics, app: App) -> None:
        self.served = served
        self.ingest = ingest
        self.metrics = metrics
        self.app = app

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if scope.get("method") == "HEAD" and path not in _STATUSES:  # as GET; uvicorn leaves the body out
            scope = {**scope, "method": "GET"}
        if scope["type"] != "http" or not path.startswith(("/v1/", "/oci/")):
            await self.app(scope, receive, send)
        elif path.startswith(_ENC):
            await _send(send, self._get(scope) or self.enc(path[len(_ENC) :], self._caller(scope)))
        elif path == _OCI_API:
            await _send(send, self._get(scope) or self.oci_api(_query(scope), self._caller(scope)))
        elif path in _REPORTS:
            await _send(send, await self._report(scope, receive))
        elif path in _STATUSES:
            await _send(send, self._get(scope) or await self._status(scope))
        else:
            await self.app(scope, receive, send)

    def enc(self, hostname: str, caller: Caller) -> Answer:
        """A node's classes as YAML."""
        found = self._find(hostname, caller)
        if isinstance(found, tuple):
            return self._counted(refused(*found))
        return self._counted(Answer(200, found.yaml, YAML, headers=_age(found)))

    def oci_api(self, query: dict[str, str], caller: Caller) -> Answer:
        """A node's document in OCI's envelope. Its other actions are not ours."""
        if query.get("action") != "enc":
            return refused_as_oci(404, "Of OCI's actions only action=enc is answered here.")
        found = self._find(query.get("hostname", ""), caller)
        if isinstance(found, tuple):
            return self._counted(refused_as_oci(*found))
        return self._counted(Answer(200, found.as_oci, JSON, headers=_age(found)))

    def _find(self, hostname: str, caller: Caller) -> ServedDocument | tuple[int, str, str]:
        """The document, or status, sentence and word for the metrics.

        Who may not ask learns nothing, not even which hostnames exist.
        """
        if caller.forged:
            return 401, "This token is not known.", "refused"
        for_all, own = self._classifies(caller), str(caller.address)
        if not for_all and not self.served.may_be(hostname, own):
            return _STRANGER
        found = self.served.enc(hostname)
        if not for_all and (found is None or found.address != own):
            return _STRANGER
        match found:
            case None:
                return 404, f"No node is called {_shown(hostname)}.", "unknown"
            case NoDocument(because=because):
                return 503, f"The classes of {_shown(hostname)} cannot be given: {because}", "unavailable"
            case document:
                return document

    def _classifies(self, caller: Caller) -> bool:
        """Whether the caller may ask for any node's classes."""
        known = caller.address is not None and self.served.trust.is_puppet_server(caller.address)
        return known or caller.may(CLASSIFIES)

    def _counted(self, answer: Answer) -> Answer:
        self.metrics.enc(answer.result)
        return answer

    async def _report(self, scope: AsgiScope, receive: Receive) -> Answer:
        """The answer to a machine's report. A refused caller's body is read too, unless the caller waits to send it."""
        if scope["method"] != "POST":
            return _not_allowed("POST")
        caller = self._caller(scope)
        answer = self.ingest.refusal(caller, _announced(scope))
        if answer is None or not _waits_to_send(scope):
            try:
                async with asyncio.timeout(BODY_SECONDS):
                    body = await _body(receive)
            except TimeoutError:
                answer = answer or refused(408, f"The report did not arrive within {BODY_SECONDS:.0f} s.", "slow")
            else:
                answer = answer or (await self._take(body, caller) if body is not None else _GONE)
        self.metrics.report(answer.result)
        # What of the body was not read must not be taken for the next request.
        return answer if answer.status in (200, 503) else replace(answer, headers={"connection": "close"})

    async def _take(self, body: bytes, caller: Caller) -> Answer:
        try:
            return await self.ingest.report(body, caller)
        except WORLD as error:  # the callers are machines, which come again
            return busy(f"{error}; come back in a few seconds.")

    async def _status(self, scope: AsgiScope) -> Answer:
        query, caller = _query(scope), self._caller(scope)
        try:
            answer = await self.ingest.status(
                query.get("status"), query.get("chassis-serial"), query.get("ipaddr"), caller
            )
        except WORLD as error:  # the callers are machines, which come again
            answer = busy(f"{error}; come back in a few seconds.")
        self.metrics.status(answer.result)
        return answer

    def _caller(self, scope: AsgiScope) -> Caller:
        return caller_of(scope, self.served.trust.tokens)

    @staticmethod
    def _get(scope: AsgiScope) -> Answer | None:
        return None if scope["method"] == "GET" else _not_allowed("GET")


_STRANGER = 403, "Only the Puppet servers may ask for any node's classes, and a node for its own.", "refused"

AS_OF = "x-reconciler-as-of"
"""Of an answer that comes from the copy on disk: when it last was the one to give out."""


def _age(document: ServedDocument) -> dict[str, str]:
    return {AS_OF: document.as_of.isoformat()} if document.as_of else {}


_GONE = refused(400, "The client left before the whole report had arrived.", "gone")


def _not_allowed(method: str) -> Answer:
    return refused(405, f"Only {method} is answered here.", headers={"allow": method})


def _query(scope: AsgiScope) -> dict[str, str]:
    """The query's parameters; of one given twice the last, as PHP does. A heap of them counts as none."""
    try:
        return dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True, max_num_fields=16))
    except ValueError:
        return {}


def _announced(scope: AsgiScope) -> int | None:
    """The body's length as the client announced it."""
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value[:12])
    return None


async def _body(receive: Receive) -> bytes | None:
    """The whole body, or just more of it than a report may have; None when the client left half-way.

    What is too much is read too, and let go: who is still sending would see a broken connection in place of an answer.
    """
    found = bytearray()
    came, more = 0, True
    while more and came <= MAX_READ:
        message = await receive()
        if message["type"] != "http.request":
            return None
        part = message.get("body", b"")
        found += part[: max(0, MAX_BYTES + 1 - len(found))]
        came += len(part)
        more = message.get("more_body", False)
    return bytes(found)


def _waits_to_send(scope: AsgiScope) -> bool:
    """Whether the client sends its body only once it is told to go on."""
    return any(name == b"expect" for name, _ in scope["headers"])


def _shown(name: str) -> str:
    """What the caller sent, short and without control characters."""
    return "".join(letter if letter.isprintable() else "?" for letter in unquote(name)[:80]) or "(no name)"


async def _send(send: Send, answer: Answer) -> None:
    headers = [
        (b"content-type", answer.content_type.encode()),
        (b"content-length", str(len(answer.body)).encode()),
        *HEADERS,
        *((name.encode(), value.encode()) for name, value in answer.headers.items()),
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
