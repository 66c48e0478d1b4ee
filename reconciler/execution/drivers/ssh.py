"""Shells on machines, through asyncssh.

An installed node has a host key that its cluster's authority signed (``secrets.ssh_host``). A certificate for the host
name that the machine holds proves the node, whatever key was known before. A certificate that proves nothing (another
authority's, another host's, one that expired) counts as none, and then only a key that was pinned is believed.

A live system makes itself a new host key at every boot, so a plain key is good for one boot:

* The first key seen is pinned, with the boot ID of the system that showed it.
* From then on no other key is believed, until *we* reboot the machine through its BMC, or an operator says that it
  was rebooted (``expect_new_boot``). Then a new key is believed once, and only from a new boot.
* Where a report that came since then names the machine's host keys, a new key is one of these, or it is not believed.

So somebody who takes a machine's address over later is refused. Somebody who is there at the very first sight is not:
what the machine's report says protects from that. The reading of the serial before anything is erased guards against
mistakes, not against liars.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Protocol

import asyncssh
import structlog

from ...model.errors import PermanentError, TemporaryError
from ...model.files import PRIVATE, File
from ..ports import Clock, Directory, HostAuthority, HostKey, HostKeys, Ran, Shell
from ..seam import offload

log = structlog.get_logger()

READ_BOOT_ID = "cat /proc/sys/kernel/random/boot_id"

MAX_OUTPUT = 1_000_000
"""Characters of a command's output that are kept: a whole Puppet run's is less."""

_RSA = ("rsa-sha2-512", "rsa-sha2-256")
_RSA_CERTIFICATES = tuple(f"{algorithm}-cert-v01@openssh.com" for algorithm in _RSA)
"""An installed node's host key is RSA (``secrets.ssh_host``)."""

