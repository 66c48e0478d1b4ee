"""What ipmitool prints, understood (a folder a case), and what is said to it."""

import json
import re
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from reconciler.model.actions import ConfigureBmc
from reconciler.model.bmc import Lan, lan_after
from reconciler.provisioning import bmc

from ..agent.box import AGENT

CASES = sorted((Path(__file__).parent / "bmc").iterdir())
WANTED = ConfigureBmc(
    serial="A001",
    generation=1,
    username="oci",
    address="10.4.0.18",
    network="10.4.0.0/22",
    gateway="10.4.0.1",
    vlan=204,
)
AS_WANTED = Lan(True, "10.4.0.18", "255.255.252.0", "10.4.0.1", 204)


def understood(kind: str, text: str) -> Any:
    match kind:
        case "lan":
            return asdict(bmc.parse_lan(text))
        case "users":
            users = bmc.parse_users(text)
            return {"users": {str(slot): name for slot, name in users.items()}, "slot": bmc.slot_for(users, "oci")}
        case "channels":
            return {"channel": bmc.lan_channel(text)}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_ipmitool_prints(case: Path) -> None:
    text, expected = (case / "output.txt").read_text(), json.loads((case / "understood.json").read_text())
    kind = case.name.partition("-")[0]
    if "error" in expected:
        with pytest.raises(ValueError, match=expected["error"]):
            understood(kind, text)
    else:
        assert understood(kind, text) == expected


def test_channels_are_asked_in_the_order_of_the_agent() -> None:
    asked = re.search(r"for _channel in ([0-9 ]+); do", AGENT.read_text())
    assert asked is not None
    assert tuple(map(int, asked[1].split())) == bmc.CHANNELS
    assert sorted(bmc.CHANNELS) == list(range(1, 12))


@pytest.mark.parametrize(
    ("differs", "said"),
    [
        ({}, []),
        ({"static": False}, ["ipsrc static"]),
        ({"vlan": None}, ["vlan id 204"]),
        ({"address": "10.4.0.9", "gateway": "0.0.0.0"}, ["ipaddr 10.4.0.18", "defgw ipaddr 10.4.0.1"]),
        ({"netmask": "255.0.0.0"}, ["netmask 255.255.252.0"]),
    ],
)
def test_only_what_differs_is_set(differs: dict[str, Any], said: list[str]) -> None:
    now = replace(AS_WANTED, **differs)
    assert bmc.lan_commands(now, WANTED, 2) == [f"ipmitool lan set 2 {what}" for what in said]
    assert bmc.differing(now, WANTED) == "; ".join(said)


def test_a_bmc_that_keeps_its_address_is_told_nothing_of_networks() -> None:
    keeps = ConfigureBmc(serial="A001", generation=1, username="oci")
    assert bmc.lan_commands(replace(AS_WANTED, static=False), keeps, 1) == []


@pytest.mark.parametrize(
    ("gateway", "said"),
    [("10.4.0.254", []), ("0.0.0.0", []), ("", []), ("10.9.0.1", ["defgw ipaddr 0.0.0.0"])],
    ids=["on the network", "none", "not said", "of the network that it comes from"],
)
def test_a_gateway_that_nobody_names_stays_on_its_own_network_only(gateway: str, said: list[str]) -> None:
    now, wanted = replace(AS_WANTED, gateway=gateway), replace(WANTED, gateway=None)
    assert bmc.lan_commands(now, wanted, 2) == [f"ipmitool lan set 2 {what}" for what in said]
    settled = lan_after(lan_after(now, wanted), wanted)
    assert settled == lan_after(now, wanted)
    assert settled.gateway == ("" if said else gateway)


def test_a_vlan_that_is_no_longer_wanted_is_turned_off() -> None:
    assert bmc.lan_commands(AS_WANTED, replace(WANTED, vlan=None), 1) == ["ipmitool lan set 1 vlan id off"]


def test_a_name_is_quoted_and_a_password_is_on_no_command_line() -> None:
    said = bmc.user_commands({3: ""}, 3, "o; reboot", 1)
    assert said[0] == "ipmitool user set name 3 'o; reboot'"
    assert not any("secret" in line for line in said)
    assert bmc.login_file(3, "secret")[bmc.LOGIN_FILE].content == b"user set password 3 secret\n"


@pytest.mark.parametrize("password", ["", "seventeen-letters", "two words", "line\nfeed", 'quo"te', "a$b"])
def test_a_password_that_ipmi_or_ipmitool_would_spoil_is_refused(password: str) -> None:
    with pytest.raises(ValueError, match="1 to 16 letters"):
        bmc.login_file(2, password)


@pytest.mark.parametrize(
    ("manufacturer", "begins"),
    [("Dell Inc.", "command -v racadm"), ("HPE", "command -v ilorest"), ("Supermicro", "ipmitool"), ("", "ipmitool")],
)
def test_ipmi_over_lan_is_turned_on_as_the_vendor_wants_it(manufacturer: str, begins: str) -> None:
    assert bmc.enable_over_lan(manufacturer, 1, 3)[0].startswith(begins)
