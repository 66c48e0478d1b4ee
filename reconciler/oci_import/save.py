"""Writes the findings of an import into our database: repeatable, and nothing that is there is lost."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from ..hardware.report import digest
from ..model.actions import Enroll
from ..model.errors import PermanentError
from ..model.events import Restored
from ..model.history import History, Phase, Service
from ..model.machine import Pause, SecretRef
from ..model.observations import Heard
from ..store import Snapshot, Store
from .assemble import Imported
from .machines import OciMachine

WHY = "imported from OCI"
PAUSE = f"{WHY}, which still installs and configures these machines: resume when this server takes over"

TextOf = Callable[[SecretRef, Mapping[str, str] | str], str]


@dataclass(slots=True)
class Kept:
    """What changed in our database, and what could not be."""

    machines: int = 0
    hostnames: int = 0
    secrets: int = 0
    refused: list[str] = field(default_factory=list)
    paused: bool = False  # by this import


def save_import(
    store: Store,
    found: Imported,
    *,
    text_of: TextOf,
    who: str,
    at: datetime,
) -> Kept:
    """Save machines, names, addresses, VIPs, phases and secrets. The same import twice changes nothing.

    At the first import the fleet is paused: OCI is still in charge. As long as it is, a later import follows what
    changed in OCI; once somebody resumed, machines that we know stay as they are.

    Args:
        store: Our database, with its key.
        found: What the import found.
        text_of: The text under which a secret is kept, made of what OCI has; refuses what cannot be one.
        who: The person who imports.
        at: Now.
    """
    before = store.snapshot()
    kept = Kept()
    if not before.allocations and not before.pauses and found.enrolled:
        store.pause(Pause("fleet", who, PAUSE, at, oci_in_charge=True))
        kept.paused = True
    in_charge = kept.paused or any(pause.oci_in_charge for pause in before.pauses)
    _machines(store, found, before, kept, at)
    _places(store, found, before, kept, at, oci_is_in_charge=in_charge)
    _secrets(store, found, kept, text_of, who=who, at=at, oci_is_in_charge=in_charge)
    return kept


def _machines(store: Store, found: Imported, before: Snapshot, kept: Kept, at: datetime) -> None:
    words = []
    for machine in found.machines:
        if machine.hardware is None:
            continue
        heard_at = machine.heard_at or at
        seen = before.seen.get(machine.serial)
        if seen is not None and seen.reported_at >= min(heard_at, at):
            continue
        words.append(
            Heard(
                machine.serial,
                min(heard_at, at),
                machine.address,
                machine.status,
                machine.hardware,
                digest(machine.hardware),
            )
        )
    store.record(words)
    kept.machines = len(words)


def _places(
    store: Store, found: Imported, before: Snapshot, kept: Kept, at: datetime, *, oci_is_in_charge: bool
) -> None:
    machines = {machine.serial: machine for machine in found.machines}
    for action in found.enrolled:
        held = before.allocations.get(action.serial)
        wanted = action
        if held is not None and not _same(action, held):
            if not oci_is_in_charge:
                kept.refused.append(
                    f"{action.serial} is {held.hostname} here, and {action.hostname} in OCI: left as it is"
                )
                continue
            wanted = _again(action, held.generation + 1)
        elif held is not None:
            wanted = _again(action, held.generation)
        try:
            store.allocate(wanted, at)
        except PermanentError as error:
            kept.refused.append(str(error))
            continue
        kept.hostnames += held is None or wanted.generation != held.generation
        if action.serial not in before.histories:
            store.append(Restored(action.serial, at, _history(machines[action.serial], found, at), WHY))


def _same(action: Enroll, held: Any) -> bool:
    names = ("cluster", "role", "profile", "location", "hostname", "number")
    alike = all(getattr(action, name) == getattr(held, name) for name in names)
    return alike and list(action.addresses.items()) == list(held.addresses.items())


def _again(action: Enroll, generation: int) -> Enroll:
    return replace(action, generation=generation)


def _history(machine: OciMachine, found: Imported, at: datetime) -> History:
    """How far OCI brought it: a machine that it installed is in service, whatever its last Puppet run said.

    One that has nothing but Ceph yet is left alone as well, and never was in service as what it is.
    """
    if not machine.installed:
        return History(phase=Phase.ENROLLED)
    since = None if machine.serial in found.first_stage else machine.heard_at or at
    return History(phase=Phase.IN_SERVICE, service=Service(since=since))


def _secrets(
    store: Store, found: Imported, kept: Kept, text_of: TextOf, *, who: str, at: datetime, oci_is_in_charge: bool
) -> None:
    """Keep secrets that are new; and those that are others in OCI, as long as it is in charge."""
    known = {str(ref): text for ref, text in store.secrets_of({ref.owner for ref in found.secrets}).items()}
    made: dict[SecretRef, str] = {}
    for ref, value in found.secrets.items():
        try:
            text = text_of(ref, value)
        except PermanentError as error:
            kept.refused.append(str(error))
            continue
        if str(ref) not in known:
            made[ref] = text
        elif known[str(ref)] != text and oci_is_in_charge:
            store.set_secret(ref, text, at, who)
            kept.secrets += 1
    store.add_secrets(made, at)
    kept.secrets += len(made)
