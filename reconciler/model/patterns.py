"""Regular expressions that specs may hold. Their time grows with the text that is matched, and with nothing else.

Whoever may commit to the specs writes the expression, and whoever may plug in a machine writes the text. An engine that
backtracks would let the two of them stop the daemon for hours.
"""

import re
from functools import lru_cache
from typing import Any

import re2

MAX_LENGTH = 200
"""Characters of an expression."""
MAX_BYTES = 1 << 20
"""Memory that one compiled expression may take. A port pattern takes some kilobytes."""

_TAKES_FOR_EVER = re.compile(r"invalid (perl operator: \(\?<?[=!<]|escape sequence: \\[1-9])")
"""How the engine tells of look-around and back-references."""


def pattern_problem(pattern: str) -> str | None:
    """What is wrong with an expression, as the end of a sentence."""
    if len(pattern) > MAX_LENGTH:
        return f"is longer than {MAX_LENGTH} characters."
    try:
        _compiled(pattern)
    except re2.error as error:
        told = _words(error)
        if not _TAKES_FOR_EVER.match(told):
            return f"is not a regular expression: {told}."
        return (
            f"cannot be used: {told}. Look-around, such as (?=...), and back-references, such as \\1, can take for "
            "ever. Write it without them."
        )
    return None


def groups_of(pattern: str) -> frozenset[str]:
    """The names of an expression's groups."""
    return frozenset(_compiled(pattern).groupindex)


def group_in(pattern: str, group: str, text: str) -> str | None:
    """What the group of this name holds when the whole text matches; None when it does not match."""
    found = _compiled(pattern).fullmatch(text.encode(errors="replace"))
    held: bytes | None = found.groupdict().get(group) if found else None
    return held.decode() if held is not None else None


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> Any:
    options = re2.Options()
    options.log_errors = False  # it would print them on standard error
    options.max_mem = MAX_BYTES
    return re2.compile(pattern, options)


def _words(error: Exception) -> str:
    said = error.args[0] if error.args else ""
    return said.decode(errors="replace") if isinstance(said, bytes) else str(said)
