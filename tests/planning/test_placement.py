"""Which machine takes which slot, and what the others are told."""

from dataclasses import replace

import pytest

from reconciler.model.actions import Enroll
from reconciler.model.hardware import Match
from reconciler.model.history import Phase
from reconciler.model.machine import MachineView, Power
from reconciler.model.plan import Act, Orphaned, Plan, Settled, Wait
from reconciler.model.reasons import Reason

from .build import (
    NOW,
    VIPS,
    approval,
    cluster,
    holding,
    in_phase,
    kind,
    machine,
    net,
    one,
    planned,
    silent,
    steps,
    tree,
)

THREE = {"count": 3, "spread": "location"}


def enrolled(todo: Plan) -> dict[str, Enroll]:
    return {s.serial: s.action for s in todo.steps if isinstance(s, Act) and isinstance(s.action, Enroll)}


def clusters_of(todo: Plan) -> dict[str, str]:
    return {serial: action.cluster for serial, action in enrolled(todo).items()}


def on(spec, m: MachineView) -> str:
    step = one(spec, m)
    assert isinstance(step, Wait), step
    return step.on


def test_a_machine_that_matches_gets_a_slot_with_everything_it_needs():
    action = enrolled(planned(tree({"cl1": cluster(controller=THREE)}), [machine("A", zone="z2")]))["A"]
    assert (action.hostname, action.number, action.location) == ("cl1-controller-1.example.com", 1, "z2")
    assert dict(action.addresses) == {"cl1-z2": "10.1.2.2"}
    assert action.vips == (("cl1-public", "api", "203.0.1.2"),)


def test_three_controllers_are_spread_over_three_locations_and_the_rest_waits():
    fleet = [machine(f"{zone}-{n}", zone=zone) for zone in ("z1", "z2", "z3") for n in (1, 2)]
    todo = planned(tree({"cl1": cluster(controller=THREE)}), fleet)
    assert [a.location for a in enrolled(todo).values()] == ["z1", "z2", "z3"]
    assert todo.shortfalls == ()
    waits = [s.on for s in todo.steps if isinstance(s, Wait)]
    assert waits == ["a free slot: cl1 has its 3 controller machines"] * 3


def test_a_location_takes_its_share_and_no_more_however_late_the_others_come():
    todo = planned(tree({"cl1": cluster(controller=THREE)}), [machine("A"), machine("B")])
    assert list(enrolled(todo)) == ["A"]
    [short] = todo.shortfalls
    assert (short.wanted, short.placed, short.because) == (3, 1, "no free machine in z2, z3")
    assert short.reason is Reason.NO_FREE_MACHINE
    on = next(s.on for s in todo.steps if isinstance(s, Wait))
    assert on == "a free slot: cl1 spreads its 3 controller machines over 3 locations, and z1 has its share"


def test_a_cluster_without_a_network_is_short_for_that_reason():
    [short] = planned(tree({"cl1": cluster(networks={}, controller={"count": 1})}), [machine("A")]).shortfalls
    assert (short.reason, short.because) == (Reason.NO_NETWORK, "the cluster has no network for them")


def test_an_uneven_count_gives_the_extra_to_one_location_only():
    spec = tree({"cl1": cluster(controller={"count": 4, "spread": "location"})})
    fleet = [machine(f"{zone}-{n}", zone=zone) for zone in ("z1", "z2", "z3") for n in (1, 2, 3)]
    at = sorted(str(a.location) for a in enrolled(planned(spec, fleet)).values())
    assert at == ["z1", "z1", "z2", "z3"]


def test_machines_are_spread_over_racks():
    spec = tree({"cl1": cluster(controller={"count": 3, "spread": "rack"})})
    fleet = [machine(f"{rack}-{n}", zone="z1", rack=rack) for rack in (1, 2) for n in (1, 2)]
    assert sorted(serial[0] for serial in enrolled(planned(spec, fleet))) == ["1", "2"]


