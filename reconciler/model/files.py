"""A file that a machine gets: its content and its mode."""

from dataclasses import dataclass

PRIVATE, PUBLIC, PROGRAM = 0o600, 0o644, 0o755
"""Modes: for root's eyes only; for everybody to read; for everybody to run."""


@dataclass(frozen=True, slots=True)
class File:
    """Whole, owned by root. Private unless said otherwise, so that a forgotten mode harms nobody."""

    content: bytes
    mode: int = PRIVATE


def public(text: str) -> File:
    """A text that everybody may read."""
    return File(text.encode(), PUBLIC)


def private(text: str) -> File:
    """A text that holds a secret."""
    return File(text.encode(), PRIVATE)
