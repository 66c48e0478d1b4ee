"""SIGTERM: what is short ends, what is long goes on by itself, and the journal says which."""

import asyncio
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from .checks import assert_sound
from .world import SLOW_INSTALL, THREE, Daemon, World, world

MOST_SECONDS = 60.0
"""Twenty for short actions to end (``daemon.DRAIN_SECONDS``), and what a busy machine takes."""


async def stopped(w: World, daemon: Daemon) -> None:
    began = time.monotonic()
    assert await daemon.terminate() == 0, await w.story()
    assert time.monotonic() - began < MOST_SECONDS
    with closing(w.site()) as site:
        assert {serial: h.open_action for serial, h in site.store.histories().items() if h.open_action} == {}
    endings = ("succeeded", "interrupted", "failed")
    kinds = [event.kind for event in w.events()]
    assert kinds.count("started") == sum(kinds.count(ending) for ending in endings)


def _installing(row: dict[str, Any]) -> Any:
    return row["action"] == "install_os" and row["progress"]


def _booting(row: dict[str, Any]) -> Any:
    return row["action"] == "boot_disk" or row["phase"] == "installed"


def _enrolled(row: dict[str, Any]) -> Any:
    return row["phase"] == "enrolled"


@pytest.mark.parametrize("when", [_enrolled, _installing, _booting], ids=lambda when: when.__name__.strip("_"))
async def test_a_daemon_told_to_stop_ends_in_order_and_the_next_one_goes_on(
    when: Callable[[dict[str, Any]], Any], tmp_path: Path
) -> None:
    async with world(tmp_path, racks=THREE, pace=SLOW_INSTALL) as w:
        daemon = await w.started()
        await w.fleet.press_power_buttons()
        await w.until_row(min(w.servers), when)
        await stopped(w, daemon)
        await w.started()
        await w.until_in_service(3)
        await stopped(w, w.daemons[-1])
        assert_sound(w)


async def test_an_install_that_ended_while_nobody_looked_is_not_repeated(tmp_path: Path) -> None:
    async with world(tmp_path, racks=THREE) as w:
        daemon = await w.started()
        await w.fleet.press_power_buttons()
        serial = min(w.servers)
        await w.until_row(serial, lambda row: row["action"] == "install_os" and row["progress"])
        await stopped(w, daemon)
        await w.until("all installers have ended", lambda: not any(s.installing for s in w.servers.values()))
        await w.started()
        await w.until_in_service(3)
        await stopped(w, w.daemons[-1])
        assert_sound(w)


async def test_a_daemon_told_to_stop_again_and_again_harms_nothing(tmp_path: Path) -> None:
    async with world(tmp_path, racks=THREE) as w:
        await w.fleet.press_power_buttons()
        for _ in range(3):
            daemon = await w.started()
            await asyncio.sleep(0.7)  # somewhere in the middle of things
            await stopped(w, daemon)
        await w.started()
        await w.until_in_service(3)
        await stopped(w, w.daemons[-1])
        assert_sound(w)
