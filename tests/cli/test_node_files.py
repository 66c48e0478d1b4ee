"""The files of a node's install, from a whole site: its place in the cluster, its secrets, its host key."""

import shutil
import subprocess
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.app.install_files import NodeFiles
from reconciler.model.actions import InstallOs
from reconciler.model.errors import PermanentError
from reconciler.model.events import Started

from .conftest import Laid

KEY = "/oci-in-target/etc/ssh/ssh_host_rsa_key"


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="needs ssh-keygen (apt: openssh-client)")
def test_a_node_gets_its_place_and_keeps_its_host_key(laid: Laid, tmp_path: Path) -> None:
    with closing(laid.open()) as site:
        actions = [event.action for _, event in site.store.events_after(0) if isinstance(event, Started)]
        action = next(one for one in actions if isinstance(one, InstallOs))
        made = NodeFiles(site)
        found, again = made(action), made(action)
        with pytest.raises(PermanentError, match='no enrolled machine has the hostname "nobody'):
            made(replace(action, hostname="nobody.example.com"))
    hosts = found["/oci-in-target/etc/hosts"].content.decode()
    assert action.hostname in hosts
    assert f"role: {action.role}\n" in found["/oci-in-target/etc/facter/facts.d/oci_facts.yaml"].content.decode()
    assert found[KEY] == again[KEY]
    certificate = tmp_path / "host-cert.pub"
    certificate.write_bytes(found[f"{KEY}-cert.pub"].content)
    told = subprocess.run(["ssh-keygen", "-L", "-f", certificate], capture_output=True, text=True, check=True).stdout
    assert "host certificate" in told
    assert action.hostname in told.partition("Principals:")[2]


def test_a_node_of_swift_gets_the_rings_in_force_and_no_other_node_does(laid: Laid) -> None:
    with closing(laid.open()) as site:
        actions = [event.action for _, event in site.store.events_after(0) if isinstance(event, Started)]
        installs = {one.role: one for one in actions if isinstance(one, InstallOs)}
        rings = site.store.ring_builders("swift01")
        made = {role: NodeFiles(site)(action) for role, action in installs.items()}
    wanted = {f"/oci-in-target/etc/swift/{name}.ring.gz": built.file for name, built in rings.items()}
    assert len(wanted) == 3
    for role, files in made.items():
        there = {path: file.content for path, file in files.items() if "/etc/swift/" in path}
        assert there == ({} if role == "controller" else wanted)
