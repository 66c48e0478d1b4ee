"""An explanation of a node's Puppet classes as text or JSON."""

import json
from dataclasses import asdict

from ..model.explanation import ExplainedClass, ExplainedSection, Explanation

MAX_WIDTH = 60
"""Columns of a value, after which it is cut: lists of a thousand peers and files in base64 tell nobody anything."""


def explain_text(explanation: Explanation) -> str:
    """Sections in order, a line per parameter: name, value, why. Ends with a newline."""
    head = f"{explanation.hostname}  (cluster {explanation.cluster}, role {explanation.role})\n"
    notes = "".join(f"  ! {note}\n" for note in explanation.notes)
    return "\n".join([head + notes, *(_class(one) for one in explanation.classes)])


def _class(one: ExplainedClass) -> str:
    count = sum(len(section.parameters) for section in one.sections)
    return "\n".join([f"{one.name}  ({count} parameter{'' if count == 1 else 's'})\n", *map(_section, one.sections)])


def _section(section: ExplainedSection) -> str:
    when = f"  (given when {section.condition})" if section.condition else ""
    names = max((len(p.name) for p in section.parameters), default=0)
    values = [shorten(p.value) for p in section.parameters]
    width = max(map(len, values), default=0)
    lines = (
        f"    {p.name:<{names}}  {value:<{width}}  {p.because}".rstrip()
        for p, value in zip(section.parameters, values, strict=True)
    )
    return "\n".join([f"  {section.title}{when}", *lines, ""])


def shorten(value: object) -> str:
    """The value on one line of bounded width. Long lists say how long they are."""
    text = value if isinstance(value, str) and value.isprintable() and value else json.dumps(value, ensure_ascii=False)
    if len(text) <= MAX_WIDTH:
        return text
    more = f" ... ({len(value)} items)" if isinstance(value, (list, dict)) else f" ... ({len(text)} characters)"
    return text[: MAX_WIDTH - len(more)] + more


def explain_json(explanation: Explanation) -> dict[str, object]:
    """The same for programs: ``{"hostname", "cluster", "role", "notes", "classes": [{"name", "sections": [...]}]}``."""
    return asdict(explanation)
