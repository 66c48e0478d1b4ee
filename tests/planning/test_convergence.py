"""The promises that hold for any fleet: any crash, any failure, any silence."""

import random
from dataclasses import replace

import pytest
from hypothesis import assume, settings
from hypothesis import given as for_all
from hypothesis import strategies as st

from reconciler.model.action_base import Risk
from reconciler.model.actions import Release
from reconciler.model.events import Started
from reconciler.model.history import Phase
from reconciler.model.kinds import MachineSpec
from reconciler.model.machine import InstallStatus
from reconciler.model.plan import Act, Advance, Orphaned, Plan, PlanningInput, Settled
from reconciler.model.reasons import Reason
from reconciler.model.rings import RingDevice, has_all
from reconciler.planning.planner import plan
from reconciler.planning.ring_devices import wanted_devices
from reconciler.render.observation import dump_observation, load_observation
from reconciler.render.plan_groups import doing

from .build import MINUTE, cluster, machine, net, planned, tree, with_bmcs, with_stores
from .fleet import QUICK, Fleet, Journal, Server

DRAWN = settings().max_examples
"""Examples of a property: 100, and 3000 in ``make fuzz``."""
ROUNDS = 60  # minutes that are enough for the slowest: every time limit, and four failures with their back-off

SPECS = [
    tree({"cl1": cluster(controller={"count": 3, "spread": "location"}, compute={})}),
    tree({"b": cluster("b", 1, compute={"count": 2}), "a": cluster("a", 2, compute={}, controller={"count": 1})}),
    tree(
        {"cl1": cluster(networks={"flat": net("10.1.0.0/29")}, compute={}, controller={"count": 1})},
        {
            "M0": {"protected": True},
            "M1": {"cluster": "cl1", "address": "10.1.0.5"},
            "M2": {"lifecycle": "maintenance"},
        },
        {"max_destructive": 1},
    ),
]
SPECS = [with_bmcs(spec) for spec in SPECS]

SERVERS = st.builds(
    Server,
    serial=st.just(""),
    role=st.sampled_from(["compute", "controller"]),
    zone=st.sampled_from(["z1", "z2", "z3"]),
    contents=st.sampled_from(["", "", "ext4"]),
    failing=st.integers(0, 4),
    after_effect=st.booleans(),
    puppet_fails=st.booleans(),
    held=st.booleans(),
    running=st.sampled_from(["live", "live", "nothing"]),
    is_stock=st.sampled_from([False, False, True]),
)


@st.composite
def fleets(draw: st.DrawFn) -> Fleet:
    servers = draw(st.lists(SERVERS, min_size=1, max_size=5))
    journal = Journal(draw(st.one_of(st.none(), st.integers(1, 60))), draw(st.booleans()))
    named = [replace(server, serial=f"M{n}") for n, server in enumerate(servers)]
    fleet = Fleet.of(draw(st.sampled_from(SPECS)), named, journal=journal)
    for server in draw(
        st.lists(st.sampled_from(named), unique_by=lambda server: server.serial)
    ):  # seen in the live system, some time ago
        was, server.running = server.running, "live"
        server.report(fleet.now)
        server.running = was
    return fleet


def reports(fleet: Fleet) -> st.SearchStrategy[set[str]]:
    return st.sets(st.sampled_from(sorted(fleet.servers)))


def some_minutes(fleet: Fleet, data: st.DataObject, most: int = 10) -> None:
    for reporting in data.draw(st.lists(reports(fleet), max_size=most)):
        fleet.a_minute_passes(reporting)


@pytest.mark.lengthy
@settings(max_examples=60)
@for_all(fleets(), st.data())
def test_any_crash_any_failure_and_any_silence_still_converges_and_installs_each_machine_once(fleet, data):
    some_minutes(fleet, data)
    settle(fleet)
    assert not any(server.wiped for server in fleet.servers.values() if server.contents)
    fleet.approve()
    settle(fleet)
    todo = fleet.planned()
    assert not doing(todo), todo.steps
    settled = {step.serial for step in todo.steps if isinstance(step, Settled)}
    waiting = waiting_for_controllers(fleet, todo)
    for server in fleet.servers.values():
        assert server.wiped == (server.serial in settled | waiting)
    assert settled | waiting == fleet.allocations.keys() - held_back(fleet)


