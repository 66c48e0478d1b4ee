"""The daemon dies at any moment, again and again, and still every machine is installed exactly once."""

import asyncio
import os
import random
from pathlib import Path

import pytest

from reconciler.simulator import ipmi_sim
from reconciler.simulator.bmc import SimulatedProtocol
from reconciler.simulator.demo import WANTED

from .checks import assert_sound
from .world import world

KILLS = 7
SEEDS = {"ipmi": (1,), "simulated": (2,)}
if "E2E_SEEDS" in os.environ:  # others, such as E2E_SEEDS=3,4,5
    SEEDS = dict.fromkeys(SEEDS, tuple(map(int, os.environ["E2E_SEEDS"].split(","))))


@pytest.mark.lengthy
@pytest.mark.parametrize(("speaking", "seed"), [(speaking, seed) for speaking in SEEDS for seed in SEEDS[speaking]])
async def test_a_daemon_killed_at_any_moment_installs_every_machine_exactly_once(
    speaking: SimulatedProtocol, seed: int, tmp_path: Path
) -> None:
    if speaking == "ipmi" and not ipmi_sim.is_installed():
        pytest.skip(f"needs {ipmi_sim.PROGRAM} (apt: {ipmi_sim.PACKAGE})")
    moments = random.Random(seed)
    async with world(tmp_path, speaking=speaking) as w:
        await w.started()
        await w.fleet.press_power_buttons()
        for _ in range(KILLS):
            await asyncio.sleep(moments.uniform(0.2, 3.0))  # the moment is the test's input, not something to wait for
            await w.daemons[-1].kill()
            await w.start()
        await w.until_in_service(WANTED)
        assert await w.daemons[-1].terminate() == 0
        assert_sound(w)
