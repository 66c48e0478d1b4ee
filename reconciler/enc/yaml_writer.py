"""A document as YAML text that Ruby's Psych and PyYAML, both YAML 1.1, read as meant.

Only texts that no reader could take for anything else stand plain; every other one
is quoted (``02:00``, ``::1``, ``1,000``, ``:x``, ``no``, ``0123``, ``1e3``, dates ...). The
writer is ours because it can hand out the parts that many nodes share as one
object: a thousand documents of a large cluster then cost the memory of a few.
"""

import base64
import json
import re
from collections.abc import Callable, Mapping
from functools import cached_property, lru_cache
from hashlib import sha256
from types import NoneType

from .params import SHARED_FROM, LongText, SecretText, SecretWords, Value

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*(::[A-Za-z][A-Za-z0-9_]*)*")
_NOT_PLAIN = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
_LINE = r"[\x20-\x7e]*[\x21-\x7e]"  # ASCII without a blank at its end
_BLOCK = re.compile(rf"(?! ){_LINE}(\n({_LINE})?)*\n")
_ESCAPED = re.compile('[\x00-\x1f"\\\\\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]')
_SHORT = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}

PARAMETERS = 4
"""Columns before a parameter's name. What is further left is made anew for each node, and cannot be shared."""


def inside_json(text: str) -> bytes:
    """The text as it is written between the quotes of a JSON string."""
    return json.dumps(text)[1:-1].encode()