def unheard(m):
    return replace(m, racked=None)


def test_a_holder_whose_rack_nobody_knows_today_may_stand_in_any():
    spec = tree({"cl1": cluster(controller={"count": 2, "spread": "rack"})})
    holder = holding(machine("H", zone="z1", rack=1), 1)
    free = [machine("X", zone="z1", rack=1), machine("Y", zone="z1", rack=2)]
    assert set(enrolled(planned(spec, [holder, *free]))) == {"Y"}
    todo = planned(spec, [unheard(holder), *free])
    assert enrolled(todo) == {}
    waits = {step.serial: (step.reason, step.on) for step in todo.steps if isinstance(step, Wait)}
    on = (
        "a free slot: cl1 spreads its 2 controller machines by rack, and nobody knows the rack of "
        "cl1-controller-1.example.com, which may be 1/a/z12: no report of it names a switch there"
    )
    assert waits["Y"] == (Reason.PART_UNKNOWN, on)


def test_and_holds_up_nobody_where_its_pool_stays_even_wherever_it_stands():
    spec = tree({"cl1": cluster(controller={"count": 12, "spread": "rack"})})
    assert sum(len(racking.switches) for racking in spec.rackings.values()) == 6
    held = [holding(machine("H", zone="z1", rack=1), 1), unheard(holding(machine("I", zone="z1", rack=1), 2))]
    free = [machine("X", zone="z1", rack=1), machine("Y", zone="z1", rack=2)]
    assert set(enrolled(planned(spec, [*held, *free]))) == {"Y"}


def test_a_pool_without_a_count_takes_every_machine():
    spec = tree({"cl1": cluster(compute={})})
    fleet = [machine(f"M{n}", "compute", f"z{n % 3 + 1}") for n in range(9)]
    assert len(enrolled(planned(spec, fleet))) == 9


def test_allocated_machines_keep_their_places_and_are_counted_first():
    held = [holding(machine("Z", zone="z1"), 1), holding(machine("Y", zone="z2"), 2)]
    todo = planned(tree({"cl1": cluster(controller=THREE)}), [*held, machine("A", zone="z1"), machine("B", zone="z3")])
    assert {s: a.hostname for s, a in enrolled(todo).items()} == {"B": "cl1-controller-3.example.com"}


@pytest.mark.parametrize(
    ("clusters", "fleet", "expected"),
    [
        pytest.param(
            {"b": cluster("b", 2, compute={}), "a": cluster("a", 1, compute={})},
            ["z1"], {"M0": "a"}, id="two that take all: the first by name",
        ),
        pytest.param(
            {"a": cluster("a", 1, compute={}), "b": cluster("b", 2, compute={"count": 1})},
            ["z1"], {"M0": "b"}, id="a count goes before all",
        ),
        pytest.param(
            {"a": cluster("a", 1, compute={"count": 1}),
             "b": cluster("b", 2, {"b-z1": net("10.2.1.0/24", location="z1")}, compute={"count": 1})},
            ["z1", "z2"], {"M0": "b", "M1": "a"}, id="a machine that only one can use goes there",
        ),
        pytest.param(
            {"a": cluster("a", 1, compute={"count": 1, "locations": ["z3"]})},
            ["z1", "z3"], {"M1": "a"}, id="a pool names its locations",
        ),
    ],
)  # fmt: skip
def test_several_clusters_share_machines(clusters, fleet, expected):
    machines = [machine(f"M{n}", "compute", zone) for n, zone in enumerate(fleet)]
    assert clusters_of(planned(tree(clusters), machines)) == expected


def test_a_pinned_machine_goes_first_and_where_it_is_pinned():
    spec = tree(
        {"a": cluster("a", 1, controller={"count": 1}), "b": cluster("b", 2, controller={"count": 1})},
        {"Z": {"cluster": "a"}},
    )
    assert clusters_of(planned(spec, [machine("A"), machine("Z")])) == {"Z": "a", "A": "b"}


