"""The age of this database: see ``model.epoch``. Every action that begins is counted where it is journalled."""

from datetime import datetime

from sqlalchemy import Connection, delete, select, update

from ..model.epoch import Epoch, Standing
from ..model.observations import Notice
from .database import DAEMON, Part, Writing
from .journal import write_notices
from .leases import read_state, write_state
from .tables import approval, epoch, lease

_EPOCH = select(epoch)

_KIND = "doubt"
"""The name of the text that says which kind of doubt the database has."""
_UNREMEMBERED = "unremembered"


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

    def settle(self, now: Epoch, *, who: str, why: str, at: datetime) -> None:
        """An operator said that this database is right as it is now. Approvals given in it may have been used since."""
        with self._database.writing("decision", "journal", decided=True) as writing:
            writing.connection.execute(
                update(epoch).values(fleet=now.fleet, counter=now.counter, doubt=None, settled=True)
            )
            write_state(writing, _KIND, "")
            writing.connection.execute(delete(approval))
            write_notices(writing, [Notice(None, at, "database-settled", f"this database is right: {why}", who)])


def write_doubt(writing: Writing, why: str | None) -> None:
    """Have the database say why it may be older than the machines, as part of a transaction; None: it is not."""
    writing.connection.execute(update(epoch).values(doubt=why))
    write_state(writing, _KIND, "")


def read_standing(connection: Connection) -> Standing:
    """What the database says of its own age, on a connection."""
    row = connection.execute(_EPOCH).one()
    return Standing(Epoch(row.fleet, row.counter), row.doubt, row.settled)
