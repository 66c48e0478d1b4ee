"""Progress of a cluster's first setup: facts that some classes are given until it is over."""

from datetime import datetime

from ...model.roles import facts_of
from ..view import NodeView, View


def is_hyperconverged(node: NodeView) -> bool:
    """Whether the node is a compute that runs OSDs as well."""
    return facts_of(node.role).may_run_osds and node.settings["compute_is_cephosd"].value is True


def first_setup_goes_on(v: View) -> bool:
    """initial_cluster_setup, until every controller is in service for the first time"""
    nodes = v.cluster.by_role("controller")
    over = v.cluster.given.set_up or all(n.member.in_service for n in nodes)
    return v.setting("initial_cluster_setup") is True and not over


def controllers_came_up(v: View) -> bool:
    """Whether all controllers whose install had begun by some moment had been in service by then, or there are none."""
    return v.cluster.cached(("controllers came up",), lambda: _came_up(v.cluster.by_role("controller")))


def _came_up(nodes: tuple[NodeView, ...]) -> bool:
    moments = {node.member.served_at for node in nodes}
    return not nodes or any(_all_served(nodes, moment) for moment in moments if moment is not None)


def ceph_comes_first(v: View) -> bool:
    """Whether the controllers run nothing but Ceph's monitors yet, and hyperconverged computes nothing but OSDs.

    So it is where Ceph has no monitors of its own, until controllers and hyperconverged
    computes have all been in service. Once that was so it stays so, for it is looked
    for in the past: a moment by which all whose install had begun had been in service.
    Machines that join or are reinstalled later began after that moment.
    """
    return v.cluster.cached(("ceph first",), lambda: _ceph_comes_first(v))


def _ceph_comes_first(v: View) -> bool:
    controllers, computes = v.cluster.by_role("controller"), v.cluster.by_role("compute")
    hyperconverged = tuple(node for node in computes if is_hyperconverged(node))
    has_osds = bool(hyperconverged) or v.cluster.has("cephosd")
    if not has_osds or v.cluster.has("cephmon") or v.setting("initial_mon_on_ctrl") is not True:
        return False
    groups = tuple(group for group in (controllers, hyperconverged) if group)
    moments = {node.member.served_at for group in groups for node in group}
    return not any(all(_all_served(group, moment) for group in groups) for moment in moments if moment is not None)


def _all_served(nodes: tuple[NodeView, ...], moment: datetime) -> bool:
    """Whether some of the nodes were being installed by then, and all of those had been in service."""
    begun = [n.member for n in nodes if (at := n.member.begun_at or n.member.served_at) is not None and at <= moment]
    return bool(begun) and all(member.served_at is not None and member.served_at <= moment for member in begun)
