"""``Cluster.rings`` reaches Puppet as the settings of OCI's names do; what the module cannot write is refused."""

from typing import Any

import pytest

from reconciler.enc.check import check
from reconciler.enc.compile import compile_node
from reconciler.enc.view import views

from .build import SWIFT, cluster_input, member, signatures, tree_of

KNOWN = {"43.0.45": signatures()}
STORE = "z-swiftstore-1.example.com"
PLAIN = "{name: Policy-0, index: 0, default: true}"
CODED = "{name: ec-4-2, index: 2, type: erasure_coding, ec_type: isa_l_rs_vand, data: 4, parity: 2}"


def with_rings(*policies: str) -> str:
    return f"{SWIFT.rstrip()}\n  rings: {{policies: [{', '.join(policies)}]}}\n"


def store(text: str) -> dict[str, Any]:
    members = [
        member("z", "controller", 1, "10.0.1.2", "mgmt-1", "zone-1", data_disks=()),
        member("z", "swiftstore", 1, "10.0.1.20", "mgmt-1", "zone-1"),
    ]
    given = cluster_input(tree_of(text), "z", members, "43.0.45", api="203.0.113.2")
    found = compile_node(views(given)[STORE]).classes["oci::swiftstore"]
    return {name: row.value for name, row in found.items()}


def test_an_erasure_coding_policy_is_in_puppets_classes() -> None:
    found = store(with_rings(PLAIN, CODED))
    assert {name: value for name, value in found.items() if name.startswith("swift_ec_")} == {
        "swift_ec_enable": True,
        "swift_ec_policy_index": "2",
        "swift_ec_policy_name": "ec-4-2",
        "swift_ec_type": "isa_l_rs_vand",
        "swift_ec_num_data_fragments": 4,
        "swift_ec_num_parity_fragments": 2,
        "swift_ec_object_segment_size": 1048576,
    }
    assert store(with_rings(PLAIN))["swift_ec_enable"] is False


@pytest.mark.parametrize(
    ("policies", "said"),
    [
        ((PLAIN, CODED), None),
        (("{name: gold, index: 0, default: true}",), "has Policy-0 with whole copies as index 0, and as the default"),
        ((PLAIN, "{name: two, index: 3, replicas: 2}"), "knows no policy with whole copies beside Policy-0"),
        ((PLAIN, CODED, CODED.replace("4-2, index: 2", "b, index: 3")), "knows one policy with erasure coding"),
        (
            (PLAIN.replace(", default: true", ""), CODED.replace("index: 2", "index: 2, default: true")),
            "has Policy-0 with whole copies as index 0, and as the default",
        ),
    ],
)
def test_a_policy_that_the_module_does_not_write_is_refused(policies: tuple[str, ...], said: str | None) -> None:
    problems = [problem.detail for problem in check(tree_of(with_rings(*policies)), KNOWN)]
    if said is None:
        assert problems == []
    else:
        assert problems
        assert problems[0].startswith(f"puppet-module-oci 43.0.45 {said}")
