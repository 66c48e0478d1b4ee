"""An explanation of a node's Puppet classes and gates as text or JSON."""

import base64
import binascii
import json
import textwrap
from collections.abc import Iterator
from typing import Any

from ..model.explanation import ExplainedClass, ExplainedGates, ExplainedParameter, ExplainedSection, Explanation
from .inventory import gate_text
from .json_text import plain

MAX_WIDTH = 60
"""Columns of a value, after which it is cut: lists of a thousand peers and files in base64 tell nobody anything."""

NARROW = 24
"""Fewest columns for a reason beside its value."""


def explain_text(explanation: Explanation, width: int | None = None) -> str:
    """Sections in order, a line per parameter: name, value, why. Ends with a newline.

    Args:
        explanation: Of one node.
        width: Columns of the terminal; None: lines are as long as they are.
    """
    machine = f"; {explanation.machine}" if explanation.machine else ""
    head = f"{explanation.hostname}  (cluster {explanation.cluster}, role {explanation.role}{machine})\n"
    module = f"  for {explanation.module}\n" if explanation.module else ""
    notes = "".join(f"  ! {note}\n" for note in explanation.notes)
    gates = list(_gates(explanation.gates)) if explanation.gates else []
    return "\n".join([head + module + notes, *gates, *(_class(one, width) for one in explanation.classes)])


def _gates(told: ExplainedGates) -> Iterator[str]:
    """The gates of its services, and what its first Puppet run needs; nothing before there is anything to tell."""
    lines = [f"  {gate_text(gate)}\n" for gate in told.own]
    if told.needs is not None:
        lines.append(f"  its first Puppet run needs {told.needs}\n")
        lines += [f"    on {told.of}: {gate_text(gate)}\n" for gate in told.others]
    if lines:
        yield "".join(["Gates\n", *lines])


def _class(one: ExplainedClass, width: int | None) -> str:
    count = len(one.parameters)
    head = f"{one.name}  ({count} parameter{'' if count == 1 else 's'})\n"
    return "\n".join([head, *(_section(section, width) for section in one.sections)])


def _section(section: ExplainedSection, width: int | None) -> str:
    when = f"  (given when {section.condition})" if section.condition else ""
    names = max((len(p.name) for p in section.parameters), default=0)
    room = MAX_WIDTH if width is None else min(MAX_WIDTH, max(NARROW, (width - names - 8) // 2))
    values = [shorten(p.value, room) for p in section.parameters]
    wide = max(map(len, values), default=0)
    lines = [
        line
        for p, value in zip(section.parameters, values, strict=True)
        for line in (*_beside(f"    {p.name:<{names}}  {value:<{wide}}  ", _reason(p), width), *_below(p))
    ]
    return "\n".join([f"  {section.title}{when}", *lines, ""])


def _reason(parameter: ExplainedParameter) -> str:
    return f"{parameter.because}, instead of {parameter.instead}" if parameter.instead else parameter.because


def _beside(left: str, reason: str, width: int | None) -> Iterator[str]:
    """A line, or as many as the reason takes in what is left of the terminal's width."""
    if width is None or len(left) + len(reason) <= width:
        yield (left + reason).rstrip()
    elif width - len(left) >= NARROW:
        first, *more = textwrap.wrap(reason, width - len(left), break_long_words=False, break_on_hyphens=False)
        yield left + first
        yield from (" " * len(left) + line for line in more)
    else:
        yield left.rstrip()
        yield f"        {reason}"


def _below(parameter: ExplainedParameter) -> Iterator[str]:
    """What is shown only of a parameter that was asked for by its name: all of its value, and where it is written."""
    if not parameter.details:
        return
    value = parameter.value
    yield from (f"      {line}" for line in parameter.details)
    if parameter.base64 and isinstance(value, str) and (text := _decoded(value)) is not None:
        yield from ("      In clear:", *(f"        {line}".rstrip() for line in text.splitlines()))
    elif shorten(value) != shorten(value, len(str(value)) + 1000):
        whole = value if isinstance(value, list) else [value]
        yield from ("      In full:", *(f"        {shorten(item, len(str(item)) + 1000)}" for item in whole))


def _decoded(value: str) -> str | None:
    try:
        return base64.b64decode(value, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None


def shorten(value: object, width: int = MAX_WIDTH) -> str:
    """The value on one line of bounded width. Long lists say how long they are."""
    text = value if isinstance(value, str) and value.isprintable() and value else json.dumps(value, ensure_ascii=False)
    if len(text) <= width:
        return text
    more = f" ... ({len(value)} items)" if isinstance(value, (list, dict)) else f" ... ({len(text)} characters)"
    return text[: max(width - len(more), 0)] + more


def explain_json(explanation: Explanation) -> Any:
    """For programs: ``{"hostname", "cluster", "role", "notes", "classes": [{"name", "sections": [...]}], "gates"}``."""
    return plain(Explanation, explanation)
