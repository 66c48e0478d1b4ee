"""Names of things must exist; names of the users' own must not hide ours."""

from collections.abc import Iterable, Iterator

from ...model.diagnostics import Diagnostic
from ...model.roles import BUILT_IN_ROLES, facts_of
from ..schema_errors import suggestion
from .context import Check, CheckContext, error

Reference = tuple[str, str, frozenset[str], tuple[str, str, tuple[str | int, ...]]]
"""What kind of thing is meant, the name written, the names there are, and where: kind, name, path."""


def names_exist(context: CheckContext) -> Iterator[Diagnostic]:
    """Every name that a document mentions belongs to something. Not asked while a file is unread: it may be there."""
    if context.parsed.unread:
        return
    for thing, name, known, (kind, owner, path) in _references(context):
        if name not in known:
            detail = f'{kind} "{owner}" names the {thing} "{name}", which does not exist.{suggestion(name, known)}'
            last_is_key = bool(path) and path[-1] == name
            at = context.parsed.at_key if last_is_key else context.parsed.at
            yield error("Unknown name", detail, at(kind, owner, *path))


def _references(context: CheckContext) -> Iterator[Reference]:
    """Every place of a tree where a document names something, with the names that exist."""
    tree, roles = context.tree, context.roles
    locations, clusters = context.names("Location"), context.names("Cluster")
    for name, racking in tree.rackings.items():
        for switch, place in racking.switches.items():
            if place.location is not None:
                path = ("switches", switch, "location")
                yield "location", place.location, locations, ("Racking", name, path)
    for name, profile in tree.profiles.items():
        yield "role", profile.role, roles, ("HardwareProfile", name, ("role",))
    for name, repository in tree.repositories.items():
        yield from _each("role", repository.roles, roles, ("Repository", name, ("roles",)))
    yield from _of_clusters(context)
    yield from _of_machines(context)
    for name, overlay in tree.overlays.items():
        yield from _each("cluster", overlay.for_.clusters, clusters, ("EncOverlay", name, ("for", "clusters")))
        yield from _each("role", overlay.for_.roles, roles, ("EncOverlay", name, ("for", "roles")))
    if context.fleet_name is not None:
        for role in tree.fleet.policy.max_unavailable.keys() - {"default"}:
            yield "role", role, roles, ("Fleet", context.fleet_name, ("policy", "max_unavailable", role))


def _of_clusters(context: CheckContext) -> Iterator[Reference]:
    locations, clusters = context.names("Location"), context.names("Cluster")
    for name, cluster in context.tree.clusters.items():
        for net, network in cluster.networks.items():
            if network.location is not None:
                yield "location", network.location, locations, ("Cluster", name, ("networks", net, "location"))
            yield "network role", network.role, context.network_roles, ("Cluster", name, ("networks", net, "role"))
        for role, pool in cluster.roles.items():
            yield "role", role, context.roles, ("Cluster", name, ("roles", role))
            yield from _each("location", pool.locations, locations, ("Cluster", name, ("roles", role, "locations")))
        if cluster.links.swift is not None:
            yield "cluster", cluster.links.swift, clusters, ("Cluster", name, ("links", "swift"))


def _of_machines(context: CheckContext) -> Iterator[Reference]:
    locations, clusters = context.names("Location"), context.names("Cluster")
    profiles = context.names("HardwareProfile")
    for serial, machine in context.tree.machines.items():
        if machine.cluster is not None:
            yield "cluster", machine.cluster, clusters, ("Machine", serial, ("cluster",))
        if machine.role is not None:
            yield "role", machine.role, context.roles, ("Machine", serial, ("role",))
        if machine.location is not None:
            yield "location", machine.location, locations, ("Machine", serial, ("location",))
        if machine.profile is not None:
            yield "hardware profile", machine.profile, profiles, ("Machine", serial, ("profile",))


def _each(
    thing: str, names: Iterable[str], known: frozenset[str], where: tuple[str, str, tuple[str | int, ...]]
) -> Iterator[Reference]:
    kind, owner, path = where
    for index, name in enumerate(names):
        yield thing, name, known, (kind, owner, (*path, index))


def own_roles_have_names_of_their_own(context: CheckContext) -> Iterator[Diagnostic]:
    """A Role document adds a role; it does not change one that is built in."""
    for name in context.tree.roles.keys() & set(BUILT_IN_ROLES):
        detail = f'"{name}" is a built-in role. Choose another name; to change its classes, write an EncOverlay.'
        yield error("Name of a built-in role", detail, context.parsed.at_name("Role", name))
    for name in context.tree.roles.keys() & context.network_roles - context.roles:
        detail = f'"{name}" is what a network may be for, so that a network for this role could not be told apart.'
        yield error("Name of a network role", detail, context.parsed.at_name("Role", name))


def links_lead_elsewhere(context: CheckContext) -> Iterator[Diagnostic]:
    """A cluster that links to a Swift names another cluster, and one that has a Swift."""
    for name, cluster in context.tree.clusters.items():
        if (linked := cluster.links.swift) is None:
            continue
        at = context.parsed.at("Cluster", name, "links", "swift")
        if linked == name:
            detail = f'Cluster "{name}" links to its own Swift. Remove the link: its own Swift is used anyway.'
            yield error("Link to itself", detail, at)
        elif linked in context.tree.clusters and not any(
            facts_of(role).has_proxy_certificate for role in context.tree.clusters[linked].roles
        ):
            detail = f'Cluster "{name}" uses the Swift of "{linked}", which asks for no swiftproxy machines.'
            yield error("Link to a cluster without Swift", detail, at)


CHECKS: tuple[Check, ...] = (names_exist, own_roles_have_names_of_their_own, links_lead_elsewhere)
