"""Reads untrusted JSON: strict where it is parsed, bounded where values are taken, and naming the field it refuses.

What identity and sizes rest on is refused unless it is right. Whatever else is only shown or compared: it is made such
that it can be, and what the machine said comes along, in escaped form.
"""

import json
import math
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NoReturn

from ..model.fillers import ABSENT

MAX_DISKS = 512  # four 102-disk enclosures and the server's own, each counted once
MAX_BLOCK_DEVICES = 4 * MAX_DISKS  # over four paths
MAX_BYTES = MAX_BLOCK_DEVICES * 640 + 256 * 1024
"""Of a report. Our agent writes 350 bytes of a disk with one signature, and 65 for each other signature; what is beside
the block devices is below 256 KiB with as many interfaces, controllers and disks behind them as are taken."""
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
        ReportError: It is something else, or larger than ``MAX_BYTES``.
    """
    if len(body) > MAX_BYTES:
        raise ReportError("report", f"is {len(body)} bytes long, more than {MAX_BYTES}")
    text = body.decode(errors="replace")  # a letter of a product's name, in the letters of another time
    try:
        found = json.loads(
            text,
            strict=False,  # control characters come as firmware has them, from agents that write JSON by hand
            object_pairs_hook=_object,
            parse_constant=_constant,
            parse_int=_integer,
            parse_float=_decimal,
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


_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def shown(text: str, limit: int = MAX_TEXT) -> str:
    """What people can see of a text: no control, direction, surrogate or unassigned characters, and not too long."""
    if not text.isprintable():
        text = "".join(character for character in text if unicodedata.category(character) not in _HIDDEN)
    return text.strip(" ")[:limit].rstrip(" ")


def escaped(text: str) -> str:
    """A text as somebody wrote it, in printable ASCII, and cut where it is far too long."""
    whole = ascii(text)[1:-1]
    return whole if len(whole) <= 2 * MAX_TEXT else f"{whole[: 2 * MAX_TEXT]}..."


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
        """Printable text without surrounding blanks, whatever it says. What cannot be shown is put aside."""
        value = self.values.pop(key, None)
        if value is None:
            return ""
        if isinstance(value, bool | list | dict):
            self.left_out[key] = value
            return ""
        given = value if isinstance(value, str) else json.dumps(value)
        found = shown(given, limit)
        if found != given.strip(" "):
            self.left_out[key] = given
        return found

    def exact(self, key: str) -> str:
        """Text that proves something: refused where any of it cannot be shown."""
        value = self.values.pop(key, None)
        if value is not None and (not isinstance(value, str) or shown(value) != value):
            self.refuse(key, f"{_shown(value)} is not printable text of up to {MAX_TEXT} characters")
        return value or ""

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
        if isinstance(value, bool) or (whole and isinstance(value, float)):
            number: float = 0
        elif isinstance(value, int | float):
            number = value
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

    def maybe_yes(self, key: str) -> bool | None:
        """Whether the agent says "yes"; None where it says neither yes nor no."""
        return None if self.values.get(key) in (None, "") else self.yes(key)

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


LEFT_OUT: Final = "left_out"
"""Under this name stands what was not even put aside."""


def storable(extra: Mapping[str, object]) -> dict[str, object]:
    """Fields that can be stored and shown: escaped, not too deep, and the smallest where all are too large."""
    cleaned = {escaped(name)[:MAX_KEY]: _storable(value, MAX_EXTRA_DEPTH) for name, value in extra.items()}
    sizes = {name: len(name) + len(json.dumps(value)) for name, value in cleaned.items()}
    if sum(sizes.values()) <= MAX_EXTRA:
        return cleaned
    kept, room = dict[str, object](), MAX_EXTRA
    for name in sorted(cleaned, key=lambda name: (sizes[name], name)):
        room -= sizes[name]
        if room < 0:
            break
        kept[name] = cleaned[name]
    gone = sorted(cleaned.keys() - kept.keys(), key=lambda name: (-sizes[name], name))
    return {**kept, LEFT_OUT: f"{len(gone)} unknown fields were left out, the largest is {gone[0]}"}


def _storable(value: object, depth: int) -> object:
    if isinstance(value, str):
        return value if value.isprintable() and len(value) <= MAX_EXTRA else escaped(value)
    if isinstance(value, list | dict) and depth == 0:
        return f"{kind_of(value)}, nested deeper than {MAX_EXTRA_DEPTH}"
    if isinstance(value, list):
        return [_storable(item, depth - 1) for item in value]
    if isinstance(value, dict):
        return {escaped(key): _storable(item, depth - 1) for key, item in value.items()}
    return value


def _shown(value: object) -> str:
    if isinstance(value, str):
        return f'"{clip(value)}"'
    return kind_of(value) if isinstance(value, bool | list | dict) else clip(str(value))
