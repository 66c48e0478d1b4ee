"""BMC addresses: who gets which, what is adopted, and when nothing is left to do."""

from dataclasses import replace
from typing import Any

import pytest

from reconciler.model.action_base import Risk
from reconciler.model.actions import ChangeBmc, ConfigureBmc
from reconciler.model.events import Failed, Forgotten, Started, Succeeded
from reconciler.model.folding import after
from reconciler.model.history import History, Phase
from reconciler.model.kinds import KINDS
from reconciler.model.machine import MachineView, with_bmc_address
from reconciler.model.plan import Act, Step, Wait
from reconciler.model.tree import SpecTree
from reconciler.render.words import describe

from ..histories import history_with
from .build import MINUTE, NOW, VIPS, cluster, holding, in_phase, kind, machine, silent, steps, tree

IPMI = {"name": "ipmi", "subnet": "10.9.0.0/29", "gateway": "10.9.0.1", "for_machines_in": "192.0.2.0/24", "vlan": 9}


def spec(*networks: dict[str, Any], manage: bool = True) -> SpecTree:
    found = tree({"cl1": cluster(controller={"count": 20})}, policy={"max_unavailable": {"default": 20}})
    fleet = found.fleet.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return replace(
        found, fleet=KINDS["Fleet"].model_validate(fleet | {"bmc": {"manage": manage, "networks": networks}})
    )


def in_live(serial: str = "A", number: int = 1, *, has: str | None = "10.0.0.1", **history: Any) -> MachineView:
    return in_phase(holding(machine(serial, bmc=has), number), Phase.ENROLLED, **history)


def done(address: str | None = "10.9.0.2", **more: Any) -> dict[str, Any]:
    given = {"network": "10.9.0.0/29", "gateway": "10.9.0.1", "vlan": 9} if address else {}
    action = ConfigureBmc(serial="A", generation=1, username="oci", address=address, **(given | more))
    return {"bmc": action, "bmc_address": address}


def plan(tree: SpecTree, *machines: MachineView) -> dict[str, Step]:
    return steps(tree, machines, vips=VIPS)


def address(step: Step) -> str | None:
    assert isinstance(step, Act)
    assert isinstance(step.action, ConfigureBmc)
    return step.action.address


@pytest.mark.parametrize(
    ("m", "expected", "why"),
    [
        (in_live(), "configure_bmc", "nobody set its BMC up"),
        (in_live(has="10.9.0.2", **done()), "install_os", "it is as it should be"),
        (in_live(has=None, **done()), "install_os", "an agent that says nothing is not a drift"),
        (in_live(has="10.0.0.1", **done()), "configure_bmc", "its BMC went back to another address"),
        (in_live(has="10.9.0.2", **done(vlan=8)), "configure_bmc", "the fleet wants another VLAN"),
        (in_live(has=None), "install_os", "it has no BMC"),
        (silent(in_live()), "boot_live", "only from inside"),
        (in_phase(holding(machine("A")), Phase.IN_SERVICE), "settled", "not in service"),
        (
            in_live(last_begun="configure_bmc", repeats=5, **done("10.9.0.3")),
            "wait",
            "five times done, and its agent still says otherwise",
        ),
    ],
)
def test_when_a_bmc_is_set_up(m: MachineView, expected: str, why: str) -> None:
    if m.history.phase is Phase.IN_SERVICE:
        m = silent(m)
    assert kind(plan(spec(IPMI), m)["A"]) == expected, why


def test_nothing_is_set_where_the_fleet_does_not_say_so() -> None:
    assert kind(plan(spec(IPMI, manage=False), in_live())["A"]) == "install_os"


def test_the_lowest_free_addresses_are_given_and_nothing_twice() -> None:
    found = plan(spec(IPMI), *(in_live(serial, n) for n, serial in enumerate("ABC", 1)))
    assert [address(step) for step in found.values()] == ["10.9.0.2", "10.9.0.3", "10.9.0.4"]
    action = found["A"].action
    assert (action.network, action.gateway, action.vlan, action.username) == ("10.9.0.0/29", "10.9.0.1", 9, "oci")


