"""OCI's configuration files as the files of a spec tree."""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..model.roles import BUILT_IN_ROLES
from ..model.settings import SettingsTable
from .conf import Conf, fleet, parse_conf
from .operator_files import Extras, overlays, telemetry
from .profiles import profiles
from .racking import locations_named, racking
from .repositories import FAMILIES, repository
from .yaml_documents import SpecDocument, Tree


@dataclass(frozen=True, slots=True)
class OciFiles:
    """What an OCI server has in ``/etc/openstack-cluster-installer``, as far as it was given."""

    conf: Conf = field(default_factory=dict)
    profiles: Mapping[str, Any] = field(default_factory=dict)
    racking: Mapping[str, Any] = field(default_factory=dict)
    repositories: Mapping[tuple[str, str], Mapping[str, str]] = field(default_factory=dict)  # by family and name
    extras: Extras = field(default_factory=Extras)


def given_from_texts(
    conf: str | None = None,
    profiles: str | None = None,
    racking: str | None = None,
    repositories: Mapping[tuple[str, str], Mapping[str, str]] | None = None,
    extras: Extras | None = None,
) -> OciFiles:
    """Read the files' texts.

    Raises:
        ValueError: One is not what it should be; the message says which.
    """
    try:
        read = parse_conf(conf or "")
    except ValueError as error:
        raise ValueError(f"openstack-cluster-installer.conf: {error}") from None
    return OciFiles(
        read,
        _json(profiles, "hardware-profiles.json"),
        _json(racking, "auto-racking.json"),
        repositories or {},
        extras or Extras(),
    )


@dataclass(frozen=True, slots=True)
class FromDatabase:
    """What OCI's database adds to the documents that its files give."""

    settings: Mapping[str, Any] = field(default_factory=dict)  # what every cluster agrees on; goes into the Fleet
    locations: Sequence[SpecDocument] | None = None  # None: what switches name must do
    bmc_networks: Sequence[Mapping[str, Any]] = ()
    module_version: str | None = None  # of puppet-module-oci; None: it is not known
    clusters: Collection[str] = ()  # their names


_FILES_ALONE = FromDatabase()


def tree_from_files(
    given: OciFiles,
    table: SettingsTable,
    *,
    hostname: str | None = None,
    own_classes: frozenset[str] = frozenset(),
    database: FromDatabase = _FILES_ALONE,
) -> Tree:
    """The documents that the files give.

    Args:
        given: The files.
        table: The settings table.
        hostname: Of OCI's server.
        own_classes: Names of the Puppet classes that OCI gives itself.
        database: What OCI's database adds, where it was read.

    Raises:
        ValueError: A file holds something else than OCI itself would read.
    """
    tree, locations = Tree(), database.locations
    document, leftover = fleet(given.conf, database.settings, hostname, database.bmc_networks, database.module_version)
    files, unread = telemetry(given.extras)
    more = {"telemetry": files, "hosts": given.extras.hosts}
    spec = {**document.spec, **{key: value for key, value in more.items() if value}}
    tree.add("fleet.yaml", replace(document, spec=spec))
    tree.leftover += [*leftover, *unread]
    if locations is None:
        tree.add("locations.yaml", *(SpecDocument("Location", name) for name in sorted(locations_named(given.racking))))
    else:
        tree.add("locations.yaml", *locations)
    if given.racking:
        known = None if locations is None else {location.name for location in locations}
        document, unknown = racking(given.racking, known)
        tree.add("racking.yaml", document)
        if unknown:
            names = ", ".join(sorted(unknown))
            tree.leftover.append(f"auto-racking.json puts switches into locations without machines: {names}")
    made, leftover = profiles(given.profiles, table)
    tree.leftover += leftover
    for one in made:
        tree.add(f"profiles/{one.name}.yaml", one)
    add_roles(tree, (one.spec["role"] for one in made))
    _add_repositories(tree, given)
    own, leftover = overlays(given.extras, own_classes, database.clusters)
    tree.leftover += leftover
    add_roles(tree, (role for one in own for role in one.spec.get("for", {}).get("roles", ())))
    tree.add("overlays/hiera.yaml", *own)
    return tree


def add_roles(tree: Tree, roles: Iterable[str]) -> None:
    """Documents for roles that exist nowhere else."""
    known = {*BUILT_IN_ROLES, *tree.documents("Role")}
    comment = "A role of your own in OCI: its nodes get what every node gets, and the classes that you write here."
    tree.add("roles.yaml", *(SpecDocument("Role", role, {}, comment) for role in sorted(set(roles) - known)))


def _add_repositories(tree: Tree, given: OciFiles) -> None:
    names = Counter(name for _, name in given.repositories)
    taken = {name for name, number in names.items() if number > 1}
    tokens = given.conf.get("repo_tokens", {})
    for (family, name), files in sorted(given.repositories.items()):
        if family in FAMILIES:
            tree.add(f"repositories/{family}.yaml", repository(family, name, files, tokens, taken))
        else:
            tree.leftover.append(f'repository {family}/{name}: there is no family "{family}"')


def _json(text: str | None, name: str) -> dict[str, Any]:
    try:
        found = json.loads(text) if text else {}
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    if not isinstance(found, dict):
        raise ValueError(f"{name}: this is not an object")
    return found
