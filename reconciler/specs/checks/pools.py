"""Pools of clusters: that they can be filled, and that profiles are asked for."""

from collections import Counter
from collections.abc import Iterator
from itertools import combinations

from ...model.diagnostics import Diagnostic
from ...model.kinds import Lifecycle, RolePool
from ...model.roles import facts_of
from ..schema_errors import listed
from .context import Check, CheckContext, error, warning


def counts_hold_the_machines_pinned(context: CheckContext) -> Iterator[Diagnostic]:
    """A pool is at least as large as the number of machines that are told to be in it."""
    pinned = Counter(
        (machine.cluster, machine.role)
        for machine in context.tree.machines.values()
        if machine.cluster and machine.role and machine.lifecycle is not Lifecycle.DECOMMISSIONED
    )
    for name, cluster in context.tree.clusters.items():
        for role, pool in cluster.roles.items():
            wanted = pinned[name, role]
            if pool.count is not None and pool.count < wanted:
                detail = (
                    f'Cluster "{name}" asks for {pool.count} {role} machines, and {wanted} Machine documents put '
                    f'themselves there. Raise the count, or set "lifecycle: decommissioned" on those that leave.'
                )
                at = context.parsed.at("Cluster", name, "roles", role, "count")
                yield error("Count below the machines pinned", detail, at)


def spread_has_something_to_spread_over(context: CheckContext) -> Iterator[Diagnostic]:
    """A pool spread over locations has at least two of them to go to. With one, all are there, and a word is due."""
    for name, cluster in context.tree.clusters.items():
        own = {network.location for network in cluster.networks.values() if network.location}
        for role, pool in cluster.roles.items():
            if pool.spread is None:
                continue
            problem = _one_location(context, pool, own) if pool.spread == "location" else _no_racks(context)
            if problem is not None:
                at = context.parsed.at("Cluster", name, "roles", role, "spread")
                yield warning("Nothing to spread over", f'"{role}" of "{name}" is spread over {problem}.', at)


def _one_location(context: CheckContext, pool: RolePool, own: set[str]) -> str | None:
    """Why a pool has no two locations, as the end of a sentence; ``own``: those of its cluster's networks."""
    locations = set(pool.locations) or own or context.names("Location")
    if len(locations) > 1:
        return None
    known = f"only {listed(sorted(locations), 'and')}" if locations else "no location"
    return f'locations, and there is {known}. Remove "spread"'


def _no_racks(context: CheckContext) -> str | None:
    if not context.parsed.complete or any(racking.switches for racking in context.tree.rackings.values()):
        return None
    return "racks, and no Racking says which switch is in which rack"


def domains_and_endpoints_are_distinct(context: CheckContext) -> Iterator[Diagnostic]:
    """No two clusters answer to the same API hostname."""
    first: dict[str, str] = {}
    for name, cluster in context.tree.clusters.items():
        hostname = cluster.api.hostname or f"{name}-api.{cluster.domain}"
        other = first.setdefault(hostname, name)
        if other != name:
            detail = f'The APIs of "{other}" and "{name}" are both called {hostname}. Give one another "api.hostname".'
            yield error("Same API hostname", detail, context.parsed.at("Cluster", name, "api", "hostname"))


def pools_can_be_filled(context: CheckContext) -> Iterator[Diagnostic]:
    """Every role asked for is offered by a profile, or every one of its machines is pinned."""
    offered = {profile.role for profile in context.tree.profiles.values()}
    offered |= {machine.role for machine in context.tree.machines.values() if machine.role}
    if not context.parsed.complete:
        return
    for name, cluster in context.tree.clusters.items():
        for role, pool in cluster.roles.items():
            if role in context.roles - offered and pool.count != 0:
                detail = f'Cluster "{name}" asks for {role} machines, and no HardwareProfile has that role.'
                yield warning(
                    "Role that no profile offers", detail, context.parsed.at_key("Cluster", name, "roles", role)
                )


def profiles_are_asked_for(context: CheckContext) -> Iterator[Diagnostic]:
    """Machines that take a profile have a cluster to go to."""
    if not context.parsed.complete or not context.tree.clusters:
        return
    asked = {role for cluster in context.tree.clusters.values() for role in cluster.roles}
    for name, profile in context.tree.profiles.items():
        if profile.role in context.roles - asked:
            detail = f'No cluster asks for {profile.role} machines, so those that match "{name}" stay unused.'
            yield warning(
                "Profile that no cluster asks for", detail, context.parsed.at("HardwareProfile", name, "role")
            )


def unbounded_pools_do_not_compete(context: CheckContext) -> Iterator[Diagnostic]:
    """Two clusters that both take every machine of a role, in the same locations, leave the choice to chance."""
    takers = [
        (
            name,
            role,
            frozenset(pool.locations) or frozenset(n.location for n in cluster.networks.values() if n.location),
        )
        for name, cluster in context.tree.clusters.items()
        for role, pool in cluster.roles.items()
        if pool.count is None
    ]
    for (first, role, here), (second, other, there) in combinations(takers, 2):
        if role == other and (here & there or not here or not there):
            detail = f'"{first}" and "{second}" both take every {role} machine. Give one a count, or other locations.'
            at = context.parsed.at_key("Cluster", second, "roles", role)
            yield warning("Clusters compete for machines", detail, at)


def there_is_one_object_store(context: CheckContext) -> Iterator[Diagnostic]:
    """Swift and Ceph's gateway both register as Keystone's only object store, and Puppet refuses to do it twice."""
    for name, cluster in context.tree.clusters.items():
        wanted = [role for role, pool in cluster.roles.items() if pool.count != 0]
        swift, ceph = (
            next((role for role in wanted if facts_of(role).object_store == store), None) for store in ("swift", "ceph")
        )
        if swift and ceph:
            detail = (
                f'"{name}" asks for {ceph} and {swift} machines. Keystone can have one object store: the first '
                f"controller's Puppet run will fail. Put one of the two into another cluster."
            )
            yield warning("Two object stores", detail, context.parsed.at_key("Cluster", name, "roles", ceph))


CHECKS: tuple[Check, ...] = (
    counts_hold_the_machines_pinned,
    spread_has_something_to_spread_over,
    domains_and_endpoints_are_distinct,
    pools_can_be_filled,
    profiles_are_asked_for,
    unbounded_pools_do_not_compete,
    there_is_one_object_store,
)
