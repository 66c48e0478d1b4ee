"""A quorum that is lost is told once, with who had a part in it."""

import pytest

from reconciler.model.rehearsal import Blame
from reconciler.simulator.judge import ServingPool
from reconciler.simulator.tally import Tally

CONTROLLERS, STORES = ServingPool("c1", "controller"), ServingPool("c1", "swiftstore")


def up(*serials: str, pool: ServingPool = CONTROLLERS) -> dict[str, ServingPool]:
    return dict.fromkeys(serials, pool)


@pytest.fixture
def tally() -> Tally:
    """Three controllers have come up, one after the other."""
    found = Tally(lambda: 5.0)
    for serials in ("A", "AB", "ABC"):
        found.serving(up(*serials), ())
    assert found.lost == []
    return found


@pytest.mark.parametrize(
    ("serving", "down", "blame"),
    [
        ("A", "BC", Blame.RECONCILER),
        ("A", "B", Blame.BOTH),
        ("A", "", Blame.FAULTS),
        ("", "A", Blame.FAULTS),  # those that faults took were too many already
        ("", "AB", Blame.RECONCILER),
    ],
)
def test_who_had_a_part_in_it(tally: Tally, serving: str, down: str, blame: Blame) -> None:
    tally.serving(up(*serving), set(down))
    assert [(each.serving, each.members, each.blame) for each in tally.lost] == [(len(serving), 3, blame)]


def test_a_majority_is_enough(tally: Tally) -> None:
    tally.serving(up("A", "C"), {"B"})
    assert tally.lost == []


def test_it_is_told_once_for_each_time(tally: Tally) -> None:
    for serving in ("A", "", "B", "AB", "A"):
        tally.serving(up(*serving), ())
    assert len(tally.lost) == 2


def test_who_has_no_place_any_more_is_no_member(tally: Tally) -> None:
    tally.keep({"A", "B"})
    tally.serving(up("A", "B"), ())
    assert tally.members(CONTROLLERS) == 2
    tally.serving(up("A"), {"B"})
    assert [(each.serving, each.members) for each in tally.lost] == [(1, 2)]


def test_one_alone_and_roles_that_do_not_vote_have_no_quorum_to_lose() -> None:
    tally = Tally(lambda: 5.0)
    tally.serving(up("A"), ())
    tally.serving(up("S1", "S2", "S3", pool=STORES), ())
    tally.serving({}, {"A", "S1"})
    assert tally.lost == []


def test_the_most_at_once_are_counted(tally: Tally) -> None:
    tally.serving(up("A", "C"), {"B"})
    tally.serving(up("A", "B", "C"), ())
    tally.installing((True, False, True))
    tally.installing((True, False, False))
    assert (tally.most_down, tally.most_installing) == (1, 2)
