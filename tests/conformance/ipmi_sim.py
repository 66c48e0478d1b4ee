"""A real ipmi_sim process for tests."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from socket import SOCK_DGRAM

import pytest

from reconciler.simulator import ipmi_sim
from reconciler.simulator.demo import free_port


@asynccontextmanager
async def running(
    folder: Path, address: str = "127.0.0.1", port: int | None = None, serial: str = "A001"
) -> AsyncIterator[ipmi_sim.IpmiSim]:
    if not ipmi_sim.is_installed():
        pytest.skip(f"needs {ipmi_sim.PROGRAM} (apt: {ipmi_sim.PACKAGE})")
    sim = ipmi_sim.IpmiSim(address, port or free_port(SOCK_DGRAM, address), folder, serial=serial)
    await sim.start()
    try:
        yield sim
    finally:
        await sim.stop()
