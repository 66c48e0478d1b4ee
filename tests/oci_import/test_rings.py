"""OCI's builders are read without running anything, and kept as they are."""

import base64
import copyreg
import json
import os
import pickle
import shutil
import sqlite3
import subprocess
import sys
from array import array
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from reconciler.app.plans import planned
from reconciler.cli.importing import _builders as builders_below
from reconciler.cli.ring_import import keep_rings
from reconciler.model.plan import Act, Wait
from reconciler.oci_import.rings import OciRing, put_rings, read_builder, read_rings, rings_spec, storing_cluster
from reconciler.oci_import.yaml_documents import SpecDocument, Tree

from ..cli.conftest import Laid
from ..cli.conftest import cli as cli
from ..cli.conftest import laid as laid
from ..cli.conftest import template as template

_BY_SWIFT = """
import sys, json
from swift.common.ring.builder import RingBuilder
folder, devices = sys.argv[1], json.loads(sys.argv[2])
for ring in ("account", "container", "object"):
    builder = RingBuilder(6, 3, 2)
    for number, dev in enumerate(devices):
        builder.add_dev({**dev, "id": number + 1, "weight": 1000})  # 0 was taken away once
    builder.rebalance(seed=7)
    builder.save(f"{folder}/{ring}.builder")
    builder.get_ring().save(f"{folder}/{ring}.ring.gz", format_version=1)
"""


def by_swift(folder: Path, devices: list[dict[str, Any]]) -> Path:
    """Builders and rings as swift-ring-builder leaves them."""
    folder.mkdir(parents=True, exist_ok=True)
    ran = subprocess.run([sys.executable, "-c", _BY_SWIFT, folder, json.dumps(devices)], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    return folder


def files_in(folder: Path) -> dict[str, tuple[bytes, bytes | None]]:
    found = sorted(folder.glob("*.builder"))
    return {path.stem: (path.read_bytes(), path.with_suffix(".ring.gz").read_bytes()) for path in found}


def some_devices() -> list[dict[str, Any]]:
    return [
        {"region": 1, "zone": zone, "ip": f"192.0.2.{zone}", "port": 6200 + n, "device": f"sd{chr(98 + n)}"}
        for zone in (1, 2, 3)
        for n in (0, 1)
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """In one folder builders, and in ``only`` beside it the same below their cluster's name."""
    there = by_swift(tmp_path_factory.mktemp("builders") / "swift01", some_devices())
    shutil.copytree(there, there.parent / "only/swift01")
    return there


def test_a_builder_of_swifts_is_read(folder: Path) -> None:
    builder = read_builder((folder / "object.builder").read_bytes())
    assert (builder["part_power"], builder["replicas"], builder["min_part_hours"]) == (6, 3, 2)
    assert [dev and dev["id"] for dev in builder["devs"]] == [None, 1, 2, 3, 4, 5, 6]
    assert [len(base64.b64decode(row)) for row in builder["assignments"]] == [128, 128, 128]
    json.dumps(builder)


def test_rings_are_those_of_their_builders(folder: Path) -> None:
    files = {
        path.stem: (path.read_bytes(), path.with_suffix(".ring.gz").read_bytes()) for path in folder.glob("*.builder")
    }
    rings = read_rings(files)
    assert set(rings) == {"account", "container", "object"}
    assert rings_spec({name: ring.builder for name, ring in rings.items()}) == {
        **{"part_power": 6, "replicas": 3},
        "min_part_hours": 2,
    }
    other = by_swift(folder.parent / "other", some_devices()[::-1])
    mixed = {"object": (files["object"][0], (other / "object.ring.gz").read_bytes())}
    with pytest.raises(ValueError, match=r"object\.builder: its ring\.gz was made from another builder"):
        read_rings(mixed)
    with pytest.raises(ValueError, match=r"object\.builder: it is no ring file"):
        read_rings({"object": (files["object"][0], b"no gzip")})


class Evil:
    """What Python calls when it reads it."""

    def __init__(self, call: Any, *arguments: Any) -> None:
        self.what = call, arguments

    def __reduce__(self) -> Any:
        return self.what


class Builder:
    """As builders were pickled long ago: an object, whose class would be looked up."""


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_that_calls_something_is_refused_and_calls_nothing(tmp_path: Path, protocol: int) -> None:
    trace = tmp_path / "called"
    for evil in (
        Evil(os.system, f"touch {trace}"),
        Evil(eval, f"open({str(trace)!r}, 'w')"),
        Evil(array, "H", Evil(os.system, f"touch {trace}")),
        Builder(),
    ):
        with pytest.raises(ValueError, match="it is no builder file"):
            read_builder(pickle.dumps({"part_power": evil}, protocol))
    assert not trace.exists()


def test_a_registered_extension_is_refused(tmp_path: Path) -> None:
    copyreg.add_extension("os", "system", 0xE1)
    try:
        with pytest.raises(ValueError, match=r"it names os\.system"):
            read_builder(b"\x80\x02\x82\xe1.")
    finally:
        copyreg.remove_extension("os", "system", 0xE1)


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"garbage", pickle.dumps([1, 2])),
        pickle.dumps(array("d", [1.0])),
        pickle.dumps({"part_power": array("u", "abc")}),
        b"\x80\x04\x8c\x05array\x8c\x05array\x93\x8c\x01HK\x05\x86R.",  # array("H", 5)
    ],
)
def test_what_is_no_builder_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="it is no builder file"):
        read_builder(content)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"devs_changed": True}, "was changed since its last rebalance"),
        ({"parts": 32}, "tables are not of its part power"),
        ({"_replica2part2dev": None}, "never rebalanced"),
        ({"_replica2part2dev": [array("H", [0] * 64)]}, "names a device that it does not have"),
        ({"devs": [None, {"id": 5}]}, "its device 1 is none"),
        ({"devs": 7}, "no builder file"),
    ],
)
def test_a_builder_that_makes_no_sense_is_refused(folder: Path, change: dict[str, Any], said: str) -> None:
    known = pickle.loads((folder / "object.builder").read_bytes())
    with pytest.raises(ValueError, match=said):
        read_builder(pickle.dumps({**known, **change}))


