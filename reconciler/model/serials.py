"""Numbers of machines: which text may be a serial, and when two texts are the same number.

Agent, server, specs and drivers ask here, so that no side takes what another refuses.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from .fillers import is_no_serial, is_uuid, other_order

SERIAL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9 ._+~-]{0,62}[A-Za-z0-9._+~-])?"
"""A regular expression of the serials by which machines are called."""

SERIAL_WORDS: Final = 'up to 64 letters, digits, blanks inside, and . _ - + ~; a "/" is written "~"'

_IN_DOTS = re.compile(r"\.[^.]*\.((?:[^.]+\.)+)")
_BOARDS_OWN = 10
"""Characters that a board's own number has at least; what may follow it is the place of a sled."""

_SLASH, _ITS_PLACE = "/", "~"  # a slash ends a segment of a URL's path; no firmware is known to write a tilde


def as_serial(text: str) -> str:
    """A text of the firmware as machines are called by it; two texts that differ stay different."""
    return text.replace(_SLASH, _ITS_PLACE)


def spellings(text: str) -> frozenset[str]:
    """What a machine may be called by a line of its firmware: with blanks folded by our agent, or as it stands.

    Empty where the line tells no machine from others: none is called so.
    """
    return frozenset() if is_no_serial(text) else frozenset(map(as_serial, (text.strip(), " ".join(text.split()))))


def number(text: str) -> str | None:
    """A serial or UUID in the form in which two are compared; None where it is a filler.

    Firmware writes the first three groups of a UUID in either order of bytes (SMBIOS 2.6, 7.2.1): both are one number.
    """
    word = " ".join(as_serial(text).lower().split())
    if is_no_serial(word):
        return None
    return min(word, other_order(word)) if is_uuid(word) else word


def numbers(texts: Iterable[str]) -> frozenset[str]:
    """The numbers among texts, without what says nothing; with the board's own number of one that Dell wraps in dots.

    Firmware writes ``.4JXKYM1.CN1374009H00JK.`` where an iDRAC's inventory has ``CN1374009H00JK``. The part before it
    is the service tag, which stands elsewhere too, and stays another machine's on a board that came from there.
    """
    said = [part for text in texts for part in (text, *_board_parts(text))]
    return frozenset(found for text in said if (found := number(text)) is not None)


def _board_parts(text: str) -> Sequence[str]:
    """The parts of a board's number in dots that belong to the board alone: long enough to be nobody else's."""
    found = _IN_DOTS.fullmatch(text.strip())
    return [part for part in found[1].split(".") if len(part) >= _BOARDS_OWN] if found else ()
