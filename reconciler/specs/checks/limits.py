"""Composed names fit what takes them: Linux, Puppet, Galera and RabbitMQ limit the whole, not its parts."""

from collections.abc import Iterator
from typing import Final

from ...model.diagnostics import Diagnostic
from ...model.gates import GateName
from ...model.kinds import ClusterSpec, RolePool
from ...model.roles import facts_of
from .context import Check, CheckContext, error

HOST_NAME_MAX: Final = 64
"""Characters of a host name on Linux (gethostname(2)), and of the common name in a certificate (RFC 5280, A.1)."""

GALERA_NAME_MAX: Final = 32
"""Characters of ``wsrep_cluster_name`` (Galera, gcomm's ``String<32>``); Puppet gives it the cluster's name."""

MANY: Final = 9999
"""Nodes of a role for which no count is written."""


def node_names_fit(context: CheckContext) -> Iterator[Diagnostic]:
    """Every hostname that a cluster makes, and every one that is given, is one that Linux and Puppet take."""
    for name, cluster in context.tree.clusters.items():
        for role, pool in cluster.roles.items():
            longest = longest_hostname(name, role, pool, cluster)
            if len(longest) > HOST_NAME_MAX:
                detail = (
                    f'Nodes of "{name}" would be called up to "{longest}": {len(longest)} characters, and host names '
                    f"have at most {HOST_NAME_MAX}. Shorten the names of cluster or role, or the domain."
                )
                yield error("Host names too long", detail, context.parsed.at_key("Cluster", name, "roles", role))
    for serial, machine in context.tree.machines.items():
        if machine.hostname is not None and len(machine.hostname) > HOST_NAME_MAX:
            detail = (
                f'"{machine.hostname}" of "{serial}" has {len(machine.hostname)} characters, and host names have at '
                f"most {HOST_NAME_MAX}. Shorten it."
            )
            yield error("Host names too long", detail, context.parsed.at("Machine", serial, "hostname"))


def longest_hostname(name: str, role: str, pool: RolePool, cluster: ClusterSpec) -> str:
    """The longest hostname that nodes of a role may have."""
    return f"{name}-{role}-{pool.count or MANY}.{cluster.domain}"


def galera_takes_the_clusters_name(context: CheckContext) -> Iterator[Diagnostic]:
    """A cluster with a database has a name that Galera takes."""
    for name, cluster in context.tree.clusters.items():
        if len(name) > GALERA_NAME_MAX and _runs(GateName.GALERA, cluster):
            detail = (
                f'"{name}" has {len(name)} characters, and the database of a cluster is called after it: Galera takes '
                f"{GALERA_NAME_MAX}. Shorten it."
            )
            yield error("Cluster name too long for Galera", detail, context.parsed.at_name("Cluster", name))


def rabbitmq_tells_nodes_apart(context: CheckContext) -> Iterator[Diagnostic]:
    """RabbitMQ calls its nodes after the host's name up to the first dot, so they differ there."""
    for name, cluster in context.tree.clusters.items():
        if "." in name and _runs(GateName.RABBITMQ, cluster):
            first = name.partition(".")[0]
            detail = (
                f'The nodes of "{name}" would all be "{first}" up to the first dot of their host names, after which '
                "RabbitMQ calls its nodes. Write the name without a dot."
            )
            yield error("Nodes that RabbitMQ cannot tell apart", detail, context.parsed.at_name("Cluster", name))


def _runs(gate: GateName, cluster: ClusterSpec) -> bool:
    """Whether a service that this gate looks at runs in the cluster."""
    return any(gate in (*facts_of(role).gates, *facts_of(role).gates_if_there) for role in cluster.roles)


CHECKS: tuple[Check, ...] = (node_names_fit, galera_takes_the_clusters_name, rabbitmq_tells_nodes_apart)
