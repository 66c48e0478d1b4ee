"""Settings: the rows of the settings table, and whether a value fits its row."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from .kinds.base import SettingValue

LEVELS = ("fleet", "cluster", "role", "profile", "machine")
"""Where a setting may be written, widest first."""

_WHOSE = {
    "fleet": "the whole fleet",
    "cluster": "a cluster",
    "role": "a role of a cluster",
    "profile": "a hardware profile",
    "machine": "a machine",
}

TYPES = ("boolean", "int", "float", "string", "list", "choice")


@dataclass(frozen=True, slots=True)
class SettingRow:
    """One setting. ``default`` None: nothing is given unless somebody sets it, or what ``otherwise`` says."""

    name: str
    type: str  # boolean | int | float | string | list | choice
    default: SettingValue | None
    levels: tuple[str, ...]  # of fleet, cluster, role, profile, machine
    help: str
    roles: tuple[str, ...] = ("all",)
    unit: str | None = None
    choices: tuple[str, ...] = ()
    min: float | None = None  # inclusive, of an int or a float
    max: float | None = None  # inclusive
    pattern: str | None = None  # regular expression that the whole text, or each item of a list, must match
    separator: str | None = None  # Puppet gets the list as one text, joined by this; None: as a list
    secret: bool = False  # never shown: not in plans, not in explanations
    otherwise: str = ""  # what is worked out where nobody sets it, in words; only without a default
    subject: str = ""  # heading below which it is listed


SettingsTable = Mapping[str, SettingRow]

OF_RINGS = frozenset({"swift_part_power", "swift_replicas", "swift_min_part_hours"})
"""Settings that Swift's rings are made with, and that nothing else reads."""


def for_puppet(row: SettingRow, value: SettingValue | None) -> SettingValue | None:
    """``value`` as Puppet's classes take it: a list becomes one text where OCI keeps it as one."""
    if row.separator is not None and isinstance(value, tuple):
        return row.separator.join(value)
    return value


def problem_with(row: SettingRow, value: object, level: str) -> str | None:
    """What is wrong with ``value`` standing at ``level``: a sentence that says what to write. None: nothing."""
    if level not in row.levels:
        allowed = _either([_WHOSE[allowed] for allowed in row.levels])
        return f'"{row.name}" cannot be set for {_WHOSE[level]}; set it for {allowed}.'
    problem = _misfit(row, value)
    return f'"{row.name}" {problem}.' if problem else None


def _misfit(row: SettingRow, value: object) -> str | None:
    """Why a value does not fit its row, as the end of a sentence; None: it fits."""
    match row.type:
        case "boolean":
            return None if isinstance(value, bool) else f"must be true or false, not {_shown(row, value)}"
        case "int" | "float":
            return _number_misfit(row, value)
        case "choice":
            if value in row.choices and isinstance(value, str):
                return None
            return f"must be {_either([_quoted(c) for c in row.choices])}, not {_shown(row, value)}"
        case "list":
            if not isinstance(value, (list, tuple)):
                return f'must be a list, such as ["{value}"], not {_shown(row, value)}'
            return next((problem for item in value if (problem := _item_misfit(row, item))), None)
        case _:
            return _text_misfit(row, value)


def _number_misfit(row: SettingRow, value: object) -> str | None:
    fits = int if row.type == "int" else (int, float)
    if isinstance(value, bool) or not isinstance(value, fits):
        number = "a whole number" if row.type == "int" else "a number"
        return f"must be {number}{f' ({row.unit})' if row.unit else ''}, not {_shown(row, value)}"
    if row.min is not None and not value >= row.min:
        return f"must be at least {row.min}{_unit(row)}, not {value}"
    if row.max is not None and not value <= row.max:
        return f"must be at most {row.max}{_unit(row)}, not {value}"
    return None


def _item_misfit(row: SettingRow, item: object) -> str | None:
    if row.separator and isinstance(item, str) and row.separator in item:
        return f'must not have "{row.separator}" inside an item: {_shown(row, item)}; write two items'
    return "must not have an empty item" if item == "" else _text_misfit(row, item, what="must be a list of texts")


def _text_misfit(row: SettingRow, value: object, what: str = "must be a text") -> str | None:
    if not isinstance(value, str):
        return f"{what}, not {_shown(row, value)}; put it in quotes"
    if not value.isprintable():
        return "must be one line without control characters"
    if row.pattern and not re.fullmatch(row.pattern, value):
        return f"must look like {_example(row)}, not like {_shown(row, value)}"
    return None


def _example(row: SettingRow) -> str:
    first = row.default[0] if isinstance(row.default, tuple) and row.default else row.default
    return _quoted(first) if isinstance(first, str) and first else f"the pattern {row.pattern}"


def _shown(row: SettingRow, value: object) -> str:
    """The value in a message, as the operator wrote it, and never a secret."""
    if row.secret:
        return "what stands there"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _quoted(value if len(value) <= 80 else value[:77] + "...")
    return "a list" if isinstance(value, (list, tuple)) else str(value)


def _unit(row: SettingRow) -> str:
    return f" {row.unit}" if row.unit else ""


def _quoted(text: str) -> str:
    return f'"{text}"'


def _either(words: tuple[str, ...] | list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
