"""When the first setup of a cluster is over: Puppet makes databases and accounts on it no more."""

from collections import defaultdict
from collections.abc import Iterable

from ..model.machine import MachineView, Phase
from ..model.tree import SpecTree


def set_up_clusters(tree: SpecTree, machines: Iterable[MachineView]) -> frozenset[str]:
    """Clusters that have all the controllers they ask for, every one of them in service."""
    serving: dict[str, list[bool]] = defaultdict(list)
    for m in machines:
        if m.allocation is not None and m.allocation.role == "controller":
            serving[m.allocation.cluster].append(m.history.phase is Phase.IN_SERVICE)
    return frozenset(
        name
        for name, found in serving.items()
        if (spec := tree.clusters.get(name)) is not None
        and all(found)
        and ((pool := spec.roles.get("controller")) is None or pool.count is None or len(found) >= pool.count)
    )
