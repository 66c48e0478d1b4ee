"""The age of this database: see ``model.epoch``. Every action that begins is counted where it is journalled."""

from datetime import datetime

from sqlalchemy import Connection, delete, select, update

from ..model.epoch import Epoch, Standing
from ..model.observations import Notice
from .database import Part
from .journal import write_notices
from .tables import approval, epoch

_EPOCH = select(epoch)


class EpochPart(Part):
    """The epoch."""

    def standing(self) -> Standing:
        """What this database says of its own age."""
        with self._database.reading() as connection:
            return read_standing(connection)

    def count_start(self) -> None:
        """A daemon begins to act."""
        with self._database.writing() as writing:
            writing.connection.execute(update(epoch).values(counter=epoch.c.counter + 1))

    def settle(self, now: Epoch, *, who: str, why: str, at: datetime) -> None:
        """An operator said that this database is right as it is now. Approvals given in it may have been used since."""
        with self._database.writing("decision", "journal", decided=True) as writing:
            writing.connection.execute(
                update(epoch).values(fleet=now.fleet, counter=now.counter, doubt=None, settled=True)
            )
            writing.connection.execute(delete(approval))
            write_notices(writing, [Notice(None, at, "database-settled", f"this database is right: {why}", who)])


def read_standing(connection: Connection) -> Standing:
    """What the database says of its own age, on a connection."""
    row = connection.execute(_EPOCH).one()
    return Standing(Epoch(row.fleet, row.counter), row.doubt, row.settled)
