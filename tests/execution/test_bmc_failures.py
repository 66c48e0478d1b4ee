"""What goes wrong with a BMC, and what the operator reads of it: from the handler through journal and plan."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from reconciler.execution.breaker import GuardedBmcs
from reconciler.execution.executor import Executor
from reconciler.execution.handlers import handlers
from reconciler.model.events import Retried, histories
from reconciler.model.machine import Phase, Power
from reconciler.model.plan import Act, Step

from ..fakes.journal import MemoryJournal
from ..planning.build import MINUTE, VIPS, cluster, holding, in_phase, machine, one, silent, tree
from . import build
from .build import World

SPEC = tree({"cl1": cluster(controller={"count": 3})})


class Site:
    """One machine that is installed and to be booted from its disk, over and over."""

    def __init__(self) -> None:
        self.world, self.journal = World(), MemoryJournal()
        self.guarded = GuardedBmcs(self.world.bmcs, self.world.clock)
        tools = replace(self.world.tools, bmcs=self.guarded)
        self.executor = Executor(self.journal, handlers(tools), self.world.clock, sleep=self.world.clock.time.sleep)

    async def boot(self) -> None:
        """What the planner asked for is tried."""
        (action,) = self.executor.submit([build.DISK])
        while action.serial in self.executor.in_flight:
            await asyncio.sleep(0)

    def read(self) -> Step:
        """What an operator reads next to the machine now."""
        m = in_phase(holding(machine(build.SERIAL)), Phase.INSTALLED)
        known = histories(self.journal.events, {build.SERIAL: m.history})
        now = self.world.clock()
        return one(SPEC, silent(replace(m, history=known[build.SERIAL])), vips=VIPS, now=now)

    def retry(self) -> None:
        """The operator's one command, as the daemon heeds it."""
        self.journal.append(Retried(build.SERIAL, self.world.clock(), "ann", "mended"))
        self.guarded.ask_again("bmc")


def wrong_password(world: World) -> None:
    world.chassis.password = "another"


def dead(world: World) -> None:
    world.chassis.silent = True


def busy(world: World) -> None:
    world.chassis.busy_for = 1


def no_power(world: World) -> None:
    world.chassis.stuck = True


def not_its_own(world: World) -> None:
    world.chassis.serial = "B002"


def mended(world: World) -> None:
    world.chassis.password, world.chassis.silent, world.chassis.stuck = "secret", False, False
    world.chassis.serial, world.chassis.busy_for = build.SERIAL, 0


ITSELF, ONE_COMMAND = "another try at boot_disk at ", "an operator, then retry: boot_disk failed: "


@pytest.mark.parametrize(
    ("broken", "how", "said"),
    [
        (wrong_password, ONE_COMMAND, "the BMC at bmc refuses user oci"),
        (dead, ITSELF, "the BMC at bmc does not answer"),
        (busy, ITSELF, "the BMC is busy"),
        (no_power, ITSELF, "power is not on 120 s after it was asked for, though its BMC took the command"),
        (not_its_own, ONE_COMMAND, "the BMC at bmc says that it belongs to B002, not to A001: nothing was switched"),
    ],
)
async def test_an_operator_reads_what_is_wrong_and_it_goes_on_once_that_is_mended(
    broken: Callable[[World], None], how: str, said: str
) -> None:
    site = Site()
    broken(site.world)
    await site.boot()
    read = getattr(site.read(), "on", "")
    assert read.startswith(how)
    assert said in read
    assert site.world.chassis.booted_from == []

    mended(site.world)
    if how is ITSELF:
        await site.world.clock.sleep(2 * MINUTE.total_seconds())
    else:
        site.retry()
    assert isinstance(site.read(), Act)
    await site.boot()
    assert site.world.chassis.state is Power.ON
    assert site.journal.kinds()[-1] == "succeeded"


async def test_a_bmc_that_stays_dead_is_left_alone_and_asked_at_once_when_told() -> None:
    site = Site()
    dead(site.world)
    for _ in range(5):
        await site.boot()
        await site.world.clock.sleep(30)
    assert site.world.bmcs.opened == 3
    read = getattr(site.read(), "on", "")
    assert read.startswith("an operator, then retry: 5 failures in a row, the last: the BMC at bmc failed 3 times")
    assert "it is left alone until 12:0" in read
    mended(site.world)
    site.retry()
    await site.boot()
    assert site.world.chassis.state is Power.ON
