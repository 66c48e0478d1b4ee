"""The record of a node's facts: what decides which of them it sends, and that it agrees with Facter itself."""

import json
import shutil
import subprocess

import pytest
import yaml

from .node_facts import RECORD, node_facts, puppet_conf, without_legacy_facts
from .puppet_modules import RELEASE

DOCUMENT = "classes: {oci::swiftstore: {block_devices: [sdc, sdd]}}"


def test_a_nodes_puppet_conf_decides_whether_it_sends_legacy_facts() -> None:
    sent, plain = (
        node_facts("node-1.example.com", "swiftstore", DOCUMENT, configuration)
        for configuration in (puppet_conf(), without_legacy_facts(puppet_conf()))
    )
    assert {name: sent[name] for name in plain} == plain
    assert sent["fqdn"] == plain["networking"]["fqdn"] == plain["clientcert"] == "node-1.example.com"
    assert {"fqdn", "hostname", "osfamily", "memorysize_mb"} <= sent.keys() - plain.keys()


def test_the_facts_are_those_of_the_node_that_is_asked_for() -> None:
    facts = node_facts("node-1.example.com", "swiftstore", DOCUMENT, puppet_conf())
    assert facts["role"] == facts["oci_role"] == "swiftstore"
    assert facts["swift_device_uuids"].keys() == {"sdc", "sdd"}
    assert facts["os"]["distro"]["codename"] == RELEASE


@pytest.mark.skipif(shutil.which("facter") is None, reason="needs facter (apt: puppet)")
def test_facter_calls_the_same_facts_legacy() -> None:
    """Of the facts that both know: which these are depends on the machine, and the versions may differ."""
    plain, everything = _own_facts(), _own_facts("--show-legacy")
    recorded = yaml.safe_load(RECORD.read_text())
    assert {"fqdn", "hostname", "operatingsystem", "osfamily"} <= everything - plain
    assert recorded["always"].keys() & (everything - plain) == set()
    assert recorded["legacy"].keys() & plain == set()


def _own_facts(*words: str) -> set[str]:
    """Names of what this machine's Facter gives, with any status: it fails where it may not read all of /proc."""
    command = ["facter", "--json", "--no-custom-facts", "--no-external-facts", *words]
    return set(json.loads(subprocess.run(command, capture_output=True, check=False).stdout))