def test_the_specs_say_what_builders_are_made_with(folder: Path) -> None:
    settings = {"swift_part_power": 16, "swift_store_object": True}
    tree = Tree()
    tree.add("a.yaml", SpecDocument("Cluster", "swift01", {"roles": {"swiftstore": {}}, "settings": settings}))
    tree.add("b.yaml", SpecDocument("Cluster", "cl1", {"roles": {"compute": {}}, "settings": settings}))
    assert storing_cluster(tree) == "swift01"
    put_rings(tree, "swift01", {"object": read_builder((folder / "object.builder").read_bytes())})
    assert tree.documents("Cluster")["swift01"] == {
        "roles": {"swiftstore": {}},
        "settings": {"swift_store_object": True},
        "rings": {"part_power": 6, "replicas": 3, "min_part_hours": 2},
    }
    assert tree.documents("Cluster")["cl1"]["settings"] == settings
    tree.add("c.yaml", SpecDocument("Cluster", "swift02", {"roles": {"swiftproxy": {}}}))
    with pytest.raises(ValueError, match=r"with Swift: swift01, swift02"):
        storing_cluster(tree)


def oci_rings(laid: Laid, tmp_path: Path, *, with_files: bool = True) -> dict[str, dict[str, OciRing]]:
    """Rings as OCI would have them of the site's stores: all of weight 1000, whatever their size."""
    with closing(laid.open()) as site:
        devices = site.observe().rings[2].devices
    plain = [{name: getattr(dev, name) for name in ("region", "zone", "ip", "port", "device")} for dev in devices]
    folder = by_swift(tmp_path / "oci", plain)
    files = {p.stem: (p.read_bytes(), p.with_suffix(".ring.gz").read_bytes()) for p in folder.glob("object.builder")}
    return {
        "swift01": {n: ring if with_files else OciRing(ring.builder, None) for n, ring in read_rings(files).items()}
    }


