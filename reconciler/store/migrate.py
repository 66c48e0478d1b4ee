"""Brings a database to the newest schema; forward only."""

from pathlib import Path

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from ..model.errors import PermanentError
from .database import begin

HEAD = "0011"
"""The newest revision below ``migrations/versions``; kept here so that asking for it loads no Alembic."""

_LOCK = 0x5EC0_CC17  # any number, the same for all of us: PostgreSQL's advisory locks are told apart by it


def current(engine: Engine) -> str | None:
    """The revision the database is at; None for an empty one."""
    with engine.connect() as connection:  # fails where nobody answers, which is not the same as an empty database
        begin(connection, writes=False)
        try:
            return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        except DBAPIError:  # no such table
            return None


def migrate(engine: Engine) -> None:
    """Bring the database to the newest schema, all of it in one transaction. Doing it twice is doing it once.

    Raises:
        PermanentError: A newer reconciler made this database.
    """
    at = current(engine)
    if at == HEAD:
        return
    if at is not None and at > HEAD:
        raise PermanentError(f"the database is at schema {at}, made by a newer reconciler; this one knows up to {HEAD}")
    with engine.connect() as connection, connection.begin():
        begin(connection, writes=True)
        _wait_for_others(connection)
        _upgrade(connection)


def require_head(engine: Engine) -> None:
    """Refuse a database that is not at the newest schema.

    Raises:
        PermanentError: It is not.
    """
    at = current(engine)
    if at != HEAD:
        raise PermanentError(
            f"the database is at schema {at or 'none'}, not {HEAD}: the daemon migrates it at its start"
        )


def _wait_for_others(connection: Connection) -> None:
    """Of two processes that find an empty database, one makes the tables and the other finds them made."""
    if connection.dialect.name == "postgresql":
        for bound in ("lock_timeout", "idle_in_transaction_session_timeout"):  # of other transactions: see database
            connection.execute(text(f"SET LOCAL {bound} = 0"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    # SQLite: BEGIN IMMEDIATE has waited already.


def _upgrade(connection: Connection) -> None:
    # Alembic takes a third of a second to load, and nearly every start finds nothing to do.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
