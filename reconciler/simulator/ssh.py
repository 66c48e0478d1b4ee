"""The SSH server of a simulated server on a loopback address."""

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import asyncssh

from .children import uninterrupted
from .dialogue import answer
from .life import ServerState
from .server import SimServer

_DISK_KEY = "etc/ssh/ssh_host_ed25519_key"
_GIVEN_KEY = "etc/ssh/ssh_host_rsa_key"


class SshFront:
    """Opens and closes a server's SSH port as it boots and halts.

    Every boot of the live system has new host keys; those of an installed system are on its disk.
    """

    def __init__(self, port: int, client_key: str) -> None:
        """Nobody listens yet.

        Args:
            port: Where every server listens, on its own address.
            client_key: The public key that logs in as root, in OpenSSH form.
        """
        self._port = port
        self._keys = asyncssh.import_authorized_keys(client_key)
        self._open: dict[str, _Open] = {}

    async def open(self, server: SimServer) -> None:
        """Start answering for ``server``."""
        opened = _Open()

        async def session(process: "asyncssh.SSHServerProcess[str]") -> None:
            with opened.running():
                await _answer(server, process)

        async def listen() -> None:
            opened.acceptor = await asyncssh.listen(
                server.own_address,
                self._port,
                server_factory=lambda: _Connection(opened),
                server_host_keys=_host_keys(server),
                authorized_client_keys=self._keys,
                process_factory=session,
                sftp_factory=lambda channel: asyncssh.SFTPServer(channel, chroot=str(server.live).encode()),
                reuse_address=True,
            )

        self._open[server.serial] = opened
        await uninterrupted(listen())  # half way, the end of power would leave its socket open

    async def close(self, server: SimServer) -> None:
        """Stop answering, drop the connections there are, and end what runs for them."""
        opened = self._open.pop(server.serial, None)
        if opened is None or opened.acceptor is None:
            return
        opened.closed = True
        opened.acceptor.close()
        for connection in list(opened.connections):
            connection.abort()
        for task in opened.sessions:
            task.cancel()
        await asyncio.gather(*opened.sessions, return_exceptions=True)
        await opened.acceptor.wait_closed()


@dataclass
class _Open:
    """One boot's listener, who is connected to it, and what runs for them."""

    acceptor: asyncssh.SSHAcceptor | None = None
    connections: set[asyncssh.SSHServerConnection] = field(default_factory=set)
    sessions: set["asyncio.Task[Any]"] = field(default_factory=set)
    closed: bool = False

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Our own task is one of the sessions."""
        task = asyncio.current_task()
        assert task is not None
        if self.closed:
            task.cancel()
        self.sessions.add(task)
        try:
            yield
        finally:
            self.sessions.discard(task)


class _Connection(asyncssh.SSHServer):
    """Known to its listener for as long as it lasts."""

    def __init__(self, opened: _Open) -> None:
        self._opened = opened
        self._connection: asyncssh.SSHServerConnection | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn
        self._opened.connections.add(conn)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._connection is not None:
            self._opened.connections.discard(self._connection)


_KeyPair = asyncssh.SSHKey | tuple[asyncssh.SSHKey, asyncssh.SSHCertificate]


def _host_keys(server: SimServer) -> list[_KeyPair]:
    """A key made at the first boot, and in an installed system the one that it was given with its certificate."""
    if server.state is not ServerState.INSTALLED:
        return [asyncssh.generate_private_key("ssh-ed25519")]
    own, given = server.disk / _DISK_KEY, server.disk / _GIVEN_KEY
    if not own.exists():
        own.parent.mkdir(parents=True, exist_ok=True)
        asyncssh.generate_private_key("ssh-ed25519").write_private_key(own)
    keys: list[_KeyPair] = [asyncssh.read_private_key(own)]
    if given.exists():
        key = asyncssh.read_private_key(given, unsafe_skip_rsa_key_validation=True)  # ours: it would take half a second
        keys.append((key, asyncssh.read_certificate(f"{given}-cert.pub")))
    return keys


async def _answer(server: SimServer, process: "asyncssh.SSHServerProcess[str]") -> None:
    status, text, errors = await answer(server, process.command or "")
    with contextlib.suppress(BrokenPipeError, ConnectionError):  # whoever asked has gone
        process.stdout.write(text)
        process.stderr.write(errors)
        process.exit(status)
