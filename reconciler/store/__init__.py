"""The database of what must not be forgotten: journal, machines, allocations, decisions and sealed secrets.

SQLite by default, PostgreSQL by the same code. Everything is synchronous and may be called from several threads; from
asyncio, through ``execution.seam.offload``. The daemon is the main writer, and commands in other processes write too,
so each call is one short transaction, and what it wrote is on disk when it returns.
"""

from collections.abc import Callable
from typing import Self

from sqlalchemy.exc import DBAPIError

from .backup import BackupPart
from .certificates import CertificatesPart
from .clocks import ClocksPart, SetBack
from .cluster_facts import FactsPart
from .database import Database, open_engine
from .decisions import DecisionsPart
from .document_versions import RenderedPart
from .epochs import EpochPart
from .export import ExportPart
from .failures import failure
from .leases import LeasesPart, LeaseWatch
from .machines import MachinesPart
from .migrate import migrate as bring_to_head
from .migrate import require_head
from .records import RecordsPart
from .rings import RingsPart
from .snapshot import Snapshot
from .unplaced import UnplacedPart

__all__ = ["LeaseWatch", "SetBack", "Snapshot", "Store"]


class Store(
    ExportPart,
    MachinesPart,
    UnplacedPart,
    RecordsPart,
    DecisionsPart,
    CertificatesPart,
    RenderedPart,
    FactsPart,
    RingsPart,
    EpochPart,
    BackupPart,
    ClocksPart,
    LeasesPart,
):
    """The database, and every way to read and write it."""

    @classmethod
    def open(cls, url: str, *, key: bytes | None = None, migrate: bool = True) -> Self:
        """Open the database at ``url``; make it, and bring it to the newest schema, if need be.

        Args:
            url: ``sqlite:///FILE`` or ``postgresql://USER@HOST/NAME``.
            key: Opens the secrets (``secrets.vault``). Without it all else works.
            migrate: False refuses a database that is not at the newest schema, instead of bringing it there.

        Raises:
            PermanentError: The database cannot be opened or has another schema, or the key is none.
            TemporaryError: It does not answer.
        """
        database = Database(open_engine(url))
        try:
            store = cls(database)
            if key is not None:
                store._unlock(key)
            if migrate:
                bring_to_head(database.engine)
            else:
                require_head(database.engine)
        except BaseException as error:
            database.close()
            if isinstance(error, DBAPIError):
                raise failure(error, "the database does not answer") or error from error
            raise
        return store

    def before_decisions(self, make_room: Callable[[], object]) -> None:
        """Call ``make_room`` before each write of what a human decided: it must not fail for want of room."""
        self._database.make_room = make_room

    def damage(self) -> str | None:
        """What is wrong inside the database, with what to do; None when nothing is. Reads all of a SQLite file.

        Raises:
            TemporaryError: It does not answer.
        """
        return self._database.damage()

    def close(self) -> None:
        """Close every connection."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
