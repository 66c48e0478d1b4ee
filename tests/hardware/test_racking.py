"""Switches and ports that are heard become places in racks."""

import re
from dataclasses import replace
from typing import Any

import pytest

from reconciler.hardware.racking import rack
from reconciler.model.hardware import Racked, Unracked

from .machines import machine, nic, racking

FOR_EVER = r"((\w+))+-(?P<unit>\d{1,2})"
"""Python's own engine tries 2^40 ways to match forty letters and a "!" with this one."""

NOTHING_SAID_OF_PORTS: dict[str, Any] = {"ports": {}}


@pytest.mark.parametrize(
    ("heard", "product", "spec", "expected"),
    [
        ([("sw1a", "swp7")], "PowerEdge R640", {}, ("1", 7, 1, "zone-1")),
        ([("sw2b", "swp7")], "PowerEdge R740xd", {}, ("2", 7, 2, "zone-2")),
        ([("SW1A", "swp7")], "PowerEdge R640", {}, ("1", 7, 1, "zone-1")),
        ([("sw1a.dc2.example.com", "swp7")], "PowerEdge R640", {}, ("1", 7, 1, "zone-1")),
        ([("SW1A.example.com.", "swp7")], "PowerEdge R640", {}, ("1", 7, 1, "zone-1")),
        ([(None, None), ("elsewhere", "swp1"), ("sw1b", "swp9")], "PowerEdge R640", {}, ("1", 9, 1, "zone-1")),
        ([("sw1a", "Gi1/0/1"), ("sw1b", "swp9")], "PowerEdge R640", {}, ("1", 9, 1, "zone-1")),
        ([("sw1a", "Gi1/0/1")], "PowerEdge R640", {}, ("1", None, 1, "zone-1")),
        ([("sw1a", None)], "PowerEdge R640", {}, ("1", None, 1, "zone-1")),
        ([("sw1a", "swp7")], "PowerEdge R640", NOTHING_SAID_OF_PORTS, ("1", None, 1, "zone-1")),
        ([("sw1a", "xswp7")], "PowerEdge R640", {}, ("1", None, 1, "zone-1")),
        ([("sw1a", "swp7")], "PowerEdge R640", {"ports": {"map": {"swp7": 40}}}, ("1", 40, 1, "zone-1")),
        ([("sw1a", "swp7")], "Unknown Board", {"products": {}}, ("1", 7, 1, "zone-1")),
        ([("sw1a", "swp7")], "Unknown Board", {}, 'Racking "dc2" does not say how high the product "Unknown Board" is'),
        ([("elsewhere", "swp1")], "PowerEdge R640", {}, "no Racking knows the switch elsewhere"),
        ([(None, None)], "PowerEdge R640", {}, "no network interface hears a switch over LLDP"),
        ([], "PowerEdge R640", {}, "no network interface hears a switch over LLDP"),
    ],
)
def test_the_first_known_switch_and_port_give_the_place(
    heard: list[tuple[str | None, str | None]], product: str, spec: dict[str, Any], expected: object
) -> None:
    hardware = machine(product=product, nics=tuple(nic(f"eno{i}", i, *where) for i, where in enumerate(heard)))
    place = rack(hardware, {"dc2": racking(**spec)})
    if isinstance(place, Unracked):
        assert place.reason == expected
    else:
        assert (place.rack, place.unit, place.height, place.location) == expected
        assert place.doubt is None


HERE, THERE = {"dc": "1", "row": "a", "rack": "1"}, {"dc": "2", "row": "a", "rack": "2"}


@pytest.mark.parametrize(
    ("named", "heard", "found"),
    [
        ({"Leaf-A1": HERE}, "leaf-a1", "1"),
        ({"Leaf-A1": HERE}, "LEAF-A1.dc1.example.com", "1"),
        ({"leaf1.dc1.example.com": HERE}, "Leaf1", "1"),
        ({"leaf1.dc1.example.com": HERE}, "leaf1.dc1", "1"),
        ({"leaf1.dc1.example.com": HERE}, "leaf1.dc2.example.com", None),
        ({"leaf1.dc1": HERE, "leaf1.dc2": THERE}, "leaf1", None),  # either may be meant
        ({"leaf1.dc1": HERE, "leaf1.dc2": THERE}, "leaf1.dc2.example.com", "2"),
        ({"leaf1": HERE, "leaf1.dc2": THERE}, "LEAF1", "1"),
        ({"leaf1": HERE, "leaf1.dc2": THERE}, "leaf1.dc2.example.com", "2"),
        ({"leaf1": HERE}, "leaf10", None),
    ],
)
def test_a_switch_is_known_whatever_case_and_domain_it_announces(
    named: dict[str, Any], heard: str, found: str | None
) -> None:
    for rackings in ({"all": named}, {name: {name: place} for name, place in named.items()}):
        specs = {name: racking(switches=switches, products={}) for name, switches in rackings.items()}
        place = rack(machine(nics=(nic("eno1", 1, heard, "swp7"),)), specs)
        assert (place.rack if isinstance(place, Racked) else None) == found


