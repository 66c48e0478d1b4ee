"""No call to a machine is made while another daemon may act."""

import asyncio
from typing import Any

import pytest

from reconciler.app.certainty import Certainty, sure_bmcs, sure_child, sure_shells
from reconciler.app.companions import LeaseLostError

from ..waiting import becomes


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seconds = 1000.0
        monkeypatch.setattr("reconciler.execution.seam.steady", lambda: self.seconds)


class Session:
    """A session with whoever it is."""

    def __init__(self, told: list[str]) -> None:
        self.told = told

    async def set_power(self, want: str) -> str:
        self.told.append(want)
        return "done"

    async def close(self) -> None:
        self.told.append("closed")


class Opener:
    """Opens sessions, and is told other things at once."""

    def __init__(self) -> None:
        self.told: list[str] = []

    async def open(self, *_: object) -> Session:
        self.told.append("opened")
        return Session(self.told)

    async def meet(self, address: str) -> Session:
        return await self.open(address)

    def ask_again(self, address: str) -> None:
        self.told.append(address)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


async def test_a_call_waits_for_a_beat_that_is_younger_than_the_lease_lasts(clock: Clock) -> None:
    certainty, machines = Certainty(8.0), Opener()
    bmcs: Any = sure_bmcs(machines, certainty.sure)  # type: ignore[arg-type]
    certainty.beat(clock.seconds)
    session = await bmcs.open("somewhere")
    clock.seconds += 7.9
    assert await session.set_power("on") == "done"
    clock.seconds += 0.1  # it stood still, and may have been taken over from
    late = asyncio.create_task(session.set_power("off"))
    for _ in range(5):
        await asyncio.sleep(0)
    assert machines.told == ["opened", "on"]
    certainty.beat(clock.seconds - 9)
    await asyncio.sleep(0)
    assert not late.done(), "a beat that began too long ago proves nothing"
    certainty.beat(clock.seconds)
    await becomes("it is done", late.done)
    assert machines.told == ["opened", "on", "off"]


async def test_a_daemon_that_was_taken_over_from_does_nothing_more_but_to_hang_up(clock: Clock) -> None:
    certainty, machines = Certainty(8.0), Opener()
    certainty.beat(clock.seconds)
    bmcs: Any = sure_bmcs(machines, certainty.sure)  # type: ignore[arg-type]
    shells: Any = sure_shells(machines, certainty.sure)  # type: ignore[arg-type]
    session = await bmcs.open("somewhere")
    clock.seconds += 10
    waiting = asyncio.create_task(session.set_power("off"))
    await asyncio.sleep(0)
    certainty.lose()
    for call in (waiting, session.set_power("on"), bmcs.open("elsewhere"), shells.meet("10.0.0.1")):
        with pytest.raises(LeaseLostError, match="taken over"):
            await call
    await session.close()
    bmcs.ask_again("10.0.0.1")
    assert machines.told == ["opened", "closed", "10.0.0.1"]


async def test_a_program_of_the_operators_is_run_once_it_is_certain(clock: Clock) -> None:
    told: list[str] = []

    async def tell(command: Any, said: Any, seconds: float) -> None:
        told.append(command[0])

    certainty = Certainty(8.0)
    running = asyncio.create_task(sure_child(tell, certainty.sure)(["hook"], {}, 1.0))
    await asyncio.sleep(0)
    assert told == [], "no beat was ever written"
    certainty.beat(clock.seconds)
    await running
    assert told == ["hook"]
