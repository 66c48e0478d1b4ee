"""The first setup of a cluster: until it is over, Puppet makes databases and accounts on it.

It is over once every controller is in service, and what it makes is there: Keystone gives a token, whose catalogue has
endpoints. That Puppet has succeeded does not tell: where Ceph comes first, controllers are in service before they have
a database. Of controllers that nobody has looked at, as after an import, it is taken for granted.

It begins again when no controller keeps what it made: all were released, or installed anew. A controller that is in
service keeps it, and so does one that was taken out of service and whose new install has not ended: its disks may hold
the databases still. Where the databases are elsewhere, an operator may have it begin again.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from ..model.gates import GateName, gate_of
from ..model.history import History, Phase
from ..model.machine import MachineView
from ..model.roles import facts_of
from ..model.tree import SpecTree
from .gates import current_readings


def set_up_clusters(tree: SpecTree, machines: Iterable[MachineView], known: frozenset[str]) -> frozenset[str]:
    """Clusters whose first setup is over.

    Args:
        tree: The specs, which say how many controllers a cluster is to have.
        machines: All of them.
        known: Clusters whose first setup was over until now.
    """
    controllers = _controllers(machines)
    kept = {name for name in known if any(_keeps_its_databases(m.history) for m in controllers.get(name, ()))}
    over = {name for name, found in controllers.items() if _all_serve(tree, name, found) and _is_there(found)}
    return frozenset(kept | over)


def _controllers(machines: Iterable[MachineView]) -> Mapping[str, list[MachineView]]:
    found: dict[str, list[MachineView]] = defaultdict(list)
    for m in machines:
        if m.allocation is not None and facts_of(m.allocation.role).leads:
            found[m.allocation.cluster].append(m)
    return found


def _is_there(controllers: list[MachineView]) -> bool:
    """Whether a controller was given a token with endpoints; or none of them was ever asked."""
    known = [readings for m in controllers if (readings := current_readings(m)) is not None]
    catalogs = (each for readings in known for each in readings.values if each.name is GateName.CATALOG)
    return not known or any(gate_of(GateName.CATALOG, each).holds for each in catalogs)


def _all_serve(tree: SpecTree, cluster: str, controllers: list[MachineView]) -> bool:
    """Whether the cluster has all the controllers that it asks for, every one of them in service."""
    spec = tree.clusters.get(cluster)
    if spec is None or any(m.history.phase is not Phase.IN_SERVICE for m in controllers):
        return False
    wanted = sum(pool.count or 0 for role, pool in spec.roles.items() if facts_of(role).leads)
    return len(controllers) >= wanted


def _keeps_its_databases(h: History) -> bool:
    return h.phase is Phase.IN_SERVICE or (h.service.left is not None and h.phase is not Phase.INSTALLED)
