"""Overlays and users' own roles: the narrower wins, equals must agree, and unknown names are said."""

from dataclasses import replace
from typing import Any

import pytest

from reconciler.enc.check import check
from reconciler.enc.compile import compile_node
from reconciler.enc.overlays import rank, selects
from reconciler.enc.view import views
from reconciler.model.kinds import Selector

from .build import cluster_input, member, signatures, swift_cluster

KNOWN = {version: signatures(version) for version in ("42.2.5", "43.0.10", "43.0.45")}
STORE = "z-swiftstore-1.example.com"


def overlays(*documents: tuple[str, str, str]) -> str:
    """``EncOverlay`` documents from (name, selector, classes)."""
    return "\n---\n".join(
        f"apiVersion: reconciler/v1\nkind: EncOverlay\nmetadata: {{name: {name}}}\n"
        f"spec:\n  for: {selector}\n  classes: {classes}"
        for name, selector, classes in documents
    )


def given(text: str, hostname: str = STORE) -> dict[str, dict[str, Any]]:
    compiled = compile_node(views(swift_cluster(text))[hostname])
    return {name: {key: row.value for key, row in rows.items()} for name, rows in compiled.classes.items()}


SCOPES = [
    ("fleet", "{}"),
    ("cluster", "{clusters: [z]}"),
    ("role", "{roles: [swiftstore]}"),
    ("role-of-cluster", "{clusters: [z], roles: [swiftstore]}"),
    ("node", f"{{nodes: [{STORE}]}}"),
]


@pytest.mark.parametrize("narrowest", range(len(SCOPES)))
def test_the_narrower_wins_whatever_the_order_of_names(narrowest: int) -> None:
    chosen = SCOPES[: narrowest + 1]
    documents = [
        (f"{9 - n}-{name}", selector, f"{{ntp: {{from: {name}}}}}") for n, (name, selector) in enumerate(chosen)
    ]
    assert given(overlays(*documents))["ntp"] == {"from": chosen[-1][0]}


def test_an_overlay_that_is_for_others_gives_nothing() -> None:
    text = overlays(
        ("a", "{roles: [controller]}", "{ntp: {a: 1}}"),
        ("b", f"{{roles: [swiftstore], nodes: [{STORE}]}}", "{ntp: {b: 1}}"),
    )
    assert given(text)["ntp"] == {"b": 1}
    assert "ntp" not in given(text, "z-swiftstore-2.example.com")


def test_an_overlay_gives_a_role_s_class_to_no_other_role() -> None:
    text = overlays(("wide", "{clusters: [z]}", "{oci::swiftproxy: {statsd_hostname: a}, ntp: {b: 1}}"))
    assert "oci::swiftproxy" not in given(text)
    assert given(text, "z-swiftproxy-1.example.com")["oci::swiftproxy"]["statsd_hostname"] == "a"
    (note,) = compile_node(views(swift_cluster(text))[STORE]).notes
    assert note.startswith("oci::swiftproxy: no class of this node now, so it does not get what is given by EncOverlay")
    role = "apiVersion: reconciler/v1\nkind: Role\nmetadata: {name: edge}\nspec: {classes: {oci::swiftproxy: {}}}"
    edge = member("z", "edge", 1, "10.0.1.99", "mgmt-1", "zone-1")
    cluster = swift_cluster(f"{text}\n---\n{role}")
    compiled = compile_node(views(replace(cluster, members=(*cluster.members, edge)))["z-edge-1.example.com"])
    assert compiled.classes["oci::swiftproxy"]["statsd_hostname"].value == "a"


def test_mappings_are_merged_and_all_else_is_replaced() -> None:
    text = overlays(
        ("wide", "{}", "{ntp: {servers: [a, b], options: {iburst: true, deep: {x: 1, y: 2}}}}"),
        ("narrow", "{clusters: [z]}", "{ntp: {servers: [c], options: {deep: {y: 3}}}}"),
    )
    assert given(text)["ntp"] == {"servers": ("c",), "options": {"iburst": True, "deep": {"x": 1, "y": 3}}}


def test_an_overlay_wins_over_the_tables_and_says_where_it_stands() -> None:
    text = overlays(
        ("tune", "{}", "\n    oci::swiftstore:\n      servers_per_port: 4\n      monitoring_host: 10.0.0.9")
    )
    rows = compile_node(views(swift_cluster(text))[STORE]).classes["oci::swiftstore"]
    assert (rows["servers_per_port"].value, rows["monitoring_host"].value) == (4, "10.0.0.9")
    assert rows["servers_per_port"].origin == "EncOverlay tune, specs/b.yaml:8"
    assert rows["monitoring_host"].origin == "EncOverlay tune, specs/b.yaml:9"


def test_null_hands_a_parameter_back_to_puppet() -> None:
    text = overlays(("none", "{}", "{oci::swiftstore: {servers_per_port: null}}"))
    assert given(text)["oci::swiftstore"]["servers_per_port"] is None


