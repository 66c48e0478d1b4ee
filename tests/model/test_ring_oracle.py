"""The oracle counts what moves, and refuses what could take data away."""

from array import array

import pytest

from reconciler.model.ring_oracle import Moved, moved, refusal


def table(*parts: tuple[int, ...]) -> list["array[int]"]:
    """Devices by partition, as Swift keeps them: by replica."""
    return [array("H", row) for row in zip(*parts, strict=True)]


WAS = table((0, 1, 2), (3, 4, 5))


@pytest.mark.parametrize(
    ("now", "parity", "expected"),
    [
        (table((0, 1, 2), (3, 4, 5)), 0, Moved(0, 0, 0)),
        (table((2, 0, 1), (3, 4, 5)), 0, Moved(0, 0, 0)),  # copies change places: nothing is written anew
        (table((2, 0, 1), (3, 4, 5)), 2, Moved(1, 3, 3)),  # fragments may not
        (table((0, 1, 9), (9, 4, 5)), 0, Moved(2, 2, 1)),
        (table((0, 9, 8), (3, 4, 5)), 0, Moved(1, 2, 2)),
        (table((0, 0, 2), (3, 4, 5)), 0, Moved(1, 1, 1)),  # two copies on one disk: one is gone from another
    ],
)
def test_what_moves_is_counted(now, parity, expected) -> None:
    assert moved(WAS, now, parity) == expected


@pytest.mark.parametrize(
    ("now", "parity", "says"),
    [
        (table((0, 1, 9), (9, 4, 5)), 0, None),
        (table((0, 8, 9), (3, 4, 5)), 0, "2 replicas of one partition at once, and 1 may move"),
        (table((0, 8, 9), (3, 4, 5)), 2, None),
        (table((7, 8, 9), (3, 4, 5)), 2, "3 fragments of one partition at once, and 2 may move"),
        (table((0, 1), (3, 4)), 0, "another number of partitions or replicas"),
        (table((0, 1, 2)), 0, "another number of partitions or replicas"),
    ],
)
def test_what_could_take_data_away_is_refused(now, parity, says) -> None:
    said = refusal("object", WAS, now, parity)
    assert said is None if says is None else said is not None and says in said


def test_a_first_ring_moves_nothing() -> None:
    assert moved([], WAS) == Moved(0, 0, 0)
    assert refusal("object", [], WAS) is None
