"""What once was so, and stays so."""

from datetime import datetime

from sqlalchemy import Connection, select

from ..model.observations import Notice
from .database import Part
from .journal import write_notices
from .tables import fact

_SET_UP = "set-up"


class FactsPart(Part):
    """Facts about clusters."""

    def note_set_up(self, cluster: str, at: datetime) -> None:
        """The first setup of a cluster is over. Twice is once."""
        row = {"about": f"cluster:{cluster}", "name": _SET_UP, "at": at}
        with self._database.writing("fact", "journal") as writing:
            new = writing.insert(fact).values(**row).on_conflict_do_nothing().returning(fact.c.about)
            if writing.connection.scalar(new) is not None:
                text = f"all controllers of {cluster} are in service: its first setup is over"
                write_notices(writing, [Notice(None, at, "cluster-set-up", text)])

    def set_up(self) -> frozenset[str]:
        """Clusters whose first setup is over."""
        with self._database.reading() as connection:
            return read_set_up(connection)


def read_set_up(connection: Connection) -> frozenset[str]:
    """The same, on a connection."""
    found = connection.scalars(select(fact.c.about).where(fact.c.name == _SET_UP))
    return frozenset(about.partition(":")[2] for about in found)
