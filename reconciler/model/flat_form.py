"""Records that are divided by subject inside, and flat outside: in journals, in exports and in observations.

A table says how: each name outside, in order, and the path of the field that it is, such as ``install.begun``. Pydantic
reads, writes and describes the flat form; whoever only plans does without it.
"""

from collections.abc import Mapping
from dataclasses import field, fields, make_dataclass, replace
from functools import cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeVar, get_type_hints

if TYPE_CHECKING:
    from _typeshed import DataclassInstance
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema

_Record = TypeVar("_Record", bound="DataclassInstance")


def with_values(record: _Record, paths: Mapping[str, str], values: Mapping[str, Any]) -> _Record:
    """The record with values by their names in the flat form.

    Raises:
        KeyError: ``paths`` has no such name.
    """
    changed: dict[str, Any] = {}
    parts: dict[str, dict[str, Any]] = {}
    for name, value in values.items():
        part, _, inner = paths[name].rpartition(".")
        (parts.setdefault(part, {}) if part else changed)[inner] = value
    changed |= {part: replace(getattr(record, part), **inside) for part, inside in parts.items()}
    return replace(record, **changed)


def flat_schema(of: type, paths: Mapping[str, str], handler: "GetCoreSchemaHandler") -> "CoreSchema":
    """How pydantic reads and writes a dataclass in its flat form. Every field of it has a default."""
    from pydantic_core import core_schema

    flat, values, nothing = _flat(of, tuple(paths.items())), attrgetter(*paths.values()), of()
    form = handler.generate_schema(flat)
    return core_schema.no_info_after_validator_function(
        lambda read: with_values(nothing, paths, {name: getattr(read, name) for name in paths}),
        form,
        serialization=core_schema.plain_serializer_function_ser_schema(
            lambda record: flat(*values(record)), return_schema=form
        ),
    )


@cache
def _flat(of: type, paths: tuple[tuple[str, str], ...]) -> type:
    """A dataclass with the name and the docstring of this one, and with the fields of the flat form.

    One for all schemas: in a schema, two of one name would get other names.
    """
    parts = get_type_hints(of)
    found = []
    for name, path in paths:
        part, _, inner = path.rpartition(".")
        owner = parts[part] if part else of
        default = next(each.default for each in fields(owner) if each.name == inner)
        found.append((name, get_type_hints(owner)[inner], field(default=default)))
    return make_dataclass(of.__name__, found, namespace={"__doc__": of.__doc__}, slots=True)
