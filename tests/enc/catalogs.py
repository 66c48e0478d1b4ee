"""Our documents compiled to catalogs by a real Puppet, with the modules that Debian ships.

``../shared/puppet-compile/compile-enc.sh`` does it: it unpacks the modules of Debian 13 once, below ``~/.cache``.
"""

import fcntl
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

EVERY_NODE = os.environ.get("PUPPET_NODES") == "all"
"""Whether to compile what there is instead of one node of each kind; ``make test-puppet`` asks for it."""

COMPILED, KNOWN_UPSTREAM = 0, 3
"""How the script ends. Anything else is a mistake of ours, unless ``BROKEN`` has it."""

NEVER_COMPILES = {"debmirror": "oci::debmirror gives Class[Archvsync] parameters that Debian's module has not"}
"""Roles that may end as ``KNOWN_UPSTREAM``."""


@dataclass(frozen=True)
class Broken:
    """A feature that Debian 13's modules cannot compile, whoever wrote the document."""

    message: str  # what Puppet says, as a regular expression
    switch: str  # the parameter that turns the feature off
    because: str


BROKEN = (
    Broken(
        r"Unknown function: 'validate_integer'\. \(file: \S+/etcd/manifests/init\.pp",
        "install_magnum",
        "Magnum brings etcd, whose module is for stdlib 4: Debian 13 has 9.4.1, without the functions that it calls",
    ),
    Broken(
        r"Unknown resource type: '::manila::service_instance' \(file: \S+/oci/manifests/controller\.pp",
        "install_manila",
        "Debian 13's Manila module has manila::backend::service_instance; oci 43.0.10 has not heard of it, 43.0.45 has",
    ),
    Broken(
        r"no parameter named 'provider' \(file: \S+/oci/manifests/controller_iptables\.pp.* on Firewall\[",
        "api_use_ipv6",
        "the firewall module has protocol in place of provider since version 8; oci 43.0.10 and 43.0.45 give provider",
    ),
)


class Puppet:
    """The compiler, with a folder for its work."""

    def __init__(self, scripts: Path, folder: Path) -> None:
        self._scripts, self._folder = scripts, folder

    def compile(self, hostname: str, role: str, document: bytes) -> None:
        """Fail the test unless there is a catalog for the node, apart from what the modules cannot do."""
        text, left_out = document.decode(), set[str]()
        while (ran := self._run(hostname, role, text)).returncode not in (COMPILED, KNOWN_UPSTREAM):
            said = ran.stdout + ran.stderr
            found = next((one for one in BROKEN if re.search(one.message, said)), None)
            assert found is not None, f"{hostname}: {said}"
            assert found.switch not in left_out, f"{hostname} without {found.switch}: {said}"
            left_out.add(found.switch)
            text = _off(text, found.switch)
        known = ran.returncode == KNOWN_UPSTREAM
        assert not known or role in NEVER_COMPILES, f"{hostname}: known upstream, and new to us: {ran.stdout}"

    def prepare(self) -> None:
        """Have the modules unpacked, by one process at a time."""
        with (self._folder.parent / "puppet.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            ran = self._run("node.example.com", "none", "classes: {stdlib: {}}\n")
        if ran.returncode != COMPILED:
            pytest.skip(f"needs the Puppet modules of Debian 13, from a mirror or ~/.cache: {ran.stdout}{ran.stderr}")

    def _run(self, hostname: str, role: str, text: str) -> "subprocess.CompletedProcess[str]":
        document, facts = self._folder / f"{hostname}.yaml", self._folder / f"{hostname}.facts"
        document.write_text(text)
        facts.write_text(self._facts(hostname, role, text))
        script = self._scripts / "compile-enc.sh"
        environment = {**os.environ, "FACTS": str(facts)}
        return subprocess.run(
            [str(script), str(document), role, "trixie", hostname],
            env=environment, capture_output=True, text=True, check=False, timeout=500,
        )  # fmt: skip

    def _facts(self, hostname: str, role: str, text: str) -> str:
        """Facts of a node that has the disks its document names: the Swift module looks for their filesystems."""
        made = subprocess.run(
            [sys.executable, str(self._scripts / "lib/mkfacts.py"), "trixie", hostname, role],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        facts = yaml.safe_load(made.stdout)
        for parameters in yaml.safe_load(text)["classes"].values():
            for n, disk in enumerate((parameters or {}).get("block_devices") or ()):
                facts["swift_device_uuids"][disk] = f"00000000-0000-4000-8000-{n:012d}"
        return yaml.safe_dump(facts)


def puppet_for(shared: Path, folder: Path) -> Puppet:
    """The compiler, ready; skips the test where it cannot be had."""
    missing = [name for name in ("puppet", "ruby", "apt-get", "dpkg") if shutil.which(name) is None]
    if missing:
        pytest.skip(f"needs {', '.join(missing)} (apt: puppet ruby python3-yaml)")
    puppet = Puppet(shared / "puppet-compile", folder)
    puppet.prepare()
    return puppet


def _off(text: str, switch: str) -> str:
    text, count = re.subn(rf"(?m)^    {switch}: true$", f"    {switch}: false", text)
    assert count == 1, f"{switch} is not turned on {count} times"
    return text
