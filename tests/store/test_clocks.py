"""What a clock wrote down that was ahead counts as past, in the order in which it came."""

from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise

import pytest

from reconciler.app.clocks import STILL_SECONDS, ClockWatch, behind
from reconciler.model.errors import TemporaryError
from reconciler.model.events import Failed, Proved, Started, Succeeded
from reconciler.model.folding import squeezed
from reconciler.model.history import Proof
from reconciler.model.machine import DocumentVersion, InstallStatus, Power
from reconciler.model.observations import Heard
from reconciler.store import Store

from .samples import NOW, SECOND, install, report

DAYS = timedelta(days=2)
AHEAD = NOW + DAYS
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize("used_for", [timedelta(minutes=1), timedelta(days=400)])
def test_moments_set_back_keep_their_order(used_for: timedelta) -> None:
    right = [NOW - used_for - timedelta(days=3), NOW - used_for]
    wrong = [AHEAD - used_for, AHEAD - 2 * SECOND, AHEAD - SECOND, AHEAD]
    past = [squeezed(moment, NOW, AHEAD) for moment in [*right, *wrong]]
    assert past[:2] == right, "what the clock said while it was right stays"
    assert all(earlier < later for earlier, later in pairwise(past))
    assert past[-1] == NOW
    assert squeezed(AHEAD + MINUTE, NOW, AHEAD) == NOW, "whatever it is, it is not in the future"


def lives(store: Store) -> None:
    """A machine that was installed, reported and failed while the clock was ahead."""
    store.record([report(at=AHEAD - 50 * MINUTE)])
    store.append(Started("A", AHEAD - 40 * MINUTE, install()))
    store.append(Succeeded("A", AHEAD - 30 * MINUTE, install()))
    store.append(Failed("A", AHEAD - 20 * MINUTE, "x", "no answer"))
    store.record([Heard("A", AHEAD - 10 * MINUTE, "192.168.101.9", InstallStatus.FIRSTBOOT)])
    store.record([Heard("A", AHEAD, power=Power.ON), Heard("A", AHEAD, puppet_at=AHEAD - 5 * MINUTE)])
    store.keep_documents({"a.example.com": DocumentVersion("old", NOW - MINUTE)})
    store.keep_documents({"a.example.com": DocumentVersion("new", AHEAD - 15 * MINUTE)})


def test_a_machine_goes_on_as_if_the_clock_had_been_right(store: Store) -> None:
    lives(store)
    store.snapshot()
    watch = ClockWatch(store)
    assert watch.heed(NOW)
    known = store.snapshot()
    h, seen, (newest, oldest) = known.histories["A"], known.seen["A"], known.documents["a.example.com"]
    said = [
        seen.reported_at, h.install.begun, h.last_done_at, h.failures.since, newest.since, seen.status_at,
        seen.last_puppet_began, seen.power_at,
    ]  # fmt: skip
    assert all(earlier < later for earlier, later in pairwise(moment for moment in said if moment is not None))
    assert None not in said
    assert seen.power_at == NOW
    assert (newest.digest, oldest.since) == ("new", NOW - MINUTE)
    assert h.touched is not None
    store.record([report(at=NOW + SECOND)])
    assert store.snapshot().seen["A"].reported_at > h.touched, "its next report is news"
    assert [event.kind for event in store.events()][-2:] == ["clock-set-back", "clock-behind"]
    assert not watch.heed(NOW + SECOND), "once is enough"
    assert not ClockWatch(store).heed(NOW + SECOND), "for the next daemon too"


def test_a_proof_alone_is_set_back_too(store: Store) -> None:
    store.append(Started("A", NOW - 40 * MINUTE, install()))
    store.append(Proved("A", AHEAD, Proof(AHEAD, "live", "192.168.101.9")))
    assert store.newest_moment() == AHEAD
    assert ClockWatch(store).heed(NOW)
    proof = store.histories()["A"].looks.proof
    assert proof is not None
    assert proof.at == NOW, "or no later boot of the machine would be newer"


def test_people_are_told_until_the_clock_is_there_again(store: Store) -> None:
    assert behind(None, NOW) is None
    assert behind(store.snapshot().set_back, NOW) is None
    lives(store)
    ClockWatch(store).heed(NOW)
    told = behind(store.snapshot().set_back, NOW + SECOND)
    assert told and "turned out to have said 2026-11-24T12:00:00 before" in told
    assert behind(store.snapshot().set_back, AHEAD) is None


def test_a_clock_put_back_while_the_daemon_runs_is_noticed(store: Store) -> None:
    watch = ClockWatch(store)
    assert not watch.heed(AHEAD)
    assert not watch.heed(AHEAD + MINUTE)
    lives(store)
    assert not watch.heed(AHEAD + MINUTE - 9 * SECOND), "by a little"
    assert watch.heed(NOW)
    assert store.histories()["A"].touched <= NOW


def test_a_right_clock_changes_nothing(store: Store) -> None:
    lives(store)
    before = store.change_token()
    assert not ClockWatch(store).heed(AHEAD)
    assert store.change_token() == before


def test_a_clock_whose_moments_could_not_be_set_back_is_not_taken_for_right(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    lives(store)
    watch = ClockWatch(store)
    assert not watch.heed(AHEAD)
    with monkeypatch.context() as away, pytest.raises(TemporaryError):
        away.setattr(store, "set_back", raising(TemporaryError("the database is locked")))
        watch.heed(NOW)
    assert watch.heed(NOW + SECOND)
    assert store.histories()["A"].touched <= NOW + SECOND


def raising(error: Exception) -> Callable[..., None]:
    def fail(*_: object) -> None:
        raise error

    return fail


def test_documents_that_came_after_the_last_word_are_set_back_in_their_order(store: Store) -> None:
    lives(store)
    for minutes, digest in enumerate(("newer", "newest"), 1):
        store.keep_documents({"a.example.com": DocumentVersion(digest, AHEAD + minutes * MINUTE)})
    assert ClockWatch(store).heed(NOW)
    assert [version.digest for version in store.snapshot().documents["a.example.com"]] == [
        "newest", "newer", "new", "old",
    ]  # fmt: skip


def test_a_clock_that_stands_still_is_told_of_until_it_goes_on(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = [100.0]
    monkeypatch.setattr("reconciler.app.clocks.seam.steady", lambda: seconds[0])
    watch = ClockWatch(store)
    assert watch.stands_still is None
    watch.heed(NOW)
    seconds[0] += STILL_SECONDS - 1
    watch.heed(NOW)
    assert watch.stands_still is None, "two looks at once"
    seconds[0] += 1
    watch.heed(NOW)
    assert "it stands still at 2026-11-22T12:00:00 UTC" in (watch.stands_still or "")
    watch.heed(NOW + SECOND)
    assert watch.stands_still is None
