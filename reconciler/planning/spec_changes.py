"""Changes of rules between the specs in force and others: what a plan of the others says before any step.

Steps tell what becomes of machines today. A rule that was loosened says what may become of them tomorrow, unasked.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from ..model.kinds import ClusterSpec, MachineSpec
from ..model.kinds.fleet import APPROVED, InstallPolicy, Policy, Window
from ..model.spec_change import RuleKind, SpecChange
from ..model.tree import SpecTree
from ..model.units import render_hours

Looser = Callable[[Any, Any], bool]
"""Whether the second value leaves more undone by humans than the first."""

UNPROTECTED = MachineSpec()
NO_CLUSTER = "none"


def spec_changes(before: SpecTree, after: SpecTree) -> tuple[SpecChange, ...]:
    """The rules that differ, the loosened first; then by kind, as ``RuleKind`` has them, and by name.

    Args:
        before: The specs in force.
        after: Those of the plan.
    """
    found = [*_of_fleet(before, after), *_of_machines(before, after), *_of_profiles(before, after)]
    found += _of_clusters(before, after)
    kinds = list(RuleKind)
    return tuple(sorted(found, key=lambda change: (not change.looser, kinds.index(change.kind), change.what)))


def _is_true(_: object, after: object) -> bool:
    return after is True


def _is_asked_no_more(_: object, after: object) -> bool:
    return after is InstallPolicy.AUTOMATIC


def _is_more(before: Any, after: Any) -> bool:
    return bool(after > before)


def _is_less(before: Any, after: Any) -> bool:
    return bool(after < before)


def _may_be_more(before: int | str, after: int | str) -> bool:
    """Of two budgets; a number and a share cannot be compared without machines."""
    if isinstance(before, str) and isinstance(after, str):
        return int(after.rstrip("%")) > int(before.rstrip("%"))
    return isinstance(before, str) or isinstance(after, str) or after > before


def _has_more(before: tuple[object, ...], after: tuple[object, ...]) -> bool:
    return not set(after) <= set(before)


def _opens_more(before: tuple[object, ...], after: tuple[object, ...]) -> bool:
    """Of windows, of which none at all means any time."""
    return bool(before) and (not after or _has_more(before, after))


def _is_named(_: object, after: object) -> bool:
    return after is not None


def _never(_: object, __: object) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class _FleetRule:
    """A value of the Fleet that plans tell of."""

    kind: RuleKind
    path: tuple[str, ...]
    is_looser: Looser


_RULES = (
    _FleetRule(RuleKind.POLICY, ("policy", "install"), _is_asked_no_more),
    _FleetRule(RuleKind.POLICY, ("policy", "foreign_data"), _is_asked_no_more),
    _FleetRule(RuleKind.POLICY, ("policy", "reinstall"), _is_asked_no_more),
    _FleetRule(RuleKind.POLICY, ("policy", "roll_out"), lambda _, after: after == "automatic"),
    _FleetRule(RuleKind.POLICY, ("policy", "self_heal"), _is_true),
    _FleetRule(RuleKind.POLICY, ("policy", "max_destructive"), _is_more),
    _FleetRule(RuleKind.POLICY, ("policy", "max_renewals"), _is_more),
    _FleetRule(RuleKind.POLICY, ("policy", "approvals", "lasts"), _is_more),
    _FleetRule(RuleKind.POLICY, ("policy", "windows"), _opens_more),
    _FleetRule(RuleKind.POLICY, ("bmc", "manage"), _is_true),
    _FleetRule(RuleKind.TRUST, ("provisioning", "trusted_networks"), _has_more),
    _FleetRule(RuleKind.TRUST, ("puppet", "servers"), _has_more),
    _FleetRule(RuleKind.HOOK, ("hooks", "dns"), _is_named),
    _FleetRule(RuleKind.HOOK, ("hooks", "monitoring"), _is_named),
    _FleetRule(RuleKind.HOOK, ("hooks", "root_password"), _is_named),
    _FleetRule(RuleKind.HOOK, ("hooks", "bmc_password"), _is_named),
    _FleetRule(RuleKind.RELEASE, ("release", "openstack"), _never),
    _FleetRule(RuleKind.RELEASE, ("release", "debian"), _never),
    _FleetRule(RuleKind.RELEASE, ("puppet", "module_version"), _never),
)


def _of_fleet(before: SpecTree, after: SpecTree) -> Iterator[SpecChange]:
    for rule in _RULES:
        old, new = _value(before, rule.path), _value(after, rule.path)
        if old != new:
            yield _of_rule(rule, after, old, new)
    old_people, new_people = (
        {what: tree.fleet.policy.approvals.needed(what) for what in APPROVED} for tree in (before, after)
    )
    yield from _of_map(after, ("policy", "approvals", "approvers"), old_people, new_people, _is_less)
    old_budgets, new_budgets = (_budgets(tree.fleet.policy, (before, after)) for tree in (before, after))
    yield from _of_map(after, ("policy", "max_unavailable"), old_budgets, new_budgets, _may_be_more)


def _value(tree: SpecTree, path: tuple[str, ...]) -> Any:
    value: Any = tree.fleet
    for name in path:
        value = getattr(value, name)
    return value


def _of_rule(rule: _FleetRule, after: SpecTree, old: object, new: object) -> SpecChange:
    looser, what = rule.is_looser(old, new), ".".join(rule.path)
    return SpecChange(rule.kind, what, _text(old), _text(new), looser, None, after.place_in_fleet(*rule.path))


def _of_map(
    after: SpecTree, path: tuple[str, ...], old: Mapping[str, Any], new: Mapping[str, Any], is_looser: Looser
) -> Iterator[SpecChange]:
    """Of a rule for each of several things; both have the same keys."""
    for key in old:
        if old[key] != new[key]:
            rule = _FleetRule(RuleKind.POLICY, (*path, key), is_looser)
            yield _of_rule(rule, after, old[key], new[key])


def _budgets(policy: Policy, trees: Iterable[SpecTree]) -> dict[str, int | str]:
    """What the policy says of each role that any of the trees has a word for, and of the rest."""
    named = sorted({role for tree in trees for role in tree.fleet.policy.max_unavailable} - {"default"})
    return {role: policy.budget(role) for role in ("default", *named)}


def _of_machines(before: SpecTree, after: SpecTree) -> Iterator[SpecChange]:
    for serial in sorted(before.machines.keys() | after.machines.keys()):
        old, new = before.machines.get(serial, UNPROTECTED), after.machines.get(serial, UNPROTECTED)
        for name, open_value in (("protected", False), ("data_disks", "erase")):
            was, will = getattr(old, name), getattr(new, name)
            if was != will:
                at = after.place("Machine", serial, name)
                what, looser = f"Machine {serial} {name}", will == open_value
                yield SpecChange(RuleKind.PROTECTION, what, _text(was), _text(will), looser, serial, at)


def _of_profiles(before: SpecTree, after: SpecTree) -> Iterator[SpecChange]:
    """Of profiles that both have; what a new one leads to, the steps of machines tell."""
    for name in sorted(before.profiles.keys() & after.profiles.keys()):
        was, will = before.profiles[name].unlisted_disks, after.profiles[name].unlisted_disks
        if was != will:
            what, at = f"HardwareProfile {name} unlisted_disks", after.place("HardwareProfile", name, "unlisted_disks")
            yield SpecChange(RuleKind.PROTECTION, what, was, will, will == "use", None, at)


def _of_clusters(before: SpecTree, after: SpecTree) -> Iterator[SpecChange]:
    for name in sorted(before.clusters.keys() | after.clusters.keys()):
        was, will = _asked(before.clusters.get(name)), _asked(after.clusters.get(name))
        for what in sorted(was.keys() | will.keys()):
            if was.get(what) != will.get(what):
                at = after.place("Cluster", name, *what.split("."))
                old, new = was.get(what, NO_CLUSTER), will.get(what, NO_CLUSTER)
                yield SpecChange(RuleKind.CLUSTER, f"Cluster {name} {what}", old, new, False, None, at)


def _asked(cluster: ClusterSpec | None) -> dict[str, str]:
    """What a cluster asks for, by its path."""
    if cluster is None:
        return {}
    counts = {
        f"roles.{role}.count": "every fitting machine" if pool.count is None else str(pool.count)
        for role, pool in cluster.roles.items()
    }
    links = {"links.swift": cluster.links.swift} if cluster.links.swift else {}
    return {**counts, **links}


def _text(value: object) -> str:
    """A value as its document has it."""
    match value:
        case None | ():
            return "none"
        case bool():
            return str(value).lower()
        case timedelta():
            return render_hours(value)
        case Window():
            return f"{value.allow} {value.timezone} for {' and '.join(value.for_)}"
        case tuple():
            return ", ".join(sorted(map(_text, value)))
    return str(value)
