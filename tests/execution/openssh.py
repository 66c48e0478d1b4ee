"""OpenSSH's own server, started for each connection as inetd would, so that no port is chosen beforehand."""

import asyncio
import contextlib
import os
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

SSHD = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin")
is_here = pytest.mark.skipif(SSHD is None or os.geteuid() != 0, reason="needs root and sshd (apt: openssh-server)")

_CONFIG = """\
AuthorizedKeysFile {folder}/authorized_keys
PermitRootLogin prohibit-password
StrictModes no
UsePAM no
Subsystem sftp internal-sftp
"""


@dataclass
class OpenSsh:
    """Listens on a loopback address. Every connection is served by the configuration of that moment."""

    folder: Path
    port: int = 0
    _sessions: list[asyncio.subprocess.Process] = field(default_factory=list)

    def configure(self, *lines: str) -> None:
        """What its configuration says of host keys."""
        (self.folder / "sshd_config").write_text(_CONFIG.format(folder=self.folder) + "".join(f"{x}\n" for x in lines))

    def log(self) -> str:
        """Everything that its servers said."""
        return (self.folder / "log").read_text()

    async def serve(self, listener: socket.socket) -> None:
        with (self.folder / "log").open("ab") as log:
            while True:
                connection, _ = await asyncio.get_running_loop().sock_accept(listener)
                with connection:
                    connection.setblocking(True)
                    command = [SSHD or "", "-i", "-e", "-f", self.folder / "sshd_config"]
                    files = {"stdin": connection, "stdout": connection, "stderr": log}
                    self._sessions.append(await asyncio.create_subprocess_exec(*command, **files))

    async def stop(self) -> None:
        for session in self._sessions:
            if session.returncode is None:
                session.terminate()
            await session.wait()

    def prepare(self, client_key: str) -> None:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # sshd insists on it; its service makes it elsewhere
        (self.folder / "authorized_keys").write_text(f"{client_key}\n")


@asynccontextmanager
async def listening(folder: Path, client_key: str) -> AsyncIterator[OpenSsh]:
    """A server of its own.

    Args:
        folder: For its files.
        client_key: Who logs in as root.
    """
    server = OpenSsh(folder)
    server.prepare(client_key)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        server.port = listener.getsockname()[1]
        serving = asyncio.create_task(server.serve(listener))
        try:
            yield server
        finally:
            serving.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await serving
            await server.stop()
