"""Domain values as JSON text and back."""

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Annotated, Any

from pydantic import Field, TypeAdapter

from ..model.events import (
    Advanced,
    Erasing,
    Event,
    Failed,
    Forgotten,
    Interrupted,
    Restored,
    Retried,
    Started,
    Succeeded,
)
from ..model.hardware import Hardware
from ..model.machine import Allocation, History

_events: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="kind")])
_hardware = TypeAdapter(Hardware)
_histories = TypeAdapter(History)


def event_text(event: Event) -> str:
    """An event as it stands in the journal."""
    return _events.dump_json(event).decode()


def parse_event(text: str) -> Event:
    """The event that ``event_text`` wrote."""
    return _events.validate_json(text)


def hardware_text(hardware: Hardware) -> str:
    """A machine's hardware as it is stored."""
    return _hardware.dump_json(hardware, exclude_defaults=True).decode()


def parse_hardware(text: str) -> Hardware:
    """The hardware that ``hardware_text`` wrote. Parts that many machines have alike are the same objects."""
    found = _hardware.validate_json(text)
    return replace(
        found,
        cpu=_shared(found.cpu),
        disks=_shared(tuple(map(_shared, found.disks))),
        controllers=_shared(tuple(map(_shared, found.controllers))),
    )


@lru_cache(maxsize=4096)
def _shared(value: Any) -> Any:
    """The first value that was equal to this one: a fleet is bought by the hundred."""
    return value


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
        cluster=row.cluster,
        role=row.role,
        profile=row.profile,
        location=row.location,
        hostname=row.hostname,
        number=row.number,
        addresses=json.loads(row.addresses),
        generation=row.generation,
    )


def told(event: Event) -> tuple[str, str | None]:
    """An event in a sentence, and the human who caused it."""
    match event:
        case Started(action=action):
            return f"{action.type} began", None
        case Succeeded(action=action):
            return f"{action.type} succeeded", None
        case Erasing(disks=disks):
            return f"about to erase {', '.join(disks)}", None
        case Failed(error=error, permanent=permanent):
            return f"failed{' for good' if permanent else ''}: {error}", None
        case Interrupted():
            return "interrupted: nobody saw how it ended", None
        case Advanced(to=to, because=because):
            return f"{to}: {because}", None
        case Retried(who=who, why=why):
            return f"failures forgotten, to be tried again: {why}", who
        case Forgotten(who=who, why=why):
            return f"forgotten: {why}", who
        case Restored(history=history, why=why):
            return f"restored as {history.phase}: {why}", None