def test_an_address_that_is_right_is_adopted() -> None:
    found = plan(spec(IPMI), in_live("A", 1), in_live("B", 2, has="10.9.0.2"))
    assert (address(found["A"]), address(found["B"])) == ("10.9.0.3", "10.9.0.2")


@pytest.mark.parametrize("bad", ["10.9.0.0", "10.9.0.7", "10.9.0.1", "10.8.0.2", "2001:db8::1"])
def test_an_address_that_cannot_be_a_bmcs_there_is_not_adopted(bad: str) -> None:
    assert address(plan(spec(IPMI), in_live(has=bad))["A"]) == "10.9.0.2"


def test_the_address_of_a_bmc_that_was_silent_in_the_last_report_is_given_to_no_other_and_adopted_for_it() -> None:
    silent_now = in_live("B", 2, has=None)
    assert silent_now.seen is not None
    before = replace(silent_now.seen.hardware, bmc_firmware="6.0", bmc_address_before="10.9.0.2")
    found = plan(spec(IPMI), in_live("A", 1), replace(silent_now, seen=replace(silent_now.seen, hardware=before)))
    assert (address(found["A"]), address(found["B"])) == ("10.9.0.3", "10.9.0.2")


def test_an_address_that_two_report_is_nobodys_unless_it_was_given() -> None:
    twins = (in_live("A", 1, has="10.9.0.2"), in_live("B", 2, has="10.9.0.2"))
    assert [address(step) for step in plan(spec(IPMI), *twins).values()] == ["10.9.0.3", "10.9.0.4"]
    given = in_live("B", 2, has="10.9.0.2", **done())
    found = plan(spec(IPMI), twins[0], given)
    assert (address(found["A"]), kind(found["B"])) == ("10.9.0.3", "install_os")


def test_what_was_tried_and_failed_stays_its_own_as_its_bmc_may_have_taken_it() -> None:
    begun = in_live("B", 2, bmc_address="10.9.0.2", failures=1, last_error="no login", tried=NOW - 30 * MINUTE)
    found = plan(spec(IPMI), in_live("A", 1), begun)
    assert (address(found["A"]), address(found["B"])) == ("10.9.0.3", "10.9.0.2")


@pytest.mark.parametrize(
    ("boot", "m", "expected"),
    [
        ({"gateway": "10.9.0.2"}, in_live(), "10.9.0.3"),
        ({"dns": ["10.9.0.2", "10.9.0.3"]}, in_live(), "10.9.0.4"),
        ({"dns": ["10.9.0.2"]}, in_live(has="10.9.0.2"), "10.9.0.3"),
        ({"range": {"first": "10.9.0.2", "last": "10.9.0.4"}}, in_live(), "10.9.0.5"),
        ({"range": {"first": "10.9.0.4", "last": "10.9.0.6"}}, in_live(has="10.9.0.5"), "10.9.0.2"),
        ({"range": {"first": "10.9.0.2", "last": "10.9.0.4"}}, in_live(has="10.9.0.2", **done()), None),
    ],
    ids=["the gateway", "name servers", "adopts none", "DHCP's range", "what DHCP gave is not adopted", "given before"],
)
def test_what_belongs_to_the_network_that_machines_boot_on_is_no_bmcs(
    boot: dict[str, Any], m: MachineView, expected: str | None
) -> None:
    boots = {"networks": [{"subnet": "10.9.0.0/29", "gateway": "10.9.0.1", **boot}]}
    tree = spec(IPMI)
    fleet = tree.fleet.model_dump(mode="json", by_alias=True, exclude_unset=True)
    fleet["provisioning"]["boot"] = boots
    step = plan(replace(tree, fleet=KINDS["Fleet"].model_validate(fleet)), m)["A"]
    assert (address(step) if expected else kind(step)) == (expected or "install_os")


def test_the_narrowest_network_that_the_machine_booted_from_counts() -> None:
    wide = IPMI | {"name": "wide", "subnet": "10.8.0.0/24", "gateway": "10.8.0.1", "for_machines_in": "192.0.0.0/16"}
    assert address(plan(spec(wide, IPMI), in_live())["A"]) == "10.9.0.2"


