"""Facts that an installed node sends to its Puppet server: ``node_facts.yaml`` has what Debian 13's agent gave."""

from configparser import ConfigParser
from pathlib import Path
from string import Template
from typing import Any

import yaml

from reconciler.provisioning import commands
from reconciler.provisioning.node_files import NodeSecrets, NodeTexts, node_files

from ..provisioning.build import FLEET, an_install

RECORD = Path(__file__).parent / "node_facts.yaml"

LEGACY = "include_legacy_facts"
"""The setting of Puppet that decides whether a node sends facts under their names of before Facter 3, too."""

PUPPET_CONF = "/etc/puppet/puppet.conf"


def installed_files(hosts: str = "", facts: str = "") -> dict[str, str]:
    """What an install leaves on a controller, by absolute path: text, with no secret in it."""
    texts = NodeTexts(hosts=hosts, facts=facts, data_disks=(), openstack_release="epoxy")
    secrets = NodeSecrets(root_ca="", oci_ca="", chain="", node={}, api={}, swiftproxy={})
    files = node_files(an_install(), FLEET, texts, secrets)
    target = commands.TARGET
    return {path.removeprefix(target): file.content.decode() for path, file in files.items() if path.startswith(target)}


def puppet_conf() -> str:
    """What an install leaves in ``/etc/puppet/puppet.conf``."""
    return installed_files()[PUPPET_CONF]


def without_legacy_facts(configuration: str) -> str:
    """The configuration without the setting: Puppet 8 then does as it does by itself."""
    return "".join(line for line in configuration.splitlines(keepends=True) if not line.startswith(LEGACY))


def node_facts(hostname: str, role: str, document: str, configuration: str) -> dict[str, Any]:
    """Facts of a node before its first Puppet run.

    Args:
        document: Names the disks that the node has: the Swift module looks for their filesystems.
        configuration: The node's ``puppet.conf``, which decides what of its facts the agent sends.
    """
    host, _, domain = hostname.partition(".")
    text = Template(RECORD.read_text()).substitute(hostname=host, domain=domain, role=role)
    recorded = yaml.load(text, yaml.CSafeLoader)
    facts: dict[str, Any] = recorded["always"] | (recorded["legacy"] if _sends_legacy_facts(configuration) else {})
    for parameters in yaml.load(document, yaml.CSafeLoader)["classes"].values():
        for n, disk in enumerate((parameters or {}).get("block_devices") or ()):
            facts["swift_device_uuids"][disk] = f"00000000-0000-4000-8000-{n:012d}"
    return facts


def _sends_legacy_facts(configuration: str) -> bool:
    parser = ConfigParser(interpolation=None)
    parser.read_string(configuration)
    return parser.getboolean("main", LEGACY, fallback=False)
