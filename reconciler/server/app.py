"""The application: API, health, metrics and dashboard in FastAPI, with the fast path in front."""

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from ..model.errors import PermanentError, TemporaryError
from . import api, boot, dashboard, openapi, webhooks
from .hot_paths import App, Fast
from .ingest import Ingest
from .metrics import Metrics
from .page_cache import HERE, Pages
from .ports import Served
from .responses import Answer, refused, refused_as_json

CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": CONTENT_POLICY,
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}

MAX_BODY = 16 * 1024
"""Bytes of an operator's request. Reports have their own limit, in the fast path."""


def create_app(served: Served, ingest: Ingest, metrics: Metrics) -> App:
    """The ASGI application. ``ingest`` must have been started before a report can be answered."""
    app = FastAPI(title="OpenStack Cluster Reconciler", version="1", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.served = served
    app.state.trust = served.trust
    app.state.metrics = metrics
    app.state.ingest = ingest
    app.state.pages = Pages()
    app.include_router(dashboard.router)
    app.include_router(api.router)
    app.include_router(boot.router)
    app.include_router(webhooks.router)
    app.mount("/static", StaticFiles(directory=HERE / "static"), name="static")
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(TemporaryError, _away)
    app.add_exception_handler(PermanentError, _away)
    app.add_exception_handler(Exception, _bug)
    app.middleware("http")(_guard)
    openapi.describe_whole(app)
    metrics.watch_queue(lambda: ingest.waiting)
    return Fast(served, ingest, metrics, app)


def response_of(answer: Answer) -> Response:
    """A framework's response."""
    return Response(answer.body, answer.status, dict(answer.headers), answer.content_type)


def _refusing(request: Request) -> Callable[..., Answer]:
    """How this address says no: the API in JSON, what machines and people read in plain text."""
    path = request.url.path
    return refused_as_json if path.startswith("/v1/") and not path.startswith("/v1/boot/") else refused


async def _guard(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """No long bodies in, safe headers out."""
    length = request.headers.get("content-length", "0")
    most = webhooks.MAX_BODY if request.url.path.startswith("/v1/hooks/") else MAX_BODY
    if "transfer-encoding" in request.headers or not length.isdigit() or int(length[:12]) > most:
        response = response_of(
            _refusing(request)(413, f"A request may have {most} bytes, announced by Content-Length.")
        )
    else:
        response = await call_next(request)
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("cache-control", "no-store")
    return response


async def _http_error(request: Request, error: Any) -> Response:
    return response_of(_refusing(request)(error.status_code, str(error.detail), headers=error.headers))


async def _invalid(request: Request, error: Any) -> Response:
    """Every problem with its field; what was sent is not sent back."""
    problems = "; ".join(f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in error.errors())
    return response_of(_refusing(request)(400, problems, "invalid"))


async def _away(request: Request, error: Exception) -> Response:
    """What the answer would have come from, or gone to, does not work: a database that is away, a disk that is full."""
    return response_of(_refusing(request)(503, str(error), "unavailable", {"retry-after": "5"}))


async def _bug(request: Request, error: Exception) -> Response:
    """The traceback goes to our log, never to the caller."""
    return response_of(_refusing(request)(500, "This is a bug in reconciler; its log says more.", "bug", HEADERS))
