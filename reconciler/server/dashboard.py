"""``/``, a page per machine, and ``/docs``: for humans, rendered here, with nothing fetched from elsewhere."""

from typing import Any

from fastapi import APIRouter, Depends, HTTPException, Request, Response

from .auth import may_look
from .page_cache import machine_page_of, render
from .page_table import API, FLEET, MACHINE
from .ports import ServedHere

router = APIRouter(include_in_schema=False, dependencies=[Depends(may_look)])
_HTML = "text/html; charset=utf-8"


@router.get(FLEET.path)
def dashboard(request: Request, served: ServedHere) -> Response:
    """The fleet on one page; asked again every two seconds, so it answers 304 while nothing changed."""
    page = request.app.state.pages.of(served.fleet())
    headers = {"etag": page.etag, "cache-control": "no-cache", "x-generated-at": page.generated_at}
    if request.headers.get("if-none-match") == page.etag:
        return Response(status_code=304, headers=headers)
    return Response(page.html, media_type=_HTML, headers=headers)


@router.get(MACHINE.path)
def machine(served: ServedHere, serial: str) -> Response:
    """One machine: what it waits for, what it is, what happened to it."""
    page = machine_page_of(served, serial)
    if page is None:
        raise HTTPException(404, "No machine of that serial has reported.")
    return Response(render(MACHINE, machine=page), media_type=_HTML)


@router.get("/openapi.json")
def openapi(request: Request) -> dict[str, Any]:
    """The API's description."""
    description: dict[str, Any] = request.app.openapi()
    return description


@router.get(API.path)
def docs(request: Request) -> Response:
    """The API for reading: every address, and every schema."""
    return Response(render(API, api=request.app.openapi()), media_type=_HTML)
