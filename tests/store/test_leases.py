from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from reconciler.model.errors import PermanentError
from reconciler.store import LeaseWatch, Store

from .samples import NOW, SECOND, enroll, report

TTL = timedelta(seconds=30)


class Waiter:
    """One daemon that asks for the lease, with a monotonic clock of its own."""

    def __init__(self, store: Store, name: str) -> None:
        self.store, self.name, self.seconds = store, name, 1000.0
        self.watch = LeaseWatch(TTL, lambda: self.seconds)

    def asks(self, after: float = 0.0, now: datetime = NOW) -> int | None:
        self.seconds += after
        return self.store.acquire_lease(self.name, self.watch, now)


def test_of_two_daemons_one_acts_and_the_other_waits(store: Store, open_store: Callable[..., Store]) -> None:
    first, second = Waiter(store, "host-a:1"), Waiter(open_store(), "host-b:2")
    fence = first.asks()
    assert fence is not None
    assert second.asks() is None
    assert second.asks(after=29) is None
    assert store.renew_lease(fence, TTL, NOW + 29 * SECOND)
    assert second.asks(after=29) is None
    assert second.asks(after=29) is None, "it beat once since, and is waited for from when that was seen"
    store.release_lease(fence)
    taken = second.asks()
    assert taken is not None
    assert taken > fence


@pytest.mark.parametrize("ahead", [timedelta(days=2), timedelta(), timedelta(days=-2)])
def test_a_daemon_whose_beat_stands_still_is_dead_whatever_its_clock_said(
    store: Store, open_store: Callable[..., Store], ahead: timedelta
) -> None:
    first, second = Waiter(store, "host-a:1"), Waiter(open_store(), "host-b:2")
    fence = first.asks(now=NOW + ahead)
    assert fence is not None
    for n in range(4):  # it beats for longer than the lease holds
        assert second.asks(after=20) is None
        assert store.renew_lease(fence, TTL, NOW + ahead + n * 20 * SECOND)
    assert second.asks(after=20) is None
    assert second.asks(after=29.9) is None
    taken = second.asks(after=0.1)
    assert taken is not None
    assert taken > fence


def test_a_daemon_that_slept_through_its_lease_writes_nothing_more(
    store: Store, open_store: Callable[..., Store]
) -> None:
    operator, first, second = open_store(), Waiter(store, "host-a:1"), Waiter(open_store(), "host-b:2")
    fence = first.asks()
    assert fence is not None
    store.record([report()])
    assert second.asks() is None
    assert second.asks(after=31) is not None
    for write in (lambda: store.allocate(enroll(), NOW), lambda: store.record([report("B")])):
        with pytest.raises(PermanentError, match="another daemon has taken over"):
            write()
    assert not store.renew_lease(fence, TTL, NOW + 32 * SECOND)
    store.release_lease(fence)
    assert first.asks() is None
    with pytest.raises(PermanentError, match="another daemon has taken over"):
        store.save_state("source", "{}")  # of a thread that was late, and only now comes to it
    second.store.allocate(enroll(), NOW)
    operator.retry("A", who="ann", why="anyone may decide", at=NOW)
    assert store.snapshot().seen.keys() == {"A"}
    assert not first.asks(), "its late goodbye took nothing away"


def test_nor_does_one_that_let_another_take_over_where_a_thread_of_it_is_late(
    store: Store, open_store: Callable[..., Store]
) -> None:
    first, second = Waiter(store, "host-a:1"), Waiter(open_store(), "host-b:2")
    fence = first.asks()
    assert fence is not None
    store.release_lease(fence)
    store.save_state("source", "nobody acts since")
    assert second.asks() is not None
    with pytest.raises(PermanentError, match="another daemon has taken over"):
        store.save_state("source", "{}")
    assert store.state("source") == "nobody acts since"


def test_a_daemon_that_starts_again_under_its_name_takes_its_lease_back(store: Store) -> None:
    waiter = Waiter(store, "host-a:1")
    first, again = waiter.asks(), waiter.asks()
    assert first is not None
    assert again is not None
    assert again > first
    assert not store.renew_lease(first, TTL, NOW)


def test_people_are_told_who_acts_unless_its_clock_is_far_off(store: Store) -> None:
    assert store.acting(NOW) is None
    fence = Waiter(store, "host-a:1").asks()
    assert fence is not None
    assert store.acting(NOW + 29 * SECOND) == "host-a:1"
    assert store.acting(NOW + 31 * SECOND) is None
    assert store.acting(NOW - timedelta(days=2)) is None, "it was killed with its clock two days ahead"
    store.release_lease(fence)
    assert store.acting(NOW) is None


def test_what_the_daemon_keeps_for_itself_wakes_nobody(store: Store) -> None:
    before = store.change_token()
    for text in ("{}", '{"version": 1}'):
        store.save_state("source", text)
    fence = Waiter(store, "host-a:1").asks()
    assert fence is not None
    store.renew_lease(fence, TTL, NOW)
    assert store.state("source") == '{"version": 1}'
    assert store.state("other") is None
    assert store.change_token() == before


def test_a_lease_that_is_broken_is_taken_at_once_and_its_holder_finds_that_out(
    store: Store, open_store: Callable[..., Store]
) -> None:
    operator, first, second = open_store(), Waiter(store, "host-a:1"), Waiter(open_store(), "host-b:2")
    assert operator.held_lease() is None
    assert operator.break_lease(who="ann", why="nobody acts", at=NOW) is None
    fence = first.asks()
    assert fence is not None
    held = operator.held_lease()
    assert held is not None
    assert (held.holder, held.fence) == ("host-a:1", fence)
    assert store.renew_lease(fence, TTL, NOW)
    assert operator.held_lease() != held, "it beats"
    assert second.asks() is None
    assert operator.break_lease(who="ann", why="the host burnt", at=NOW) == "host-a:1"
    assert not store.renew_lease(fence, TTL, NOW)
    assert second.asks() is not None
    assert [event.text for event in operator.last_events()] == [
        "the lease of the daemon host-a:1 is broken: the host burnt"
    ]
