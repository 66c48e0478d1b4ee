import json
from pathlib import Path

import pytest

from reconciler.model.errors import PermanentError
from reconciler.model.history import Announced, Failures, History
from reconciler.model.machine import Pause
from reconciler.store import Store
from reconciler.store.codec import history_value, parse_history

from .samples import NOW, SECOND, enroll
from .test_migrate import EARLIER_IMPORT


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
