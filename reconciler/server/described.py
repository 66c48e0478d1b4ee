"""OpenAPI for the addresses that the fast path answers, so that the documentation is whole."""

from typing import Any

from fastapi import FastAPI

_TEXT = {"content": {"text/plain": {"schema": {"type": "string"}}}}
_REFUSALS = {
    "400": {"description": "Bad input; the text names the field. Nothing was changed.", **_TEXT},
    "403": {"description": "Not from there.", **_TEXT},
    "503": {"description": "Too much is waiting; come back after Retry-After seconds.", **_TEXT},
}


def _query(name: str, text: str, *, required: bool = False, values: tuple[str, ...] = ()) -> dict[str, Any]:
    schema = {"type": "string", **({"enum": list(values)} if values else {})}
    return {"name": name, "in": "query", "required": required, "description": text, "schema": schema}


_REPORT = {
    "summary": "Take a hardware report",
    "description": "From trusted networks. Answered once the report is on disk.",
    "requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}},
    "responses": {
        "200": {"description": "Exactly Ok", **_TEXT},
        "409": {"description": "Another machine has this serial; both are held.", **_TEXT},
        "413": {"description": "Too long", **_TEXT},
        **_REFUSALS,
    },
}
_STATUSES = ("live", "installing", "installed", "firstboot", "puppet-running", "puppet-success", "puppet-failure")
_STATUS = {
    "summary": "Take a machine's word on how far it is",
    "description": "From trusted networks and the nodes' own. Without a serial the machine is told by its address.",
    "parameters": [
        _query("status", "how far it is", required=True, values=_STATUSES),
        _query("chassis-serial", "which machine"),
        _query("ipaddr", "its own address, where NAT may hide it"),
    ],
    "responses": {
        "200": {"description": "Taken; no text"},
        "404": {"description": "No such machine", **_TEXT},
        **_REFUSALS,
    },
}
_ENC_REFUSALS = {
    "403": {"description": "Neither a Puppet server, nor the node itself, nor a token for it", **_TEXT},
    "404": {"description": "No such node", **_TEXT},
    "503": {"description": "Its classes cannot be given, and why", **_TEXT},
}
_ENC = {
    "summary": "A node's Puppet classes",
    "description": "Holds secrets: for Puppet servers, the node itself, and tokens of role puppet or operator.",
    "parameters": [{"name": "hostname", "in": "path", "required": True, "schema": {"type": "string"}}],
    "responses": {"200": {"description": "ENC document", "content": {"application/yaml": {}}}, **_ENC_REFUSALS},
}
_OCI_API = {
    "summary": "A node's Puppet classes in OCI's envelope",
    "parameters": [
        _query("action", "only enc", required=True, values=("enc",)),
        _query("hostname", "which node", required=True),
    ],
    "responses": {
        "200": {
            "description": "status, message and data, the ENC document as YAML",
            "content": {"application/json": {}},
        },
        **_ENC_REFUSALS,
    },
}

FAST_PATHS: dict[str, dict[str, Any]] = {
    "/v1/report": {"post": _REPORT},
    "/oci/report.php": {"post": _REPORT},
    "/v1/install-status": {"get": _STATUS},
    "/oci/install-status.php": {"get": _STATUS},
    "/v1/enc/{hostname}": {"get": _ENC},
    "/oci/api.php": {"get": _OCI_API},
}


def add_fast_paths(app: FastAPI) -> None:
    """Let the application's OpenAPI document speak of them too."""
    made = app.openapi

    def whole() -> dict[str, Any]:
        document = made()
        document["paths"] = FAST_PATHS | document["paths"]
        return document

    app.openapi = whole  # type: ignore[method-assign]  # FastAPI's documented way to extend it
