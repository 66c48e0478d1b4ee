import json
from pathlib import Path

import pytest

from reconciler.model.errors import PermanentError
from reconciler.model.events import Advanced, Started, Succeeded
from reconciler.model.history import Announced, Failures, History, Phase
from reconciler.model.machine import Pause, SecretRef
from reconciler.store import Store
from reconciler.store.codec import history_value, parse_history

from .samples import NOW, SECOND, enroll, install, report
from .test_migrate import EARLIER_IMPORT


@pytest.fixture
def lived_in(store: Store) -> Store:
    store.record([report("A"), report("B")])
    store.allocate(enroll("A", 1, vips=(("public", "api", "203.0.113.2"),)), NOW)
    store.allocate(enroll("B", 2), NOW)
    store.allocate(enroll("C", 3), NOW)
    store.release("C", NOW)
    store.append_all(
        [
            Started("A", NOW, install()),
            Succeeded("A", NOW, install()),
            Advanced("A", NOW, Phase.IN_SERVICE, "Puppet has succeeded"),
            Started("B", NOW, install("B")),
        ]
    )
    store.pause(Pause("fleet", "ann", "holidays", NOW))
    store.pause(Pause("cluster:cl1", "ann", "imported", NOW, oci_in_charge=True))
    store.set_conflict("D", "two machines claim this serial", "MACs aa and bb", at=NOW)
    store.mint([SecretRef("cl1", "nova", "db")], NOW)
    store.keep_fixed("cl1", {"release.openstack": "epoxy"}, NOW)
    return store


def test_a_database_is_rebuilt_from_its_export(lived_in: Store, tmp_path: Path) -> None:
    exported = json.loads(json.dumps(lived_in.export()))
    with Store.open(f"sqlite:///{tmp_path}/new.sqlite") as new:
        new.restore(exported, NOW + SECOND)
        was, now = lived_in.snapshot(), new.snapshot()
        for name in ("allocations", "retired", "vips", "pauses", "conflicts", "fixed"):
            assert getattr(now, name) == getattr(was, name)
        assert now.histories["A"] == was.histories["A"]
        assert now.histories["B"].open_action is None, "nobody knows how that ended"
        assert now.histories["B"].install.begun == NOW, "but from there on its disks were ours"
        assert (now.seen, now.secrets) == ({}, frozenset())
        with pytest.raises(PermanentError, match="is held by A on mgmt"):
            new.allocate(enroll("Z", 9, addresses={"mgmt": "192.168.101.11"}), NOW)


@pytest.mark.parametrize(("why", "in_charge"), [(EARLIER_IMPORT, True), ("holidays", False)])
def test_a_pause_of_an_earlier_export_still_says_that_oci_is_in_charge(
    lived_in: Store, tmp_path: Path, why: str, in_charge: bool
) -> None:
    exported = lived_in.export() | {"pauses": [{"scope": "fleet", "who": "ann", "why": why, "at": NOW.isoformat()}]}
    with Store.open(f"sqlite:///{tmp_path}/new.sqlite") as new:
        new.restore(exported, NOW + SECOND)
        assert new.snapshot().pauses == (Pause("fleet", "ann", why, NOW, oci_in_charge=in_charge),)


def test_a_database_that_is_lived_in_is_not_overwritten(lived_in: Store) -> None:
    before = lived_in.snapshot()
    with pytest.raises(PermanentError, match="the database is not empty"):
        lived_in.restore(lived_in.export(), NOW)
    assert lived_in.snapshot() == before


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"version": 2}, "no export of version 1"),
        ({"vips": [{"cluster": "cl1"}]}, "cannot be read"),
        ({"allocations": None}, "cannot be read"),
        ({"machines": {"A": {"phase": "lost"}}}, "cannot be read"),
        ({"pauses": [{"scope": "fleet", "who": "ann", "why": "x", "at": "yesterday"}]}, "cannot be read"),
    ],
)
def test_an_export_that_is_broken_leaves_nothing_behind(
    lived_in: Store, tmp_path: Path, change: dict[str, object], said: str
) -> None:
    with Store.open(f"sqlite:///{tmp_path}/new.sqlite") as new:
        with pytest.raises(PermanentError, match=said):
            new.restore(lived_in.export() | change, NOW)
        assert (new.snapshot().allocations, new.events(), new.change_token()) == ({}, [], 0)


def test_a_history_is_written_by_its_published_names() -> None:
    history = History(announced=Announced(commands_run=2), side_failures=Failures(error="hook dns: no answer"))
    assert history_value(history) == {"told": 2, "aside_error": "hook dns: no answer"}
    assert parse_history(history_value(history)) == history
