"""The levels at which settings are written, and the value of each that is in force for a node.

Narrowest wins: fleet < cluster < role < profile < machine. What nobody writes has the default of its row in the
settings table that the tree was checked against.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Self

from .diagnostics import Location
from .kinds import ClusterSpec, RingsSpec
from .kinds.base import SettingValue
from .machine import Allocation
from .roles import facts_of
from .settings import OF_RINGS
from .tree import SpecTree


class Place(NamedTuple):
    """Whose settings are asked for: a node, or what all nodes of a cluster, role or profile have in common.

    What is empty, or not in the tree, sets nothing: an orphaned machine still has the values of what remains.
    """

    cluster: str
    role: str = ""
    profile: str = ""
    serial: str = ""

    @classmethod
    def of(cls, serial: str, held: Allocation) -> Self:
        """The place of a machine that holds one."""
        return cls(held.cluster, held.role, held.profile, serial)


class Level(NamedTuple):
    """The settings of one document, or those of one role in a cluster's."""

    name: str  # one of ``settings.LEVELS``
    settings: Mapping[str, SettingValue]
    kind: str
    document: str
    path: tuple[str, ...] = ("settings",)  # of the settings, below the document's spec
    elsewhere: Mapping[str, tuple[str | int, ...]] = {}  # setting -> where it stands instead: ``Cluster.rings``

    def origin(self, tree: SpecTree, setting: str) -> str:
        """File and line of a setting, or the document's name where the tree knows no line."""
        at = tree.place(self.kind, self.document, *self.elsewhere.get(setting, (*self.path, setting)))
        return f"{at.file}:{at.line}" if at else f"{self.kind} {self.document}"


def levels(tree: SpecTree, place: Place) -> Iterator[Level]:
    """Every level at which settings for the place may be written, widest first."""
    yield _of_fleet(tree)
    cluster = tree.clusters.get(place.cluster)
    if cluster is not None:
        yield _of_cluster(cluster, place.cluster)
        if place.role in cluster.roles:
            yield _of_role(tree, place.cluster, place.role)
    if place.profile in tree.profiles:
        yield Level("profile", tree.profiles[place.profile].settings, "HardwareProfile", place.profile)
    if place.serial in tree.machines:
        yield Level("machine", tree.machines[place.serial].settings, "Machine", place.serial)


def all_levels(tree: SpecTree) -> Iterator[Level]:
    """Every level of every document, widest first within a kind."""
    yield _of_fleet(tree)
    for name, cluster in tree.clusters.items():
        yield Level("cluster", cluster.settings, "Cluster", name)
        for role in cluster.roles:
            yield _of_role(tree, name, role)
    for name, profile in tree.profiles.items():
        yield Level("profile", profile.settings, "HardwareProfile", name)
    for serial, machine in tree.machines.items():
        yield Level("machine", machine.settings, "Machine", serial)


def _of_fleet(tree: SpecTree) -> Level:
    return Level("fleet", tree.fleet.settings, "Fleet", tree.fleet_name)


def _of_cluster(cluster: ClusterSpec, name: str) -> Level:
    """The settings of a cluster, and what its ``rings`` say of settings in other words."""
    if not (aliases := cluster.rings.aliases):
        return Level("cluster", cluster.settings, "Cluster", name)
    said = {**cluster.settings, **{setting: value for setting, (value, _) in aliases.items()}}
    paths = {setting: ("rings", *path) for setting, (_, path) in aliases.items()}
    return Level("cluster", said, "Cluster", name, elsewhere=paths)


def _of_role(tree: SpecTree, cluster: str, role: str) -> Level:
    settings = tree.clusters[cluster].roles[role].settings
    return Level("role", settings, "Cluster", cluster, ("roles", role, "settings"))


