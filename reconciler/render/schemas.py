"""JSON Schemas of what is printed and served for programs: a file for each command, a component for each answer."""

import json
from dataclasses import is_dataclass
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from ..model.actions import Action
from ..model.explanation import Explanation
from ..model.observations import Occurrence
from .fleet import FleetView
from .json_text import adapter
from .observation import VERSION
from .observation import adapter as observations
from .plan_json import PlanJson
from .rows import (
    AdoptedRow,
    CertificateRow,
    ClusterRow,
    ImageState,
    MachinePage,
    MachineRow,
    MatchLine,
    ReasonRow,
    RehearsalRow,
    RingPlaceRow,
    RingRow,
    SecretRow,
    VerifiedRow,
)

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


_PRINTED: dict[str, tuple[str, Any]] = {
    "adopt": ("What `adopt` prints", list[AdoptedRow]),
    "boot-image": ("What `boot-image check` prints", ImageState),
    "clusters": ("What `clusters` prints", list[ClusterRow]),
    "events": ("What `events` prints; with --follow, every line", list[Occurrence] | Occurrence),
    "explain": ("What `explain` prints", Explanation),
    "explain-reason": ("What `explain-reason` prints, of all or of one", list[ReasonRow] | ReasonRow),
    "machines": ("What `machines` prints, of all or of one", list[MachineRow] | MachinePage),
    "match": ("Every line that `match` prints", MatchLine),
    "pki": ("What `pki` prints", list[CertificateRow]),
    "rehearse": ("What `rehearse` prints", RehearsalRow),
    "rings": ("What `rings` prints, of all or of what is explained", list[RingRow] | list[RingPlaceRow]),
    "secrets": ("What `secrets` prints", list[SecretRow]),
    "verify": ("What `verify` prints", VerifiedRow),
}
"""Command -> what its JSON is, and the shape."""

_SERVED: dict[str, tuple[str, Any]] = {
    "Fleet": ("What `/v1/fleet` answers", FleetView),
    "Machines": ("What `/v1/machines` answers", list[MachineRow]),
    "Machine": ("What `/v1/machines/{serial}` answers", MachinePage),
    "Clusters": ("What `/v1/clusters` answers", list[ClusterRow]),
    "Rings": ("What `/v1/rings` answers", list[RingRow]),
    "Events": ("What `/v1/events` answers", list[Occurrence]),
}
"""Component of OpenAPI -> what its JSON is, and the shape. Plan and observation are served as they are printed."""


class _JsonSchema(GenerateJsonSchema):
    """Pydantic's, but for default values: their fields are named as they are published, too."""

    def encode_default(self, dft: Any) -> Any:
        """A default value as it is in JSON."""
        if is_dataclass(dft) and not isinstance(dft, type):
            shape: Any = type(dft)
            return adapter(shape).dump_python(dft, mode="json")
        return super().encode_default(dft)


def schemas() -> dict[str, str]:
    """File name -> JSON text."""
    printed = {f"{command}.json": _text(_of(title, shape)) for command, (title, shape) in _PRINTED.items()}
    return {**printed, "plan.json": _text(_plan()), "observation.json": _text(_observation())}


def components() -> dict[str, dict[str, Any]]:
    """Schemas of all JSON that the API answers, and of their parts, for OpenAPI: by component."""
    found = _hoisted("SavedObservation", _observation())
    for name, (title, shape) in _SERVED.items():
        found |= _hoisted(name, _of(title, shape))
    return found | _hoisted("Plan", _plan(), parts="Plan")  # whose actions say their id, where those of history do not


def _hoisted(name: str, schema: dict[str, Any], *, parts: str = "") -> dict[str, dict[str, Any]]:
    """A schema that stands alone, as components: itself, and its ``$defs``, called ``parts`` and their name."""
    moved = json.loads(json.dumps(schema).replace('"#/$defs/', f'"#/components/schemas/{parts}'))
    definitions = moved.pop("$defs", {})
    del moved["$schema"]
    return {**{f"{parts}{part}": definition for part, definition in definitions.items()}, name: moved}


def _of(title: str, shape: Any) -> dict[str, Any]:
    schema = adapter(shape).json_schema(mode="serialization", schema_generator=_JsonSchema)
    return {"$schema": _DIALECT, **schema, "title": title}


def _plan() -> dict[str, Any]:
    """The schema of plans, in which an action is one of the known actions rather than any object."""
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
    return {"$schema": _DIALECT, **plan, "$defs": definitions}


def _observation() -> dict[str, Any]:
    inner = observations().json_schema(schema_generator=_JsonSchema)
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
