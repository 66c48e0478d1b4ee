"""Which files a node finds at its first boot, and who may read them."""

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reconciler.model.actions import InstallOs
from reconciler.model.hardware import Nic
from reconciler.model.interfaces import NodeInterface
from reconciler.model.kinds import FleetSpec
from reconciler.provisioning.node_files import NodeSecrets, NodeTexts, SshHost, node_files

FLEET = FleetSpec.model_validate(
    {
        "provisioning": {
            "address": "192.168.100.2", "hostname": "oci", "trusted_networks": ["192.168.100.0/24"],
        }
    }
)  # fmt: skip
ACTION = InstallOs(
    serial="A001", generation=1, hostname="cl1-controller-1.example.com", role="controller", cluster="cl1",
    release="trixie", interfaces=(NodeInterface(network="m", kind="normal", nics=("eno1",), address="192.0.2.5/24"),),
    system_disks=("sda",), raid=None, data_disks=(), identity=(),
)  # fmt: skip
TEXTS = NodeTexts(hosts="hosts\n", facts="---\n", data_disks=("sdb", "sdc"), openstack_release="epoxy")
PEM = {part: f"the {part}\n" for part in ("key", "crt", "csr", "pem")}
SECRETS = NodeSecrets(root_ca="root\n", oci_ca="oci\n", chain="root\noci\n", node=PEM, api=PEM, swiftproxy=PEM)
HOST = SshHost(private="k", public="ssh-rsa AA", certificate="cert", authority="ssh-rsa CA")


PUPPET_CONF = """\
[main]
server = oci
include_legacy_facts = true
runtimeout = 7200
top_level_facts_soft_limit = 81920
number_of_facts_soft_limit = 40960
fact_value_length_soft_limit = 40960
usecacheonfailure = false
"""


def files(role: str = "controller", secrets: NodeSecrets = SECRETS, **texts: Any) -> dict[str, tuple[str, int]]:
    action = replace(ACTION, role=role, hostname=f"cl1-{role}-1.example.com")
    found = node_files(action, FLEET, replace(TEXTS, **texts), secrets)
    return {path: (file.content.decode(), file.mode) for path, file in found.items()}


def test_what_every_node_gets() -> None:
    found = files("sql")
    assert found == {
        "/puppet-master-host": ("oci", 0o644),
        "/etc/oci_openstack_release": ("epoxy\n", 0o644),
        "/etc/oci_debian_release": ("trixie\n", 0o644),
        "/etc/oci_debian_mirror": ("http://ftp.debian.org/debian\n", 0o644),
        "/etc/oci_debian_mirror_ceph": ("", 0o644),
        "/etc/oci/my-role": ("sql", 0o644),
        "/oci-pki-root-ca.pem": ("root\n", 0o644),
        "/oci-pki-oci-ca.pem": ("oci\n", 0o644),
        "/oci-pki-oci-ca-chain.pem": ("root\noci\n", 0o644),
        "/oci-pki-api.crt": ("the crt\n", 0o644),
        "/oci-pki-api.csr": ("the csr\n", 0o644),
        "/cl1-sql-1.example.com.key": ("the key\n", 0o600),
        "/cl1-sql-1.example.com.crt": ("the crt\n", 0o644),
        "/cl1-sql-1.example.com.csr": ("the csr\n", 0o644),
        "/cl1-sql-1.example.com.pem": ("the pem\n", 0o600),
        "/oci-in-target/etc/hosts": ("hosts\n", 0o644),
        "/oci-in-target/etc/motd": ("\nThis is cl1-sql-1.example.com (sql of cl1), A001.\n\n", 0o644),
        "/oci-in-target/etc/oci/pxe-server-ip": ("192.168.100.2\n", 0o644),
        "/oci-in-target/etc/oci/oci-version": ("reconciler", 0o644),
        "/oci-in-target/etc/oci/my-ip": ("192.0.2.5", 0o644),
        "/oci-in-target/etc/oci/my-role": ("sql", 0o644),
        "/oci-in-target/etc/oci/data-disks": ("sdb\nsdc\n", 0o644),
        "/oci-in-target/etc/facter/facts.d/oci_facts.yaml": ("---\n", 0o644),
        "/oci-in-target/etc/puppet/puppet.conf": (PUPPET_CONF, 0o644),
        "/oci-in-target/etc/facter/facts.d/os_service_default.txt": ("os_service_default=<SERVICE DEFAULT>\n", 0o644),
        "/oci-in-target/etc/facter/facts.d/os_immutable.txt": ("os_immutable=<SERVICE DEFAULT>\n", 0o644),
        "/oci-in-target/var/lib/oci-first-boot": ("", 0o600),
    }


HOME = "/root"
"""Of root, on the installed system."""
_SSH = "/oci-in-target/etc/ssh/"
_OCI = "/oci-in-target/etc/oci/"
KVM = {"/oci-in-target/etc/modprobe.d/kvm.conf", "/oci-in-target/etc/modprobe.d/kvm_amd.conf"}


