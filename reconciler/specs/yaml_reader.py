"""YAML text to plain values that remember where they were written.

PyYAML reads the characters (its C parser where there is one); what they mean is
decided here, by the rules of YAML 1.2's core schema: ``no``, ``on``, ``12:30`` and
``0123`` are text. Whatever the bytes are, the answer is documents and problems,
never an exception. What an attacker could blow up is bounded: size, depth, and
what aliases expand to.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import yaml

from ..model.diagnostics import Diagnostic, Location, Severity
from ..model.tree import Path
from .scalars import NotFiniteError, NumberTooLongError, TagError, value_of

MAX_BYTES = 4 * 1024 * 1024
"""Of one file. Ten thousand machines at 250 bytes each fit; more belongs into several files."""

MAX_DEPTH = 32
"""Levels of nesting. The deepest key of the spec language is at 7; the rest is for Puppet values."""

MAX_ALIASES = 1000
MAX_EXPANDED = 100_000
"""Values that one file's aliases may stand for together."""

MAX_PROBLEMS = 100
"""Of one file, after which reading it stops: it is not what was meant."""

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x84\x86-\x9f\ufeff\ufffe\uffff]")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_LINE_END = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_PARSER: Any = getattr(getattr(yaml, "cyaml", None), "CParser", yaml.Loader)
"""The C parser, where PyYAML was built with it: fifteen times as fast. Only events are asked of either."""

_LineAndColumn = tuple[int, int]  # line and column, from zero
_Mark = tuple[_LineAndColumn | None, _LineAndColumn, "_Marks | None"]  # of the key, of the value, of what is below
_Marks = dict[str | int, _Mark]


class Places(Mapping[Path, Location]):
    """Where every value of a document is written. Locations are made when asked for: a fleet has a million of them.

    A mapping or a value on the lines below its key is found at its key, all else
    at the value itself, so that a caret always points at a line that names it.
    """

    __slots__ = ("_below", "_file", "_root")

    def __init__(self, file: str, root: _Mark, below: Path = ()) -> None:
        self._file = file
        self._root = root
        self._below = below

    def below(self, *path: str | int) -> "Places":
        """The places below a path of the document; their own paths begin there."""
        return Places(self._file, self._root, (*self._below, *path))

    def key(self, path: Path) -> Location:
        """Where the key of the value is written; for an item of a list, where the item is."""
        key, value, _ = self._find(path)
        return self._location(key or value)

    def nearest(self, path: Path) -> Location:
        """Where the value is written, or else whatever holds it."""
        while path not in self and path:
            path = path[:-1]
        return self[path] if path in self else self._location(self._root[1])

    def __getitem__(self, path: Path) -> Location:
        key, value, below = self._find(path)
        return self._location(key if key and (below is not None or key[0] != value[0]) else value)

    def _find(self, path: Path) -> _Mark:
        mark = self._root
        for step in self._below + path:
            below = mark[2]
            if below is None or step not in below:
                raise KeyError(path)
            mark = below[step]
        return mark

    def _location(self, place: _LineAndColumn) -> Location:
        return Location(self._file, place[0] + 1, place[1] + 1)

    def __iter__(self) -> Iterator[Path]:
        try:
            pending: list[tuple[Path, _Mark]] = [((), self._find(()))]
        except KeyError:
            return
        while pending:
            path, mark = pending.pop()
            yield path
            pending.extend(((*path, step), child) for step, child in (mark[2] or {}).items())

    def __len__(self) -> int:
        return sum(1 for _ in self)


@dataclass(frozen=True, slots=True)
class YamlDocument:
    """One YAML document: plain values, and where they stood."""

    value: object
    places: Places


class YamlFile(NamedTuple):
    """All that was read of a file. Empty documents are left out."""

    documents: tuple[YamlDocument, ...]
    problems: tuple[Diagnostic, ...]
    text: str
    whole: bool  # False: reading stopped before its end, and more documents may follow


def read_yaml(data: bytes, file: str) -> YamlFile:
    """Every document of a file, and every problem found in it."""
    text, problem = _decode(data, file)
    if problem is not None:
        return YamlFile((), (problem,), text, whole=False)
    reader = _Reader(text, file)
    return YamlFile(tuple(reader.documents()), tuple(reader.problems), text, reader.at_end)


def lines_of(text: str) -> list[str]:
    """The lines as YAML counts them."""
    return _LINE_END.split(text)


