from collections.abc import Callable
from datetime import timedelta

import pytest

from reconciler.model.errors import PermanentError
from reconciler.store import Store

from .samples import NOW, SECOND, enroll, report

TTL = timedelta(seconds=30)


def test_of_two_daemons_one_acts_and_the_other_waits(store: Store, open_store: Callable[..., Store]) -> None:
    second = open_store()
    fence = store.acquire_lease("host-a:1", TTL, NOW)
    assert fence is not None
    assert second.acquire_lease("host-b:2", TTL, NOW + SECOND) is None
    assert store.renew_lease(fence, TTL, NOW + 29 * SECOND)
    assert second.acquire_lease("host-b:2", TTL, NOW + 31 * SECOND) is None
    store.release_lease(fence)
    taken = second.acquire_lease("host-b:2", TTL, NOW + 32 * SECOND)
    assert taken is not None
    assert taken > fence


def test_a_daemon_that_slept_through_its_lease_writes_nothing_more(
    store: Store, open_store: Callable[..., Store]
) -> None:
    second, operator = open_store(), open_store()
    fence = store.acquire_lease("host-a:1", TTL, NOW)
    assert fence is not None
    store.record([report()])
    assert second.acquire_lease("host-b:2", TTL, NOW + 31 * SECOND) is not None
    for write in (lambda: store.allocate(enroll(), NOW), lambda: store.record([report("B")])):
        with pytest.raises(PermanentError, match="another daemon has taken over"):
            write()
    assert not store.renew_lease(fence, TTL, NOW + 32 * SECOND)
    store.release_lease(fence)
    second.allocate(enroll(), NOW)
    operator.retry("A", who="ann", why="anyone may decide", at=NOW)
    assert store.snapshot().seen.keys() == {"A"}
    assert not second.acquire_lease("host-a:1", TTL, NOW + 33 * SECOND), "its late goodbye took nothing away"


def test_a_daemon_that_starts_again_under_its_name_takes_its_lease_back(store: Store) -> None:
    first = store.acquire_lease("host-a:1", TTL, NOW)
    again = store.acquire_lease("host-a:1", TTL, NOW)
    assert first is not None
    assert again is not None
    assert again > first
    assert not store.renew_lease(first, TTL, NOW)


def test_what_the_daemon_keeps_for_itself_wakes_nobody(store: Store) -> None:
    before = store.change_token()
    for text in ("{}", '{"version": 1}'):
        store.save_state("source", text)
    fence = store.acquire_lease("host-a:1", TTL, NOW)
    assert fence is not None
    store.renew_lease(fence, TTL, NOW)
    assert store.state("source") == '{"version": 1}'
    assert store.state("other") is None
    assert store.change_token() == before
