"""A copy of the nodes' documents on disk, for as long as the database is away or another daemon has it.

A file of its own in the state folder, which only this fleet's key opens: documents hold secrets, and a copy of the
folder without the key is to be worth nothing. What many documents share is kept once, and what did not change is
neither sealed nor written again.
"""

import contextlib
import json
import os
import sqlite3
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any, NamedTuple

from ..enc.documents.writer import Document, pieces_of
from ..model.errors import PermanentError, TemporaryError
from ..model.kinds import FleetSpec
from ..store.secrets.vault import Sealer, load_key
from .config import Config

AT_ONCE = 200
"""Documents per transaction: some megabytes."""

PARTS = 1000
"""Shared parts that are remembered once they were opened; some dozens are a cluster's."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS part (id INTEGER PRIMARY KEY, name BLOB NOT NULL UNIQUE, sealed BLOB NOT NULL, uses INTEGER);
CREATE TABLE IF NOT EXISTS document (hostname TEXT PRIMARY KEY, digest TEXT, address TEXT, layout TEXT, own BLOB);
CREATE TABLE IF NOT EXISTS trust (one INTEGER PRIMARY KEY CHECK (one = 1), sealed BLOB NOT NULL);
"""

_UNREADABLE = (sqlite3.Error, OSError, PermanentError, ValueError, LookupError, zlib.error)


@dataclass(frozen=True, slots=True)
class Asking:
    """Who may ask for any node's classes, as the specs last said."""

    puppet_servers: tuple[IPv4Address, ...] = ()
    trusted_networks: tuple[IPv4Network, ...] = ()

    @classmethod
    def of(cls, fleet: FleetSpec) -> "Asking":
        """The askers whom a fleet's specs name."""
        return cls((fleet.provisioning.address, *fleet.puppet.servers), tuple(fleet.provisioning.trusted_networks))

    def is_puppet_server(self, address: Any) -> bool:
        """Whether an address is the Puppet server's; on this machine, if machines are trusted that stand here."""
        return address in self.puppet_servers or (
            address.is_loopback and any(address in network for network in self.trusted_networks)
        )


