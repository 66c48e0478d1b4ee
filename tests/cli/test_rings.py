"""``rings`` lists what is in force, and says where something is."""

import base64
import json
from array import array
from contextlib import closing
from dataclasses import replace
from typing import Any

from reconciler.model.machine import SecretRef
from reconciler.model.rings import BuiltRing, RingFile, RingMoves, RingRound
from reconciler.render.rings import partition_of, rings_of

from .conftest import PROXY, STORE, Laid


def test_rings_are_listed(on: Any) -> None:
    rows = on("rings", "--format", "json").json
    assert [(row["ring"], row["part_power"], row["devices"], row["differ"]) for row in rows] == [
        ("account", 14, 12, []),
        ("container", 14, 12, []),
        ("object", 14, 72, []),
    ]
    text = on("rings", "show").out
    assert "864010" in text and "nodes that differ" in text
    assert on("rings", "--cluster", "other").err.endswith("\nThere are no rings.\n")


def test_a_node_with_another_file_is_named(on: Any, laid: Laid) -> None:
    with closing(laid.open()) as site:
        site.store.rings_read(laid.serial(STORE), (RingFile("object", "0" * 32),), site.now())
    rows = on("rings", "--format", "json").json
    assert [row["differ"] for row in rows] == [[STORE], [STORE], [STORE]]
    page = on("machines", STORE, "--format", "json").json
    assert page["rings_differ"].startswith("it has no account ring; it has no container ring; its object ring is 0000")


def test_what_a_round_would_do_is_told(on: Any, laid: Laid) -> None:
    with closing(laid.open()) as site:
        moves = RingMoves("object", 73, (("192.0.2.9/sdb", 0.0, 3000.0),), 211, 10**12)
        site.store.propose_round(RingRound("swift01", "order", (moves,)), site.now())
    rows = on("rings", "--format", "json").json
    assert [row["next_round"] for row in rows] == [None, None, "211 partitions of 1 disk"]


def test_a_disk_is_found_by_its_node(on: Any) -> None:
    (row,) = on("rings", "explain", f"{STORE}/sdc", "--format", "json").json
    assert (row["ring"], row["hostname"], row["device"], row["port"], row["weight"]) == (
        *("object", STORE, "sdc", 6202),
        12000.14,
    )
    assert len(on("rings", "explain", f"{PROXY}/sdb", "--format", "json").json) == 2
    page = on("machines", STORE, "--format", "json").json
    assert page["rings"]["sdc"] == ["object: weight 12000.1, 64 partitions"]
    said = on("rings", "explain", "nowhere/sdz")
    assert (said.status, "\nError: nowhere/sdz is in no ring;" in said.err) == (1, True)


def with_table(laid: Laid) -> None:
    """The object ring has a table: of partition n the disks n, n + 1 and n + 2 of its first sixty-four."""
    with closing(laid.open()) as site:
        built = site.store.ring_builders("swift01")["object"]
        rows = [array("H", [(part + replica) % 64 for part in range(2**14)]) for replica in range(3)]
        tables = [base64.b64encode(row.tobytes()).decode() for row in rows]
        state = replace(built.state, version=built.state.version + 1)
        again = BuiltRing(state, json.dumps({"assignments": tables}), built.file)
        site.store.keep_rings([again], {"object": built.state.version}, "a test says so", site.now())


def test_a_partition_is_explained(on: Any, laid: Laid) -> None:
    with_table(laid)
    with closing(laid.open()) as site:
        devices = {dev.id: dev for dev in site.observe().rings[2].devices}
    others = [row for row in on("rings", "explain", "70", "--format", "json").json if row["ring"] == "object"]
    assert [(row["partition"], row["replica"], row["address"], row["device"]) for row in others] == [
        (70, replica, devices[number].ip, devices[number].device) for replica, number in enumerate((6, 7, 8))
    ]


def test_an_object_is_where_swift_looks_for_it(on: Any, laid: Laid) -> None:
    with_table(laid)
    with closing(laid.open()) as site:
        names = [SecretRef("swift01", "swift", f"hashpath{end}") for end in ("prefix", "suffix")]
        prefix, suffix = (site.store.secret(ref) for ref in names)
    assert prefix and suffix
    rows = on("rings", "explain", "/AUTH_a/c/o/p", "--format", "json").json
    assert {row["ring"] for row in rows} == {"object"}
    assert {row["partition"] for row in rows} == {partition_of("/AUTH_a/c/o/p", prefix, suffix, 14)}


def test_a_partition_is_swifts_own() -> None:
    """As swift.common.ring.Ring(...).get_part has them, of 2.38, with these ends and part power."""
    assert partition_of("/AUTH_test/photos/cat.jpeg", "before", "after", 14) == 24
    assert [rings_of(path) for path in ("/a", "/a/c", "/a/c/o", "/a/c/o/p")] == [
        *("account", "container"),
        *("object", "object"),
    ]


def test_another_word_is_wrong_usage(on: Any) -> None:
    said = on("rings", "rebuild")
    assert (said.status, 'write "rings", or "rings explain WHAT"' in said.err) == (64, True)
