"""``/v1/...``: the fleet for programs, and what operators may decide. Also health and metrics."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from fastapi.responses import PlainTextResponse, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from ..execution.seam import offload
from ..model.observations import Occurrence
from ..render.json_text import json_bytes
from ..render.machines import rows_of
from ..render.observation import pieces_of
from ..render.rings import ring_rows
from ..render.rows import ClusterRow, MachinePage, MachineRow, RingRow
from .auth import Token, may_approve, may_look, may_operate
from .metrics import CONTENT_TYPE
from .openapi import NOT_CHANGED, PLAIN, answers, json_of, refuses
from .page_cache import machine_page_of
from .ports import ApprovalWord, NotPossibleError, ServedHere
from .responses import JSON

router = APIRouter()
look = [Depends(may_look)]
_Operator = Annotated[Token, Depends(may_operate)]
_Approver = Annotated[Token, Depends(may_approve)]
_LOOKING = refuses(401, 403)
_DECIDING = refuses(400, 401, 403, 404, 409, 413, 503)


class Body(BaseModel):
    """What an operator sends: unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, str_strip_whitespace=True)

    why: str = Field(min_length=3, max_length=1000, description="for the record, and for colleagues")


class Approval(Body):
    """A word for one action on one machine, as it was shown."""

    action: str = Field(pattern=r"^[a-z_]{1,40}$", description="the machine's needs_approval")
    generation: int = Field(ge=0, description="the machine's generation; of an older one nothing is approved")
    covers: str | None = Field(
        default=None,
        pattern=r"^[0-9a-f]{32}$",
        description="digest of the statement that was shown: if another one is asked by now, nothing is approved",
    )
    signature: str | None = Field(
        default=None,
        max_length=20_000,
        description="of the statement, as `ssh-keygen -Y sign -n reconciler-approval` makes it",
    )


class Scope(Body):
    """What is paused or resumed."""

    scope: str = Field(
        pattern=r"^(fleet|cluster:[A-Za-z0-9._-]{1,253}|machine:[A-Za-z0-9 ._-]{1,64})$",
        description="fleet, cluster:NAME or machine:SERIAL",
    )


@router.get(
    "/v1/fleet",
    dependencies=look,
    summary="Everything the dashboard shows",
    responses=answers(json_of("Fleet")) | NOT_CHANGED | _LOOKING,
)
def fleet(request: Request, served: ServedHere) -> Response:
    """Carries an ETag, so that polling costs nothing while nothing changes."""
    page = request.app.state.pages.of(served.fleet())
    headers = {"etag": page.etag, "cache-control": "no-cache", "x-generated-at": page.generated_at}
    if request.headers.get("if-none-match") == page.etag:
        return Response(status_code=304, headers=headers)
    return Response(page.json, media_type=JSON, headers=headers)


@router.get(
    "/v1/machines",
    dependencies=look,
    summary="All machines, or those of a cluster, role or phase",
    responses=answers(json_of("Machines")) | _LOOKING,
)
def machines(
    served: ServedHere, cluster: str | None = None, role: str | None = None, phase: str | None = None
) -> Response:
    """One flat object per machine."""
    asked = (
        one
        for one in served.fleet().machines
        if cluster in (None, one.cluster) and role in (None, one.role) and phase in (None, one.phase)
    )
    observed = served.observation()
    rows = rows_of(asked, observed, served.gates()) if observed else []
    return Response(json_bytes(list[MachineRow], rows), media_type=JSON)


@router.get(
    "/v1/machines/{serial}",
    dependencies=look,
    summary="All that is known of one machine",
    responses=answers(json_of("Machine")) | _LOOKING | refuses(404),
)
def machine(served: ServedHere, serial: str) -> Response:
    """Its row, its last events, and all that plans are made from: what it reported, was given, and its history."""
    page = machine_page_of(served, serial)
    if page is None:
        raise HTTPException(404, "No machine of that serial has reported.")
    return Response(json_bytes(MachinePage, page), media_type=JSON)


@router.get(
    "/v1/rings",
    dependencies=look,
    summary="Swift's rings, and which nodes have others",
    responses=answers(json_of("Rings")) | _LOOKING,
)
def rings(served: ServedHere) -> Response:
    """One flat object for each ring of each cluster."""
    observed = served.observation()
    return Response(json_bytes(list[RingRow], ring_rows(observed) if observed else []), media_type=JSON)


@router.get(
    "/v1/clusters",
    dependencies=look,
    summary="All clusters and what they lack",
    responses=answers(json_of("Clusters")) | _LOOKING,
)
def clusters(served: ServedHere) -> Response:
    """One flat object for each role of each cluster."""
    return Response(json_bytes(tuple[ClusterRow, ...], served.fleet().clusters), media_type=JSON)


