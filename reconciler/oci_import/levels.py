"""Settings at the widest level at which they agree: what OCI keeps in columns of clusters and of every machine."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..model.kinds import HardwareProfileSpec
from ..model.kinds.base import SettingValue
from ..model.roles import BUILT_IN_ROLES
from ..model.settings import SettingRow, SettingsTable
from .database import Row
from .machines import OciMachine
from .options import INHERITED, checked
from .yaml_documents import Noted, ToDecide

Values = dict[str, SettingValue]

_OF_THE_PROFILE = frozenset(
    {"dest_blk", "install_on_raid", "raid_type", "raid_dev0", "raid_dev1", "raid_dev2", "raid_dev3"}
)
"""Which disks take the system: an imported machine's profile says it."""

_ALSO = {"ceph_az": ("billmon", "billosd"), "neutron_install_dragent": BUILT_IN_ROLES}
"""Roles for which a setting counts in OCI although its table does not say so."""

_ONLY_WHERE_USED = frozenset({"hw_machine_type"})
"""Settings with another default than OCI's: a cluster without a role that they concern keeps nothing of OCI's."""

IN_CLEAR = "{name} stands here in clear, for everybody who may read this repository."

_NOTED: Mapping[tuple[str, SettingValue], str] = {
    ("hw_machine_type", "q35"): (
        "OCI gave Nova this, and Nova ignores a machine type without an architecture: new instances have pc.\n"
        "x86_64=q35, the default here, gives them q35."
    )
}
"""What an operator should know of a value that is kept as OCI had it."""