def test_a_slot_is_kept_for_a_machine_pinned_to_it_that_nobody_has_seen():
    spec = tree({"cl1": cluster(controller={"count": 1})}, {"LATER": {"cluster": "cl1", "role": "controller"}})
    todo = planned(spec, [machine("A")])
    [short] = todo.shortfalls
    assert (short.reason, short.because) == (Reason.KEPT_FOR_PIN, "kept for LATER")
    assert {s.serial: s.on for s in todo.steps if isinstance(s, Wait)} == {
        "A": "a free slot: cl1 keeps the rest of its 1 controller machine for LATER",
        "LATER": "its first report: nobody has seen it yet",
    }


@pytest.mark.parametrize(
    ("m", "pin", "expected"),
    [
        (machine("A", None), {}, "a hardware profile that matches: compute: memory 64GiB is under 256GiB"),
        (replace(machine("A"), match=Match(("b", "a"))), {}, "one hardware profile: a, b all match"),
        (replace(machine("A"), match=Match()), {}, "a hardware profile: the specs have none"),
        (machine("A", "network"), {}, "a cluster that asks for a network: none does"),
        (machine("A", zone="z9"), {}, "a cluster that wants a controller in z9: cl1 takes them from z1, z2, z3"),
        (machine("A", zone=None), {}, "a location: no switch was heard over LLDP"),
        (replace(machine("A", zone="z8"), racked=None), {},
         "a location: no racking has a switch that it sees: sw-z8-1 port swp1"),
        (replace(machine("A"), racked=None), {},
         "a location: racking all gives no height for its product, "),
        (replace(machine("A"), conflict="two say they are A"), {}, "an operator, then retry: two say they are A"),
        (replace(machine("A"), seen=None), {}, "its first report"),
        (machine("A"), {"protected": True}, "its protection to be lifted"),
        (machine("A"), {"lifecycle": "maintenance"}, "the end of its maintenance"),
        (machine("A"), {"cluster": "cl1", "role": "sql"}, "cl1 to ask for a sql: it asks for none"),
        (machine("A"), {"cluster": "cl1", "location": "z9"}, "a cluster that wants a controller in z9"),
        (machine("A"), {"profile": "gone"}, "hardware profile gone: the specs have no such profile"),
        (machine("A"), {"replaces": "OLD"}, "a machine to replace: OLD never held a place here"),
    ],
)  # fmt: skip
def test_a_machine_that_gets_no_place_is_told_why(m, pin, expected):
    spec = tree({"cl1": cluster(controller=THREE)}, {"A": pin} if pin else {})
    assert on(spec, m).startswith(expected)


def test_a_pin_to_a_location_a_profile_or_a_role_stands_in_for_what_was_not_seen():
    spec = tree({"cl1": cluster(controller=THREE)}, {"A": {"location": "z3", "profile": "controller"}})
    assert kind(one(spec, machine("A", None, None))) == "enroll"
    tied = replace(machine("A"), match=Match(("compute", "controller")))
    assert kind(one(tree({"cl1": cluster(controller=THREE)}, {"A": {"role": "controller"}}), tied)) == "enroll"


def test_a_cluster_whose_network_is_everywhere_takes_machines_that_stand_nowhere():
    spec = tree({"cl1": cluster(networks={"flat": net("10.9.0.0/24")}, controller={"count": 1})})
    assert kind(one(spec, machine("A", zone=None))) == "enroll"


def test_a_decommissioned_machine_gets_no_place_and_leaves_its_slot_to_others():
    spec = tree({"cl1": cluster(controller=THREE)}, {"OLD": {"lifecycle": "decommissioned"}})
    assert isinstance(one(spec, machine("OLD")), Settled)
    found = steps(spec, [holding(in_phase(machine("OLD"), Phase.IN_SERVICE)), machine("NEW")])
    assert kind(found["NEW"]) == "enroll"
    assert isinstance(found["OLD"], Wait) and found["OLD"].needs_approval == "release"