@dataclass
class KeptDocuments:
    """The copy of one fleet. ``keep`` is called from one thread at a time; what reads may be called from any."""

    path: Path
    key_file: Path
    _digests: dict[str, tuple[str, str | None]] | None = field(default=None)  # what the copy holds, once it was read
    _addresses: Mapping[str, str | None] = field(default_factory=dict)  # of the nodes whose documents it held
    _parts: dict[bytes, bytes] = field(default_factory=dict)  # by name: shared parts that were opened
    _is_made: bool = False  # the tables are there
    _asking: tuple[Asking, bytes] | None = None  # who may ask, and how the copy has it sealed
    _seen: "_FileState | None" = None  # the copy, when it last was known to be right

    @classmethod
    def of(cls, config: Config) -> "KeptDocuments":
        """Where a site's copy lies."""
        return cls(config.state / "documents.db", config.key_file)

    @property
    def exists(self) -> bool:
        """Whether there is a copy, and the key that opens it."""
        return self.path.exists() and self.key_file.exists()

    @cached_property
    def _sealer(self) -> Sealer:
        return Sealer(load_key(self.key_file), b"documents")

    def keep(self, documents: Mapping[str, Document], asking: Asking) -> int:
        """Bring the copy to what the documents are now; returns how many were written.

        A fleet without any document is a database that was lost: then the copy stays.

        Raises:
            TemporaryError: It cannot be written now.
        """
        if not documents:
            return 0
        if self._is_current(documents, asking):
            self._see()
            return 0
        with self._writing() as connection:
            known = self._digests = _digests(connection) if self._digests is None else self._digests
            changed = [one for host, one in documents.items() if known.get(host) != (one.digest, one.address)]
            gone = sorted(known.keys() - documents.keys())
            for start in range(0, len(changed), AT_ONCE):
                some = changed[start : start + AT_ONCE]
                _Batch(connection, self._sealer).write(some, ())
                known |= {one.hostname: (one.digest, one.address) for one in some}
            if gone:
                _Batch(connection, self._sealer).write((), gone)
                for hostname in gone:
                    del known[hostname]
            self._keep_asking(connection, asking)
            self._addresses = _addresses(known)
        self._see()
        return len(changed) + len(gone)

    def _is_current(self, documents: Mapping[str, Document], asking: Asking) -> bool:
        """Whether the copy holds all of this, and nobody has touched it since that was written."""
        if self._asking is None or self._asking[0] != asking or self._seen is None or self._seen != _file(self.path):
            return False
        return self._digests == {host: (one.digest, one.address) for host, one in documents.items()}

    def _see(self) -> None:
        """All that it holds is right as of now."""
        os.utime(self.path)
        self._seen = _file(self.path)

    def read_addresses(self) -> None:
        """Find out whose documents it holds, for ``holds`` and ``is_of``; nobody's, when it cannot be read."""
        try:
            with self._reading() as connection:
                self._addresses = _addresses(_digests(connection))
        except _UNREADABLE:
            self._addresses = {}

    def holds(self, hostname: str) -> bool:
        """Whether it held a node's document when that was last found out."""
        return hostname in self._addresses

    def is_of(self, hostname: str, address: str) -> bool:
        """Whether a node seems to have this address, as was last found out; ``get`` gives the one to believe."""
        return self._addresses.get(hostname) == address

    def get(self, hostname: str) -> Document | None:
        """A node's document; None when the copy has none, or cannot be read now. Waits for nobody who writes it."""
        try:
            with self._reading() as connection:
                row = connection.execute(
                    "SELECT digest, address, layout, own FROM document WHERE hostname = ?", (hostname,)
                ).fetchone()
                if row is None:
                    return None
                digest, address, layout, own = row
                written = json.loads(layout)
                parts = {part: self._part(connection, part) for part in _shared(written)}
                pieces = [parts[one] if isinstance(one, int) else (one[0], one[1]) for one in written]
                opened = self._sealer.open(own, _row_name(hostname, digest, address, layout))
                as_of = datetime.fromtimestamp(self.path.stat().st_mtime, UTC)
            return Document(hostname, address, digest, pieces_of(pieces), opened, as_of)
        except _UNREADABLE:
            return None

    def asking(self) -> Asking:
        """Who might ask, by the copy; nobody, when it cannot be read."""
        try:
            with self._reading() as connection:
                return self._opened(_trust(connection))
        except _UNREADABLE:
            return Asking()

    def _opened(self, sealed: bytes) -> Asking:
        """What was sealed of who may ask; nobody, when it cannot be opened."""
        try:
            found = json.loads(self._sealer.open(sealed, b"trust"))
            return Asking(
                tuple(IPv4Address(one) for one in found["puppet_servers"]),
                tuple(IPv4Network(one) for one in found["trusted_networks"]),
            )
        except _UNREADABLE:
            return Asking()

    def _keep_asking(self, connection: sqlite3.Connection, asking: Asking) -> None:
        if (asking, (there := _trust(connection))) == self._asking:
            return
        if self._opened(there) == asking:
            self._asking = asking, there
            return
        said = {
            "puppet_servers": [str(one) for one in asking.puppet_servers],
            "trusted_networks": [str(one) for one in asking.trusted_networks],
        }
        sealed = self._sealer.seal(json.dumps(said).encode(), b"trust")
        with connection:
            connection.execute("INSERT OR REPLACE INTO trust (one, sealed) VALUES (1, ?)", (sealed,))

    def _part(self, connection: sqlite3.Connection, part: int) -> bytes:
        """A shared part. Its name says what it is, so that one that was opened before is the same still."""
        (name,) = connection.execute("SELECT name FROM part WHERE id = ?", (part,)).fetchone() or (b"",)
        content = self._parts.get(name)
        if content is None:
            (sealed,) = connection.execute("SELECT sealed FROM part WHERE id = ?", (part,)).fetchone() or (b"",)
            content = zlib.decompress(self._sealer.open(sealed, name))
            if len(self._parts) >= PARTS:
                self._parts.clear()
            self._parts[name] = content
        return content

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        connection = sqlite3.connect(f"{self.path.absolute().as_uri()}?mode=ro", uri=True, timeout=0.0)
        with contextlib.closing(connection):
            yield connection

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """A connection that may write. What is damaged is thrown away, to be made anew.

        Raises:
            TemporaryError: It cannot be written now.
        """
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(self.path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
            with contextlib.closing(sqlite3.connect(self.path, timeout=5.0)) as connection:
                if not self._is_made:
                    connection.executescript(_SCHEMA)
                    self._is_made = True
                connection.execute("PRAGMA cache_spill = OFF")  # readers are kept out for no longer than a commit takes
                yield connection
        except (sqlite3.Error, OSError) as error:
            self._digests, self._is_made = None, False  # nobody knows how far it came
            if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError):
                self.path.unlink(missing_ok=True)  # damaged: it is made anew from what is in memory
            raise TemporaryError(f"the copy of the documents, {self.path}, cannot be written: {error}") from error