@router.get(
    "/v1/plan",
    dependencies=look,
    summary="The latest plan",
    responses=answers(json_of("Plan")) | _LOOKING | refuses(503),
)
def plan(served: ServedHere) -> Response:
    """The plan in the form that ``reconciler plan --format json`` prints."""
    found = served.plan_json()
    if found is None:
        raise HTTPException(503, "There is no plan yet.", {"retry-after": "5"})
    return Response(found, media_type=JSON)


@router.get(
    "/v1/observation",
    dependencies=look,
    summary="What the latest plan was made from",
    responses=answers(json_of("SavedObservation")) | _LOOKING | refuses(503),
)
def observation(served: ServedHere) -> Response:
    """The observation that ``reconciler observe`` writes and ``reconciler plan --server`` asks for, without secrets."""
    found = served.observation()
    if found is None:
        raise HTTPException(503, "There is no plan yet.", {"retry-after": "5"})
    return StreamingResponse(pieces_of(found), media_type=JSON)


@router.get(
    "/v1/events",
    dependencies=look,
    summary="History, oldest first",
    responses=answers(json_of("Events")) | _LOOKING | refuses(400, 503),
)
def events(
    served: ServedHere,
    after: Annotated[int, Query(ge=0, lt=2**63, description="the last position you have")] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> Response:
    """Ask again with the last position to follow it."""
    return Response(json_bytes(list[Occurrence], served.events(after, limit)), media_type=JSON)


@router.post(
    "/v1/machines/{serial}/approve", status_code=204, summary="Approve what a machine waits for", responses=_DECIDING
)
async def approve(served: ServedHere, who: _Approver, serial: str, body: Approval) -> None:
    """Needs an approver's token. Where the site demands it, the statement has to be signed, and its signer approves."""
    word = ApprovalWord(body.action, body.generation, body.why, body.covers, body.signature)
    await _decide(served.operators.approve, serial, word, who.name)


@router.get(
    "/v1/machines/{serial}/statement",
    dependencies=look,
    summary="What a machine waits for somebody to approve",
    response_class=PlainTextResponse,
    responses=_LOOKING | refuses(404, 409, 503),
)
async def statement(served: ServedHere, serial: str) -> Response:
    """The facts that an approval would cover, a line for each; these very bytes are what is signed."""
    text = await _decide(served.operators.statement, serial)
    if text is None:
        raise HTTPException(404, "This machine waits for no approval.")
    return Response(text, media_type="text/plain")


@router.post(
    "/v1/machines/{serial}/retry", status_code=204, summary="Forget failures and try again now", responses=_DECIDING
)
async def retry(served: ServedHere, who: _Operator, serial: str, body: Body) -> None:
    """Needs an operator's token."""
    await _decide(served.operators.retry, serial, who.name, body.why)


@router.post("/v1/pause", status_code=204, summary="Do nothing more in a scope", responses=_DECIDING)
async def pause(served: ServedHere, who: _Operator, body: Scope) -> None:
    """What has begun is finished. Needs an operator's token."""
    await _decide(served.operators.pause, body.scope, who.name, body.why)


@router.post("/v1/resume", status_code=204, summary="End a pause", responses=_DECIDING)
async def resume(served: ServedHere, who: _Operator, body: Scope) -> None:
    """Needs an operator's token."""
    await _decide(served.operators.resume, body.scope, who.name, body.why)


@router.get("/healthz", summary="Whether this process works", response_class=PlainTextResponse)
def healthz() -> Response:
    """For whoever would restart it: 200 whenever this process answers. What does not work, ``/readyz`` says."""
    return Response("ok\n", media_type="text/plain")


@router.get(
    "/readyz",
    summary="Whether answers are worth having",
    response_class=PlainTextResponse,
    responses=refuses(503, content=PLAIN),
)
def readyz(request: Request, served: ServedHere) -> Response:
    """For load balancers: 503, a line per reason, until the first plan is made and while anything is wrong.

    That nothing may be begun is such a reason. A 200 says what else to know.
    """
    reasons = list(served.unready())
    if not reasons and not request.app.state.ingest.is_writing:
        reasons.append("nothing that machines say is written down")
    lines = reasons or ["ready", *served.remarks()]
    return Response("\n".join(lines) + "\n", 503 if reasons else 200, media_type="text/plain")


@router.get(
    "/metrics",
    dependencies=look,
    summary="For Prometheus",
    response_class=PlainTextResponse,
    responses=refuses(401, 403, content=PLAIN),
)
def metrics(request: Request, served: ServedHere) -> Response:
    """Text format 0.0.4."""
    return Response(request.app.state.metrics.render(served.fleet()), media_type=CONTENT_TYPE)


async def _decide(decision: Any, *arguments: object) -> Any:
    try:
        return await offload(decision, *arguments)
    except LookupError as error:
        raise HTTPException(404, str(error.args[0]) if error.args else "There is no such machine.") from None
    except NotPossibleError as error:
        raise HTTPException(409, str(error)) from None
