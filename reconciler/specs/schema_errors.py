"""Pydantic's complaints about a document, in words that name the place, the value, and what to write instead."""

import difflib
from collections.abc import Collection, Iterable, Iterator, Mapping
from enum import Enum
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from ..model.diagnostics import Diagnostic, Location, Severity
from ..model.kinds import Strict
from ..model.kinds.base import PATTERNS
from ..model.tree import Path
from ..model.units import MissingUnitError
from .yaml_reader import Places

_WANTED = {
    "bool_type": "true or false",
    "int_type": "a whole number",
    "string_type": "text",
    "tuple_type": "a list",
    "mapping_type": "a mapping",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}
_KEY = "[key]"
"""How pydantic marks that the key of a mapping is at fault, not its value."""


def errors_in(error: ValidationError, model: type[Strict], title: str, places: Places) -> Iterator[Diagnostic]:
    """One diagnostic for each thing that does not fit ``model``; ``title`` says which document, ``Cluster "cl1"``."""
    for found in error.errors(include_url=False):
        yield _misfit(found, model, title, places)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A sentence with the nearest of the known words, a space before it; empty when none is near."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f' Did you mean "{close[0]}"?' if close else ""


def listed(words: Iterable[str], last: str = "or") -> str:
    """``"a", "b" or "c"``."""
    quoted = [f'"{word}"' for word in words]
    return f" {last} ".join(filter(None, (", ".join(quoted[:-1]), *quoted[-1:])))


def suggestion(word: str, known: Collection[str]) -> str:
    """The nearest of the known words, or all of them where they are few; a space before it."""
    near = did_you_mean(word, known)
    if near or not known or len(known) > 12:
        return near
    return f" There {'is' if len(known) == 1 else 'are'} {listed(sorted(known), 'and')}."


def dotted(path: Path) -> str:
    """A path as people write it: ``spec.disks[0].size``."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")


def _misfit(found: ErrorDetails, model: type[Strict], title: str, places: Places) -> Diagnostic:
    """One complaint of pydantic's as a diagnostic at the key or value that is meant.

    Args:
        found: The complaint.
        model: Of the document's spec, for descriptions and choices.
        title: Kind and name of the document.
        places: Where its values are.
    """
    path: Path = found["loc"]
    kind, value, context = found["type"], found["input"], found.get("ctx", {})
    if path and path[-1] == _KEY:
        return _bad_key(path[:-1], context, title, places)
    where = f"{dotted(('spec', *path))} of {title}"
    at = places.nearest(path)
    match kind:
        case "missing":
            holder = f"{dotted(('spec', *path[:-1]))} of {title}"
            described = _described(model, path)
            detail = f'{holder} needs "{path[-1]}"{f": {described}" if described else ""}.'
            return _error("Missing key", detail, places.nearest(path[:-1]))
        case "extra_forbidden":
            holder = f"{dotted(('spec', *path[:-1]))} of {title}"
            hint = suggestion(str(path[-1]), _keys(_model_at(model, path[:-1])))
            return _error("Unknown key", f'"{path[-1]}" is not a key of {holder}.{hint}', places.key(path))
        case "value_error" if isinstance(context.get("error"), MissingUnitError):
            return _error("Missing unit", f"{where}: {context['error']}.", at)
        case "value_error":
            return _error("Invalid value", f"{where}: {context['error']}.", at)
        case "string_pattern_mismatch":
            meaning = _meaning(context, _described(model, path))
            return _error("Invalid value", f"{where}: {_shown(value)} is not {meaning}.", at)
        case "literal_error" | "enum":
            choices = _choices(_type_at(model, path))
            detail = f"{where} is {_shown(value)}; it may be {_either(choices)}.{did_you_mean(str(value), choices)}"
            return _error("Not one of the choices", detail, at)
        case _ if kind in _WANTED:
            wrong = "has no value" if value is None else f"is {_shown(value)}"
            return _error("Wrong type", f"{where} {wrong}; it must be {_WANTED[kind]}.{_how(kind, value)}", at)
        case _:
            return _error("Invalid value", f"{where}: {_limits(kind, context, found['msg'])}, not {_shown(value)}.", at)


def _bad_key(path: Path, context: Mapping[str, Any], title: str, places: Places) -> Diagnostic:
    holder = f"{dotted(('spec', *path[:-1]))} of {title}"
    return _error("Invalid name", f'"{path[-1]}", in {holder}, is not {_meaning(context)}.', places.key(path))


def _error(summary: str, detail: str, at: Location) -> Diagnostic:
    return Diagnostic(Severity.ERROR, summary, detail, at)


def _meaning(context: Mapping[str, Any], described: str = "") -> str:
    pattern = str(context.get("pattern", ""))
    return PATTERNS.get(pattern) or described or f"what the pattern {pattern} allows"


def _how(kind: str, value: object) -> str:
    """What to write instead, where the value lets us guess."""
    match kind, value:
        case "string_type", bool() | int() | float():
            return " Put it in quotes."
        case "bool_type", "yes" | "on" | "y" | "Yes" | "YES" | "On" | "ON":
            return " Write true."
        case "bool_type", "no" | "off" | "n" | "No" | "NO" | "Off" | "OFF":
            return " Write false."
        case "int_type", str() if value.strip().isdigit():
            return " Write it without quotes and without leading zeros."
        case "tuple_type", str() | int() | float():
            return f" Write [{_shown(value)}]."
        case "mapping_type" | "dict_type" | "model_type", None:
            return " Write {} where nothing is to be set."
        case _:
            return ""


def _limits(kind: str, context: Mapping[str, Any], message: str) -> str:
    """What a value must be, for a limit that it breaks; pydantic's own words for a limit that has none of ours.

    Args:
        kind: Pydantic's name of the complaint.
        context: The numbers of the limit.
        message: Pydantic's own words.
    """
    match kind:
        case "greater_than_equal":
            return f"it must be at least {context['ge']}"
        case "less_than_equal":
            return f"it must be at most {context['le']}"
        case "too_long":
            return f"it may have at most {context['max_length']} items"
        case "too_short":
            return f"it needs at least {context['min_length']} items"
        case "string_too_long":
            return f"it may have at most {context['max_length']} characters"
        case "string_too_short":
            return f"it needs at least {context['min_length']} characters"
        case _:
            return message[:1].lower() + message[1:]


def _shown(value: object) -> str:
    """A value in a sentence, never longer than a line: a long text is cut, and a list or mapping is named only."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return f'"{value}"' if len(value) <= 80 else f'"{value[:77]}..."'
        case None:
            return "empty"
        case dict():
            return "a mapping"
        case list() | tuple():
            return f"a list of {len(value)}"
        case _:
            return str(value)


