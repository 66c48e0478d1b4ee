"""Five hundred BMCs, one in twenty of them dead: the others do not notice.

The dead ones are dead for the real IPMI driver, which gives up after some six seconds and holds a thread meanwhile.
Of the living, some are ipmi_sim processes; the rest speak the demo's own protocol, one server each.
"""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from socket import SOCK_DGRAM

import pytest

from reconciler.app.watch_power import PowerWatch
from reconciler.execution.breaker import BreakerTimings, GuardedBmcs
from reconciler.execution.drivers.ipmi import IpmiBmcs
from reconciler.execution.drivers.plain import PlainBmc, PlainBmcs
from reconciler.execution.ensure import Time
from reconciler.execution.executor import Executor
from reconciler.execution.handlers import handlers
from reconciler.execution.ports import Bmc, BmcAccess, Bmcs
from reconciler.execution.seam import now
from reconciler.model.events import Event
from reconciler.model.machine import MachineView, Seen
from reconciler.model.observations import Heard
from reconciler.simulator.demo import free_port
from reconciler.simulator.fleet import SimBmc

from ...conformance import ipmi_sim
from ...fakes.clock import NOON
from ...fakes.journal import MemoryJournal
from .. import build
from ..build import FakeDirectory, World

BMCS, EVERY = 500, 20  # each twentieth is dead
OVER_IPMI = 20  # of the living
BACK_OFF = 0.5  # seconds until a failure is tried again; the planner's is a minute
USER, PASSWORD = "oci", "simulated"


def is_dead(number: int) -> bool:
    return number % EVERY == 0


@dataclass
class Counted:
    """Whichever protocol a BMC speaks; counts logins, and sessions at the same moment."""

    ipmi: Bmcs
    plain: Bmcs
    plain_port: int
    asked: Counter[str] = field(default_factory=Counter)

    async def open(self, access: BmcAccess) -> Bmc:
        self.asked[access.address] += 1
        return await (self.plain if access.port == self.plain_port else self.ipmi).open(access)


@dataclass
class Room:
    """A machine room: access to each BMC by serial, those that live first."""

    bmcs: Counted
    living: dict[str, BmcAccess]
    dead: dict[str, BmcAccess]
    chassis: list[SimBmc]

    async def turn_on(self, *, with_dead: bool) -> float:
        """Turn all machines on as the daemon would, failures again and again; seconds until the last living one is."""
        directory = FakeDirectory(bmcs=self.living | self.dead)
        seen = Seen(build.HARDWARE, "d", NOON, "192.0.2.7")
        directory.known = dict.fromkeys(directory.bmcs, seen)
        directory.generations = dict.fromkeys(directory.bmcs, 1)
        tools = replace(
            World(directory=directory).tools, bmcs=GuardedBmcs(self.bmcs, now), time=Time(now, asyncio.sleep)
        )
        wanted = sorted([*self.living, *(self.dead if with_dead else ())])
        due, ended = dict.fromkeys(wanted, 0.0), asyncio.Event()

        def done(event: Event) -> None:
            due[event.serial] = time.monotonic() + BACK_OFF
            if event.kind == "succeeded":
                del due[event.serial]
            ended.set()

        executor = Executor(MemoryJournal(), handlers(tools), now, on_done=done)
        began = time.monotonic()
        while due.keys() & self.living.keys():
            ended.clear()
            executor.submit(
                build.acts(replace(build.ON, serial=serial) for serial in list(due) if due[serial] <= time.monotonic())
            )
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(BACK_OFF):
                    await ended.wait()
        took = time.monotonic() - began
        await executor.drain(30)
        return took


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    driver, plain_port, port = IpmiBmcs(), free_port(), free_port(SOCK_DGRAM)
    found = Room(Counted(driver, PlainBmcs(), plain_port), {}, {}, [])
    async with AsyncExitStack() as stack:
        for number in range(BMCS):
            serial, address = f"S{number:03d}", f"127.6.{number // 250}.{number % 250 + 1}"
            if is_dead(number):
                found.dead[serial] = BmcAccess(address, port, USER, PASSWORD)
            elif len(found.living) < OVER_IPMI:
                running = ipmi_sim.running(tmp_path / serial, address, port, serial=serial)
                found.chassis.append(await stack.enter_async_context(running))
                found.living[serial] = BmcAccess(address, port, USER, PASSWORD)
            else:
                bmc = PlainBmc(address, plain_port, USER, PASSWORD, serial)
                await bmc.start()
                stack.push_async_callback(bmc.stop)
                found.chassis.append(bmc)
                found.living[serial] = BmcAccess(address, plain_port, USER, PASSWORD)
        yield found
        driver.close()


async def test_dead_bmcs_hold_up_nobody(room: Room) -> None:
    alone = await room.turn_on(with_dead=False)
    for chassis in room.chassis:
        chassis.show(False)
    room.bmcs.asked.clear()
    beside = await room.turn_on(with_dead=True)
    print(f"{len(room.living)} turned on in {alone:.1f} s alone, in {beside:.1f} s beside {len(room.dead)} dead ones")
    assert len(room.living) == 475
    assert beside < alone + 75  # the dead, one after the other, would take 25 times six seconds
    assert {room.bmcs.asked[access.address] for access in room.living.values()} <= {1, 2}
    assert max(room.bmcs.asked[access.address] for access in room.dead.values()) <= BreakerTimings().failures


async def test_a_second_look_at_all_of_them_waits_for_no_dead_one(room: Room) -> None:
    guarded = GuardedBmcs(room.bmcs, now, BreakerTimings(failures=1))
    heard: list[Sequence[Heard]] = []
    watch = PowerWatch(guarded, FakeDirectory(bmcs=room.living | room.dead), now, heard.append)
    machines = [MachineView(serial) for serial in sorted([*room.living, *room.dead])]
    for _ in range(2):
        await watch.look(machines, lambda _: False)
    assert [len(words) for words in heard] == [475, 475]
    assert set(guarded.left_alone) == {access.address for access in room.dead.values()}
    assert {room.bmcs.asked[access.address] for access in room.dead.values()} == {1}
