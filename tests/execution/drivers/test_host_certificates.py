"""Nodes whose SSH host key their cluster certified: against OpenSSH's own server, configured by the files that an
install leaves, and against asyncssh's, which shows what OpenSSH's would not."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import asyncssh
import pytest
from structlog.testing import capture_logs

from reconciler.execution.drivers import ssh
from reconciler.execution.drivers.host_keys import FileHostKeys
from reconciler.execution.ports import HostAuthority, HostKey
from reconciler.model.errors import PermanentError
from reconciler.model.files import File
from reconciler.model.machine import SecretRef
from reconciler.model.secret_parts import part_of
from reconciler.provisioning import commands
from reconciler.provisioning.node_files import SshHost, node_files
from reconciler.store.secrets.mint import mint
from reconciler.store.secrets.ssh_host import host_certificate

from ...fakes.machine import FakeMachine
from ...provisioning.test_node_files import FLEET, SECRETS, TEXTS
from ...waiting import LONG
from .. import openssh
from ..build import HOSTNAME, INSTALL, SERIAL, FakeDirectory
from ..ssh_server import CLIENT_KEY, SshMachine, a_key, listening, public, shells

HERE = "127.0.0.1"
NOW = datetime.now(UTC)
LONG_AGO = NOW - timedelta(days=4000)


@cache
def a_secret(owner: str) -> str:
    """A key pair as the daemon mints it."""
    return mint(SecretRef(owner, "sshd", "host", "ssh"), NOW)


def private(owner: str) -> str:
    return part_of(a_secret(owner), "ssh", "private")


def known(owner: str) -> str:
    return part_of(a_secret(owner), "ssh", "authorized")


def certified(by: str = "cl1", name: str = HOSTNAME, at: datetime = NOW) -> str:
    """The node's certificate, as its install brings it."""
    return host_certificate(a_secret(by), a_secret("node"), (name, "192.0.2.5", "localhost"), at)


@dataclass
class OpenSshNode:
    """An installed node: sshd with the plain keys that Debian makes, and the host key and certificate of our files."""

    server: openssh.OpenSsh

    @property
    def port(self) -> int:
        return self.server.port

    async def shows(self, certificate: str) -> None:
        made = SshHost(private=private("node"), public=known("node"), certificate=certificate, authority=known("cl1"))
        files = node_files(INSTALL, FLEET, TEXTS, replace(SECRETS, ssh_host=made))
        etc = self.server.folder / "etc"
        configured = []
        for path, file in files.items():
            if path.startswith(commands.TARGET + "/etc/ssh/"):
                self._write(etc / path.removeprefix(commands.TARGET + "/etc/"), file)
                if "/sshd_config.d/" in path:
                    configured.append(file.content.decode().replace("/etc/", f"{etc}/").strip())
        debians = {"ed25519": a_key(), "ecdsa": asyncssh.generate_private_key("ecdsa-sha2-nistp256")}
        for kind, key in debians.items():
            self._write(etc / f"ssh/ssh_host_{kind}_key", File(key.export_private_key("openssh"), 0o600))
            self._write(etc / f"ssh/ssh_host_{kind}_key.pub", File(public(key).encode(), 0o600))
        kinds = ("rsa", *debians)
        hooks = [f"HostCertificate {etc}/ssh/ssh_host_{kind}_key.pub" for kind in kinds]  # OCI's hook writes these
        self.server.configure(*configured, *hooks, *(f"HostKey {etc}/ssh/ssh_host_{kind}_key" for kind in kinds))

    def _write(self, path: Path, file: File) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.content)
        path.chmod(file.mode)


@dataclass
class AsyncSshNode:
    server: SshMachine

    @property
    def port(self) -> int:
        return self.server.port

    async def shows(self, certificate: str) -> None:
        pair = (asyncssh.import_private_key(private("node")), asyncssh.import_certificate(certificate))
        await self.server.become(a_key(), pair)


Node = OpenSshNode | AsyncSshNode


@pytest.fixture(params=[pytest.param("OpenSSH", marks=openssh.is_here), "asyncssh"])
async def node(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Node]:
    if request.param == "asyncssh":
        async with listening(FakeMachine()) as server:
            yield AsyncSshNode(server)
    else:
        async with openssh.listening(tmp_path, public(CLIENT_KEY)) as real:
            yield OpenSshNode(real)


