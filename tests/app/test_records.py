"""Readings of services as they are written down: since when each value is so."""

from datetime import timedelta
from pathlib import Path
from typing import cast

from reconciler.app.certificates import Certificates
from reconciler.app.records import Records
from reconciler.model.gates import GateName, Reading, Readings
from reconciler.store import Store

from ..store.samples import NOW, enroll
from ..store.test_rings import built

MINUTE = timedelta(minutes=1)


def test_a_value_that_stays_keeps_the_moment_when_it_was_first_read(tmp_path: Path) -> None:
    with Store.open(f"sqlite:///{tmp_path}/db.sqlite") as store:
        records = Records(store, cast("Certificates", None))
        for minute, value in enumerate(("no token", "no token", "token", "token")):
            at = NOW + minute * MINUTE
            records.services_read("A", Readings(at, (Reading(GateName.KEYSTONE, value, at),)))
        kept = store.readings_of(("A",))["A"]
    assert kept == Readings(NOW + 3 * MINUTE, (Reading(GateName.KEYSTONE, "token", NOW + 2 * MINUTE),))


def test_the_rings_for_a_machine_are_those_in_force_for_its_cluster(tmp_path: Path) -> None:
    with Store.open(f"sqlite:///{tmp_path}/db.sqlite") as store:
        records = Records(store, cast("Certificates", None))
        store.allocate(enroll("A"), NOW)
        assert records.rings_for("A") == (), "nobody told them"
        for cluster in ("cl1", "cl2"):
            made = [built(3, name, cluster) for name in ("object", "account")]
            store.keep_rings(made, {}, "for a test", NOW)
        assert records.rings_for("A") == (built(3, "account").state.file, built(3).state.file)
        assert records.rings_for("B") == ()
