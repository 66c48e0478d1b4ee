"""The bridges to the outside of a cluster, and which of them a node has.

Neutron keeps the name of the physical network with each of its provider networks, so a name goes on meaning one bridge.
Its agent ends where it is told of a bridge that is not there, so a node is told of those that it is installed with.
"""

from .kinds import ClusterSpec

DEFAULT_BRIDGE = "br-ex"
"""The bridge to the outside of a node on whose location's networks none is named."""


def bridge_numbers(cluster: ClusterSpec) -> dict[str, int]:
    """What each bridge of the cluster is counted as: the lowest is ``neutron_external_network_name`` itself."""
    named = dict.fromkeys(net.bridge for net in cluster.networks.values() if net.role == "ovs-bridge" and net.bridge)
    return {bridge: number for number, bridge in enumerate(named or (DEFAULT_BRIDGE,))}


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
