"""The SSH server of a simulated server: host keys, the dialogue, and what power loss does to a connection."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from reconciler.provisioning import commands, disks, look, puppet_runs
from reconciler.simulator.dialogue import NOT_FOUND
from reconciler.simulator.life import Pace

from ..execution.build import INSTALL
from ..waiting import runs
from .stage import SSH_PORT, staged
from .test_server import SLOW, installed


async def test_every_boot_of_the_live_system_shows_another_host_key_and_boot_id(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        shown = set()
        for _ in range(2):
            await stage.boot("network")
            shown |= {await stage.host_key(), (await stage.ask(commands.READ_BOOT_ID))[1]}
            await stage.server.power_off()
        assert len(shown) == 4


async def test_an_installed_system_keeps_its_host_key_until_it_is_installed_again(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await installed(stage)
        first = await stage.host_key()
        await stage.server.power_off()
        await stage.boot("disk")
        assert await stage.host_key() == first
        await stage.server.power_off()
        await stage.boot("network")  # only to look: nothing is installed
        assert await stage.host_key() != first
        await stage.server.power_off()
        await stage.boot("disk")
        assert await stage.host_key() == first
        await stage.server.power_off()
        await installed(stage, replace(INSTALL, reinstall="again", may_erase=(INSTALL.id,)))
        assert await stage.host_key() != first


async def test_only_our_key_logs_in(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.boot("network")
        stage.key = asyncssh.generate_private_key("ssh-ed25519")
        with pytest.raises(asyncssh.PermissionDenied):
            await stage.ask(commands.READ_SERIAL)


async def test_the_live_system_answers_what_is_asked_of_it(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.boot("network")
        assert "S1" in commands.serials_in((await stage.ask(commands.READ_SERIAL))[1])
        assert len(disks.parse_lsblk((await stage.ask(commands.LIST_DISKS))[1])) == 14
        assert await stage.ask(commands.READ_UNIT) == (3, "inactive\n")
        for nothing in (commands.READ_MARKER, commands.READ_STATE, commands.READ_PROGRESS):
            assert (await stage.ask(nothing))[0] == 1
        assert stage.server.surprises == []


@pytest.mark.parametrize("command", ["rm -rf /", puppet_runs.RUN_PUPPET, puppet_runs.READ_LAST_RUN])
async def test_what_nobody_should_have_sent_is_remembered(command: str, tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.boot("network")
        assert (await stage.ask(command))[0] == NOT_FOUND
        assert stage.server.surprises == [f"{command} (live)"]


async def test_an_installed_system_does_not_install(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await installed(stage)
        assert (await stage.ask(commands.START_INSTALL))[0] == NOT_FOUND
        assert stage.server.surprises == [f"{commands.START_INSTALL} (installed)"]
        marker = commands.parse_marker((await stage.ask(commands.READ_MARKER))[1])
        assert (marker.serial, marker.hostname, marker.id) == (INSTALL.serial, INSTALL.hostname, INSTALL.id)


async def test_a_second_installer_is_refused_while_one_runs(tmp_path: Path) -> None:
    async with staged(tmp_path, pace=SLOW) as stage:
        await stage.boot("network")
        await stage.install(INSTALL)
        assert await stage.ask(commands.READ_UNIT) == (0, "active\n")
        assert (await stage.ask(commands.START_INSTALL))[0] == 1
        await stage.until(lambda: stage.server.installs == 1)
        state = json.loads((await stage.ask(commands.READ_STATE))[1])
        assert (state["id"], state["state"]) == (INSTALL.id, "running")


async def test_a_second_puppet_waits_while_one_runs(tmp_path: Path) -> None:
    async with staged(tmp_path, pace=Pace(boot=0.05, report_every=0.1, install_step=0.05, puppet=1.0)) as stage:
        await installed(stage)
        await stage.until(lambda: "puppet-running" in stage.listener.statuses)
        assert (await stage.ask(puppet_runs.RUN_PUPPET))[0] in puppet_runs.PUPPET_GOOD
        told = [status for status in stage.listener.statuses if status.startswith("puppet")]
        assert told == ["puppet-running", "puppet-success"] * 2


async def test_power_loss_while_its_port_is_opened_leaves_nobody_listening(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listen, bound = asyncssh.listen, asyncio.Event()

    async def slow(*arguments: Any, **options: Any) -> asyncssh.SSHAcceptor:
        acceptor = await listen(*arguments, **options)
        bound.set()
        await asyncio.sleep(0.05)
        return acceptor

    monkeypatch.setattr(asyncssh, "listen", slow)
    async with staged(tmp_path) as stage:
        await stage.server.power_on("network")
        await bound.wait()
        await stage.server.power_off()
        with pytest.raises(OSError):
            await asyncio.open_connection(stage.server.address, SSH_PORT)


async def test_power_loss_drops_the_connections_there_are(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.boot("network")
        async with stage.ssh() as connection:
            assert (await connection.run(commands.READ_BOOT_ID)).exit_status == 0
            await stage.server.power_off()
            await connection.wait_closed()
        with pytest.raises(OSError):
            await asyncssh.get_server_host_key(stage.server.address, SSH_PORT)


async def test_power_loss_ends_what_runs_for_those_who_asked(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await installed(stage)
        began = tmp_path / "began"
        (stage.server.root / "node-bin/systemctl").write_text(f"#!/bin/sh\necho $$ > {began}\nexec sleep 600\n")
        async with stage.ssh() as connection:
            asking = asyncio.create_task(connection.run(look.look_command("swiftstore", ())))
            await stage.until(lambda: began.exists() and began.read_text())
            await stage.server.power_off()
            asking.cancel()
        await stage.until(lambda: not runs(int(began.read_text())))
