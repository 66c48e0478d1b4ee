"""Simulated servers on a loopback network of their own, and somebody who listens to what they say."""

import asyncio
import contextlib
import json
import os
import shlex
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import asyncssh

from reconciler.model.actions import InstallOs
from reconciler.model.files import public
from reconciler.provisioning import commands
from reconciler.provisioning.root_image import COMMAND
from reconciler.simulator.fleet import SimBmc, SimFleet, build_servers
from reconciler.simulator.hardware import STORE, Model, RackedServer
from reconciler.simulator.life import Pace, ServerState
from reconciler.simulator.server import SimServer
from reconciler.simulator.ssh import SshFront

from ..waiting import becomes
from .networks import claimed_network

FAST = Pace(boot=0.05, report_every=0.1, install_step=0.05, puppet=0.05)
SSH_PORT = 2222
SWITCHES = ("tor-1", "tor-2")


@dataclass
class Listener:
    """A provisioning server that says Ok to everything, and remembers it."""

    port: int = 0
    heard: list[tuple[str, str, Any]] = field(default_factory=list)  # from where, what, the report or status
    booted: list[tuple[str, str]] = field(default_factory=list)  # who asked what to boot: address, and MAC address
    script: str = "#!ipxe\n"
    _server: asyncio.Server | None = None

    @property
    def statuses(self) -> list[str]:
        return [said for _, what, said in self.heard if what == "status"]

    @property
    def reports(self) -> list[Any]:
        return [said for _, what, said in self.heard if what == "report"]

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *failure: object) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            length = next(
                (int(x.split(":")[1]) for x in head.splitlines() if x.lower().startswith("content-length")), 0
            )
            body = await reader.readexactly(length)
            target = urlsplit(head.split()[1])
            caller = writer.get_extra_info("peername")[0]
            text = "Ok"
            if target.path == "/oci/report.php":
                self.heard.append((caller, "report", json.loads(body)))
            elif target.path == "/v1/boot/ipxe":
                self.booted.append((caller, parse_qs(target.query)["mac"][0]))
                text = self.script
            else:
                self.heard.append((caller, "status", parse_qs(target.query)["status"][0]))
            writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(text)}\r\nConnection: close\r\n\r\n{text}".encode())
            await writer.drain()


@dataclass
class NoBmc:
    """A BMC that nobody talks to."""

    address: str

    async def start(self) -> None: ...
    async def stop(self) -> None: ...

    def wanted(self) -> tuple[int, bool, str]:
        return 0, False, "default"

    def show(self, on: bool) -> None: ...


@dataclass
class Stage:
    """One server, those who talk to it, and what was heard of it."""

    server: SimServer
    fleet: SimFleet
    listener: Listener
    key: asyncssh.SSHKey

    async def until(self, true: Callable[[], Any]) -> Any:
        return await becomes("the server has come so far", true)

    async def boot(self, device: str) -> None:
        """From off to whatever comes up and lets us in; the live system has said something too."""
        heard = len(self.listener.heard)
        await self.server.power_on(device)
        await self.until(lambda: self.server.state not in (ServerState.OFF, ServerState.BOOTING))
        if self.server.state is ServerState.LIVE:
            await self.until(lambda: len(self.listener.heard) > heard + 1)  # one from before may have been under way
        else:
            await becomes("it lets us in", self._lets_in)

    async def _lets_in(self) -> bool:
        with contextlib.suppress(OSError):
            async with self.ssh():
                return True
        return False

    @contextlib.asynccontextmanager
    async def ssh(self) -> AsyncIterator[asyncssh.SSHClientConnection]:
        async with asyncssh.connect(
            self.server.own_address, SSH_PORT, username="root", client_keys=[self.key], known_hosts=None, config=None
        ) as connection:
            yield connection

    async def ask(self, command: str) -> tuple[int | None, str]:
        """What the server answers to one command over SSH."""
        async with self.ssh() as connection:
            ran = await connection.run(command)
            return ran.exit_status, str(ran.stdout)

    async def host_key(self) -> str:
        found = await asyncssh.get_server_host_key(self.server.own_address, SSH_PORT)
        assert found is not None
        return found.export_public_key().decode()

    async def install(self, action: InstallOs, address: str | None = None) -> None:
        """Upload and start the installer, as the handler does it; the node is given the address, if any."""
        command = "build-openstack-debian-image --release trixie" if action.image is None else shlex.join(COMMAND)
        files = commands.install_files(action, command)
        if address is not None:
            files[f"{commands.TARGET}/etc/oci/my-ip"] = public(address)
        async with self.ssh() as connection, connection.start_sftp_client() as sftp:
            for path, file in files.items():
                await sftp.makedirs(os.path.dirname(path), exist_ok=True)
                async with sftp.open(path, "wb") as opened:
                    await opened.write(file.content)
        assert (await self.ask(commands.START_INSTALL))[0] == 0


@contextlib.asynccontextmanager
async def staged(
    folder: Path, model: Model = STORE, pace: Pace = FAST, bmc: Callable[[str], SimBmc] = NoBmc
) -> AsyncIterator[Stage]:
    """One server that is off."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    async with Listener() as listener:
        with claimed_network() as network:
            placed = RackedServer("S1", model, SWITCHES, "swp7", 1)
            servers = build_servers([placed], folder, f"http://127.0.0.1:{listener.port}", network=network, pace=pace)
            server = servers["S1"]
            front = SshFront(SSH_PORT, key.export_public_key().decode())
            async with SimFleet(servers, {"S1": bmc(server.bmc_address)}, front) as fleet:
                yield Stage(server, fleet, listener, key)
