"""OCI's database and files together: the spec tree, and what goes into our database beside it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..model.actions import Enroll, EnrolledVip
from ..model.kinds import HardwareProfileSpec, RackingSpec
from ..model.machine import SecretRef
from ..model.settings import SettingsTable
from ..model.signature import Signatures
from . import secrets
from .certificates import Keys, certificates
from .clusters import OciVip, bmc_networks, cluster, locations, vips
from .conf import takes_machines_unasked
from .database import Row, Tables
from .files import FromDatabase, OciFiles, add_roles, tree_from_files
from .levels import Levels, spread_settings
from .machine_documents import exceptions, number_of
from .machines import OciCluster, OciMachine, read_machines
from .made_profiles import Profiles, assign_profiles
from .overlays.ceph_first_stage import IN_STAGE, ceph_is_set_up_alone, no_libvirt_yet, taken_for_osds
from .overlays.cluster import cluster_pins
from .overlays.hosts import with_apis_of_all
from .overlays.node import corrections
from .overlays.zones import zone_pins
from .racking import stand_where_oci_says
from .versions import accepted, completed, switches_gone, version_of
from .vips import vip_pins
from .yaml_documents import SpecDocument, Tree


@dataclass(slots=True)
class Imported:
    """Everything that an import found."""

    tree: Tree
    machines: list[OciMachine]
    enrolled: list[Enroll] = field(default_factory=list)
    first_stage: set[str] = field(default_factory=set)  # serials of nodes that have nothing but Ceph yet
    secrets: dict[SecretRef, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OurTables:
    """Our side of the translation: what there is to be written down in OCI's place."""

    settings: SettingsTable
    forms: secrets.Forms  # of the secrets that documents name
    signatures: Mapping[str, Signatures]  # of Puppet's classes, by version of puppet-module-oci
    own_classes: frozenset[str] = frozenset()  # names of the Puppet classes that OCI gives itself


@dataclass(frozen=True, slots=True)
class _Common:
    """What all clusters of an import have in common."""

    tables: Tables
    levels: Levels
    profiles: Profiles
    rackings: Mapping[str, RackingSpec]
    signatures: Signatures
    unbounded: bool  # OCI takes machines into clusters without anybody saying so


def import_everything(
    given: OciFiles, tables: Tables, ours: OurTables, *, hostname: str | None, keys: Keys | None = None
) -> Imported:
    """Everything, worked out and not yet kept anywhere.

    Args:
        given: OCI's files.
        tables: OCI's database.
        ours: Our tables.
        hostname: Of OCI's server, which nodes use as their Puppet server.
        keys: What OCI keeps of keys outside of its database.

    Raises:
        ValueError: A file holds something else than OCI itself would read.
    """
    tables, version = completed(tables), version_of(tables)
    machines, leftover = read_machines(tables)
    profiles = assign_profiles(machines, _profiles_of(given, ours.settings))
    of = {serial: profiles.specs[name] for serial, name in profiles.of.items()}
    levels = spread_settings(tables["clusters"], machines, of, ours.settings)
    extras = replace(given.extras, hosts=with_apis_of_all(given.extras.hosts, tables))
    tree = tree_from_files(
        replace(given, extras=extras),
        ours.settings,
        hostname=hostname,
        own_classes=ours.own_classes,
        database=FromDatabase(
            settings=levels.marked(levels.fleet),
            locations=locations(tables),
            bmc_networks=bmc_networks(tables),
            module_version=version,
            clusters=[str(row["name"]) for row in tables["clusters"]],
        ),
    )
    for document in profiles.made:
        tree.add(f"profiles/{document.name}.yaml", document)
    moved = stand_where_oci_says(tree, machines)
    rackings = {name: RackingSpec.model_validate(spec) for name, spec in tree.documents("Racking").items()}
    tree.leftover += [*leftover, *profiles.leftover, *levels.leftover, *moved]
    found = Imported(tree, machines)
    for row in tables["clusters"]:
        assert version is not None  # that of the clusters
        unbounded = takes_machines_unasked(given.conf)
        common = _Common(tables, levels, profiles, rackings, ours.signatures[version], unbounded)
        _add_cluster(found, row, common)
    add_roles(tree, (machine.role for machine in machines if machine.role))
    _add_secrets(found, tables, ours.forms, keys or Keys())
    tree.leftover += _for_people(tables)
    return found


