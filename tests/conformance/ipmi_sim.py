"""A real ipmi_sim process for tests."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from reconciler.simulator import ipmi_sim


def free_port(address: str = "127.0.0.1") -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def running(folder: Path, address: str = "127.0.0.1", port: int | None = None) -> AsyncIterator[ipmi_sim.IpmiSim]:
    if not ipmi_sim.is_installed():
        pytest.skip(f"needs {ipmi_sim.PROGRAM} (apt: {ipmi_sim.PACKAGE})")
    sim = ipmi_sim.IpmiSim(address, port or free_port(address), folder)
    await sim.start()
    try:
        yield sim
    finally:
        await sim.stop()
