"""Documents as an operator would write them: short things on one line, comments where something needs a decision."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_WIDTH = 118  # columns a mapping or list may take on one line
_FEW = 3  # keys of a spec that may share one line
_PLAIN = re.compile(r"[A-Za-z_/][A-Za-z0-9_./@+-]*( [A-Za-z0-9_./@+-]+)*")
_PLAIN_TOO = re.compile(
    r"[0-9]+(\.[0-9]+)?([kMGTP]i?B|[smhd]|%)|[0-9]+(\.[0-9]+){3}(/[0-9]+)?|[0-9]+[mg][0-9]+"
    r"|[a-z]+://[A-Za-z0-9_.-]+(:[0-9]+)?(/[A-Za-z0-9_./@+~-]*)?"  # addresses of pages
    r"|[a-z_]+(::[a-z_]+)+"  # Puppet classes
    r"|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"  # UUIDs
)
_NOT_PLAIN = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})


@dataclass(frozen=True, slots=True)
class ToDecide:
    """What is left to a human to decide: a line of a comment."""

    text: str


Comment = str | ToDecide | tuple[str | ToDecide, ...]
"""Text, what is to be decided, or both line by line."""


@dataclass(frozen=True, slots=True)
class Noted:
    """A value with a comment above it."""

    value: Any
    comment: Comment


@dataclass(frozen=True, slots=True)
class SpecDocument:
    """One document of the spec tree. ``spec`` holds plain values, and ``Noted`` ones where something is to be said."""

    kind: str
    name: str
    spec: Mapping[str, Any] = field(default_factory=dict)
    comment: Comment = ""


def render(documents: Iterable[SpecDocument], heading: str = "") -> str:
    """The text of a file that holds the documents."""
    parts = ["\n".join(_document(document)) for document in documents]
    return "".join(f"{line}\n" for line in _comment(heading, "")) + "\n---\n".join(parts) + "\n"


def plain(value: Any) -> Any:
    """The value without its comments."""
    if isinstance(value, Noted):
        return plain(value.value)
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value


def _document(document: SpecDocument) -> Iterator[str]:
    yield from _comment(document.comment, "")
    yield "apiVersion: reconciler/v1"
    yield f"kind: {document.kind}"
    yield f"metadata: {{name: {_scalar(document.name)}}}"
    if _is_short(document.spec, 0) and len(document.spec) <= _FEW:
        yield f"spec: {_flow(document.spec)}"
    else:
        yield "spec:"
        yield from _mapping(document.spec, "  ")


def _mapping(values: Mapping[str, Any], indent: str) -> Iterator[str]:
    for key, given in values.items():
        value = given.value if isinstance(given, Noted) else given
        if isinstance(given, Noted):
            yield from _comment(given.comment, indent)
        yield from _entry(f"{indent}{_scalar(key)}:", value, indent)


def _entry(head: str, value: Any, indent: str) -> Iterator[str]:
    if isinstance(value, str) and "\n" in value and _fits_block(value):
        yield f"{head} |{'' if value.endswith(chr(10)) else '-'}"
        yield from (f"{indent}  {line}" if line else "" for line in value.rstrip("\n").split("\n"))
    elif not isinstance(value, Mapping | list | tuple) or _is_short(value, len(head)):
        yield f"{head} {_flow(value)}"
    elif isinstance(value, Mapping):
        yield head
        yield from _mapping(value, indent + "  ")
    else:
        yield head
        yield from _items(value, indent + "  ")


def _items(values: Sequence[Any], indent: str) -> Iterator[str]:
    bare = [given.value if isinstance(given, Noted) else given for given in values]
    short = all(_is_short(value, len(indent) + 2) for value in bare)  # they look alike, or are hard to compare
    for given, value in zip(values, bare, strict=True):
        if isinstance(given, Noted):
            yield from _comment(given.comment, indent)
        if isinstance(value, Mapping) and not short:
            first, *rest = _mapping(value, indent + "  ")
            yield f"{indent}- {first.strip()}"
            yield from rest
        else:
            yield f"{indent}- {_flow(value)}"


def _is_short(value: Any, before: int) -> bool:
    """Whether it reads well on one line: no comments inside, no long text, and at most two levels."""
    depth = 1 if isinstance(value, list | tuple) else 2
    return not _has(value, depth) and before + len(_flow(value)) <= _WIDTH


def _has(value: Any, depth: int) -> bool:
    if isinstance(value, Noted) or (isinstance(value, str) and "\n" in value):
        return True
    if not isinstance(value, Mapping | list | tuple) or not value:
        return False
    inside = value.values() if isinstance(value, Mapping) else value
    return depth == 0 or any(_has(item, depth - 1) for item in inside)


def _flow(value: Any) -> str:
    if isinstance(value, Noted):
        return _flow(value.value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_scalar(key)}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_flow(item) for item in value) + "]"
    return _scalar(value)


def _scalar(value: Any) -> str:
    """Text is written without quotes only where no reader of YAML, 1.1 or 1.2, takes it for anything else."""
    if not isinstance(value, str):
        return json.dumps(value)
    sure = _PLAIN.fullmatch(value) or _PLAIN_TOO.fullmatch(value)
    return value if sure and value.lower() not in _NOT_PLAIN else json.dumps(value, ensure_ascii=False)


def _fits_block(text: str) -> bool:
    lines = text.rstrip("\n").split("\n")
    ends_once = text.rstrip("\n") + "\n" == text or not text.endswith("\n")
    return ends_once and lines[0][:1] != " " and all(line.isprintable() or not line for line in lines)


def _comment(comment: Comment, indent: str) -> Iterator[str]:
    for part in _parts(comment):
        text = f"DECIDE: {part.text}" if isinstance(part, ToDecide) else part
        if text:
            yield from (f"{indent}# {line}".rstrip() for line in text.split("\n"))


def _parts(comment: Comment) -> tuple[str | ToDecide, ...]:
    return comment if isinstance(comment, tuple) else (comment,)


def _to_decide(value: Any) -> Iterator[str]:
    """What is left to a human in a value, or in a document."""
    match value:
        case Noted(inside, comment) | SpecDocument(spec=inside, comment=comment):
            yield from (part.text for part in _parts(comment) if isinstance(part, ToDecide))
            yield from _to_decide(inside)
        case Mapping():
            yield from (text for each in value.values() for text in _to_decide(each))
        case list() | tuple():
            yield from (text for each in value for text in _to_decide(each))


@dataclass(slots=True)
class Tree:
    """Documents by file, and what could not be carried over, as sentences."""

    files: dict[str, list[SpecDocument]] = field(default_factory=dict)
    leftover: list[str] = field(default_factory=list)

    def add(self, path: str, *documents: SpecDocument) -> None:
        """Add documents to a file."""
        if documents:
            self.files.setdefault(path, []).extend(documents)

    def documents(self, kind: str) -> dict[str, Any]:
        """The specs of all documents of a kind, by name, without comments."""
        return {one.name: plain(one.spec) for some in self.files.values() for one in some if one.kind == kind}

    def to_decide(self) -> list[str]:
        """All that is left to a human, each thing once, as sentences."""
        return sorted({text for some in self.files.values() for text in _to_decide(some)})

    def texts(self) -> dict[str, str]:
        """The files' contents."""
        return {path: render(documents) for path, documents in sorted(self.files.items())}
