"""Rings that are built without Swift's library, by the order that the real child process is given, and at once.

They are right enough for whoever compares and hands them on: a partition's replicas are on different disks, and a round
moves at most one of them. Nothing can be read with them.
"""

import base64
import hashlib
import json
from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from ..model.rings import RingState

PARTITIONS = 64
"""Of every ring, whatever was asked for: their number says nothing here."""


async def build_rings(order: Mapping[str, object]) -> list[dict[str, Any]]:
    """What ``ring_child`` would make of each ring of the order, in its form."""
    rings = order["rings"]
    assert isinstance(rings, list)
    return [_built(ring) for ring in rings]


def _built(ring: Mapping[str, Any]) -> dict[str, Any]:
    """One ring: its builder, its file, and what it moves."""
    kept = ring["builder"]
    devices = {dev["id"]: dict(dev) for dev in (kept["devs"] if kept else ()) if dev}
    changed = [_change(devices, change) for change in ring["changes"]]
    before = [_row(text) for text in kept["assignments"]] if kept else []
    rows = [array("H", row) for row in before] or [array("H", [0] * PARTITIONS) for _ in range(round(ring["replicas"]))]
    moved = _moved(rows, devices) if before else _spread(rows, sorted(devices))
    parts = Counter(dev for row in rows for dev in row)
    for number, dev in devices.items():
        dev["parts"] = parts[number]
    version = (kept["version"] if kept else 0) + len(changed) + 1
    builder = {
        "version": version,
        "devs": [devices.get(number) for number in range(max(devices, default=-1) + 1)],
        "assignments": [base64.b64encode(row.tobytes()).decode() for row in rows],
    }
    file = json.dumps([ring["ring"], version, builder["assignments"]]).encode()
    return {
        "ring": ring["ring"],
        "devices": changed,
        "bytes": moved * sum(ring["sizes"].values()) // (PARTITIONS * len(rows)),
        "builder": builder,
        "file": base64.b64encode(file).decode(),
        "md5": hashlib.md5(file, usedforsecurity=False).hexdigest(),
        "balance": 0.0,
    }


def _change(devices: dict[int, dict[str, Any]], change: Mapping[str, Any]) -> list[Any]:
    """Add a device, or give one another weight: its id, and the weights before and after."""
    number = change["id"]
    if number < 0:
        number = len(devices)
        names = ("region", "zone", "ip", "port", "device")
        devices[number] = {"id": number, **{name: change[name] for name in names}, "weight": change["weight"]}
        return [number, 0.0, change["weight"]]
    was, devices[number]["weight"] = devices[number]["weight"], change["weight"]
    return [number, was, change["weight"]]


def _spread(rows: Sequence["array[int]"], numbers: Sequence[int]) -> int:
    """Give every partition to as many devices as it has replicas; nothing moves."""
    for part in range(PARTITIONS if numbers else 0):
        for replica, row in enumerate(rows):
            row[part] = numbers[(part * len(rows) + replica) % len(numbers)]
    return 0


def _moved(rows: Sequence["array[int]"], devices: Mapping[int, Mapping[str, Any]]) -> int:
    """Move a replica of as many partitions as devices have too few of, one of each partition; how many that were."""
    whole = sum(dev["weight"] for dev in devices.values()) or 1.0
    has = Counter(dev for row in rows for dev in row)
    wants = {number: int(PARTITIONS * len(rows) * dev["weight"] / whole) for number, dev in devices.items()}
    moved = 0
    for part in range(PARTITIONS):
        poorest = min(sorted(devices), key=lambda number: has[number] - wants[number])
        holders = [row[part] for row in rows]
        richest = max(holders, key=lambda number: has[number] - wants.get(number, 0))
        if poorest in holders or has[poorest] >= wants[poorest] or has[richest] <= wants.get(richest, 0):
            continue
        rows[holders.index(richest)][part] = poorest
        has[poorest], has[richest], moved = has[poorest] + 1, has[richest] - 1, moved + 1
    return moved


def _row(text: str) -> "array[int]":
    row = array("H")
    row.frombytes(base64.b64decode(text))
    return row


def standing(state: RingState) -> tuple[dict[str, Any], bytes]:
    """A builder and its file for a ring that was built elsewhere: of its devices, with partitions of its own."""
    names = ("id", "region", "zone", "ip", "port", "device", "weight", "parts")
    devices = {dev.id: {name: getattr(dev, name) for name in names} for dev in state.devices}
    rows = [array("H", [0] * PARTITIONS) for _ in range(round(state.replicas))]
    _spread(rows, sorted(number for number, dev in devices.items() if dev["weight"] > 0))
    builder = {
        "version": state.version,
        "devs": [devices.get(number) for number in range(max(devices, default=-1) + 1)],
        "assignments": [base64.b64encode(row.tobytes()).decode() for row in rows],
    }
    return builder, json.dumps([state.name, state.version, builder["assignments"]]).encode()
