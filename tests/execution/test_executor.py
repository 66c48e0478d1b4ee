"""The executor: what is journalled, in what order, and what is never done at once."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.execution.executor import Executor, Limits
from reconciler.execution.handlers import TABLE, handlers
from reconciler.model.actions import Action
from reconciler.model.errors import NotBegunError, PermanentError, TemporaryError
from reconciler.model.events import Advanced, Event, Failed, Interrupted, Started, Succeeded
from reconciler.model.folding import histories
from reconciler.model.history import History, Phase
from reconciler.model.plan import Advance
from reconciler.model.reasons import Reason

from ..fakes.clock import FakeClock
from ..fakes.journal import Crash, CrashingJournal, HeldJournal, MemoryJournal
from ..waiting import LONG, becomes
from . import build
from .build import World


def an_executor(journal: MemoryJournal, handler: Callable[[Any], Awaitable[None]], **options: Any) -> Executor:
    return Executor(journal, dict.fromkeys(TABLE, handler), FakeClock(), **options)


async def idle(executor: Executor) -> None:
    await until(lambda: not executor.in_flight)


async def until(true: Callable[[], bool]) -> None:
    await becomes("the executor has come so far", true, every=0.001)


def on(serial: str, action: Action = build.LIVE) -> Action:
    return replace(action, serial=serial)


async def nothing(_: Action) -> None:
    pass


async def forever(_: Action) -> None:
    await asyncio.Event().wait()


def failing(error: BaseException) -> Callable[[Action], Awaitable[None]]:
    async def handler(_: Action) -> None:
        raise error

    return handler


async def test_an_action_is_journalled_with_its_reason_before_its_effect_and_after() -> None:
    journal = MemoryJournal()

    async def handler(action: Action) -> None:
        assert journal.events == [Started("A001", clock(), action, build.REASON)]

    executor = an_executor(journal, handler)
    clock = executor.clock
    assert executor.submit(build.acts([build.LIVE])) == (build.LIVE,)
    assert executor.in_flight == {"A001": build.LIVE}
    await idle(executor)
    assert journal.events == [
        Started("A001", clock(), build.LIVE, build.REASON),
        Succeeded("A001", clock(), build.LIVE),
    ]


async def test_what_the_daemon_could_not_begin_is_no_failure_of_the_machine() -> None:
    journal = MemoryJournal()
    executor = an_executor(journal, failing(NotBegunError("the state folder is full")))
    executor.submit(build.acts([build.LIVE]))
    await idle(executor)
    assert [type(event) for event in journal.events] == [Started, Interrupted]
    assert histories(journal.events)["A001"].failures.count == 0


@pytest.mark.parametrize(
    ("error", "text", "permanent"),
    [
        (TemporaryError("busy"), "busy", False),
        (PermanentError("wrong machine"), "wrong machine", True),
        (KeyError("x"), "KeyError: 'x'. This is a bug in reconciler.", False),
        (TimeoutError("theirs"), "TimeoutError: theirs. This is a bug in reconciler.", False),
    ],
)
async def test_a_failure_is_journalled_as_what_it_is(error: Exception, text: str, permanent: bool) -> None:
    journal = MemoryJournal()
    executor = an_executor(journal, failing(error))
    executor.submit(build.acts([build.LIVE]))
    await idle(executor)
    assert journal.events[1:] == [Failed("A001", executor.clock(), build.LIVE.id, text, permanent)]


async def test_our_mistake_on_one_machine_does_not_stop_the_others() -> None:
    journal = MemoryJournal()

    async def handler(action: Action) -> None:
        if action.serial == "A001":
            raise ZeroDivisionError

    executor = an_executor(journal, handler)
    executor.submit(build.acts([on("A001"), on("A002")]))
    await idle(executor)
    assert (journal.kinds("A001"), journal.kinds("A002")) == (["started", "failed"], ["started", "succeeded"])


async def test_an_action_that_takes_too_long_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build.LIVE.__class__, "limit", 0.01)
    journal = MemoryJournal()
    executor = an_executor(journal, forever)
    executor.submit(build.acts([build.LIVE]))
    await idle(executor)
    assert isinstance(journal.events[1], Failed)
    assert journal.events[1].error == "it did not end within 0 s"


async def test_a_machine_has_one_action_at_a_time() -> None:
    executor = an_executor(MemoryJournal(), forever)
    assert executor.submit(build.acts([build.LIVE, build.DISK])) == (build.LIVE,)
    assert executor.submit(build.acts([build.DISK, build.LIVE])) == ()
    await executor.drain(0)


async def test_whoever_looks_once_all_is_journalled_sees_everything_that_was_submitted_in_flight() -> None:
    class SlowDisk(MemoryJournal):
        def append(self, event: Event) -> int:
            time.sleep(0.05)
            return super().append(event)

    journal = SlowDisk()
    executor = an_executor(journal, forever)
    await executor.journalled()
    executor.submit(build.acts([on("A001"), on("A002")]))
    assert journal.kinds() == []
    await executor.journalled()
    assert journal.kinds() == ["started", "started"]
    await executor.drain(0)


async def test_what_could_not_be_journalled_keeps_nobody_waiting() -> None:
    executor = an_executor(MemoryJournal(away=1), forever)
    executor.submit(build.acts([build.LIVE]))
    await executor.journalled()
    assert executor.in_flight == {}


async def test_what_finds_no_slot_is_not_started() -> None:
    journal = MemoryJournal()
    executor = an_executor(journal, forever, limits=Limits(running=5, through_the_bmc=2))
    boots = [on(f"A{i}") for i in range(4)]
    mints = [on(f"B{i}", build.MINT) for i in range(4)]
    assert executor.submit(build.acts([*boots, *mints])) == (*boots[:2], *mints[:3])
    await executor.drain(0)
    assert journal.kinds().count("started") == 5


async def test_bmcs_that_are_set_up_leave_slots_to_those_that_switch() -> None:
    executor = an_executor(MemoryJournal(), forever, limits=Limits(through_the_bmc=4, setting_up_bmcs=2))
    new = [on(f"N{i}", build.CONFIGURE) for i in range(4)]
    boots = [on(f"A{i}") for i in range(4)]
    assert executor.submit(build.acts([*new, *boots])) == (*new[:2], *boots[:2])
    await executor.drain(0)


async def test_the_loop_is_woken_after_every_end() -> None:
    ended: list[Event] = []
    executor = an_executor(MemoryJournal(), nothing, on_done=ended.append)
    executor.submit(build.acts([on("A001"), on("A002")]))
    await until(lambda: len(ended) == 2)
    assert not executor.in_flight


async def test_nothing_is_done_that_cannot_be_journalled_first() -> None:
    done = []

    async def handler(action: Action) -> None:
        done.append(action)

    journal = MemoryJournal(away=1)
    executor = an_executor(journal, handler)
    executor.submit(build.acts([build.LIVE]))
    await idle(executor)
    assert (done, journal.events) == ([], [])
    executor.submit(build.acts([build.LIVE]))
    await idle(executor)
    assert done == [build.LIVE]


async def test_an_end_is_written_as_soon_as_the_journal_is_back() -> None:
    journal = MemoryJournal()

    async def handler(_: Action) -> None:
        journal.away = 3

    executor = an_executor(journal, handler)
    executor.sleep = executor.clock.sleep
    executor.submit(build.acts([build.LIVE]))
    await idle(executor)
    assert journal.kinds() == ["started", "succeeded"]


async def test_an_advance_is_journalled_with_its_reason() -> None:
    journal = MemoryJournal()
    executor = an_executor(journal, nothing)
    await executor.advance(Advance("A001", Phase.INSTALLED, Reason.INSTALL_ENDED, "it said so"))
    assert journal.events == [
        Advanced("A001", executor.clock(), Phase.INSTALLED, "it said so", reason=Reason.INSTALL_ENDED)
    ]


async def test_what_a_crash_left_open_is_closed_as_interrupted() -> None:
    journal = MemoryJournal()
    executor = an_executor(journal, nothing)
    known = {"A001": History(open_action=build.LIVE), "A002": History()}
    assert await executor.recover(known) == 1
    assert journal.events == [Interrupted("A001", executor.clock(), build.LIVE.id)]


class TestDrain:
    async def test_short_actions_end_by_themselves(self) -> None:
        journal, go = MemoryJournal(), asyncio.Event()

        async def handler(_: Action) -> None:
            await go.wait()

        executor = an_executor(journal, handler)
        executor.submit(build.acts([build.LIVE]))
        draining = asyncio.create_task(executor.drain(90))
        await until(lambda: journal.kinds() == ["started"])
        go.set()
        await draining
        assert journal.kinds() == ["started", "succeeded"]

    async def test_following_an_install_ends_at_once(self) -> None:
        journal = MemoryJournal()
        executor = an_executor(journal, forever)
        executor.submit(build.acts([build.INSTALL]))
        await until(lambda: journal.kinds() == ["started"])
        async with asyncio.timeout(LONG):
            await executor.drain(3600)
        assert journal.kinds() == ["started", "interrupted"]

    async def test_what_does_not_end_in_time_is_interrupted(self) -> None:
        journal = MemoryJournal()
        executor = an_executor(journal, forever)
        executor.submit(build.acts([build.LIVE]))
        await until(lambda: journal.kinds() == ["started"])
        await executor.drain(0.01)
        assert journal.kinds() == ["started", "interrupted"]
        assert not executor.in_flight

    async def test_nothing_is_started_afterwards(self) -> None:
        executor = an_executor(MemoryJournal(), nothing)
        await executor.drain(0)
        assert executor.submit(build.acts([build.LIVE])) == ()

    async def test_a_shutdown_while_the_journal_is_written_leaves_nothing_open(self) -> None:
        for turns in range(12):
            journal = MemoryJournal()
            executor = an_executor(journal, forever)
            executor.submit(build.acts([build.INSTALL]))
            for _ in range(turns):
                await asyncio.sleep(0)
            await executor.drain(0)
            assert all(history.open_action is None for history in histories(journal.events).values())

    async def test_what_is_cancelled_twice_while_its_start_is_written_ends_after_it(self) -> None:
        journal = HeldJournal()
        executor = an_executor(journal, forever)
        executor.submit(build.acts([build.INSTALL]))
        await until(journal.asked.is_set)
        draining = asyncio.create_task(executor.drain(0))  # cancels what outlives us, then whatever is left
        for _ in range(20):
            await asyncio.sleep(0)
        journal.goes_on.set()
        await draining
        assert journal.kinds() == ["started", "interrupted"]


crashes = st.builds(CrashingJournal, crash_at=st.integers(1, 10), lose_write=st.booleans())
scripts = st.lists(st.sampled_from([build.ENROLL, build.LIVE, build.INSTALL, build.DISK]), min_size=1, max_size=5)


@settings(max_examples=60)
@given(crashes, scripts)
async def test_a_crash_at_any_write_leaves_a_trace_and_a_restart_closes_it(
    journal: CrashingJournal, script: list[Action]
) -> None:
    world = World()
    executor = Executor(journal, handlers(world.tools), world.clock)
    tasks = []
    for action in script:
        if executor.submit(build.acts([action])):
            tasks.append(executor._running[action.serial][1])
        await idle(executor)
    ends = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(end, Crash) for end in ends if end is not None)
    begun = [event.action for event in journal.events if isinstance(event, Started)]
    assert (build.INSTALL in begun) >= bool(world.machine.installs), "an effect without a trace"
    assert (build.ENROLL in begun) >= bool(world.records.done), "an effect without a trace"
    found = histories(journal.events)

    after = MemoryJournal(list(journal.events))
    again = Executor(after, handlers(world.tools), world.clock)
    await again.recover(found)
    assert all(history.open_action is None for history in histories(after.events).values())
    again.submit(build.acts([build.INSTALL]))
    await idle(again)
    assert world.machine.installs == 1


async def test_a_thousand_machines_share_their_bmcs_and_slots_fairly() -> None:
    world = World()
    most = 0

    async def handler(action: Action) -> None:
        nonlocal most
        most = max(most, len(executor.in_flight))
        await handlers(world.tools)[type(action)](on("A001", action))

    executor = an_executor(MemoryJournal(), handler, limits=Limits(running=20, through_the_bmc=8))
    waiting = [on(f"M{i}", build.ON) for i in range(40)]
    async with asyncio.timeout(LONG):
        while waiting:
            started = executor.submit(build.acts(waiting))
            waiting = [action for action in waiting if action not in started]
            await asyncio.sleep(0.001)
        await idle(executor)
    assert most <= 8
    assert world.chassis.most_sessions == 1
