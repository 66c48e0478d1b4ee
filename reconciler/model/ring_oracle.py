"""Counts which replicas a ring moves, and refuses a ring that moves too many of one partition.

Swift's builder keeps such promises by itself, but for removed devices, and only while ``min_part_hours`` is above
zero. What nobody may lose is checked again here, by other code, on the tables that would be taken.
"""

from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

Table = Sequence["array[int]"]
"""By replica, then by partition: the id of a device."""


@dataclass(frozen=True, slots=True)
class Moved:
    """What differs between two rings."""

    partitions: int  # of which something moves
    replicas: int  # all that move
    most: int  # of any one partition


def moved(before: Table, after: Table, parity: int = 0) -> Moved:
    """What a ring moves compared with the one before it.

    Args:
        before: The ring that is in force.
        after: The one that would take its place.
        parity: Fragments that may be away; 0: replication, where it does not matter which replica is which.
    """
    partitions = replicas = most = 0
    for part in range(max(map(len, before), default=0)):
        was = [row[part] for row in before if part < len(row)]
        now = [row[part] for row in after if part < len(row)]
        if was == now:
            continue
        count = _fragments(was, now) if parity else _copies(was, now)
        if count:
            partitions, replicas, most = partitions + 1, replicas + count, max(most, count)
    return Moved(partitions, replicas, most)


def _fragments(was: list[int], now: list[int]) -> int:
    """Fragments differ from each other: one that another device has is one that moves."""
    gone = len(was) - len(now)
    return sum(old != new for old, new in zip(was, now, strict=False)) + max(gone, 0)


def _copies(was: list[int], now: list[int]) -> int:
    return (Counter(was) - Counter(now)).total()


def refusal(ring: str, before: Table, after: Table, parity: int = 0) -> str | None:
    """Why a ring must not take the place of the one before it; None: it may."""
    if not before:
        return None
    if [len(row) for row in before] != [len(row) for row in after]:
        return f"the {ring} ring has another number of partitions or replicas than the one in force"
    most, may = moved(before, after, parity).most, max(parity, 1)
    if most <= may:
        return None
    what = "fragments" if parity else "replicas"
    return f"the {ring} ring would move {most} {what} of one partition at once, and {may} may move"
