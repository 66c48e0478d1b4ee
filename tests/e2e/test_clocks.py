"""Clocks that are wrong: two days ahead, or standing still; and right again."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from .world import ONE, World, only, world

if shutil.which("faketime") is None:
    pytest.skip("needs faketime (apt: faketime)", allow_module_level=True)


AHEAD = {"through": ("faketime", "-f", "+2d"), "env": {"FAKETIME_DONT_FAKE_MONOTONIC": "1"}}
"""A daemon whose clock is two days ahead; the one that nobody sets goes on as ever."""


async def test_nothing_waits_for_two_days(tmp_path: Path) -> None:
    async with world(tmp_path, racks=ONE) as w:
        ahead = await w.started(**AHEAD)
        await w.fleet.press_power_buttons()
        await w.until_in_service(1)
        server = only(w)
        await ahead.kill()
        await w.started()  # it took the lease of one that seemed to live for two days
        fleet = await w.until("the clock is told of", lambda: told_of_the_clock(w))
        assert "it turned out to have said" in fleet["clock"]
        assert "clock: it is behind" in await w.cli("plan")

        boots = len(server.boots)
        await w.fleet.cut_power(server.serial)
        await w.until("it is turned on again", lambda: len(server.boots) > boots)
        await w.until_in_service(1)

        w.pin(server.serial, reinstall="2026-11-29")
        w.commit("Reinstall it")
        await w.until_row(server.serial, lambda row: "approval to reinstall" in row["because"])
        await w.cli("approve", server.serial, "--why", "CHG-1")
        await w.until("it is reinstalled", lambda: server.installs == 2)
        await w.until_in_service(1)


def library() -> Path:
    """What programs are made to see another time by."""
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    assert found, "Debian's package faketime has it"
    return found[0]


@pytest.mark.lengthy
async def test_a_clock_that_stands_still_is_told_and_gone_on_from(tmp_path: Path) -> None:
    says = tmp_path / "clock"
    says.write_text("+0\n")
    env = {
        "LD_PRELOAD": str(library()),
        "FAKETIME_TIMESTAMP_FILE": str(says),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "TZ": "UTC",
    }
    async with world(tmp_path, racks=ONE) as w:
        daemon = await w.started(through=("env",), env=env)
        await w.fleet.press_power_buttons()
        row = (await w.until_in_service(1))["machines"][0]
        server = only(w)

        says.write_text(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}\n")
        fleet = await w.until("the clock is told of", lambda: told_of_the_clock(w))
        assert "it stands still" in fleet["clock"]
        assert "it stands still" in (await w.ask("/readyz")).text
        assert (await w.classes(row["hostname"])).status_code == 200
        assert daemon.runs

        says.write_text("+0\n")

        async def is_right() -> bool:
            return not await told_of_the_clock(w)

        await w.until("the clock goes on", is_right)
        boots = len(server.boots)
        await w.fleet.cut_power(server.serial)
        await w.until("it is turned on again", lambda: len(server.boots) > boots)
        await w.until_in_service(1)
        assert await daemon.terminate() == 0


async def told_of_the_clock(w: World) -> dict[str, str] | None:
    fleet = await w.fleet_view()
    return fleet if fleet and fleet["clock"] else None
