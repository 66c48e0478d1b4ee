"""An explanation as people and programs read it."""

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from reconciler.enc.compile import Compiled, compile_node
from reconciler.enc.explain import explain
from reconciler.enc.explain_parameter import why_not
from reconciler.enc.view import views
from reconciler.model.explanation import ExplainedGates
from reconciler.model.gates import Gate, GateName
from reconciler.render.explain import MAX_WIDTH, explain_json, explain_text, shorten
from reconciler.render.schemas import schemas
from reconciler.specs.puppet_module import known_signatures, read_signatures

from ..enc.build import SWIFT, in_clear, signatures, swift_cluster, tree_of
from ..planning.build import NOW
from ..reference.facts import VERSIONS

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


def test_one_that_was_asked_for_tells_where_it_may_be_written_and_what_lost() -> None:
    text = explain_text(explain(compile_node(VIEW), "swift_rsync_connection_limit", view=VIEW))
    assert text.startswith("z-swiftstore-1.example.com  (cluster z, role swiftstore; machine Z-SWIFTSTORE-1, location ")
    assert text.endswith(
        "    swift_rsync_connection_limit  40  swift_rsync_connection_limit, specs/a.yaml:41\n"
        "      swift_rsync_connection_limit (connections): Incoming rsync connections for each disk of a "
        "storage node.\n"
        "      May be written for: fleet, cluster, role. The last of these that says something wins.\n"
        "        default  16\n"
        "        cluster  40  specs/a.yaml:41\n"
    )


@pytest.mark.parametrize(
    ("fleet", "told"),
    [
        ("{}", "the newest known that Debian trixie has\n"),
        ('{module_version: "43.0.45"}', "puppet.module_version of the fleet, specs/a.yaml:5\n"),
    ],
    ids=["by the release", "written"],
)
def test_the_module_that_a_document_is_for_is_told_with_who_says_so(fleet: str, told: str) -> None:
    tree = tree_of(SWIFT.replace('{module_version: "43.0.45"}', fleet))
    view = views(replace(swift_cluster(), tree=tree))[VIEW.node.hostname]
    line = explain_text(explain(compile_node(view), view=view)).splitlines(keepends=True)[1]
    assert line.startswith("  for puppet-module-oci 43.0.45, ")
    assert line.endswith(told)


def test_a_file_in_base64_and_a_long_list_are_told_whole_when_asked_for() -> None:
    hosts = explain_text(explain(compile_node(VIEW), "etc_hosts", view=VIEW))
    assert "\n        10.0.1.2\tz-controller-1.example.com z-controller-1\n" in hosts
    stores = explain_text(explain(compile_node(VIEW), "all_swiftstore", view=VIEW))
    assert stores.endswith("".join(f"        z-swiftstore-{n}.example.com\n" for n in (1, 2, 3)))


def test_a_file_in_base64_is_told_in_clear_whatever_its_reason_says() -> None:
    compiled = compile_node(VIEW)
    rows = compiled.classes["oci::generic"]
    reworded = replace(rows["etc_hosts"], origin="names of all nodes")
    classes = {**compiled.classes, "oci::generic": {**rows, "etc_hosts": reworded}}
    told = explain_text(explain(replace(compiled, classes=classes), "etc_hosts", view=VIEW))
    assert "\n        10.0.1.2\tz-controller-1.example.com z-controller-1\n" in told


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("machine_h*", {"machine_hostname"}),
        ("oci::filebeat", {"cluster_name", "machine_role", "filebeat_enable"}),
        ("oci::file*", {"cluster_name", "machine_role", "filebeat_enable"}),
    ],
)
def test_a_class_or_a_pattern_may_be_asked_for(wanted: str, found: set[str]) -> None:
    explained = explain(compile_node(VIEW), wanted)
    assert {parameter.name for one in explained.classes for parameter in one.parameters} == found


OVERLAY = """
apiVersion: reconciler/v1
kind: EncOverlay
metadata: {name: wide}
spec:
  for: {clusters: [z]}
  classes:
    oci::swiftstore: {servers_per_port: 4}
    oci::controller: {nova_debug_log: false}
"""


def test_only_what_the_specs_say_may_be_asked_for() -> None:
    compiled = compile_node(views(swift_cluster(OVERLAY))[VIEW.node.hostname])
    (own,) = explain(compiled, written=True).classes
    assert [parameter.name for parameter in own.parameters if parameter.instead] == ["servers_per_port"]
    assert {"region_name", "swift_store_object"} < {parameter.name for parameter in own.parameters}
    assert all("specs/" in parameter.because for parameter in own.parameters)