def forget_rings(laid: Laid) -> None:
    with closing(sqlite3.connect(laid.database)) as connection:
        connection.execute("DELETE FROM ring")
        connection.execute("UPDATE change SET revision = revision + 1 WHERE area = 'ring'")
        connection.commit()


@pytest.mark.parametrize("with_files", [True, False])
def test_rings_of_oci_stay_as_they_are(laid: Laid, tmp_path: Path, with_files: bool) -> None:
    found = oci_rings(laid, tmp_path, with_files=with_files)
    forget_rings(laid)
    laid.change("part_power: 14, replicas: 3, ramp: 25%", "part_power: 6, replicas: 3, min_part_hours: 2")
    laid.commit()
    with closing(laid.open()) as site:
        assert keep_rings(site, found) == 0
        (state,) = site.observe().rings
        ring = found["swift01"]["object"]
        assert (state.version, state.at.timestamp()) == (ring.builder["version"], ring.builder["last_part_moves_epoch"])
        assert {(dev.weight, dev.target) for dev in state.devices} == {(1000.0, 1000.0)}
        assert [dev.id for dev in state.devices] == list(range(1, 73))
        assert {dev.size for dev in state.devices} == {12_000_138_625_024}
        assert ring.file is None or site.store.ring_builders("swift01")["object"].file == ring.file
        assert keep_rings(site, found) == 0, "the same import twice changes nothing"
        assert site.observe().rings == (state,)
        todo, _ = planned(site)
        changing = [s for s in todo.steps if isinstance(s, Act | Wait) and "ring" in s.reason]
        assert {s.action.type for s in changing if isinstance(s, Act)} <= {"place_rings"}
        assert not [s for s in changing if isinstance(s, Wait)]


def test_rings_that_changed_here_are_not_overwritten(laid: Laid, tmp_path: Path, capsys: Any) -> None:
    found = oci_rings(laid, tmp_path)
    with closing(laid.open()) as site:
        before = site.observe().rings
        assert keep_rings(site, found) == 1
        assert site.observe().rings == before
    assert "the object ring of swift01 is at version 73 here, and stays" in capsys.readouterr().out


def tree_with(*clusters: str) -> Tree:
    tree = Tree()
    tree.add("clusters.yaml", *(SpecDocument("Cluster", name, {"roles": {"swiftstore": {}}}) for name in clusters))
    return tree


def test_builders_are_found_by_their_clusters_folder(folder: Path) -> None:
    tree = tree_with("swift01", "swift02")
    found = builders_below(tree, folder.parent / "only")
    assert {cluster: set(rings) for cluster, rings in found.items()} == {"swift01": {"account", "container", "object"}}
    assert tree.documents("Cluster")["swift01"]["rings"] == {"part_power": 6, "replicas": 3, "min_part_hours": 2}
    assert "rings" not in tree.documents("Cluster")["swift02"]


def test_builders_without_a_folder_of_their_cluster_are_the_only_clusters(folder: Path) -> None:
    assert set(builders_below(tree_with("swift01"), folder)) == {"swift01"}
    with pytest.raises(ValueError, match="of each cluster's name"):
        builders_below(tree_with("swift01", "swift02"), folder)


def test_builders_of_nobody_are_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match='builders of "swift01", and OCI has no cluster of that name'):
        builders_below(tree_with("other"), folder.parent / "only")
    with pytest.raises(ValueError, match=r"has no \*\.builder"):
        builders_below(tree_with("swift01"), tmp_path)


def test_builders_alone_are_no_import(cli: Any, folder: Path) -> None:
    said = cli("import", "oci", "--output", "specs", "--swift-builders", folder)
    assert (said.status, "--swift-builders need --from" in said.err) == (64, True)
