"""Copies of a whole database in one file, and databases made of them.

A backup is a SQLite database, whatever was copied: the secrets in it are sealed with the fleet's key, which is not in
it. Machines go on after a backup was made. So a database that is made of one says so, and nothing is begun in it until
an operator has had the machines say what holds (``adopt``).
"""

import json
import shutil
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Connection, delete, exists, func, select, text, update

from ..model.errors import PermanentError
from ..model.observations import Notice
from .epochs import write_doubt
from .journal import write_notices
from .leases import read_state, write_state
from .secret_table import SecretsPart
from .tables import allocation, approval, journal, lease, metadata, secret

_MADE = "backup"
_AT_ONCE = 500  # rows


class BackupPart(SecretsPart):
    """Backups."""

    def back_up(self, file: Path, at: datetime) -> None:
        """Copy the whole database as it is at one moment into a new file, which only its owner may read.

        Raises:
            PermanentError: There is such a file, or it cannot be written.
        """
        if file.exists():
            raise PermanentError(f"{file} is there already: a backup overwrites nothing")
        coming = file.with_name(f"{file.name}.coming")
        try:
            coming.unlink(missing_ok=True)
            coming.touch(mode=0o600)
            with type(self).open(f"sqlite:///{coming}") as copy:  # type: ignore[attr-defined]
                with self._database.reading() as source, copy._database.writing() as writing:
                    _copy(source, writing.connection)
                    write_state(writing, _MADE, json.dumps({"at": at.isoformat()}))
                if (damage := copy.damage()) is not None:
                    raise PermanentError(damage)
            coming.rename(file)
        except OSError as error:
            raise PermanentError(f"cannot write {file}: {error.strerror}") from error

    def bring_back(self, file: Path, at: datetime, who: str) -> datetime:
        """Fill an empty database from a backup; when that was made. Approvals of then may have been used since.

        Raises:
            PermanentError: The database is not empty; this is no backup; or its secrets are sealed with another key.
        """
        with TemporaryDirectory() as folder:
            copied = Path(folder) / "backup.db"  # an older one is brought to our schema first
            shutil.copyfile(file, copied)
            with type(self).open(f"sqlite:///{copied}") as backup:  # type: ignore[attr-defined]
                if (damage := backup.damage()) is not None:
                    raise PermanentError(f"{file}: {damage}")
                return self._fill(backup, file.name, at, who)

    def _fill(self, backup: "BackupPart", name: str, at: datetime, who: str) -> datetime:
        """Take everything over from a backup, in one transaction; when that was made."""
        areas = ("allocation", "decision", "journal", "machine", "secret", "fact", "ring", "document")
        with backup._database.reading() as source, self._database.writing(*areas) as writing:
            connection = writing.connection
            if any(connection.scalar(select(exists().select_from(table))) for table in (allocation, journal, secret)):
                raise PermanentError("the database is not empty: restore into a new one")
            made = read_state(source, _MADE)
            if made is None:
                raise PermanentError(f'{name} is no backup of "reconciler backup"')
            when = datetime.fromisoformat(json.loads(made)["at"])
            _copy(source, connection)
            connection.execute(delete(approval))
            connection.execute(update(lease).values(held=False))
            why = f"it was restored (from {name} of {when:%Y-%m-%d %H:%M} UTC, by {who}), and machines went on since"
            write_doubt(writing, why)
            write_notices(writing, [Notice(None, at, "database-restored", why, who)])
            self._refuse_another_key(connection)
        return when

    def _refuse_another_key(self, connection: Connection) -> None:
        """Raise where the secrets that were just copied cannot be opened with our key."""
        from ..model.machine import SecretRef

        columns = (secret.c.owner, secret.c.service, secret.c.kind, secret.c.form, secret.c.sealed)
        row = connection.execute(select(*columns).limit(1)).one_or_none()
        if row is not None and self._vault is not None:
            *found, sealed = row
            self._vault.open(SecretRef(*found), sealed)


def _copy(source: Connection, target: Connection) -> None:
    """Make the rows of every table those of ``source``. The target has none but what every database begins with."""
    for table in reversed(metadata.sorted_tables):
        if table is not journal:  # it is append-only, and empty
            target.execute(delete(table))
    for table in metadata.sorted_tables:
        rows = source.execute(select(table)).mappings()
        while some := rows.fetchmany(_AT_ONCE):
            target.execute(table.insert(), [dict(row) for row in some])
    if target.dialect.name == "postgresql":  # which counts rows beside the tables
        for table in metadata.sorted_tables:
            for column in (each for each in table.primary_key if each.autoincrement is True):
                last = target.scalar(select(func.max(column))) or 0
                following = text("SELECT setval(pg_get_serial_sequence(:table, :column), :next, false)")
                target.execute(following, {"table": table.name, "column": column.name, "next": last + 1})
