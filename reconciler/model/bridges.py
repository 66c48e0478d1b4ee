"""The bridges to the outside of a cluster, and which of them a node has.

Neutron keeps the name of the physical network with each of its provider networks, so a name goes on meaning one bridge.
Its agent ends where it is told of a bridge that is not there, so a node is told of those that it is installed with.
"""

from itertools import count

from .kinds import ClusterSpec

DEFAULT_BRIDGE = "br-ex"
"""The bridge to the outside of a node on whose location's networks none is named."""


def bridge_numbers(cluster: ClusterSpec) -> dict[str, int]:
    """What each bridge of the cluster is counted as, lowest first: 0 is ``neutron_external_network_name`` itself.

    As it is written. The specs of a cluster with several bridges are valid only if it is written for each; where it is
    not, the order of the names decides, and never the place in an unordered mapping.
    """
    networks = [net for net in cluster.networks.values() if net.role == "ovs-bridge"]
    found = {net.bridge: net.bridge_number for net in networks if net.bridge and net.bridge_number is not None}
    free = (number for number in count() if number not in found.values())
    for bridge in sorted({net.bridge or DEFAULT_BRIDGE for net in networks} or {DEFAULT_BRIDGE}):
        if bridge not in found:
            found[bridge] = next(free)
    return dict(sorted(found.items(), key=lambda one: one[1]))


def bridges_at(cluster: ClusterSpec, location: str | None) -> dict[str, int]:
    """Those of ``bridge_numbers`` that nodes of a location have, which are the networks' of that location.

    Where the location has none, its nodes have ``br-ex``, of which they are told only if it has a number.
    """
    numbers = bridge_numbers(cluster)
    here = {
        net.bridge
        for net in cluster.networks.values()
        if net.role == "ovs-bridge" and net.bridge and net.location in (None, location)
    }
    return {bridge: number for bridge, number in numbers.items() if bridge in (here or {DEFAULT_BRIDGE})}
