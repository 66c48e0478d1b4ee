"""Values worked out from the cluster. The docstring of each is the reason that ``explain`` shows."""

import base64
from collections.abc import Iterable

from ...model.debian import has_mirrored_queues
from ...model.kinds import Network
from ...model.machine import SecretRef
from ...model.zones import swift_region_id, swift_zone_id
from .. import node_texts
from ..params import Derived, LongText, SecretText, Value, Written, derived
from ..repositories import repositories_of
from ..view import NOT_FOR_MANAGEMENT, NodeView, View


def networks(*roles: str, without: frozenset[str] = frozenset()) -> Derived:
    """Subnets that the nodes with the roles have addresses on, but for networks whose role is in ``without``."""

    def compute(v: View) -> Value:
        sat_on = (network for node in v.cluster.by_role(*roles) for network, _ in node.networks)
        found = {network.subnet for network in sat_on if network.role not in without}
        return tuple(str(subnet) for subnet in sorted(found))

    return derived(
        lambda v: v.cluster.cached(("networks", roles, without), lambda: compute(v)),
        f"networks the {'/'.join(roles)} nodes sit on",
    )


def management_networks(*roles: str) -> Derived:
    """Subnets on which the nodes with the roles may call services."""
    return networks(*roles, without=NOT_FOR_MANAGEMENT)


def repositories(family: str) -> Derived:
    """The fleet's repositories of a family, as they concern the node."""
    return derived(lambda v: repositories_of(family, v), f"the fleet's {family} repositories")


def api_certificate_is_self_signed(v: View) -> Value:
    """api.certificate is self-signed, or the API still shows what the fleet's own authority issued"""
    return v.cluster.api_is_self_signed


def api_address(v: View) -> Value:
    """The API's virtual address, given out of its network"""
    return v.cluster.api_address


def api_network_line(v: View) -> Written:
    """Where the API's network is written."""
    return network_line(v, v.cluster.api_network)


def network_line(v: View, network: Network | None) -> Written:
    """Where a network of the cluster is written."""
    name = next((name for name, one in v.cluster.spec.networks.items() if one is network), None)
    return ("Cluster", "networks", name) if name else ()


def ssh_listen_addresses(v: View) -> Value:
    """loopback, and the node's own addresses but for public, bridge and Ceph networks"""
    skipped = ("ovs-bridge", "ceph-cluster")
    own = (to for network, to in v.node.networks if not network.public and network.role not in skipped)
    return ("127.0.0.1", *own)


def hosts_file(v: View) -> Value:
    """Names of the server, of the API and of every node of the cluster, in base64"""
    tail = v.cluster.cached(("hosts",), lambda: _base64(node_texts.hosts_of_cluster(v)))
    return LongText(_base64(node_texts.hosts_of_node(v)), tail)


def facts_file(v: View) -> Value:
    """role, cluster, disk controllers and drivers of the node, for Facter, in base64"""
    return _base64(node_texts.facts(v))


def interfaces(v: View) -> Value:
    """The interfaces that the node reported, on which lldpd listens"""
    return tuple(nic.name for nic in v.node.hardware.nics)


def root_keys_of_peers(v: View) -> Value:
    """Root's public keys of the nodes that may log in: all computes on a compute, the other volumes on a volume"""
    if v.node.role == "compute":
        return v.cluster.cached(("root keys",), lambda: _root_keys(v.cluster.by_role("compute")))
    return _root_keys(n for n in v.cluster.by_role("volume") if n is not v.node)


def _root_keys(nodes: Iterable[NodeView]) -> dict[str, Value]:
    return {node.hostname: SecretText(SecretRef(node.hostname, "root", "ssh", "ssh"), "public") for node in nodes}


def _has_quorum_queues(v: View) -> Value:
    """rabbitmq_enable_quorum_queues, or else by the Debian release: RabbitMQ 4, from trixie on, has no others"""
    written = v.setting("rabbitmq_enable_quorum_queues")
    return not has_mirrored_queues(v.fleet.release.debian) if written is None else written


QUORUM_QUEUES = derived(_has_quorum_queues, written="Setting.rabbitmq_enable_quorum_queues")


def swift_proxy_certificate(part: str) -> Derived:
    """One file of the certificate that Swift's proxies show."""

    def compute(v: View) -> Value:
        kind = "swiftproxy" if v.setting("swift_proxy_hostname") else "api"
        return SecretText(SecretRef(v.cluster.name, "pki", kind, "certificate"), part, base64=True)

    return derived(compute, "certificate for swift_proxy_hostname, or the API's where that is not set")


def swift_proxy_hostname(v: View) -> Value:
    """swift_proxy_hostname, or the word none where it is not set"""
    return _text(v.setting("swift_proxy_hostname")) or "none"


def swift_encryption_is_off(v: View) -> Value:
    """swift_disable_encryption in words, for Puppet compares it with the text yes"""
    return "yes" if v.setting("swift_disable_encryption") is True else "no"


def swift_zone(v: View) -> Value:
    """The number of the node's location"""
    return swift_zone_id(v.tree.locations, v.node.location)


def swift_region(v: View) -> Value:
    """The number of the Swift region that the node's location is in"""
    return swift_region_id(v.tree.locations, v.node.location)


def expires_objects(v: View) -> Value:
    """The first proxy removes expired objects for all"""
    return v.cluster.by_role("swiftproxy")[0] is v.node


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode("ascii")
