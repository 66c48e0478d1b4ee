"""Machines that hold no place: what is kept of them, and how those are forgotten that nobody but a report speaks of."""

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import and_, delete, exists, func, or_, select, update

from ..model.machine import InstallStatus
from ..model.observations import Unplaced
from .database import Part
from .machines import chunks
from .tables import allocation, conflict, hardware, journal, machine

_HAS_PLACE = exists().where(allocation.c.serial == machine.c.serial, allocation.c.ended_at.is_(None))
_HAD_PLACE = exists().where(allocation.c.serial == machine.c.serial)
_HAS_HISTORY = exists().where(journal.c.serial == machine.c.serial, journal.c.body.is_not(None))
_IS_QUARANTINED = exists().where(conflict.c.serial == machine.c.serial)
_RUNS_NOTHING = or_(machine.c.status.is_(None), machine.c.status == InstallStatus.LIVE.value)
_UNPLACED = (
    select(
        machine.c.serial,
        func.coalesce(machine.c.reported_from, machine.c.address, "").label("reported_from"),
        machine.c.reported_at,
        machine.c.witnessed_at,
        func.length(hardware.c.body).label("size"),
        and_(_RUNS_NOTHING, ~_IS_QUARANTINED).label("may_go"),
    )
    .join(hardware, hardware.c.id == machine.c.hardware)
    .where(~_HAS_PLACE, ~_HAS_HISTORY)
)
_ONLY_REPORTED = and_(
    machine.c.witnessed_at.is_(None), _RUNS_NOTHING, ~_HAD_PLACE, ~_HAS_HISTORY, ~_IS_QUARANTINED
)  # whatever the caller believes: nothing else is known of it
_BLANK = {column.name: None for column in machine.columns if column.name not in ("serial", "revision")}
_IS_BLANK = and_(*(machine.c[name].is_(None) for name in _BLANK), ~_HAD_PLACE, ~_HAS_HISTORY, ~_IS_QUARANTINED)


class UnplacedPart(Part):
    """The machines that hold no place."""

    def unplaced(self) -> Mapping[str, Unplaced]:
        """Those to which nothing happened but that they reported, by serial."""
        with self._database.reading() as connection:
            return {
                row.serial: Unplaced(
                    address=row.reported_from,
                    size=row.size,
                    at=row.reported_at,
                    witnessed=row.witnessed_at is not None,
                    stays=not row.may_go,
                )
                for row in connection.execute(_UNPLACED)
                if row.reported_at is not None
            }

    def forget_unplaced(self, serials: Collection[str], silent_since: datetime) -> frozenset[str]:
        """Forget those of some machines of which nothing is known but what they reported; returns which those were.

        Their rows stay, blank, so that whoever looks at what changed sees that they are gone (``drop_blank``).
        """
        gone: set[str] = set()
        with self._database.writing("machine") as writing:
            for some in chunks(sorted(serials)):
                mine = (machine.c.serial.in_(some), machine.c.reported_at < silent_since, _ONLY_REPORTED)
                found = list(writing.connection.scalars(select(machine.c.serial).where(*mine)))
                writing.connection.execute(
                    update(machine).where(machine.c.serial.in_(found)).values(**_BLANK, revision=writing.revision)
                )
                writing.connection.execute(delete(hardware).where(hardware.c.serial.in_(found)))
                gone.update(found)
        return frozenset(gone)

    def drop_blank(self, before: int) -> int:
        """Drop the rows of machines that were forgotten before a change token was taken; how many those were."""
        with self._database.writing() as writing:
            dropped = writing.connection.execute(delete(machine).where(machine.c.revision < before, _IS_BLANK))
        return dropped.rowcount
