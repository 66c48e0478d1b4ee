"""An HTTP answer as a value: made by plain functions, sent by whoever holds the connection."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

TEXT = "text/plain; charset=utf-8"
JSON = "application/json"
YAML = "application/yaml"


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, body and its type. ``result`` is a word for the metrics."""

    status: int
    body: bytes = b""
    content_type: str = TEXT
    result: str = "ok"
    headers: Mapping[str, str] = field(default_factory=dict)


def refused(status: int, why: str, result: str = "refused", headers: Mapping[str, str] | None = None) -> Answer:
    """A 4xx or 5xx with one plain sentence."""
    return Answer(status, why.encode() + b"\n", TEXT, result, headers or {})


def refused_as_oci(status: int, why: str, result: str = "refused") -> Answer:
    """An error for scripts that read OCI's JSON."""
    body = json.dumps({"status": "error", "message": why}).encode() + b"\n"
    return Answer(status, body, JSON, result)


def refused_as_json(status: int, why: str, result: str = "refused", headers: Mapping[str, str] | None = None) -> Answer:
    """An error for programs that use the API."""
    return Answer(status, json.dumps({"detail": why}).encode() + b"\n", JSON, result, headers or {})


def busy(why: str) -> Answer:
    """Come back in a moment: nothing of the request was kept."""
    return refused(503, why, "busy", {"retry-after": "5"})
