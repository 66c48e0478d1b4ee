"""Rings that Swift itself reads: the real library, in the child process that the daemon uses."""

import base64
import json
import subprocess
import sys
from array import array
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from reconciler.execution.drivers import ring_builder
from reconciler.execution.drivers.ring_builder import build_rings
from reconciler.model.errors import PermanentError, TemporaryError
from reconciler.model.ring_oracle import moved, refusal

HISTORIES = Path(__file__).with_name("ring_histories.py")
TB = 10**12


def disk(zone: int, node: int, number: int, weight: float = 1000.0, size: int = TB) -> dict[str, Any]:
    place = {"region": 1, "zone": zone, "ip": f"192.0.2.{10 * zone + node}", "port": 6200 + number}
    known = {"id": -1, "device": f"sd{chr(98 + number)}", "target": 1000.0, "size": size}
    return {**place, **known, "weight": weight}


FIRST = [disk(zone, node, number) for zone in (1, 2, 3) for node in (1, 2) for number in (0, 1)]


def ring(changes: list[dict[str, Any]], builder: Any = None, **more: Any) -> dict[str, Any]:
    usual = {"ring": "object", "part_power": 8, "replicas": 3, "min_part_hours": 1, "most_bytes": 0, "rebalance": True}
    sizes = {str(dev["id"]): TB for dev in builder["devs"]} if builder else {}
    return {**usual, "builder": builder, "changes": changes, "sizes": sizes, **more}


async def built(*rings: dict[str, Any], now: int = 1_790_000_000) -> list[dict[str, Any]]:
    return await build_rings({"now": now, "seed": "cl1", "rings": rings})


def table(builder: Any) -> "list[array[int]]":
    rows = [array("H", base64.b64decode(row)) for row in builder["assignments"]]
    assert rows
    return rows


async def test_the_same_builder_makes_the_same_bytes() -> None:
    (one,), (other,) = await built(ring(FIRST)), await built(ring(FIRST))
    assert one == other
    assert one["balance"] == 0.0


READS = """
import json, sys
from swift.common import utils
from swift.common.ring import Ring
utils.HASH_PATH_SUFFIX = b"of a cluster"
ring = Ring(sys.argv[1], ring_name="object")
parts = [[dev["id"] for dev in ring.get_part_nodes(part)] for part in range(ring.partition_count)]
print(json.dumps({"parts": parts, "replicas": ring.replica_count, "version": ring.version}))
"""
"""Asks Swift's own reader, by any Swift: no name is of a new version. It would want a swift.conf for the suffix."""


def reads_rings(python: str) -> bool:
    return subprocess.run([python, "-c", "import swift.common.ring"], capture_output=True).returncode == 0


