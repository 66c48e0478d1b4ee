import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.model.diagnostics import Severity
from reconciler.render.diagnostics import render_text
from reconciler.specs.files import read_directory
from reconciler.specs.loader import Loaded, load_tree
from reconciler.specs.settings_table import load_table
from reconciler.specs.validate import timezone_exists, validate
from reconciler.specs.yaml_reader import MAX_PROBLEMS

from .large_fleet import large_fleet

ROOT = Path(__file__).parents[2]
EXAMPLES = ("all-roles", "compute-ceph", "two-clusters-linked")
TREES = [ROOT / "cluster-specs", *(ROOT / "examples" / name for name in EXAMPLES)]
FILES = {path.relative_to(ROOT).as_posix(): path.read_bytes() for tree in TREES[:1] for path in tree.rglob("*.yaml")}


def check(files: dict[str, bytes]) -> Loaded:
    return validate(files, settings_table=load_table(), module_versions=("43.0.10", "43.0.45"))


@pytest.mark.parametrize("tree", TREES, ids=lambda tree: tree.name)
def test_trees_that_we_ship_have_no_problems(tree: Path) -> None:
    loaded = check(read_directory(tree))
    assert render_text(loaded.problems, loaded.sources) == ""
    assert loaded.tree is not None


def test_the_demo_fleet_is_twelve_servers() -> None:
    tree = check(FILES).tree
    assert tree is not None
    assert sum(pool.count or 0 for pool in tree.clusters["swift01"].roles.values()) == 12


def test_every_value_knows_its_place() -> None:
    tree = check(FILES).tree
    assert tree is not None
    at = tree.place("Cluster", "swift01", "settings", "swift_object_replicator_concurrency")
    assert at is not None
    assert at.file == "cluster-specs/clusters/swift01.yaml"
    assert "swift_object_replicator_concurrency: 5" in FILES[at.file].decode().splitlines()[at.line - 1]
    assert tree.place("Cluster", "swift01", "settings", "nothing") == tree.place("Cluster", "swift01", "settings")
    assert tree.place("Cluster", "swift02") is None


def test_one_document_by_itself_needs_no_other() -> None:
    loaded = load_tree({"f.yaml": FILES["cluster-specs/clusters/swift01.yaml"]}, load_table())
    assert [problem.summary for problem in loaded.problems] == ["No fleet"]


def test_nobody_is_missed_who_may_stand_in_what_was_not_read() -> None:
    given_up = b"1: 1\n" * MAX_PROBLEMS + b"---\n" + FILES["cluster-specs/fleet.yaml"]
    loaded = load_tree({"f.yaml": given_up}, load_table())
    assert len(loaded.problems) == MAX_PROBLEMS
    assert "No fleet" not in {problem.summary for problem in loaded.problems}


def test_warnings_do_not_spoil_a_tree() -> None:
    files = {path: text.replace(b"swiftstore: {count: 6", b"swiftstore: {count: 0") for path, text in FILES.items()}
    files["extra.yaml"] = b"apiVersion: reconciler/v1\nkind: Location\nmetadata: {name: zone-9}\n"
    loaded = check(files)
    assert loaded.tree is not None
    assert {problem.severity for problem in loaded.problems} == {Severity.WARNING}


def documents_of(files: dict[str, bytes]) -> list[bytes]:
    split = (re.split(rb"^---\n", text, flags=re.MULTILINE) for text in files.values())
    return [document for documents in split for document in documents]


@settings(max_examples=20)
@given(st.randoms(use_true_random=False), st.integers(1, 5))
def test_neither_files_nor_order_matter(random: Any, count: int) -> None:
    documents = documents_of(FILES)
    random.shuffle(documents)
    shuffled = {f"{i}.yaml": b"---\n".join(documents[i::count]) for i in range(count)}
    expected, loaded = check(FILES), check(shuffled)
    assert loaded.tree == expected.tree
    assert list(loaded.tree.clusters) == list(expected.tree.clusters) if loaded.tree and expected.tree else False


@settings(max_examples=100)
@given(st.data())
def test_a_tree_with_something_wrong_gives_a_tree_or_problems(data: Any) -> None:
    files = dict(FILES)
    path = data.draw(st.sampled_from(sorted(files)))
    text = files[path]
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 30)))
    piece = data.draw(
        st.one_of(st.binary(max_size=6), st.sampled_from([b": ", b"- ", b"\n", b"[", b"}", b"no", b"0", b"~"]))
    )
    files[path] = text[:start] + piece + text[end:]
    loaded = check(files)
    errors = [problem for problem in loaded.problems if problem.severity is Severity.ERROR]
    assert (loaded.tree is None) == bool(errors)
    assert len(set(loaded.problems)) == len(loaded.problems)
    assert all(line.isprintable() for line in render_text(loaded.problems, loaded.sources).splitlines())


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=8), below, max_size=3),
    max_leaves=10,
)


@settings(max_examples=150)
@given(st.data())
def test_any_value_at_any_key_is_taken_or_explained(data: Any) -> None:
    kind = data.draw(
        st.sampled_from(["Fleet", "Racking", "HardwareProfile", "Cluster", "Machine", "Role", "EncOverlay"])
    )
    keys = ["networks", "roles", "settings", "match", "disks", "policy", "bmc", "switches", "for", "classes", "address"]
    spec = data.draw(st.dictionaries(st.sampled_from(keys), json_values, max_size=4))
    document = {"apiVersion": "reconciler/v1", "kind": kind, "metadata": {"name": "x"}, "spec": spec}
    files = {"f.yaml": json.dumps(document, ensure_ascii=True).encode()}
    loaded = check(files)
    assert loaded.tree is not None or loaded.problems
    for problem in loaded.problems:
        assert problem.detail.endswith((".", "?"))


def test_a_fleet_of_ten_thousand_machines_is_valid() -> None:
    loaded = check(large_fleet(clusters=4, machines=1000, files=10))
    assert loaded.problems == ()
    assert loaded.tree is not None
    assert len(loaded.tree.machines) == 1000


@pytest.mark.parametrize(
    ("name", "exists"),
    [("UTC", True), ("Europe/Zurich", True), ("Europe", False), ("../UTC", False), ("", False), ("a\0b", False)],
)
def test_time_zones(name: str, exists: bool) -> None:
    assert timezone_exists(name) is exists
