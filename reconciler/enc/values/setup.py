"""Progress of a cluster's first setup: facts that some classes are given until it is over."""

from datetime import datetime

from ...model.roles import facts_of
from ..view import NodeView, View


def is_hyperconverged(node: NodeView) -> bool:
    """Whether the node is a compute that runs OSDs as well."""
    return facts_of(node.role).may_run_osds and node.settings["compute_is_cephosd"].value is True


def first_setup_goes_on(v: View) -> bool:
    """initial_cluster_setup, until every controller is in service and the databases and endpoints are there"""
    nodes = v.cluster.by_role("controller")
    served = all(n.member.in_service for n in nodes) and not _has_ceph_come_first(v)
    over = v.cluster.given.set_up or served
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


def _has_ceph_come_first(v: View) -> bool:
    """Whether the cluster comes up, or once came up, with nothing but Ceph at first: in service says little then."""
    has_osds = bool(_hyperconverged(v)) or v.cluster.has("cephosd")
    return has_osds and not v.cluster.has("cephmon") and v.setting("initial_mon_on_ctrl") is True


def _hyperconverged(v: View) -> tuple[NodeView, ...]:
    return tuple(node for node in v.cluster.by_role("compute") if is_hyperconverged(node))


def _ceph_comes_first(v: View) -> bool:
    if not _has_ceph_come_first(v):
        return False
    controllers, hyperconverged = v.cluster.by_role("controller"), _hyperconverged(v)
    groups = tuple(group for group in (controllers, hyperconverged) if group)
    moments = {node.member.served_at for group in groups for node in group}
    return not any(all(_all_served(group, moment) for group in groups) for moment in moments if moment is not None)


def _all_served(nodes: tuple[NodeView, ...], moment: datetime) -> bool:
    """Whether some of the nodes were being installed by then, and all of those had been in service."""
    begun = [n.member for n in nodes if (at := n.member.begun_at or n.member.served_at) is not None and at <= moment]
    return bool(begun) and all(member.served_at is not None and member.served_at <= moment for member in begun)
