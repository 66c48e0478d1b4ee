"""The sweep over nodes: whose services and ring files are asked for when, and what is written down."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

from reconciler.app.watch_nodes import IN_A_ROW, NodePace, NodeWatch
from reconciler.model.gates import GateName, Readings
from reconciler.model.history import Phase
from reconciler.model.machine import MachineView, Observation
from reconciler.model.rings import RingFile, RingState, md5_of
from reconciler.provisioning import look, ring_files

from ..execution.build import OWN_ADDRESS, SERIAL, World
from ..planning.build import NOW, holding, in_phase, looked_at, machine, with_history

EVERY, SOON = timedelta(minutes=10), timedelta(seconds=10)
PACE = NodePace(EVERY, SOON, EVERY)
STATE = RingState("cl1", "object", 5, md5_of(b"in force"), NOW, 4, 3, 1)
AS_THE_FAKE_SAYS = {
    "galera": "Synced",
    "galera_size": "3",
    "rabbitmq": "no partition",
    "rabbitmq_size": "3",
    "ceph_mon": "in quorum",
}
HAS = (RingFile("object", md5_of(b"in force")),)


class Sweep:
    """One node, and a watch that looks at it whenever a test says so."""

    def __init__(self, readings: Readings | None = None, pace: NodePace = PACE) -> None:
        self.world = World()
        self.world.machine.installed_runs = True
        self.world.machine.disk[ring_files.ring_path("object")] = b"in force"
        self.world.clock.now = NOW
        self.node = replace(node(SERIAL), readings=readings)
        self.rings: tuple[RingState, ...] = ()
        self.watch = NodeWatch(self.world.tools, pace)

    @classmethod
    def of_a_store(cls, pace: NodePace = PACE) -> "Sweep":
        """Of a node that was given rings, and whose services were well a minute ago."""
        sweep = cls(looked_at(node(SERIAL), **AS_THE_FAKE_SAYS).readings, pace)
        sweep.rings = (STATE,)
        sweep.node = with_history(sweep.node, rings=HAS)
        return sweep

    async def look(self, after: timedelta = timedelta(), busy: bool = False) -> bool:
        """One round, in which the planner knows what was written down before; whether there was news."""
        self.world.clock.now += after
        news = await self.watch.look(Observation(NOW, (self.node,), rings=self.rings), lambda serial: busy)
        if self.world.records.readings:
            self.node = replace(self.node, readings=self.world.records.readings[-1])
        return news

    @property
    def looks(self) -> int:
        return sum(look.words_of_look(command) is not None for command in self.world.machine.log)

    @property
    def ring_looks(self) -> int:
        return self.world.machine.log.count(ring_files.READ_RINGS)

    @property
    def connections(self) -> int:
        return len(self.world.shells.shells)


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
    await sweep.watch.look(Observation(NOW, (*ready, *waiting)), lambda serial: False)
    assert sweep.looks == IN_A_ROW
    assert {"Z0", "Z1", "Z2"} <= set(asked)


async def test_a_ring_file_that_was_changed_by_hand_is_noted() -> None:
    sweep = Sweep.of_a_store()
    assert not await sweep.look()
    sweep.world.machine.disk[ring_files.ring_path("object")] = b"by hand"
    assert await sweep.look(EVERY)
    assert sweep.world.records.read == [(RingFile("object", md5_of(b"by hand")),)]


async def test_ring_files_that_are_known_are_no_news() -> None:
    sweep = Sweep.of_a_store()
    await sweep.look()
    await sweep.look(EVERY)
    assert (sweep.ring_looks, sweep.world.records.read) == (1, [])


async def test_only_nodes_that_were_given_rings_are_asked_for_them() -> None:
    sweep = Sweep.of_a_store()
    known = sweep.node
    for other in (
        with_history(known, rings=None),
        in_phase(known, Phase.INSTALLED, rings=HAS),
        replace(known, allocation=None),
    ):
        sweep.node = other
        await sweep.look(EVERY)
    sweep.node, sweep.rings = known, (replace(STATE, cluster="cl2"),)
    await sweep.look(EVERY)
    sweep.rings = (STATE,)
    await sweep.look(EVERY, busy=True)
    assert sweep.ring_looks == 0
    await sweep.look(EVERY)
    assert sweep.ring_looks == 1


async def test_what_is_due_of_both_is_asked_on_one_connection() -> None:
    sweep = Sweep.of_a_store()
    for _ in range(60):  # services are first due after nine minutes, ring files after ten
        await sweep.look(timedelta(minutes=1))
    assert (sweep.looks, sweep.ring_looks) == (6, 6)
    assert sweep.connections == 6


async def test_each_keeps_its_own_pace() -> None:
    sweep = Sweep.of_a_store(NodePace(EVERY, SOON, EVERY / 5))
    for _ in range(60):
        await sweep.look(timedelta(minutes=1))
    assert (sweep.looks, sweep.ring_looks) == (6, 29)  # from the third minute on
    seldom = Sweep.of_a_store(NodePace(EVERY, SOON, 6 * EVERY))
    for _ in range(6 * 60):
        await seldom.look(timedelta(minutes=1))
    assert (seldom.looks, seldom.connections) == (36, 36)
    assert 6 <= seldom.ring_looks <= 12


async def test_ring_files_of_a_node_that_does_not_answer_stay_as_they_were_known() -> None:
    sweep = Sweep.of_a_store()
    sweep.world.shells.machines.clear()
    assert await sweep.look(EVERY)  # its services are closed
    assert sweep.world.records.read == []
    assert sweep.world.records.readings[-1].values[0].value == f"cannot connect to {OWN_ADDRESS}"


async def test_services_that_answered_are_noted_where_the_answer_after_theirs_cannot_be_read() -> None:
    sweep = Sweep.of_a_store()
    sweep.world.machine.disk[ring_files.ring_path("NO-SUCH-RING")] = b"a name that nobody reads"
    sweep.world.machine.services = {"keystone": "no answer"}
    assert await sweep.look(EVERY)
    values = {each.name: each.value for each in sweep.world.records.readings[-1].values}
    assert (values[GateName.LOGIN], values[GateName.KEYSTONE]) == ("yes", "no answer")
    assert sweep.world.records.read == []


async def test_a_node_whose_rings_are_others_by_its_services_is_asked_for_them_at_once() -> None:
    sweep = Sweep.of_a_store()
    store = looked_at(holding(sweep.node, 1, role="swiftstore", addresses={"mgmt": OWN_ADDRESS}))
    sweep.node, sweep.rings = store, (STATE,)
    sweep.world.machine.disk[ring_files.ring_path("object")] = b"by hand"
    assert await sweep.look(EVERY)
    values = {each.name: each.value for each in sweep.world.records.readings[-1].values}
    assert values[GateName.SWIFT_RINGS] == "object differ"
    assert sweep.ring_looks == 0
    assert await sweep.look(SOON)
    assert sweep.world.records.read == [(RingFile("object", md5_of(b"by hand")),)]


async def test_no_ring_files_are_asked_for_before_their_time_and_none_twice_after_a_clock_was_put_back() -> None:
    sweep = Sweep.of_a_store(NodePace(6 * EVERY, SOON, EVERY))
    assert not await sweep.look()
    assert sweep.connections == 0
    await sweep.look(EVERY)
    assert (sweep.looks, sweep.ring_looks) == (0, 1)
    await sweep.look(-timedelta(hours=3))
    assert sweep.ring_looks == 2
    await sweep.look(timedelta(minutes=1))
    assert sweep.ring_looks == 2