def test_more_machines_than_wanted_are_orphaned_from_the_highest_number_and_keep_running():
    fleet = [silent(holding(in_phase(machine(f"M{n}", zone=f"z{n}"), Phase.IN_SERVICE), n)) for n in (1, 2, 3)]
    found = steps(tree({"cl1": cluster(controller={"count": 2})}), fleet, vips=VIPS)
    assert isinstance(found["M1"], Settled) and isinstance(found["M2"], Settled)
    assert isinstance(found["M3"], Orphaned)
    assert found["M3"].because == "cl1 wants 2 controller machines, has 3"


@pytest.mark.parametrize("phase", list(Phase))
@pytest.mark.parametrize("clusters", [{}, {"cl1": cluster(compute={})}], ids=["no cluster", "no role"])
def test_what_git_no_longer_asks_for_is_shown_and_left_alone(phase, clusters):
    m = holding(in_phase(machine("A"), phase))
    assert isinstance(one(tree(clusters), m), Orphaned)


class TestReplacing:
    SPEC = tree(
        {"cl1": cluster(controller={"count": 1})},
        {"OLD": {"lifecycle": "decommissioned"}, "NEW": {"replaces": "OLD"}},
    )

    def test_it_waits_while_the_old_one_holds_its_name_and_the_slot_is_kept(self):
        old = holding(in_phase(machine("OLD"), Phase.IN_SERVICE))
        found = steps(self.SPEC, [old, machine("NEW"), machine("OTHER")])
        assert found["NEW"].on.startswith("OLD to be decommissioned and released")
        assert "keeps the rest" in found["OTHER"].on

    def test_it_takes_name_and_addresses_once_the_old_one_is_released(self):
        old = holding(machine("OLD"), 7).allocation
        found = steps(self.SPEC, [machine("NEW"), machine("OTHER")], retired={"OLD": old})
        action = found["NEW"].action
        assert (action.hostname, action.number, dict(action.addresses)) == (old.hostname, 7, dict(old.addresses))
        assert action.replaces == "OLD"

    def test_it_waits_while_the_old_one_is_powered(self):
        old = machine("OLD")
        on = replace(old, seen=replace(old.seen, power=Power.ON, power_at=NOW))
        found = steps(self.SPEC, [on, machine("NEW")], retired={"OLD": holding(old).allocation})
        assert found["NEW"].on.startswith("OLD to be turned off")

    def test_hardware_for_another_role_does_not_replace(self):
        found = steps(self.SPEC, [machine("NEW", "compute")], retired={"OLD": holding(machine("OLD")).allocation})
        assert found["NEW"].on.startswith("hardware for a controller")


def test_a_machine_pinned_elsewhere_waits_for_a_release():
    spec = tree(
        {"cl1": cluster(controller=THREE), "cl2": cluster("cl2", 2, controller=THREE)}, {"A": {"cluster": "cl2"}}
    )
    m = holding(in_phase(machine("A"), Phase.ENROLLED))
    step = one(spec, m)
    assert step.needs_approval == "release" and "pinned to cluster cl2, and it has cl1" in step.on
    assert kind(one(spec, m, approvals=(approval("A", "release"),))) == "release"


def test_a_released_machine_comes_back_as_a_new_generation():
    spec = tree({"cl1": cluster(controller=THREE)})
    old = replace(holding(machine("A")).allocation, generation=4)
    assert one(spec, machine("A"), retired={"A": old}).action.generation == 5


def test_a_machine_whose_journal_outlives_its_holdings_is_not_taken_for_new():
    spec = tree({"cl1": cluster(controller=THREE)})
    m = in_phase(machine("A"), Phase.IN_SERVICE)
    assert on(spec, m) == "an operator: its journal says in-service, and it holds no name or address"
    assert kind(one(spec, m, retired={"A": holding(m).allocation})) == "release"