@pytest.fixture
def directory() -> FakeDirectory:
    return FakeDirectory(authority=HostAuthority(known("cl1"), HOSTNAME))


async def boot_id(opened: ssh.SshShells) -> str:
    shell = await opened.open(SERIAL, HERE)
    try:
        return (await shell.run(ssh.READ_BOOT_ID, timeout=LONG)).stdout.strip()
    finally:
        await shell.close()


class TestProof:
    async def test_a_certificate_of_the_cluster_proves_the_node_at_first_sight(
        self, node: Node, keys: FileHostKeys, directory: FakeDirectory
    ) -> None:
        await node.shows(certified())
        booted = await boot_id(shells(node.port, keys, directory))
        assert keys.pinned(SERIAL) == HostKey(known("node"), booted)

    async def test_it_proves_the_node_whatever_key_was_pinned(
        self, node: Node, keys: FileHostKeys, directory: FakeDirectory
    ) -> None:
        await node.shows(certified())
        keys.pin(SERIAL, HostKey(public(a_key()), "the live system's boot"))
        booted = await boot_id(shells(node.port, keys, directory))
        assert keys.pinned(SERIAL) == HostKey(known("node"), booted)

    @pytest.mark.parametrize(
        ("wrong", "why"),
        [
            ({"name": "cl1-controller-2.example.com"}, "it names another host"),
            ({"by": "somebody"}, "another authority than the cluster's signed it"),
            ({"at": LONG_AGO}, "it has expired"),
            ({"at": NOW + timedelta(days=2)}, "it is not valid yet"),
        ],
    )
    async def test_one_that_proves_nothing_is_refused(
        self, node: Node, keys: FileHostKeys, directory: FakeDirectory, wrong: dict[str, str], why: str
    ) -> None:
        await node.shows(certified(**wrong))
        refused = f"that {HERE} shows does not prove {HOSTNAME}: {why}. Find out who answers there."
        with pytest.raises(PermanentError, match=refused):
            await boot_id(shells(node.port, keys, directory))
        keys.pin(SERIAL, HostKey(known("another"), "a boot"))
        with pytest.raises(PermanentError, match=refused):
            await boot_id(shells(node.port, keys, directory))
        assert keys.pinned(SERIAL) == HostKey(known("another"), "a boot")

    async def test_an_expired_one_is_said_where_the_key_is_the_pinned_one(
        self, node: Node, keys: FileHostKeys, directory: FakeDirectory
    ) -> None:
        await node.shows(certified(at=LONG_AGO))
        keys.pin(SERIAL, HostKey(known("node"), "a boot"))
        with capture_logs() as entries:
            assert await boot_id(shells(node.port, keys, directory))
        assert ["it has expired" in entry["why"] for entry in entries] == [True]

    async def test_a_machine_without_a_place_is_known_by_its_plain_key(
        self, node: Node, keys: FileHostKeys, directory: FakeDirectory
    ) -> None:
        await node.shows(certified())
        directory.authority = None
        await boot_id(shells(node.port, keys, directory))
        pinned = keys.pinned(SERIAL)
        assert pinned is not None
        assert pinned.key.startswith("ssh-ed25519 ")


class TestReboots:
    async def test_a_look_before_the_node_goes_down_does_not_use_up_the_reboot(
        self, server: SshMachine, keys: FileHostKeys, directory: FakeDirectory
    ) -> None:
        node, opened = AsyncSshNode(server), shells(server.port, keys, directory)
        await node.shows(certified())
        await boot_id(opened)
        server.machine.reboot(installed=True)  # by hand
        await boot_id(opened)
        await opened.expect_new_boot(SERIAL)
        await boot_id(opened)
        await server.become(a_key())
        server.machine.reboot(installed=False)
        assert await boot_id(opened) == server.machine.boot_id

    async def test_a_plain_key_is_refused_where_the_node_was_proven_and_nobody_rebooted_it(
        self, server: SshMachine, keys: FileHostKeys, directory: FakeDirectory
    ) -> None:
        node, opened = AsyncSshNode(server), shells(server.port, keys, directory)
        await node.shows(certified())
        await boot_id(opened)
        await server.become(a_key())
        with pytest.raises(PermanentError, match="host key changed"):
            await boot_id(opened)