@pytest.mark.lengthy
@settings(max_examples=40)
@for_all(fleets(), st.data())
def test_a_changed_document_reaches_everybody_in_service_and_takes_one_of_a_quorum_at_a_time(fleet, data):
    some_minutes(fleet, data)
    settle(fleet)
    fleet.commit += 1
    some_minutes(fleet, data)
    settle(fleet)
    machines = fleet.observation().machines
    assert not any(m.behind for m in machines if m.history.phase is Phase.IN_SERVICE)
    assert all(server.rolled_out < 20 for server in fleet.servers.values())


WORDS = st.lists(st.one_of(st.none(), st.sampled_from(InstallStatus)), max_size=3)


@pytest.mark.lengthy
@settings(max_examples=25)
@for_all(fleets(), st.data())
def test_whatever_is_said_in_its_name_a_machine_in_service_goes_on_serving(fleet, data):
    fleet.servers = {serial: replace(server, puppet_fails=False) for serial, server in fleet.servers.items()}
    settle(fleet)
    fleet.approve()
    settle(fleet)
    serving = {m.serial for m in fleet.observation().machines if m.history.phase is Phase.IN_SERVICE}
    before = len(fleet.journal.events)
    for words in data.draw(st.lists(WORDS, max_size=25)):
        for serial in serving:
            for word in words:
                fleet.servers[serial].is_slandered(word, fleet.now + MINUTE)
        fleet.a_minute_passes(())
    begun = [event.action for event in fleet.journal.events[before:] if isinstance(event, Started)]
    assert [action for action in begun if action.risk is not Risk.NONE and action.serial in serving] == []
    known = {m.serial: m.history for m in fleet.observation().machines}
    assert all(known[serial].phase is Phase.IN_SERVICE and not known[serial].failures.count for serial in serving)


def waiting_for_controllers(fleet: Fleet, todo: Plan) -> set[str]:
    """Computes that are installed, in clusters of which no more than half the controllers serve."""
    waiting = {step.serial for step in todo.steps if step.reason is Reason.BRING_UP}
    serving = {m.serial for m in fleet.observation().machines if m.history.phase is Phase.IN_SERVICE}
    held = fleet.allocations
    for serial in waiting:
        cluster = held[serial].cluster
        pool = {other for other, its in held.items() if (its.cluster, its.role) == (cluster, "controller")}
        assert held[serial].role == "compute"
        assert 2 * len(pool & serving) <= len(pool)
    return waiting


def held_back(fleet: Fleet) -> set[str]:
    """Machines that an operator holds back: a maintenance that began before they were installed."""
    return {serial for serial, pin in fleet.spec.machines.items() if pin.lifecycle == "maintenance" or pin.protected}


@settings(max_examples=60)
@for_all(fleets(), st.data(), st.randoms(use_true_random=False))
def test_planning_is_deterministic_and_ignores_the_order_of_everything(fleet, data, order: random.Random):
    some_minutes(fleet, data)
    seen = fleet.observation()
    given = PlanningInput("c", fleet.spec, seen, QUICK)

    def shuffled(values):
        return tuple(order.sample(values, len(values)))

    mixed = replace(
        seen, machines=shuffled(seen.machines), vips=shuffled(seen.vips), approvals=shuffled(seen.approvals)
    )
    spec = replace(
        fleet.spec,
        clusters=dict(shuffled(list(fleet.spec.clusters.items()))),
        machines=dict(shuffled(list(fleet.spec.machines.items()))),
        profiles=dict(shuffled(list(fleet.spec.profiles.items()))),
    )
    assert plan(given) == plan(given) == plan(replace(given, observed=mixed, spec=spec))
    assert plan(given) == plan(replace(given, observed=load_observation(dump_observation(seen))))


@pytest.mark.lengthy
@settings(max_examples=60)
@for_all(fleets(), st.data())
def test_a_machine_is_never_touched_from_the_moment_it_is_protected(fleet, data):
    some_minutes(fleet, data, most=25)
    pins = {serial: pin.model_copy(update={"protected": True}) for serial, pin in pinned(fleet).items()}
    fleet.spec = replace(fleet.spec, machines=pins)
    before = {s.serial: (s.wiped, s.rebooted) for s in fleet.servers.values()}
    for _ in range(20):
        fleet.a_minute_passes()
        fleet.approve()
    assert {s.serial: (s.wiped, s.rebooted) for s in fleet.servers.values()} == before


def pinned(fleet: Fleet) -> dict[str, MachineSpec]:
    return {serial: fleet.spec.machines.get(serial, MachineSpec(settings={})) for serial in fleet.servers}


