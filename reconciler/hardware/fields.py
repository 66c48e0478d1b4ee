"""Reads untrusted JSON: strict where it is parsed, bounded where values are taken, and naming the field it refuses."""

import json
import math
import re
import unicodedata
from dataclasses import dataclass, field
from typing import NoReturn

from ..model.fillers import ABSENT

MAX_BYTES = 256 * 1024  # a 60-disk report of the stock agent has 15 KiB
MAX_EXTRA = 32 * 1024  # bytes, all fields we do not know together, as JSON
MAX_EXTRA_DEPTH = 8
MAX_TEXT = 256  # characters; the longest PCI product name in use has 110
MAX_KEY = 64
MAX_DIGITS = 20  # of an integer: enough for 64 bits

_KINDS = {dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "null"}
_DIGITS = re.compile(rf"[0-9]{{1,{MAX_DIGITS}}}")
_DECIMAL = re.compile(r"[0-9]{1,12}(\.[0-9]{1,12})?")


class ReportError(Exception):
    """A report that is not believed. ``field`` says where (``machine[0].serial``), ``why`` what is wrong with it."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(f"{field}: {why}")
        self.field = field
        self.why = why


def parse_object(body: bytes) -> dict[str, object]:
    """The JSON object in ``body``, without duplicate keys, NaN, infinities or numbers beyond 64 bits.

    Raises:
        ReportError: It is something else, larger than ``MAX_BYTES``, or not UTF-8.
    """
    if len(body) > MAX_BYTES:
        raise ReportError("report", f"is {len(body)} bytes long, more than {MAX_BYTES}")
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise ReportError("report", f"is not UTF-8: byte {error.start} cannot be read") from None
    try:
        found = json.loads(
            text, object_pairs_hook=_object, parse_constant=_constant, parse_int=_integer, parse_float=_decimal
        )
    except json.JSONDecodeError as error:
        raise ReportError("report", f"is not JSON: {error.msg} (line {error.lineno}, column {error.colno})") from None
    except RecursionError:
        raise ReportError("report", "is nested too deeply") from None
    if not isinstance(found, dict):
        raise ReportError("report", f"is {kind_of(found)}, not an object")
    return found


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ReportError(clip(twice), "is given twice")
    return found


def _constant(word: str) -> NoReturn:
    raise ReportError("report", f"holds {word}, which is not JSON")


def _integer(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise ReportError("report", f"holds a number of {len(digits)} digits")
    return int(digits)


def _decimal(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ReportError("report", f"holds the number {clip(digits)}, which is too large")
    return number


def kind_of(value: object) -> str:
    """What a JSON value is, in words."""
    return _KINDS.get(type(value), "a number")


def clip(text: str) -> str:
    """``text`` as it may appear in an error: printable ASCII, and not longer than a line."""
    shown = text if len(text) <= MAX_KEY else text[:MAX_KEY] + "..."
    return shown if shown.isascii() and shown.isprintable() else ascii(shown)[1:-1]


def hidden_character(text: str, allowed: str = "") -> str | None:
    """The first character nobody can see or store: control, direction, surrogate, unassigned; None if there is none."""
    if text.isprintable():
        return None
    for character in text:
        if unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"} and character not in allowed:
            return f"U+{ord(character):04X}"
    return None


@dataclass(slots=True)
class Fields:
    """One JSON object of a report. Each field is taken once; what is left over at the end is what we do not know."""

    where: str
    values: dict[str, object]
    left_out: dict[str, object] = field(default_factory=dict)  # known fields whose text says nothing we can use

    def refuse(self, key: str, why: str) -> NoReturn:
        raise ReportError(f"{self.where}.{key}" if self.where else key, why)

    def text(self, key: str, limit: int = MAX_TEXT) -> str:
        """Printable text without surrounding blanks; empty where the agent says nothing, or "none", "unknown" ..."""
        found = self.verbatim(key, limit)
        return "" if found.lower() in ABSENT else found

    def verbatim(self, key: str, limit: int = MAX_TEXT) -> str:
        """Printable text without surrounding blanks, whatever it says."""
        value = self.values.pop(key, None)
        if value is None:
            return ""
        if not isinstance(value, str):
            self.refuse(key, f"is {kind_of(value)}, not text")
        found = value.strip(" ")
        if len(found) > limit:
            self.refuse(key, f"is {len(found)} characters long, more than {limit}")
        if (hidden := hidden_character(found)) is not None:
            self.refuse(key, f"holds the character {hidden}, which cannot be shown")
        return found

    def name(self, key: str, pattern: re.Pattern[str], what: str, default: str | None = None) -> str:
        """Text of a strict form, because it is put into commands or compared as an identity."""
        if key not in self.values and default is not None:
            return default
        value = self.values.pop(key, None)
        if not isinstance(value, str):
            self.refuse(key, "is missing" if value is None else f"is {kind_of(value)}, not text")
        if not pattern.fullmatch(value):
            self.refuse(key, f'"{clip(value)}" is not {what}')
        return value

    def whole(self, key: str, low: int, high: int) -> int:
        """A whole number within bounds, as a number or as digits; the report is refused without it."""
        value = self.values.pop(key, None)
        if isinstance(value, str) and _DIGITS.fullmatch(value):
            value = int(value)
        if type(value) is not int:
            self.refuse(key, "is missing" if value is None else f"{_shown(value)} is not a whole number")
        if not low <= value <= high:
            self.refuse(key, f"{value} is not between {low} and {high}")
        return value

    def maybe_whole(self, key: str, high: int) -> int | None:
        """A whole number from 1 to ``high``; None where the agent's text says something else."""
        found = self.maybe_number(key, high, _DIGITS)
        return None if found is None else int(found)

    def maybe_number(self, key: str, high: int, form: re.Pattern[str] = _DECIMAL) -> float | None:
        """A number above 0 and up to ``high``; None where the agent's text says something else."""
        value = self.values.pop(key, None)
        whole = form is _DIGITS
        if isinstance(value, bool | list | dict) or (whole and isinstance(value, float)):
            self.refuse(key, f"is {kind_of(value)}, not a {'whole ' if whole else ''}number")
        if isinstance(value, int | float):
            number: float = value
        elif isinstance(value, str) and form.fullmatch(value.strip(" ")):
            number = int(value) if whole else float(value)
        else:
            number = 0
        if 0 < number <= high:
            return number
        self.keep(key, value)
        return None

    def yes(self, key: str) -> bool:
        """Whether the agent says "yes"; anything but yes, no or nothing is refused."""
        value = self.values.pop(key, None)
        if isinstance(value, bool):
            return value
        word = value.lower() if isinstance(value, str) else value
        if word not in ("yes", "no", "", None):
            self.refuse(key, f"{_shown(value)} is neither yes nor no")
        return word == "yes"

    def objects(self, key: str, most: int) -> list["Fields"]:
        """The objects in a list; none where the list is missing."""
        return [
            Fields(f"{key}[{i}]", item)
            if isinstance(item, dict)
            else self.refuse(f"{key}[{i}]", f"is {kind_of(item)}, not an object")
            for i, item in enumerate(self.items(key, most))
        ]

    def items(self, key: str, most: int) -> list[object]:
        """The values in a list; none where the list is missing."""
        value = self.values.pop(key, None)
        if value is None:
            return []
        if not isinstance(value, list):
            self.refuse(key, f"is {kind_of(value)}, not a list")
        if len(value) > most:
            self.refuse(key, f"has {len(value)} entries, more than {most}")
        return value

    def keep(self, key: str, value: object) -> None:
        """Put aside a known field whose text says nothing we can use."""
        if value is not None and not (isinstance(value, str) and value.lower() in ABSENT):
            self.left_out[key] = value

    def rest(self) -> dict[str, object]:
        """What nobody took, by its full name, without what says nothing."""
        if not self.values and not self.left_out:
            return {}
        dot = f"{self.where}." if self.where else ""
        return {
            f"{dot}{key}": value
            for key, value in (self.values | self.left_out).items()
            if not (isinstance(value, str) and value.lower() in ABSENT)
        }


