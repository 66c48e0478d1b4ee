"""Choices that a cluster keeps for as long as it has nodes: its releases, and what its Swift rings are made with.

Nothing here moves a cluster to another release, node by node, or relinks what Swift stores. A change in git is an
order that cannot be carried out: it is held and told, and what nodes were installed with stays in force for them.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from ..model.actions import InstallOs
from ..model.history import Phase
from ..model.in_force import Place, SettingsAt
from ..model.machine import MachineView, Observation
from ..model.plan import Act, Advance, Step
from ..model.reasons import Reason
from ..model.roles import facts_of
from ..model.tree import SpecTree
from .context import install_evidence, install_unseen
from .safety import waiting

Fixed = Mapping[str, Mapping[str, str]]
"""By cluster: what its nodes were installed with, ``release.openstack`` -> ``epoxy``."""

_RELEASES = {"release.openstack": "OpenStack", "release.debian": "Debian"}

_OF_ALL_RINGS = ("swift_part_power", "swift_replicas")
_OF_CODED_POLICY = (
    "swift_ec_policy_index",
    "swift_ec_type",
    "swift_ec_num_data_fragments",
    "swift_ec_num_parity_fragments",
)
_BY_HAND = {
    "swift_part_power": "; a part power rises by Swift's own relink procedure alone (swift-ring-builder"
    " prepare_increase_partition_power, then swift-object-relinker), and never falls"
}
"""What an operator can do about an order that is refused, by setting."""


@dataclass(frozen=True, slots=True)
class Held:
    """An order that cannot be carried out while the cluster has nodes."""

    cluster: str
    what: str  # OpenStack, Debian, or the setting's name
    was: str
    wanted: str
    at: str  # where it is written: cluster-specs/fleet.yaml:9

    @property
    def is_release(self) -> bool:
        """Whether nodes would have to be upgraded."""
        return self.what in _RELEASES.values()


def fixed_by(spec: SpecTree, machines: Iterable[MachineView]) -> Fixed:
    """What clusters with nodes have to keep: what is being installed, and of the rest what the specs say today."""
    known = tuple(machines)
    found = {cluster: dict(asked) for cluster, asked in _asked(spec, known).items()}
    for m in known:
        if m.allocation is not None and isinstance(m.history.open_action, InstallOs):
            found[m.allocation.cluster]["release.debian"] = m.history.open_action.release
    return found


def _asked(spec: SpecTree, machines: Iterable[MachineView]) -> Fixed:
    """What the specs say today of everything that clusters with nodes have to keep."""
    installed: set[str] = set()
    storing: set[str] = set()
    for m in machines:
        if m.allocation is not None and _is_installed(m):
            installed.add(m.allocation.cluster)
            if facts_of(m.allocation.role).object_store == "swift" and _served(m):
                storing.add(m.allocation.cluster)
    rings = {cluster: _rings(spec, cluster) for cluster in storing}
    return {cluster: {**_releases(spec), **rings.get(cluster, {})} for cluster in sorted(installed)}


def remembered(fixed: Fixed, today: Fixed) -> Fixed:
    """What is known of clusters that have nodes: what was remembered of them, and what is new in ``today``."""
    return {cluster: {**news, **fixed.get(cluster, {})} for cluster, news in today.items()}


def as_installed(spec: SpecTree, kept: Mapping[str, str]) -> SpecTree:
    """The specs with the releases that a cluster keeps: what its nodes' Puppet documents are made of."""
    releases = {name.partition(".")[2]: value for name, value in kept.items() if name in _RELEASES}
    if releases.items() <= spec.fleet.release.model_dump().items():
        return spec
    release = spec.fleet.release.model_copy(update=releases)
    return replace(spec, fleet=spec.fleet.model_copy(update={"release": release}))


def held_orders(spec: SpecTree, observed: Observation) -> tuple[Held, ...]:
    """What the specs ask for of clusters with nodes, and is not done."""
    if not observed.fixed:
        return ()
    today = _asked(spec, observed.machines)
    return tuple(
        Held(cluster, _RELEASES.get(name, name), was, today[cluster][name], _place(spec, cluster, name))
        for cluster, kept in sorted(observed.fixed.items())
        for name, was in kept.items()
        if today.get(cluster, {}).get(name, was) != was
    )


def hold(step: Step, orders: Iterable[Held]) -> Step:
    """The step, unless it leads to an install in a cluster whose release is to change: no cluster is mixed unasked.

    What only looks, or is done beside the machine's way, brings no install nearer.
    """
    if not isinstance(step, Act | Advance):
        return step
    if isinstance(step, Act) and (step.action.looks or step.action.is_side_task):
        return step
    for order in orders:
        if order.is_release and order.cluster == step.cluster:
            what = step.action.type if isinstance(step, Act) else "reinstall"
            on = (
                f"an operator: {order.cluster} has nodes with {order.what} {order.was}, and the specs say "
                f"{order.wanted} ({order.at}); put {order.was} back, then {what}"
            )
            return waiting(step, Reason.RELEASE_KEPT, on)
    return step


def notes_of(orders: Iterable[Held]) -> Iterator[tuple[str, str]]:
    """What an operator should know of each order, by subject."""
    for order in orders:
        said = f"the specs say {order.wanted} ({order.at}), and {order.was} is kept"
        if order.is_release:
            text = (
                f"{said}: its nodes were installed with it, and a cluster that has nodes cannot be upgraded from here "
                "yet. Their Puppet documents stay as they are, and no machine is installed for it, "
                f"until {order.was} is back"
            )
        else:
            by_hand = _BY_HAND.get(order.what, "")
            text = f"{said}: what is stored lies where {order.was} put it{by_hand}. Put {order.was} back"
        yield f"{order.what} of {order.cluster}", text


def _is_installed(m: MachineView) -> bool:
    """Whether our Debian is on its disk, or just being put there, or nobody saw how that ended."""
    assert m.allocation is not None
    h = m.history
    if h.phase in (Phase.INSTALLED, Phase.IN_SERVICE) or h.service.left is not None:
        return True
    if h.install.open or isinstance(h.open_action, InstallOs):
        return True
    return install_evidence(m, m.allocation) is not None or install_unseen(m, m.allocation)


def _served(m: MachineView) -> bool:
    return m.history.phase is Phase.IN_SERVICE or m.history.service.left is not None


def _releases(spec: SpecTree) -> dict[str, str]:
    return {"release.openstack": spec.fleet.release.openstack, "release.debian": spec.fleet.release.debian}


def _rings(spec: SpecTree, cluster: str) -> dict[str, str]:
    settings = SettingsAt(spec, Place(cluster))
    coded = _OF_CODED_POLICY if settings.is_on("swift_ec_enable") else ()
    return {name: str(settings[name]) for name in (*_OF_ALL_RINGS, *coded)}


def _place(spec: SpecTree, cluster: str, name: str) -> str:
    """Where it is written, or the document that should say it."""
    of_cluster = spec.clusters.get(cluster)
    if name in _RELEASES:
        at = spec.place_in_fleet(*name.split("."))
    elif of_cluster is not None and name in (aliases := of_cluster.rings.aliases):
        at = spec.place("Cluster", cluster, "rings", *aliases[name][1])
    elif of_cluster is not None and name in of_cluster.settings:
        at = spec.place("Cluster", cluster, "settings", name)
    else:
        at = spec.place_in_fleet("settings", name)
    return f"{at.file}:{at.line}" if at else "by default"