@settings(max_examples=60)
@for_all(st.sampled_from(SPECS), st.lists(st.tuples(st.booleans(), st.sampled_from("123")), max_size=12), st.data())
def test_a_delivery_gets_the_same_places_in_whatever_order_it_reports(spec, kinds, data):
    fleet = [
        machine(f"M{n}", "compute" if computes else "controller", f"z{zone}")
        for n, (computes, zone) in enumerate(kinds)
    ]
    assert planned(spec, data.draw(st.permutations(fleet))) == planned(spec, fleet)


def harm(todo: Plan) -> set[tuple[str, str]]:
    """Machines that lose data, a name or their service, and through what."""
    acts = {(s.serial, s.action.type) for s in todo.steps if isinstance(s, Act) and s.risk is Risk.DESTRUCTIVE}
    acts |= {(s.serial, "release") for s in todo.steps if isinstance(s, Act) and isinstance(s.action, Release)}
    return acts | {(s.serial, "leave") for s in todo.steps if isinstance(s, Advance) and s.risk is Risk.DESTRUCTIVE}


@st.composite
def smaller(draw: st.DrawFn, spec):
    """The same tree with something gone: clusters, pools, networks, profiles or documents of machines."""

    def some(named):
        return {name: value for name, value in named.items() if draw(st.booleans())}

    holding_back = {n: m for n, m in spec.machines.items() if m.protected or m.lifecycle != "active"}
    clusters = {
        name: one.model_copy(update={"roles": some(one.roles), "networks": some(one.networks)})
        for name, one in some(spec.clusters).items()
    }
    return replace(spec, clusters=clusters, profiles=some(spec.profiles), machines=some(spec.machines) | holding_back)


@settings(max_examples=100)
@for_all(fleets(), st.data())
def test_whatever_is_removed_from_git_nothing_is_wiped_or_released_for_it(fleet, data):
    some_minutes(fleet, data, most=25)
    assume(fleet.spec.fleet.policy.max_destructive > 1)  # a budget's free slot may go to another machine
    given = PlanningInput("c", fleet.spec, fleet.observation(), QUICK)
    less = plan(replace(given, spec=data.draw(smaller(fleet.spec))))
    assert harm(less) <= harm(plan(given))


@settings(max_examples=30)
@for_all(fleets(), st.data())
def test_an_empty_tree_leaves_everything_as_it_is(fleet, data):
    some_minutes(fleet, data, most=25)
    fleet.spec = replace(fleet.spec, clusters={}, machines={}, profiles={})
    before = {s.serial: (s.wiped, s.rebooted) for s in fleet.servers.values()}
    held = dict(fleet.allocations)
    for _ in range(10):
        fleet.a_minute_passes()
    assert {s.serial: (s.wiped, s.rebooted) for s in fleet.servers.values()} == before
    assert fleet.allocations == held
    steps = {step.serial: step for step in fleet.planned().steps}
    assert all(isinstance(steps[serial], Orphaned) for serial in held)


STORES = [
    with_stores(tree({"cl1": {**cluster(swiftstore=pool), "rings": {"replicas": 2, "ramp": "50%", **rings}}}))
    for pool, rings in (({}, {"min_part_hours": 0}), ({"count": 3}, {"min_part_hours": 1, "begin_with": 2}))
]
RING_TURNS = ("a store", "a disk", "a disk dies", "a yes", "minutes")


@st.composite
def stores(draw: st.DrawFn) -> Fleet:
    """A cluster that stores in Swift, of machines with disks for data."""
    disks = draw(st.lists(st.integers(1, 3), min_size=2, max_size=4))
    zones = draw(st.permutations(["z1", "z2", "z3", "z1"]))
    quirks = draw(st.lists(st.tuples(st.integers(0, 2), st.booleans()), min_size=4, max_size=4))
    servers = [
        Server(f"M{n}", "swiftstore", zone, failing=failing, after_effect=after, data=count)
        for n, (count, zone, (failing, after)) in enumerate(zip(disks, zones, quirks, strict=False))
    ]
    journal = Journal(draw(st.one_of(st.none(), st.integers(1, 80))), draw(st.booleans()))
    return Fleet.of(draw(st.sampled_from(STORES)), servers, journal=journal)


def take_a_turn(fleet: Fleet, turn: str, data: st.DataObject) -> None:
    """One thing that happens to a cluster of stores."""
    servers = list(fleet.servers.values())
    match turn:
        case "a store":
            new = Server(f"N{len(servers)}", "swiftstore", data.draw(st.sampled_from(["z1", "z2", "z3"])), data=1)
            fleet.servers[new.serial] = new
        case "a disk":
            lucky = data.draw(st.sampled_from(servers))
            lucky.has_disks_for_data(lucky.data + 1)
        case "a disk dies":
            poor = data.draw(st.sampled_from(servers))
            poor.has_disks_for_data(max(poor.data - 1, 0))
        case "a yes":
            fleet.approve()
        case "minutes":
            some_minutes(fleet, data)