def test_what_the_specs_say_is_told_apart_in_any_words() -> None:
    compiled = compile_node(views(swift_cluster(OVERLAY))[VIEW.node.hostname])
    reworded = {
        name: {key: replace(given, origin="in other words: 7") for key, given in rows.items()}
        for name, rows in compiled.classes.items()
    }

    def names(of: Compiled) -> list[str]:
        return [each.name for one in explain(of, written=True).classes for each in one.parameters]

    assert names(replace(compiled, classes=reworded)) == names(compiled)


def test_an_overlay_says_what_it_stands_in_place_of() -> None:
    compiled = compile_node(views(swift_cluster(OVERLAY))[VIEW.node.hostname])
    line = "    servers_per_port    4       EncOverlay wide, specs/b.yaml:8, instead of 1 (servers_per_port, default)\n"
    assert line in explain_text(explain(compiled))


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("oci_pki_api", ()),
        ("nova_debug_log", ("it is a setting that no class of this node is given (Nova's log", "it is a parameter of")),
        ("swift_part_power", ("it is a setting that no class of this node is given",)),
        ("output_hosts", ("oci::filebeat: only given when filebeat_enabled is true",)),
    ],
)
def test_why_a_parameter_is_not_given_is_said(name: str, why: tuple[str, ...]) -> None:
    found = why_not(VIEW, name)
    assert len(found) == len(why)
    assert all(one.startswith(start) for one, start in zip(found, why, strict=True))


@pytest.mark.parametrize("width", [80, 120])
def test_nothing_is_wider_than_the_terminal_but_words_that_are(width: int) -> None:
    text = explain_text(explain(compile_node(VIEW)), width)
    rows = [line for line in text.splitlines() if line.startswith("    ") and "  secret " not in line]
    assert max(map(len, rows)) <= width + 30
    assert sum(len(line) > width for line in rows) < len(rows) / 20


def test_the_json_form_holds_the_same() -> None:
    explanation = explain(compile_node(VIEW))
    data = json.loads(json.dumps(explain_json(explanation)))
    assert (data["hostname"], data["cluster"], data["role"]) == ("z-swiftstore-1.example.com", "z", "swiftstore")
    names = [p["name"] for c in data["classes"] for s in c["sections"] for p in s["parameters"]]
    assert len(names) == 1 + 28 + 3 + 54


DOWN = Gate(GateName.KEYSTONE, "no token", "token", NOW, False)
UP = Gate(GateName.LOGIN, "yes", "yes", NOW, True)


def test_gates_are_told_before_the_classes_and_those_of_the_node_that_is_waited_for() -> None:
    told = replace(explain(compile_node(VIEW)), gates=ExplainedGates((UP,), "a controller", "z-controller-1", (DOWN,)))
    assert (
        "\nGates\n"
        "  login: yes, since 2026-11-23 10:00:00Z\n"
        "  its first Puppet run needs a controller\n"
        "    on z-controller-1: keystone: no token, since 2026-11-23 10:00:00Z; CLOSED, opens at: token\n"
        "\noci::"
    ) in explain_text(told)
    assert explain_json(told)["gates"]["others"][0]["threshold"] == "token"
    jsonschema.Draft202012Validator(json.loads(schemas()["explain.json"])).validate(explain_json(told))


def test_without_gates_nothing_is_told_of_them() -> None:
    told = explain(compile_node(VIEW))
    assert explain_text(replace(told, gates=ExplainedGates(()))) == explain_text(told)


def test_no_secret_is_in_an_explanation() -> None:
    tree = tree_of(SWIFT.replace("settings: {swift_rsync", SECRET))
    for view in views(replace(swift_cluster(), tree=tree)).values():
        text = explain_text(explain(compile_node(view)))
        assert "very-secret" not in text
        assert "********" in text


@pytest.mark.parametrize("wanted", [None, "http_proxy_addr"])
def test_no_login_of_an_address_is_in_an_explanation(wanted: str | None) -> None:
    mirror, proxy = "http://ci:hunter2@mirror.example.com/debian", "http_proxy: {address: 'me:hunter2@proxy:3128'}"
    text = SWIFT.replace('{debian: "http://mirror.example.com/debian"}', f'{{debian: "{mirror}"}}\n  {proxy}')
    for view in views(replace(swift_cluster(), tree=tree_of(text))).values():
        explained = explain(compile_node(view), wanted, view=view)
        shown = explain_text(explained) + json.dumps(explain_json(explained))
        assert "hunter2" not in shown
        assert "***@proxy:3128" in shown
        assert "hunter2" not in in_clear(shown)
        assert wanted or "http://***@mirror.example.com/debian" in in_clear(shown)


def test_what_ships_is_what_the_tests_use() -> None:
    assert set(known_signatures()) == set(VERSIONS)
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
