"""OpenAPI tells of every answer; ``client`` holds it against each that any test here is given."""

from collections.abc import Iterator
from typing import Any

import pytest

from reconciler.model.machine import InstallStatus
from reconciler.server.openapi import FAST_PATHS

from .conftest import Client
from .promised import broken, document, operation_of
from .worlds import LOOPBACK, PUPPET, World, body

OPERATIONS = [(path, method) for path, methods in document()["paths"].items() for method in methods]

ASKED: dict[str, tuple[str, str]] = {
    "/v1/enc/{hostname}": (PUPPET, "/v1/enc/n1.example.com"),
    "/oci/api.php": (PUPPET, "/oci/api.php?action=enc&hostname=n1.example.com"),
    "/v1/install-status": (PUPPET, "/v1/install-status?status=live&chassis-serial=7XK9Z01"),
    "/oci/install-status.php": (PUPPET, "/oci/install-status.php?status=live&chassis-serial=7XK9Z01"),
    "/v1/machines/{serial}": (LOOPBACK, "/v1/machines/2S2JG007"),
    "/v1/machines/{serial}/statement": (LOOPBACK, "/v1/machines/2S2JG008/statement"),
}
"""Whom to come from, and what to ask, where that is not the address itself from this machine."""


def empty(schema: Any) -> bool:
    """Whether a schema says nothing, of itself or by what it refers to: an object or list without what is in it."""
    if isinstance(schema, dict) and (name := schema.get("$ref")):
        schema = document()["components"]["schemas"].get(name.rpartition("/")[2])
    if not schema or not schema.keys() & {"type", "const", "enum", "anyOf", "oneOf", "allOf", "properties"}:
        return True
    inside = {"object": ("properties", "additionalProperties"), "array": ("items", "prefixItems")}
    return schema.get("type") in inside and not any(schema.get(key) for key in inside[schema["type"]])


@pytest.mark.parametrize(
    ("schema", "nothing"),
    [
        ({}, True),
        ({"type": "object"}, True),
        ({"type": "object", "additionalProperties": {}}, True),
        ({"type": "array"}, True),
        ({"$ref": "#/components/schemas/Clusters"}, False),
        ({"type": "array", "items": {"type": "string"}}, False),
        ({"type": "string"}, False),
    ],
)
def test_a_schema_that_says_nothing_is_empty(schema: Any, nothing: bool) -> None:
    assert empty(schema) is nothing


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_every_answer_has_a_schema(path: str, method: str) -> None:
    responses = document()["paths"][path][method]["responses"]
    assert "422" not in responses, "FastAPI's word for what we answer 400"
    for status, response in responses.items():
        contents = response.get("content", {})
        assert contents or status in ("204", "304"), f"{status} has no content"
        assert [kind for kind, content in contents.items() if empty(content.get("schema"))] == [], status


def references(value: Any) -> Iterator[str]:
    match value:
        case dict():
            yield from ([value["$ref"]] if isinstance(value.get("$ref"), str) else [])
            for inner in value.values():
                yield from references(inner)
        case list():
            for inner in value:
                yield from references(inner)


def test_every_reference_leads_to_a_component_and_every_component_is_referred_to() -> None:
    there = {f"#/components/schemas/{name}" for name in document()["components"]["schemas"]}
    assert set(references(document())) == there


@pytest.mark.parametrize(
    "path", [path for path, method in OPERATIONS if method == "get" and not {"boot", "ipxe.php"} & set(path.split("/"))]
)
async def test_real_answers_fit(world: World, client: Client, path: str) -> None:
    """Boot scripts and images have tests of their own, whose answers are held against OpenAPI as well."""
    await client().post("/v1/report", content=body("7XK9Z01"))
    address, asked = ASKED.get(path, (LOOPBACK, path))
    answer = await client(address).get(asked)
    assert answer.status_code == 200
    assert operation_of("get", answer.request.url.path) == (path, document()["paths"][path]["get"])


def test_an_answer_that_openapi_does_not_know_is_told() -> None:
    told = ("GET", "/v1/machines", 200, "application/json")
    assert broken(*told, b"[]") is None
    assert "is a required property" in (broken(*told, b'[{"serial": "A"}]') or "")
    assert "is not of type 'array'" in (broken(*told, b"{}") or "")
    assert "answered 418, and OpenAPI knows only" in (broken("GET", "/v1/plan", 418, "text/plain", b"") or "")
    assert "with text/html, and OpenAPI knows only" in (broken("GET", "/v1/plan", 200, "text/html", b"") or "")
    assert broken("GET", "/elsewhere", 418, "text/plain", b"") is None


def test_what_the_fast_path_answers_is_told_too() -> None:
    assert FAST_PATHS.keys() <= document()["paths"].keys()
    assert FAST_PATHS["/v1/install-status"]["get"]["parameters"][0]["schema"]["enum"] == list(InstallStatus)
