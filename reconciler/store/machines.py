"""Words of machines about themselves: written all the time, so little is written for each."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Insert,
    Table,
    and_,
    bindparam,
    case,
    delete,
    func,
    insert,
    select,
    update,
)

from ..model.gates import Readings
from ..model.machine import InstallStatus
from ..model.observations import Heard, Notice
from .codec import hardware_text, parse_hardware, parse_readings, readings_text
from .database import Part, Writing
from .journal import write_notices
from .tables import hardware, machine

KEPT_REPORTS = 20  # per machine, of those that differ from the one before: two years of disks failing and firmware
_CHUNK = 500  # values in one IN (...); SQLite's limit was 999 until 3.32

_READINGS = select(machine.c.serial, machine.c.readings).where(
    machine.c.readings.is_not(None), machine.c.serial.in_(bindparam("some", expanding=True))
)
_DIGESTS = select(machine.c.serial, machine.c.digest).where(machine.c.serial.in_(bindparam("some", expanding=True)))
_MINE = hardware.c.serial == bindparam("of")
_ADD = insert(hardware).returning(hardware.c.id)
_HAS = (
    update(machine)
    .where(machine.c.serial == bindparam("of"))
    .values(hardware=bindparam("its"), digest=bindparam("said"))
)
_NEWEST = select(hardware.c.id).where(_MINE).order_by(hardware.c.id.desc()).limit(KEPT_REPORTS)
_LET_GO = delete(hardware).where(_MINE, hardware.c.id.not_in(_NEWEST.scalar_subquery()))
_BODY = (
    select(hardware.c.body)
    .join(machine, machine.c.hardware == hardware.c.id)
    .where(machine.c.serial == bindparam("of"))
)
_SAID = (
    "address", "reported_at", "reported_from", "status", "status_at", "power", "power_at", "puppet_at", "readings",
    "witnessed_at",
)  # fmt: skip


class MachinesPart(Part):
    """The words of machines."""

    def record(self, words: Sequence[Heard], notices: Sequence[Notice] = ()) -> None:
        """Keep what was heard, oldest first, and what is to be told of it, in one transaction.

        Costs one short statement for each word, and a longer one where hardware changed.
        """
        if not words and not notices:
            return
        areas = ("machine",) if words else ()
        with self._database.writing(*areas, *(("journal",) if notices else ())) as writing:
            if words:
                _write_words(writing, words)
            write_notices(writing, notices)

    def readings_of(self, serials: Collection[str]) -> Mapping[str, Readings]:
        """What was last read of the services of some machines, of those that somebody has looked at."""
        with self._database.reading() as connection:
            rows = [row for part in chunks(sorted(serials)) for row in connection.execute(_READINGS, {"some": part})]
        return {row.serial: parse_readings(row.readings) for row in rows}


def _write_words(writing: Writing, words: Sequence[Heard]) -> None:
    """Write what machines said of themselves. What a word does not say stays as it is.

    Hardware is written where its digest is new, and that only: a thousand reports an hour are alike.
    """
    known = _digests(writing.connection, {word.serial for word in words if word.digest is not None})
    telling = _telling(writing.insert_of)
    writing.connection.execute(telling, [_row(word, writing.revision) for word in words])
    for word in words:
        if word.hardware is not None and word.digest != known.get(word.serial):
            _write_hardware(writing.connection, word)
            known[word.serial] = word.digest


@cache
def _telling(insert_of: Callable[[Table], Any]) -> Insert:
    """What writes words of machines: put into words once, as it is said all the time."""
    inserted = insert_of(machine)
    told: dict[str, Any] = {name: func.coalesce(inserted.excluded[name], machine.c[name]) for name in _SAID}
    told["puppet_at"] = case((_ends_a_run(inserted), machine.c.status_at), else_=told["puppet_at"])
    is_report = inserted.excluded.reported_at.is_not(None)
    told["boot"] = case((is_report, inserted.excluded.boot), else_=machine.c.boot)  # one without a nonce says so
    said = {**told, "revision": inserted.excluded.revision}
    found: Insert = inserted.on_conflict_do_update(index_elements=[machine.c.serial], set_=said)
    return found


def _ends_a_run(inserted: Any) -> ColumnElement[bool]:
    """Whether the machine says that the Puppet run has succeeded of which it last said that it began."""
    began = machine.c.status == InstallStatus.PUPPET_RUNNING.value
    return and_(inserted.excluded.status == InstallStatus.PUPPET_SUCCESS.value, began)


def _row(word: Heard, revision: int) -> dict[str, Any]:
    """The columns that a word fills; None where it says nothing."""
    return {
        "serial": word.serial,
        "address": word.address,
        "reported_at": None if word.digest is None else word.at,
        "reported_from": None if word.digest is None else word.address,
        "status": word.status,
        "status_at": None if word.status is None else word.at,
        "power": word.power,
        "power_at": None if word.power is None else word.at,
        "puppet_at": word.puppet_at,
        "readings": None if word.readings is None else readings_text(word.readings),
        "boot": word.boot,
        "witnessed_at": None if word.boot is None else word.at,
        "revision": revision,
    }


def _write_hardware(connection: Connection, word: Heard) -> None:
    """Add an observation, make it the machine's own, and let go of its oldest."""
    assert word.hardware is not None
    said = word.hardware
    if said.bmc_address is None and (before := connection.scalar(_BODY, {"of": word.serial})) is not None:
        said = said.coming_after(parse_hardware(before))
    row = {"serial": word.serial, "at": word.at, "digest": word.digest, "body": hardware_text(said)}
    added = connection.execute(_ADD, row).scalar_one()
    connection.execute(_HAS, {"of": word.serial, "its": added, "said": word.digest})
    connection.execute(_LET_GO, {"of": word.serial})


def _digests(connection: Connection, serials: Iterable[str]) -> dict[str, str | None]:
    """The digest of what each machine last reported."""
    return {
        row.serial: row.digest
        for some in chunks(sorted(serials))
        for row in connection.execute(_DIGESTS, {"some": some})
    }


def chunks(values: Sequence[Any]) -> Iterable[Sequence[Any]]:
    """``values`` in pieces that fit into one statement."""
    return (values[start : start + _CHUNK] for start in range(0, len(values), _CHUNK))
