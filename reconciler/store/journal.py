"""The append-only journal of what happened, and the histories that follow from it."""

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from sqlalchemy import Connection, Select, bindparam, delete, insert, select, update

from ..model import events
from ..model.events import Event
from ..model.folding import histories
from ..model.history import History
from ..model.observations import Notice, Occurrence
from .codec import event_text, parse_event, told
from .database import Database, Part, Writing
from .tables import approval, epoch, journal

PAGE = 1000  # rows
FOLDED_AT_ONCE = 5000  # events; a journal of years is not to be in memory as a whole


@dataclass
class _Folded:
    """Histories up to a position; only ever replaced, so that a reader keeps what it was given."""

    position: int = 0
    histories: Mapping[str, History] = field(default_factory=dict)


class JournalPart(Part):
    """Implements ``execution.ports.Journal``."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._folding = threading.Lock()
        self._folded = _Folded()

    def append(self, event: Event) -> int:
        """Write one event; it is on disk when this returns its position."""
        return self.append_all((event,))

    def append_all(self, happened: Sequence[Event]) -> int:
        """Write events in one transaction; returns the last one's position, 0 for none."""
        if not happened:
            return 0
        with self._database.writing("journal") as writing:
            return write_events(writing, happened)

    def events_after(self, position: int, limit: int | None = None) -> list[tuple[int, Event]]:
        """Events with their positions, oldest first."""
        with self._database.reading() as connection:
            return self._read_events(connection, position, limit)

    def histories(self) -> Mapping[str, History]:
        """One history per machine that anything ever happened to; reads only what is new since the last call."""
        with self._database.reading() as connection:
            return self._fold(connection)

    def events(self, after: int = 0, limit: int = PAGE, serial: str | None = None) -> list[Occurrence]:
        """What happened after a position, to machines and by humans, oldest first."""
        with self._database.reading() as connection:
            if serial is None:
                return [Occurrence(*row) for row in connection.execute(_NEWS, {"after": after, "most": limit})]
            return _read_lines(connection, _AFTER.where(journal.c.position > after), serial, limit)

    def last_events(self, limit: int = PAGE, serial: str | None = None) -> list[Occurrence]:
        """The last things that happened, oldest first."""
        with self._database.reading() as connection:
            return _read_lines(connection, _BACKWARDS, serial, limit)[::-1]

    def notices(self, after: int = 0, limit: int = PAGE, serial: str | None = None) -> list[Occurrence]:
        """Notices after a position: what happened without an action, such as an operator's decision."""
        query = _AFTER.where(journal.c.position > after, journal.c.body.is_(None))
        with self._database.reading() as connection:
            return _read_lines(connection, query, serial, limit)

    @property
    def _has_folded(self) -> bool:
        """Whether the journal was read from its beginning."""
        return self._folded.position > 0

    def _read_events(self, connection: Connection, position: int, limit: int | None) -> list[tuple[int, Event]]:
        """Events after a position."""
        query = _EVENTS if limit is None else _SOME_EVENTS
        rows = connection.execute(query, {"after": position, **({} if limit is None else {"most": limit})}).all()
        return [(row.position, parse_event(row.body)) for row in rows]

    def _fold(self, connection: Connection) -> Mapping[str, History]:
        with self._folding:
            while new := self._read_events(connection, self._folded.position, FOLDED_AT_ONCE):
                known = dict(self._folded.histories)
                self._folded = _Folded(new[-1][0], histories((event for _, event in new), known))
            return self._folded.histories


def write_events(writing: Writing, happened: Sequence[Event]) -> int:
    """Write events within a transaction on the area ``journal``; returns the last one's position.

    Approvals that they use up are gone with the same transaction, and what they begin is counted in it.
    """
    if begun := sum(isinstance(event, events.Started) for event in happened):
        writing.connection.execute(_BEGUN, {"begun": begun})
    position = 0
    for event in happened:
        _use_up(writing, event)
        text, who = told(event)
        reason = event.reason if isinstance(event, events.Started | events.Advanced) else None
        row = {"at": event.at, "serial": event.serial, "kind": event.kind, "text": text, "who": who, "reason": reason}
        done = writing.connection.execute(_INSERT, {**row, "body": event_text(event)})
        position = done.inserted_primary_key[0] if done.inserted_primary_key else 0
    return position


def _use_up(writing: Writing, event: Event) -> None:
    if used := events.uses_up(event):
        mine = (approval.c.serial == event.serial, approval.c.action.in_(used))
        if writing.connection.execute(delete(approval).where(*mine)).rowcount:
            writing.tell("decision")


def write_notices(writing: Writing, notices: Iterable[Notice]) -> None:
    """Write what a human wants to read, within a transaction on the area ``journal``."""
    rows = [
        {"at": n.at, "serial": n.serial, "kind": n.kind, "text": n.text, "who": n.who, "body": None} for n in notices
    ]
    if rows:
        writing.connection.execute(insert(journal), rows)


_LINE = select(*(journal.c[each.name] for each in fields(Occurrence)))


_AFTER = _LINE.order_by(journal.c.position)
_NEWS = _AFTER.where(journal.c.position > bindparam("after")).limit(bindparam("most"))
_BACKWARDS = _LINE.order_by(journal.c.position.desc())
_INSERT = insert(journal)
_BEGUN = update(epoch).values(counter=epoch.c.counter + bindparam("begun"))
_EVENTS = (
    select(journal.c.position, journal.c.body)
    .where(journal.c.position > bindparam("after"), journal.c.body.is_not(None))
    .order_by(journal.c.position)
)
_SOME_EVENTS = _EVENTS.limit(bindparam("most"))
# As elsewhere in the store, what is asked all the time is put into words once.


def _read_lines(connection: Connection, query: Select[Any], serial: str | None, limit: int) -> list[Occurrence]:
    if serial is not None:
        query = query.where(journal.c.serial == serial)
    return [Occurrence(*row) for row in connection.execute(query.limit(limit))]
