"""One database: how it is opened, read and written. Everything below ``store`` goes through here.

Reading sees one moment of the database. Writing is one short transaction, durable when it returns: SQLite in WAL mode
syncs the log at each commit (``synchronous=FULL``; NORMAL would lose the last commits when the power fails), so those
who have many words to write should write them together.
"""

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, NullPool, Table, bindparam, create_engine, event, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.sql.dml import ReturningUpdate

from ..execution import seam
from ..model.errors import PermanentError
from ..model.redaction import UNCLEAR_LOGIN, has_clear_login, redact_database
from .failures import DAMAGED, failure
from .tables import change, lease

BUSY_SECONDS = 30.0  # how long to wait for another process's transaction; ours take milliseconds
IDLE_SECONDS = 5.0
"""How long a process may do nothing in the midst of a transaction that writes, before PostgreSQL ends it. Ours think
for milliseconds; and whoever takes over from one that stands still waits for that, within a lease's length."""
CONNECT_SECONDS = 10
KEPT_OPEN = 5
"""Connections to SQLite that are kept open while nobody uses them; threads open more when more of them ask at once."""
TOKEN = "token"  # noqa: S105 (the name of a row)
DAEMON = "daemon"
"""The name of the lease that the acting daemon holds."""

# What is asked all the time is put into words once: SQLAlchemy takes longer to do so than SQLite to answer.
_FENCE = select(lease.c.fence).where(lease.c.name == DAEMON).with_for_update(read=True)
_REVISIONS = select(change.c.area, change.c.revision)
_COUNT = update(change).where(change.c.area == TOKEN).values(revision=change.c.revision + 1)
_COUNT_AND_TELL = _COUNT.returning(change.c.revision)
_TELL = update(change).where(change.c.area.in_(bindparam("areas", expanding=True)))
_TELL_COUNT = _TELL.values(revision=bindparam("counted"))
_OTHER = change.alias()
_NEXT = select(_OTHER.c.revision + 1).where(_OTHER.c.area == TOKEN).scalar_subquery()
_HOLDS = select(lease.c.fence).where(lease.c.name == DAEMON).scalar_subquery()


@dataclass(frozen=True, slots=True)
class Writing:
    """One transaction that writes, and its number."""

    connection: Connection
    revision: int

    @property
    def insert_of(self) -> Callable[[Table], Any]:
        """Makes an INSERT that knows ON CONFLICT."""
        return postgresql.insert if self.connection.dialect.name == "postgresql" else sqlite.insert

    def insert(self, table: Table) -> Any:
        """An INSERT that knows ON CONFLICT."""
        return self.insert_of(table)

    def tell(self, area: str) -> None:
        """This transaction, which changes something already, turned out to change this area too."""
        self.connection.execute(_TELL_COUNT, {"areas": [area], "counted": self.revision})


