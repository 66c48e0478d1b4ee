"""Random histories of rings, built in one process with Swift's library: prints the tables around each round."""

import importlib.util
import json
import random
import sys
from pathlib import Path
from typing import Any

import swift.common.ring.builder as library

CHILD = Path(__file__).parents[3] / "reconciler/execution/drivers/ring_child.py"


def child() -> Any:
    spec = importlib.util.spec_from_file_location("ring_child", CHILD)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def disk(rng: random.Random, zone: int, node: int, number: int) -> dict[str, Any]:
    size = rng.choice((1, 2, 4)) * 10**12
    place = {"region": 1 + zone // 3, "zone": 1 + zone, "ip": f"10.0.{zone}.{node}", "port": 6200 + number}
    target = size / 1e9
    return {**place, "id": -1, "device": f"sd{chr(98 + number)}", "weight": target, "target": target, "size": size}


def nodes(rng: random.Random, zone: int, first: int, count: int) -> list[dict[str, Any]]:
    return [disk(rng, zone, first + n, i) for n in range(count) for i in range(rng.randint(1, 3))]


def history(ring_child: Any, seed: int) -> list[dict[str, Any]]:
    rng = random.Random(seed)
    coded = rng.random() < 0.25
    fixed = {"ring": "object-1" if coded else "object", "part_power": 6, "replicas": 6 if coded else 3}
    fixed |= {"min_part_hours": rng.choice((0, 1)), "parity": 2 if coded else 0, "most_bytes": 0, "rebalance": True}
    targets: list[float] = []
    builder: Any = None
    found, sizes = [], {}
    for number in range(rng.randint(2, 6)):
        library.time = lambda now=1_700_000_000 + 7200 * number: now
        if builder is None:
            changes = [dev for zone in range(3) for dev in nodes(rng, zone, 1, 3)]
        else:
            changes = raised(rng, builder, targets)
            if rng.random() < 0.7:
                added = nodes(rng, rng.randint(0, 5), 10 * number, rng.randint(1, 3))
                changes += [{**dev, "weight": dev["target"] * rng.choice((0.1, 0.25, 1.0))} for dev in added]
        order = {**fixed, "builder": builder, "changes": changes, "sizes": sizes}
        made = ring_child._built(library, order, str(seed))
        assert "refused" not in made, made["refused"]
        before = builder["assignments"] if builder else []
        builder = made["builder"]
        targets += [change["target"] for change in changes if change["id"] < 0]
        sizes = {str(i): int(t * 1e9) for i, t in enumerate(targets)}
        found.append({"before": before, "after": builder["assignments"], "parity": fixed["parity"]})
    return found


def raised(rng: random.Random, builder: Any, targets: list[float]) -> list[dict[str, Any]]:
    share = rng.choice((0.1, 0.25, 0.5, 1.0))
    return [
        {"id": dev["id"], "weight": min(target, dev["weight"] + share * target), "target": target}
        for dev, target in zip(builder["devs"], targets, strict=True)
        if dev["weight"] < target
    ]


def main() -> None:
    first, count = map(int, sys.argv[1:])
    ring_child = child()
    print(json.dumps([turn for seed in range(first, first + count) for turn in history(ring_child, seed)]))


if __name__ == "__main__":
    main()