def _decode(data: bytes, file: str) -> tuple[str, Diagnostic | None]:
    """The text of a file, and the first thing that is wrong with it; None: nothing is.

    A file that is too large has no text. Any other is read on, so that its other problems are found as well.
    """
    if len(data) > MAX_BYTES:
        detail = f"The file has {len(data)} bytes; at most {MAX_BYTES} are read. Split it into several files."
        return "", _error("File too large", detail, Location(file, 1, 1))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8-sig", errors="replace")
        detail = f"Byte 0x{data[error.start]:02x} is not UTF-8. Save the file as UTF-8."
        return data.decode("utf-8-sig", errors="replace"), _error("Not UTF-8", detail, _end_of(before, file))
    if found := _CONTROL.search(text):
        detail = (
            f"Character U+{ord(found[0]):04X} may not stand in YAML. Remove it, or write it as an escape in quotes."
        )
        return text, _error("Control character", detail, _end_of(text[: found.start()], file))
    return text, None


def _end_of(text: str, file: str) -> Location:
    lines = lines_of(text)
    return Location(file, len(lines), len(lines[-1]) + 1)


def _error(summary: str, detail: str, at: Location) -> Diagnostic:
    return Diagnostic(Severity.ERROR, summary, detail, at)


class _StopError(Exception):
    """The rest of the file cannot be read, and the problem is already noted."""


@dataclass(frozen=True, slots=True)
class _Anchored:
    """What an anchor names."""

    value: object
    below: _Marks | None
    size: int  # values in it, aliases expanded
    height: int  # levels of nesting in it


