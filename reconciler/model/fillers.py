"""Texts that firmware and drives say in place of a serial when nobody gave them one."""

import re
from typing import Final

ABSENT: Final = frozenset({"", "null", "none", "unknown", "0.0.0.0", "0.0.0"})  # noqa: S104  how agents say "nothing"

PLACEHOLDERS: Final = frozenset(
    """
    default|default string|to be filled by o.e.m.|to be filled by oem|o.e.m.|oem|none|null|not specified|unspecified
    not available|not applicable|not provided|n/a|n-a|na|-|.|unknown|invalid|empty
    system serial number|chassis serial number|serial number|serialnumber
    123456789|1234567890|0123456789|01234567890123456789|0123456789abcdef|12345678|1234567|123456
    """.replace("\n", "|")
    .replace("    ", "")
    .split("|")
)
"""Hundreds of machines, or of disks, may say the same."""

_REPEATED = re.compile(r"0+|([-.xf])\1+")


def is_filler(text: str) -> bool:
    """Whether a text that should identify one thing says nothing."""
    word = text.strip().lower()
    return word in PLACEHOLDERS or word in ABSENT or _REPEATED.fullmatch(word) is not None