def read_by(python: str, folder: Path) -> Any:
    ran = subprocess.run([python, "-c", READS, str(folder)], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


async def test_swift_reads_what_was_built(tmp_path: Path) -> None:
    (made,) = await built(ring(FIRST))
    (tmp_path / "object.ring.gz").write_bytes(base64.b64decode(made["file"]))
    there = read_by(sys.executable, tmp_path)
    assert there["replicas"] == 3
    assert there["version"] == made["builder"]["version"]
    by_part = [sorted(row[part] for row in table(made["builder"])) for part in range(256)]
    assert [sorted(devices) for devices in there["parts"]] == by_part
    zones = {dev["id"]: dev["zone"] for dev in made["builder"]["devs"]}
    assert all({zones[dev] for dev in devices} == {1, 2, 3} for devices in by_part)


async def test_debians_swift_reads_what_was_built(tmp_path: Path) -> None:
    debian = "/usr/bin/python3"
    if not reads_rings(debian):
        pytest.skip("needs Swift (apt: python3-swift)")
    (made,) = await built(ring(FIRST))
    (tmp_path / "object.ring.gz").write_bytes(base64.b64decode(made["file"]))
    assert read_by(debian, tmp_path)["version"] == made["builder"]["version"]


async def test_a_new_disk_gains_its_share_and_no_more() -> None:
    (first,) = await built(ring(FIRST))
    (then,) = await built(ring([disk(1, 3, 0, weight=250.0)], first["builder"]))
    before, after = table(first["builder"]), table(then["builder"])
    assert refusal("object", before, after) is None
    gained = sum(row.count(12) for row in after)
    assert gained == moved(before, after).replicas
    assert 0 < gained <= 256 * 3 * 250 / 12_250 + 1
    assert then["devices"] == [[12, 0.0, 250.0]]
    assert then["bytes"] == gained * int(12 * TB / (256 * 3))


async def test_a_round_that_moves_too_many_bytes_is_made_smaller() -> None:
    (first,) = await built(ring(FIRST))
    (most,) = await built(ring([disk(1, 3, 0)], first["builder"]))
    (less,) = await built(ring([disk(1, 3, 0)], first["builder"], most_bytes=most["bytes"] // 2))
    assert less["devices"][0][2] in (500.0, 250.0)
    assert less["bytes"] <= most["bytes"] // 2
    (none,) = await built(ring([disk(1, 3, 0)], first["builder"], most_bytes=1))
    assert "a round may move 1" in none["refused"]


async def test_an_order_that_swift_refuses_is_told() -> None:
    (none,) = await built(ring(FIRST[:2]))
    assert none["refused"] == "Replica count of 3 requires more than 2 devices"


async def test_no_hour_between_rounds_moves_still_one_replica_at_a_time() -> None:
    (first,) = await built(ring(FIRST, min_part_hours=0))
    more = [disk(4, node, number) for node in (1, 2) for number in (0, 1)]
    (then,) = await built(ring(more, first["builder"], min_part_hours=0))
    assert moved(table(first["builder"]), table(then["builder"])).most == 1
    assert then["builder"]["min_part_hours"] == 0


async def test_without_swift_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    lacking = tmp_path / "child.py"
    lacking.write_text(f"import sys\nsys.modules['swift'] = None\n{ring_builder.CHILD.read_text()}")
    monkeypatch.setattr(ring_builder, "CHILD", lacking)
    with pytest.raises(PermanentError, match=r"Install openstack-cluster-reconciler\[rings\]"):
        await built(ring(FIRST))


async def test_a_child_that_does_not_end_is_stopped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    slow = tmp_path / "child.py"
    slow.write_text("import time\ntime.sleep(600)\n")
    monkeypatch.setattr(ring_builder, "CHILD", slow)
    with pytest.raises(TemporaryError, match="did not end within 0 s"):
        await build_rings({}, limit=0.2)


async def test_a_child_that_dies_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    bad = tmp_path / "child.py"
    bad.write_text("import sys\nsys.exit('no memory')\n")
    monkeypatch.setattr(ring_builder, "CHILD", bad)
    with pytest.raises(TemporaryError, match="ended with 1: no memory"):
        await build_rings({})


HISTORIES_DRAWN = 150 if settings().max_examples <= 100 else 10_000
"""How many: some seconds' worth; and in ``make fuzz``, half an hour's."""
IN_ONE_PROCESS = 150


@pytest.mark.parametrize("first", range(0, HISTORIES_DRAWN, IN_ONE_PROCESS))
def test_no_history_of_growth_passes_the_oracle(first: int) -> None:
    asked = [sys.executable, str(HISTORIES), str(first), str(IN_ONE_PROCESS)]
    ran = subprocess.run(asked, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    rounds = json.loads(ran.stdout)
    assert len(rounds) > 400
    moving = 0
    for each in rounds:
        before, after = ([array("H", base64.b64decode(row)) for row in each[when]] for when in ("before", "after"))
        assert refusal("object", before, after, each["parity"]) is None
        moving += bool(before) and moved(before, after, each["parity"]).replicas > 0
    assert moving > 200
