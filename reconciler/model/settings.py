"""Tunables: the rows of the settings table, and the value that is in force for one node.

Narrowest wins: fleet < cluster < role < profile < machine. Each layer that sets
nothing is the layer below it, the same object, so ten thousand machines of forty
clusters share a few hundred mappings.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .diagnostics import Location
from .spec.base import SettingValue
from .tree import SpecTree

LEVELS = ("fleet", "cluster", "role", "profile", "machine")
"""Where a setting may stand, widest first."""

_WHOSE = {
    "fleet": "the whole fleet",
    "cluster": "a cluster",
    "role": "a role of a cluster",
    "profile": "a hardware profile",
    "machine": "a machine",
}

TYPES = ("boolean", "int", "float", "string", "list", "choice")


@dataclass(frozen=True, slots=True)
class SettingRow:
    """One tunable. ``default`` None: nothing is given unless somebody sets it, or what ``otherwise`` says."""

    name: str
    type: str  # boolean | int | float | string | list | choice
    default: SettingValue | None
    levels: tuple[str, ...]  # of fleet, cluster, role, profile, machine
    help: str
    roles: tuple[str, ...] = ("all",)
    unit: str | None = None
    choices: tuple[str, ...] = ()
    min: float | None = None  # inclusive, of an int or a float
    max: float | None = None  # inclusive
    pattern: str | None = None  # regular expression that the whole text, or each item of a list, must match
    separator: str | None = None  # Puppet gets the list as one text, joined by this; None: as a list
    secret: bool = False  # never shown: not in plans, not in explanations
    otherwise: str = ""  # what is worked out where nobody sets it, in words; only without a default
    subject: str = ""  # heading it stands under


SettingsTable = Mapping[str, SettingRow]

_NO_RINGS = "nothing builds Swift's rings yet; swift-ring-builder is told by hand"
WITHOUT_EFFECT: Mapping[str, str] = dict.fromkeys(
    ("swift_part_power", "swift_replicas", "swift_min_part_hours"), _NO_RINGS
)
"""Settings that nothing reads, each with the reason. OCI has them, and they will be read."""


@dataclass(frozen=True, slots=True)
class Sourced:
    """A value and where it came from: ``cluster-specs/cl1.yaml:12`` or ``default``."""

    value: SettingValue | None
    origin: str


Effective = Mapping[str, Sourced]
"""Setting name to the value in force for one node; every name of the table is there."""

Memo = dict[tuple[str, ...], Effective]
"""Layers already worked out, by (), (cluster,), (cluster, role), (cluster, role, profile); good for one tree only."""


def effective(
    table: SettingsTable,
    tree: SpecTree,
    *,
    cluster: str,
    role: str,
    profile: str | None,
    serial: str | None,
    memo: Memo | None = None,
) -> Effective:
    """Every setting of the table with the value in force for one machine.

    What a cluster, profile or machine that is not in the tree would have set is
    left out: an orphaned machine still has the values of what remains.

    ``tree`` was checked by ``specs.loader``: every setting in it has a row. A machine
    may have taken no ``profile``; without ``serial`` it is what a role's machines have
    in common. Give the same ``memo`` for all machines of a tree, a new one for each tree.
    """
    path = (cluster, role) if profile is None else (cluster, role, profile)
    shared = _layer(table, tree, path, {} if memo is None else memo)
    own = tree.machines.get(serial) if serial is not None else None
    if serial is None or own is None:
        return shared
    return _over(shared, own.settings, tree, "Machine", serial, "settings")


def written_at(
    tree: SpecTree, name: str, *, cluster: str, role: str, profile: str | None, serial: str | None
) -> list[tuple[str, SettingValue, str]]:
    """Every level at which the setting is written for a machine, widest first: level, value, file and line."""
    of = tree.clusters.get(cluster)
    pool = of.roles.get(role) if of else None
    fleet = next((name for kind, name in tree.places if kind == "Fleet"), "fleet")
    given = tree.profiles.get(profile) if profile else None
    own = tree.machines.get(serial) if serial else None
    places: list[tuple[str, Mapping[str, SettingValue], tuple[str, ...]]] = [
        ("fleet", tree.fleet.settings, ("Fleet", fleet)),
        ("cluster", of.settings if of else {}, ("Cluster", cluster)),
        ("role", pool.settings if pool else {}, ("Cluster", cluster, "roles", role)),
        ("profile", given.settings if given else {}, ("HardwareProfile", profile or "")),
        ("machine", own.settings if own else {}, ("Machine", serial or "")),
    ]
    return [
        (level, settings[name], _origin(tree, *path, "settings", name))
        for level, settings, path in places
        if name in settings
    ]


def without_effect(tree: SpecTree) -> Iterator[tuple[str, Location | None]]:
    """Where a setting is written that nothing reads: a sentence that says so, and the place."""
    fleet = next((name for kind, name in tree.places if kind == "Fleet"), "fleet")
    documents = [("Fleet", fleet, tree.fleet.settings)]
    documents += [("Cluster", name, cluster.settings) for name, cluster in tree.clusters.items()]
    for kind, of, settings in documents:
        for name in WITHOUT_EFFECT.keys() & settings.keys():
            yield f"{name} has no effect: {WITHOUT_EFFECT[name]}", tree.place(kind, of, "settings", name)


def _layer(table: SettingsTable, tree: SpecTree, path: tuple[str, ...], memo: Memo) -> Effective:
    found = memo.get(path)
    if found is None:
        found = memo[path] = _make_layer(table, tree, path, memo)
    return found


def _make_layer(table: SettingsTable, tree: SpecTree, path: tuple[str, ...], memo: Memo) -> Effective:
    if not path:
        below: Effective = {name: Sourced(row.default, "default") for name, row in table.items()}
        name = next((name for kind, name in tree.places if kind == "Fleet"), "fleet")
        return _over(below, tree.fleet.settings, tree, "Fleet", name, "settings")
    below = _layer(table, tree, path[:-1], memo)
    cluster = tree.clusters.get(path[0])
    match path:
        case (name,):
            return _over(below, cluster.settings if cluster else {}, tree, "Cluster", name, "settings")
        case (name, role):
            pool = cluster.roles.get(role) if cluster else None
            return _over(below, pool.settings if pool else {}, tree, "Cluster", name, "roles", role, "settings")
        case (*_, name):
            profile = tree.profiles.get(name)
            return _over(below, profile.settings if profile else {}, tree, "HardwareProfile", name, "settings")
    raise AssertionError(f"no layer {path}. This is a bug in reconciler.")


def _over(
    below: Effective, settings: Mapping[str, SettingValue], tree: SpecTree, kind: str, name: str, *path: str
) -> Effective:
    """``below`` with ``settings`` of one document on top, and the line each stands on."""
    if not settings:
        return below
    return {**below, **{key: Sourced(value, _origin(tree, kind, name, *path, key)) for key, value in settings.items()}}


def _origin(tree: SpecTree, kind: str, name: str, *path: str) -> str:
    at = tree.place(kind, name, *path)
    return f"{at.file}:{at.line}" if at else f"{kind} {name}"


def for_puppet(row: SettingRow, value: SettingValue | None) -> SettingValue | None:
    """``value`` as Puppet's classes take it: a list becomes one text where OCI keeps it as one."""
    if row.separator is not None and isinstance(value, tuple):
        return row.separator.join(value)
    return value


