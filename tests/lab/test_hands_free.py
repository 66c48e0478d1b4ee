"""Blank servers are installed and answer, after one commit and with no hand on anything.

``make test-lab``; without virtualisation a quarter of an hour for each server. What is said and shown on the way stays
in ``var/lab/runs``, with the time of every step.
"""

import time
from collections.abc import Iterator

import pytest

from . import lab
from .fleet import BMCS
from .lab import Lab, VirtualServer
from .prepare import LAB
from .puppet_server import CLASSES_FILE
from .scenario import STEPS, hands_free, timeline

pytestmark = [pytest.mark.live, pytest.mark.timeout(5400)]


@pytest.fixture
def running(request: pytest.FixtureRequest) -> Iterator[Lab]:
    if not lab.is_alone():
        pytest.skip("needs root and a network namespace of its own: make test-lab")
    with Lab(LAB / "runs" / f"{time.strftime('%Y%m%d-%H%M%S')}-{request.node.callspec.id}").running() as made:
        yield made


@pytest.mark.parametrize("firmware", ["bios", "secure"])
async def test_a_blank_server_comes_up_by_itself(running: Lab, firmware: str) -> None:
    async with VirtualServer(running, 1, firmware) as server:
        (course,) = await hands_free(running, [server], print, minutes=80)
        print("", timeline([course]), sep="\n")
        assert list(course.seen) == [name for name, _ in STEPS]  # none left out, and none before its turn
        hostname, serial, kernel, disk = course.answer
        assert (hostname, serial) == ("lab-swiftstore-1.example.com", server.serial)
        assert disk == f"S{server.serial}"  # whatever the kernel calls it this time
        assert "Debian" in kernel
        known = running.machine(server.serial)["known"]
        assert known["history"]["bmc"]["network"] == BMCS
        assert known["seen"]["hardware"]["secure_boot"] == (firmware == "secure")
        assert "oci::swiftstore" in running.on_node(hostname, course.address, f"cat {CLASSES_FILE}")
        if firmware == "secure":
            shown = running.on_node(hostname, course.address, "dmesg | grep -i 'secure boot'")
            assert "Secure boot enabled" in shown
