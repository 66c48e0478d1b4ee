"""PostgreSQL servers of our own: started, stopped, promoted; and PgBouncer before one."""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from .waiting import until


def server_programs() -> Path | None:
    """The folder of PostgreSQL's programs."""
    if found := shutil.which("postgres"):
        return Path(found).resolve().parent
    return max(Path("/usr/lib/postgresql").glob("*/bin"), default=None)


def unprivileged_owner() -> pwd.struct_passwd | None:
    """Who runs it: PostgreSQL and PgBouncer refuse to run as root. None when we are not root."""
    if os.getuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    pytest.skip("needs a user to run postgres as (apt: postgresql)")


@dataclass
class PostgresServer:
    """One server, in a folder of its own with its socket; it trusts whoever can reach the folder."""

    programs: Path
    folder: Path
    owner: pwd.struct_passwd | None
    process: subprocess.Popen[bytes] | None = None

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def url(self, name: str) -> str:
        return f"postgresql://tester@/{name}?host={self.folder}"

    def run(self, program: str, *arguments: str | Path) -> None:
        """Run one of PostgreSQL's programs as the server's user."""
        command = [self.programs / program, *arguments]
        subprocess.run(command, check=True, capture_output=True, **as_owner(self.owner, self.folder))

    def make(self) -> None:
        """Make an empty cluster of databases."""
        how = ("-U", "tester", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C")
        self.run("initdb", "-D", self.data, *how)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [self.programs / "postgres", "-D", self.data, "-k", self.folder, "-h", "", "-N", "200", "-F"],
                stdout=log, stderr=log, **as_owner(self.owner, self.folder),
            )  # fmt: skip
        until("PostgreSQL answers, or has ended", self._answers)
        assert self.process.poll() is None, self.log.read_text()

    def stop(self) -> None:
        """As a host stops that loses its power: what was not written is lost, and nobody says goodbye."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait()

    def ask(self, sql: str, database: str = "postgres") -> object:
        """The first value of an answer."""
        with psycopg.connect(f"host={self.folder} user=tester dbname={database}", autocommit=True) as connection:
            found = connection.execute(sql)
            row = found.fetchone() if found.description else None
            return row[0] if row else None

    def wait_for_replicas(self) -> None:
        """Have each commit wait until a replica has it."""
        self.ask("ALTER SYSTEM SET synchronous_standby_names = '*'")
        self.ask("SELECT pg_reload_conf()")
        until("a replica is waited for", lambda: self.ask("SELECT sync_state = 'sync' FROM pg_stat_replication"))

    def new_database(self) -> str:
        """Make an empty database; its name."""
        name = f"t{uuid.uuid4().hex}"
        self.ask(f'CREATE DATABASE "{name}"')
        return name

    def _answers(self) -> bool:
        assert self.process is not None
        with contextlib.suppress(psycopg.OperationalError):
            self.ask("SELECT 1")
            return True
        return self.process.poll() is not None


def as_owner(owner: pwd.struct_passwd | None, folder: Path) -> dict[str, object]:
    """What a program is started with that is to run as another user."""
    more = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []} if owner else {}
    return {"cwd": folder, **more}


@contextlib.contextmanager
def owned_folder(owner: pwd.struct_passwd | None) -> Iterator[Path]:
    """A folder of the server's user: not ``tmp_path``, whose parents other users could not enter."""
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    try:
        if owner is not None:
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """A server that runs, and is stopped at the end."""
    programs = server_programs()
    if programs is None:
        pytest.skip("needs postgres (apt: postgresql)")
    owner = unprivileged_owner()
    with owned_folder(owner) as folder:
        server = PostgresServer(programs, folder, owner)
        try:
            server.make()
            server.start()
            yield server
        finally:
            server.stop()


@contextlib.contextmanager
def standby_of(primary: PostgresServer) -> Iterator[PostgresServer]:
    """A server that follows another one, and is told to take its place by ``pg_ctl promote``."""
    with owned_folder(primary.owner) as folder:
        server = PostgresServer(primary.programs, folder, primary.owner)
        try:
            how = ("-U", "tester", "--no-sync", "-X", "stream", "-c", "fast", "-R")
            server.run("pg_basebackup", "-h", primary.folder, "-D", server.data, *how)
            server.start()
            yield server
        finally:
            server.stop()


@dataclass
class Bouncer:
    """PgBouncer in transaction mode before a server: who asks it gets another connection for each transaction."""

    server: PostgresServer
    folder: Path
    size: int = 5
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it before the server's socket."""
        config = self._configured()
        with (self.folder / "out").open("ab") as log:
            self.process = subprocess.Popen(
                [str(shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"), str(config)],
                stdout=log, stderr=log, **as_owner(self.server.owner, self.folder),
            )  # fmt: skip
        until("PgBouncer answers, or has ended", self._answers)
        assert self.process.poll() is None, (self.folder / "out").read_text()

    def point_at(self, server: PostgresServer) -> None:
        """Give whoever asks from now on a connection to another server."""
        assert self.process is not None
        self.server = server
        self._configured()
        self.process.send_signal(signal.SIGHUP)

    def _configured(self) -> Path:
        config = self.folder / "pgbouncer.ini"
        config.write_text(
            f"[databases]\n* = host={self.server.folder} user=tester\n"
            f"[pgbouncer]\nunix_socket_dir = {self.folder}\nlisten_port = 6432\nlisten_addr =\nauth_type = any\n"
            f"pool_mode = transaction\ndefault_pool_size = {self.size}\nmax_client_conn = 500\n"
            f"server_login_retry = 1\nlogfile = {self.folder}/bouncer.log\npidfile = {self.folder}/bouncer.pid\n"
        )
        return config

    def url(self, name: str) -> str:
        return f"postgresql://tester@/{name}?host={self.folder}&port=6432"

    def _answers(self) -> bool:
        assert self.process is not None
        with contextlib.suppress(psycopg.OperationalError):
            psycopg.connect(f"host={self.folder} port=6432 user=tester dbname=postgres").close()
            return True
        return self.process.poll() is not None


@contextlib.contextmanager
def bouncer_before(server: PostgresServer) -> Iterator[Bouncer]:
    """PgBouncer before a server."""
    if not (shutil.which("pgbouncer") or Path("/usr/sbin/pgbouncer").exists()):
        pytest.skip("needs pgbouncer (apt: pgbouncer)")
    with owned_folder(server.owner) as folder:
        bouncer = Bouncer(server, folder)
        try:
            bouncer.start()
            yield bouncer
        finally:
            if bouncer.process is not None:
                bouncer.process.terminate()
                bouncer.process.wait()