@pytest.mark.lengthy
@settings(max_examples=DRAWN // 10)
@for_all(stores(), st.data())
def test_rings_grow_by_approved_rounds_and_reach_every_node_whatever_happens(fleet, data):
    some_minutes(fleet, data, most=25)
    for turn in data.draw(st.lists(st.sampled_from(RING_TURNS), max_size=8)):
        take_a_turn(fleet, turn, data)
        known = {key: len(state.devices) for key, state in fleet.rings.states.items()}
        fleet.a_minute_passes()
        assert all(len(fleet.rings.states[key].devices) >= count for key, count in known.items()), "a disk was lost"
    grow_up(fleet)
    todo = fleet.planned()
    assert not doing(todo), todo.steps
    serving = [m for m in fleet.observation().machines if m.history.phase is Phase.IN_SERVICE]
    files = fleet.rings.files("cl1")
    assert bool(serving) == bool(files)
    assert all(set(files) <= set(fleet.servers[m.serial].rings) and has_all(m.history.rings, files) for m in serving)
    for state in fleet.rings.states.values():
        assert all(dev.weight == dev.target for dev in state.devices if is_there(fleet, dev)), state
        held = {dev.disk for dev in state.devices}
        assert all(device.disk in held for m in serving for device in wanted_devices(fleet.spec, m, m.allocation))


def grow_up(fleet: Fleet) -> None:
    """All stores come into service, and all rounds are approved: two for each disk, an hour apart."""
    for _ in range(3):
        settle(fleet, ROUNDS // 3)
        fleet.approve()
    for _ in range(8):
        fleet.now += 60 * MINUTE
        settle(fleet, 5)
        fleet.approve()
        settle(fleet, 5)


def is_there(fleet: Fleet, dev: RingDevice) -> bool:
    """Whether the disk of a ring's device has not died."""
    return dev.device in {f"sd{chr(98 + number)}" for number in range(fleet.servers[dev.serial].data)}


def settle(fleet: Fleet, minutes: int = ROUNDS) -> None:
    for _ in range(minutes):
        fleet.a_minute_passes()


def test_a_life_told_to_its_end():
    """Installed, reinstalled on request, decommissioned, replaced by a machine that takes its name."""
    roles = {"cl1": cluster(controller={"count": 1})}
    fleet = Fleet.of(tree(roles), [Server("OLD", "controller")])
    settle(fleet)
    assert not doing(fleet.planned()) and fleet.servers["OLD"].wiped == 1

    fleet.spec = tree(roles, {"OLD": {"reinstall": "once"}})
    settle(fleet)
    assert fleet.servers["OLD"].wiped == 1
    fleet.approve()
    settle(fleet)
    assert not doing(fleet.planned()) and fleet.servers["OLD"].wiped == 2

    fleet.spec = tree(roles, {"OLD": {"lifecycle": "decommissioned"}, "NEW": {"replaces": "OLD"}})
    fleet.servers["NEW"] = Server("NEW", "controller", "z1")
    held = fleet.allocations["OLD"]
    settle(fleet)
    assert "NEW" not in fleet.allocations
    fleet.approve()
    settle(fleet)
    now = fleet.allocations["NEW"]
    assert (now.hostname, now.addresses) == (held.hostname, held.addresses)
    assert not doing(fleet.planned()) and "OLD" not in fleet.allocations
    assert (fleet.servers["OLD"].wiped, fleet.servers["NEW"].wiped) == (2, 1)
    phases = {m.serial: m.history.phase for m in fleet.observation().machines}
    assert phases == {"OLD": Phase.DISCOVERED, "NEW": Phase.IN_SERVICE}


@pytest.mark.lengthy
@pytest.mark.thorough
def test_after_every_crash_and_every_silence_a_machine_is_installed_once():
    """Every write of a machine's whole life, lost or not, and a silence of twenty minutes at every moment around it."""
    for crash_at in range(1, 16):
        for lose_write in (True, False):
            for silent_from in range(1, 10):
                fleet = Fleet.of(SPECS[0], [Server("M0")], journal=Journal(crash_at, lose_write))
                settle(fleet, silent_from)
                for _ in range(20):
                    fleet.a_minute_passes(())
                settle(fleet, 30)
                assert not doing(fleet.planned())
                assert fleet.servers["M0"].wiped == 1, (crash_at, lose_write, silent_from)