@pytest.mark.parametrize(
    ("role", "more", "expected"),
    [
        ("controller", {}, {"/oci-pki-api.key", "/oci-pki-api.pem"}),
        ("swiftproxy", {}, {f"/oci-pki-swiftproxy.{part}" for part in PEM}),
        ("compute", {}, KVM),
        ("compute", {"stores_ceph": True}, {*KVM, f"{_OCI}compute_is_cephosd"}),
        ("cephosd", {"makes_osds": True}, {f"{_OCI}cephosd-automatic-provisionning"}),
        ("sql", {"makes_osds": True}, set()),
        ("volume", {"separate_volume_groups": True}, {f"{_OCI}cinder-separate-volume-groups"}),
        ("sql", {"megaraid": True}, {f"{_OCI}setup-megacli-intarget"}),
        (
            "sql",
            {"waits_for_others": True},
            {
                "/oci-in-target/etc/reconciler/hold-first-boot",
                "/oci-in-target/etc/systemd/system/oci-first-boot.service.d/reconciler-hold.conf",
            },
        ),
        (
            "sql",
            {"self_signed_api": True},
            {
                f"{_OCI}self-signed-api-cert",
                "/oci-in-target/etc/systemd/system/puppet.service.d/oci-ca-cert.conf",
            },
        ),
        (
            "sql",
            {"nics": (Nic("eno1", "24:6e:96:00:00:01"),)},
            {"/oci-in-target/etc/systemd/network/10-reconciler-eno1.link"},
        ),
        ("sql", {"repositories": {"osbpo/x/repo.conf": "[DEFAULT]\n"}}, {"/etc/oci/repos/osbpo/x/repo.conf"}),
        ("sql", {"repository_tokens": {"A": "b"}}, {"/etc/oci/repo-tokens"}),
        (
            "sql",
            {"secrets": replace(SECRETS, ssh_host=HOST, root_ssh=("private", "ssh-rsa AA"))},
            {
                f"{_SSH}ssh_host_rsa_key", f"{_SSH}ssh_host_rsa_key.pub", f"{_SSH}ssh_host_rsa_key-cert.pub",
                f"{_SSH}sshd_config.d/reconciler-host-certificate.conf", f"{_SSH}ca.pub", f"{_SSH}ssh_known_hosts",
                f"/oci-in-target{HOME}/.ssh/id_rsa", f"/oci-in-target{HOME}/.ssh/id_rsa.pub",
            },
        ),
    ],
)  # fmt: skip
def test_what_some_get_beside(role: str, more: dict[str, Any], expected: set[str]) -> None:
    mine = {path.replace(f"cl1-{role}-1", "cl1-sql-1") for path in files(role, **more)}
    assert mine - files("sql").keys() == expected


def test_an_interface_keeps_its_name_by_its_mac_address() -> None:
    nics = (
        Nic("enp130s0f0np0", "3c:ec:ef:00:00:01"),
        Nic("enp130s0f1np1", "3c:ec:ef:00:00:02"),
        Nic("eno1", "3c:ec:ef:00:00:03"),
        Nic("eno2", "3c:ec:ef:00:00:03"),  # which of them it is, nobody can tell
        Nic("enp0s20f0u1u6", "be:3a:f2:00:00:01"),  # the BMC's, alike on every machine
    )
    found = files(nics=nics)
    folder = "/oci-in-target/etc/systemd/network"
    assert {path for path in found if path.startswith(folder)} == {
        f"{folder}/10-reconciler-enp130s0f{n}np{n}.link" for n in (0, 1)
    }
    text, mode = found[f"{folder}/10-reconciler-enp130s0f0np0.link"]
    assert "\n[Match]\nPermanentMACAddress=3c:ec:ef:00:00:01\n\n[Link]\nName=enp130s0f0np0\n" in text
    assert mode == 0o644


def test_what_holds_a_key_is_for_root_only() -> None:
    whole = files("controller", replace(SECRETS, ssh_host=HOST, root_ssh=("private", "ssh-rsa AA")))
    open_to_all = {path for path, (_, mode) in whole.items() if mode & 0o077}
    holding = {
        path for path in whole if path.endswith((".key", ".pem", "id_rsa", "host_rsa_key")) and "-ca" not in path
    }
    assert len(holding) == 6
    assert not holding & open_to_all


@pytest.mark.skipif(shutil.which("puppet") is None, reason="needs puppet (apt: puppet)")
def test_puppets_agent_takes_its_settings_from_there(tmp_path: Path) -> None:
    (tmp_path / "puppet.conf").write_text(files()["/oci-in-target/etc/puppet/puppet.conf"][0])
    expected = dict(line.split(" = ") for line in PUPPET_CONF.splitlines()[1:])
    asked = ["puppet", "config", "print", "--section", "agent", "--confdir", tmp_path, *expected]
    told = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    assert dict(line.split(" = ") for line in told.splitlines()) == expected
