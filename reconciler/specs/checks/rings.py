"""Rings of a Swift cluster: said once, and policies that Swift can have."""

from collections.abc import Iterator

from ...model.diagnostics import Diagnostic, Location
from ...model.in_force import Place, SettingsAt
from ...model.kinds import RingPolicy
from ...model.roles import facts_of
from .context import Check, CheckContext, error

_MOST_FRAGMENTS = 32
"""EC_MAX_FRAGMENTS of liberasurecode until 1.6, which Debian 13 has: no server of Swift starts with more."""

_FRAGILE = ("isa_l_rs_vand", 5)
"""A code, and from how many parity fragments on it may lose data: then Swift starts no server with it (LP 1639691)."""


def rings_and_settings_agree(context: CheckContext) -> Iterator[Diagnostic]:
    """A cluster does not say one thing below ``rings`` and another in the setting of OCI's name."""
    for cluster, spec in context.tree.clusters.items():
        for setting, (value, path) in spec.rings.aliases.items():
            other = spec.settings.get(setting, value)
            if other != value:
                at = context.parsed.at("Cluster", cluster, "rings", *path)
                there = context.parsed.at("Cluster", cluster, "settings", setting)
                place = f" ({there.file}:{there.line})" if there is not None else ""
                said = f"rings.{'.'.join(map(str, path))} says {value}, and the setting {setting} {other}{place}"
                yield error("Two values for one thing", f"{said}. Write one of them.", at)


def policies_fit(context: CheckContext) -> Iterator[Diagnostic]:
    """Names and indexes occur once, one policy is the default, and each has what its type needs."""
    for cluster, spec in context.tree.clusters.items():
        policies = spec.rings.policies
        for number, policy in enumerate(policies):
            at = context.parsed.at("Cluster", cluster, "rings", "policies", number)
            for problem in _misfits(policy, policies[:number]):
                yield error("Impossible storage policy", f'Policy "{policy.name}" {problem}.', at)
        if policies:
            at = context.parsed.at("Cluster", cluster, "rings", "policies")
            if sum(policy.default for policy in policies) != 1:
                yield error("No default storage policy", 'Write "default: true" at exactly one policy.', at)
            if all(policy.index != 0 for policy in policies):
                yield error("No policy 0", "Swift wants a policy with index 0 wherever others are.", at)


def _misfits(policy: RingPolicy, before: tuple[RingPolicy, ...]) -> Iterator[str]:
    """What is wrong with a policy, by itself or beside those that are written before it: verbs and their objects."""
    if any(other.name.lower() == policy.name.lower() for other in before):
        yield "has the name of another one"
    if any(other.index == policy.index for other in before):
        yield f"has index {policy.index}, as another one has"
    coded = {"ec_type": policy.ec_type, "data": policy.data, "parity": policy.parity}
    if policy.type == "replication":
        if said := [name for name, value in coded.items() if value is not None]:
            yield f"keeps whole copies, and so has no {' or '.join(said)}"
        return
    if policy.replicas is not None:
        yield "stores fragments, and so has no replicas: data and parity say how many there are"
    if missing := [name for name, value in coded.items() if value is None]:
        yield f"stores fragments, and lacks {' and '.join(missing)}"


def fragments_can_be_made(context: CheckContext) -> Iterator[Diagnostic]:
    """Swift starts with the code and the numbers of fragments, which are fixed once data is stored."""
    for cluster in context.tree.clusters:
        settings = SettingsAt(context.tree, Place(cluster))
        if not settings.is_on("swift_ec_enable"):
            continue
        data, parity = (settings.number(f"swift_ec_num_{kind}_fragments") for kind in ("data", "parity"))
        name, code = settings.text("swift_ec_policy_name"), settings.text("swift_ec_type")
        at = _coded_at(context, cluster)
        if data + parity > _MOST_FRAGMENTS:
            said = (
                f'Policy "{name}" of {cluster} has {data} + {parity} fragments, and liberasurecode makes no more than'
            )
            yield error("Too many fragments", f"{said} {_MOST_FRAGMENTS}. Write fewer data or parity fragments.", at)
        elif code == _FRAGILE[0] and parity >= _FRAGILE[1]:
            said = f'Policy "{name}" of {cluster} has {parity} parity fragments, and {code} may lose data with as many:'
            yield error("A code that may lose data", f"{said} Swift refuses it. Write at most {_FRAGILE[1] - 1}.", at)


def _coded_at(context: CheckContext, cluster: str) -> Location:
    """Where the numbers of fragments of a cluster are written, or its name where it says none of them."""
    spec = context.tree.clusters[cluster]
    if (coded := spec.rings.coded) is not None:
        return context.parsed.at("Cluster", cluster, "rings", "policies", spec.rings.policies.index(coded))
    names = (f"swift_ec_num_{kind}_fragments" for kind in ("data", "parity"))
    if (said := next((name for name in names if name in spec.settings), None)) is not None:
        return context.parsed.at("Cluster", cluster, "settings", said)
    return context.parsed.at_name("Cluster", cluster)


def rings_can_begin(context: CheckContext) -> Iterator[Diagnostic]:
    """The first rings wait for no more stores than the roles ask for: else they would wait for ever, and all stores."""
    for cluster, spec in context.tree.clusters.items():
        counts = [pool.count for role, pool in spec.roles.items() if facts_of(role).object_store == "swift"]
        known = [count for count in counts if count is not None]
        wanted = spec.rings.begin_with
        if counts and len(known) == len(counts) and wanted is not None and wanted > sum(known):
            at = context.parsed.at("Cluster", cluster, "rings", "begin_with")
            said = f"rings.begin_with is {wanted}, and the roles ask for {sum(known)} nodes that may store"
            yield error("First rings that are never built", f"{said}. Write {sum(known)} or less.", at)


CHECKS: tuple[Check, ...] = (rings_and_settings_agree, policies_fit, fragments_can_be_made, rings_can_begin)