class Database:
    """An engine, and the rules for using it."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._idle: list[Connection] = []  # to SQLite: opened, and used by nobody now
        self.fence: int | None = None  # set while we hold the daemon's lease: then every write checks that we still do
        self.make_room: Callable[[], object] = lambda: None  # called before what a human decided is written
        self._is_sqlite = engine.dialect.name == "sqlite"
        # SQLite has one writer at a time. Our own threads queue here, which is fair; waiting inside SQLite is not.
        self._one_writer = threading.Lock()
        self._identity: tuple[int, int] | None = None  # device and inode of the file that was opened

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection on which everything read is of one moment.

        Raises:
            TemporaryError: The database does not answer.
            PermanentError: It is damaged.
        """
        try:
            with self._transaction(writes=False) as connection:
                yield connection
        except DBAPIError as error:
            raise failure(error, "the database cannot be read") or error from error

    @contextmanager
    def writing(self, *areas: str, fenced: bool = True, decided: bool = False) -> Iterator[Writing]:
        """One transaction, told to whoever asks for the change token as a change of ``areas``.

        With no area it is told to nobody: for what the daemon keeps for itself. With ``fenced`` false it does not
        matter whether we still are the daemon. ``decided``: a human decided it, and room is made for it on the disk.

        Raises:
            TemporaryError: The database does not answer, or is full.
            PermanentError: We were the daemon, and another one has taken over; or the database is damaged.
        """
        if decided:
            self.make_room()
        try:
            with (
                self._one_writer if self._is_sqlite else _nothing(),
                self._transaction(writes=True) as connection,
            ):
                yield Writing(connection, self._begun(connection, areas, fenced=fenced))
                seam.before_commit()
        except DBAPIError as error:
            raise failure(error, "the database cannot be written") or error from error

    def close(self) -> None:
        """Close every connection: at once, or when whoever uses it has ended."""
        idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()
        self.engine.dispose()

    @contextmanager
    def _transaction(self, *, writes: bool) -> Iterator[Connection]:
        """One transaction, committed where the block ends well."""
        with self._connected() as connection:
            if not self._is_sqlite and not writes:
                connection = connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                begin(connection, writes=writes)
                yield connection

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        """A connection that nobody else uses. Those to SQLite are kept open, unless something went wrong on one."""
        if not self._is_sqlite:
            with self.engine.connect() as connection:
                yield connection
            return
        idle = self._idle
        try:
            connection = idle.pop()
        except IndexError:
            connection = self.engine.connect()
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        if idle is self._idle and len(idle) < KEPT_OPEN:  # another list: all were closed meanwhile
            idle.append(connection)
        else:
            connection.close()

    def damage(self) -> str | None:
        """What is wrong with the database's file; None when nothing is, or when its server looks after that.

        Reads the whole file: half a second for ten thousand machines.

        Raises:
            TemporaryError: It does not answer.
        """
        if not self._is_sqlite:
            return None
        if (elsewhere := self._moved()) is not None:
            return elsewhere
        try:
            with self.reading() as connection:
                connection.exec_driver_sql("PRAGMA shrink_memory")  # what it remembers says nothing of the disk
                found = str(connection.exec_driver_sql("PRAGMA quick_check(1)").scalar())
        except PermanentError as error:
            return str(error)
        return None if found == "ok" else DAMAGED.format(" ".join(found.split()))

    def _moved(self) -> str | None:
        """Why what is open is not the file at its path any more: SQLite goes on with the one that it has opened."""
        path = Path(str(self.engine.url.database))
        try:
            found = path.stat()
        except OSError as error:
            self.close()  # what is there next is opened, and not what is gone
            return f"{path} is gone ({error.strerror}): bring it back, or see whether its file system is mounted"
        now = found.st_dev, found.st_ino
        self._identity = self._identity or now
        if now == self._identity:
            return None
        return f"{path} is another file than the one that was opened: stop the daemon before a backup is put there"

    def _begun(self, connection: Connection, areas: tuple[str, ...], *, fenced: bool) -> int:
        """The number of the transaction, told to the areas; where we were the daemon, we still are."""
        if self._is_sqlite and areas:
            revision, fence = connection.execute(_count_at_once(areas)).all()[0]
            self._check_fence(fence if fenced else self.fence)
            return int(revision)
        if fenced and self.fence is not None:
            self._check_fence(connection.scalar(_FENCE))
        return _next_revision(connection, areas) if areas else 0

    def _check_fence(self, found: int | None) -> None:
        if self.fence is not None and found != self.fence:
            raise PermanentError("another daemon has taken over this database: this one must not act any more")


class Part:
    """One concern of the store. The store is its parts, so that each of them fits in a head."""

    def __init__(self, database: Database) -> None:
        self._database = database


def revisions(connection: Connection) -> dict[str, int]:
    """In which transaction each area last changed, and the newest of all under ``TOKEN``."""
    return {area: revision for area, revision in connection.execute(_REVISIONS)}


