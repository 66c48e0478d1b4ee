"""``BuildRings`` takes all rings or none, and what was approved or nothing; ``PlaceRings`` reads back what it gave."""

import base64
import json
from array import array
from dataclasses import replace
from typing import Any

import pytest

from reconciler.execution.handlers import handlers
from reconciler.model.actions import BuildRings, PlaceRings
from reconciler.model.errors import PermanentError, TemporaryError
from reconciler.model.gates import GATES, GateName
from reconciler.model.rings import BuiltRing, RingBasis, RingChange, RingDevice, RingFile, RingState, has_all, md5_of
from reconciler.provisioning import commands, look, ring_files

from ..fakes.clock import NOON
from .build import BUILD, HOSTNAME, OWN_ADDRESS, PLACE, SERIAL, World


def builder(*parts: tuple[int, ...], version: int = 2, weights: tuple[float, ...] = (1000.0,)) -> dict[str, Any]:
    rows = [array("H", row) for row in zip(*parts, strict=True)]
    devs = [{"id": number, "weight": weight, "parts": 4} for number, weight in enumerate(weights)]
    tables = [base64.b64encode(row.tobytes()).decode() for row in rows]
    return {"version": version, "devs": devs, "assignments": tables}


def answer(made: dict[str, Any], devices: list[list[Any]], file: bytes = b"ring", moved: int = 0) -> dict[str, Any]:
    content = base64.b64encode(file).decode()
    return {"ring": "object", "builder": made, "file": content, "devices": devices, "bytes": moved}


FIRST = answer(builder((0,), (0,)), [[0, 0.0, 1000.0]])


async def build(world: World, action: BuildRings = BUILD) -> None:
    await handlers(world.tools)[BuildRings](action)


async def test_the_first_rings_are_taken() -> None:
    world = World(built=[FIRST])
    await build(world)
    kept = world.records.rings["object"]
    assert kept.file == b"ring"
    assert kept.state == RingState(
        "cl1", "object", 2, md5_of(b"ring"), NOON, 4, 1, 1, 0,
        (RingDevice(0, 1, 1, OWN_ADDRESS, 6200, "sdb", 1000.0, 1000.0, 10**12, "S1", SERIAL, 4),),
    )  # fmt: skip
    assert world.records.bases == {"object": 0}
    (asked,) = world.asked
    assert asked["rings"][0]["builder"] is None
    assert asked["now"] == int(NOON.timestamp())


def grown(world: World) -> BuildRings:
    """There is a ring of three copies, and a disk is to be added to it."""
    devices = tuple(
        RingDevice(n, 1, n, f"192.0.2.{n}", 6200, "sdb", 1000.0, 1000.0, 10**12, f"S{n}", f"M{n}", 2) for n in range(3)
    )
    state = RingState("cl1", "object", 5, md5_of(b"before"), NOON, 1, 3, 1, 0, devices)
    before = builder((0, 1, 2), (0, 1, 2), version=5, weights=(1000.0,) * 3)
    world.records.rings["object"] = BuiltRing(state, json.dumps(before), b"before")
    return replace(
        BUILD,
        first=False,
        bases=(RingBasis("object", 5, 1, 3, 1, 0, 0),),
        changes=(RingChange("object", -1, 1, 4, "192.0.2.9", 6200, "sdb", 250.0, 1000.0, 10**12, "S9", "M9"),),
    )


def moving(*parts: tuple[int, ...]) -> dict[str, Any]:
    made = builder(*parts, version=7, weights=(1000.0,) * 3 + (250.0,))
    return answer(made, [[3, 0.0, 250.0]], b"after", moved=10**12)


ONE = moving((0, 1, 3), (0, 1, 2))


async def test_a_round_that_nobody_approved_is_worked_out_and_changes_nothing() -> None:
    world = World(built=[ONE])
    action = grown(world)
    await build(world, action)
    assert world.records.rings["object"].file == b"before"
    (worked_out,) = world.records.rounds
    (move,) = worked_out.moves
    assert (move.ring, move.version, move.partitions, move.bytes) == ("object", 5, 1, 10**12)
    assert move.devices == (("192.0.2.9/sdb", 0.0, 250.0),)
    assert world.asked[0]["rings"][0]["sizes"] == {"0": 10**12, "1": 10**12, "2": 10**12}


async def approved(world: World, action: BuildRings) -> BuildRings:
    await build(world, action)
    return replace(action, approved=world.records.rounds[-1].digest)


async def test_an_approved_round_is_built_again_and_taken() -> None:
    world = World(built=[ONE])
    await build(world, await approved(world, grown(world)))
    kept = world.records.rings["object"]
    assert (kept.file, kept.state.version) == (b"after", 7)
    assert [(dev.id, dev.weight, dev.target, dev.disk) for dev in kept.state.devices] == [
        (0, 1000.0, 1000.0, "S0"),
        (1, 1000.0, 1000.0, "S1"),
        (2, 1000.0, 1000.0, "S2"),
        (3, 250.0, 1000.0, "S9"),
    ]
    assert world.records.bases == {"object": 5}


