"""Opens a site's database. Writers create and migrate it; readers never do."""

import os
import pwd
from datetime import datetime
from pathlib import Path

from ..model.errors import PermanentError, TemporaryError
from ..model.redaction import redact_database
from ..store import Store
from ..store.secrets.vault import load_key, load_or_create_key
from .config import PLACES, Config
from .reserve import Reserve

_SQLITE = "sqlite:///"
_MAGIC = b"SQLite format 3\0"
"""How a file begins (https://www.sqlite.org/fileformat.html, 1.3)."""


class SiteDatabase:
    """The database of one site, opened when it is first needed: for those who write, or for those who only read."""

    def __init__(self, config: Config, *, makes: bool) -> None:
        """``makes``: whoever writes makes a database where there is none; otherwise that is refused."""
        self.makes = makes
        self._config = config
        self._writing: Store | None = None
        self._reading: Store | None = None  # without the right to write, and only as long as nobody writes
        self._closed = False

    @property
    def writing(self) -> Store:
        """The database for those who write.

        Raises:
            PermanentError: It cannot be opened; or it is not there, and none is made; or it was closed.
        """
        if self._writing is None:
            self._refuse_late()
            self._writing = open_store(self._config) if self.makes else open_existing(self._config)
        return self._writing

    @property
    def reading(self) -> Store | None:
        """The database for those who only read; None when there is none yet, and then none is made.

        Raises:
            PermanentError: It was closed.
        """
        if self._writing is not None:
            return self._writing
        if self._reading is None:
            self._refuse_late()
            self._reading = open_kept(self._config)
        return self._reading

    @property
    def is_open(self) -> bool:
        """Whether it was opened for those who write."""
        return self._writing is not None

    @property
    def opened(self) -> Store:
        """The database for those who answer others, and open none for that.

        Raises:
            TemporaryError: It is not open yet.
        """
        if self._writing is None:
            raise TemporaryError("the database is not open yet")
        return self._writing

    def open(self) -> None:
        """Open the database for a process that stays, if that was not done yet, and see that it is sound.

        Raises:
            PermanentError: It may not be opened, or is damaged; or it was closed.
            TemporaryError: It does not answer.
        """
        self._refuse_late()
        store, self._writing = self._writing or open_store(self._config), None
        try:
            if (damage := store.damage()) is not None:
                raise PermanentError(damage)
        except BaseException:
            store.close()
            raise
        self._writing = store

    def _refuse_late(self) -> None:
        """A thread that comes late, such as one that waited for git, would open it as somebody who holds no lease."""
        if self._closed:
            raise PermanentError("the database was closed: this process is about to end")

    def close(self) -> None:
        """Close what was opened. From then on nothing is."""
        self._closed = True
        self.let_go()

    def let_go(self) -> None:
        """Close what was opened, so that another database may be put in its place."""
        for store in (self._writing, self._reading):
            if store is not None:
                store.close()
        self._writing = self._reading = None


def open_store(config: Config) -> Store:
    """The database, made when it is not there and brought to the newest schema; so is the key of its secrets.

    Raises:
        PermanentError: It may not be opened, or has secrets whose key is missing.
    """
    _may_open(config)
    return _open(config, migrate=True)


def _open(config: Config, *, migrate: bool) -> Store:
    """A database that opens, and takes decisions, on a full disk too: the room that is kept for that is given up."""
    reserve = reserve_of(config)
    if reserve is not None:
        reserve.give_up_when_full()  # SQLite makes files beside the database when it is opened
    store = Store.open(config.database, key=_key(config, migrate=migrate), migrate=migrate)
    if reserve is not None:
        store.before_decisions(reserve.give_up_when_full)
    return store


def reserve_of(config: Config) -> Reserve | None:
    """The room that is kept beside a database in a file; None for another kind of database."""
    path = _file(config)
    return Reserve(path.with_name(f"{path.name}-reserve")) if path else None


