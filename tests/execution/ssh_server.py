"""A real SSH server in front of a FakeMachine."""

import posixpath
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import asyncssh

from reconciler.execution.drivers.host_keys import FileHostKeys
from reconciler.execution.drivers.ssh import SshDial, SshShells, SshTimings

from ..fakes.clock import FakeClock
from ..fakes.machine import FakeMachine
from ..waiting import LONG
from .build import FakeDirectory

HostKeyPair = asyncssh.SSHKey | tuple[asyncssh.SSHKey, asyncssh.SSHCertificate]
"""A host key, by itself or with its certificate."""


def a_key() -> asyncssh.SSHKey:
    return asyncssh.generate_private_key("ssh-ed25519")


def public(key: asyncssh.SSHKey) -> str:
    return key.export_public_key().decode().strip()


CLIENT_KEY = a_key()
"""Ours."""


def shells(port: int, keys: FileHostKeys, directory: FakeDirectory, clock: FakeClock | None = None) -> SshShells:
    """The driver, as patient as a busy machine needs it."""
    timings = SshTimings(connect=LONG, login=LONG)
    dial = SshDial(lambda: CLIENT_KEY, port, timings)
    return SshShells(dial, keys, directory, clock or FakeClock(), timings.answer)


class _Sftp(asyncssh.SFTPServer):
    """Keeps files in the machine's dictionary, in place of a disk."""

    def __init__(self, channel: asyncssh.SSHServerChannel, machine: FakeMachine) -> None:
        super().__init__(channel)
        self.machine = machine

    def stat(self, path: bytes) -> asyncssh.SFTPAttrs:
        raise asyncssh.SFTPNoSuchFile("no such file")

    def mkdir(self, path: bytes, attrs: asyncssh.SFTPAttrs) -> None:
        pass

    def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> tuple[str, bytearray, int | None]:
        return posixpath.normpath(path.decode()), bytearray(), attrs.permissions

    def write(self, file_obj: tuple[str, bytearray, int | None], offset: int, data: bytes) -> int:
        file_obj[1][offset : offset + len(data)] = data
        return len(data)

    def close(self, file_obj: tuple[str, bytearray, int | None]) -> None:
        path, content, mode = file_obj
        assert mode == 0o600
        self.machine.files[path] = bytes(content)

    def setstat(self, path: bytes, attrs: asyncssh.SFTPAttrs) -> None:
        assert attrs.permissions is not None
        self.machine.modes[path.decode()] = attrs.permissions

    def posix_rename(self, oldpath: bytes, newpath: bytes) -> None:
        kept: dict[str, Any]
        for kept in (self.machine.files, self.machine.modes):
            if oldpath.decode() in kept:
                kept[newpath.decode()] = kept.pop(oldpath.decode())


class _Greeting(asyncssh.SSHServer):
    """Keeps its connection among ``connections`` for as long as it lasts."""

    def __init__(self, connections: set[asyncssh.SSHServerConnection]) -> None:
        self._connections = connections
        self._connection: asyncssh.SSHServerConnection | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn
        self._connections.add(conn)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._connection is not None:
            self._connections.discard(self._connection)


@dataclass
class SshMachine:
    """Listens on a loopback address; ``reboot`` changes the host key as a live system does."""

    machine: FakeMachine
    client_key: asyncssh.SSHKey = CLIENT_KEY
    host_keys: list[HostKeyPair] = field(default_factory=lambda: [a_key()])
    port: int = 0
    logins: int = 0
    stuck: str = ""  # a command that never ends
    flood: str = ""  # a command that prints too much
    _acceptor: asyncssh.SSHAcceptor | None = None
    _connections: set[asyncssh.SSHServerConnection] = field(default_factory=set)

    async def start(self) -> None:
        self._acceptor = await asyncssh.listen(
            "127.0.0.1",
            self.port,
            server_host_keys=self.host_keys,
            authorized_client_keys=asyncssh.import_authorized_keys(public(self.client_key)),
            process_factory=self._session,
            sftp_factory=lambda channel: _Sftp(channel, self.machine),
            server_factory=self._greet,
        )
        self.port = self._acceptor.get_port()

    async def stop(self) -> None:
        """As when the power goes: nobody listens any more, and nobody is connected."""
        if self._acceptor is not None:
            self._acceptor.close()
            for connection in list(self._connections):
                connection.abort()
            await self._acceptor.wait_closed()  # since Python 3.12 this waits for the connections too

    async def become(self, *host_keys: HostKeyPair) -> None:
        """The same address and port, another host key."""
        await self.stop()
        self.host_keys = list(host_keys)
        await self.start()

    def _greet(self) -> asyncssh.SSHServer:
        self.logins += 1
        return _Greeting(self._connections)

    async def _session(self, process: "asyncssh.SSHServerProcess[str]") -> None:
        command = process.command or ""
        if command == self.stuck:
            await process.stdin.read()
            await process.channel.wait_closed()
            return
        if command == self.flood:
            for _ in range(40):
                process.stdout.write("x" * 65536)
                await process.stdout.drain()
            process.stdout.write("the end")
            process.exit(0)
            return
        ran = self.machine.answer(command)
        process.stdout.write(ran.stdout)
        process.stderr.write(ran.stderr)
        process.exit(ran.status)


@asynccontextmanager
async def listening(machine: FakeMachine) -> AsyncIterator[SshMachine]:
    server = SshMachine(machine)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()
