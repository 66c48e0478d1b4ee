"""What goes wrong, and what the operator reads of it: from the handler through journal and plan to the page."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from reconciler.execution.breaker import GuardedBmcs
from reconciler.execution.executor import Executor
from reconciler.execution.handlers import handlers
from reconciler.model.actions import Action, InstallOs
from reconciler.model.events import Retried
from reconciler.model.folding import histories
from reconciler.model.history import Phase
from reconciler.model.machine import MachineView, Power
from reconciler.model.plan import Act, Step
from reconciler.planning.planner import plan
from reconciler.render.inventory import machine_text
from reconciler.render.machines import machine_rows

from ..fakes.clock import NOON
from ..fakes.journal import MemoryJournal
from ..fakes.machine import FakeMachine
from ..planning.build import MINUTE, VIPS, cluster, given, holding, in_phase, machine, one, silent, tree
from . import build
from .build import World

SPEC = tree({"cl1": cluster(controller={"count": 3})})


INSTALLED = silent(in_phase(holding(machine(build.SERIAL)), Phase.INSTALLED), NOON - timedelta(hours=2))
IN_LIVE = in_phase(holding(machine(build.SERIAL)), Phase.ENROLLED)


class Site:
    """One machine, and what is to be done to it, over and over."""

    def __init__(self, action: Action = build.DISK) -> None:
        self.action = action
        self.view = IN_LIVE if isinstance(action, InstallOs) else INSTALLED
        self.world, self.journal = World(), MemoryJournal()
        self.guarded = GuardedBmcs(self.world.bmcs, self.world.clock)
        tools = replace(self.world.tools, bmcs=self.guarded)
        self.executor = Executor(self.journal, handlers(tools), self.world.clock, sleep=self.world.clock.time.sleep)

    async def act(self) -> None:
        """What the planner asked for is tried."""
        (action,) = self.executor.submit(build.acts([self.action]))
        while action.serial in self.executor.in_flight:
            await asyncio.sleep(0)

    def read(self) -> Step:
        """What an operator reads next to the machine now."""
        return one(SPEC, self.seen(), vips=VIPS, now=self.world.clock())

    def page(self) -> str:
        """``reconciler machines SERIAL``."""
        planned = given(SPEC, [self.seen()], vips=VIPS, now=self.world.clock())
        (row,) = machine_rows(plan(planned), planned.observed)
        return machine_text(row, (), self.world.clock())

    def seen(self) -> MachineView:
        known = histories(self.journal.events, {build.SERIAL: self.view.history})
        return replace(self.view, history=known[build.SERIAL])

    def retry(self) -> None:
        """The operator's one command, as the daemon heeds it."""
        self.journal.append(Retried(build.SERIAL, self.world.clock(), "ann", "mended"))
        self.guarded.ask_again("192.0.2.9")


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


def another_at_its_address(world: World) -> None:
    world.machine.serial = "B002"


def disk_gone(world: World) -> None:
    world.machine.disks = {}


def stops_half_way(world: World) -> None:
    world.machine.install_exit = 1


def mended(world: World) -> None:
    broken, world.machine = world.machine, FakeMachine()
    everywhere = [address for address, machine in world.shells.machines.items() if machine is broken]
    world.shells.machines.update(dict.fromkeys((build.ADDRESS, *everywhere), world.machine))
    world.chassis.password, world.chassis.silent, world.chassis.stuck = "secret", False, False
    world.chassis.serial, world.chassis.busy_for = build.SERIAL, 0


ITSELF, ONE_COMMAND = "another try at ", "an operator, then retry: "


@pytest.mark.parametrize(
    ("action", "broken", "how", "said"),
    [
        (build.DISK, wrong_password, ONE_COMMAND, "the BMC at 192.0.2.9 refuses user oci"),
        (build.DISK, dead, ITSELF, "the BMC at 192.0.2.9 does not answer"),
        (build.DISK, busy, ITSELF, "the BMC is busy"),
        (build.DISK, no_power, ITSELF, "power is not on 120 s after it was asked for, though its BMC took the command"),
        (build.DISK, not_its_own, ONE_COMMAND, "the BMC at 192.0.2.9 says that it belongs to B002, not to A001"),
        (build.INSTALL, another_at_its_address, ONE_COMMAND, "the machine at 192.0.2.7 is not A001"),
        (build.INSTALL, disk_gone, ONE_COMMAND, "sda"),
        (build.INSTALL, stops_half_way, ONE_COMMAND, "the installer ended with 1"),
    ],
)
async def test_an_operator_reads_what_is_wrong_since_when_and_what_to_do(
    action: Action, broken: Callable[[World], None], how: str, said: str
) -> None:
    site = Site(action)
    broken(site.world)
    await site.act()
    ended = site.world.clock()
    read = getattr(site.read(), "on", "")
    assert read.startswith(how)
    assert said in read
    assert site.world.chassis.booted_from == []
    await site.world.clock.sleep(30)
    page = site.page()
    assert f"Now             waiting for {read}" in page
    assert f"Failed 1x       since {ended:%Y-%m-%d %H:%M:%S}Z, 30 seconds ago" in page
    assert f"To try it again at once: reconciler retry {build.SERIAL} --why" in page

    mended(site.world)
    if how is ITSELF:
        await site.world.clock.sleep(2 * MINUTE.total_seconds())
    else:
        site.retry()
    assert isinstance(site.read(), Act)
    await site.act()
    assert site.journal.kinds()[-1] == "succeeded"
    assert site.world.machine.installs or site.world.chassis.state is Power.ON


async def test_a_live_system_that_never_reports_is_told_with_where_to_look_and_goes_on_by_itself_once_it_does() -> None:
    site = Site(build.LIVE)
    site.view = silent(IN_LIVE, NOON - MINUTE)
    site.world.chassis.state = Power.ON
    for _ in range(5):
        await site.act()
        await site.world.clock.sleep(30 * MINUTE.total_seconds())
    told = "an operator, then retry: 5 times boot_live, and no report came: look at its console, at DHCP for it"
    assert told in site.page()
    assert f"reconciler retry {build.SERIAL} --why" in site.page()
    site.view = silent(IN_LIVE, site.world.clock())
    assert isinstance(site.read(), Act)


async def test_a_bmc_that_stays_dead_is_left_alone_and_asked_at_once_when_told() -> None:
    site = Site()
    dead(site.world)
    for _ in range(5):
        await site.act()
        await site.world.clock.sleep(30)
    assert site.world.bmcs.opened == 3
    read = getattr(site.read(), "on", "")
    assert read.startswith("an operator, then retry: 5 failures in a row, the last: the BMC at 192.0.2.9 failed 3 time")
    assert "it is left alone until 12:0" in read
    mended(site.world)
    site.retry()
    await site.act()
    assert site.world.chassis.state is Power.ON
