"""OpenAPI of all that is answered: schemas, refusals, and the fast path's addresses, which FastAPI does not know."""

from functools import cache
from typing import Any

from fastapi import FastAPI

from ..model.machine import InstallStatus
from ..render.schemas import components
from .responses import JSON, YAML

Responses = dict[int | str, dict[str, Any]]

PLAIN = {"text/plain": {"schema": {"type": "string"}}}
BINARY = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}


def json_of(component: str) -> dict[str, Any]:
    """JSON content, as a component of ``render.schemas`` describes it."""
    return {JSON: {"schema": {"$ref": f"#/components/schemas/{component}"}}}


def answers(content: dict[str, Any], text: str = "OK") -> Responses:
    """200 with some content."""
    return {200: {"description": text, "content": content}}


NOT_CHANGED: Responses = {304: {"description": "Nothing has changed since the answer with the ETag that was shown."}}

_WHY = {
    400: "Bad input; the text names the field. Nothing was changed.",
    401: "No token where one is needed, or one that is not known",
    403: "Not from there, or not with this token",
    404: "There is no such thing.",
    408: "It did not arrive in time.",
    409: "It makes no sense now; the text says why.",
    413: "Too long",
    503: "This cannot be answered just now; come back after Retry-After seconds.",
}


def refuses(*statuses: int, content: dict[str, Any] | None = None) -> Responses:
    """Some 4xx and 5xx: in the API's JSON, or with other content."""
    return {status: {"description": _WHY[status], "content": content or json_of("Refusal")} for status in statuses}


_REFUSALS = {
    "Refusal": {
        "title": "What the API says in place of an answer",
        "type": "object",
        "properties": {"detail": {"type": "string", "description": "what is wrong, and what to do"}},
        "required": ["detail"],
        "additionalProperties": False,
    },
    "OciRefusal": {
        "title": "What scripts that read OCI's JSON are told in place of an answer",
        "type": "object",
        "properties": {"status": {"const": "error"}, "message": {"type": "string"}},
        "required": ["status", "message"],
        "additionalProperties": False,
    },
}


def _query(name: str, text: str, *, required: bool = False, values: tuple[str, ...] = ()) -> dict[str, Any]:
    schema = {"type": "string", **({"enum": list(values)} if values else {})}
    return {"name": name, "in": "query", "required": required, "description": text, "schema": schema}


def _by_status(*some: Responses) -> dict[str, Any]:
    return {str(status): response for responses in some for status, response in responses.items()}


_REPORT = {
    "summary": "Take a hardware report",
    "description": "From trusted networks. Answered once the report is on disk.",
    "requestBody": {"required": True, "content": {JSON: {"schema": {"type": "object"}}}},
    "responses": _by_status(
        answers({"text/plain": {"schema": {"const": "Ok"}}}),
        refuses(400, 403, 408, 409, 413, 503, content=PLAIN),
    ),
}
_STATUS = {
    "summary": "Take a machine's word on how far it is",
    "description": "From trusted networks and the nodes' own. Without a serial the machine is told by its address.",
    "parameters": [
        _query("status", "how far it is", required=True, values=tuple(InstallStatus)),
        _query("chassis-serial", "which machine"),
        _query("ipaddr", "its own address, where NAT may hide it"),
    ],
    "responses": _by_status(
        answers({"text/plain": {"schema": {"const": ""}}}, "Taken; there is no text."),
        refuses(400, 403, 404, 409, 503, content=PLAIN),
    ),
}
_CLASSES = {
    "type": "object",
    "properties": {
        "classes": {
            "type": "object",
            "description": "class name -> parameters; lower case and underscores, as Puppet has them",
            "additionalProperties": {"type": "object"},
        }
    },
    "required": ["classes"],
    "additionalProperties": False,
}
_ENC = {
    "summary": "A node's Puppet classes",
    "description": "Holds secrets: for Puppet servers, the node itself, and tokens of role puppet or operator.",
    "parameters": [{"name": "hostname", "in": "path", "required": True, "schema": {"type": "string"}}],
    "responses": _by_status(
        answers({YAML: {"schema": _CLASSES}}, "An ENC document"), refuses(401, 403, 404, 503, content=PLAIN)
    ),
}
_ENVELOPE = {
    "type": "object",
    "properties": {
        "status": {"const": "success"},
        "message": {"type": "string"},
        "data": {"type": "string", "description": "the ENC document as YAML"},
    },
    "required": ["status", "message", "data"],
    "additionalProperties": False,
}
_OCI_API = {
    "summary": "A node's Puppet classes in OCI's envelope",
    "parameters": [
        _query("action", "only enc", required=True, values=("enc",)),
        _query("hostname", "which node", required=True),
    ],
    "responses": _by_status(
        answers({JSON: {"schema": _ENVELOPE}}), refuses(401, 403, 404, 503, content=json_of("OciRefusal"))
    ),
}

FAST_PATHS: dict[str, dict[str, Any]] = {
    "/v1/report": {"post": _REPORT},
    "/oci/report.php": {"post": _REPORT},
    "/v1/install-status": {"get": _STATUS},
    "/oci/install-status.php": {"get": _STATUS},
    "/v1/enc/{hostname}": {"get": _ENC},
    "/oci/api.php": {"get": _OCI_API},
}


def describe_whole(app: FastAPI) -> None:
    """Have the application's OpenAPI document tell of everything, once it is asked for."""
    made = app.openapi

    @cache
    def whole() -> dict[str, Any]:
        document = made()
        document["paths"] = FAST_PATHS | document["paths"]
        for methods in document["paths"].values():
            for operation in methods.values():
                operation["responses"].pop("422", None)  # FastAPI's own word; we answer 400
        parts = document.setdefault("components", {}).setdefault("schemas", {})
        for unused in ("HTTPValidationError", "ValidationError"):
            parts.pop(unused, None)
        parts |= components() | _REFUSALS
        return document

    app.openapi = whole  # type: ignore[method-assign]  # FastAPI's documented way to extend it
