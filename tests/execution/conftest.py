"""A machine behind a real SSH server, and what the driver knows of host keys."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from reconciler.execution.drivers.host_keys import FileHostKeys

from ..fakes.machine import FakeMachine
from .ssh_server import SshMachine, listening


@pytest.fixture
async def server() -> AsyncIterator[SshMachine]:
    async with listening(FakeMachine()) as server:
        yield server


@pytest.fixture
def keys(tmp_path: Path) -> FileHostKeys:
    return FileHostKeys(tmp_path / "host-keys.jsonl")
