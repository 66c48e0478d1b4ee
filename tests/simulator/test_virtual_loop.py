"""Time that jumps, an order that is drawn, calls that are made here, and processes that die."""

import asyncio
import contextlib
from asyncio import sleep
from collections.abc import Iterator
from random import Random

import pytest

from reconciler.execution.seam import offload
from reconciler.simulator.virtual_loop import (
    MOST_STEPS_AT_ONCE,
    WORLD,
    Killed,
    Process,
    StuckError,
    VirtualLoop,
    die,
    this_process,
)


@contextlib.contextmanager
def looping(seed: int = 1) -> Iterator[VirtualLoop]:
    loop = VirtualLoop(Random(seed), lambda: 0.001)
    try:
        yield loop
    finally:
        for task in asyncio.all_tasks(loop):
            task._log_destroy_pending = False
            task.get_coro().close()
        loop.close()


def test_a_year_passes_at_once() -> None:
    async def rest() -> float:
        await sleep(365 * 86_400)
        return asyncio.get_running_loop().time()

    with looping() as loop:
        assert loop.run_until_complete(rest()) == pytest.approx(365 * 86_400, abs=1)
        assert loop.steps < 10


def test_a_timeout_is_over_when_its_time_has_come() -> None:
    async def wait() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(60):
                await sleep(61)
        return asyncio.get_running_loop().time()

    with looping() as loop:
        assert loop.run_until_complete(wait()) == pytest.approx(60, abs=0.01)


def order(seed: int) -> list[int]:
    """In which order ten tasks come twice."""
    came: list[int] = []

    async def come(number: int) -> None:
        for _ in range(2):
            await sleep(0)
            came.append(number)

    async def all_of_them() -> None:
        await asyncio.gather(*(come(number) for number in range(10)))

    with looping(seed) as loop:
        loop.run_until_complete(all_of_them())
    return came


def test_who_is_next_is_drawn_and_the_same_seed_draws_the_same() -> None:
    orders = [order(seed) for seed in range(20)]
    assert len({tuple(each) for each in orders}) == 20
    assert orders == [order(seed) for seed in range(20)]
    assert all(sorted(each) == sorted([*range(10)] * 2) for each in orders)


def test_no_two_steps_are_at_the_same_moment() -> None:
    moments: list[float] = []

    async def look() -> None:
        for _ in range(5):
            await sleep(0)
            moments.append(asyncio.get_running_loop().time())

    async def both() -> None:
        await asyncio.gather(look(), look())

    with looping() as loop:
        loop.run_until_complete(both())
    assert len(set(moments)) == 10


def test_what_goes_to_a_thread_is_done_here_and_others_come_in_between() -> None:
    told: list[str] = []

    async def other() -> None:
        await sleep(0.000_5)
        told.append("other")

    async def ask() -> str:
        beside = asyncio.create_task(other())
        found = await offload(lambda: told.append("call") or "found")
        await beside
        return found

    with looping() as loop:
        assert loop.run_until_complete(ask()) == "found"
    assert told == ["other", "call"]


def test_what_a_call_raises_is_raised_where_it_is_waited_for() -> None:
    def fails() -> None:
        raise KeyError("nothing")

    async def ask() -> None:
        with pytest.raises(KeyError):
            await offload(fails)

    with looping() as loop:
        loop.run_until_complete(ask())


def test_a_call_that_nobody_waits_for_any_more_is_made_all_the_same() -> None:
    made: list[int] = []

    async def give_up() -> None:
        asking = asyncio.create_task(offload(made.append, 1))
        await sleep(0.000_1)
        asking.cancel()
        await sleep(1)

    with looping() as loop:
        loop.run_until_complete(give_up())
    assert made == [1]


def test_a_process_that_is_killed_never_runs_again_and_nothing_of_it_tidies_up() -> None:
    told: list[str] = []
    process = Process("one")

    async def child() -> None:
        try:
            assert this_process() is process
            await sleep(10)
            told.append("child")
        finally:
            told.append("tidied up")

    async def live() -> None:
        asyncio.create_task(child())  # noqa: RUF006 - the loop is held by who runs it
        asyncio.get_running_loop().call_later(5, told.append, "timer")
        await offload(told.append, "call")
        await sleep(3)
        told.append("lived")
        await sleep(3)
        told.append("lived on")

    async def world(loop: VirtualLoop) -> None:
        with process.inside():
            loop.create_task(live())
        assert this_process() is WORLD
        await sleep(4)
        process.kill()
        await sleep(100)
        assert told == ["call", "lived"]

    with looping() as loop:
        loop.run_until_complete(world(loop))


def test_a_process_may_die_in_the_middle_of_a_call() -> None:
    told: list[str] = []
    process = Process("one")

    def call() -> None:
        told.append("before")
        die()

    async def live() -> None:
        try:
            await offload(call)
        finally:
            told.append("after")

    async def world(loop: VirtualLoop) -> None:
        with process.inside():
            loop.create_task(live())
        await sleep(100)
        assert (told, process.is_alive) == (["before"], False)

    with looping() as loop:
        loop.run_until_complete(world(loop))
    with pytest.raises(Killed):
        die()
    WORLD.is_alive = True


def test_what_the_world_does_goes_on_when_whoever_asked_has_died() -> None:
    told: list[str] = []
    process = Process("one")

    async def installs() -> None:
        assert this_process() is WORLD
        await sleep(10)
        told.append("installed")

    async def live(loop: VirtualLoop) -> None:
        await asyncio.shield(loop.of_world(installs()))
        told.append("heard of it")

    async def world(loop: VirtualLoop) -> None:
        with process.inside():
            loop.create_task(live(loop))
        await sleep(1)
        process.kill()
        await sleep(100)

    with looping() as loop:
        loop.run_until_complete(world(loop))
    assert told == ["installed"]


def test_a_world_in_which_nobody_is_ever_ready_again_is_told() -> None:
    async def forever() -> None:
        await asyncio.Event().wait()

    with looping() as loop, pytest.raises(StuckError, match="nobody is ready"):
        loop.run_until_complete(forever())


def test_a_loop_that_never_waits_is_told() -> None:
    async def spin() -> None:
        while True:
            await sleep(0)

    with looping() as loop, pytest.raises(StuckError, match=f"{MOST_STEPS_AT_ONCE} steps"):
        loop.run_until_complete(spin())


@pytest.mark.parametrize(
    "leave",
    [
        lambda: asyncio.get_running_loop().create_connection(asyncio.Protocol, "127.0.0.1", 1),
        lambda: asyncio.get_running_loop().subprocess_exec(asyncio.SubprocessProtocol, "true"),
        lambda: asyncio.get_running_loop().getaddrinfo("localhost", 1),
    ],
)
def test_nothing_leaves_it(leave: object) -> None:
    async def out() -> None:
        with pytest.raises(RuntimeError, match="nothing in a simulation"):
            leave()  # type: ignore[operator]

    with looping() as loop:
        loop.run_until_complete(out())