_KINDS = ("ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "ssh-rsa")
"""The plain keys that a server may show us, which we like best first. asyncssh itself would ask for certificates of
any kind, and believe none of them."""

_CIPHERS = "^aes256-gcm@openssh.com,aes128-gcm@openssh.com"
"""What we like best, before the rest of asyncssh's list, whose first is ChaCha20-Poly1305: asyncssh makes several
contexts for each of its packets. An upload of sixty small files took 0.21 s of a processor with it, and 0.14 s with AES
(both ends)."""

_TEMPORARY = (OSError, asyncssh.Error, TimeoutError)


ANSWER_SECONDS = 60.0
"""For uploads, and for the first question."""


@dataclass(frozen=True, slots=True)
class SshTimings:
    """Seconds."""

    connect: float = 15.0
    login: float = 15.0
    keepalive: float = 15.0  # a machine that answers none of three is gone
    answer: float = ANSWER_SECONDS


@dataclass
class SshShells:
    """Opens shells as root. See the module's text for which host keys are believed."""

    dial: "Dial"
    host_keys: HostKeys
    directory: Directory
    clock: Clock
    answer: float = ANSWER_SECONDS

    async def open(self, serial: str, address: str) -> Shell:
        expected = await offload(self._expected, serial)
        try:
            shell, shown = await self.dial(serial, address, expected)
        except UnprovenError as unproven:
            if expected.pinned is None:
                raise PermanentError(str(unproven)) from unproven
            expected = replace(expected, keys=frozenset({expected.pinned.key}), authority=None)
            try:
                shell, shown = await self.dial(serial, address, expected)
            except PermanentError:
                raise PermanentError(str(unproven)) from unproven
            log.warning("the host key is the pinned one, its certificate is no proof", why=str(unproven))
        try:
            await self._remember(serial, address, _Login(shell, shown, expected))
        except BaseException:
            await shell.close()
            raise
        return shell

    async def meet(self, address: str) -> Shell:
        shell, _ = await self.dial("whoever is there", address, ANYBODY)
        return shell

    async def expect_new_boot(self, serial: str) -> None:
        await offload(self.host_keys.expect_new_boot, serial, self.clock())

    def _expected(self, serial: str) -> "Expected":
        pinned, since = self.host_keys.pinned(serial), self.host_keys.new_boot_since(serial)
        authority = self.directory.host_authority(serial)
        if pinned is not None and since is None:
            return Expected(frozenset({pinned.key}), authority, pinned, new_boot=False)
        seen = self.directory.seen(serial)
        if seen is None or (since is not None and seen.reported_at <= since):
            return Expected(frozenset(), authority, pinned, new_boot=True)
        keys = frozenset(plain_key(key) for key in seen.hardware.ssh_host_keys)
        return Expected(keys, authority, pinned, new_boot=True)

    async def _remember(self, serial: str, address: str, login: "_Login") -> None:
        """Pin a key seen for the first time, or certified and not the pinned one, before anything else is asked."""
        shown, expected = login.shown, login.expected
        pinned = expected.pinned
        if not expected.new_boot and not shown.certified:
            return
        ran = await login.shell.run(READ_BOOT_ID, timeout=self.answer)
        boot_id = ran.stdout.strip()
        if ran.status != 0 or not boot_id:
            raise TemporaryError(f"{address} does not tell its boot ID")
        if expected.new_boot and pinned is not None and pinned.boot_id == boot_id:
            if pinned.key != shown.key and not shown.certified:
                raise PermanentError(changed(serial, address))
            return  # it has not rebooted yet: its key may still change once
        now = HostKey(shown.key, boot_id)
        if expected.new_boot or now != pinned:
            await offload(self.host_keys.pin, serial, now)


class Dial(Protocol):
    """Logs in where the host key is believed. Whoever it calls is named by a serial, for messages."""

    async def __call__(self, who: str, address: str, expected: "Expected") -> "tuple[Shell, Shown]":
        """A shell as root, and the host key that its server proved to have.

        Raises:
            UnprovenError: The host key has a certificate, and that does not prove the node.
            PermanentError: Another host key than the ones expected, or our own key is refused.
            TemporaryError: Nobody answers, or the connection breaks.
        """


@dataclass(frozen=True, slots=True)
class SshDial:
    """Dials through asyncssh."""

    client_key: Callable[[], asyncssh.SSHKey]
    port: int = 22
    timings: SshTimings = field(default_factory=SshTimings)

    async def __call__(self, who: str, address: str, expected: "Expected") -> "tuple[Shell, Shown]":
        client, authority = _Client(expected), expected.authority
        try:
            connection, _ = await asyncssh.create_connection(
                lambda: client,
                address,
                self.port,
                username="root",
                client_keys=[self.client_key()],
                known_hosts=([], [], []),  # every key is put before the client, which knows what to expect
                host_key_alias=authority.hostname if authority else None,  # a certificate must name it
                server_host_key_algs=expected.algorithms,
                encryption_algs=_CIPHERS,
                agent_path=None,
                config=None,
                password_auth=False,
                kbdint_auth=False,
                gss_host=None,
                connect_timeout=self.timings.connect,
                login_timeout=self.timings.login,
                keepalive_interval=self.timings.keepalive,
            )
        except asyncssh.HostKeyNotVerifiable as error:
            if authority is not None and not client.saw_plain_key:
                raise UnprovenError(_unproven(address, authority, client, error)) from error
            raise PermanentError(changed(who, address)) from error
        except asyncssh.KeyExchangeFailed as error:
            if expected.keys:
                raise PermanentError(changed(who, address)) from error
            raise TemporaryError(f"cannot connect to {address}: {error}") from error
        except asyncssh.PermissionDenied as error:
            raise PermanentError(f"{who} at {address} does not accept our SSH key: {error}") from error
        except _TEMPORARY as error:
            raise TemporaryError(f"cannot connect to {address}: {_told(error)}") from error
        key = connection.get_server_host_key()
        assert key is not None  # only GSS has none
        return SshShell(connection, address, self.timings), Shown(_public(key), certified=not client.saw_plain_key)


@dataclass(frozen=True, slots=True)
class Shown:
    """The host key that a server proved to have."""

    key: str
    certified: bool  # by the authority expected, for the node expected, now


@dataclass(frozen=True, slots=True)
class _Login:
    """A shell, by which key its server was believed, and which were expected."""

    shell: Shell
    shown: Shown
    expected: "Expected"


@dataclass(frozen=True, slots=True)
class Expected:
    """Which host keys are believed (none named: any) beside certified ones, and why."""

    keys: frozenset[str]
    authority: HostAuthority | None
    pinned: HostKey | None
    new_boot: bool

    @property
    def algorithms(self) -> list[str]:
        """Certificates first. Then those of the expected keys: else a server with several might show another one."""
        kinds = sorted({key.partition(" ")[0] for key in self.keys}) or _KINDS
        certificates = _RSA_CERTIFICATES if self.authority else ()
        return [*certificates, *(algorithm for kind in kinds for algorithm in (_RSA if kind == "ssh-rsa" else (kind,)))]


ANYBODY = Expected(frozenset(), None, None, new_boot=False)
"""For who only asks who is there."""


def plain_key(key: str) -> str:
    """A public key without its comment."""
    return " ".join(key.split()[:2])


def _public(key: asyncssh.SSHKey) -> str:
    return plain_key(key.export_public_key().decode())


def changed(serial: str, address: str) -> str:
    """What to tell an operator of a host key that is not the one expected."""
    return (
        f"host key changed: {address} shows another SSH host key than {serial} did, and we did not reboot it since. "
        "If somebody else rebooted it, retry the machine; if nobody did, find out who answers there."
    )


_WHY_UNPROVEN = {
    "Certificate expired": "it has expired",
    "Certificate not yet valid": "it is not valid yet",
    "Certificate principal mismatch": "it names another host",
    "Invalid certificate type": "it is a user's",
}
"""What asyncssh says of a certificate, and what we say."""


class UnprovenError(PermanentError):
    """A host certificate does not prove the node."""


def _unproven(address: str, authority: HostAuthority, client: "_Client", error: asyncssh.HostKeyNotVerifiable) -> str:
    if client.signer is None:
        why = "it cannot be read, or its signature is wrong"
    elif client.signer != plain_key(authority.key):
        why = "another authority than the cluster's signed it"
    else:
        why = next((ours for theirs, ours in _WHY_UNPROVEN.items() if theirs in error.reason), error.reason)
    return (
        f"the SSH host certificate that {address} shows does not prove {authority.hostname}: {why}. "
        "Find out who answers there. If it is the node, compare its clock and ours, then reinstall it for a new one."
    )


class _Client(asyncssh.SSHClient):
    """Believes a key that the authority signed, and one of the expected keys, or where none is named any.

    asyncssh checks the rest of a certificate: that it is a host's, names ``host_key_alias``, and is valid now.
    """

    def __init__(self, expected: Expected) -> None:
        self.expected = expected
        self.saw_plain_key = False
        self.signer: str | None = None  # of the certificate shown

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        self.saw_plain_key = True
        return not self.expected.keys or _public(key) in self.expected.keys

    def validate_host_ca_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        self.signer = _public(key)
        return self.expected.authority is not None and self.signer == plain_key(self.expected.authority.key)


def _told(error: Exception) -> str:
    """The text of an error; its kind where it has none, as a timeout has."""
    return str(error) or type(error).__name__


@dataclass
class SshShell:
    """One connection. Every failure of it is a TemporaryError."""

    connection: asyncssh.SSHClientConnection
    address: str
    timings: SshTimings

    async def run(self, command: str, *, timeout: float) -> Ran:
        """Run ``command``; what it prints is kept up to ``MAX_OUTPUT``.

        Raises:
            TemporaryError: The connection broke, or the command had not ended after ``timeout`` seconds.
        """
        try:
            async with asyncio.timeout(timeout):
                async with self.connection.create_process(command, encoding="utf-8", errors="replace") as process:
                    process.stdin.write_eof()
                    out, err = await asyncio.gather(_bounded(process.stdout), _bounded(process.stderr))
                    await process.wait_closed()
        except TimeoutError as error:
            raise TemporaryError(f'"{command}" did not end on {self.address} within {timeout:.0f} s') from error
        except _TEMPORARY as error:
            raise TemporaryError(f"lost {self.address}: {_told(error)}") from error
        if process.exit_status is None:  # the connection went, and took the command's end with it
            raise TemporaryError(f'lost {self.address} while "{command}" ran')
        return Ran(process.exit_status, out, err)

    async def put(self, files: Mapping[str, File]) -> None:
        """Write whole files, each under another name first: a reader sees the old text or the new."""
        try:
            async with asyncio.timeout(self.timings.answer), self.connection.start_sftp_client() as sftp:
                for folder in folders_of(files):
                    await _make_folder(sftp, folder)
                for path, file in files.items():
                    await _write(sftp, path, file)
        except _TEMPORARY as error:
            raise TemporaryError(f"cannot write files on {self.address}: {_told(error)}") from error

    async def close(self) -> None:
        self.connection.close()
        try:
            async with asyncio.timeout(5):
                await self.connection.wait_closed()
        except TimeoutError:
            self.connection.abort()


def folders_of(files: Iterable[str]) -> list[str]:
    """The folders that files are in, and those that these are in but for the root: each once, before what is in it."""
    return sorted({str(folder) for file in files for folder in PurePosixPath(file).parents} - {"/", "."})


async def _make_folder(sftp: asyncssh.SFTPClient, path: str) -> None:
    """Make a folder, or leave the one that is there; its parent is."""
    try:
        await sftp.mkdir(path)
    except (asyncssh.SFTPFailure, asyncssh.SFTPFileAlreadyExists):  # no server of version 3 tells these apart
        if not await sftp.isdir(path):
            raise


async def _write(sftp: asyncssh.SFTPClient, path: str, file: File) -> None:
    new = f"{path}.new"
    async with sftp.open(new, "wb", asyncssh.SFTPAttrs(permissions=PRIVATE)) as opened:
        await opened.write(file.content)
    if file.mode != PRIVATE:
        await sftp.chmod(new, file.mode)  # what a server makes of a mode at open is up to its umask
    await sftp.posix_rename(new, path)


async def _bounded(stream: asyncssh.SSHReader[str]) -> str:
    """All of ``stream``, or its last ``MAX_OUTPUT`` characters: what went wrong stands at the end."""
    kept = ""
    while text := await stream.read(65536):
        kept = (kept + text)[-MAX_OUTPUT:]
    return kept
