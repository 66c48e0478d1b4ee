"""Numbers of machines: which text may be a serial, and when two texts are the same number.

Agent, server, specs and drivers ask here, so that no side takes what another refuses.
"""

from collections.abc import Iterable
from typing import Final

from .fillers import is_no_serial, is_uuid, other_order

SERIAL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9 ._+~-]{0,62}[A-Za-z0-9._+~-])?"
"""A regular expression of the serials by which machines are called."""

SERIAL_WORDS: Final = 'up to 64 letters, digits, blanks inside, and . _ - + ~; a "/" is written "~"'

_SLASH, _ITS_PLACE = "/", "~"  # a slash ends a segment of a URL's path; no firmware is known to write a tilde


def as_serial(text: str) -> str:
    """A text of the firmware as machines are called by it; two texts that differ stay different."""
    return text.replace(_SLASH, _ITS_PLACE)


def number(text: str) -> str | None:
    """A serial or UUID in the form in which two are compared; None where it is a filler.

    Firmware writes the first three groups of a UUID in either order of bytes (SMBIOS 2.6, 7.2.1): both are one number.
    """
    word = " ".join(as_serial(text).lower().split())
    if is_no_serial(word):
        return None
    return min(word, other_order(word)) if is_uuid(word) else word


def numbers(texts: Iterable[str]) -> frozenset[str]:
    """The numbers among texts, without what says nothing."""
    return frozenset(found for text in texts if (found := number(text)) is not None)