class _Reader:
    """Builds values from the parser's events, so that nothing is ever nested deeper than we allow."""

    def __init__(self, text: str, file: str) -> None:
        self.problems: list[Diagnostic] = []
        self.at_end = False  # whether everything was read
        self._text = text
        self._file = file
        self._anchors: dict[str, _Anchored] = {}
        self._open: set[str] = set()
        self._aliases = 0
        self._expanded = 0
        self._size = 0  # values read so far, aliases expanded
        self._events: Iterator[Any] = iter(())

    def documents(self) -> Iterator[YamlDocument]:
        try:
            self._events = _events(self._text)
            for event in self._events:
                if isinstance(event, yaml.DocumentStartEvent):
                    yield from self._document()
            self.at_end = True
        except _StopError:
            return
        except yaml.MarkedYAMLError as error:
            self._syntax_error(error)
        except yaml.YAMLError as error:
            self._note("Invalid YAML", f"{error}.".splitlines()[0], (0, 0))

    def _syntax_error(self, error: yaml.MarkedYAMLError) -> None:
        mark = error.problem_mark or error.context_mark
        lines = lines_of(self._text)
        line, column = (mark.line, mark.column) if mark is not None else (0, 0)
        if line >= len(lines):  # the C parser counts one more at the end of the text
            line, column = len(lines) - 1, len(lines[-1])
        why = " ".join(part for part in (error.context, error.problem) if part)
        hint = _hint(why, lines[line][column : column + 1])
        self._note("Invalid YAML", f"{why[:1].upper()}{why[1:]}.{hint}", (line, column))

    def _document(self) -> Iterator[YamlDocument]:
        self._anchors.clear()
        event = next(self._events)
        empty = isinstance(event, yaml.ScalarEvent) and not event.value and event.implicit[0] and not event.style
        value, below, _ = self._value(event, 1)
        if not empty:
            place = (event.start_mark.line, event.start_mark.column)
            yield YamlDocument(value, Places(self._file, (None, place, below)))

    def _value(self, event: Any, depth: int) -> tuple[object, _Marks | None, int]:
        """The value that begins with ``event``, the marks of what is below it, and its height."""
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, depth)
        if event.anchor is None:
            return self._node(event, depth)
        if event.anchor in self._anchors:
            self._note("Anchor used twice", f'"&{event.anchor}" already names another value in this document.', event)
        self._open.add(event.anchor)
        before = self._size
        value, below, height = self._node(event, depth)
        self._open.discard(event.anchor)
        self._anchors[event.anchor] = _Anchored(value, below, self._size - before, height)
        return value, below, height

    def _node(self, event: Any, depth: int) -> tuple[object, _Marks | None, int]:
        self._size += 1
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event), None, 0
        if depth >= MAX_DEPTH:
            self._stop("Nested too deeply", f"Values may be nested {MAX_DEPTH} levels deep, and this is deeper.", event)
        is_list = isinstance(event, yaml.SequenceStartEvent)
        if event.tag not in (None, "!", f"tag:yaml.org,2002:{'seq' if is_list else 'map'}"):
            self._tag(event)
        return self._sequence(depth) if is_list else self._mapping(depth)

    def _alias(self, event: Any, depth: int) -> tuple[object, _Marks | None, int]:
        """The value, marks and height of what an alias stands for; a value that is nothing where it stands for nothing.

        What it expands to counts towards the limits, so that a few lines cannot make millions of values.
        """
        found = self._anchors.get(event.anchor)
        if found is None:
            inside = event.anchor in self._open
            why = "stands inside the value it names" if inside else f'names no "&{event.anchor}" above it'
            self._note("Unknown alias", f'"*{event.anchor}" {why}. Write the value out.', event)
            return None, None, 0
        self._aliases += 1
        self._expanded += found.size
        self._size += found.size
        if self._aliases > MAX_ALIASES or self._expanded > MAX_EXPANDED:
            limit = f"at most {MAX_ALIASES} aliases, standing for at most {MAX_EXPANDED} values"
            self._stop("Too many aliases", f"A file may have {limit}. Write values out, or split the file.", event)
        if depth + found.height > MAX_DEPTH:
            detail = f'With what "*{event.anchor}" stands for, values are nested deeper than {MAX_DEPTH} levels.'
            self._stop("Nested too deeply", detail, event)
        return found.value, found.below, found.height

    def _sequence(self, depth: int) -> tuple[object, _Marks, int]:
        items: list[object] = []
        marks: _Marks = {}
        height = 0
        for event in self._events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            value, below, inner = self._value(event, depth + 1)
            marks[len(items)] = (None, (event.start_mark.line, event.start_mark.column), below)
            items.append(value)
            height = max(height, inner)
        return items, marks, height + 1

    def _mapping(self, depth: int) -> tuple[object, _Marks, int]:
        """The mapping that was begun last, the marks of its keys, and its height. Of equal keys the first wins."""
        values: dict[str, object] = {}
        marks: _Marks = {}
        height = 0
        for event in self._events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            key = self._key(event, depth)
            start = (event.start_mark.line, event.start_mark.column)
            event = next(self._events)
            value, below, inner = self._value(event, depth + 1)
            height = max(height, inner)
            if key in marks:
                first = marks[key][0] or (0, 0)
                detail = f'"{key}" already stands in this mapping, at line {first[0] + 1}. Keep one of them.'
                self._note("Duplicate key", detail, start)
                continue
            values[key] = value
            marks[key] = (start, (event.start_mark.line, event.start_mark.column), below)
        return values, marks, height + 1

    def _key(self, event: Any, depth: int) -> str:
        if isinstance(event, yaml.ScalarEvent) and event.value == "<<" and event.implicit[0]:
            detail = 'YAML 1.2 has no merge keys: write the keys out, or alias a whole value ("key: *name").'
            self._note("Merge key", detail, event)
            return "<<"
        value, _, _ = self._value(event, depth + 1)
        if isinstance(value, str):
            return value
        shown = event.value if isinstance(event, yaml.ScalarEvent) else "..."
        hint = f'write "{shown}" in quotes' if shown not in ("", "...") else "give it a name"
        self._note("Key is not text", f"Keys are text, and this one is {_kind(value)}: {hint}.", event)
        return str(shown)

    def _scalar(self, event: Any) -> object:
        """The value of a scalar. One that cannot be stored or counted with is noted as a problem, and stays text."""
        if event.style == '"' and (found := _UNSTORABLE.search(event.value)):
            detail = f"Character U+{ord(found[0]):04X} cannot be stored or sent as text. Remove its escape."
            self._note("Unusable character", detail, event)
            return ""
        try:
            return value_of(event.value, event.tag, plain=event.implicit[0])
        except TagError:
            self._tag(event)
        except NumberTooLongError:
            detail = f"{event.value[:40]} has more digits than any number here. Put it in quotes if it is text."
            self._note("Number too long", detail, event)
        except NotFiniteError:
            detail = f"{event.value[:40]} is no number that can be counted with. Put it in quotes if it is text."
            self._note("Not a finite number", detail, event)
        return event.value

    def _tag(self, event: Any) -> None:
        detail = f'"{event.tag[:80]}" means nothing here, or does not fit the value. Remove it.'
        self._note("Unknown tag", detail, event)

    def _note(self, summary: str, detail: str, at: Any) -> None:
        line, column = at if isinstance(at, tuple) else (at.start_mark.line, at.start_mark.column)
        self.problems.append(_error(summary, detail, Location(self._file, line + 1, column + 1)))
        if len(self.problems) >= MAX_PROBLEMS:
            raise _StopError

    def _stop(self, summary: str, detail: str, event: Any) -> None:
        self._note(summary, detail, event)
        raise _StopError


def _events(text: str) -> Iterator[Any]:
    parser = _PARSER(text)
    while True:
        event = parser.get_event()
        if event is None or isinstance(event, yaml.StreamEndEvent):
            return
        yield event


def _kind(value: object) -> str:
    match value:
        case None:
            return "empty"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case list():
            return "a list"
        case _:
            return "a mapping"


def _hint(why: str, character: str) -> str:
    """What the parser's words usually mean, when they are about ``character``."""
    if character == "\t":
        return " YAML is indented with spaces, never tabs."
    if character in ("@", "`", "%"):
        return f' Text that begins with "{character}" needs quotes.'
    if "mapping values are not allowed" in why:
        return ' Is there a ": " in text without quotes, or a line indented too far?'
    if "did not find expected key" in why or "expected <block end>" in why:
        return " Does the line stand at the same column as its neighbours?"
    return ""
