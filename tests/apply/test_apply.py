"""A store and a proxy of Swift, by our own documents: Debian's Puppet applies them, and the services are asked.

Real are systemd, Puppet with Debian's modules, the packages that it installs, Swift with the rings that our builder
made, and the look at gates. The nodes are containers; their data disks are folders, and there is no Puppet server.
"""

import json
import os
import shutil
import subprocess
import sys
from typing import Any

import pytest

from ..cloud import keeper, roots
from ..enc.puppet_modules import puppet_modules
from .nodes import ROLES
from .scenario import SEEN

NEEDED = {
    "systemd-nspawn": "systemd-container", "mmdebstrap": "mmdebstrap", "ip": "iproute2", "sysctl": "procps",
    "curl": "curl", "nsenter": "util-linux", "apt-get": "apt",
}  # fmt: skip
MISSING = [package for program, package in NEEDED.items() if shutil.which(program) is None]

pytestmark = [
    pytest.mark.timeout(2400),
    pytest.mark.skipif(
        bool(MISSING) or os.geteuid() != 0, reason=f"needs root, and {' '.join(MISSING) or 'nothing else'} (apt)"
    ),
]


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the scenario saw."""
    try:
        puppet_modules()
        system = roots.swift_system()
    except (LookupError, OSError) as error:
        pytest.skip(f"needs the Debian mirror that APT uses: {error}")
    folder = tmp_path_factory.mktemp("apply")
    outside = os.open("/proc/self/ns/net", os.O_RDONLY)
    command = [sys.executable, "-m", "tests.apply.scenario", str(folder), str(system), str(outside)]
    try:
        ran = subprocess.run(
            [*keeper.ALONE, *command], stdin=subprocess.DEVNULL, capture_output=True, text=True, pass_fds=[outside],
            check=False,
        )  # fmt: skip
    finally:
        os.close(outside)
    assert ran.returncode == 0, f"{ran.stdout[-2000:]}\n{ran.stderr[-4000:]}"
    told: dict[str, Any] = json.loads((folder / SEEN).read_text())
    return told


@pytest.mark.parametrize("role", ROLES)
def test_puppet_applies_the_document_that_the_node_is_given(role: str, seen: dict[str, Any]) -> None:
    assert seen[role]["runs"][-1]["good"], seen[role]["runs"]


@pytest.mark.parametrize("role", ROLES)
def test_every_gate_of_the_node_opens(role: str, seen: dict[str, Any]) -> None:
    closed = {name: gate["value"] for name, gate in seen[role]["gates"].items() if not gate["holds"]}
    assert closed == {}


def test_the_servers_answer_on_their_nodes_addresses(seen: dict[str, Any]) -> None:
    assert seen["answers"] == dict.fromkeys(("account", "container", "object", "proxy"), "OK")


def test_the_firewall_lets_nobody_else_in(seen: dict[str, Any]) -> None:
    assert seen["from elsewhere"] == "curl ended with 28"  # nobody answered in time


def test_an_object_goes_in_and_comes_back(seen: dict[str, Any]) -> None:
    assert seen["object"] == {"put": 201, "same": True}


def test_an_object_goes_in_by_the_rings_and_comes_back(seen: dict[str, Any]) -> None:
    assert seen["through the rings"] == "through the rings"


@pytest.mark.parametrize("role", ROLES)
def test_the_flag_of_a_self_signed_api_is_a_folder_once_puppet_ran(role: str, seen: dict[str, Any]) -> None:
    assert seen[role]["flag is a folder"]
