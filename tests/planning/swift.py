"""Swift's rings of a fleet without any hardware, built without Swift: they keep what the real handlers keep."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from reconciler.model.actions import BuildRings
from reconciler.model.errors import TemporaryError
from reconciler.model.rings import (
    RingBasis,
    RingDevice,
    RingFile,
    RingMoves,
    RingRound,
    RingState,
    files_in_force,
    order_of,
)


@dataclass
class FakeRings:
    """The rings in force, and the rounds that were worked out."""

    states: dict[tuple[str, str], RingState] = field(default_factory=dict)  # by cluster and ring
    rounds: dict[str, RingRound] = field(default_factory=dict)  # by cluster

    def files(self, cluster: str) -> tuple[RingFile, ...]:
        """What each node of a cluster is to have."""
        return files_in_force(self.states.values(), cluster)

    def build(self, action: BuildRings, now: datetime, held: Collection[tuple[RingFile, ...]]) -> None:
        """Take the rings, where they are the first or an approved round; else say what the round would do.

        Args:
            action: What is asked for.
            now: When.
            held: The ring files of every node of the cluster that is in service.
        """
        if any(self._version(action, basis) != basis.version for basis in action.bases):
            raise TemporaryError("other rings are in force than it was planned on")
        moves = tuple(_moves(action, basis) for basis in action.bases)
        round_ = RingRound(action.cluster, order_of(action.bases, action.changes), moves)
        if action.first:
            assert not self.files(action.cluster), "a second set of rings would hide all that is stored"
        elif action.approved != round_.digest:
            self.rounds[action.cluster] = round_
            if action.approved is not None:
                raise TemporaryError("the round came out otherwise than it was approved")
            return
        else:
            files = set(self.files(action.cluster))
            assert all(files <= set(some) for some in held), "a round began before all nodes had the last one"
        for basis in action.bases:
            self._take(action, basis, now)
        self.rounds.pop(action.cluster, None)

    def _version(self, action: BuildRings, basis: RingBasis) -> int:
        known = self.states.get((action.cluster, basis.ring))
        return known.version if known else 0

    def _take(self, action: BuildRings, basis: RingBasis, now: datetime) -> None:
        before = self.states.get((action.cluster, basis.ring))
        assert before is None or now >= before.at + timedelta(hours=before.min_part_hours), "a round came too early"
        devices = {dev.id: dev for dev in before.devices} if before else {}
        for change in (change for change in action.changes if change.ring == basis.ring):
            if change.id >= 0:
                devices[change.id] = replace(devices[change.id], weight=change.weight)
                continue
            place = (change.region, change.zone, change.ip, change.port, change.device)
            known = (change.weight, change.target, change.size, change.disk, change.serial)
            devices[len(devices)] = RingDevice(len(devices), *place, *known)
        version = basis.version + 1
        self.states[action.cluster, basis.ring] = RingState(
            action.cluster, basis.ring, version, f"{action.cluster}-{basis.ring}-{version}", now, basis.part_power,
            basis.replicas, basis.min_part_hours, basis.parity, tuple(devices.values()),
        )  # fmt: skip


def _moves(action: BuildRings, basis: RingBasis) -> RingMoves:
    some = [change for change in action.changes if change.ring == basis.ring]
    devices = tuple((f"{change.ip}/{change.device}", 0.0, change.weight) for change in some)
    return RingMoves(basis.ring, basis.version, devices, len(devices), 0)
