"""Texts that firmware and drives say in place of a serial when nobody gave them one.

Hundreds of machines, or of disks, may say the same. The agent chooses a machine's serial by this very rule: its script
holds these words and conditions too, and a test compares both.
"""

import re
from typing import Final

ABSENT: Final = frozenset({"", "null", "none", "unknown", "0.0.0.0", "0.0.0"})  # noqa: S104  how agents say "nothing"

PLACEHOLDERS: Final = frozenset(
    """
    default|default string|to be filled by o.e.m.|to be filled by oem|filled by o.e.m.|o.e.m.|oem|none|null
    not specified|unspecified|not available|not applicable|not provided|not settable|not present|not set|n/a|n-a|na
    unknown|invalid|empty|undefined|unassigned|no serial|no serial number|tbd|xx|template|serial
    system serial number|system serial#|sys serial|sysserialnumber|system serial|chassis serial number|chassis serial#
    chassis serial|board serial number|base board serial number|baseboard serial number|board serial|serial number
    serial no|serialnumber|mb-1234567890|nb-1234567890|ssn12345678901234567|123456|987654321|9876543210|0123456789abcdef
    01234567890123456789ab|123456789abcdef|03000200-0400-0500-0006-000700080009|12345678-1234-5678-90ab-cddeefaabbcc
    01020304-0506-0708-090a-0b0c0d0e0f10|01234567-8910-1112-1314-151617181920
    """.strip()
    .replace("\n", "|")
    .replace("    ", "")
    .split("|")
)
"""Whole texts, in small letters."""

_COUNTED: Final = "0123456789" * 7
"""Longer than any serial that the server takes."""

_OF_STRUCTURE = re.compile(r"^type[0-9]+ - ")
_NO_LETTER_OR_DIGIT = re.compile(r"[^0-9a-z]")
_REPEATED = re.compile(r"0+|xx+|ff+|([0-9])\1{4,}")
_HEX_AFTER_NINE = re.compile(r"(?:ab|abcdef)$")


def is_filler(text: str) -> bool:
    """Whether a text that should identify one thing says nothing.

    Such as words of the list; only dots, blanks or dashes; one digit again and again; seven and more digits in a
    row, as on a keyboard. Some firmware puts the number of the structure before it: ``Type1 - 123456789``.
    """
    word = _OF_STRUCTURE.sub("", " ".join(text.lower().split()))
    bare = _NO_LETTER_OR_DIGIT.sub("", word)
    if word in PLACEHOLDERS or word in ABSENT or not bare or _REPEATED.fullmatch(bare):
        return True
    digits = _HEX_AFTER_NINE.sub("", bare)
    return len(digits) > 6 and digits in _COUNTED
