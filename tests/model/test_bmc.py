"""Addresses that lead to no BMC of its own: the server believes none, and the agent reports none, by one rule."""

import json
import re
import subprocess
from ipaddress import IPv4Address

import pytest

from reconciler.hardware.report import parse_report
from reconciler.model.bmc import is_nobodys
from reconciler.model.history import History
from reconciler.model.kinds import FleetSpec, MachineSpec
from reconciler.model.machine import Seen, with_bmc_address
from reconciler.model.tree import SpecTree

from ..agent.box import AGENT, needs
from ..planning.build import machine

NOBODYS = (
    "0.0.0.0", "0.1.2.3", "169.254.0.17", "169.254.255.254", "224.0.0.1", "239.255.255.250", "240.0.0.1",
    "255.255.255.255", "::", "fe80::1", "FE80::be3a:f2ff:feb6:59f", "febf::1", "ff02::1",
)  # fmt: skip
ONES = (
    "10.2.0.39", "192.168.200.66", "169.253.0.17", "169.255.0.17", "16.9.254.1", "223.255.255.1", "22.4.0.1",
    "100.64.0.1", "23.5.6.7", "2001:db8::1", "fd00::17", "fec0::1",
)  # fmt: skip
LOOPBACK = ("127.0.0.1", "127.1.0.101", "::1")


@pytest.mark.parametrize("shell", ["dash", "busybox"])
def test_agent_and_server_have_one_rule(shell: str) -> None:
    rule = re.search(r"^is_nobodys\(\) \{\n.*?\n\}\n", AGENT.read_text(), re.DOTALL | re.MULTILINE)
    assert rule is not None
    command = f'{rule[0]}for each; do ! is_nobodys "$each" || echo "$each"; done'
    arguments = [needs(shell), *(["sh"] if shell == "busybox" else []), "-c", command, "sh"]
    words = (*NOBODYS, *ONES, *LOOPBACK)
    said = subprocess.run([*arguments, *words], capture_output=True, text=True, check=True)
    assert said.stdout.split() == [word for word in words if is_nobodys(word, IPv4Address("192.0.2.1"))]


def test_which_addresses_are_nobodys() -> None:
    assert [each for each in (*NOBODYS, *ONES) if is_nobodys(each)] == list(NOBODYS)
    assert is_nobodys("::ffff:169.254.0.17")


@pytest.mark.parametrize("address", LOOPBACK)
def test_a_loopback_address_is_a_bmcs_only_where_all_are_on_one_host(address: str) -> None:
    assert is_nobodys(address, IPv4Address("192.0.2.1"))
    assert not is_nobodys(address, IPv4Address("127.0.0.1"))


@pytest.mark.parametrize("address", NOBODYS)
def test_no_report_is_believed_that_names_such_an_address(address: str) -> None:
    report = {"machine": [{"serial": "A001", "ipmi_detected_ip": address}], "memory": [{"size": "1"}]}
    assert parse_report(json.dumps(report).encode()).bmc_address is None


def reported(address: str) -> Seen:
    seen = machine("A", bmc=address).seen
    assert seen is not None
    return seen


def test_a_report_that_an_older_version_took_is_believed_no_more() -> None:
    assert with_bmc_address(reported("169.254.0.17"), History()).hardware.bmc_address is None
    assert with_bmc_address(reported("192.0.2.9"), History()).hardware.bmc_address == "192.0.2.9"


@pytest.mark.parametrize(
    ("server", "says", "is_at"),
    [
        ("192.0.2.1", "192.0.2.9", "192.0.2.9"),
        ("192.0.2.1", "169.254.0.17", "192.0.2.7"),
        ("192.0.2.1", "127.0.0.1", "192.0.2.7"),
        ("127.0.0.1", "127.1.0.101", "127.1.0.101"),
    ],
)
def test_a_bmc_is_asked_where_its_document_says_if_its_agent_names_nobodys_address(
    server: str, says: str, is_at: str
) -> None:
    fleet = FleetSpec.model_validate({"provisioning": {"address": server, "trusted_networks": ["192.0.2.0/24"]}})
    pin = MachineSpec.model_validate({"bmc": {"address": "192.0.2.7"}})
    nobodys = MachineSpec.model_validate({"bmc": {"address": "169.254.3.4"}})
    seen = with_bmc_address(reported(says), History())
    assert SpecTree(fleet, machines={"A": pin}).bmc_address("A", seen) == is_at
    assert SpecTree(fleet, machines={"A": nobodys}).bmc_address("A", None) is None