def test_a_role_of_the_users_own_gets_its_classes() -> None:
    role = """
apiVersion: reconciler/v1
kind: Role
metadata: {name: bastion}
spec: {classes: {my::bastion: {port: 22, allow: [a, b]}, my::empty: {}}}
"""
    tree = swift_cluster(role).tree
    node = member("z", "bastion", 1, "10.0.1.9", "mgmt-1", "zone-1")
    controller = member("z", "controller", 1, "10.0.1.2", "mgmt-1", "zone-1")
    cluster = cluster_input(tree, "z", [node, controller], api="203.0.113.2")
    compiled = compile_node(views(cluster)["z-bastion-1.example.com"])
    assert {key: row.value for key, row in compiled.classes["my::bastion"].items()} == {"port": 22, "allow": ("a", "b")}
    assert compiled.document["classes"]["my::empty"] == {}
    assert compiled.notes == ()


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ({}, 0),
        ({"clusters": ("z",)}, 1),
        ({"roles": ("sql",)}, 2),
        ({"clusters": ("z",), "roles": ("sql",)}, 3),
        ({"nodes": ("a.example.com",)}, 4),
        ({"nodes": ("a.example.com",), "roles": ("sql",)}, 4),
    ],
)
def test_rank(selector: dict[str, Any], expected: int) -> None:
    assert rank(Selector(**selector)) == expected


def test_every_given_key_of_a_selector_must_hold() -> None:
    selector = Selector(clusters=("z",), roles=("sql",))
    assert selects(selector, cluster="z", role="sql", hostname="h")
    assert not selects(selector, cluster="z", role="dns", hostname="h")
    assert not selects(selector, cluster="y", role="sql", hostname="h")


def problems(text: str) -> list[tuple[str, str, str]]:
    found = check(swift_cluster(text).tree, KNOWN)
    return [(p.summary, p.detail, str(p.at)) for p in found]


def test_nothing_is_wrong_with_the_cluster_of_the_tests() -> None:
    assert check(swift_cluster().tree, KNOWN) == ()


def test_a_parameter_that_the_class_does_not_take_is_said_with_a_guess() -> None:
    text = overlays(("a", "{}", "\n    oci::swiftstore:\n      server_per_port: 4\n    ntp: {anything: 1}"))
    assert problems(text) == [
        (
            "Unknown parameter of a Puppet class",
            'oci::swiftstore of 43.0.45 takes no "server_per_port". Did you mean "servers_per_port"?',
            "specs/b.yaml:8:24",
        )
    ]


def test_a_class_that_the_module_does_not_have_is_said_with_a_guess() -> None:
    ((summary, detail, _),) = problems(overlays(("a", "{}", "{oci::swiftstor: {a: 1}}")))
    assert summary == "Unknown class of the Puppet module"
    assert detail.endswith('Did you mean "oci::swiftstore"?')


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (("{}", "{ntp: {a: 1}}"), ("{}", "{ntp: {a: 2}}"), 1),
        (("{}", "{ntp: {a: 1}}"), ("{}", "{ntp: {a: 1}}"), 0),
        (("{}", "{ntp: {a: 1}}"), ("{}", "{ntp: {b: 2}}"), 0),
        (("{}", "{ntp: {a: 1}}"), ("{clusters: [z]}", "{ntp: {a: 2}}"), 0),
        (("{roles: [sql, dns]}", "{ntp: {a: 1}}"), ("{roles: [dns]}", "{ntp: {a: 2}}"), 1),
        (("{roles: [sql]}", "{ntp: {a: 1}}"), ("{roles: [dns]}", "{ntp: {a: 2}}"), 0),
        (("{}", "{ntp: {a: {x: 1}}}"), ("{}", "{ntp: {a: {y: 2}}}"), 0),
        (("{}", "{ntp: {a: {x: 1}}}"), ("{}", "{ntp: {a: {x: 2}}}"), 1),
        (("{}", "{ntp: {a: {x: 1, y: 1}}}"), ("{}", "{ntp: {a: 2}}"), 1),
        (("{}", "{ntp: {a: 2}}"), ("{}", "{ntp: {a: {x: 1, y: 1}}}"), 1),
        (("{}", "{ntp: {a: [1]}}"), ("{}", "{ntp: {a: [2]}}"), 1),
    ],
)
def test_overlays_of_one_scope_must_agree(one: tuple[str, str], other: tuple[str, str], expected: int) -> None:
    found = problems(overlays(("first", *one), ("second", *other)))
    assert [summary for summary, _, _ in found] == ["Overlays of one scope disagree"] * expected


def test_a_disagreement_names_both_places() -> None:
    ((_, detail, at),) = problems(overlays(("first", "{}", "{ntp: {a: 1}}"), ("second", "{}", "{ntp: {a: 2}}")))
    assert detail.startswith(
        '"first" (specs/b.yaml:6) and "second" (specs/b.yaml:13) are equally narrow, and set ntp a '
    )
    assert at.startswith("specs/b.yaml:13:")


def location(name: str, spec: str) -> str:
    return f"apiVersion: reconciler/v1\nkind: Location\nmetadata: {{name: {name}}}\nspec: {spec}\n"


@pytest.mark.parametrize(
    ("name", "spec", "expected"),
    [
        ("dc-3", "{swift_region: region-1}", []),
        ("dc-1", "{swift_region: region-1}", ["Two locations are one Swift zone"]),
        ("dc-1", "{swift_region: region-3}", []),
        ("dc-1", "{swift_region: region-1, swift_zone: 7}", []),
        ("east", "{swift_region: region-3}", ["Location without a zone number"]),
        ("east", "{swift_region: region-3, swift_zone: 7}", []),
    ],
)
def test_swift_zones_are_stable_and_distinct(name: str, spec: str, expected: list[str]) -> None:
    assert [summary for summary, _, _ in problems(location(name, spec))] == expected
