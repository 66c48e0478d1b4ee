"""What the world remembers of machines that are alike."""

from bench.figures import SMALL
from bench.fleet import Fleet
from bench.lives import tree_of, unpacked


def test_machines_bought_together_share_what_was_understood_of_them() -> None:
    fleet = Fleet(SMALL)
    observed = unpacked(fleet, tree_of(fleet.spec_files()))
    first, *others = [m for m in observed.machines if m.match.profile == "swiftstore"]
    assert first.disks is not None and len(first.disks.data_disks) == 12
    assert len(others) > 5
    for other in others:
        assert other.disks is first.disks
        assert other.match is first.match
        assert other.racked != first.racked