def problem_with(row: SettingRow, value: object, level: str) -> str | None:
    """What is wrong with ``value`` standing at ``level``: a sentence that says what to write. None: nothing."""
    if level not in row.levels:
        allowed = _either([_WHOSE[allowed] for allowed in row.levels])
        return f'"{row.name}" cannot be set for {_WHOSE[level]}; set it for {allowed}.'
    problem = _misfit(row, value)
    return f'"{row.name}" {problem}.' if problem else None


def _misfit(row: SettingRow, value: object) -> str | None:
    match row.type:
        case "boolean":
            return None if isinstance(value, bool) else f"must be true or false, not {_shown(row, value)}"
        case "int" | "float":
            return _number_misfit(row, value)
        case "choice":
            if value in row.choices and isinstance(value, str):
                return None
            return f"must be {_either([_quoted(c) for c in row.choices])}, not {_shown(row, value)}"
        case "list":
            if not isinstance(value, (list, tuple)):
                return f'must be a list, such as ["{value}"], not {_shown(row, value)}'
            return next((problem for item in value if (problem := _item_misfit(row, item))), None)
        case _:
            return _text_misfit(row, value)


def _number_misfit(row: SettingRow, value: object) -> str | None:
    fits = int if row.type == "int" else (int, float)
    if isinstance(value, bool) or not isinstance(value, fits):
        number = "a whole number" if row.type == "int" else "a number"
        return f"must be {number}{f' ({row.unit})' if row.unit else ''}, not {_shown(row, value)}"
    if row.min is not None and not value >= row.min:
        return f"must be at least {row.min}{_unit(row)}, not {value}"
    if row.max is not None and not value <= row.max:
        return f"must be at most {row.max}{_unit(row)}, not {value}"
    return None


def _item_misfit(row: SettingRow, item: object) -> str | None:
    if row.separator and isinstance(item, str) and row.separator in item:
        return f'must not have "{row.separator}" inside an item: {_shown(row, item)}; write two items'
    return "must not have an empty item" if item == "" else _text_misfit(row, item, what="must be a list of texts")


def _text_misfit(row: SettingRow, value: object, what: str = "must be a text") -> str | None:
    if not isinstance(value, str):
        return f"{what}, not {_shown(row, value)}; put it in quotes"
    if not value.isprintable():
        return "must be one line without control characters"
    if row.pattern and not re.fullmatch(row.pattern, value):
        return f"must look like {_example(row)}, not like {_shown(row, value)}"
    return None


def _example(row: SettingRow) -> str:
    first = row.default[0] if isinstance(row.default, tuple) and row.default else row.default
    return _quoted(first) if isinstance(first, str) and first else f"the pattern {row.pattern}"


def _shown(row: SettingRow, value: object) -> str:
    """The value in a message, as the operator wrote it, and never a secret."""
    if row.secret:
        return "what stands there"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _quoted(value if len(value) <= 80 else value[:77] + "...")
    return "a list" if isinstance(value, (list, tuple)) else str(value)


def _unit(row: SettingRow) -> str:
    return f" {row.unit}" if row.unit else ""


def _quoted(text: str) -> str:
    return f'"{text}"'


def _either(words: tuple[str, ...] | list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
