"""A commit ends in an OpenStack that answers, and nothing is left of it afterwards: ``make cloud-test``.

``CLOUD=control|swift|full`` says which. It takes most of an hour when nothing is cached.
"""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from . import __main__ as cloud
from . import keeper
from .places import WORK

pytestmark = [
    pytest.mark.live,
    pytest.mark.timeout(4 * 3600),
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root: make cloud-test"),
]

KIND = os.environ.get("CLOUD", "swift")
MOST_MEMORY = {"control": 6000, "swift": 14000, "full": 22000}
"""MiB."""


@pytest.fixture(scope="module")
def up() -> Iterator[int]:
    yield cloud.rack(KIND) or cloud.up(90)
    cloud.down()


def test_a_commit_ends_in_a_cloud_that_answers(up: int) -> None:
    assert up == 0


def test_it_passes_tempest(up: int) -> None:
    assert cloud.check() == 0


def test_it_needs_no_more_memory_than_is_said(up: int) -> None:
    assert max(seen.memory for seen in cloud.timeline()) < MOST_MEMORY[KIND]


def test_nothing_is_left_of_it(up: int) -> None:
    cloud.down()
    assert keeper.process() is None
    assert str(WORK) not in Path("/proc/self/mounts").read_text()
    told = subprocess.run(["losetup", "--list", "--output", "BACK-FILE"], capture_output=True, text=True, check=True)
    assert str(WORK) not in told.stdout
    names = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout
    assert "cloud" not in names