class Fragment:
    """A part of a document's text that other documents have too."""

    def __init__(self, text: str) -> None:
        self.utf8 = text.encode()

    @property
    def text(self) -> str:
        """The YAML that is written into the document."""
        return self.utf8.decode()

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of the YAML, made once: a thousand documents need not each hash what they share."""
        return sha256(self.utf8).digest()

    @cached_property
    def as_json(self) -> bytes:
        """The YAML inside a JSON string, made once."""
        return inside_json(self.text)


class Encoded:
    """A text that is written into the document in base64."""

    __slots__ = ("plain",)

    def __init__(self, plain: str) -> None:
        self.plain = plain

    @property
    def text(self) -> str:
        """The quoted base64 that is written into the document."""
        return f'"{base64.b64encode(self.plain.encode()).decode("ascii")}"'


Piece = str | Fragment | Encoded

Reveal = Callable[[SecretText], Piece]
"""The YAML text to stand for a secret; without one, documents with secrets are shown as ``!secret "service/kind"``."""

_Collection = tuple[Value, ...] | Mapping[str, Value]


def quoted(text: str) -> str:
    """Double-quoted, as both YAML and JSON write it; characters that YAML cannot hold become U+FFFD."""
    return f'"{_ESCAPED.sub(_escape, text)}"'


def _escape(found: re.Match[str]) -> str:
    character = found[0]
    if "\ud800" <= character <= "\udfff":
        return "\N{REPLACEMENT CHARACTER}"
    return _SHORT.get(character) or f"\\u{ord(character):04x}"


def scalar(text: str) -> str:
    """A text as a key or a value on one line."""
    if _PLAIN.fullmatch(text) and text.lower() not in _NOT_PLAIN:
        return text
    return quoted(text)


@lru_cache(maxsize=4096)
def as_key(text: str) -> str:
    """A text as a key. Psych merges what is below ``<<``, quoted or not, unless the key is said to be a text."""
    return '!!str "<<"' if text == "<<" else scalar(text)


def dump(document: Mapping[str, Value], reveal: Reveal | None = None) -> str:
    """The whole text."""
    return "".join(p if isinstance(p, str) else p.text for p in YamlWriter(reveal).write(document))


class YamlWriter:
    """Writes documents that share values. Text of a value that is the same object is the same ``Fragment``."""

    def __init__(self, reveal: Reveal | None = None) -> None:
        self._reveal = reveal or _named
        self._kept: dict[tuple[int, int], tuple[Value, Fragment]] = {}  # the value is kept so that its id stays taken
        self._long: dict[str, Fragment] = {}

    def write(self, document: Mapping[str, Value]) -> list[Piece]:
        """The pieces of one document, in order."""
        pieces: list[Piece] = []
        self._mapping(document, 0, pieces)
        return pieces or ["{}\n"]

    def entry(self, name: str, value: Value, indent: int, out: list[Piece]) -> None:
        """Add a key at ``indent`` with its value, as they are written in a mapping."""
        out.append(f"{' ' * indent}{as_key(name)}:")
        self._value(value, indent, out)

    def _mapping(self, value: Mapping[str, Value], indent: int, out: list[Piece]) -> None:
        for name, item in value.items():
            self.entry(name, item, indent, out)

    def _value(self, value: Value, indent: int, out: list[Piece]) -> None:
        """What is written after a key at ``indent``, to the end of its last line."""
        if isinstance(value, str):
            out.append(_lines(value, indent) if "\n" in value else f" {scalar(value)}\n")
        elif isinstance(value, _ATOMS):
            out.append(f" {_atom(value)}\n")
        elif isinstance(value, SecretText):
            out += [" ", self._reveal(value), "\n"]
        elif isinstance(value, SecretWords):
            out += [" ", self._words(value), "\n"]
        elif isinstance(value, LongText):
            out += [f' "{value.own}', self._tail(value.shared), '"\n']
        elif not value:
            out.append(" {}\n" if isinstance(value, Mapping) else " []\n")
        elif indent >= PARAMETERS and len(value) >= SHARED_FROM:
            out.append(self._fragment(value, indent))
        else:
            self._block(value, indent, out)

    def _block(self, value: _Collection, indent: int, out: list[Piece]) -> None:
        out.append("\n")
        if isinstance(value, Mapping):
            self._mapping(value, indent + 2, out)
        else:
            for item in value:
                self._item(item, indent + 2, out)

    def _item(self, value: Value, indent: int, out: list[Piece]) -> None:
        blank = " " * indent
        if isinstance(value, Mapping) and value:
            inner: list[Piece] = []
            self._mapping(value, indent + 2, inner)
            first = inner[0]
            if not isinstance(first, str):
                raise AssertionError("a key is never shared. This is a bug in reconciler.")
            out.append(f"{blank}- {first[indent + 2 :]}")
            out += inner[1:]
        else:
            out.append(f"{blank}-")
            self._value(value, indent, out)

    def _fragment(self, value: _Collection, indent: int) -> Fragment:
        key = (id(value), indent)
        if key not in self._kept:
            inner: list[Piece] = []
            self._block(value, indent, inner)
            self._kept[key] = (value, Fragment("".join(p if isinstance(p, str) else p.text for p in inner)))
        return self._kept[key][1]

    def _words(self, value: SecretWords) -> str:
        texts = [piece if isinstance(piece, str) else piece.text for piece in map(self._reveal, value.words)]
        if all(text.startswith('"') for text in texts):
            return f'"{" ".join(text[1:-1] for text in texts)}"'
        return f"!secret {quoted(str(value))}"

    def _tail(self, text: str) -> Fragment:
        if text not in self._long:
            self._long[text] = Fragment(text)
        return self._long[text]


_ATOMS = (bool, int, float, NoneType)


def _atom(value: bool | int | float | None) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else _float(value)


def _lines(text: str, indent: int) -> str:
    """A text of several lines, as lines where it can be read back as meant."""
    if not _BLOCK.fullmatch(text) or text.endswith("\n\n"):
        return f" {scalar(text)}\n"
    lines = "".join(f"{' ' * (indent + 2)}{line}\n" if line else "\n" for line in text[:-1].split("\n"))
    return f" |\n{lines}"


def _named(secret: SecretText) -> str:
    return f"!secret {quoted(str(secret))}"


def _float(value: float) -> str:
    """With a dot and a signed exponent, without which YAML 1.1 takes it for a text."""
    text = repr(value)
    if text in ("inf", "-inf", "nan"):
        return text.replace("inf", ".inf").replace("nan", ".nan")
    mantissa, e, exponent = text.partition("e")
    if e and "." not in mantissa:
        mantissa += ".0"
    sign = "" if exponent.startswith(("+", "-")) or not e else "+"
    return f"{mantissa}{e}{sign}{exponent}"
