"""Builds rings with Swift's own ``RingBuilder``: a program from JSON to JSON that imports nothing of ours.

Swift brings eventlet along, a first build takes minutes, and a builder may want more memory than there is. So it runs
in a process of its own with bounds (``ring_builder``), and is told a seed and the time: the same builder, seed and time
make the same bytes.
"""

import base64
import copy
import hashlib
import json
import resource
import sys
import tempfile
from array import array
from collections import Counter
from pathlib import Path
from typing import Any

MEMORY = 4 * 2**30
"""Bytes of address space. Measured: 2,400 disks at part power 18 take 113 MB of memory."""

HALVINGS = 6
"""So often a round is made smaller, until it moves no more bytes than it may."""


def main() -> None:
    """Do what standard input says, and print what came out."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    order = json.load(sys.stdin)
    try:
        import swift.common.ring.builder as library
    except ImportError as error:
        print(json.dumps({"missing": str(error)}))
        return
    library.time = lambda: order["now"]
    print(json.dumps({"rings": [_built(library, ring, order["seed"]) for ring in order["rings"]]}))


def _built(library: Any, ring: dict[str, Any], seed: str) -> dict[str, Any]:
    """One ring: its builder as JSON, its file, what it moves; or why there is none."""
    try:
        for halving in range(HALVINGS + 1):
            builder = _loaded(library, ring)
            before = copy.deepcopy(builder._replica2part2dev or [])
            changed = _changed(builder, ring, before, 0.5**halving)
            if ring["rebalance"]:
                builder.rebalance(seed=f"{seed} {ring['ring']}")
            partitions = _partitions(before, builder._replica2part2dev or [])
            moved = partitions * _bytes_of_one(builder, ring["sizes"])
            if not (before and ring["most_bytes"] and moved > ring["most_bytes"]):
                return {"ring": ring["ring"], "devices": changed, "bytes": moved, **_said(builder, ring)}
    except (library.exceptions.RingBuilderError, ValueError) as error:
        return {"ring": ring["ring"], "refused": str(error)}
    small = f"even a small step moves {moved} bytes, and a round may move {ring['most_bytes']}"
    return {"ring": ring["ring"], "refused": small}


def _loaded(library: Any, ring: dict[str, Any]) -> Any:
    """The builder, with all partitions free to move: who asks has seen to min_part_hours by the journal.

    With no hour at all Swift would move several replicas of a partition in one go.
    """
    hours = max(1, ring["min_part_hours"])
    if ring["builder"] is None:
        return library.RingBuilder(ring["part_power"], ring["replicas"], hours)
    kept = ring["builder"]
    known = {
        **{name: kept[name] for name in PLAIN},
        "devs": [dev and dict(dev) for dev in kept["devs"]],
        "devs_changed": False,
        "_replica2part2dev": [_array(row) for row in kept["assignments"]] or None,
        "_last_part_moves": _array(kept["last_part_moves"], "B"),
        "_last_part_moves_epoch": kept["last_part_moves_epoch"],
        "_last_part_gather_start": kept["last_part_gather_start"],
        "_remove_devs": [],
    }
    builder = library.RingBuilder.from_dict(known)
    builder.min_part_hours = hours
    builder.pretend_min_part_hours_passed()
    return builder


PLAIN = (
    "part_power",
    "next_part_power",
    "replicas",
    "min_part_hours",
    "parts",
    "version",
    "overload",
    "dispersion",
    "id",
)
"""What a builder has that is a number, a text or nothing."""


def _changed(builder: Any, ring: dict[str, Any], before: list[Any], share: float) -> list[list[Any]]:
    """Devices added and raised, by ``share`` of what was asked: id, and the weights before and after."""
    found = []
    for change in ring["changes"]:
        if change["id"] < 0:
            weight = round(change["weight"] * (share if before else 1), 2)
            names = ("region", "zone", "ip", "port", "device")
            dev = {**{name: change[name] for name in names}, "weight": weight, "meta": ""}
            number = builder.add_dev({**dev, "replication_ip": dev["ip"], "replication_port": dev["port"]})
            found.append([number, 0.0, weight])
        else:
            was = builder.devs[change["id"]]["weight"]
            weight = round(was + (change["weight"] - was) * share, 2)
            builder.set_dev_weight(change["id"], weight)
            found.append([change["id"], was, weight])
    return found


def _partitions(before: list[Any], after: list[Any]) -> int:
    """Replicas of partitions that move."""
    if not before:
        return 0
    pairs = zip(zip(*before, strict=False), zip(*after, strict=False), strict=False)
    return sum((Counter(was) - Counter(now)).total() for was, now in pairs if was != now)


def _bytes_of_one(builder: Any, sizes: dict[str, int]) -> int:
    """Of a replica of a partition, were all disks full."""
    return int(sum(sizes.values()) / (builder.parts * builder.replicas))


def _said(builder: Any, ring: dict[str, Any]) -> dict[str, Any]:
    builder.validate()
    builder.min_part_hours = ring["min_part_hours"]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"{ring['ring']}.ring.gz"  # the name stands in the file
        builder.get_ring().save(str(file), format_version=1)
        content = file.read_bytes()
    return {
        "builder": _plain(builder),
        "file": base64.b64encode(content).decode(),
        "md5": hashlib.md5(content, usedforsecurity=False).hexdigest(),
        "balance": round(float(builder.get_balance()), 4),
    }


def _plain(builder: Any) -> dict[str, Any]:
    """A builder as JSON; tables as base64 of little-endian numbers."""
    known = builder.to_dict()
    return {
        **{name: known[name] for name in PLAIN},
        "devs": [dev and {name: value for name, value in dev.items() if name != "tiers"} for dev in known["devs"]],
        "assignments": [_text(row) for row in known["_replica2part2dev"] or []],
        "last_part_moves": _text(known["_last_part_moves"]),
        "last_part_moves_epoch": known["_last_part_moves_epoch"],
        "last_part_gather_start": known["_last_part_gather_start"],
    }


def _text(row: "array[int]") -> str:
    return base64.b64encode(row.tobytes()).decode()


def _array(text: str, kind: str = "H") -> "array[int]":
    row = array(kind)
    row.frombytes(base64.b64decode(text))
    return row


if __name__ == "__main__":
    if sys.byteorder != "little":
        sys.exit("builders are kept in little-endian numbers, and this machine has others")
    main()
