"""An explanation as people and programs read it."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.drivers.puppet_signatures import known_signatures, read_signatures
from reconciler.enc.compile import compile_node
from reconciler.enc.explain import explain
from reconciler.enc.view import views
from reconciler.render.explain import MAX_WIDTH, explain_json, explain_text, shorten

from .build import SWIFT, signatures, swift_cluster, tree_of

VIEW = views(swift_cluster())["z-swiftstore-1.example.com"]
SECRET = "settings: {external_keystone_admin_password: very-secret, generate_root_ssh_keys: true, swift_rsync"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, "true"),
        (None, "null"),
        ("", '""'),
        ("plain text", "plain text"),
        ("two\nlines", '"two\\nlines"'),
        (["a"], '["a"]'),
        (8950, "8950"),
    ],
)
def test_a_value_stands_on_one_line(value: object, expected: str) -> None:
    assert shorten(value) == expected


def test_a_long_value_is_cut_and_says_how_long_it_is() -> None:
    assert shorten(["z-sto"] * 1000).endswith(" ... (1000 items)")
    assert shorten("x" * 5000).endswith(" ... (5000 characters)")
    assert len(shorten("x" * 5000)) == MAX_WIDTH


def test_one_parameter_is_explained_alone() -> None:
    text = explain_text(explain(compile_node(VIEW), "swift_rsync_connection_limit"))
    assert text == (
        "z-swiftstore-1.example.com  (cluster z, role swiftstore)\n\n"
        "oci::swiftstore  (1 parameter)\n\n"
        "  Replicators\n"
        "    swift_rsync_connection_limit  40  swift_rsync_connection_limit, specs/a.yaml:41\n"
    )


def test_a_parameter_that_is_not_given_is_said() -> None:
    with pytest.raises(LookupError, match=r'z-swiftstore-1.example.com gets no parameter "nova"'):
        explain(compile_node(VIEW), "nova")


def test_the_json_form_holds_the_same() -> None:
    explanation = explain(compile_node(VIEW))
    data = json.loads(json.dumps(explain_json(explanation)))
    assert (data["hostname"], data["cluster"], data["role"]) == ("z-swiftstore-1.example.com", "z", "swiftstore")
    names = [p["name"] for c in data["classes"] for s in c["sections"] for p in s["parameters"]]
    assert len(names) == 1 + 28 + 3 + 54


def test_no_secret_is_in_an_explanation() -> None:
    tree = tree_of(SWIFT.replace("settings: {swift_rsync", SECRET))
    for view in views(replace(swift_cluster(), tree=tree)).values():
        text = explain_text(explain(compile_node(view)))
        assert "very-secret" not in text
        assert "********" in text


def test_what_ships_is_what_the_tests_use() -> None:
    assert set(known_signatures()) == {"42.2.5", "43.0.10", "43.0.45"}
    assert known_signatures()["43.0.45"] == signatures()


def test_a_folder_of_manifests_is_read_whole(tmp_path: Path) -> None:
    (tmp_path / "repos").mkdir()
    (tmp_path / "a.pp").write_text("class oci::a($x = undef) {}\n")
    (tmp_path / "repos/b.pp").write_text("class oci::repos::b(Array[Hash] $repositories,) {}\n")
    assert read_signatures(tmp_path) == {
        "oci::a": {"x": {"default": "undef", "mandatory": False}},
        "oci::repos::b": {"repositories": {"default": None, "mandatory": True}},
    }
    with pytest.raises(ValueError, match="no Puppet class in"):
        read_signatures(tmp_path / "repos/none")
