"""Where a machine's BMC is and what lets us in there, from a real database."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.app.directory import (
    BMC_PASSWORD,
    PROVISIONING_KEY,
    StoredBmcPasswords,
    StoredDirectory,
    client_key,
    host_authority,
    own_bmc_password,
)
from reconciler.model.actions import ChangeBmc, ConfigureBmc
from reconciler.model.errors import TemporaryError
from reconciler.model.events import Started, Succeeded
from reconciler.model.kinds import FleetSpec
from reconciler.model.machine import InstallStatus
from reconciler.model.observations import Heard
from reconciler.model.secret_parts import part_of
from reconciler.model.tree import SpecTree
from reconciler.store import Store
from reconciler.store.secrets.mint import mint

from ..store.conftest import KEY
from ..store.samples import NOW, enroll, report

MINUTE = timedelta(minutes=1)
FLEET = FleetSpec.model_validate(
    {"provisioning": {"address": "192.0.2.1", "trusted_networks": ["192.0.2.0/24"]}, "bmc": {"username": "new"}}
)
SET = ConfigureBmc(serial="A", generation=1, username="oci", address="192.168.200.7", network="192.168.200.0/24")
MOVE = ChangeBmc(serial="A", generation=1, username="oci", address="192.168.200.8", network="192.168.200.0/24")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store.open(f"sqlite:///{tmp_path}/db", key=KEY)
    store.record([report()])
    store.set_secret(BMC_PASSWORD, "everybodys", NOW, "ann")
    yield store
    store.close()


def test_a_bmc_is_where_its_agent_says_until_it_was_given_another_address(store: Store) -> None:
    directory = StoredDirectory(store, lambda: SpecTree(fleet=FLEET), 623)
    first = directory.bmc("A")
    assert (first.address, first.username, first.password) == ("192.168.200.7", "new", "everybodys")
    passwords = StoredBmcPasswords(store, lambda: NOW)
    coming = passwords.next("A")
    assert (passwords.coming("A"), store.secret(own_bmc_password("A"))) == (coming, None)
    passwords.keep("A")
    for action in (SET, MOVE):
        store.append(Started("A", NOW, action))
        store.append(Succeeded("A", NOW + MINUTE, action))
    moved = directory.bmc("A")
    assert (moved.address, moved.username, moved.password) == ("192.168.200.8", "oci", coming)
    assert directory.reporters_of_bmc("192.168.200.8") == {"A"}
    assert directory.reporters_of_bmc("192.168.200.7") == set()
    store.record([replace(report(), at=NOW + 2 * MINUTE)])
    assert directory.bmc("A").address == "192.168.200.7", "its agent has spoken since"


def test_a_bmc_at_nobodys_address_is_nowhere_though_the_database_says_so(store: Store) -> None:
    """A report of a node in service, which sends no other, was taken when this was not yet asked."""
    hardware = replace(report().hardware, bmc_address="169.254.0.17")
    store.record([replace(report(), at=NOW + MINUTE, hardware=hardware, digest="older")])
    directory = StoredDirectory(store, lambda: SpecTree(fleet=FLEET), 623)
    assert directory.reporters_of_bmc("169.254.0.17") == set()
    with pytest.raises(TemporaryError, match="neither a report of A nor a Machine document says where its BMC is"):
        directory.bmc("A")


def test_an_installed_system_is_where_it_was_put_wherever_its_machine_called_from(store: Store) -> None:
    directory = StoredDirectory(store, lambda: SpecTree(fleet=FLEET), 623)
    assert directory.address("A") is None
    store.allocate(enroll(), NOW)
    store.record([Heard("A", NOW + MINUTE, "192.168.100.99", status=InstallStatus.PUPPET_SUCCESS)])
    assert directory.address("A") == "192.168.101.11"


def test_a_fresh_password_is_another_and_stays_the_same_until_it_is_kept(store: Store) -> None:
    passwords = StoredBmcPasswords(store, lambda: NOW)
    first = passwords.next("A")
    passwords.keep("A")
    assert (passwords.next("A"), passwords.coming("A")) == (first, None)
    fresh = passwords.next("A", fresh=True)
    assert fresh != first
    assert passwords.next("A", fresh=True) == passwords.next("A") == fresh
    passwords.keep("A")
    assert (store.secret(own_bmc_password("A")), passwords.coming("A")) == (fresh, None)


def test_a_node_is_proven_by_its_clusters_authority_and_its_own_name(store: Store) -> None:
    directory = StoredDirectory(store, lambda: SpecTree(fleet=FLEET), 623)
    assert directory.host_authority("A") is None, "it has no place"
    store.allocate(enroll("A", 1), NOW)
    assert directory.host_authority("A") is None, "no node was installed yet"
    store.mint((host_authority("cl1"), host_authority("cl2")), NOW)
    known = directory.host_authority("A")
    assert known is not None
    assert known.hostname == store.allocations()["A"].hostname
    assert known.key == part_of(store.secret(host_authority("cl1")) or "", "ssh", "authorized")


def test_logins_read_their_key_once_for_as_long_as_it_is_the_same(store: Store) -> None:
    store.mint((PROVISIONING_KEY,), NOW)
    first = client_key(store)
    assert client_key(store) is first, "reading it keeps the event loop for a fifth of a second"
    store.set_secret(PROVISIONING_KEY, mint(PROVISIONING_KEY, NOW), NOW, "ann")
    assert client_key(store).public_data != first.public_data, "the one that is stored counts"
