"""``BuildRings`` and ``PlaceRings``: rings are built on those in force, and every node has the same files.

A build writes nothing before all its rings are made and have passed the oracle, and then all of them in one
transaction: whoever dies before has done nothing, and whoever dies after finds them in force. What a human approved is
built anew from the same builder with the same seed, and taken only where it is the same.
"""

import base64
import json
from array import array
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ...model.actions import BuildRings, PlaceRings
from ...model.errors import PermanentError, TemporaryError
from ...model.files import PUBLIC, File
from ...model.ring_oracle import Table, moved, refusal
from ...model.rings import (
    BuiltRing,
    RingBasis,
    RingDevice,
    RingFile,
    RingMoves,
    RingRound,
    RingState,
    has_all,
    md5_of,
    order_of,
)
from ...provisioning import ring_files
from ..ports import Shell
from ..seam import offload
from .context import Tools, run_checked
from .node import open_node
from .services import note_services


async def build(tools: Tools, action: BuildRings) -> None:
    """The rings are in force, where they are the first or a human approved just them; else the round is worked out.

    Raises:
        TemporaryError: Other rings are in force than those that it was planned on, or another round came out.
        PermanentError: Swift refuses a ring, or the oracle does.
    """
    known = await offload(tools.records.ring_builders, action.cluster)
    if stale := [basis.ring for basis in action.bases if _version(known, basis.ring) != basis.version]:
        raise TemporaryError(f"other {' and '.join(stale)} rings are in force than it was planned on")
    answers = await tools.build_rings(_order(action, known, tools.time.now().timestamp()))
    made, moves = await offload(_taken, tools, action, known, answers)
    worked_out = RingRound(action.cluster, order_of(action.bases, action.changes), moves)
    bases = {basis.ring: basis.version for basis in action.bases}
    if action.first:
        await offload(tools.records.keep_rings, made, bases, "the first ones", tools.time.now())
    elif action.approved == worked_out.digest:
        await offload(tools.records.keep_rings, made, bases, "a round was approved", tools.time.now())
    else:
        await offload(tools.records.propose_round, worked_out, tools.time.now())
        if action.approved is not None:
            raise TemporaryError("the round came out otherwise than it was approved, and has to be approved anew")


def _version(known: Mapping[str, BuiltRing], ring: str) -> int:
    return known[ring].state.version if ring in known else 0


def _order(action: BuildRings, known: Mapping[str, BuiltRing], now: float) -> dict[str, object]:
    return {"now": int(now), "seed": action.cluster, "rings": [_ring(basis, action, known) for basis in action.bases]}


def _ring(basis: RingBasis, action: BuildRings, known: Mapping[str, BuiltRing]) -> dict[str, object]:
    before = known.get(basis.ring)
    changes = [change._asdict() for change in action.changes if change.ring == basis.ring]
    sizes = {str(dev.id): dev.size for dev in before.state.devices} if before else {}
    return {
        **basis._asdict(),
        "builder": json.loads(before.builder) if before else None,
        "changes": changes,
        "sizes": sizes,
        "rebalance": True,
    }


def _taken(
    tools: Tools, action: BuildRings, known: Mapping[str, BuiltRing], answers: list[dict[str, Any]]
) -> tuple[list[BuiltRing], tuple[RingMoves, ...]]:
    """The rings, and what they move; none that the oracle refuses."""
    made: list[BuiltRing] = []
    moves: list[RingMoves] = []
    for basis, answer in zip(action.bases, answers, strict=True):
        if "refused" in answer:
            raise PermanentError(f"the {basis.ring} ring of {action.cluster} cannot be built: {answer['refused']}")
        before, file = known.get(basis.ring), base64.b64decode(answer["file"])
        old, new = _table(json.loads(before.builder) if before else None), _table(answer["builder"])
        if why := refusal(basis.ring, old, new, basis.parity):
            raise PermanentError(f"nothing was changed: {why}")
        state = RingState(
            cluster=action.cluster,
            name=basis.ring,
            version=answer["builder"]["version"],
            md5=md5_of(file),
            at=tools.time.now(),
            part_power=basis.part_power,
            replicas=basis.replicas,
            min_part_hours=basis.min_part_hours,
            parity=basis.parity,
            devices=_devices(action, basis.ring, before.state.devices if before else (), answer),
        )
        made.append(BuiltRing(state, json.dumps(answer["builder"]), file))
        moves.append(_moves(basis, state, answer, moved(old, new, basis.parity).partitions))
    return made, tuple(moves)


def _moves(basis: RingBasis, state: RingState, answer: Mapping[str, Any], partitions: int) -> RingMoves:
    names = {dev.id: f"{dev.ip}/{dev.device}" for dev in state.devices}
    devices = tuple((names[number], was, weight) for number, was, weight in answer["devices"])
    return RingMoves(basis.ring, basis.version, devices, partitions, answer["bytes"])


def _table(builder: Mapping[str, Any] | None) -> Table:
    rows = []
    for text in builder["assignments"] if builder else ():
        row = array("H")
        row.frombytes(base64.b64decode(text))
        rows.append(row)
    return rows


def _devices(
    action: BuildRings, ring: str, before: tuple[RingDevice, ...], answer: Mapping[str, Any]
) -> tuple[RingDevice, ...]:
    """The devices of a builder, with what we know of each besides."""
    asked = [change for change in action.changes if change.ring == ring]
    known = {dev.id: dev for dev in before}
    for (number, _, _), change in zip(answer["devices"], asked, strict=True):
        if change.id < 0:
            place = (change.region, change.zone, change.ip, change.port, change.device)
            known[number] = RingDevice(number, *place, 0, change.target, change.size, change.disk, change.serial)
    return tuple(
        replace(known[dev["id"]], weight=dev["weight"], parts=dev["parts"]) for dev in answer["builder"]["devs"] if dev
    )


# ---- nodes


async def place(tools: Tools, action: PlaceRings) -> None:
    """The node has the ring files that were planned for it, read back from there; its gates are looked at anew.

    Raises:
        TemporaryError: Other rings are in force than those that were planned, or the node has others still.
    """
    shell = await open_node(tools, action.serial, action.hostname)
    try:
        if not has_all(await read_rings(tools, shell), action.rings):
            await shell.put(await offload(_files, tools, action))
            await run_checked(shell, ring_files.PLACE_RINGS, tools.options.answer)
        await run_checked(shell, ring_files.OWN_RINGS, tools.options.answer)
        there = await read_rings(tools, shell)
        await note_services(tools, shell, action.serial)
    finally:
        await shell.close()
    await offload(tools.records.rings_read, action.serial, there, tools.time.now())
    if not has_all(there, action.rings):
        raise TemporaryError(f"{action.hostname} has other ring files than it was given")


async def read_rings(tools: Tools, shell: Shell) -> tuple[RingFile, ...]:
    """The ring files of a node.

    Raises:
        TemporaryError: Its answer cannot be read.
    """
    said = await run_checked(shell, ring_files.READ_RINGS, tools.options.answer)
    try:
        return ring_files.parse_rings(said)
    except ValueError as error:
        raise TemporaryError(str(error)) from error


def _files(tools: Tools, action: PlaceRings) -> dict[str, File]:
    known = tools.records.ring_builders(action.cluster)
    if stale := [ring for ring, md5 in action.rings if ring not in known or known[ring].state.md5 != md5]:
        raise TemporaryError(f"other {' and '.join(stale)} rings are in force than were planned for it")
    return {
        ring_files.ring_path(ring, ring_files.NEW_RINGS_FOLDER): File(known[ring].file, PUBLIC)
        for ring, _ in action.rings
    }
