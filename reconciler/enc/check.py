"""Checks of a spec tree's Puppet side that need no machine."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from difflib import get_close_matches
from itertools import combinations

from ..model.debian import module_version
from ..model.diagnostics import Diagnostic, Location, Severity
from ..model.kinds import EncOverlaySpec, RingPolicy, Selector
from ..model.roles import facts_of
from ..model.signature import Signatures
from ..model.tree import SpecTree
from ..model.zones import swift_region_id, swift_zone_id, unstable_zones
from .overlays import rank


def check(tree: SpecTree, known: Mapping[str, Signatures]) -> tuple[Diagnostic, ...]:
    """Every problem that ``specs.checks`` cannot see. ``known``: class signatures by version of the Puppet module."""
    version = module_version(tree.fleet, known)
    if version not in known:
        return ()  # ``specs.checks`` says so
    signatures = known[version]
    checks: tuple[Callable[[], Iterable[Diagnostic]], ...] = (
        lambda: _parameters(tree, signatures),
        lambda: _conflicts(tree),
        lambda: _zones(tree),
        lambda: _policies(tree, signatures),
    )
    return tuple(problem for one in checks for problem in one())


def _parameters(tree: SpecTree, signatures: Signatures) -> Iterator[Diagnostic]:
    """Parameters that a class of the module does not take. A class that is not the module's is the user's own."""
    documents = [("EncOverlay", name, o.classes) for name, o in tree.overlays.items()]
    documents += [("Role", name, r.classes) for name, r in tree.roles.items()]
    for kind, name, classes in documents:
        for puppet_class, parameters in classes.items():
            if signatures.lacks(puppet_class):
                at = tree.place(kind, name, "classes", puppet_class)
                close = _did_you_mean(puppet_class, signatures.classes)
                detail = f"puppet-module-oci {signatures.version} has no class {puppet_class}.{close}"
                yield Diagnostic(Severity.ERROR, "Unknown class of the Puppet module", detail, at)
                continue
            for parameter in (one for one in parameters if not signatures.accepts(puppet_class, one)):
                at = tree.place(kind, name, "classes", puppet_class, parameter)
                close = _did_you_mean(parameter, signatures.classes[puppet_class])
                detail = f'{puppet_class} of {signatures.version} takes no "{parameter}".{close}'
                yield Diagnostic(Severity.ERROR, "Unknown parameter of a Puppet class", detail, at)


def _policies(tree: SpecTree, signatures: Signatures) -> Iterator[Diagnostic]:
    """Storage policies that the Puppet module does not write into Swift's configuration: rings alone serve nobody."""
    for cluster, spec in tree.clusters.items():
        for number, policy in enumerate(spec.rings.policies):
            if why := _not_carried(policy, signatures, policy is spec.rings.coded):
                at = tree.place("Cluster", cluster, "rings", "policies", number)
                detail = f'puppet-module-oci {signatures.version} {why}: "{policy.name}" would have rings, and no user.'
                yield Diagnostic(Severity.ERROR, "Policy that the Puppet module does not know", detail, at)


def _not_carried(policy: RingPolicy, signatures: Signatures, first_coded: bool) -> str | None:
    """Why the module's classes cannot make this policy; None: they can."""
    if policy.index == 0:
        usual = (policy.name, policy.type, policy.default) == ("Policy-0", "replication", True)
        return None if usual else 'has Policy-0 with whole copies as index 0, and as the default ("default: true")'
    if policy.type == "replication":
        return "knows no policy with whole copies beside Policy-0"
    if not signatures.accepts("oci::swiftstore", "swift_ec_enable"):
        return "knows no policy with erasure coding"
    if not first_coded:
        return "knows one policy with erasure coding"
    return "makes no erasure coding policy the default" if policy.default else None


def _did_you_mean(word: str, among: Iterable[str]) -> str:
    close = get_close_matches(word, list(among), n=1)
    return f' Did you mean "{close[0]}"?' if close else ""


def _conflicts(tree: SpecTree) -> Iterator[Diagnostic]:
    """Two overlays of one scope that set the same value differently for some node: neither can win."""
    by_rank: dict[int, list[tuple[str, EncOverlaySpec]]] = {}
    for name, overlay in sorted(tree.overlays.items()):
        by_rank.setdefault(rank(overlay.for_), []).append((name, overlay))
    for overlays in by_rank.values():
        for (first, one), (second, other) in combinations(overlays, 2):
            clashes = _clashes(one.classes, other.classes) if _may_meet(one.for_, other.for_) else ()
            yield from (_conflict(tree, first, second, path) for path in sorted(clashes))


def _may_meet(one: Selector, other: Selector) -> bool:
    pairs = ((one.clusters, other.clusters), (one.roles, other.roles), (one.nodes, other.nodes))
    return all(not a or not b or set(a) & set(b) for a, b in pairs)


def _clashes(one: object, other: object, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Paths at which two values cannot be merged: they differ, and one of them is no mapping."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for key in one.keys() & other.keys():
            yield from _clashes(one[key], other[key], (*path, str(key)))
    elif one != other:
        yield path


def _conflict(tree: SpecTree, first: str, second: str, path: tuple[str, ...]) -> Diagnostic:
    ours, theirs = (tree.place("EncOverlay", name, "classes", *path) for name in (second, first))
    what = f"{path[0]} {'.'.join(path[1:])}"
    return Diagnostic(
        Severity.ERROR,
        "Overlays of one scope disagree",
        f'"{first}" ({_at(theirs)}) and "{second}" ({_at(ours)}) are equally narrow, and set {what} differently '
        "for the same nodes. Remove it from one, or make one narrower.",
        ours,
    )


def _at(place: Location | None) -> str:
    return f"{place.file}:{place.line}" if place else "place unknown"


def _zones(tree: SpecTree) -> Iterator[Diagnostic]:
    """Swift's zone numbers: stable, and different within a region."""
    roles = {role for cluster in tree.clusters.values() for role in cluster.roles}
    if not any(facts_of(role).object_store == "swift" for role in roles):
        return
    for name in unstable_zones(tree.locations):
        detail = f'"{name}" does not end with a number, so its Swift zone would change with other locations\' names.'
        at = tree.place("Location", name)
        yield Diagnostic(Severity.WARNING, "Location without a zone number", f"{detail} Write swift_zone.", at)
    taken: dict[tuple[int, int], str] = {}
    for name in sorted(tree.locations):
        number = (swift_region_id(tree.locations, name), swift_zone_id(tree.locations, name))
        other = taken.setdefault(number, name)
        if other != name:
            detail = f'"{name}" and "{other}" are both zone {number[1]} of Swift region {number[0]}. Write swift_zone.'
            at = tree.place("Location", name)
            yield Diagnostic(Severity.ERROR, "Two locations are one Swift zone", detail, at)
