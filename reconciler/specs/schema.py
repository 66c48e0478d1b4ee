"""JSON Schemas of the spec language, one per kind and one for all, for editors and for checks outside of Python."""

import json
from typing import Any

from ..model.kinds import KINDS, Strict
from ..model.kinds.base import PATTERNS, Label, Name, Serial, pattern_of
from ..model.settings import SettingRow, SettingsTable
from .loader import API_VERSION

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_NAMES = {"Machine": (Serial, "2S2JGM2"), "Cluster": (Name, "cl1"), "Role": (Name, "bastion")}
_SPEC_LEVEL = {"FleetSpec": "fleet", "ClusterSpec": "cluster", "RolePool": "role"} | {
    "HardwareProfileSpec": "profile",
    "MachineSpec": "machine",
}
"""Which models have settings, and at what level of the table."""

_JSON_TYPES = {"boolean": "boolean", "int": "integer", "float": "number", "string": "string", "choice": "string"}


def schemas(table: SettingsTable | None = None) -> dict[str, str]:
    """File name -> JSON text of every schema of the spec language, and of the problems that are found in it.

    With ``table``, each level's settings are spelt out with their help; without, any setting is let through.
    """
    documents = {kind: _document(kind, model, table or {}) for kind, model in KINDS.items()}
    found = {f"{file_name(kind)}.json": _text(schema) for kind, schema in documents.items()}
    return {**found, "all.json": _text(_any_of(documents)), "diagnostics.json": _text(_DIAGNOSTICS)}


def file_name(kind: str) -> str:
    """``HardwareProfile`` -> ``hardware-profile``."""
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in kind).removeprefix("-")


def _document(kind: str, model: type[Strict], table: SettingsTable) -> dict[str, Any]:
    """The JSON Schema of a kind's documents, with the settings that may be written at each level of it.

    Args:
        kind: As documents name it.
        model: Of its spec.
        table: The settings.
    """
    spec = model.model_json_schema(by_alias=True, ref_template=f"#/$defs/{kind}.{{model}}")
    definitions = {f"{kind}.{name}": definition for name, definition in spec.pop("$defs", {}).items()}
    definitions[f"{kind}.{model.__name__}"] = spec
    for definition_name, definition in definitions.items():
        level = _SPEC_LEVEL.get(definition_name.removeprefix(f"{kind}."))
        if level is not None:
            definition["properties"]["settings"] |= _settings(table, level)
        _tidy(definition)
    needed = ["apiVersion", "kind", "metadata", *(["spec"] if spec.get("required") else [])]
    return {
        "$schema": _DIALECT,
        "title": kind,
        "description": spec.get("description", ""),
        "type": "object",
        "additionalProperties": False,
        "required": needed,
        "properties": {
            "apiVersion": {"const": API_VERSION},
            "kind": {"const": kind},
            "metadata": _metadata(kind),
            "spec": {"$ref": f"#/$defs/{kind}.{model.__name__}"}
            if spec.get("required")
            else {"anyOf": [{"$ref": f"#/$defs/{kind}.{model.__name__}"}, {"type": "null"}]},
        },
        "$defs": definitions,
    }


def _metadata(kind: str) -> dict[str, Any]:
    annotated, example = _NAMES.get(kind, (Label, "example"))
    pattern = pattern_of(annotated)
    name = {"type": "string", "pattern": pattern, "description": f"{PATTERNS[pattern]}; unique per kind"}
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["name"],
        "properties": {"name": {**name, "examples": [example]}},
    }


def _settings(table: SettingsTable, level: str) -> dict[str, Any]:
    rows = {name: _setting(row) for name, row in table.items() if level in row.levels}
    return {"additionalProperties": False, "properties": rows} if rows else {}


def _setting(row: SettingRow) -> dict[str, Any]:
    """The JSON Schema of a setting's value. The default of a secret is not in it."""
    text: dict[str, Any] = {"type": "string"} | ({"pattern": f"^(?:{row.pattern})$"} if row.pattern else {})
    found: dict[str, Any] = {"type": _JSON_TYPES.get(row.type, "string")}
    if row.type == "list":
        found = {"type": "array", "items": text}
    elif row.type == "string":
        found = text
    elif row.type == "choice":
        found["enum"] = list(row.choices)
    for keyword, bound in (("minimum", row.min), ("maximum", row.max)):
        if bound is not None:
            found[keyword] = int(bound) if bound == int(bound) else bound
    if row.default is not None and not row.secret:
        found["default"] = list(row.default) if isinstance(row.default, tuple) else row.default
    return {"description": f"{row.help}{f' In {row.unit}.' if row.unit else ''}", **found}


def _tidy(schema: Any) -> None:
    """Drop the titles that pydantic makes of field names: they repeat the key and hide the description."""
    if isinstance(schema, dict):
        if isinstance(schema.get("title"), str):
            del schema["title"]
        for key, below in schema.items():
            if key not in ("default", "examples", "enum", "const"):
                _tidy(below)
    elif isinstance(schema, list):
        for below in schema:
            _tidy(below)


def _any_of(documents: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Any document. Chosen by its kind, so that an editor speaks of the one meant, not of nine that do not fit."""
    definitions: dict[str, Any] = {}
    choices = []
    for kind, document in documents.items():
        definitions |= document["$defs"]
        definitions[kind] = {key: value for key, value in document.items() if key not in ("$schema", "$defs")}
        choices.append({"if": {"properties": {"kind": {"const": kind}}}, "then": {"$ref": f"#/$defs/{kind}"}})
    return {
        "$schema": _DIALECT,
        "title": "Spec document",
        "type": "object",
        "required": ["apiVersion", "kind", "metadata"],
        "properties": {"apiVersion": {"const": API_VERSION}, "kind": {"enum": list(documents)}},
        "allOf": choices,
        "$defs": definitions,
    }


_DIAGNOSTICS: dict[str, Any] = {
    "$schema": _DIALECT,
    "title": "Problems of a spec tree",
    "description": "What `reconciler validate --format json` prints: every problem, sorted by its place.",
    "type": "array",
    "items": {
        "type": "object",
        "additionalProperties": False,
        "required": ["severity", "summary", "detail", "file", "line", "column"],
        "properties": {
            "severity": {"enum": ["error", "warning"], "description": "a tree with an error is not used"},
            "summary": {"type": "string", "description": "the same for every instance of a problem"},
            "detail": {"type": "string", "description": "names everything, and says what to do"},
            "file": {"type": ["string", "null"], "description": "null where no file can be named"},
            "line": {"type": ["integer", "null"], "minimum": 1},
            "column": {"type": ["integer", "null"], "minimum": 1, "description": "in characters"},
        },
    },
}


def _text(schema: dict[str, Any]) -> str:
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"
