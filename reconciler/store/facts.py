"""What is found out about clusters, and holds until the opposite is."""

from datetime import datetime

from sqlalchemy import Connection, delete, select

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

    def forget_set_up(self, cluster: str, at: datetime) -> None:
        """Nothing is left of what the cluster's first setup made. Twice is once."""
        gone = delete(fact).where(fact.c.about == f"cluster:{cluster}", fact.c.name == _SET_UP)
        with self._database.writing("fact", "journal") as writing:
            if writing.connection.execute(gone).rowcount:
                text = f"no controller of {cluster} keeps what its first setup made: it begins again"
                write_notices(writing, [Notice(None, at, "cluster-begins-again", text)])

    def set_up(self) -> frozenset[str]:
        """Clusters whose first setup is over."""
        with self._database.reading() as connection:
            return read_set_up(connection)


def read_set_up(connection: Connection) -> frozenset[str]:
    """The same, on a connection."""
    found = connection.scalars(select(fact.c.about).where(fact.c.name == _SET_UP))
    return frozenset(about.partition(":")[2] for about in found)