def _add_cluster(found: Imported, row: Row, common: _Common) -> None:
    """One cluster's documents, and what its machines have."""
    tree, name = found.tree, row["name"]
    members = [machine for machine in found.machines if machine.cluster == name and machine.role]
    alone = ceph_is_set_up_alone(row, members)
    of_oci = OciCluster(row, common.tables, members, alone)
    document, left = cluster(of_oci, common.levels, unbounded=common.unbounded)
    taken = taken_for_osds(members) if alone else []
    overlays, left_of_zones = _overlays(of_oci, common.profiles, taken)
    tree.leftover += [*left, *left_of_zones]
    tree.add(f"clusters/{name}.yaml", document)
    tree.add(f"machines/{name}.yaml", *exceptions(of_oci, document, common.levels, common.rackings, taken))
    tree.add(f"overlays/{name}.yaml", *accepted(overlays, common.signatures))
    found.enrolled += _enrolled(members, document, common.profiles, vips(row, common.tables))
    found.first_stage |= {m.serial for m in members if alone and m.role in IN_STAGE}


def _overlays(
    of_oci: OciCluster, profiles: Profiles, taken: Sequence[OciMachine]
) -> tuple[list[SpecDocument], list[str]]:
    """What OCI gives to one cluster's nodes and we would not; and what of that cannot be pinned, as sentences."""
    row, tables, members = of_oci.row, of_oci.tables, of_oci.machines
    roles = [str(machine.role) for machine in members]
    settled = set(roles) - (set(IN_STAGE) if of_oci.ceph_alone else set())
    of_zones, left = zone_pins(row, tables, members)
    overlays = [
        *cluster_pins(row, tables, members, settled),
        *vip_pins(row, tables, settled),
        *of_zones,
        *no_libvirt_yet(row["name"], taken),
        *corrections(row, members, tables, profiles, ceph_alone=of_oci.ceph_alone),
        *switches_gone(row, roles),
    ]
    return overlays, left


def _add_secrets(found: Imported, tables: Tables, forms: secrets.Forms, keys: Keys) -> None:
    for some, left in (secrets.passwords(tables, forms), secrets.key_pairs(tables, found.machines)):
        found.secrets |= some
        found.tree.leftover += left
    found.secrets |= secrets.bmc_passwords(found.machines)
    signed = certificates(keys, tables["clusters"], found.machines)
    found.secrets |= signed.secrets
    found.tree.leftover += signed.leftover


def _profiles_of(given: OciFiles, table: SettingsTable) -> dict[str, HardwareProfileSpec]:
    found = tree_from_files(given, table).documents("HardwareProfile")
    return {name: HardwareProfileSpec.model_validate(spec) for name, spec in found.items()}


def _enrolled(
    machines: Iterable[OciMachine], document: SpecDocument, profiles: Profiles, virtual: list[OciVip]
) -> list[Enroll]:
    """What every machine has, as the action that would have given it; the first brings the cluster's VIPs along."""
    found = [
        Enroll(
            serial=machine.serial,
            generation=1,
            cluster=document.name,
            role=str(machine.role),
            profile=profiles.of.get(machine.serial, ""),
            location=machine.location,
            hostname=machine.hostname,
            number=number_of(machine, document),
            addresses=machine.addresses,
            vips=tuple(EnrolledVip(*vip) for vip in virtual) if index == 0 else (),
        )
        for index, machine in enumerate(machines)
    ]
    return found


def _for_people(tables: Tables) -> list[str]:
    """What of the database has no place here."""
    found = []
    if users := tables.get("users", ()):
        found.append(f"{len(users)} users of OCI's web page and API: give them tokens in the daemon's configuration")
    if limits := tables.get("swiftrestrictions", ()):
        found.append(f"{len(limits)} Swift restrictions by project and address (table swiftrestrictions)")
    return found
