"""Domain values as JSON text and back."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from sys import intern
from typing import Annotated, Any

from pydantic import Field, TypeAdapter

from ..model.events import (
    Advanced,
    Booting,
    ClockSetBack,
    Erasing,
    Event,
    Failed,
    Forgotten,
    Interrupted,
    Proved,
    Restored,
    Retried,
    RingsRead,
    Started,
    Succeeded,
    Vouched,
    Wrote,
)
from ..model.gates import Readings
from ..model.hardware import Hardware, Nic
from ..model.history import History
from ..model.machine import Allocation, SecretRef
from ..model.statements import Statement

_events: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="kind")])
_hardware = TypeAdapter(Hardware)
_histories = TypeAdapter(History)
_readings = TypeAdapter(Readings)
_statements = TypeAdapter(Statement)


def event_text(event: Event) -> str:
    """An event as it is written in the journal."""
    return _events.dump_json(event).decode()


@lru_cache(maxsize=1024)  # the newest ones are asked for by several
def parse_event(text: str) -> Event:
    """The event that ``event_text`` wrote."""
    return _events.validate_json(text)


def hardware_text(hardware: Hardware) -> str:
    """A machine's hardware as it is stored."""
    return _hardware.dump_json(hardware, exclude_defaults=True).decode()


@lru_cache(maxsize=256)  # the machines to which something is done are asked for again and again
def parse_hardware(text: str) -> Hardware:
    """The hardware that ``hardware_text`` wrote. Parts that many machines have alike are the same objects."""
    found = _hardware.validate_json(text)
    return replace(
        found,
        manufacturer=intern(found.manufacturer),
        product=intern(found.product),
        bios_version=intern(found.bios_version),
        lifecycle_version=intern(found.lifecycle_version),
        bmc_firmware=intern(found.bmc_firmware),
        nics=tuple(map(_alike, found.nics)),
        cpu=_shared(found.cpu),
        disks=_shared(tuple(map(_shared, found.disks))),
        controllers=_shared(tuple(map(_shared, found.controllers))),
    )


def _alike(nic: Nic) -> Nic:
    return replace(
        nic,
        name=intern(nic.name),
        switch=nic.switch and intern(nic.switch),
        port=nic.port and intern(nic.port),
        firmware=intern(nic.firmware),
        driver=intern(nic.driver),
    )


@lru_cache(maxsize=4096)
def _shared(value: Any) -> Any:
    """The first value that was equal to this one: a fleet is bought by the hundred."""
    return value


def readings_text(readings: Readings) -> str:
    """What was read of a machine's services, as it is stored."""
    return _readings.dump_json(readings).decode()


def parse_readings(text: str) -> Readings:
    """The readings that ``readings_text`` wrote."""
    return _readings.validate_json(text)


def statement_text(statement: Statement) -> str:
    """What an approval covers, as it is stored."""
    return _statements.dump_json(statement).decode()


def parse_statement(text: str) -> Statement:
    """The statement that ``statement_text`` wrote."""
    return _statements.validate_json(text)


def history_value(history: History) -> Any:
    """A history as plain values, for an export."""
    return _histories.dump_python(history, mode="json", exclude_defaults=True)


def parse_history(value: Any) -> History:
    """The history that ``history_value`` gave."""
    return _histories.validate_python(value)


def addresses_text(addresses: Mapping[str, str]) -> str:
    """Addresses by network, in their order: the first is the management address."""
    return json.dumps(dict(addresses))


def allocation_of(row: Any) -> Allocation:
    """The allocation that a row of ``tables.allocation`` holds."""
    return Allocation(
        cluster=intern(row.cluster),
        role=intern(row.role),
        profile=intern(row.profile),
        location=row.location and intern(row.location),
        hostname=row.hostname,
        number=row.number,
        addresses={intern(network): address for network, address in json.loads(row.addresses).items()},
        generation=row.generation,
    )


def secret_refs(rows: Iterable[Sequence[Any]]) -> Iterator[tuple[SecretRef, Any]]:
    """Names of secrets from rows of owner, service, kind, form and one thing more, with that. Equal texts are one."""
    owners: dict[str, str] = {}
    for owner, service, kind, form, other in rows:
        yield SecretRef(owners.setdefault(owner, owner), intern(service), intern(kind), intern(form)), other


def _seen_by_a_handler(event: Erasing | Wrote | Proved | RingsRead | Booting | Vouched) -> str:
    if isinstance(event, Booting):
        return "about to be booted: what returns the nonce of an earlier boot counts no more"
    if isinstance(event, Vouched):
        return f"its BMC at {event.said.address} says that it is its own, and {event.said.power}"
    if isinstance(event, Erasing):
        return f"about to erase {', '.join(event.disks)}"
    if isinstance(event, Wrote):
        return f"its install left on its disks: {', '.join(event.marks)}"
    if isinstance(event, RingsRead):
        return f"its ring files: {', '.join(f'{ring} {md5}' for ring, md5 in event.rings) or 'none'}"
    by = f", made by install {event.proof.install}" if event.proof.install else ""
    return f"asked over SSH at {event.proof.address}: it runs the {event.proof.runs} system{by}"


def told(event: Event) -> tuple[str, str | None]:
    """An event in a sentence, and the human who caused it."""
    if isinstance(event, Retried | Forgotten | Restored | ClockSetBack):
        return _told_of_humans_and_clocks(event)
    match event:
        case Started(action=action):
            return f"{action.type} began", None
        case Succeeded(action=action):
            return f"{action.type} succeeded", None
        case Erasing() | Wrote() | Proved() | RingsRead() | Booting() | Vouched():
            return _seen_by_a_handler(event), None
        case Failed(error=error, permanent=permanent):
            return f"failed{' for good' if permanent else ''}: {error}", None
        case Interrupted():
            return "interrupted: nobody saw how it ended", None
        case Advanced(to=to, because=because):
            return f"{to}: {because}", None


def _told_of_humans_and_clocks(event: Retried | Forgotten | Restored | ClockSetBack) -> tuple[str, str | None]:
    match event:
        case Retried(who=who, why=why):
            return f"failures forgotten, to be tried again: {why}", who
        case Forgotten(who=who, why=why):
            return f"forgotten: {why}", who
        case Restored(history=history, why=why):
            return f"restored as {history.phase}: {why}", None
        case ClockSetBack(ahead=ahead):
            return f"the clock was ahead: what it said up to {ahead:%Y-%m-%d %H:%M:%S} UTC counts as past", None