def _keys(model: type[Strict] | None) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()] if model else []


def _described(model: type[Strict], path: Path) -> str:
    """What the field at ``path`` is, in the words of its schema; empty where it has none."""
    holder = _model_at(model, path[:-1])
    fields = holder.model_fields.items() if holder else ()
    return next((field.description or "" for name, field in fields if (field.alias or name) == path[-1]), "")


def _model_at(model: type[Strict], path: Path) -> type[Strict] | None:
    found = _type_at(model, path)
    return found if isinstance(found, type) and issubclass(found, Strict) else None


def _type_at(annotation: Any, path: Path) -> Any:
    """The type that the value at ``path`` has, without its ``Annotated`` and its ``None``."""
    annotation = _bare(annotation)
    for step in path:
        if isinstance(annotation, type) and issubclass(annotation, Strict):
            fields = {field.alias or name: field.annotation for name, field in annotation.model_fields.items()}
            annotation = fields.get(str(step))
        else:
            arguments = get_args(annotation)
            annotation = (arguments[0] if isinstance(step, int) else arguments[-1]) if arguments else None
        annotation = _bare(annotation)
    return annotation


def _bare(annotation: Any) -> Any:
    while True:
        origin, arguments = get_origin(annotation), get_args(annotation)
        if hasattr(annotation, "__metadata__"):
            annotation = arguments[0]
        elif origin in (UnionType, Union) and type(None) in arguments:
            annotation = next(argument for argument in arguments if argument is not type(None))
        else:
            return annotation


def _choices(annotation: Any) -> list[str]:
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return [str(member) for member in annotation]
    return [str(choice) for choice in get_args(annotation)]


def _either(choices: list[str]) -> str:
    return f"{', '.join(choices[:-1])} or {choices[-1]}" if len(choices) > 1 else "".join(choices)
