"""OCI's database and files together: the spec tree, and what goes into our database beside it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..hardware.racking import rack
from ..model.actions import Enroll
from ..model.hardware import Racked
from ..model.machine import SecretRef
from ..model.settings import SettingsTable
from ..model.spec import HardwareProfileSpec, RackingSpec
from . import secrets
from .certificates import Keys, certificates
from .clusters import bmc_networks, cluster, locations, vips
from .conf import takes_machines_unasked
from .corrections import corrections
from .database import Tables
from .files import Given, Tree, add_roles, tree_from_files
from .inferred import Profiles, assign_profiles
from .levels import Levels, spread_settings
from .machines import OciMachine, read_machines
from .racking import stand_where_oci_says
from .text import Document
from .versions import NEWEST, completed, switches_gone, version_of


@dataclass(slots=True)
class Imported:
    """Everything that an import found."""

    tree: Tree
    machines: list[OciMachine]
    enrolled: list[Enroll]
    secrets: dict[SecretRef, Any] = field(default_factory=dict)


def import_everything(
    given: Given,
    tables: Tables,
    table: SettingsTable,
    *,
    hostname: str | None,
    forms: secrets.Forms,
    keys: Keys | None = None,
) -> Imported:
    """Everything, worked out and not yet kept anywhere.

    Args:
        given: OCI's files.
        tables: OCI's database.
        table: The settings table.
        hostname: Of OCI's server, which nodes use as their Puppet server.
        forms: Of the secrets that documents name.
        keys: What OCI keeps of keys outside of its database.

    Raises:
        ValueError: A file holds something else than OCI itself would read.
    """
    tables, version = completed(tables), version_of(tables)
    machines, leftover = read_machines(tables)
    profiles = assign_profiles(machines, _profiles_of(given, table))
    of = {serial: profiles.specs[name] for serial, name in profiles.of.items()}
    levels = spread_settings(tables["clusters"], machines, of, table)
    tree = tree_from_files(
        given,
        table,
        settings=levels.fleet,
        hostname=hostname,
        locations=locations(tables),
        bmc_networks=bmc_networks(tables),
        module_version=version if version != NEWEST else None,
    )
    for document in profiles.made:
        tree.add(f"profiles/{document.name}.yaml", document)
    moved = stand_where_oci_says(tree, machines)
    rackings = {name: RackingSpec.model_validate(spec) for name, spec in tree.documents("Racking").items()}
    tree.leftover += [*leftover, *profiles.leftover, *levels.leftover, *moved]
    enrolled: list[Enroll] = []
    for row in tables["clusters"]:
        members = [machine for machine in machines if machine.cluster == row["name"] and machine.role]
        unbounded = takes_machines_unasked(given.conf)
        document, left = cluster(row, tables, members, levels, unbounded=unbounded)
        tree.add(f"clusters/{row['name']}.yaml", document)
        tree.leftover += left
        tree.add(f"machines/{row['name']}.yaml", *_exceptions(members, document, levels, rackings))
        tree.add(f"overlays/{row['name']}.yaml", *corrections(row, members, tables["networks"], profiles))
        tree.add(f"overlays/{row['name']}.yaml", *switches_gone(row, [str(machine.role) for machine in members]))
        enrolled += _enrolled(members, document, profiles, vips(row, tables))
    add_roles(tree, (machine.role for machine in machines if machine.role))
    found = Imported(tree, machines, enrolled)
    for some, left in (secrets.passwords(tables, forms), secrets.key_pairs(tables, machines)):
        found.secrets |= some
        tree.leftover += left
    found.secrets |= secrets.bmc_passwords(machines)
    signed = certificates(keys or Keys(), tables["clusters"], machines)
    found.secrets |= signed.secrets
    tree.leftover += signed.leftover
    tree.leftover += _for_people(tables, machines)
    return found


def _profiles_of(given: Given, table: SettingsTable) -> dict[str, HardwareProfileSpec]:
    found = tree_from_files(given, table).documents("HardwareProfile")
    return {name: HardwareProfileSpec.model_validate(spec) for name, spec in found.items()}


def _exceptions(
    machines: Iterable[OciMachine], document: Document, levels: Levels, rackings: Mapping[str, RackingSpec]
) -> list[Document]:
    """A Machine document for each machine that differs from what the rules would make of it."""
    found = []
    for machine in machines:
        stands = rack(machine.hardware, rackings) if machine.hardware else None
        settings = levels.machines.get(machine.serial, {})
        spec: dict[str, Any] = {}
        if machine.location and not (isinstance(stands, Racked) and stands.location == machine.location):
            spec["location"] = machine.location
        if _number(machine, document) == 0:
            spec["hostname"] = machine.hostname
        if settings:
            spec["settings"] = {k: list(v) if isinstance(v, tuple) else v for k, v in settings.items()}
        if spec:
            note = " ".join(str(machine.row.get("notes") or "").split())
            found.append(Document("Machine", machine.serial, spec, machine.hostname + (f": {note}" if note else "")))
    return found


def _enrolled(
    machines: Iterable[OciMachine], document: Document, profiles: Profiles, virtual: list[tuple[str, str, str]]
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
            number=_number(machine, document),
            addresses=machine.addresses,
            vips=tuple(virtual) if index == 0 else (),
        )
        for index, machine in enumerate(machines)
    ]
    return found


def _number(machine: OciMachine, document: Document) -> int:
    """The n of ``<cluster>-<role>-<n>``; 0 for any other name."""
    start, end = f"{document.name}-{machine.role}-", f".{document.spec['domain']}"
    middle = machine.hostname.removeprefix(start).removesuffix(end)
    return int(middle) if machine.hostname == f"{start}{middle}{end}" and middle.isdigit() else 0


def _for_people(tables: Tables, machines: Iterable[OciMachine]) -> list[str]:
    """What of the database has no place here."""
    found = []
    if users := tables.get("users", ()):
        found.append(f"{len(users)} users of OCI's web page and API: give them tokens in the daemon's configuration")
    if limits := tables.get("swiftrestrictions", ()):
        found.append(f"{len(limits)} Swift restrictions by project and address (table swiftrestrictions)")
    for row in tables["clusters"]:
        if (kept := row.get("first_master_machine_id")) is not None:
            controllers = [m for m in machines if m.cluster == row["name"] and m.role == "controller"]
            first = min(controllers, key=lambda m: (len(m.hostname), m.hostname), default=None)
            if first is not None and first.row["id"] != kept:
                found.append(f"the first controller of {row['name']} is {first.hostname} here, and another one in OCI")
    return found
