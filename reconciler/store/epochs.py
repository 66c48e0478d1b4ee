"""The age of this database: see ``model.epoch``. Every action that begins is counted where it is journalled."""

from datetime import datetime

from sqlalchemy import Connection, delete, or_, select, update

from ..model.epoch import Epoch, Standing
from ..model.events import Started
from ..model.observations import Notice
from .codec import parse_event
from .database import DAEMON, Part, Writing
from .journal import write_notices
from .leases import read_state, write_state
from .tables import approval, epoch, journal, lease

_EPOCH = select(epoch)

_KIND = "doubt"
"""The name of the text that says which kind of doubt the database has."""
_UNREMEMBERED = "unremembered"

_SETTLED = "settled"
"""The name of the text that says how far it had counted when an operator last said that it is right."""


class EpochPart(Part):
    """The epoch."""

    def standing(self) -> Standing:
        """What this database says of its own age."""
        with self._database.reading() as connection:
            return read_standing(connection)

    def beat(self) -> tuple[int, int] | None:
        """How often the lease changed hands and how often its holder said that it lives; None: nobody ever held it."""
        with self._database.reading() as connection:
            row = connection.execute(select(lease.c.fence, lease.c.beat).where(lease.c.name == DAEMON)).one_or_none()
        return None if row is None else (int(row.fence), int(row.beat))

    def count_start(self) -> None:
        """A daemon begins to act."""
        with self._database.writing() as writing:
            writing.connection.execute(update(epoch).values(counter=epoch.c.counter + 1))

    def doubt(self, why: str, *, until_remembered: bool = False) -> None:
        """Have the database say that it may be older than the machines, where it does not say so yet.

        With ``until_remembered`` that is all: who remembers it as it is may say so.
        """
        undoubted = update(epoch).where(epoch.c.doubt.is_(None))
        with self._database.writing("decision") as writing:
            if writing.connection.execute(undoubted.values(doubt=why)).rowcount:
                write_state(writing, _KIND, _UNREMEMBERED if until_remembered else "")

    def remembered(self) -> bool:
        """Somebody remembers this database as it is now: False where it is doubted for another reason."""
        with self._database.writing("decision") as writing:
            if read_state(writing.connection, _KIND) != _UNREMEMBERED:
                return False
            write_doubt(writing, None)
            return True

    def is_behind(self, serial: str, install: str, counter: int) -> bool:
        """Whether an install of this fleet was begun that this database knows nothing of, and ought to.

        Counts alone do not tell: a database that was put back counts on, and soon has counted as far.

        Args:
            serial: Of the machine.
            install: Its id, as its record says.
            counter: How far the database had counted when it began. What came before it was last settled was settled.
        """
        named = or_(journal.c.body.like(f"%{install}%"), journal.c.body.like('%"install_os"%'))
        with self._database.reading() as connection:
            if counter <= int(read_state(connection, _SETTLED) or 0):
                return False
            bodies = connection.scalars(select(journal.c.body).where(journal.c.serial == serial, named)).all()
        return not any(_tells_of(install, body) for body in bodies)

    def settle(self, now: Epoch, *, who: str, why: str, at: datetime) -> None:
        """An operator said that this database is right as it is now. Approvals given in it may have been used since."""
        with self._database.writing("decision", "journal", decided=True) as writing:
            writing.connection.execute(
                update(epoch).values(fleet=now.fleet, counter=now.counter, doubt=None, settled=True)
            )
            write_state(writing, _KIND, "")
            write_state(writing, _SETTLED, str(now.counter))
            writing.connection.execute(delete(approval))
            write_notices(writing, [Notice(None, at, "database-settled", f"this database is right: {why}", who)])


def _tells_of(install: str, body: str) -> bool:
    """Whether an event of the journal names an install, or is its beginning: the id of an action is made of it."""
    if install in body:
        return True
    event = parse_event(body)
    return isinstance(event, Started) and event.action.id == install


def write_doubt(writing: Writing, why: str | None) -> None:
    """Have the database say why it may be older than the machines, as part of a transaction; None: it is not."""
    writing.connection.execute(update(epoch).values(doubt=why))
    write_state(writing, _KIND, "")


def read_standing(connection: Connection) -> Standing:
    """What the database says of its own age, on a connection."""
    row = connection.execute(_EPOCH).one()
    return Standing(Epoch(row.fleet, row.counter), row.doubt, row.settled)
