"""The nodes that both installers make, and what the project gives an installer for each of them."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from reconciler.model.actions import InstallOs, RootImage
from reconciler.model.files import File
from reconciler.model.hardware import Cpu, Hardware, Nic
from reconciler.model.interfaces import NodeInterface
from reconciler.model.kinds import FleetSpec
from reconciler.model.machine import SecretRef
from reconciler.model.secret_parts import part_of
from reconciler.provisioning import installers
from reconciler.provisioning.node_files import NodeSecrets, NodeTexts, SshHost, node_files
from reconciler.store.secrets import mint, pki
from reconciler.store.secrets.ssh_host import host_certificate

from ..cloud.archive import RELEASE
from ..cloud.places import MIRROR_PORT
from ..cloud.smbios import Firmware

MIRROR = f"http://127.0.0.1:{MIRROR_PORT}"
IMAGE_PORT = 3143
TARBALL = "root.tar.zst"
IMAGE = f"http://127.0.0.1:{IMAGE_PORT}/{TARBALL}"
FOLDER = "installers"
ARCHITECTURE, KEY = "amd64", "ssh-ed25519 AAAA reconciler"

FLEET = FleetSpec.model_validate(
    {
        "mirrors": {"debian": f"{MIRROR}/debian", "security": f"{MIRROR}/debian-security"},
        "provisioning": {
            "address": "192.168.100.2", "hostname": "oci.example.com", "trusted_networks": ["192.168.100.0/24"],
        },
    }
)  # fmt: skip
NICS = (Nic("eno1", "52:54:00:00:00:01", 10000), Nic("eno2", "52:54:00:00:00:02", 10000))
HARDWARE = Hardware("A001", "Dell Inc.", "PowerEdge R640", 2**36, cpu=Cpu(vendor="GenuineIntel"), nics=NICS)
FIRMWARE = Firmware("A001", "PowerEdge R640", 16384)
"""Of the machine: its report and its tables. The kernel here need not know FAT, so it boots as BIOS does."""

_ADDRESS = {"network": "cl1-mgmt", "address": "192.0.2.5/24", "gateway": "192.0.2.1"}
INTERFACES: Mapping[str, NodeInterface] = {
    "compute": NodeInterface(kind="normal", nics=("eno1",), bridge="br-ex", **_ADDRESS),
    "swiftstore": NodeInterface(kind="bond", nics=("eno1", "eno2"), vlan=101, **_ADDRESS),
    "controller": NodeInterface(kind="bgp", nics=("eno1", "eno2"), asn=64512, **_ADDRESS | {"gateway": None}),
}
"""Of one node of each role: an address on a bridge of Open vSwitch, one on a VLAN of a bond, one that FRR announces."""


def install_of(role: str, image: RootImage | None = None) -> InstallOs:
    """What the plan would say; without an image, Debian's installer is meant."""
    return InstallOs(
        serial="A001", generation=1, hostname=f"cl1-{role}-1.example.com", role=role, cluster="cl1", release=RELEASE,
        interfaces=(INTERFACES[role],), system_disks=("sda",), raid=None,
        data_disks=("sdb",) if role == "swiftstore" else (), identity=(), console="ttyS1", image=image,
    )  # fmt: skip


def uploads(install: InstallOs, kept: Path) -> dict[str, File]:
    """Every file that is uploaded before the installer starts, by absolute path in the live system.

    Args:
        install: By which installer, and what.
        kept: A file that keeps the secrets, which are made once.
    """
    texts = NodeTexts(
        hosts=f"127.0.0.1 localhost\n192.0.2.5 {install.hostname} {install.hostname.partition('.')[0]}\n",
        facts="---\nopenstack_release: epoxy\n", data_disks=("sdb",), openstack_release="epoxy", self_signed_api=True,
    )  # fmt: skip
    return installers.uploads(install, FLEET, HARDWARE, node_files(install, FLEET, texts, _secrets(install, kept)))


def _secrets(install: InstallOs, kept: Path) -> NodeSecrets:
    if not kept.exists():
        kept.write_text(json.dumps(_made()))
    made: dict[str, str] = json.loads(kept.read_text())

    def parts(name: str, *words: str) -> dict[str, str]:
        return {word: part_of(made[name], "certificate", word) for word in words}

    every = ("key", "crt", "csr", "pem")
    key = {word: part_of(made["host"], "ssh", word) for word in ("private", "authorized")}
    login = {word: part_of(made["login"], "ssh", word) for word in ("private", "authorized")}
    return NodeSecrets(
        root_ca=parts("root", "crt")["crt"], oci_ca=parts("oci", "crt")["crt"], chain=parts("oci", "chain")["chain"],
        node=parts("node", *every), api=parts("api", *every), swiftproxy=parts("swiftproxy", *every),
        root_ssh=(login["private"], login["authorized"]) if install.role == "controller" else None,
        ssh_host=SshHost(
            private=key["private"], public=key["authorized"], certificate=made["certificate"],
            authority=part_of(made["authority"], "ssh", "authorized"),
        ),
    )  # fmt: skip


def _made() -> dict[str, str]:
    """Of all nodes, by what they are for."""
    now = datetime.now(UTC)
    root = pki.issue_root(now)
    oci = pki.issue_authority(root, now)
    leaves = {name: pki.issue(oci, pki.Subjects((f"{name}.example.com",)), now) for name in _LEAVES}
    keys = {name: mint.mint(SecretRef(name, "sshd", "host", "ssh"), now) for name in ("host", "login", "authority")}
    certificate = host_certificate(keys["authority"], keys["host"], ("node.example.com",), now)
    return {"root": root, "oci": oci, **leaves, **keys, "certificate": certificate}


_LEAVES = ("node", "api", "swiftproxy")