def test_a_machine_that_no_network_is_for_keeps_its_bmcs_address() -> None:
    elsewhere = IPMI | {"for_machines_in": "198.51.100.0/24"}
    assert address(plan(spec(elsewhere), in_live())["A"]) is None
    assert kind(plan(spec(elsewhere), in_live(has="10.0.0.77", **done(None)))["A"]) == "install_os"


def test_a_full_network_is_waited_for() -> None:
    small = IPMI | {"subnet": "10.9.0.0/30"}
    found = plan(spec(small), in_live("A", 1), in_live("B", 2))
    assert address(found["A"]) == "10.9.0.2"
    assert isinstance(found["B"], Wait)
    assert found["B"].on == "a free address for its BMC: network ipmi (10.9.0.0/30) is full"


def test_a_bmc_stays_as_it_is_when_its_machine_is_released_and_is_new_when_forgotten() -> None:
    from reconciler.model.actions import Release

    action = done()["bmc"]
    h = History()
    for event in (Started("A", NOW, action), Succeeded("A", NOW, action)):
        h = after(h, event)
    assert (h.bmc.set_to, h.bmc.address) == (action, "10.9.0.2")
    assert after(h, Succeeded("A", NOW, Release(serial="A", generation=1, hostname="h"))).bmc.set_to == action
    assert after(h, Forgotten("A", NOW, "alice", "gone")).bmc.set_to is None
    later = replace(action, address="10.9.0.3")
    h = after(after(h, Started("A", NOW, later)), Failed("A", NOW, later.id, "no"))
    assert (h.bmc.set_to, h.bmc.address) == (action, "10.9.0.3")


# ---- machines in service: through the BMC itself


def serving(serial: str = "A", number: int = 1, *, has: str | None = "10.9.0.2", **history: Any) -> MachineView:
    return silent(in_phase(holding(machine(serial, bmc=has), number), Phase.IN_SERVICE, **history))


def with_bmc(found: SpecTree, **more: Any) -> SpecTree:
    return replace(found, fleet=found.fleet.model_copy(update={"bmc": found.fleet.bmc.model_copy(update=more)}))


def change(step: Step) -> ChangeBmc:
    assert isinstance(step, Act)
    assert isinstance(step.action, ChangeBmc)
    return step.action


MOVED = {"subnet": "10.7.0.0/29", "gateway": "10.7.0.1"}
NAMED: dict[str, Any] = {"network_name": "ipmi"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"rotate": "1"}, "change its BMC's password"),
        ({"address": "10.9.0.2"}, "change its BMC's address (10.9.0.2)"),
        ({"rotate": "1", "address": "10.9.0.2", "vlan": 9}, "change its BMC's password and address (10.9.0.2, VLAN 9)"),
    ],
)
def test_a_plan_says_what_changes(change: dict[str, Any], words: str) -> None:
    assert describe(ChangeBmc(serial="A", generation=1, username="oci", **change)) == words


PENDING = ChangeBmc(serial="A", generation=1, username="oci", address="10.9.0.2", network="10.9.0.0/29", **NAMED)


