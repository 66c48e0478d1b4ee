"""The SSH server of a simulated server: it answers what ``provisioning.commands`` says, and nothing else."""

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncssh

from ..execution import seam
from ..provisioning import bmc, commands, fence, look, puppet_runs, raid, ring_files
from ..provisioning.addresses import READ_ADDRESSES
from . import storcli
from .children import uninterrupted
from .server import ServerState, SimServer

NOT_FOUND = 127

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
    command, errors = process.command or "", ""
    if server.in_band is not None and server.state is ServerState.LIVE and bmc.is_for_it(command):
        status, text, errors = await server.in_band(command)
    else:
        status, text = await _run(server, command)
    with contextlib.suppress(BrokenPipeError, ConnectionError):  # whoever asked has gone
        process.stdout.write(text)
        process.stderr.write(errors)
        process.exit(status)


async def _run(server: SimServer, command: str) -> tuple[int, str]:
    if server.controller and (said := server.controller.answer(command)):
        return said
    answer = {**_ALWAYS, **_WHILE.get(server.state, {})}.get(command)
    if server.state is ServerState.INSTALLED and (told := commands.is_on_controller(command)) is not None:
        server.told.append(told)
        return 0, ""
    if server.state is ServerState.INSTALLED and look.words_of_look(command) is not None:
        return await server.services.run(command)
    if answer is None:
        server.surprises.append(f"{command} ({server.state})")
        return NOT_FOUND, ""
    return await answer(server)


async def _boot_id(server: SimServer) -> tuple[int, str]:
    return 0, server.boot_id + "\n"


async def _clock(server: SimServer) -> tuple[int, str]:
    return 0, f"{seam.now().timestamp():.0f}\n"


async def _serial(server: SimServer) -> tuple[int, str]:
    return 0, f"# SMBIOS implementations newer than version 3.3.0\n{server.serial}\nNot Specified\n{server.serial}\n"


async def _disks(server: SimServer) -> tuple[int, str]:
    devices = server.report()["blockdevices"]
    assert isinstance(devices, list)
    rows = [{"name": d["name"], "type": "disk", "model": d["model"], "size": int(d["size"])} for d in devices]
    return 0, json.dumps({"blockdevices": rows})


async def _signatures(server: SimServer) -> tuple[int, str]:
    found = [{"device": on, "type": kind} for on, kinds in server.written().items() for kind in kinds]
    return 0, json.dumps({"signatures": found})


async def _state(server: SimServer) -> tuple[int, str]:
    return _cat(server.live, commands.STATE_FILE)


async def _progress(server: SimServer) -> tuple[int, str]:
    status, text = _cat(server.live, commands.LOG_FILE)
    return status, text.splitlines(keepends=True)[-1] if text else ""


async def _marker(server: SimServer) -> tuple[int, str]:
    return _cat(server.disk if server.state is ServerState.INSTALLED else server.live, commands.MARKER_FILE)


async def _unit(server: SimServer) -> tuple[int, str]:
    return (0, "active\n") if server.installing else (3, "inactive\n")


async def _raid_tool(server: SimServer) -> tuple[int, str]:
    return (0, f"{storcli.PATH}\n") if server.controller else (1, "")


async def _look(server: SimServer) -> tuple[int, str]:
    return await server.look()


async def _start(server: SimServer) -> tuple[int, str]:
    return (0, "") if await server.start_installer() else (1, "")


async def _addresses(server: SimServer) -> tuple[int, str]:
    given = server.disk / "etc/oci/my-ip"
    own = dict.fromkeys([server.agent.address, *([given.read_text().strip()] if given.exists() else [])])
    info = [{"family": "inet", "local": address, "prefixlen": 24, "scope": "global"} for address in own]
    return 0, json.dumps([{"ifname": "eth0", "addr_info": info}])


async def _last_run(server: SimServer) -> tuple[int, str]:
    return (0, server.last_run) if server.last_run else (1, "")


async def _puppet(server: SimServer) -> tuple[int, str]:
    good = await server.run_puppet()
    return (2, "Notice: Applied catalog\n") if good else (6, "Error: 3 resources failed\n")


async def _first_runs(server: SimServer) -> tuple[int, str]:
    return (0, f"{server.first_runs}\n4711\n") if server.first_boot_goes_on else (1, f"{server.first_runs}\n")


async def _begin_first_boot(server: SimServer) -> tuple[int, str]:
    await server.begin_first_boot()
    return 0, ""


async def _classes(server: SimServer) -> tuple[int, str]:
    return await server.services.run(look.READ_CLASSES)


async def _root_password(server: SimServer) -> tuple[int, str]:
    file = server.live / commands.ROOT_LOGIN_FILE.lstrip("/")
    if not file.is_file():
        return 1, ""
    server.root_password = file.read_text().partition(":")[2].strip()
    file.unlink()
    return 0, ""


def _cat(root: Path, path: str) -> tuple[int, str]:
    file = root / path.lstrip("/")
    return (0, file.read_text()) if file.is_file() else (1, "")


Reply = Callable[[SimServer], Awaitable[tuple[int, str]]]


def _rings(command: str) -> Reply:
    """Ring files are really read and put into place, below the server's own folder."""

    async def run(server: SimServer) -> tuple[int, str]:
        return await server.run_on_disk(command)

    return run


_ALWAYS: dict[str, Reply] = {
    commands.READ_BOOT_ID: _boot_id,
    commands.READ_CLOCK: _clock,
    commands.READ_SERIAL: _serial,
    commands.LIST_DISKS: _disks,
    commands.READ_SIGNATURES: _signatures,
    commands.READ_MARKER: _marker,
    commands.READ_STATE: _state,
    commands.READ_UNIT: _unit,
    commands.READ_PROGRESS: _progress,
}
"""Questions, which any system can be asked."""

_WHILE: dict[ServerState, dict[str, Reply]] = {
    ServerState.LIVE: {raid.FIND_TOOL: _raid_tool, fence.LOOK: _look, commands.START_INSTALL: _start},
    ServerState.INSTALLED: {
        READ_ADDRESSES: _addresses,
        puppet_runs.READ_LAST_RUN: _last_run,
        puppet_runs.READ_FIRST_RUNS: _first_runs,
        puppet_runs.BEGIN_FIRST_BOOT: _begin_first_boot,
        look.READ_CLASSES: _classes,
        puppet_runs.RUN_PUPPET: _puppet,
        commands.SET_ROOT_PASSWORD: _root_password,
        ring_files.READ_RINGS: _rings(ring_files.READ_RINGS),
        ring_files.PLACE_RINGS: _rings(ring_files.PLACE_RINGS),
        ring_files.OWN_RINGS: _rings(ring_files.OWN_RINGS),
    },
}
