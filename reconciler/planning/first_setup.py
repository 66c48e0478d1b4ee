"""The first setup of a cluster: until it is over, Puppet makes databases and accounts on it.

It is over once every controller is in service. It begins again when no controller keeps what it made: all were
released, or installed anew. A controller that is in service keeps it, and so does one that was taken out of service
and whose new install has not ended: its disks may hold the databases still.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from ..model.history import History, Phase
from ..model.machine import MachineView
from ..model.roles import facts_of
from ..model.tree import SpecTree


def set_up_clusters(tree: SpecTree, machines: Iterable[MachineView], known: frozenset[str]) -> frozenset[str]:
    """Clusters whose first setup is over.

    Args:
        tree: The specs, which say how many controllers a cluster is to have.
        machines: All of them.
        known: Clusters whose first setup was over until now.
    """
    controllers = _controllers(machines)
    kept = {name for name in known if any(map(_keeps_its_databases, controllers.get(name, ())))}
    return frozenset(kept | {name for name, found in controllers.items() if _all_serve(tree, name, found)})


def _controllers(machines: Iterable[MachineView]) -> Mapping[str, list[History]]:
    found: dict[str, list[History]] = defaultdict(list)
    for m in machines:
        if m.allocation is not None and facts_of(m.allocation.role).leads:
            found[m.allocation.cluster].append(m.history)
    return found


def _all_serve(tree: SpecTree, cluster: str, controllers: list[History]) -> bool:
    """Whether the cluster has all the controllers that it asks for, every one of them in service."""
    spec = tree.clusters.get(cluster)
    if spec is None or any(h.phase is not Phase.IN_SERVICE for h in controllers):
        return False
    wanted = sum(pool.count or 0 for role, pool in spec.roles.items() if facts_of(role).leads)
    return len(controllers) >= wanted


def _keeps_its_databases(h: History) -> bool:
    return h.phase is Phase.IN_SERVICE or (h.service.left is not None and h.phase is not Phase.INSTALLED)
