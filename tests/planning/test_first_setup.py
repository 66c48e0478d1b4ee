"""When a cluster's first setup is over, and when it begins again."""

from dataclasses import replace
from datetime import timedelta

import pytest

from reconciler.model.history import Phase
from reconciler.planning.first_setup import set_up_clusters

from ..histories import history_with
from .build import NOW, cluster, holding, in_phase, looked_at, machine, serving, tree

COMING = holding(in_phase(machine("Z"), Phase.INSTALLED), 9)


@pytest.mark.parametrize(
    ("machines", "over"),
    [
        ([], False),
        ([serving("A", 1), serving("B", 2)], False),
        ([serving("A", 1), serving("B", 2), serving("C", 3)], True),
        ([serving("A", 1), serving("B", 2), serving("C", 3), COMING], False),
        ([serving("A", 1, "compute")], False),
    ],
    ids=["nobody", "one to come", "all in", "one more to come", "no controller"],
)
def test_once_all_controllers_that_are_asked_for_are_in_service(machines, over):
    spec = tree({"cl1": cluster(controller={"count": 3}, compute={})})
    assert set_up_clusters(spec, machines, frozenset()) == ({"cl1"} if over else set())


MONITORS = ("oci::generic", "oci::cephmon")
THREE = [serving(serial, number) for number, serial in enumerate("ABC", 1)]


@pytest.mark.parametrize(
    ("machines", "over"),
    [
        (THREE, True),
        ([looked_at(m) for m in THREE], True),
        ([looked_at(THREE[0]), *THREE[1:]], True),
        ([looked_at(m, catalog="0") for m in THREE], False),
        ([looked_at(m, catalog="not known", keystone="no answer") for m in THREE], False),
        ([looked_at(THREE[0], catalog="0"), looked_at(THREE[1]), THREE[2]], True),
        ([looked_at(m, classes=MONITORS) for m in THREE], False),
    ],
    ids=[
        "nobody ever looked", "there", "one was asked", "no endpoint", "no token", "one of them knows",
        "they run nothing but Ceph's monitors yet",
    ],
)  # fmt: skip
def test_what_it_makes_is_seen_to_be_there(machines, over):
    """In service was believed: where Ceph comes first, controllers got no databases, for good."""
    spec = tree({"cl1": cluster(controller={"count": 3})})
    assert set_up_clusters(spec, machines, frozenset()) == ({"cl1"} if over else set())
    assert set_up_clusters(spec, machines, frozenset({"cl1"})) == {"cl1"}, "a Keystone that is down ends nothing"


LEFT = NOW - timedelta(minutes=30)
LEAVING = holding(in_phase(machine("L"), Phase.ENROLLED, left_service=LEFT), 1)
BEING_INSTALLED = replace(LEAVING, history=history_with(LEAVING.history, install_begun=NOW))
INSTALLED_ANEW = holding(in_phase(machine("N"), Phase.INSTALLED, left_service=LEFT, install_begun=NOW), 2)


@pytest.mark.parametrize(
    ("machines", "over"),
    [
        ([], False),
        ([serving("A", 1, "compute")], False),
        ([INSTALLED_ANEW], False),
        ([INSTALLED_ANEW, COMING], False),
        ([INSTALLED_ANEW, serving("A", 1)], True),
        ([COMING, LEAVING], True),
        ([INSTALLED_ANEW, BEING_INSTALLED], True),
    ],
    ids=[
        "all released", "no controller left", "the only one installed anew", "one anew, one new", "one still serves",
        "the last one asked to go", "its installer runs",
    ],
)  # fmt: skip
def test_it_begins_again_when_no_controller_keeps_what_it_made(machines, over):
    """Once noted it stayed so: a cluster whose controllers were all installed anew got no databases, for good."""
    spec = tree({"cl1": cluster(controller={"count": 3}, compute={})})
    assert set_up_clusters(spec, machines, frozenset({"cl1"})) == ({"cl1"} if over else set())


def test_a_cluster_that_is_in_the_specs_no_more_keeps_what_its_controllers_keep():
    assert set_up_clusters(tree(), [serving("A", 1)], frozenset({"cl1"})) == {"cl1"}
    assert set_up_clusters(tree(), [], frozenset({"cl1"})) == set()