async def test_a_round_that_comes_out_otherwise_is_not_taken() -> None:
    world = World(built=[ONE])
    action = await approved(world, grown(world))
    world.built = [moving((0, 1, 3), (0, 3, 2))]
    with pytest.raises(TemporaryError, match="has to be approved anew"):
        await build(world, action)
    assert world.records.rings["object"].file == b"before"
    assert world.records.rounds[-1].moves[0].partitions == 2


async def test_the_oracle_stops_a_ring_whatever_was_approved() -> None:
    world = World(built=[ONE])
    action = await approved(world, grown(world))
    world.built = [moving((0, 3, 3), (0, 1, 2))]
    with pytest.raises(PermanentError, match="would move 2 replicas of one partition at once, and 1 may move"):
        await build(world, action)
    assert world.records.rings["object"].file == b"before"
    assert len(world.records.rounds) == 1


async def test_rings_that_changed_since_the_plan_are_left_alone() -> None:
    world = World(built=[ONE])
    action = grown(world)
    stale = replace(action, bases=(action.bases[0]._replace(version=4),))
    with pytest.raises(TemporaryError, match="other object rings are in force"):
        await build(world, stale)
    assert world.asked == []
    with pytest.raises(TemporaryError, match="other object rings are in force"):
        await build(world, BUILD)


async def test_a_ring_that_swift_refuses_takes_none_of_the_others_along() -> None:
    world = World(built=[FIRST, {"ring": "account", "refused": "Replica count of 3 requires more than 1 devices"}])
    both = replace(BUILD, bases=(*BUILD.bases, BUILD.bases[0]._replace(ring="account")))
    with pytest.raises(PermanentError, match="the account ring of cl1 cannot be built: Replica count"):
        await build(world, both)
    assert world.records.rings == {}


# ---- nodes


def installed(world: World, content: bytes | None = None) -> PlaceRings:
    """A node in service with this object ring; the one in force is another one."""
    marker = commands.Marker(SERIAL, HOSTNAME, 1, "i1", "cl1", "swiftstore")
    world.machine.installed_runs = True
    world.machine.disk = {commands.MARKER_FILE: marker.render().encode()}
    if content is not None:
        world.machine.disk[ring_files.ring_path("object")] = content
    state = RingState("cl1", "object", 5, md5_of(b"in force"), NOON, 1, 3, 1)
    world.records.rings["object"] = BuiltRing(state, "{}", b"in force")
    return replace(PLACE, rings=(state.file,))


async def place(world: World, action: PlaceRings) -> None:
    await handlers(world.tools)[PlaceRings](action)


@pytest.mark.parametrize("before", [None, b"another"])
async def test_a_node_gets_the_rings_in_force_and_they_are_read_back(before: bytes | None) -> None:
    world = World()
    action = installed(world, before)
    await place(world, action)
    assert world.machine.disk[ring_files.ring_path("object")] == b"in force"
    assert world.records.read == [(RingFile("object", md5_of(b"in force")),)]


async def test_the_gates_of_a_node_that_was_given_rings_are_looked_at_anew() -> None:
    world = World()
    world.directory.roles[SERIAL] = "swiftstore"
    await place(world, installed(world, b"another"))
    (found,) = world.records.readings
    values = {each.name: each.value for each in found.values}
    assert values[GateName.SWIFT_RINGS] == GATES[GateName.SWIFT_RINGS].opens_at
    (asked,) = (words for command in world.machine.log if (words := look.words_of_look(command)) is not None)
    assert f"swift-rings:object={md5_of(b'in force')}" in asked


async def test_a_node_that_has_them_is_given_nothing() -> None:
    world = World()
    await place(world, installed(world, b"in force"))
    assert ring_files.PLACE_RINGS not in world.machine.log
    assert world.records.read == [(RingFile("object", md5_of(b"in force")),)]


async def test_a_node_that_does_not_keep_them_is_told() -> None:
    world = World()
    action = installed(world, b"another")
    world.machine.disk_full = True
    with pytest.raises(TemporaryError, match="has other ring files than it was given"):
        await place(world, action)
    assert world.records.read == [(RingFile("object", md5_of(b"another")),)]


async def test_rings_that_were_replaced_since_the_plan_are_not_given() -> None:
    world = World()
    action = replace(installed(world), rings=(RingFile("object", "0" * 32),))
    with pytest.raises(TemporaryError, match="other object rings are in force than were planned"):
        await place(world, action)
    assert ring_files.PLACE_RINGS not in world.machine.log


async def test_another_node_at_its_address_is_given_nothing() -> None:
    world = World()
    action = replace(installed(world), hostname="cl1-swiftstore-7.example.com")
    with pytest.raises(PermanentError):
        await place(world, action)
    assert world.records.read == []


def test_more_rings_than_wanted_are_no_difference() -> None:
    one, other = RingFile("account", "a"), RingFile("object", "b")
    assert has_all((one, other), (one,))
    assert not has_all((one,), (one, other))
    assert not has_all(None, (one,))
