"""What differs between two roots, as lines that name the path and both sides, less what a table says is right."""

import difflib
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

from .listing import Entry

MOST_LINES = 12
"""Of a difference of texts, as shown."""


class Right(NamedTuple):
    """A difference that is as it should be."""

    paths: str  # a regular expression of whole paths
    why: str
    alike: Callable[[str], object] | None = None
    """What of the content has to be the same nevertheless; None: nothing of the path, which one side need not have."""


Root = Mapping[str, Entry]


def differences(
    debian: Root, image: Root, right: Iterable[Right], less: Collection[str] = frozenset()
) -> Iterator[str]:
    """One text for each path that differs and should not.

    Args:
        debian: By Debian's installer.
        image: By ours.
        right: What differs and should.
        less: Paths that one side alone may have.
    """
    rules = [(re.compile(rule.paths), rule.alike) for rule in right]
    either = debian.keys() ^ image.keys()
    for path in sorted((debian.keys() | image.keys()) - (either & set(less))):
        alikes = [alike for pattern, alike in rules if pattern.fullmatch(path)]
        if None not in alikes:
            yield from _differs(path, debian.get(path), image.get(path), [alike for alike in alikes if alike])


def unused(debian: Root, image: Root, right: Iterable[Right]) -> list[str]:
    """Rows of the table that excuse no difference of these roots."""
    return [rule.paths for rule in right if not _excuses(rule, debian, image)]


def _excuses(rule: Right, debian: Root, image: Root) -> bool:
    paths = (path for path in debian.keys() | image.keys() if re.fullmatch(rule.paths, path))
    return any(debian.get(path) != image.get(path) for path in paths)


def _differs(
    path: str, debian: Entry | None, image: Entry | None, alikes: list[Callable[[str], object]]
) -> Iterator[str]:
    if debian is None or image is None:
        there = debian or image or {}
        side = "debian" if image is None else "image"
        yield f"{path}: only {side} has it, {there['kind']} {there['mode']} {there['owner']}"
        return
    for word in ("kind", "mode", "owner"):
        if debian[word] != image[word]:
            yield f"{path}: {word} {debian[word]} by debian, {image[word]} by image"
    told, others = debian.get("content", ""), image.get("content", "")
    if told != others and not any(alike(told) == alike(others) for alike in alikes):
        lines = difflib.unified_diff(told.splitlines(), others.splitlines(), "debian", "image", lineterm="", n=0)
        yield "\n    ".join([f"{path}:", *list(lines)[2 : 2 + MOST_LINES]])
