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
    serial no|serialnumber|ssn12345678901234567|12345|123456|123456789000|987654321|9876543210|0123456789abcdef
    01234567890123456789ab|123456789abcdef|03000200-0400-0500-0006-000700080009|12345678-1234-5678-90ab-cddeefaabbcc
    01020304-0506-0708-090a-0b0c0d0e0f10|01234567-8910-1112-1314-151617181920|eval|iatpass|tulip computers|unknow
    sn-123456fvgv3i0b8o5n6n7k|(null)|(null string)
    """.strip()
    .replace("\n", "|")
    .replace("    ", "")
    .split("|")
)
"""Whole texts, in small letters."""

_COUNTED: Final = "0123456789" * 7
"""Longer than any serial that the server takes."""

_OF_STRUCTURE = re.compile(r"^type[0-9]+ - ")
_PREFIX = re.compile(r"^(?:serial number|serial no|serial|sys|s/n|sn|mb|nb)[-:. ]+")
_OF_TOOL = re.compile(r"^<[a-z ]+>$")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_NO_LETTER_OR_DIGIT = re.compile(r"[^0-9a-z]")
_REPEATED = re.compile(r"0|([0-9a-z])\1+")
_TOO_SHORT = re.compile(r"[0-9]{0,3}")
_HEX_AFTER_NINE = re.compile(r"(?:ab|abcdef)$")


def other_order(uuid: str) -> str:
    """A UUID in small letters whose first three groups have their bytes the other way about (SMBIOS 2.6, 7.2.1)."""
    first, second, third, *rest = uuid.split("-")
    return "-".join([*(bytes.fromhex(group)[::-1].hex() for group in (first, second, third)), *rest])


def is_uuid(text: str) -> bool:
    """Whether a text is a UUID in small letters."""
    return _UUID.fullmatch(text) is not None


def is_filler(text: str) -> bool:
    """Whether a text that should identify one thing says nothing.

    Such as words of the list, whatever stands before them (``Type1 - ``, ``SYS-``); only dots, blanks or dashes; one
    character again and again; seven and more digits in a row, as on a keyboard; what dmidecode itself says of a text
    that it did not find (``<BAD INDEX>``). A UUID is asked in either order of its bytes.
    """
    word = _OF_STRUCTURE.sub("", " ".join(text.lower().split()))
    forms = {word, _PREFIX.sub("", word), other_order(word) if is_uuid(word) else word}
    return _OF_TOOL.match(word) is not None or any(map(_says_nothing, forms))


def is_no_serial(text: str) -> bool:
    """Whether a text tells no machine from others: a filler, or a number of fewer than four digits.

    So short are places and revisions; no maker counts its servers so.
    """
    word = _OF_STRUCTURE.sub("", " ".join(text.lower().split()))
    return is_filler(text) or _TOO_SHORT.fullmatch(_NO_LETTER_OR_DIGIT.sub("", _PREFIX.sub("", word))) is not None


def _says_nothing(word: str) -> bool:
    bare = _NO_LETTER_OR_DIGIT.sub("", word)
    if word in PLACEHOLDERS or word in ABSENT or not bare or _REPEATED.fullmatch(bare):
        return True
    digits = _HEX_AFTER_NINE.sub("", bare)
    return len(digits) > 6 and digits in _COUNTED