def open_engine(url: str) -> Engine:
    """An engine for ``url``. A SQLite file and its folder are made for their owner alone when they are not there.

    Raises:
        PermanentError: No such kind of database, or the file cannot be made.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # ValueError: of a port that is no number
        why = f"{redact_database(url)!r} is no database URL such as sqlite:///var/reconciler.sqlite"
        raise PermanentError(why) from None
    match parsed.get_backend_name():
        case "sqlite":
            return _open_sqlite(parsed)
        case "postgresql":
            if not has_clear_login(url):
                raise PermanentError(UNCLEAR_LOGIN)
            return _open_postgresql(parsed)
        case other:
            raise PermanentError(f"no support for {other} databases: use sqlite:///FILE or postgresql://HOST/NAME")


def _open_postgresql(url: URL) -> Engine:
    """An engine that works through a pooler, too, which gives each transaction whatever connection is free."""
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        pool_pre_ping=True,
        pool_size=10,
        connect_args={
            "prepare_threshold": None,  # a statement that was prepared on one of them is unknown on the next
            "connect_timeout": CONNECT_SECONDS,
        },
    )
    return engine


def begin(connection: Connection, *, writes: bool) -> None:
    """Say what a transaction is to be, as the first thing in it. SQLAlchemy's event for this slows down all others."""
    if connection.dialect.name == "sqlite":
        _begin_sqlite(connection, writes=writes)
    else:
        _begin_postgresql(connection, writes=writes)


def _begin_postgresql(connection: Connection, *, writes: bool) -> None:
    """Bound how long a transaction waits for others, and how long others wait for it.

    A process that stands still in the midst of one holds its locks, the lease's among them: the server ends it then.
    Readers hold none, and take seconds over ten thousand machines. It is said of each transaction, as a pooler keeps
    nothing else of what a session was told.
    """
    bounds = {"lock_timeout": BUSY_SECONDS}
    if writes:
        bounds["idle_in_transaction_session_timeout"] = IDLE_SECONDS
    said = ", ".join(f"set_config('{name}', '{seconds:.0f}s', true)" for name, seconds in bounds.items())
    connection.exec_driver_sql(f"SELECT {said}")  # in one go; "true": for this transaction


def _open_sqlite(url: URL) -> Engine:
    """An engine for a file, which is made for its owner alone where it is not there.

    Raises:
        PermanentError: It is none, or cannot be made.
    """
    if url.host or url.username or url.password:
        raise PermanentError("a SQLite database has neither host nor user: write sqlite:///FILE, with three slashes")
    if not url.database or url.database == ":memory:":
        raise PermanentError("the database must be a file: one in memory forgets everything that must not be forgotten")
    path = Path(url.database)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise PermanentError(f"cannot open the database {path}: {error.strerror}") from error
    # Every transaction of ours ends by itself: none is left to be rolled back when its connection is given back. And
    # ``Database`` keeps connections itself: taking one from SQLAlchemy's pool takes longer than a short question does.
    options = {"poolclass": NullPool, "pool_reset_on_return": None}
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS}, **options)
    event.listen(engine, "connect", _configure_sqlite)
    return engine


def _configure_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # Python's module would begin transactions at moments of its own choice
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: Connection, *, writes: bool) -> None:
    """Take the write lock at the beginning: a transaction that reads first and then wants it may be refused at once."""
    word = "BEGIN IMMEDIATE" if writes else "BEGIN"
    dbapi = connection.connection.driver_connection
    assert isinstance(dbapi, sqlite3.Connection)
    try:  # past SQLAlchemy, which makes much of a word that is said a hundred times a second
        dbapi.execute(word).close()
    except sqlite3.Error as error:
        raise DBAPIError.instance(word, None, error, sqlite3.Error) from error


@cache
def _count_at_once(areas: tuple[str, ...]) -> ReturningUpdate[int, int | None]:
    """Counts a transaction and tells it to areas, in one go: where there is one writer, nobody comes in between."""
    told = or_(*(change.c.area == area for area in (TOKEN, *areas)))
    return update(change).where(told).values(revision=_NEXT).returning(change.c.revision, _HOLDS)


def _next_revision(connection: Connection, areas: tuple[str, ...]) -> int:
    """Count this transaction. On PostgreSQL the row stays locked until the commit, so that numbers appear in order."""
    revision = int(connection.execute(_COUNT_AND_TELL).scalar_one())
    connection.execute(_TELL_COUNT, {"areas": areas, "counted": revision})
    return revision


@contextmanager
def _nothing() -> Iterator[None]:
    yield
