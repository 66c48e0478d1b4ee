"""What an import leaves in our database, again and again, until this server takes over."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.model.history import History, Phase
from reconciler.model.machine import MachineView, Observation, Pause, SecretRef
from reconciler.oci_import import save
from reconciler.oci_import.assemble import Imported
from reconciler.oci_import.machines import OciMachine
from reconciler.oci_import.save import save_import
from reconciler.oci_import.yaml_documents import Tree
from reconciler.planning.adopting import Outcome, Word, outcomes
from reconciler.store import Store

from ..planning.build import tree
from ..store.samples import NOW, SECOND, enroll

MACHINE = OciMachine(
    {}, "A", None, "cl1", "swiftstore", "zone-1", "cl1-swiftstore-1.example.com", {}, "", None, None, True
)
REF = SecretRef("cl1", "nova", "db")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(f"sqlite:///{tmp_path}/db.sqlite", key=bytes(32)) as opened:
        yield opened


def imported(store: Store, password: str, **change: object) -> str | None:
    """The password that the store has once OCI was imported with this one."""
    found = Imported(Tree(), [MACHINE], [enroll("A", **change)], secrets={REF: password})
    save_import(store, found, text_of=lambda _, value: str(value), who="ann", at=NOW)
    return store.secrets_of({"cl1"})[REF]


def test_a_later_import_follows_oci_until_somebody_resumes(store: Store) -> None:
    assert imported(store, "first") == "first"
    assert imported(store, "second", location="zone-2") == "second"
    assert store.allocations()["A"].location == "zone-2"
    store.resume("fleet", who="ann", why="we take over", at=NOW)
    assert imported(store, "third", location="zone-3") == "second"
    assert store.allocations()["A"].location == "zone-2"


def test_that_oci_is_in_charge_is_no_matter_of_words(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    imported(store, "first")
    monkeypatch.setattr(save, "PAUSE", "OCI installs these machines as yet")
    assert imported(store, "second") == "second"


def test_another_pause_leaves_oci_in_charge(store: Store) -> None:
    """``reconciler run --paused``, which the manual has one begin with, pauses the fleet anew."""
    imported(store, "first")
    store.pause(Pause("fleet", "bob", "reconciler run --paused", NOW + SECOND))
    assert imported(store, "second") == "second"


def test_a_pause_of_somebodys_own_puts_nobody_in_charge(store: Store) -> None:
    imported(store, "first")
    store.resume("fleet", who="ann", why="we take over", at=NOW)
    store.pause(Pause("fleet", "bob", save.PAUSE, NOW + SECOND))
    assert imported(store, "second") == "first"


def test_adopting_what_oci_installed_ends_where_the_import_does(store: Store) -> None:
    imported(store, "first")
    place, kept = store.allocations()["A"], store.snapshot().histories["A"]
    own = (*(f"{address}/24" for address in place.addresses.values()), "127.0.0.1/8")
    word = Word("A", place.hostname, generation=0, install_id=None, addresses=own, role=place.role)

    def adopted(history: History) -> Outcome:
        known = MachineView("A", allocation=place, history=history)
        (found,) = outcomes(tree({}), Observation(NOW, (known,)), {"A": word}, NOW)
        return found

    found = adopted(History(phase=Phase.ENROLLED)).history
    assert found is not None
    assert (found.phase, found.install, found.disks, found.service) == (
        kept.phase, kept.install, kept.disks, kept.service,
    )  # fmt: skip
    assert adopted(kept).becomes == "as it is", "an imported machine that is adopted is as it was"
