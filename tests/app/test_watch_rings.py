"""Nodes are asked for their ring files again and again, and what is new is noted."""

from dataclasses import replace

from reconciler.app.watch_rings import RingsWatch
from reconciler.model.history import Phase
from reconciler.model.machine import MachineView, Observation
from reconciler.model.rings import RingFile, RingState, md5_of
from reconciler.provisioning import ring_files

from ..execution.build import OWN_ADDRESS, SERIAL, World
from ..fakes.clock import NOON
from ..planning.build import holding, in_phase, machine, with_history

STATE = RingState("cl1", "object", 5, md5_of(b"in force"), NOON, 4, 3, 1)
HAS = (RingFile("object", md5_of(b"in force")),)


def node(rings: tuple[RingFile, ...] | None = HAS, phase: Phase = Phase.IN_SERVICE) -> MachineView:
    held = holding(machine(SERIAL), addresses={"mgmt": OWN_ADDRESS})
    return with_history(in_phase(held, phase), rings=rings)


async def look(world: World, m: MachineView, *, busy: bool = False, rings: tuple[RingState, ...] = (STATE,)) -> bool:
    world.machine.installed_runs = True
    world.machine.disk.setdefault(ring_files.ring_path("object"), b"in force")
    return await RingsWatch(world.tools).look(Observation(NOON, (m,), rings=rings), lambda serial: busy)


async def test_a_file_that_was_changed_by_hand_is_noted() -> None:
    world = World()
    world.machine.disk[ring_files.ring_path("object")] = b"by hand"
    assert await look(world, node())
    assert world.records.read == [(RingFile("object", md5_of(b"by hand")),)]


async def test_what_is_known_is_no_news() -> None:
    world = World()
    assert not await look(world, node())
    assert world.records.read == []
    assert world.machine.log == [ring_files.READ_RINGS]


async def test_only_nodes_that_were_given_rings_are_asked() -> None:
    world = World()
    for m in (node(None), node(phase=Phase.INSTALLED), replace(node(), allocation=None)):
        assert not await look(world, m)
    assert not await look(world, node(), busy=True)
    assert not await look(world, node(), rings=(replace(STATE, cluster="cl2"),))
    assert world.machine.log == []


async def test_a_node_that_does_not_answer_is_left_as_it_was() -> None:
    world = World()
    world.machine.unreachable = 9
    assert not await look(world, node())
    assert world.records.read == []
