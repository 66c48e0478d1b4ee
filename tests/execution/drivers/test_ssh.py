"""The SSH driver against a real SSH server: which host keys are believed, and what else can go wrong."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.execution.drivers import ssh
from reconciler.execution.drivers.host_keys import FileHostKeys
from reconciler.execution.handlers import handlers
from reconciler.execution.ports import HostAuthority, HostKey
from reconciler.model.errors import PermanentError, TemporaryError
from reconciler.model.files import File
from reconciler.provisioning import commands

from ...fakes.clock import NOON, FakeClock
from ...waiting import LONG
from .. import build, ssh_server
from ..build import HOSTNAME, SERIAL, FakeDirectory, World
from ..ssh_server import SshMachine, a_key, public

HERE = "127.0.0.1"


@pytest.fixture
def directory() -> FakeDirectory:
    """The machine has a place, so that a certificate is asked for; it shows none."""
    return FakeDirectory(authority=HostAuthority(public(a_key()), HOSTNAME))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def shells(server: SshMachine, keys: FileHostKeys, directory: FakeDirectory, clock: FakeClock) -> ssh.SshShells:
    return ssh_server.shells(server.port, keys, directory, clock)


async def look(shells: ssh.SshShells) -> str:
    shell = await shells.open(SERIAL, HERE)
    try:
        return (await shell.run(commands.READ_SERIAL, timeout=LONG)).stdout
    finally:
        await shell.close()


def report(directory: FakeDirectory, at: timedelta, *keys: str) -> None:
    """The machine reports, naming its host keys."""
    seen = directory.known[SERIAL]
    hardware = replace(seen.hardware, ssh_host_keys=keys)
    directory.known[SERIAL] = replace(seen, hardware=hardware, reported_at=NOON + at)


def test_the_boot_id_is_asked_for_as_the_dialogue_says() -> None:
    assert ssh.READ_BOOT_ID == commands.READ_BOOT_ID


@pytest.mark.parametrize(
    ("files", "folders"),
    [
        ((), []),
        (("/a", "b"), []),
        (("/etc/oci/a", "/etc/oci/b", "/etc/c"), ["/etc", "/etc/oci"]),
        (("/x/a/b/f", "/x/a-b/f"), ["/x", "/x/a", "/x/a-b", "/x/a/b"]),
    ],
)
def test_each_folder_is_made_once_and_after_the_one_that_it_is_in(files: tuple[str, ...], folders: list[str]) -> None:
    assert ssh.folders_of(files) == folders


class TestHostKeys:
    async def test_the_first_key_seen_is_pinned_with_its_boot(self, shells: ssh.SshShells, server: SshMachine) -> None:
        await look(shells)
        assert shells.host_keys.pinned(SERIAL) == HostKey(public(server.host_keys[0]), "1111")
        await look(shells)

    async def test_another_key_is_refused_even_from_a_new_boot(self, shells: ssh.SshShells, server: SshMachine) -> None:
        await look(shells)
        asked = len(server.machine.log)
        await server.become(a_key())
        server.machine.reboot(installed=False)
        with pytest.raises(PermanentError, match="host key changed"):
            await look(shells)
        assert len(server.machine.log) == asked

    async def test_after_a_reboot_of_ours_a_new_key_is_believed_once(
        self, shells: ssh.SshShells, server: SshMachine
    ) -> None:
        await look(shells)
        await shells.expect_new_boot(SERIAL)
        await server.become(a_key())
        server.machine.reboot(installed=False)
        await look(shells)
        await server.become(a_key())
        server.machine.reboot(installed=False)
        with pytest.raises(PermanentError, match="host key changed"):
            await look(shells)

    async def test_a_new_key_from_the_boot_that_was_pinned_is_refused(
        self, shells: ssh.SshShells, server: SshMachine
    ) -> None:
        await look(shells)
        await shells.expect_new_boot(SERIAL)
        await server.become(a_key())
        with pytest.raises(PermanentError, match="host key changed"):
            await look(shells)

    async def test_a_look_before_the_machine_goes_down_does_not_use_up_the_reboot(
        self, shells: ssh.SshShells, server: SshMachine
    ) -> None:
        await look(shells)
        await shells.expect_new_boot(SERIAL)
        await look(shells)
        await server.become(a_key())
        server.machine.reboot(installed=False)
        await look(shells)

    async def test_what_the_report_says_is_believed_from_the_start(
        self, shells: ssh.SshShells, server: SshMachine, directory: FakeDirectory
    ) -> None:
        report(directory, timedelta(), public(a_key()) + " root@live")
        with pytest.raises(PermanentError, match="host key changed"):
            await look(shells)
        report(directory, timedelta(), public(server.host_keys[0]) + " root@live")
        await look(shells)

    async def test_a_report_from_before_the_reboot_says_nothing_of_the_new_key(
        self, shells: ssh.SshShells, server: SshMachine, directory: FakeDirectory, clock: FakeClock
    ) -> None:
        report(directory, timedelta(), public(server.host_keys[0]))
        await look(shells)
        await clock.sleep(60)
        await shells.expect_new_boot(SERIAL)
        new = a_key()
        await server.become(new)
        server.machine.reboot(installed=False)
        report(directory, timedelta(seconds=90), public(a_key()))
        with pytest.raises(PermanentError, match="host key changed"):
            await look(shells)
        report(directory, timedelta(seconds=30), public(a_key()))
        await look(shells)

    async def test_a_server_with_several_keys_shows_the_one_we_know(
        self, shells: ssh.SshShells, server: SshMachine
    ) -> None:
        known = server.host_keys[0]
        await look(shells)
        ecdsa = ssh.asyncssh.generate_private_key("ecdsa-sha2-nistp256")
        await server.become(ecdsa, known)
        await look(shells)
        await server.become(ecdsa)
        with pytest.raises(PermanentError, match="host key changed"):
            await look(shells)

    async def test_pins_outlive_the_daemon(self, tmp_path: Path) -> None:
        path = tmp_path / "var/host-keys.json"
        keys = FileHostKeys(path)
        keys.pin("A", HostKey("ssh-ed25519 AA", "1"))
        keys.pin("B", HostKey("ssh-ed25519 BB", "2"))
        keys.expect_new_boot("B", NOON)
        keys.expect_new_boot("C", NOON)
        again = FileHostKeys(path)
        assert [again.pinned(serial) for serial in "ABC"] == [keys.pinned("A"), keys.pinned("B"), None]
        assert [again.new_boot_since(serial) for serial in "ABC"] == [None, NOON, NOON]
        again.pin("B", HostKey("ssh-ed25519 CC", "3"))
        assert FileHostKeys(path).new_boot_since("B") is None


class TestConnection:
    async def test_commands_answer_with_status_and_both_outputs(self, shells: ssh.SshShells) -> None:
        shell = await shells.open(SERIAL, HERE)
        assert (await shell.run(commands.READ_SERIAL, timeout=LONG)).stdout == "# remark\nA001\nNot Specified\n"
        missing = await shell.run("nonsense", timeout=LONG)
        assert (missing.status, missing.stderr) == (127, "sh: nonsense: not found\n")
        await shell.close()

    async def test_files_arrive_whole_with_their_modes(self, shells: ssh.SshShells, server: SshMachine) -> None:
        shell = await shells.open(SERIAL, HERE)
        await shell.put(
            {"/run/reconciler/install.sh": File(b"#!/bin/sh\n"), "/oci-in-target/etc/big": File(b"x" * 300_000, 0o644)}
        )
        assert server.machine.files == {
            "/run/reconciler/install.sh": b"#!/bin/sh\n",
            "/oci-in-target/etc/big": b"x" * 300_000,
        }
        assert server.machine.modes == {"/oci-in-target/etc/big": 0o644}
        await shell.close()

    async def test_packets_are_in_the_cipher_that_costs_least(self, shells: ssh.SshShells) -> None:
        shell = await shells.open(SERIAL, HERE)
        assert shell.connection.get_extra_info("send_cipher") == "aes256-gcm@openssh.com"
        await shell.close()

    async def test_a_command_that_never_ends_is_given_up(self, shells: ssh.SshShells, server: SshMachine) -> None:
        server.stuck = "sleep 1000"
        shell = await shells.open(SERIAL, HERE)
        with pytest.raises(TemporaryError, match=r'"sleep 1000" did not end on 127.* within 0 s'):
            await shell.run("sleep 1000", timeout=0.2)
        await shell.close()

    async def test_an_error_without_a_text_is_called_by_its_kind(self, shells: ssh.SshShells) -> None:
        shell = await shells.open(SERIAL, HERE)
        shell.timings = ssh.SshTimings(answer=0)
        with pytest.raises(TemporaryError, match=r"cannot write files on 127.*: TimeoutError$"):
            await shell.put({"/a": File(b"")})
        await shell.close()

    async def test_endless_output_is_cut_to_its_end(self, shells: ssh.SshShells, server: SshMachine) -> None:
        server.flood = "yes"
        shell = await shells.open(SERIAL, HERE)
        ran = await shell.run("yes", timeout=LONG)
        assert len(ran.stdout) == ssh.MAX_OUTPUT
        assert ran.stdout.endswith("the end")
        await shell.close()

    async def test_a_machine_that_is_gone_is_temporary(self, shells: ssh.SshShells, server: SshMachine) -> None:
        shell = await shells.open(SERIAL, HERE)
        await server.stop()
        shell.connection.abort()
        with pytest.raises(TemporaryError, match=r"lost 127\.0\.0\.1"):
            await shell.run("true", timeout=LONG)
        with pytest.raises(TemporaryError, match="cannot write files on"):
            await shell.put({"/a": File(b"")})
        await shell.close()
        with pytest.raises(TemporaryError, match="cannot connect to"):
            await shells.open(SERIAL, HERE)

    async def test_a_machine_that_refuses_our_key_is_for_an_operator(self, shells: ssh.SshShells) -> None:
        shells.dial = replace(shells.dial, client_key=a_key)
        with pytest.raises(PermanentError, match="does not accept our SSH key"):
            await shells.open(SERIAL, HERE)

    async def test_what_listens_and_says_nothing_is_given_up(self, shells: ssh.SshShells, server: SshMachine) -> None:
        async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            writer.close()

        silent = await asyncio.start_server(silence, HERE, 0)
        port, patience = silent.sockets[0].getsockname()[1], ssh.SshTimings(connect=0.3, login=0.3)
        shells.dial = replace(shells.dial, port=port, timings=patience)
        with pytest.raises(TemporaryError, match="cannot connect to"):
            await shells.open(SERIAL, HERE)
        silent.close()
        await silent.wait_closed()


async def test_an_install_and_a_puppet_run_over_a_real_connection(shells: ssh.SshShells, server: SshMachine) -> None:
    world = World(machine=server.machine)
    world.move(HERE)
    world.directory.addresses[SERIAL] = HERE
    tools = replace(world.tools, shells=shells)
    await handlers(tools)[type(build.INSTALL)](build.INSTALL)
    assert server.machine.installs == 1
    await handlers(tools)[type(build.DISK)](build.DISK)
    await server.become(a_key())
    server.machine.reboot(installed=True)
    await handlers(tools)[type(build.PUPPET)](build.PUPPET)
    assert server.machine.puppet_runs == 1