@pytest.mark.parametrize(
    ("network", "rotate", "m", "expected", "why"),
    [
        ({}, None, serving(**done()), None, "it is as it should be"),
        ({}, None, serving(), None, "nobody set it up, and nobody asks for a password"),
        ({}, "1", serving(), (None, None, "1"), "the login that an operator gave us lets us in"),
        ({}, "1", serving(**done()), (None, None, "1"), "a new password is asked for"),
        ({}, "1", serving(**done(rotate="1")), None, "it was given"),
        ({}, None, serving(**done(rotate="1")), None, "nobody asks any more"),
        ({"vlan": 8}, None, serving(**done()), ("10.9.0.2", 8, None), "another VLAN"),
        ({"gateway": "10.9.0.6"}, None, serving(**done()), ("10.9.0.2", 9, None), "another gateway"),
        ({"vlan": 8}, "1", serving(**done()), ("10.9.0.2", 8, "1"), "both"),
        (MOVED, None, serving(**done(**NAMED)), ("10.7.0.2", 9, None), "the network has other addresses now"),
        (MOVED, None, serving(**done()), None, "nobody knows which network was its"),
        ({"for_machines_in": "198.51.100.0/24"}, None, serving(**done()), None, "it calls from elsewhere now"),
        ({"vlan": 8}, None, serving(**done(None)), None, "its network was left to somebody else"),
        ({}, None, serving(bmc_change=PENDING, **done()), ("10.9.0.2", 9, None), "withdrawn, and half done"),
    ],
)  # fmt: skip
def test_what_is_changed_through_a_bmc_that_lets_us_in(
    network: dict[str, Any], rotate: str | None, m: MachineView, expected: tuple[Any, ...] | None, why: str
) -> None:
    step = plan(with_bmc(spec(IPMI | network), rotate=rotate), m)["A"]
    if expected is None:
        assert kind(step) == "settled", why
    else:
        action = change(step)
        assert (action.address, action.vlan, action.rotate) == expected, why
        assert step.risk is Risk.NONE


def test_a_network_is_changed_one_bmc_after_the_other_and_passwords_all_at_once() -> None:
    tree = spec(IPMI | {"vlan": 8})
    fleet = [serving(serial, n, has=f"10.9.0.{n + 1}", **done(f"10.9.0.{n + 1}")) for n, serial in enumerate("ABC", 1)]
    found = plan(tree, *fleet)
    assert [kind(step) for step in found.values()] == ["change_bmc", "settled", "settled"]
    assert getattr(found["B"], "because", "").endswith("; its BMC is next once that of A has arrived")
    rotated = plan(with_bmc(tree, rotate="1"), *fleet)
    assert [(change(step).vlan, change(step).rotate) for step in rotated.values()] == [
        (8, "1"),
        (None, "1"),
        (None, "1"),
    ]


def test_one_that_did_not_arrive_stops_the_others_until_it_has() -> None:
    tree = spec(IPMI | {"vlan": 8})
    lost = {
        "bmc_change": replace(PENDING, serial="B", vlan=8, address="10.9.0.3"),
        "aside_failures": 5,
        "aside_error": "gone",
    }
    a, b = serving("A", 1, **done()), serving("B", 2, has="10.9.0.3", **lost, **done("10.9.0.3"))
    found = plan(tree, a, b)
    assert kind(found["A"]) == "settled"
    assert getattr(found["B"], "on", "") == "an operator, then retry: 5 failures in a row, the last: gone"
    arrived = replace(b, history=history_with(b.history, bmc_change=None, aside_failures=0, **done("10.9.0.3", vlan=8)))
    assert kind(plan(tree, a, arrived)["A"]) == "change_bmc"


def test_a_bmc_that_moved_is_where_it_was_given_until_its_agent_speaks_again() -> None:
    action = ChangeBmc(serial="A", generation=1, username="oci", rotate="1", address="10.9.0.3", network="10.9.0.0/29")
    h = history_with(in_live(**done()).history, hooks=("dns", "bmc_password"))
    begun = after(h, Started("A", NOW, action))
    assert (begun.bmc.address, begun.bmc.change, begun.touched) == ("10.9.0.3", action, h.touched)
    failed = after(begun, Failed("A", NOW, action.id, "gone"))
    assert (failed.bmc.change, failed.failures.count, failed.side_failures.count) == (action, 0, 1)
    moved = after(begun, Succeeded("A", NOW, action))
    assert moved.bmc.set_to is not None
    assert (moved.bmc.set_to.address, moved.bmc.set_to.rotate, moved.bmc.change) == ("10.9.0.3", "1", None)
    assert moved.announced.hooks == ("dns",)
    seen = machine("A", bmc="10.9.0.2").seen
    assert seen is not None
    assert with_bmc_address(seen, moved).hardware.bmc_address == "10.9.0.3"
    newer = replace(seen, reported_at=NOW + MINUTE)
    assert with_bmc_address(newer, moved).hardware.bmc_address == "10.9.0.2"