class _Batch:
    """Writes documents, and counts how many use each shared part."""

    def __init__(self, connection: sqlite3.Connection, sealer: Sealer) -> None:
        self._connection = connection
        self._sealer = sealer
        self._ids: dict[bytes, int] = {}

    def write(self, documents: Sequence[Document], gone: Sequence[str]) -> None:
        """Put documents in the place of those that their nodes had, and take others away, all or nothing."""
        uses: Counter[int] = Counter()
        with self._connection:
            for hostname in (*gone, *(one.hostname for one in documents)):
                uses.subtract(self._used_by(hostname))
            self._connection.executemany("DELETE FROM document WHERE hostname = ?", [(one,) for one in gone])
            for document in documents:
                layout = [self._id_of(part) if isinstance(part, bytes) else part for part in document.layout()]
                uses.update(_shared(layout))
                self._insert(document, json.dumps(layout, separators=(",", ":")))
            self._connection.executemany(
                "UPDATE part SET uses = uses + ? WHERE id = ?", [(more, part) for part, more in uses.items() if more]
            )
            self._connection.executemany(
                "DELETE FROM part WHERE id = ? AND uses = 0", [(part,) for part, more in uses.items() if more < 0]
            )

    def _used_by(self, hostname: str) -> frozenset[int]:
        row = self._connection.execute("SELECT layout FROM document WHERE hostname = ?", (hostname,)).fetchone()
        return _shared(json.loads(row[0])) if row else frozenset()

    def _id_of(self, content: bytes) -> int:
        if content not in self._ids:
            name = self._sealer.name_of(content)
            row = self._connection.execute("SELECT id FROM part WHERE name = ?", (name,)).fetchone()
            self._ids[content] = row[0] if row else self._add(name, content)
        return self._ids[content]

    def _add(self, name: bytes, content: bytes) -> int:
        sealed = self._sealer.seal(zlib.compress(content, 1), name)
        added = self._connection.execute("INSERT INTO part (name, sealed, uses) VALUES (?, ?, 0)", (name, sealed))
        return int(added.lastrowid or 0)

    def _insert(self, document: Document, layout: str) -> None:
        name = _row_name(document.hostname, document.digest, document.address, layout)
        own = self._sealer.seal(document.own, name)
        row = (document.hostname, document.digest, document.address, layout, own)
        self._connection.execute("INSERT OR REPLACE INTO document VALUES (?, ?, ?, ?, ?)", row)


class _FileState(NamedTuple):
    """What differs where somebody has written to a file, or put another one there."""

    device: int
    inode: int
    size: int
    changed_at: int  # nanoseconds since 1970


def _file(path: Path) -> _FileState | None:
    """The file as it is now; None: it is not there."""
    try:
        found = path.stat()
    except OSError:
        return None
    return _FileState(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


def _trust(connection: sqlite3.Connection) -> bytes:
    """Who may ask, as it is sealed; nothing where nobody has written that yet."""
    (sealed,) = connection.execute("SELECT sealed FROM trust").fetchone() or (b"",)
    return bytes(sealed)


def _digests(connection: sqlite3.Connection) -> dict[str, tuple[str, str | None]]:
    """Digest and address of every document, by hostname."""
    rows = connection.execute("SELECT hostname, digest, address FROM document")
    return {hostname: (digest, address) for hostname, digest, address in rows}


def _addresses(digests: Mapping[str, tuple[str, str | None]]) -> Mapping[str, str | None]:
    """Only the addresses."""
    return {hostname: address for hostname, (_, address) in digests.items()}


def _shared(layout: Iterable[int | Sequence[int]]) -> frozenset[int]:
    """The shared parts of a layout."""
    return frozenset(one for one in layout if isinstance(one, int))


def _row_name(hostname: str, digest: str, address: str | None, layout: str) -> bytes:
    """What a node's own part is bound to: a row that was changed does not open."""
    return "\0".join((hostname, digest, address or "", layout)).encode()