NUMBERS = {"ports": {"pattern": r"(?P<unit>\d{1,2})"}}


@pytest.mark.parametrize(
    ("port", "also", "spec", "expected"),
    [
        ("uplink db-server", ("18",), NUMBERS, ("18", 18)),  # ProCurve: the number is the port
        ("swp7", ("517",), {}, ("swp7", 7)),  # Juniper: the number is an index
        ("swp7", ("517", "swp9"), {}, ("swp7", 7)),
        ("Gi1/0/5", ("to rack 1 unit 30",), {"ports": {"map": {"to rack 1 unit 30": 30}}}, ("to rack 1 unit 30", 30)),
        ("Gi1/0/5", ("517",), NUMBERS, ("Gi1/0/5", None)),
        (None, ("swp9",), {}, ("swp9", 9)),
    ],
)
def test_any_name_of_a_port_may_give_the_unit(
    port: str | None, also: tuple[str, ...], spec: dict[str, Any], expected: tuple[str, int | None]
) -> None:
    heard = replace(nic("eno1", 1, "sw1a", port), port_also=also)
    place = rack(machine(nics=(heard,)), {"dc2": racking(**spec)})
    assert isinstance(place, Racked)
    assert (place.port, place.unit) == expected


def test_switches_of_two_racks_give_the_first_place_and_a_doubt() -> None:
    hardware = machine(nics=(nic("eno1", 1, "sw2a", "swp7"), nic("eno2", 2, "sw1a", "swp7")))
    place = rack(hardware, {"dc2": racking()})
    assert isinstance(place, Racked)
    assert (place.rack, place.switch) == ("2", "sw2a")
    assert place.doubt == (
        "switch sw2a is in rack 2 of row b in datacenter 2, but sw1a in rack 1 of row b in datacenter 2"
    )


def test_the_racking_that_knows_the_switch_says_the_rest() -> None:
    elsewhere = racking(switches={"sw9": {"dc": "9", "row": "a", "rack": "1"}}, ports={"map": {"swp7": 30}})
    hardware = machine(nics=(nic("eno1", 1, "sw9", "swp7"),))
    place = rack(hardware, {"dc2": racking(), "dc9": elsewhere})
    assert isinstance(place, Racked)
    assert (place.dc, place.unit, place.location) == ("9", 30, None)


def test_no_pattern_and_no_port_name_take_for_ever() -> None:
    """With Python's own engine this test would not end."""
    hardware = machine(nics=(nic("eno1", 1, "sw1a", "a" * 40 + "!"),))
    place = rack(hardware, {"dc2": racking(ports={"pattern": FOR_EVER})})
    assert isinstance(place, Racked)
    assert place.unit is None


@pytest.mark.parametrize(
    ("pattern", "port", "unit"),
    [
        (r"swp(?P<unit>\d+)", "swp12", 12),
        (r"(?i)swp(?P<unit>\d+)", "SWP12", 12),
        (r"(Ethernet1/|swp)(?P<unit>[0-9]{1,2})", "Ethernet1/7", 7),
        (rf"{re.escape('Gi 1-0/#&~')}(?P<unit>[0-9]{{1,2}})", "Gi 1-0/#&~7", 7),
        (FOR_EVER, "ge0-5", 5),
        (r"p(?P<unit>\d*)", "p", None),
        (r"[é.]*(?P<unit>\d)", "\u00e93", 3),
        (r".*(?P<unit>\d)", "\ud8003", 3),
    ],
)
def test_a_pattern_reads_the_unit(pattern: str, port: str, unit: int | None) -> None:
    hardware = machine(nics=(nic("eno1", 1, "sw1a", port),))
    place = rack(hardware, {"dc2": racking(ports={"pattern": pattern})})
    assert isinstance(place, Racked)
    assert place.unit == unit
