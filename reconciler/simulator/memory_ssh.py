"""SSH without sockets and without cryptography: who answers, which host key it shows, and a shell on it.

Which host keys are believed is decided by the driver that is used everywhere (``drivers.ssh``).
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import SSHCertificate, load_ssh_public_identity

from ..execution.drivers.ssh import Expected, Shown, UnprovenError, changed, plain_key
from ..execution.ports import HostAuthority, Ran, Shell
from ..model.errors import PermanentError, TemporaryError
from ..model.files import File
from .memory_server import HostIdentity, MemoryServer
from .wires import LostError, Wires

_ANSWER_SECONDS = 60.0


@dataclass(frozen=True)
class MemoryDial:
    """Reaches the servers of a simulation as root, with one key."""

    wires: Wires
    at: Callable[[str], MemoryServer | None]  # who answers at an address
    key: Callable[[], str | None]  # the public half of ours
    now: Callable[[], datetime]

    async def __call__(self, who: str, address: str, expected: Expected) -> tuple[Shell, Shown]:
        def knock() -> tuple[MemoryServer, str, HostIdentity]:
            server = self.at(address)
            if server is None:
                raise ConnectionRefusedError(111, "Connect call failed")
            return server, server.boot_id, server.host

        try:
            server, boot_id, host = await self.wires.ask(knock)
        except OSError as error:
            raise TemporaryError(f"cannot connect to {address}: {error}") from error
        shown = self._believed(who, address, host, expected)
        if plain_key(self.key() or "") != plain_key(server.authorized):
            raise PermanentError(f"{who} at {address} does not accept our SSH key: Permission denied")
        return MemoryShell(self.wires, server, boot_id, address), shown

    def _believed(self, who: str, address: str, host: HostIdentity, expected: Expected) -> Shown:
        """The host key that is shown, where it is one that is expected; certificates come first."""
        if expected.authority is not None and host.given is not None and host.certificate is not None:
            if why := _unproven(host.certificate, expected.authority, self.now()):
                raise UnprovenError(f"the SSH host certificate that {address} shows does not prove its node: {why}")
            return Shown(plain_key(host.given), certified=True)
        kinds = {key.partition(" ")[0] for key in expected.keys}
        shown = host.given if host.given is not None and kinds == {"ssh-rsa"} else host.plain
        if expected.keys and plain_key(shown) not in expected.keys:
            raise PermanentError(changed(who, address))
        return Shown(plain_key(shown), certified=False)


def _unproven(text: str, authority: HostAuthority, now: datetime) -> str | None:
    """Why a certificate does not prove the node; None: it does."""
    found = load_ssh_public_identity(text.encode())
    assert isinstance(found, SSHCertificate)
    signer = found.signature_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)  # type: ignore[call-arg, arg-type, unused-ignore]
    if plain_key(signer.decode()) != plain_key(authority.key):
        return "another authority than the cluster's signed it"
    if authority.hostname.encode() not in found.valid_principals:
        return "it names another host"
    return None if found.valid_after <= now.timestamp() < found.valid_before else "it is not valid now"


@dataclass
class MemoryShell:
    """A shell on the system that ran when it was opened."""

    wires: Wires
    server: MemoryServer
    boot_id: str
    address: str
    is_closed: bool = False

    async def run(self, command: str, *, timeout: float) -> Ran:
        async def ask() -> Ran:
            self._check()
            ran = Ran(*await self.server.run(command))
            self._check()
            return ran

        try:
            async with asyncio.timeout(timeout):
                ran = await self.wires.exchange(ask)
        except TimeoutError as error:
            raise TemporaryError(f'"{command}" did not end on {self.address} within {timeout:.0f} s') from error
        except OSError as error:
            raise TemporaryError(f"lost {self.address}: {error}") from error
        self.wires.tell(f"ssh {self.address} {_short(command)} -> {ran.status} {len(ran.stdout)}")
        return ran

    async def put(self, files: Mapping[str, File]) -> None:
        def upload() -> None:
            self._check()
            self.server.put(files)

        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                await self.wires.ask(upload)
        except (OSError, TimeoutError) as error:
            raise TemporaryError(f"cannot write files on {self.address}: {error}") from error
        self.wires.tell(f"put {self.address} {len(files)} files {sum(len(one.content) for one in files.values())}")

    async def close(self) -> None:
        self.is_closed = True

    def _check(self) -> None:
        if self.is_closed or not self.server.is_up or self.server.boot_id != self.boot_id:
            raise LostError("Connection lost")


def _short(command: str) -> str:
    """A command in a line, without the scripts that some are."""
    return " ".join(command[:80].split())
