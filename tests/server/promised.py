"""What OpenAPI promises of answers, held against those that were given."""

import json
import re
from functools import cache
from typing import Any

import jsonschema
import yaml

from .worlds import World

UNTOLD = {405, 500}
"""Statuses that any address may answer, and OpenAPI tells of none: another method is asked for; a bug of ours."""


@cache
def document() -> dict[str, Any]:
    """The OpenAPI document, the same for every application."""
    made: dict[str, Any] = World().app.app.openapi()  # what the fast path stands before
    return made


def operation_of(method: str, path: str) -> tuple[str, dict[str, Any]] | None:
    """The address as OpenAPI has it, and what it says of that method there; the one with the fewest parameters."""
    found = [
        (template.count("{"), template, methods[method])
        for template, methods in document()["paths"].items()
        if method in methods and re.fullmatch(re.sub(r"\{\w+\}", "[^/]*", template), path)
    ]
    return min(found)[1:] if found else None


def broken(method: str, path: str, status: int, content_type: str, body: bytes) -> str | None:
    """Which promise of OpenAPI an answer breaks, in a sentence; None: none, or the address is not a promised one."""
    promised = operation_of("get" if method == "HEAD" else method.lower(), path)
    if promised is None or status in UNTOLD:
        return None
    template, operation = promised
    answer = f"{method} {path} answered {status}"
    told = operation["responses"].get(str(status))
    if told is None:
        return f"{answer}, and OpenAPI knows only {', '.join(operation['responses'])} of {template}"
    contents, kind = told.get("content", {}), content_type.partition(";")[0]
    if not contents:
        return f"{answer} with {len(body)} bytes, and OpenAPI knows of none" if body else None
    if kind not in contents:
        return f"{answer} with {kind}, and OpenAPI knows only {', '.join(contents)}"
    if method == "HEAD":
        return None
    error = jsonschema.exceptions.best_match(
        _validator(json.dumps(contents[kind]["schema"])).iter_errors(_read(kind, body))
    )
    return f"{answer}, and at {error.json_path}: {error.message}" if error else None


def _read(kind: str, body: bytes) -> Any:
    if kind == "application/json":
        return json.loads(body)
    return yaml.safe_load(body) if kind == "application/yaml" else body.decode(errors="replace")


@cache
def _validator(schema: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator({**json.loads(schema), "components": document()["components"]})
