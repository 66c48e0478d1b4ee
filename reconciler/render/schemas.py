"""JSON Schemas of what is printed for programs: plans and observations."""

import json
from typing import Any

from pydantic import TypeAdapter

from ..model.actions import Action
from .observation import VERSION, adapter
from .plan_json import PlanJson

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schemas() -> dict[str, str]:
    """File name -> JSON text."""
    return {"plan.json": _text(_plan()), "observation.json": _text(_observation())}


def _plan() -> dict[str, Any]:
    plan = TypeAdapter(PlanJson).json_schema(mode="serialization")
    actions: TypeAdapter[Any] = TypeAdapter(Action)
    action = actions.json_schema(mode="serialization")
    definitions = plan.pop("$defs") | action.pop("$defs")
    for kind in action["anyOf"]:
        definition = definitions[kind["$ref"].rpartition("/")[2]]
        definition["properties"]["id"] = {"type": "string", "description": "by which the journal knows the action"}
        definition["required"] = [*definition.get("required", []), "type", "id"]
    step = definitions["StepJson"]["properties"]
    step["action"] = {"anyOf": [*action["anyOf"], {"type": "null"}]}
    step["kind"] = {"enum": ["act", "advance", "wait", "settled", "orphaned"]}
    step["risk"] = {"enum": ["none", "disruptive", "destructive"]}
    return {"$schema": _DIALECT, **plan, "$defs": definitions}


def _observation() -> dict[str, Any]:
    inner = adapter().json_schema()
    definitions = inner.pop("$defs")
    return {
        "$schema": _DIALECT,
        "title": "What `reconciler observe` writes",
        "type": "object",
        "required": ["version", "observation"],
        "properties": {"version": {"const": VERSION}, "observation": {"$ref": "#/$defs/Observation"}},
        "$defs": {**definitions, "Observation": inner},
    }


def _text(schema: dict[str, Any]) -> str:
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"
