"""Texts that firmware and drives say in place of a serial when nobody gave them one."""

import re
from itertools import pairwise
from typing import Final

ABSENT: Final = frozenset({"", "null", "none", "unknown", "0.0.0.0", "0.0.0"})  # noqa: S104  how agents say "nothing"

PLACEHOLDERS: Final = frozenset(
    """
    default|default string|to be filled by o.e.m.|to be filled by oem|o.e.m.|oem|none|null|not specified|unspecified
    not available|not applicable|not provided|not settable|not present|n/a|n-a|na|-|.|unknown|invalid|empty|unset
    system serial number|chassis serial number|base board serial number|board serial number|serial number|serialnumber
    03000200-0400-0500-0006-000700080009|12345678-1234-5678-90ab-cddeefaabbcc
    """.replace("\n", "|")
    .replace("    ", "")
    .split("|")
)
"""Hundreds of machines, or of disks, may say the same."""

_REPEATED = re.compile(r"0+|([-.xf])\1+|([a-z0-9])\2{5,}")
_SEPARATORS = re.compile(r"[-_.:/ ]+")
_HEX_DIGITS = "0123456789abcdef"
_SHORTEST_ROW: Final = 6  # characters; fewer in a row may be a number that somebody counted up to


def is_filler(text: str) -> bool:
    """Whether a text that should identify one thing says nothing."""
    word = text.strip().lower()
    if word in PLACEHOLDERS or word in ABSENT:
        return True
    bare = _SEPARATORS.sub("", word)
    return not bare or _REPEATED.fullmatch(bare) is not None or _is_in_a_row(bare)


def _is_in_a_row(word: str) -> bool:
    """Whether a text counts up or down: ``123456789``, ``0123456789abcdef``, ``01234567890123456789ab``."""
    if len(word) < _SHORTEST_ROW:
        return False
    steps = {_step(one, next_) for one, next_ in pairwise(word)}
    return steps in ({1}, {-1})


def _step(one: str, next_: str) -> int | None:
    """How far the second of two hexadecimal digits is after the first; after 9 comes 0 too."""
    if one not in _HEX_DIGITS or next_ not in _HEX_DIGITS:
        return None
    if one + next_ in ("90", "09"):
        return 1 if one == "9" else -1
    return _HEX_DIGITS.index(next_) - _HEX_DIGITS.index(one)
