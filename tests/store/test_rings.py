"""Rings are kept whole, three versions of each, and never on another one than they were built on."""

import base64
import json
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select, update

from reconciler.model.errors import PermanentError, TemporaryError
from reconciler.model.rings import BuiltRing, RingDevice, RingMoves, RingRound, RingState, md5_of
from reconciler.store import Store
from reconciler.store.tables import ring

from .samples import NOW, SECOND

DEVICE = RingDevice(0, 1, 2, "192.0.2.5", 6200, "sdb", 1000.0, 4000.0, 4 * 10**12, "ZC1 0x5000", "A", 96)
ROUND = RingRound("cl1", "0ddba11", (RingMoves("object", 1, (("192.0.2.5/sdb", 1000.0, 2000.0),), 12, 10**12),))


def built(version: int, name: str = "object", cluster: str = "cl1") -> BuiltRing:
    file = f"{cluster} {name} {version}".encode()
    state = RingState(cluster, name, version, md5_of(file), NOW, 8, 3, 1, 0, (DEVICE,))
    return BuiltRing(state, json.dumps({"version": version}), file)


def keep(store: Store, *versions: int) -> None:
    for before, version in zip((0, *versions), versions, strict=False):
        store.keep_rings([built(version)], {"object": before}, "for a test", NOW)


def test_the_newest_version_is_in_force(store: Store) -> None:
    keep(store, 3, 5)
    assert store.ring_builders("cl1") == {"object": built(5)}
    assert store.snapshot().rings == store.ring_states() == (built(5).state,)
    assert store.ring_builders("cl2") == {}


def test_three_versions_are_kept(store: Store) -> None:
    keep(store, 1, 2, 3, 7, 9)
    with store._database.reading() as connection:
        assert sorted(connection.scalars(select(ring.c.version))) == [3, 7, 9]


def test_a_ring_that_was_built_on_another_is_not_taken(store: Store) -> None:
    keep(store, 1, 2)
    with pytest.raises(TemporaryError, match="is at version 2 now, and was built on 1"):
        store.keep_rings([built(3), built(3, "account")], {"object": 1}, "late", NOW)
    assert set(store.ring_builders("cl1")) == {"object"}, "all of them, or none"


def test_a_round_is_kept_until_rings_are_taken(store: Store) -> None:
    keep(store, 1)
    store.propose_round(replace(ROUND, order="before"), NOW)
    store.propose_round(ROUND, NOW)
    store.propose_round(replace(ROUND, cluster="cl2"), NOW)
    assert store.snapshot().ring_rounds == (ROUND, replace(ROUND, cluster="cl2"))
    assert store.snapshot().ring_rounds[0].digest == ROUND.digest
    store.keep_rings([built(2)], {"object": 1}, "approved", NOW)
    assert [each.cluster for each in store.snapshot().ring_rounds] == ["cl2"]


@pytest.mark.parametrize("column", ["builder", "file"])
def test_a_ring_that_was_changed_in_the_database_is_refused(store: Store, column: str) -> None:
    keep(store, 1)
    with store._database.engine.begin() as connection:
        connection.execute(update(ring).values({column: b"x" if column == "file" else "{}"}))
    with pytest.raises(PermanentError, match="object ring of cl1 in the database is not what was written"):
        store.ring_builders("cl1")


def test_who_lost_the_lease_takes_no_ring(store: Store) -> None:
    store._database.fence = 7
    with pytest.raises(PermanentError, match="another daemon has taken over"):
        keep(store, 1)


def test_rings_are_in_an_export(store: Store, tmp_path: Path) -> None:
    keep(store, 1, 2)
    exported = json.loads(json.dumps(store.export()))
    with Store.open(f"sqlite:///{tmp_path}/new.sqlite") as new:
        new.restore(exported, NOW + SECOND)
        assert new.ring_builders("cl1") == store.ring_builders("cl1")
    exported["rings"][0]["file"] = base64.b64encode(b"another").decode()
    with (
        Store.open(f"sqlite:///{tmp_path}/broken.sqlite") as other,
        pytest.raises(PermanentError, match="file of the object ring of cl1 is another one"),
    ):
        other.restore(exported, NOW + SECOND)