def check_extra(extra: dict[str, object]) -> dict[str, object]:
    """The fields, once known to be storable and small.

    Raises:
        ReportError: They are too large, too deep, or hold characters that cannot be stored.
    """
    for name, value in extra.items():
        _check(clip(name), name, MAX_EXTRA_DEPTH)
        _check(clip(name), value, MAX_EXTRA_DEPTH)
    size = len(json.dumps(extra)) if extra else 0
    if size > MAX_EXTRA:
        largest = max(extra, key=lambda name: len(json.dumps(extra[name])))
        raise ReportError(
            clip(largest), f"unknown fields have {size} bytes, more than {MAX_EXTRA}; this is the largest"
        )
    return extra


def _check(name: str, value: object, depth: int) -> None:
    if depth == 0:
        raise ReportError(name, f"is nested deeper than {MAX_EXTRA_DEPTH}")
    if isinstance(value, str):
        if (hidden := hidden_character(value, allowed="\n\t")) is not None:
            raise ReportError(name, f"holds the character {hidden}, which cannot be shown")
    elif isinstance(value, list):
        for item in value:
            _check(name, item, depth - 1)
    elif isinstance(value, dict):
        for key, item in value.items():
            _check(name, key, depth - 1)
            _check(name, item, depth - 1)


def _shown(value: object) -> str:
    if isinstance(value, str):
        return f'"{clip(value)}"'
    return kind_of(value) if isinstance(value, bool | list | dict) else clip(str(value))
