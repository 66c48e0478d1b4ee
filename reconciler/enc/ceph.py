"""The Ceph cluster that a node belongs to: its secrets, its monitors, its own network.

A cluster may have several: that of its telemetry (``bill``, on billmon and billosd
nodes), and with ``ceph_multiple_cluster_az`` one for each ``ceph_az``.
"""

from collections.abc import Mapping

from ..model.kinds import Network
from ..model.machine import SecretRef
from .credentials import credential
from .params import Derived, SecretText, SecretWords, Value, derived
from .view import NodeView, View

_OF_TELEMETRY = ("billmon", "billosd")
_KEYS_OF_A_ZONE = {
    "libvirtuuid": "libvirtuuid",
    "fsid": "fsid",
    "admin_key": "adminkey",
    "openstack_key": "openstackkey",
    "bootstrap_osd_key": "bootstraposdkey",
}
"""What Cinder's configuration is told of each zone's Ceph, and the kind of the secret."""


def service_of(node: NodeView) -> str:
    """The service under which the secrets of the node's Ceph are kept: ``bill`` for that of telemetry."""
    telemetry = node.role == "messaging" and node.cluster.has("billosd")
    return "bill" if telemetry or node.role in _OF_TELEMETRY else "ceph"


def zone_of(v: View) -> int | None:
    """The number of the node's Ceph where the cluster has several; None: it has one, or the node is in none."""
    zone = v.setting("ceph_az")
    several = v.setting("ceph_multiple_cluster_az") is True and v.node.role not in ("controller", "messaging")
    return zone if several and isinstance(zone, int) else None


def kind_in_zone(kind: str, zone: int | None) -> str:
    """The kind of a secret of one of several Cephs: ``fsid`` of zone 2 is kept as ``fsid-az2``."""
    return kind if zone is None else f"{kind}-az{zone}"


def _secret(v: View, service: str, kind: str, zone: int | None) -> SecretText:
    return SecretText(SecretRef(v.cluster.name, service, kind_in_zone(kind, zone), credential(service, kind).form))


def ceph_secret(kind: str) -> Derived:
    """A secret of the Ceph that the node belongs to."""
    return derived(
        lambda v: _secret(v, service_of(v.node), kind, zone_of(v)), f"secret {kind} of the Ceph that the node is in"
    )


def ceph_ssh_key(part: str, *, base64: bool) -> Derived:
    """One half of the SSH key pair with which cephadm reaches the nodes."""

    def compute(v: View) -> Value:
        ref = SecretRef(v.cluster.name, service_of(v.node), kind_in_zone("ssh", zone_of(v)), "ssh")
        return SecretText(ref, part, base64)

    return derived(compute, f"the {part} half of cephadm's key pair")


def ceph_zone(v: View) -> Value:
    """ceph_az, the number of the Ceph that the node is in"""
    return zone_of(v)


def _monitors(v: View, service: str, zone: int | None) -> tuple[NodeView, ...]:
    """Nodes that run monitors: where there are none of their own, the controllers do."""
    cluster = v.cluster
    if service == "bill":
        return cluster.by_role("billmon")
    if zone is not None:
        own = cluster.by_role("cephmon")
        key = ("monitors", zone)
        return cluster.cached(key, lambda: tuple(n for n in own if n.settings["ceph_az"].value == zone))
    return cluster.by_role("cephmon") or cluster.by_role("controller")


def _names(v: View, service: str, zone: int | None) -> str:
    nodes = _monitors(v, service, zone)
    return v.cluster.cached(("monitor names", service, zone), lambda: ",".join(n.hostname for n in nodes))


def _addresses(v: View, service: str, zone: int | None) -> str:
    nodes = _monitors(v, service, zone)
    return v.cluster.cached(("monitor addresses", service, zone), lambda: ",".join(n.address for n in nodes))


def monitor_names(v: View) -> Value:
    """Hostnames of the monitors, which are the controllers where no node has the role"""
    return _names(v, service_of(v.node), zone_of(v))


def monitor_addresses(v: View) -> Value:
    """Management addresses of the monitors, in the order of their names"""
    return _addresses(v, service_of(v.node), zone_of(v))


def _own_network(v: View) -> tuple[Network, str] | None:
    return next(((network, to) for network, to in v.node.networks if network.role == "ceph-cluster"), None)


def has_ceph_network(v: View) -> Value:
    """Whether the node has an address on a network with role ceph-cluster"""
    return _own_network(v) is not None


def ceph_address(v: View) -> Value:
    """The node's address for Ceph's own traffic; the management address where it has no other"""
    found = _own_network(v)
    return found[1] if found else v.node.address


def ceph_network_address(v: View) -> Value:
    """The network for Ceph's own traffic"""
    found = _own_network(v)
    return str(found[0].subnet.network_address) if found else None


def ceph_network_prefix(v: View) -> Value:
    """The prefix of the network for Ceph's own traffic"""
    found = _own_network(v)
    return found[0].subnet.prefixlen if found else None


def ceph_network_mtu(v: View) -> Value:
    """The MTU of the network for Ceph's own traffic; 0: not set"""
    found = _own_network(v)
    return (found[0].mtu or 0) if found else 0


def _zones(v: View) -> tuple[int, ...]:
    """Numbers of all the cluster's Cephs."""
    nodes = v.cluster.by_role("cephmon", "cephosd", "compute")
    ceph = (n for n in nodes if n.role != "compute" or n.settings["compute_is_cephosd"].value is True)
    return tuple(sorted({zone for n in ceph if isinstance(zone := n.settings["ceph_az"].value, int)}))


def keys_for_libvirt(v: View) -> Value:
    """UUID and key of each Ceph, by which libvirt opens disks in any of them"""

    def make() -> Value:
        kinds = ("libvirtuuid", "openstackkey")
        return tuple(SecretWords(tuple(_secret(v, "ceph", kind, zone) for kind in kinds)) for zone in _zones(v))

    return v.cluster.cached(("ceph for libvirt",), make)


def zones_for_cinder(v: View) -> Value:
    """Name, keys and monitors of each Ceph, from which Cinder makes a backend for every zone"""
    return v.cluster.cached(("ceph for cinder",), lambda: tuple(_zone_for_cinder(v, zone) for zone in _zones(v)))


def _zone_for_cinder(v: View, zone: int) -> Mapping[str, Value]:
    return {
        "az": zone,
        "az_name": f"az-{zone}",
        **{name: _secret(v, "ceph", kind, zone) for name, kind in _KEYS_OF_A_ZONE.items()},
        "mon_initial_members": _names(v, "ceph", zone),
        "mon_host": _addresses(v, "ceph", zone),
    }


def makes_osds(v: View) -> Value:
    """Until the node has been in service for the first time, whatever is reinstalled later"""
    return v.node.member.served_at is None
