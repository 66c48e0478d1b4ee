"""Choices that a cluster keeps for as long as it has nodes: its releases, and what its Swift rings are made with.

Nothing here moves a cluster to another release, node by node, or relinks what Swift stores. A change in git is an
order that cannot be carried out: it is held and told, and what nodes were installed with stays in force for them.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from ..model.actions import InstallOs
from ..model.diagnostics import Diagnostic, Location, Severity
from ..model.history import Phase
from ..model.in_force import Place, SettingsAt
from ..model.kinds import RingsSpec
from ..model.kinds.base import SettingValue
from ..model.machine import MachineView, Observation
from ..model.plan import Act, Advance, Step
from ..model.reasons import Reason
from ..model.rings import RingState, object_ring
from ..model.roles import facts_of
from ..model.tree import SpecTree
from .context import install_evidence, install_unseen
from .safety import waiting

Fixed = Mapping[str, Mapping[str, str]]
"""By cluster: what its nodes were installed with, ``release.openstack`` -> ``epoxy``."""

_RELEASES = {"release.openstack": "OpenStack", "release.debian": "Debian"}

_OF_ALL_RINGS = ("swift_part_power", "swift_replicas")
_IS_CODED = "swift_ec_enable"
_INDEX = "swift_ec_policy_index"
_OF_CODED_POLICY = (
    _INDEX,
    "swift_ec_policy_name",
    "swift_ec_type",
    "swift_ec_num_data_fragments",
    "swift_ec_num_parity_fragments",
)
_RETIRING = (
    "; a policy keeps its index, name, code and fragments for as long as anybody stores in it. Swift's own procedure is"
    ' another policy, to which users copy their containers, and then "deprecated = yes" for this one in swift.conf'
)
_BY_HAND = {
    "swift_part_power": "; a part power rises by Swift's own relink procedure alone (swift-ring-builder"
    " prepare_increase_partition_power, then swift-object-relinker), and never falls",
    **dict.fromkeys((_IS_CODED, *_OF_CODED_POLICY), _RETIRING),
}
"""What an operator can do about an order that is refused, by setting."""


@dataclass(frozen=True, slots=True)
class Held:
    """An order that cannot be carried out while the cluster has nodes."""

    cluster: str
    what: str  # OpenStack, Debian, or the setting's name
    was: str
    wanted: str
    at: Location | None  # where it is written, or should be; None: nobody knows

    @property
    def is_release(self) -> bool:
        """Whether nodes would have to be upgraded."""
        return self.what in _RELEASES.values()

    @property
    def where(self) -> str:
        """File and line."""
        return f"{self.at.file}:{self.at.line}" if self.at else "by default"

    @property
    def text(self) -> str:
        """What is held, and what an operator can do about it."""
        said = f"the specs say {self.wanted} ({self.where}), and {self.was} is kept"
        if self.is_release:
            return (
                f"{said}: its nodes were installed with it, and a cluster that has nodes cannot be upgraded from here "
                "yet. Their Puppet documents stay as they are, and no machine is installed for it, "
                f"until {self.was} is back"
            )
        by_hand = _BY_HAND.get(self.what, "")
        return f"{said}: what is stored lies where {self.was} put it{by_hand}. Put {self.was} back"


def fixed_by(spec: SpecTree, machines: Iterable[MachineView], rings: Iterable[RingState]) -> Fixed:
    """What clusters with nodes have to keep: what is being installed, and of the rest what the specs say today.

    Args:
        spec: The specs.
        machines: All machines.
        rings: Swift's in force. A coded policy is kept once it has a ring, and in clusters whose rings nobody told.
    """
    known, built = tuple(machines), {(state.cluster, state.name) for state in rings}
    found = {cluster: _kept(cluster, asked, built) for cluster, asked in _asked(spec, known).items()}
    for m in known:
        if m.allocation is not None and isinstance(m.history.open_action, InstallOs):
            found[m.allocation.cluster]["release.debian"] = m.history.open_action.release
    return found


def _kept(cluster: str, asked: Mapping[str, str], built: Collection[tuple[str, str]]) -> dict[str, str]:
    """What is asked for, but for a coded policy in which nobody can store yet."""
    told = any(of == cluster for of, _ in built)
    is_stored_in = asked.get(_IS_CODED) == _text(True) and (
        not told or (cluster, object_ring(int(asked[_INDEX]))) in built
    )
    return {name: value for name, value in asked.items() if is_stored_in or name not in (_IS_CODED, *_OF_CODED_POLICY)}


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


def as_installed(spec: SpecTree, cluster: str, kept: Mapping[str, str]) -> SpecTree:
    """The specs with the releases and rings that a cluster keeps: what its nodes' Puppet documents are made of."""
    return _with_rings(_with_releases(spec, kept), cluster, kept)


def _with_rings(spec: SpecTree, cluster: str, kept: Mapping[str, str]) -> SpecTree:
    """The specs with the settings that a cluster's rings were made with, as settings of the cluster."""
    of_cluster = spec.clusters.get(cluster)
    if of_cluster is None or kept.keys() <= _RELEASES.keys():
        return spec
    settings, said = SettingsAt(spec, Place(cluster)), _rings(spec, cluster)
    may_differ = (name for name in kept if name not in _RELEASES and (name in said or _IS_CODED in kept))
    other = {name: _value(settings[name], kept[name]) for name in may_differ if _text(settings[name]) != kept[name]}
    if not other:
        return spec
    before = {**of_cluster.settings, **of_cluster.rings.as_settings(), **other}
    changed = of_cluster.model_copy(update={"settings": before, "rings": RingsSpec()})
    return replace(spec, clusters={**spec.clusters, cluster: changed})


def _text(value: SettingValue | None) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _value(like: SettingValue | None, text: str) -> SettingValue:
    """The value of a setting from its text."""
    if isinstance(like, bool):
        return text == _text(True)
    return int(text) if isinstance(like, int) else text


def _with_releases(spec: SpecTree, kept: Mapping[str, str]) -> SpecTree:
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
                f"{order.wanted} ({order.where}); put {order.was} back, then {what}"
            )
            return waiting(step, Reason.RELEASE_KEPT, on)
    return step


def notes_of(orders: Iterable[Held]) -> Iterator[tuple[str, str]]:
    """What an operator should know of each order, by subject."""
    return ((f"{order.what} of {order.cluster}", order.text) for order in orders)


def refusals(spec: SpecTree, observed: Observation) -> tuple[Diagnostic, ...]:
    """What the specs ask for of clusters with nodes, and is not done, as errors at the lines that say so."""
    return tuple(
        Diagnostic(
            Severity.ERROR,
            "A cluster that has nodes keeps this",
            f"{order.what} of {order.cluster}: {order.text}.",
            order.at,
        )
        for order in held_orders(spec, observed)
    )


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
    coded = _OF_CODED_POLICY if settings.is_on(_IS_CODED) else ()
    return {name: _text(settings[name]) for name in (*_OF_ALL_RINGS, _IS_CODED, *coded)}


def _place(spec: SpecTree, cluster: str, name: str) -> Location | None:
    """Where it is written, or the document that should say it."""
    of_cluster = spec.clusters.get(cluster)
    if name in _RELEASES:
        return spec.place_in_fleet(*name.split("."))
    if of_cluster is not None and name in (aliases := of_cluster.rings.aliases):
        return spec.place("Cluster", cluster, "rings", *aliases[name][1])
    if of_cluster is not None and name in of_cluster.settings:
        return spec.place("Cluster", cluster, "settings", name)
    if name in spec.fleet.settings:
        return spec.place_in_fleet("settings", name)
    return spec.place("Cluster", cluster, "rings")
