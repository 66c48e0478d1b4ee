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
    pytest.mark.lengthy,
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


def test_a_store_and_a_proxy_serve_once_puppet_has_applied_their_documents(seen: dict[str, Any]) -> None:
    """One test, as one worker boots the nodes: what it compares says what is wrong."""
    assert [seen[role]["runs"] for role in ROLES if not seen[role]["runs"][-1]["good"]] == []
    assert {role: _closed(seen[role]["gates"]) for role in ROLES} == {role: {} for role in ROLES}
    assert seen["answers"] == dict.fromkeys(("account", "container", "object", "proxy"), "OK")
    assert seen["from elsewhere"] == "curl ended with 28", "the firewall lets somebody else in"  # 28: no answer in time
    assert seen["object"] == {"put": 201, "same": True}
    assert seen["through the rings"] == "through the rings"
    assert [role for role in ROLES if not seen[role]["flag is a folder"]] == []  # that the API is self-signed


def _closed(gates: dict[str, Any]) -> dict[str, str]:
    return {name: gate["value"] for name, gate in gates.items() if not gate["holds"]}