def open_existing(config: Config) -> Store:
    """The database as it is, for who writes to it and did not begin it.

    Raises:
        PermanentError: There is none, it may not be opened, it is of another version of this program, or it has
            secrets whose key is missing.
    """
    if not _has_database(config):
        raise no_database(config)
    _may_open(config)
    _refuse_other_files(config)
    return _open(config, migrate=False)


def no_database(config: Config) -> PermanentError:
    """What to tell somebody whose command needs a database where there is none: it talks to nobody."""
    return PermanentError(
        f"there is no database {redact_database(config.database)}, and none is made here: nothing was done. Name "
        f"the daemon's configuration (--config FILE; {' and '.join(map(str, PLACES))} are looked for), or its "
        "database (--database URL). The daemon makes its database when it first runs"
    )


def _key(config: Config, *, migrate: bool) -> bytes:
    """The key of the secrets; made where the database has none that it could open."""
    if config.secret_key_file is not None:  # what an operator named must be the right one: none is made
        return load_key(config.secret_key_file)
    if not config.key_file.exists() and _has_database(config):
        with Store.open(config.database, migrate=migrate) as store:
            if store.list_secrets():
                raise PermanentError(
                    f"the secret key {config.key_file} is missing, and the secrets in "
                    f"{redact_database(config.database)} are sealed with it: bring it back from the backup"
                )
    return load_or_create_key(config.key_file)


def open_kept(config: Config) -> Store | None:
    """The database as it is, for who only reads; None when there is none yet. Nothing is made.

    Without the key, all but the texts of secrets can be read.

    Raises:
        PermanentError: It may not be opened, or is of another version of this program.
    """
    if not _has_database(config):
        return None
    _may_open(config)
    _refuse_other_files(config)
    key = load_key(config.key_file) if config.key_file.exists() else None
    return Store.open(config.database, key=key, migrate=False)


def put_aside(config: Config, now: datetime) -> list[Path]:
    """Give the file of a SQLite database, with its log, another name beside it; the new name of the file.

    Raises:
        PermanentError: It is another kind of database, or cannot be moved.
    """
    path = _file(config)
    if path is None:
        raise PermanentError("only a SQLite database can be put aside: name a new one with --database")
    aside = path.with_name(f"{path.name}.before-{now:%Y%m%dT%H%M%S}")
    if not path.exists():
        return []
    try:
        for end in ("", "-wal", "-shm"):  # a log without its database is dropped; a database without its log is torn
            part = path.with_name(f"{path.name}{end}")
            if part.exists():
                part.rename(aside.with_name(f"{aside.name}{end}"))
    except OSError as error:
        raise PermanentError(f"{path} cannot be moved to {aside}: {error.strerror}") from error
    return [aside]


def _refuse_other_files(config: Config) -> None:
    if (path := _file(config)) is not None and not _is_sqlite(path):
        raise PermanentError(f"{path} is no SQLite database: name another file with --database sqlite:///FILE")


def _has_database(config: Config) -> bool:
    path = _file(config)
    try:
        return path is None or path.stat().st_size > 0
    except FileNotFoundError:
        return False
    except OSError as error:
        raise PermanentError(f"cannot look at the database {path}: {error.strerror}. {_who_should(path)}") from None


def _is_sqlite(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


def _may_open(config: Config) -> None:
    for what, path in (("database", _file(config)), ("secret key", config.key_file)):
        if path is not None and path.exists() and not os.access(path, os.R_OK | (os.W_OK if what == "database" else 0)):
            raise PermanentError(f"the {what} {path} may not be opened: permission denied. {_who_should(path)}")


def _who_should(path: Path | None) -> str:
    try:
        owner = pwd.getpwuid(path.stat().st_uid).pw_name if path else "its owner"
    except (OSError, KeyError):
        owner = "its owner"
    return f"Run this as {owner}, such as: sudo -u {owner} reconciler ..."


def _file(config: Config) -> Path | None:
    """Where a SQLite database lies; None for another kind."""
    found = config.database.partition("?")[0]
    return Path(found.removeprefix(_SQLITE)) if found.startswith(_SQLITE) and found != _SQLITE else None
