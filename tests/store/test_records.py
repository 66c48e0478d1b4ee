from collections.abc import Callable

import pytest

from reconciler.model.errors import PermanentError
from reconciler.model.machine import Vip
from reconciler.store import Store

from .samples import NOW, SECOND, enroll

VIPS = (("public", "api", "203.0.113.2"), ("public", "sql", "203.0.113.3"))


def test_a_machine_has_what_it_was_given(store: Store) -> None:
    store.allocate(enroll(vips=VIPS), NOW)
    known = store.snapshot()
    given = known.allocations["A"]
    assert (given.hostname, given.address, given.generation) == ("cl1-swiftstore-1.example.com", "192.168.101.11", 1)
    assert list(given.addresses) == ["mgmt", "a-storage"], "the management network stays first"
    assert known.vips == (Vip("cl1", "public", "api", "203.0.113.2"), Vip("cl1", "public", "sql", "203.0.113.3"))
    assert store.allocations() == known.allocations
    assert store.held_by("A") == known.allocations["A"]


def test_the_same_allocation_twice_is_once(store: Store) -> None:
    store.allocate(enroll(vips=VIPS), NOW)
    before = store.snapshot().allocations
    store.allocate(enroll(vips=VIPS), NOW + SECOND)
    assert store.snapshot().allocations == before


def test_a_second_machine_of_the_cluster_brings_the_same_vips(store: Store) -> None:
    store.allocate(enroll("A", 1, vips=VIPS), NOW)
    store.allocate(enroll("B", 2, vips=VIPS), NOW)
    assert len(store.snapshot().vips) == 2


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"hostname": "cl1-swiftstore-1.example.com"}, "the name cl1-swiftstore-1.example.com is held by A"),
        ({"addresses": {"mgmt": "192.168.101.11"}}, "192.168.101.11 is held by A on mgmt"),
        ({"addresses": {"elsewhere": "192.168.101.11"}}, "192.168.101.11 is held by A on mgmt"),
        ({"addresses": {"m6": "2001:0db8:0::B"}}, "2001:0db8:0::B is held by A on mgmt6"),
        ({"addresses": {"mgmt": "203.0.113.2"}}, "203.0.113.2 is held by the api VIP of cl1 on public"),
        ({"addresses": {"mgmt": "192.168.101.300"}}, "'192.168.101.300' is not an address"),
        ({"vips": (("public", "api", "203.0.113.9"),)}, "the api VIP of cl1 on public is 203.0.113.2, not 203.0.113.9"),
        ({"vips": (("public", "messaging", "192.168.101.11"),)}, "192.168.101.11 is held by A on mgmt"),
        ({"vips": (("public", "messaging", "203.0.113.2"),)}, "203.0.113.2 is held by the api VIP of cl1"),
    ],
)
def test_nothing_is_given_twice_and_nothing_half(store: Store, change: dict[str, object], said: str) -> None:
    addresses = {"mgmt": "192.168.101.11", "mgmt6": "2001:db8::b"}
    store.allocate(enroll("A", 1, addresses=addresses, vips=VIPS[:1]), NOW)
    before, told = store.snapshot(), store.events()
    with pytest.raises(PermanentError) as error:
        store.allocate(enroll("B", 2, **change), NOW)
    assert said in str(error.value)
    assert store.snapshot() == before
    assert store.events() == told


def test_a_newer_generation_moves_a_machine_and_frees_what_it_had(store: Store) -> None:
    store.allocate(enroll("A", 1), NOW)
    store.allocate(enroll("A", 7, generation=2), NOW)
    known = store.snapshot()
    assert known.allocations["A"].hostname == "cl1-swiftstore-7.example.com"
    assert known.retired == {}
    store.allocate(enroll("B", 1), NOW)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"generation": 1}, r"A is cl1-swiftstore-1.example.com since generation 2: .* \(generation 1\) is older than"),
        ({"generation": 2, "role": "swiftproxy"}, "is another than what it has"),
    ],
)
def test_an_executor_of_yesterday_changes_nothing(store: Store, change: dict[str, object], said: str) -> None:
    store.allocate(enroll(generation=2), NOW)
    before = store.snapshot()
    with pytest.raises(PermanentError, match=said):
        store.allocate(enroll(**change), NOW)
    assert store.snapshot() == before


def test_what_is_released_is_remembered_and_can_be_given_again(store: Store) -> None:
    store.allocate(enroll("A", vips=VIPS), NOW)
    given = store.snapshot().allocations["A"]
    store.release("A", NOW + SECOND)
    store.release("A", NOW + SECOND)
    known = store.snapshot()
    assert (known.allocations, known.retired, store.held_by("A")) == ({}, {"A": given}, None)
    assert len(known.vips) == 2, "VIPs are the cluster's, and stay"
    store.allocate(enroll("A"), NOW)
    assert store.snapshot().retired == {}


@pytest.mark.parametrize("released_before", [False, True])
def test_a_replacement_takes_over_name_and_addresses(
    store: Store, open_store: Callable[..., Store], released_before: bool
) -> None:
    store.allocate(enroll("old"), NOW)
    given = store.snapshot().allocations["old"]
    if released_before:
        store.release("old", NOW)
        assert store.snapshot().retired == {"old": given}
    store.allocate(enroll("new", replaces="old"), NOW)
    for known in (store.snapshot(), open_store().snapshot()):
        assert known.allocations == {"new": given}
        assert known.retired == {}, "nobody can take over what was taken over"


def test_a_vip_is_released_on_a_humans_word(store: Store) -> None:
    api = Vip("cl1", "public", "api", "203.0.113.2")
    store.allocate(enroll(vips=VIPS), NOW)
    store.release_vip(api, who="ann", why="cluster is gone", at=NOW)
    store.release_vip(api, who="ann", why="cluster is gone", at=NOW)
    assert store.snapshot().vips == (Vip("cl1", "public", "sql", "203.0.113.3"),)
    assert [(line.kind, line.who) for line in store.notices()] == [("vip-released", "ann")]
    store.allocate(enroll("B", 2, addresses={"public": "203.0.113.2"}), NOW)


def test_that_a_cluster_is_set_up_is_noted_once_and_holds_until_it_is_forgotten(store: Store) -> None:
    for _ in range(2):
        store.note_set_up("cl1", NOW)
        store.note_set_up("cl2", NOW)
        assert store.snapshot().set_up == {"cl1", "cl2"} == store.set_up()
    for _ in range(2):
        store.forget_set_up("cl1", NOW)
        assert store.snapshot().set_up == {"cl2"} == store.set_up()
    kinds = [event.kind for event in store.last_events()]
    assert kinds == ["cluster-set-up", "cluster-set-up", "cluster-begins-again"]


def test_what_clusters_with_nodes_keep_is_replaced_as_a_whole_and_forgotten(store: Store) -> None:
    epoxy = {"release.openstack": "epoxy", "release.debian": "trixie"}
    for values in (epoxy, epoxy | {"swift_part_power": "16"}, epoxy):
        store.keep_fixed("cl1", values, NOW)
        store.keep_fixed("cl2", epoxy, NOW)
        assert store.snapshot().fixed == {"cl1": values, "cl2": epoxy} == store.fixed()
    store.keep_fixed("cl2", {}, NOW)
    store.note_set_up("cl1", NOW)
    assert (store.fixed(), store.set_up()) == ({"cl1": epoxy}, {"cl1"})
