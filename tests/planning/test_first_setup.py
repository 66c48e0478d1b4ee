"""When a cluster's first setup is over."""

import pytest

from reconciler.model.machine import Phase
from reconciler.planning.first_setup import set_up_clusters

from .build import cluster, holding, in_phase, machine, tree
from .test_safety import serving

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
    assert set_up_clusters(spec, machines) == ({"cl1"} if over else set())
