"""Named questions about a node; each completes the sentence "given when ..."."""

from ..model.roles import facts_of
from .params import Condition
from .values.setup import ceph_comes_first, controllers_came_up, is_hyperconverged
from .view import NodeView, View


def role_is(*roles: str) -> Condition:
    """The node has one of the roles."""
    return Condition(f"the node is a {' or '.join(roles)}", lambda v: v.node.role in roles)


def has(*roles: str) -> Condition:
    """The cluster has a node with one of the roles."""
    nodes = f"{' or '.join(roles)} nodes"
    return Condition(f"the cluster has {nodes}", lambda v: v.cluster.has(*roles), f"the cluster has no {nodes}")


def is_on(name: str) -> Condition:
    """A boolean setting is true."""
    return Condition(f"{name} is true", lambda v: v.setting(name) is True, f"{name} is false")


def has_repositories(family: str) -> Condition:
    """The fleet has repositories of a family."""
    return Condition(
        f"there are {family} repositories",
        lambda v: any(repository.family == family for repository in v.tree.repositories.values()),
    )


def _is_osd(node: NodeView) -> bool:
    return node.role == "cephosd" or is_hyperconverged(node)


def _has_osds(v: View) -> bool:
    return v.cluster.cached(("has_osds",), lambda: any(_is_osd(node) for node in v.cluster.nodes))


has_osds = Condition("the cluster has Ceph OSDs", _has_osds, "the cluster has no Ceph OSDs")


def _has_instances(v: View) -> bool:
    asked = (role for role, pool in v.cluster.spec.roles.items() if pool.count != 0)
    return any(facts_of(role).runs_instances for role in (*asked, *(node.role for node in v.cluster.nodes)))


has_instances = Condition(
    "the cluster has compute nodes or asks for some",
    lambda v: v.cluster.cached(("has_instances",), lambda: _has_instances(v)),
    "the cluster has no compute nodes and asks for none",
)


def is_wanted(name: str) -> Condition:
    """A service that clusters with instances have, unless its setting says otherwise."""

    def holds(v: View) -> bool:
        written = v.setting(name)
        return has_instances.holds(v) if written is None else written is True

    return Condition(
        f"{name} is true, by its default where there are compute nodes",
        holds,
        f"{name} is false, by its default where there are no compute nodes",
    )


has_messaging = has("messaging")
has_swift = has("swiftstore", "swiftproxy")
ceph_first = Condition("Ceph is set up alone first, on controllers and hyperconverged computes", ceph_comes_first)
hyperconverged = Condition("the node is a compute that runs OSDs", lambda v: is_hyperconverged(v.node))
osds_first = Condition(
    "the node is a compute that runs OSDs, and its controllers have not been in service yet",
    lambda v: is_hyperconverged(v.node) and (ceph_comes_first(v) or not controllers_came_up(v)),
)
several_cephs = is_on("ceph_multiple_cluster_az")
swift_is_elsewhere = Condition(
    "the cluster links to another's Swift or extswift_use_external is set",
    lambda v: v.cluster.spec.links.swift is not None or v.setting("extswift_use_external") is True,
)
stores_data = is_on("swift_store_account") | is_on("swift_store_container") | is_on("swift_store_object")
filebeat_is_on = is_on("filebeat_enabled")
needs_root_keys = is_on("generate_root_ssh_keys") | role_is("compute")
trusts_root_of_peers = role_is("compute") | (role_is("volume") & is_on("generate_root_ssh_keys"))
