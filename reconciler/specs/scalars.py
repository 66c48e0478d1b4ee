"""The meaning of a scalar, by the core schema of YAML 1.2 (chapter 10.3), with two things refused.

A number with a leading zero stays text, because operators write serials and
octal-looking ids; infinity and not-a-number are refused, because nothing here can
be that long or that large.
"""

import re

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_RADIX = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_MAY_BE_NUMBER = frozenset("+-.0123456789")
_CORE = "tag:yaml.org,2002:"
_MAX_DIGITS = 40


class TagError(ValueError):
    """A tag outside the core schema, or one whose type the text does not have."""


class NumberTooLongError(ValueError):
    """More digits than any number here can need."""


class NotFiniteError(ValueError):
    """Infinity, or not a number."""


Scalar = str | int | float | bool | None


def value_of(text: str, tag: str | None = None, *, plain: bool = True) -> Scalar:
    """The value of a scalar; ``plain`` when it has neither quotes nor a tag.

    Raises:
        TagError: The tag is unknown, or ``text`` is not of its type.
        NumberTooLongError: It would be a number of more than 40 digits.
        NotFiniteError: It would be infinite or not a number.
    """
    if plain:
        return _plain(text)
    if tag is None or tag in ("!", _CORE + "str"):
        return text
    value = _plain(text)
    match tag.removeprefix(_CORE), value:
        case ("null", None) | ("bool", bool()) | ("float", float()):
            return value
        case "int", int() if not isinstance(value, bool):
            return value
        case "float", int() if not isinstance(value, bool):
            return float(value)
    raise TagError(tag)


def _plain(text: str) -> Scalar:
    """The value of a scalar without quotes and tag.

    Raises:
        NotFiniteError: It is infinity, not a number, or too large for a float.
        NumberTooLongError: It has more digits than any number of ours.
    """
    if text in _NULL:
        return None
    if text[0] not in _MAY_BE_NUMBER:
        return _BOOL.get(text, text)
    if _INT.fullmatch(text):
        return int(_bounded(text))
    if _RADIX.fullmatch(text):
        return int(_bounded(text), 0)
    if _FLOAT.fullmatch(text):
        value = float(_bounded(text))
        if value in (float("inf"), float("-inf")):
            raise NotFiniteError(text)
        return value
    if _NOT_FINITE.fullmatch(text):
        raise NotFiniteError(text)
    return text


def _bounded(text: str) -> str:
    if len(text) > _MAX_DIGITS:
        raise NumberTooLongError(text)
    return text
