"""A MariaDB of the tests' own: one server on a socket in a temporary folder, one database per dump."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ..waiting import until


class MariaDb:
    """A running server."""

    def __init__(self, socket: Path) -> None:
        self.socket = socket
        self.client = ("mariadb", "--no-defaults", f"--socket={socket}", "--user=root")

    def url(self, database: str, user: str = "root") -> str:
        return f"mysql+pymysql://{user}@localhost/{database}?unix_socket={self.socket}"

    def load(self, database: str, statements: str) -> str:
        """A new database that these statements fill; its URL."""
        self.sql(f"CREATE DATABASE {database}")
        self.sql(statements, database)
        return self.url(database)

    def sql(self, statements: str, database: str = "") -> str:
        return self._client(database, statements.encode())

    def dump(self, database: str) -> str:
        """All rows, one on each line."""
        command = ["mariadb-dump", *self.client[1:], "--skip-extended-insert", "--complete-insert", "--no-create-info"]
        return subprocess.run([*command, database], capture_output=True, text=True, check=True).stdout

    def checksums(self, database: str) -> str:
        """A number per table that changes when anything in it does."""
        tables = self.sql("SHOW TABLES", database).split()
        return self.sql(f"CHECKSUM TABLE {', '.join(f'`{name}`' for name in tables)} EXTENDED", database)

    def _client(self, database: str, text: bytes) -> str:
        client = ["mariadb", "--no-defaults", f"--socket={self.socket}", "--user=root", "--batch"]
        command = [*client, "--skip-column-names", *([database] if database else [])]
        ran = subprocess.run(command, input=text, capture_output=True, check=False)
        assert ran.returncode == 0, ran.stderr.decode()
        return ran.stdout.decode()


@contextmanager
def running() -> Iterator[MariaDb]:
    """A server of our own, with its data in a folder that goes when it does; stopped at the end."""
    server = shutil.which("mariadbd") or shutil.which("mariadbd", path="/usr/sbin:/usr/local/sbin")
    install = shutil.which("mariadb-install-db")
    if server is None or install is None:
        pytest.skip("needs mariadbd (apt: mariadb-server)")
    with tempfile.TemporaryDirectory(prefix="mariadb-", ignore_cleanup_errors=True) as name:
        folder = Path(name)  # not pytest's own: another user must come in, and a socket's path is short
        temporary = folder / "tmp"  # one that starts throws away what others have in a folder that they share
        temporary.mkdir()
        own = os.environ | {"TMPDIR": str(temporary)}
        as_user = []
        if os.getuid() == 0:
            as_user = ["--user=mysql"]
            shutil.chown(folder, "mysql")
            shutil.chown(temporary, "mysql")
        data, socket, errors = folder / "data", folder / "socket", folder / "errors.log"
        made = subprocess.run(
            [
                install,
                "--no-defaults",
                f"--datadir={data}",
                "--skip-test-db",
                "--auth-root-authentication-method=normal",
                *as_user,
            ],
            check=False,
            capture_output=True,
            text=True,
            env=own,
        )
        assert made.returncode == 0, made.stdout + made.stderr
        process = subprocess.Popen(
            [
                server, "--no-defaults", f"--datadir={data}", f"--socket={socket}", "--skip-networking",
                f"--log-error={errors}", f"--pid-file={folder / 'pid'}", *as_user,
            ],
            stderr=subprocess.DEVNULL, env=own,
        )  # fmt: skip
        try:
            _wait(process, socket, errors)
            yield MariaDb(socket)
        finally:
            process.kill()  # nothing in it is worth keeping
            process.wait()


def _wait(process: "subprocess.Popen[bytes]", socket: Path, errors: Path) -> None:
    ping = ["mariadb-admin", "--no-defaults", f"--socket={socket}", "--user=root", "ping"]

    def answers() -> bool:
        return process.poll() is not None or subprocess.run(ping, capture_output=True, check=False).returncode == 0

    until("mariadbd answers, or has ended", answers)
    assert process.poll() is None, errors.read_text() if errors.exists() else "no log"
