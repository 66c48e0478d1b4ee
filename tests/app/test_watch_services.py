"""The sweep over nodes: whose services are asked when, and what is written down."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

from reconciler.app.watch_services import IN_A_ROW, ServiceWatch
from reconciler.model.gates import GateName, Readings
from reconciler.model.history import Phase
from reconciler.model.machine import MachineView
from reconciler.provisioning import look

from ..execution.build import OWN_ADDRESS, SERIAL, World
from ..planning.build import NOW, holding, in_phase, looked_at, machine

EVERY, SOON = timedelta(minutes=10), timedelta(seconds=10)


class Sweep:
    """One node, and a watch that looks at it whenever a test says so."""

    def __init__(self, readings: Readings | None = None) -> None:
        self.world = World()
        self.world.machine.installed_runs = True
        self.world.clock.now = NOW
        self.node = replace(node(SERIAL), readings=readings)
        self.watch = ServiceWatch(self.world.tools, EVERY, SOON)

    async def look(self, after: timedelta = timedelta(), busy: bool = False) -> bool:
        """One round, in which the planner knows what was written down before; whether there was news."""
        self.world.clock.now += after
        news = await self.watch.look([self.node], lambda serial: busy)
        if self.world.records.readings:
            self.node = replace(self.node, readings=self.world.records.readings[-1])
        return news

    @property
    def looks(self) -> int:
        return sum(look.words_of_look(command) is not None for command in self.world.machine.log)


def node(serial: str, number: int = 1, phase: Phase = Phase.IN_SERVICE, **history) -> MachineView:
    return holding(in_phase(machine(serial), phase, **history), number, addresses={"mgmt": OWN_ADDRESS})


async def test_a_node_that_nobody_looked_at_is_looked_at_and_then_every_so_often() -> None:
    sweep = Sweep()
    assert await sweep.look()
    assert {each.name: each.value for each in sweep.world.records.readings[0].values}[GateName.KEYSTONE] == "token"
    assert not await sweep.look(SOON)  # once more, as nobody knew that it was ready
    assert not await sweep.look(EVERY - SOON)
    assert (sweep.looks, len(sweep.world.records.readings)) == (2, 1)
    assert not await sweep.look(SOON)
    assert sweep.looks == 3


async def test_what_stays_the_same_is_written_down_once_an_hour() -> None:
    sweep = Sweep(looked_at(node(SERIAL), galera="Synced", rabbitmq="no partition").readings)
    for _ in range(14):
        await sweep.look(EVERY)
    assert sweep.looks == 14
    assert [each.at - NOW for each in sweep.world.records.readings] == [EVERY, 8 * EVERY]  # the first was news


async def test_a_node_that_is_not_ready_is_asked_soon_and_then_less_and_less_often() -> None:
    sweep = Sweep()
    sweep.world.machine.services = {"keystone": "no answer"}
    asked = []
    for second in range(0, 3600, 5):
        before = sweep.looks
        await sweep.look(timedelta(seconds=5))
        asked += [second] if sweep.looks > before else []
    pauses = [after - before for before, after in pairwise(asked)]
    assert pauses[:7] == [10, 20, 40, 80, 160, 320, 600] and set(pauses[7:]) == {600}
    sweep.world.machine.services = {}
    assert await sweep.look(EVERY)


async def test_a_service_that_dies_is_news_and_is_looked_at_again_at_once() -> None:
    sweep = Sweep()
    await sweep.look()
    await sweep.look(SOON)
    sweep.world.machine.services = {"keystone": "no answer"}
    assert await sweep.look(EVERY)
    assert not await sweep.look()
    assert sweep.looks == 4


async def test_a_node_that_cannot_be_reached_is_closed_and_keeps_what_it_said() -> None:
    sweep = Sweep()
    await sweep.look()
    sweep.world.shells.machines.clear()
    assert await sweep.look(EVERY)
    values = {each.name: each.value for each in sweep.world.records.readings[-1].values}
    assert values[GateName.LOGIN] == f"cannot connect to {OWN_ADDRESS}"
    assert values[GateName.KEYSTONE] == "token"


async def test_a_node_that_never_could_be_reached_stays_unknown() -> None:
    sweep = Sweep()
    sweep.world.shells.machines.clear()
    assert not await sweep.look()
    assert sweep.world.records.readings == []


async def test_only_nodes_are_asked_on_which_puppet_has_succeeded_and_to_which_nothing_is_done() -> None:
    sweep = Sweep()
    await sweep.look(busy=True)
    sweep.node = node(SERIAL, phase=Phase.INSTALLED, last_done="boot_disk")
    await sweep.look()
    assert sweep.looks == 0
    sweep.node = node(SERIAL, phase=Phase.INSTALLED, last_done="run_puppet", last_done_at=NOW)
    await sweep.look()
    assert sweep.looks == 1


async def test_a_round_has_an_end_and_those_that_are_not_ready_come_first() -> None:
    sweep = Sweep()
    ready = [looked_at(node(f"A{n:03}", n), at=NOW - EVERY) for n in range(1, 2 * IN_A_ROW)]
    waiting = [node(f"Z{n}", 500 + n) for n in range(3)]
    asked: list[str] = []
    sweep.world.records.services_read = lambda serial, found: asked.append(serial)  # type: ignore[method-assign]
    await sweep.watch.look([*ready, *waiting], lambda serial: False)
    assert sweep.looks == IN_A_ROW
    assert {"Z0", "Z1", "Z2"} <= set(asked)
