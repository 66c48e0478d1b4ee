"""What is said of the daemon itself, and how what goes on beside its loop goes on."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
import structlog

from reconciler.app import companions
from reconciler.app.companions import Companions, LeaseLostError, Well, every
from reconciler.app.health import OVERDUE_SECONDS, PLANNING, Health
from reconciler.model.errors import PermanentError, TemporaryError

from ..waiting import becomes

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def steady(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.seconds)


def texts(health: Health) -> list[str]:
    return [problem.text for problem in health.problems()]


def test_what_fails_is_told_since_when_until_it_works_again() -> None:
    clock = Clock()
    health = Health(clock.now, clock.steady)
    assert health.fails("looking at power", "no route")
    clock.seconds = 60
    assert not health.fails("looking at power", "no route"), "that is no news"
    assert health.fails("looking at power", "no route at all")
    assert texts(health) == ["looking at power fails since 2026-11-29 12:00:00 UTC: no route at all"]
    health.works("looking at power")
    assert texts(health) == []
    failed = "no answer from http://me:hunter2@bmc.example.com/redfish?token=hunter2"
    assert health.fails("looking at power", failed)
    assert not health.fails("looking at power", failed)
    assert "hunter2" not in str(texts(health)), "anybody may ask for it"
    health.works("looking at power")


def test_a_pass_that_does_not_end_is_told() -> None:
    clock = Clock()
    health = Health(clock.now, clock.steady)
    clock.seconds = 10 * OVERDUE_SECONDS
    assert texts(health) == [], "a daemon that stands by makes no passes"
    health.expect_passes()
    clock.seconds += OVERDUE_SECONDS
    assert texts(health) == []
    clock.seconds += 61
    assert texts(health) == [
        "planning fails: no pass has ended for 6 minutes: it hangs, or waits for a disk, a file or the database"
    ]
    health.fails(PLANNING, "the database cannot be read")
    assert len(texts(health)) == 1, "why it fails says more"
    health.works(PLANNING)
    health.expect_passes()
    assert texts(health) == []


@pytest.fixture
def health(monkeypatch: pytest.MonkeyPatch) -> Health:
    monkeypatch.setattr(companions, "FIRST_AGAIN_SECONDS", 0.01)
    clock = Clock()
    return Health(clock.now, clock.steady)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(24, "Too many open files"), "Too many open files"),
        (TemporaryError("the database cannot be read"), "the database cannot be read"),
        (PermanentError("the database is damaged"), "the database is damaged"),
        (KeyError("x"), "KeyError: 'x'. This is a bug in reconciler; its log says more"),
    ],
    ids=lambda given: type(given).__name__,
)
async def test_whatever_fails_is_shown_and_tried_again(health: Health, error: Exception, said: str) -> None:
    failed, mended = asyncio.Event(), asyncio.Event()

    async def turn() -> None:
        if not mended.is_set():
            failed.set()
            raise error

    beside = Companions(health, lambda: pytest.fail("no lease was lost"))
    with structlog.testing.capture_logs() as logs:
        beside.start("looking at power", every(0.01, turn))
        await failed.wait()
        await becomes("it is told", lambda: health.is_failing("looking at power"))
        assert said in texts(health)[0]
        mended.set()
        await becomes("it is mended", lambda: not health.is_failing("looking at power"))
    beside.check()
    await beside.stop()
    assert [entry["what"] for entry in logs if entry["log_level"] == "error"][:1] == ["looking at power"]


async def test_only_a_lost_lease_ends_the_loop(health: Health) -> None:
    woken = asyncio.Event()

    async def lease(well: Well) -> None:
        well()
        raise LeaseLostError("another daemon has taken over this database")

    beside = Companions(health, woken.set)
    beside.start("keeping the lease", lease)
    await woken.wait()
    with pytest.raises(LeaseLostError):
        await becomes("it ends", beside.check)
    await beside.stop()


async def test_what_keeps_failing_is_tried_later_and_later(health: Health, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    enough = asyncio.Event()

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 13:
            enough.set()
            await asyncio.Event().wait()

    async def turn(well: Well) -> None:
        raise TemporaryError("no")

    monkeypatch.setattr(companions.asyncio, "sleep", pause)
    beside = Companions(health, lambda: None)
    beside.start("looking at power", turn)
    await enough.wait()
    await beside.stop()
    assert pauses[:4] == [0.01, 0.02, 0.04, 0.08]
    assert pauses[-1] == companions.LAST_AGAIN_SECONDS