@dataclass(slots=True)
class Levels:
    """What is written where; only what differs from the level above."""

    fleet: Values = field(default_factory=dict)
    clusters: dict[str, Values] = field(default_factory=dict)
    roles: dict[tuple[str, str], Values] = field(default_factory=dict)
    machines: dict[str, Values] = field(default_factory=dict)
    leftover: list[str] = field(default_factory=list)
    secret: frozenset[str] = frozenset()  # names of settings that are passwords

    def marked(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The values as they are written, with a comment at each password and each that an operator should know of."""
        return {name: self._noted(name, value) for name, value in values.items()}

    def _noted(self, name: str, value: SettingValue) -> object:
        written = list(value) if isinstance(value, tuple) else value
        note = IN_CLEAR.format(name=name) if name in self.secret else _NOTED.get((name, value))
        return Noted(written, ToDecide(note)) if note else written

    def above_machine(self, cluster: str, role: str) -> Values:
        """What a role's machines have in common."""
        return {**self.fleet, **self.clusters.get(cluster, {}), **self.roles.get((cluster, role), {})}


def spread_settings(
    clusters: Sequence[Row],
    machines: Sequence[OciMachine],
    profile_of: Mapping[str, HardwareProfileSpec | None],
    table: SettingsTable,
) -> Levels:
    """Every setting of OCI's rows, at the widest level at which it holds.

    Args:
        clusters: OCI's clusters.
        machines: OCI's machines.
        profile_of: The profile of each machine in a cluster, by serial; it comes between role and machine.
        table: The settings table.
    """
    found = Levels(secret=frozenset(name for name, row in table.items() if row.secret))
    for row in clusters:
        roles = {m.role for m in machines if m.cluster == row["name"] and m.role}
        differing = _differing(row, table, "cluster", f"cluster {row['name']}", found.leftover)
        found.clusters[row["name"]] = {n: value for n, value in differing.items() if _kept(table[n], roles)}
    if len(clusters) > 1:
        _lift_to_fleet(found, table)
    for row in clusters:
        members = [m for m in machines if m.cluster == row["name"] and m.role]
        inherited = {**found.fleet, **found.clusters[row["name"]]}
        own = {m.serial: _own(m, table, inherited, found.leftover) for m in members}
        for name in sorted({name for values in own.values() for name in values}):
            concerned = [m for m in members if name in own[m.serial] and _concerns(table[name], m.role or "")]
            wanted = {m.serial: own[m.serial][name] for m in concerned}
            _place(found, _Wanted(table[name], row["name"], concerned, wanted), profile_of)
    return found


def _differing(row: Row, table: SettingsTable, level: str, where: str, leftover: list[str]) -> Values:
    found: Values = {}
    for name, stored in row.items():
        if name in table and name not in _OF_THE_PROFILE:
            value = _value(table[name], stored, level, where, leftover)
            if value is not None and not _is_default(table[name], value):
                found[name] = value
    return found


def _own(machine: OciMachine, table: SettingsTable, inherited: Values, leftover: list[str]) -> Values:
    """What the machine's columns say, defaults and what it inherits of its cluster too."""
    found: Values = {}
    for name, stored in machine.row.items():
        if name in table and name not in _OF_THE_PROFILE:
            if stored == INHERITED and INHERITED not in table[name].choices:
                value = inherited.get(name, table[name].default)
            else:
                value = _value(table[name], stored, "machine", f"machine {machine.serial}", leftover)
            if value is not None:
                found[name] = value
    return found


def _value(row: SettingRow, stored: object, level: str, where: str, leftover: list[str]) -> SettingValue | None:
    if row.default is not None and str(stored) == str(row.default):
        return row.default
    try:
        return checked(row, stored, level)
    except ValueError as error:
        shown = "its value" if row.secret else f'"{stored}"'
        leftover.append(f"{where}: {row.name} is {shown}: {error}")
        return None


def _is_default(row: SettingRow, value: SettingValue) -> bool:
    return value == row.default or (row.default is None and value in ("", "none", ()))


def _kept(row: SettingRow, roles: Iterable[str]) -> bool:
    """Whether a cluster of machines with these roles says what OCI's row says."""
    return row.name not in _ONLY_WHERE_USED or any(_concerns(row, role) for role in roles)


def _concerns(row: SettingRow, role: str) -> bool:
    return "all" in row.roles or role in (*row.roles, *_ALSO.get(row.name, ()))


def _lift_to_fleet(found: Levels, table: SettingsTable) -> None:
    """Move to the fleet what every cluster says."""
    first, *others = found.clusters.values()
    for name, value in list(first.items()):
        if "fleet" in table[name].levels and all(other.get(name) == value for other in others):
            found.fleet[name] = value
            for values in found.clusters.values():
                del values[name]


@dataclass(frozen=True, slots=True)
class _Wanted:
    """One setting, as the machines of one cluster must have it."""

    row: SettingRow
    cluster: str
    machines: Sequence[OciMachine]
    values: Mapping[str, SettingValue]  # by serial


def _place(found: Levels, setting: _Wanted, profile_of: Mapping[str, HardwareProfileSpec | None]) -> None:
    """Write a setting at the cluster, the role, or the machines."""
    row, cluster, machines, wanted = setting.row, setting.cluster, setting.machines, setting.values
    name = row.name
    above = {**found.fleet, **found.clusters[cluster]}.get(name, row.default)
    free = [m for m in machines if not _says(profile_of.get(m.serial), name)]
    usual = _usual((wanted[m.serial] for m in free), above)
    roles = {m.role or "" for m in free}
    if "cluster" in row.levels and len(roles) > 1 and len(set(map(repr, wanted.values()))) == 1 and usual != above:
        above = found.clusters[cluster][name] = next(iter(wanted.values()))
    for role in sorted(roles):
        of_role = _usual((wanted[m.serial] for m in free if m.role == role), above)
        if of_role is not None and of_role != above and "role" in row.levels:
            found.roles.setdefault((cluster, role), {})[name] = of_role
    for m in machines:
        profile = profile_of.get(m.serial)
        given = found.above_machine(cluster, m.role or "").get(name, row.default)
        if profile is not None and _says(profile, name):
            given = profile.settings[name]
        if wanted[m.serial] != given:
            found.machines.setdefault(m.serial, {})[name] = wanted[m.serial]


def _says(profile: HardwareProfileSpec | None, name: str) -> bool:
    return profile is not None and name in profile.settings


def _usual(values: Iterable[SettingValue], above: SettingValue | None) -> SettingValue | None:
    """The most frequent value; of equally frequent ones what holds already, or else the first."""
    counted = Counter(values)
    most = max(counted.values(), default=0)
    return above if above is not None and counted[above] == most else next(iter(counted.most_common(1)), (None,))[0]
