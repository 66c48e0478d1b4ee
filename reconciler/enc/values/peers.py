"""Peers of a clustered service: who is in it, and who comes first.

The database runs on sql nodes; on controllers where there are none. The sqlmsg
nodes hold one of their own, for telemetry. RabbitMQ for notifications runs on
messaging nodes.
"""

from collections.abc import Callable

from ..params import Derived, Value, derived
from ..view import EncError, NodeView, View

RoleOf = Callable[[View], str]
"""Which role's nodes are meant, for a node."""


def database_role(v: View) -> str:
    """The role of the nodes that hold the database: a database's own node means its own."""
    if v.node.role in ("sql", "sqlmsg"):
        return v.node.role
    return "sql" if v.cluster.has("sql") else "controller"


def _of(role: str | RoleOf) -> RoleOf:
    return role if callable(role) else lambda _: role


def _called(role: str | RoleOf) -> str:
    return "database" if callable(role) else role


def peers(role: str | RoleOf, what: Callable[[NodeView], Value], why: str, *, others: bool = False) -> Derived:
    """One thing of every node with the role, in natural order; ``others``: but for the node itself."""
    role_of = _of(role)

    def compute(v: View) -> Value:
        nodes = v.cluster.by_role(role_of(v))
        if others:
            return tuple(what(node) for node in nodes if node is not v.node)
        return v.cluster.cached(("peers", role_of(v), what), lambda: tuple(map(what, nodes)))

    return derived(compute, f"{why} of {'the other' if others else 'all'} {_called(role)} nodes")


def _hostname(node: NodeView) -> str:
    return node.hostname


def _address(node: NodeView) -> str:
    return node.address


def _short(node: NodeView) -> str:
    return node.short_hostname


def names(role: str | RoleOf) -> Derived:
    """Full hostnames."""
    return peers(role, _hostname, "hostnames")


def short_names(role: str | RoleOf) -> Derived:
    """Hostnames without the domain."""
    return peers(role, _short, "short hostnames")


def addresses_of(role: str | RoleOf) -> Derived:
    """Management addresses, in the order of ``names``."""
    return peers(role, _address, "management addresses")


def corosync_ids(role: str | RoleOf) -> Derived:
    """Numbers that corosync knows them by, in the order of ``names``."""
    role_of = _of(role)

    def compute(v: View) -> Value:
        return v.cluster.cached(("corosync", role_of(v)), lambda: _distinct_ids(v.cluster.by_role(role_of(v))))

    return derived(compute, f"corosync's numbers of all {_called(role)} nodes")


def _distinct_ids(nodes: tuple[NodeView, ...]) -> tuple[int, ...]:
    """Two nodes of one number would tear the running ones apart."""
    owners: dict[int, str] = {}
    for node in nodes:
        other = owners.setdefault(node.corosync_id, node.hostname)
        if other != node.hostname:
            raise EncError(
                f"corosync would know {other} and {node.hostname} by the same number, {node.corosync_id}: "
                f"write another corosync_node_id for the one that joins, {node.serial}"
            )
    return tuple(owners)


def other_names(role: str | RoleOf) -> Derived:
    """Full hostnames of the others."""
    return peers(role, _hostname, "hostnames", others=True)


def other_addresses(role: str | RoleOf) -> Derived:
    """Management addresses of the others, in the order of ``other_names``."""
    return peers(role, _address, "management addresses", others=True)


def first(role: str | RoleOf, what: Callable[[NodeView], Value] = _hostname, why: str = "the first") -> Derived:
    """One thing of the node with the lowest number: its hostname, unless ``what`` says else."""

    def compute(v: View) -> Value:
        node = v.cluster.first(_of(role)(v))
        return what(node) if node else None

    return derived(compute, f"{why} {_called(role)} node")


def first_address_of(role: str | RoleOf) -> Derived:
    """The management address of the node with the lowest number."""
    return first(role, _address, "the management address of the first")


def is_first(role: str | RoleOf) -> Derived:
    """Whether the node itself has the lowest number."""
    return derived(
        lambda v: v.cluster.first(_of(role)(v)) is v.node, f"whether the node is the first {_called(role)} node"
    )
