"""Merges, path by path: what each path is in the merge, in its two parents, and where these parted.

Git follows files that it guesses were renamed: a change of a path then ends up at another one, which its signer may not
be allowed to change. No option of git's turns that off in all versions that are in use. So here each path stands for
itself, in addition to what git makes of the merge as a whole.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple


class TreeEntry(NamedTuple):
    """What a path is in a tree; all of it is zeros where it is nothing."""

    mode: str
    name: str  # of its content


class EntryChange(NamedTuple):
    """What a path is in one tree, and in the merge."""

    before: TreeEntry
    after: TreeEntry


Differences = Mapping[str, EntryChange]
"""The paths in which a tree differs from the merge's."""


@dataclass(frozen=True, slots=True)
class MergeSides:
    """How a merge differs from its parents, and from the commits at which these parted."""

    ours: Differences
    theirs: Differences
    bases: tuple[Differences, ...]


def own_paths(sides: MergeSides) -> tuple[str, ...]:
    """The paths that a merge has otherwise than their own three versions give it."""
    return tuple(sorted(path for path in sides.ours.keys() | sides.theirs.keys() if not _follows(path, sides)))


def _follows(path: str, sides: MergeSides) -> bool:
    """Whether a path of a merge has what one side made of it, or what both did where it is on both."""
    merged = (sides.ours.get(path) or sides.theirs[path]).after

    def was(differences: Differences) -> TreeEntry:
        return differences[path].before if path in differences else merged

    ours, theirs = was(sides.ours), was(sides.theirs)
    bases = [was(base) for base in sides.bases]
    if bases and all(_is_there(one) for one in (ours, theirs, merged, *bases)):
        return True  # nobody moved it: git merged its lines, and its lines only
    return (merged == ours and theirs in (*bases, ours)) or (merged == theirs and ours in (*bases, theirs))


def _is_there(entry: TreeEntry) -> bool:
    return entry.mode.strip("0") != ""
