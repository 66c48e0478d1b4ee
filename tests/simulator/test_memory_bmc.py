"""What a simulated BMC does beyond the conformance suite: it is slow, forgets, lies, and counts its callers."""

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

import pytest

from reconciler.execution.drivers.plain import PlainBmcs
from reconciler.execution.ports import Bmc, BmcAccess, BootDevice
from reconciler.model.errors import TemporaryError
from reconciler.model.machine import Power
from reconciler.simulator.memory_bmc import CHOICE_SECONDS, MemoryBmc, connecting
from reconciler.simulator.virtual_loop import Process, VirtualLoop
from reconciler.simulator.wires import Wires

AT = BmcAccess("192.0.2.1", 623, "oci", "secret")


@dataclass
class Bench:
    """One BMC, its wires, and what its chassis did."""

    loop: VirtualLoop
    did: list[tuple[bool, str]] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.wires = Wires(self.loop, Random(1), lambda line: None)
        self.bmc = MemoryBmc(
            AT.address, 623, "oci", "secret", "S1", chassis=self._follow, takes=asyncio.sleep,
            begin=self.loop.of_world, clock=self.loop.time, counted=lambda address, count: self.counts.append(count),
        )  # fmt: skip

    async def _follow(self, on: bool, device: str) -> None:
        self.did.append((on, device))

    async def session(self) -> Bmc:
        """Another program's session: within one, a lock keeps callers apart."""
        return await PlainBmcs(connecting(self.wires, {AT.address: self.bmc}.get)).open(AT)


@pytest.fixture
def bench() -> Iterator[Bench]:
    loop = VirtualLoop(Random(1), lambda: 0.001)
    with contextlib.closing(loop):
        yield Bench(loop)


def test_power_comes_with_its_time(bench: Bench) -> None:
    async def turn_on() -> None:
        bmc = await bench.session()
        await bmc.boot_next(BootDevice.NETWORK)
        await bmc.set_power(Power.ON)
        assert await bmc.power() is Power.OFF
        await asyncio.sleep(bench.bmc.power_seconds)
        assert await bmc.power() is Power.ON

    bench.loop.run_until_complete(turn_on())
    assert bench.did == [(True, "network")]


def test_a_device_that_was_chosen_long_ago_is_forgotten(bench: Bench) -> None:
    async def turn_on() -> None:
        bmc = await bench.session()
        await bmc.boot_next(BootDevice.NETWORK)
        await asyncio.sleep(CHOICE_SECONDS + 1)
        await bmc.set_power(Power.ON)
        await asyncio.sleep(bench.bmc.power_seconds + 1)

    bench.loop.run_until_complete(turn_on())
    assert bench.did == [(True, "default")]


def test_a_deaf_one_says_done_and_does_nothing(bench: Bench) -> None:
    async def turn_on() -> None:
        bench.bmc.is_deaf = True
        await (await bench.session()).set_power(Power.ON)
        await asyncio.sleep(bench.bmc.power_seconds + 1)

    bench.loop.run_until_complete(turn_on())
    assert bench.did == []


def test_a_liar_says_off_while_its_machine_runs(bench: Bench) -> None:
    async def ask() -> tuple[Power, Power]:
        bench.bmc.show(True)
        bmc = await bench.session()
        before = await bmc.power()
        bench.bmc.seems_off = True
        return before, await bmc.power()

    assert bench.loop.run_until_complete(ask()) == (Power.ON, Power.OFF)


def test_a_silent_one_hangs_up(bench: Bench) -> None:
    async def ask() -> None:
        bmc = await bench.session()
        bench.bmc.is_silent = True
        with pytest.raises(TemporaryError):
            await bmc.power()
        with pytest.raises(TemporaryError):
            await bench.session()

    bench.loop.run_until_complete(ask())


def test_sessions_are_counted_but_for_those_that_were_closed_and_those_of_the_dead(bench: Bench) -> None:
    async def talk() -> None:
        await (await bench.session()).close()
        process = Process("one")
        with process.inside():
            first = bench.loop.create_task(bench.session())
        await first
        await bench.session()
        process.kill()
        await bench.session()

    bench.loop.run_until_complete(talk())
    assert bench.counts == [1, 1, 2, 2]
