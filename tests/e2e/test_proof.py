"""Anybody in a trusted network may say anything of a machine. What counts is what it says itself, over SSH."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from reconciler.simulator.agent import Agent
from reconciler.simulator.life import ServerState
from reconciler.simulator.server import SimServer

from .checks import assert_sound
from .world import ONE, SLOW_INSTALL, THREE, World, world


def boots(w: World) -> dict[str, list[str]]:
    return {serial: list(server.boots) for serial, server in w.servers.items()}


def happened(w: World, serial: str, text: str) -> bool:
    return any(text in event.text for event in w.events(serial))


def installing(row: dict[str, Any]) -> Any:
    return row["action"] == "install_os" and row["progress"]


@asynccontextmanager
async def a_liar(w: World) -> AsyncIterator[Agent]:
    """Somebody with an address that was given to nobody, who reports every machine from its live system."""
    agent = Agent(w.demo.url, f"{w.demo.stage.network}.99")
    known = [server.report() for server in w.servers.values()]

    async def forge() -> None:
        for n in itertools.count():
            for said in known:
                [facts] = said["machine"]
                await agent.report({**said, "machine": [{**facts, "bios_version": f"9.{n}", "installed_system": "no"}]})
            await asyncio.sleep(0.3)

    task = asyncio.create_task(forge())
    try:
        yield agent
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_reports_in_the_name_of_a_whole_fleet_in_service_reboot_nobody(tmp_path: Path) -> None:
    async with world(tmp_path, racks=THREE) as w:
        await w.started()
        await w.fleet.press_power_buttons()
        await w.until_in_service(3)
        before = boots(w)
        async with a_liar(w):
            for server in w.servers.values():
                proof = f"asked over SSH at {server.own_address}: it runs the installed system"
                await w.until("it was asked itself", lambda s=server, p=proof: happened(w, s.serial, p))
        await w.until_in_service(3)
        assert boots(w) == before
        await w.daemons[-1].terminate()
        assert_sound(w)


async def test_a_machine_that_fell_into_the_live_system_proves_it_and_is_booted_from_its_disk(tmp_path: Path) -> None:
    async with world(tmp_path, racks=ONE) as w:
        [server] = w.servers.values()
        await w.started()
        await w.fleet.press_power_buttons()
        await w.until_in_service(1)
        await server.power_off()  # somebody at its console, faster than its BMC is asked
        await server.power_on("network")
        proof = f"asked over SSH at {server.address}: it runs the live system"
        await w.until("it proved it", lambda: happened(w, server.serial, proof))
        await w.until("it runs from its disk again", lambda: server.state is ServerState.INSTALLED and server.boots[3:])
        back = f"asked over SSH at {server.own_address}: it runs the installed system"
        await w.until("it was seen to be back", lambda: happened(w, server.serial, back))
        await w.until_in_service(1)
        assert server.boots == ["network", "disk", "network", "disk"]
        await w.daemons[-1].terminate()
        assert_sound(w)


async def daemon_dies_during_the_install(w: World) -> SimServer:
    """And the install ends without it."""
    [server] = w.servers.values()
    await w.started()
    await w.fleet.press_power_buttons()
    await w.until_row(server.serial, installing)
    await w.daemons[-1].kill()
    await w.until("the installer has ended", lambda: not server.installing)
    await w.fleet.cut_power(server.serial)
    return server


async def test_a_machine_that_serves_since_the_daemon_died_is_found_and_not_touched(tmp_path: Path) -> None:
    async with world(tmp_path, racks=ONE, pace=SLOW_INSTALL) as w:
        server = await daemon_dies_during_the_install(w)
        await w.fleet.press_power_button(server.serial)
        await w.until("Puppet has run", lambda: (server.disk / "puppet-ran").exists())
        (server.disk / "customers-data").touch()
        await w.started()
        await w.until_in_service(1)
        assert (server.boots, server.installs) == (["network", "disk"], 1)
        assert (server.disk / "customers-data").exists()
        proof = f"asked over SSH at {server.own_address}: it runs the installed system, made by install "
        assert happened(w, server.serial, proof)
        await w.daemons[-1].terminate()
        assert_sound(w)


async def test_one_that_is_on_and_silent_waits_for_an_operator(tmp_path: Path) -> None:
    async with world(tmp_path, racks=ONE, pace=SLOW_INSTALL) as w:
        server = await daemon_dies_during_the_install(w)
        server.on_boot = None  # its network is not up
        await w.fleet.press_power_button(server.serial)
        await w.until("it runs from its disk", lambda: server.state is ServerState.INSTALLED)
        await w.started()
        row = await w.until_row(server.serial, lambda row: "an operator, then retry" in row["because"])
        assert "it may serve, and was not rebooted" in row["because"]
        assert (server.boots, server.installs) == (["network", "disk"], 1)


async def test_a_word_of_success_ends_no_install_that_failed(tmp_path: Path) -> None:
    async with world(tmp_path, racks=ONE) as w:
        [server] = w.servers.values()
        (server.root / "fail-install").touch()
        await w.started()
        await w.fleet.press_power_buttons()
        await w.until_row(server.serial, lambda row: "then retry: install_os failed" in row["because"])
        liar = Agent(w.demo.url, f"{w.demo.stage.network}.99")
        assert await liar.status("puppet-success", server.serial) == 200
        await w.until("it was asked itself", lambda: happened(w, server.serial, "its own address"))
        row = await w.until_row(
            server.serial, lambda row: "an operator, then retry: install_os failed" in row["because"]
        )
        assert row["phase"] == "enrolled"
        assert (server.boots, server.installs) == (["network"], 1)
