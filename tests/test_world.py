"""What the world remembers of machines that are alike."""

from bench.figures import SMALL
from bench.fleet import Fleet
from bench.lives import tree_of, unpacked
from reconciler.model.machine import SecretRef
from reconciler.store.snapshot import Snapshot
from reconciler.world import World

from .planning.build import NOW, tree


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


class Nothing:
    """No documents."""

    def missing(self, serial: str) -> tuple[SecretRef, ...]:
        return ()

    def problem(self, serial: str) -> str | None:
        return None

    def digest(self, hostname: str) -> str | None:
        return None


def test_a_machine_that_nobody_has_seen_is_there_once_its_bmc_is_known() -> None:
    spec = tree(machines={"A": {"bmc": {"address": "192.0.2.200"}}, "B": {"role": "controller"}})
    observed = World().observe(spec, Snapshot(token=0), Nothing(), NOW)
    assert [(m.serial, m.seen) for m in observed.machines] == [("A", None)]
