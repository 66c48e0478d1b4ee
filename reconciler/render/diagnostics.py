"""Problems of a spec tree as text with the line and a caret, as JSON, and as annotations of a merge request."""

import json
import re
from collections.abc import Iterable, Mapping
from posixpath import commonprefix

from ..model.diagnostics import Diagnostic, Location, Severity
from ..model.redaction import redact

_LINE_END = re.compile("\r\n|[\n\r\x85\u2028\u2029]")  # as YAML counts lines
_WIDTH = 160
"""Columns of a source line that are shown; a longer line is cut around the caret."""


def render_text(problems: Iterable[Diagnostic], sources: Mapping[str, str]) -> str:
    """For people: each problem with its line, then how many there are. Empty when there are none."""
    shown = list(problems)
    if not shown:
        return ""
    lines: dict[str, list[str]] = {}
    blocks = [_block(problem, sources, lines) for problem in shown]
    return "\n".join([*blocks, _total(shown)])


def render_json(problems: Iterable[Diagnostic], sources: Mapping[str, str]) -> str:
    """For programs: a list of objects, described by ``schemas/diagnostics.json``."""
    _ = sources
    found = [
        {
            "severity": problem.severity.value,
            "summary": problem.summary,
            "detail": problem.detail,
            "file": problem.at.file if problem.at else None,
            "line": problem.at.line if problem.at else None,
            "column": problem.at.column if problem.at else None,
        }
        for problem in problems
    ]
    return json.dumps(found, indent=2, ensure_ascii=False) + "\n"


def render_github(problems: Iterable[Diagnostic], sources: Mapping[str, str]) -> str:
    """For merge requests: one workflow command per problem, which becomes an annotation on its line."""
    _ = sources
    return "".join(_annotation(problem) for problem in problems)


def _block(problem: Diagnostic, sources: Mapping[str, str], lines: dict[str, list[str]]) -> str:
    """A problem as a paragraph: its summary, its place, the line with a caret below the column, and its detail.

    Args:
        problem: One without a place has neither line nor caret.
        sources: Texts of the files, by path.
        lines: Takes the lines of each file, which is divided once.
    """
    head = f"{problem.severity.capitalize()}: {problem.summary}\n"
    if (at := problem.at) is None:
        return f"{head}{_printable(problem.detail)}\n"
    if at.file not in lines:
        lines[at.file] = _LINE_END.split(sources.get(at.file, ""))
    source = lines[at.file]
    excerpt = _excerpt(at, source[at.line - 1]) if at.line <= len(source) else ""
    return f"{head}  at {_printable(str(at))}\n{excerpt}{_printable(problem.detail)}\n"


def _excerpt(at: Location, written: str) -> str:
    """The line as it may be shown, cut where it is long, with a caret below its column."""
    line = redact(written)
    column = _moved(at.column - 1, written, line)
    start = max(0, column - _WIDTH // 2) if len(line) > _WIDTH else 0
    gutter = f"{at.line:>4} | "
    caret = " " * (len(gutter) + column - start)
    return f"{gutter}{_printable(line[start : start + _WIDTH])}".rstrip() + f"\n{caret}^\n"


def _moved(column: int, written: str, shown: str) -> int:
    """Where a column of the written line is in the shown one; both count from zero.

    A column within what is hidden is where the lines begin to differ.
    """
    differ = len(commonprefix((written, shown)))
    alike = len(commonprefix((written[differ:][::-1], shown[differ:][::-1])))
    behind = len(written) - column
    return column if column <= differ else max(differ, len(shown) - max(behind, 0)) if behind <= alike else differ


def _printable(text: str) -> str:
    """One column per character, and nothing that a terminal would obey."""
    return "".join(character if character.isprintable() else " " for character in text)


def _total(problems: list[Diagnostic]) -> str:
    errors = sum(problem.severity is Severity.ERROR for problem in problems)
    counts = ((errors, "error"), (len(problems) - errors, "warning"))
    return ", ".join(f"{count} {word}{'s' if count > 1 else ''}" for count, word in counts if count) + ".\n"


def _annotation(problem: Diagnostic) -> str:
    properties = {"title": problem.summary}
    if problem.at is not None:
        properties = {"file": problem.at.file, "line": str(problem.at.line), "col": str(problem.at.column)} | properties
    written = ",".join(f"{key}={_escaped(value, ':,')}" for key, value in properties.items())
    return f"::{problem.severity.value} {written}::{_escaped(problem.detail)}\n"


def _escaped(text: str, more: str = "") -> str:
    """Percent-encoded as the runner's command parser decodes it; in properties, ``:`` and ``,`` too."""
    return re.sub(f"[%\r\n{more}]", lambda found: f"%{ord(found[0]):02X}", text)