class SettingsAt:
    """The settings in force at one place, looked up one by one. ``effective`` makes all of them at once."""

    def __init__(self, tree: SpecTree, place: Place) -> None:
        self._table = tree.settings_table
        self._narrowest_first = tuple(levels(tree, place))[::-1]

    def __getitem__(self, name: str) -> SettingValue | None:
        for level in self._narrowest_first:
            if name in level.settings:
                return level.settings[name]
        return self._table[name].default

    def is_on(self, name: str) -> bool:
        """Whether a boolean setting is true."""
        return self[name] is True

    def text(self, name: str) -> str | None:
        """The value of a text; None where it is empty, or the word none."""
        value = self[name]
        return value if isinstance(value, str) and value not in ("", "none") else None

    def number(self, name: str) -> int:
        """The value of a whole number; 0 where there is none."""
        value = self[name]
        return value if isinstance(value, int) else 0


@dataclass(frozen=True, slots=True)
class Sourced:
    """A value and where it came from: ``cluster-specs/cl1.yaml:12`` or ``default``."""

    value: SettingValue | None
    origin: str
    written: bool = False  # whether the specs say it; otherwise it is the table's default


Effective = Mapping[str, Sourced]
"""Setting name to the value in force for one node; every name of the table is there."""

Memo = dict[tuple[tuple[str, str, tuple[str, ...]], ...], Effective]
"""Values worked out before, by the documents that have a say in them: kind, name and path; good for one tree only."""


def effective(tree: SpecTree, place: Place, memo: Memo | None = None) -> Effective:
    """Every setting of the table with the value in force at a place.

    Give the same ``memo`` for all places of a tree, a new one for each tree. A level that sets nothing is the level
    below it, the same object, so ten thousand machines of forty clusters share a few hundred mappings.
    """
    memo = {} if memo is None else memo
    said: tuple[tuple[str, str, tuple[str, ...]], ...] = ()
    if said not in memo:
        memo[said] = {name: Sourced(row.default, "default") for name, row in tree.settings_table.items()}
    found = memo[said]
    for level in levels(tree, place):
        if not level.settings:
            continue
        if level.name == "machine":  # nobody else has these
            return _over(found, level, tree)
        said = (*said, (level.kind, level.document, level.path))
        if said not in memo:
            memo[said] = _over(found, level, tree)
        found = memo[said]
    return found


def _over(below: Effective, level: Level, tree: SpecTree) -> Effective:
    return {
        **below,
        **{name: Sourced(value, level.origin(tree, name), written=True) for name, value in level.settings.items()},
    }


class WrittenSetting(NamedTuple):
    """A setting as one level has it, and the file and line."""

    level: str
    value: SettingValue
    origin: str


def written_at(tree: SpecTree, name: str, place: Place) -> list[WrittenSetting]:
    """What every level has for one setting at a place, widest first; levels that do not write it are left out."""
    return [
        WrittenSetting(level.name, level.settings[name], level.origin(tree, name))
        for level in levels(tree, place)
        if name in level.settings
    ]


def without_effect(tree: SpecTree) -> Iterator[tuple[str, Location | None]]:
    """Where something is written that may stand there, and that nothing reads: a sentence, and the place."""
    for level in all_levels(tree):
        storing = level.document if level.name == "cluster" else None
        for name in OF_RINGS & level.settings.keys():
            if level.name in tree.settings_table[name].levels and not _stores_in_swift(tree, storing):
                at = tree.place(level.kind, level.document, *level.path, name)
                yield f"{name} has no effect: {_nobody(storing)}", at
    for cluster, spec in tree.clusters.items():
        if spec.rings != RingsSpec() and not _stores_in_swift(tree, cluster):
            yield f"rings have no effect: {_nobody(cluster)}", tree.place("Cluster", cluster, "rings")


def _nobody(cluster: str | None) -> str:
    who = f"{cluster} asks for no role" if cluster else "no cluster asks for a role"
    return f"{who} whose nodes store in Swift"


def _stores_in_swift(tree: SpecTree, cluster: str | None) -> bool:
    """Whether a cluster, or any for None, asks for nodes that may have disks in Swift's rings."""
    asking = tree.clusters if cluster is None else {cluster: tree.clusters[cluster]}
    return any(facts_of(role).object_store == "swift" for spec in asking.values() for role in spec.roles)
