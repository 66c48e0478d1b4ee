"""Rings are built before the first store is installed, given to every node, and changed by approved rounds alone."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from reconciler.model.actions import BuildRings, PlaceRings
from reconciler.model.history import Failures, Phase
from reconciler.model.machine import Approval, MachineView
from reconciler.model.plan import Act, Plan, Step, Wait
from reconciler.model.reasons import Reason
from reconciler.model.rings import RingDevice, RingFile, RingMoves, RingRound, RingState, order_of
from reconciler.model.tree import SpecTree

from .build import (
    MINUTE,
    NOW,
    VIPS,
    cluster,
    holding,
    in_phase,
    kind,
    kinds,
    looked_at,
    machine,
    planned,
    silent,
    tree,
    with_data_disks,
    with_history,
    with_stores,
)

TB = 10**12
HOUR = timedelta(hours=1)
DISKS = 2  # for data, of each store


def spec(rings: Any = None, machines: Any = None, **roles: Any) -> SpecTree:
    """A cluster whose stores have disks for data; of three zones, each its own in Swift."""
    asked = cluster(**(roles or {"swiftstore": {"count": 3}, "swiftproxy": {"count": 1}}))
    return with_stores(tree({"cl1": {**asked, "rings": rings or {}}}, machines))


def store(serial: str, number: int, zone: str = "z1", size: int = TB, role: str = "swiftstore") -> MachineView:
    """A store with its place, in the live system."""
    found = with_data_disks(machine(serial, role, zone), DISKS if role == "swiftstore" else 0, size)
    return in_phase(holding(found, number), Phase.ENROLLED)


def proxy(serial: str = "P", number: int = 9) -> MachineView:
    return store(serial, number, role="swiftproxy")


def serves(m: MachineView, rings: tuple[RingFile, ...] | None = None) -> MachineView:
    """It serves for days, with these ring files."""
    return with_history(silent(in_phase(m, Phase.IN_SERVICE)), rings=rings)


NEW = (store("A", 1, "z1"), store("B", 2, "z2"), store("C", 3, "z3"))


def state(name: str, machines: Iterable[MachineView], share: float = 1.0, **more: Any) -> RingState:
    """A ring that has the disks of these stores, with so much of their weight."""
    ports = {"account": 6002, "container": 6001}
    found = [
        RingDevice(
            0, 1, int(m.allocation.location[1:]), m.allocation.address, ports.get(name, 6200 + i), f"sd{chr(98 + i)}",
            1000.0 * share, 1000.0, TB, f"{m.serial}sd{chr(98 + i)} 5000", m.serial, 64,
        )
        for m in machines
        for i in range(DISKS)
        if m.allocation
    ]  # fmt: skip
    devices = tuple(replace(dev, id=number) for number, dev in enumerate(found))
    return RingState("cl1", name, 7, f"{name}-md5", NOW - 5 * HOUR, 19, 3, 1, 0, devices, **more)


RINGS = tuple(state(name, NEW) for name in ("account", "container", "object"))
FILES = tuple(sorted(each.file for each in RINGS))


def plan(machines: Iterable[MachineView], tree: SpecTree | None = None, **more: Any) -> Plan:
    return planned(tree or spec(), machines, vips=VIPS, **more)


def steps(machines: Iterable[MachineView], tree: SpecTree | None = None, **more: Any) -> dict[str, Step]:
    return {step.serial: step for step in plan(machines, tree, **more).steps}


def building(step: Step) -> BuildRings:
    assert isinstance(step, Act) and isinstance(step.action, BuildRings)
    return step.action


# ---- the first ones


def test_the_first_store_carries_the_first_rings_and_the_others_wait():
    found = steps([*NEW, proxy()])
    assert kinds(found) == {"A": "build_rings", "B": "wait", "C": "wait", "P": "wait"}
    assert found["B"].reason is Reason.RINGS_MISSING
    assert found["B"].on == "the first rings of cl1: they are being built"
    action = building(found["A"])
    assert action.first and action.approved is None
    assert [(b.ring, b.version, b.part_power, b.replicas) for b in action.bases] == [
        ("account", 0, 19, 3),
        ("container", 0, 19, 3),
        ("object", 0, 19, 3),
    ]
    objects = [change for change in action.changes if change.ring == "object"]
    assert [(c.zone, c.ip, c.port, c.device, c.weight) for c in objects] == [
        (1, "10.1.1.2", 6200, "sdb", 1000.0),
        (1, "10.1.1.2", 6201, "sdc", 1000.0),
        (2, "10.1.2.3", 6200, "sdb", 1000.0),
        (2, "10.1.2.3", 6201, "sdc", 1000.0),
        (3, "10.1.3.4", 6200, "sdb", 1000.0),
        (3, "10.1.3.4", 6201, "sdc", 1000.0),
    ]
    assert {c.port for c in action.changes if c.ring == "account"} == {6002}
    assert {c.port for c in action.changes if c.ring == "container"} == {6001}


def test_rings_wait_for_all_stores_that_the_cluster_asks_for():
    found = steps(NEW[:2])
    assert kinds(found) == {"A": "wait", "B": "wait"}
    assert found["A"].on == "the first rings of cl1: 2 of 3 stores have their places, and disks that are known"


def test_an_operator_may_begin_with_fewer():
    assert kinds(steps(NEW[:2], spec({"begin_with": 2}))) == {"A": "build_rings", "B": "wait"}


def test_stores_without_a_count_are_enough_once_there_are_disks_for_all_copies():
    every = spec(None, None, swiftstore={})
    assert steps(NEW[:1], every)["A"].on == "the first rings of cl1: the account ring has 2 of at least 3 disks"
    assert kinds(steps(NEW[:2], every)) == {"A": "build_rings", "B": "wait"}


def test_nothing_is_held_where_the_cluster_stores_nothing():
    alone = spec(None, None, swiftproxy={"count": 1})
    assert kind(steps([proxy()], alone)["P"]) == "install_os"


def test_while_rings_are_being_built_nobody_builds_them_again():
    begun = building(steps(NEW)["A"])
    busy = with_history(NEW[0], open=begun)
    found = steps([busy, *NEW[1:]])
    assert kinds(found) == {"A": "wait", "B": "wait", "C": "wait"}
    assert found["B"].on == "the first rings of cl1: they are being built"


def test_rings_that_cannot_be_built_are_tried_again_later():
    failed = replace(NEW[0], history=replace(NEW[0].history, side_failures=Failures(1, NOW, NOW, "no memory")))
    found = steps([failed, *NEW[1:]])
    assert found["A"].reason is Reason.BACKS_OFF and "no memory" in found["A"].on
    assert kinds(found) == {"A": "wait", "B": "wait", "C": "wait"}


def test_once_there_are_rings_stores_are_installed():
    assert kinds(steps([*NEW, proxy()], rings=RINGS)) == dict.fromkeys("ABCP", "install_os")


def test_no_second_set_of_rings_is_built_for_stores_that_serve():
    todo = plan([serves(NEW[0]), *NEW[1:]])
    assert not any(isinstance(step, Act) and isinstance(step.action, BuildRings) for step in todo.steps)
    assert "another set of rings would hide all that is stored" in todo.notes["rings of cl1"]


def test_settings_say_which_rings_a_disk_is_in():
    asked = {"count": 3, "settings": {"swift_store_account": False, "swift_store_container": False}}
    held = steps(NEW, spec(None, None, swiftstore=asked))["A"]
    assert held.on == "the first rings of cl1: the account ring has 0 of at least 3 disks"


def test_a_coded_policy_has_a_ring_of_all_its_fragments():
    coded = {"name": "ec", "index": 2, "type": "erasure_coding", "ec_type": "liberasurecode_rs_vand", "data": 3}
    policies = [{"name": "Policy-0", "index": 0, "default": True, "replicas": 2}, {**coded, "parity": 2}]
    action = building(steps(NEW, spec({"part_power": 10, "policies": policies}))["A"])
    assert [(b.ring, b.replicas, b.parity) for b in action.bases] == [
        ("account", 3, 0),
        ("container", 3, 0),
        ("object", 2, 0),
        ("object-2", 5, 2),
    ]
    ports = {(c.ip, c.device): c.port for c in action.changes if c.ring == "object"}
    assert ports == {(c.ip, c.device): c.port for c in action.changes if c.ring == "object-2"}


def test_one_object_server_for_all_disks_has_one_port():
    asked = {"count": 3, "settings": {"servers_per_port": 0}}
    action = building(steps(NEW, spec(None, None, swiftstore=asked))["A"])
    assert {c.port for c in action.changes if c.ring == "object"} == {6200}


# ---- nodes


SERVING = tuple(serves(m, FILES) for m in (*NEW, proxy()))


def test_a_node_that_nobody_has_asked_is_asked():
    fresh = serves(NEW[0])
    found = steps([fresh, *SERVING[1:]], rings=RINGS)
    assert kinds(found) == {"A": "place_rings", "B": "settled", "C": "settled", "P": "settled"}
    assert isinstance(found["A"], Act) and isinstance(found["A"].action, PlaceRings)
    assert found["A"].action.rings == FILES


def test_a_node_that_has_other_rings_is_named_and_given_those_in_force():
    other = tuple(RingFile(ring, "other" if ring == "object" else md5) for ring, md5 in FILES)
    found = steps([*SERVING[:3], serves(proxy(), other)], rings=RINGS)
    assert kind(found["P"]) == "place_rings"
    assert found["P"].because == "its object ring is other, and object-md5 is in force"


def test_a_node_that_was_installed_with_the_rings_of_before_a_round_is_given_those_in_force():
    ran = {"last_done": "run_puppet", "last_done_at": NOW - MINUTE, "last_begun": "run_puppet"}
    new = in_phase(store("D", 4), Phase.INSTALLED, **ran)

    def step(m: MachineView) -> Step:
        four = spec(swiftstore={"count": 4})
        return steps([*(serves(other, FILES) for other in NEW), m], four, rings=RINGS)["D"]

    late = looked_at(new, swift_rings="object is 1f0a, and 2e9b is in force")
    given = step(late)
    assert isinstance(given, Act) and isinstance(given.action, PlaceRings) and given.action.rings == FILES
    assert step(with_history(late, rings=FILES)).reason is Reason.GATE_CLOSED  # until it is looked at again
    assert step(looked_at(new, swift_servers="no answer")).reason is Reason.GATE_CLOSED


def test_a_closed_gate_of_rings_keeps_no_node_in_service_from_being_given_them():
    late = looked_at(serves(NEW[0], (RingFile("object", "other"),)), swift_rings="object is other")
    found = steps([late, *(serves(m, FILES) for m in NEW[1:])], rings=RINGS)
    assert kind(found["A"]) == "place_rings"


def test_a_ring_that_is_no_part_of_the_cluster_hurts_nobody():
    more = (*FILES, RingFile("object-9", "old"))
    assert kind(steps([serves(NEW[0], more), *SERVING[1:]], rings=RINGS)["A"]) == "settled"


def test_a_first_boot_that_fails_for_want_of_rings_gets_them_once():
    ago = {"last_begun": "run_puppet", "failures": 1, "last_error": "no rings", "tried": NOW - HOUR}
    failing = with_history(silent(in_phase(NEW[0], Phase.INSTALLED)), **ago)
    assert kind(steps([failing, *SERVING[1:]], rings=RINGS)["A"]) == "place_rings"
    for known in ({"rings": ()}, {"aside_failures": 1, "aside_tried": NOW - HOUR}):
        assert kind(steps([with_history(failing, **known), *SERVING[1:]], rings=RINGS)["A"]) == "run_puppet"


def test_nothing_changes_where_rings_have_all_disks():
    todo = plan(SERVING, rings=RINGS)
    assert {kind(step) for step in todo.steps} == {"settled"}
    assert todo.notes == {}


# ---- rounds

FOURTH = store("D", 4, "z1", size=2 * TB)
GROWN = (*SERVING, serves(FOURTH, FILES))
MORE = spec(None, None, swiftstore={"count": 4}, swiftproxy={"count": 1})


def worked_out(action: BuildRings) -> RingRound:
    moves = tuple(RingMoves(b.ring, b.version, (("10.1.1.5/sdb", 0.0, 500.0),), 211, 3 * TB) for b in action.bases)
    return RingRound("cl1", order_of(action.bases, action.changes), moves)


def test_a_new_store_gains_a_share_of_its_weight_and_first_it_is_worked_out():
    found = steps(GROWN, MORE, rings=RINGS)
    assert kinds(found) == {"A": "build_rings", **dict.fromkeys("BCDP", "settled")}
    action = building(found["A"])
    assert not action.first and action.approved is None
    objects = [c for c in action.changes if c.ring == "object"]
    assert [(c.id, c.ip, c.device, c.weight, c.target) for c in objects] == [
        (-1, "10.1.1.5", "sdb", 500.0, 2000.0),
        (-1, "10.1.1.5", "sdc", 500.0, 2000.0),
    ]
    assert {basis.version for basis in action.bases} == {7}


def test_a_round_waits_for_an_approval_of_just_itself():
    proposed = worked_out(building(steps(GROWN, MORE, rings=RINGS)["A"]))
    wait = steps(GROWN, MORE, rings=RINGS, ring_rounds=(proposed,))["A"]
    assert isinstance(wait, Wait) and wait.needs_approval == "change_rings"
    assert wait.on.startswith(
        "approval to change the rings of cl1: account: 211 partitions move, at most 3TB (10.1.1.5/sdb 0 -> 500)"
    )
    other = replace(proposed, moves=(replace_move(proposed.moves[0], partitions=212), *proposed.moves[1:]))
    assert steps(GROWN, MORE, rings=RINGS, ring_rounds=(other,))["A"].covers != wait.covers


def replace_move(move: RingMoves, **change: Any) -> RingMoves:
    return move._replace(**change)


@pytest.mark.parametrize("carrier", ["A", "C", "P"])
def test_an_approved_round_is_taken_once_whoever_was_asked(carrier: str):
    proposed = worked_out(building(steps(GROWN, MORE, rings=RINGS)["A"]))
    covers = steps(GROWN, MORE, rings=RINGS, ring_rounds=(proposed,))["A"].covers
    word = Approval(carrier, "change_rings", 1, "alice", "at night", NOW, covers)
    found = steps(GROWN, MORE, rings=RINGS, ring_rounds=(proposed,), approvals=(word,))
    assert building(found[carrier]).approved == proposed.digest
    assert [serial for serial, step in found.items() if isinstance(step, Act)] == [carrier]
    void = replace(word, covers="something else")
    assert isinstance(steps(GROWN, MORE, rings=RINGS, ring_rounds=(proposed,), approvals=(void,))["A"], Wait)


def test_a_round_that_answers_another_question_is_worked_out_anew():
    proposed = worked_out(building(steps(GROWN, MORE, rings=RINGS)["A"]))
    assert kind(steps(GROWN, MORE, rings=RINGS, ring_rounds=(replace(proposed, order="old"),))["A"]) == "build_rings"


def test_no_round_begins_before_all_nodes_have_the_last():
    late = (*GROWN[:3], serves(proxy(), FILES[:1]), GROWN[4])
    found = steps(late, MORE, rings=RINGS)
    assert kind(found["P"]) == "place_rings"
    assert found["A"].reason is Reason.RINGS_SETTLE
    assert found["A"].on.endswith("before the next: cl1-swiftproxy-9.example.com")


def test_no_round_begins_before_min_part_hours_have_passed():
    fresh = tuple(replace(each, at=NOW - timedelta(minutes=30)) for each in RINGS)
    wait = steps(GROWN, MORE, rings=fresh)["A"]
    assert (wait.reason, wait.until) == (Reason.RINGS_SETTLE, NOW + timedelta(minutes=30))
    longer = replace(MORE, clusters={"cl1": spec({"min_part_hours": 6}).clusters["cl1"]})
    assert steps(GROWN, longer, rings=RINGS)["A"].until == NOW + HOUR
    assert kind(steps(GROWN, longer, rings=RINGS, now=NOW + HOUR)["A"]) == "build_rings"


def test_a_disk_gains_weight_until_it_has_all():
    ramped = tuple(state(name, NEW, share=0.9) for name in ("account", "container", "object"))
    action = building(steps(SERVING, rings=ramped)["A"])
    objects = [c for c in action.changes if c.ring == "object"]
    assert {(c.weight, c.target) for c in objects} == {(1000.0, 1000.0)}
    assert sorted(c.id for c in objects) == [0, 1, 2, 3, 4, 5]
    faster = building(steps(SERVING, spec({"ramp": "5%"}), rings=ramped)["A"])
    assert {c.weight for c in faster.changes} == {950.0}


def test_a_store_that_is_not_in_service_yet_is_in_no_round():
    found = steps([*SERVING, FOURTH], MORE, rings=RINGS)
    assert kinds(found) == {**dict.fromkeys("ABCP", "settled"), "D": "install_os"}


def test_a_store_that_rests_is_in_no_round():
    resting = spec(None, {"D": {"lifecycle": "maintenance"}}, swiftstore={"count": 4}, swiftproxy={"count": 1})
    assert {kind(step) for step in steps(GROWN, resting, rings=RINGS).values()} == {"settled"}


def test_rings_of_another_scale_keep_it():
    ours = tuple(
        replace(each, devices=tuple(replace(dev, weight=100.0, target=100.0) for dev in each.devices)) for each in RINGS
    )
    action = building(steps(GROWN, MORE, rings=ours)["A"])
    assert {(c.weight, c.target) for c in action.changes} == {(50.0, 200.0)}


def test_disks_that_nobody_told_the_serial_of_are_known_by_their_place():
    nameless = tuple(
        replace(each, devices=tuple(replace(dev, disk="", serial="") for dev in each.devices)) for each in RINGS
    )
    assert {kind(step) for step in steps(SERVING, rings=nameless).values()} == {"settled"}
    assert plan(SERVING, rings=nameless).notes == {}


# ---- what is told


def test_a_disk_that_is_gone_stays_in_the_rings_and_is_told():
    gone = replace(SERVING[0], disks=replace(SERVING[0].disks, data_disks=("sdb",)))
    todo = plan([gone, *SERVING[1:]], rings=RINGS)
    assert {kind(step) for step in todo.steps} == {"settled"}
    assert todo.notes["rings of cl1"].startswith("10.1.1.2/sdc are in them, and no node has such a disk now")


def test_a_disk_in_anothers_place_is_told_and_not_added():
    swapped = replace(SERVING[0].seen.hardware.disks[1], serial="NEW")
    hardware = SERVING[0].seen.hardware
    other = replace(hardware, disks=(hardware.disks[0], swapped, hardware.disks[2]))
    todo = plan([replace(SERVING[0], seen=replace(SERVING[0].seen, hardware=other)), *SERVING[1:]], rings=RINGS)
    assert {kind(step) for step in todo.steps} == {"settled"}
    assert "10.1.1.2/sdb are in them" in todo.notes["rings of cl1"]


def saying(m: MachineView, serial: str, wwn: str = "") -> MachineView:
    """All its data disks say this serial and WWN."""
    assert m.seen is not None
    disks = tuple(d if d.name == "sda" else replace(d, serial=serial, wwn=wwn) for d in m.seen.hardware.disks)
    return replace(m, seen=replace(m.seen, hardware=replace(m.seen.hardware, disks=disks)))


def kept(rings: Iterable[RingState], said: str) -> tuple[RingState, ...]:
    return tuple(replace(each, devices=tuple(replace(dev, disk=said) for dev in each.devices)) for each in rings)


@pytest.mark.parametrize("said", ["HPT0012345678", "HPT 0012345678", "0123456789ABCDEF"])
def test_disks_that_all_say_one_serial_are_known_by_their_place(said):
    """That of their controller, or what firmware says in place of one."""
    nodes = [serves(saying(m, said), FILES) for m in NEW]
    new = serves(saying(store("D", 4, "z1"), said), FILES)
    for rings in (kept(RINGS, said), kept(RINGS, "" if said[0] == "0" else said)):
        before = plan(
            [*nodes, serves(proxy(), FILES)], spec(swiftstore={"count": 3}, swiftproxy={"count": 1}), rings=rings
        )
        assert (before.notes, {kind(step) for step in before.steps}) == ({}, {"settled"})
        todo = steps(
            [*nodes, new, serves(proxy(), FILES)], spec(swiftstore={"count": 4}, swiftproxy={"count": 1}), rings=rings
        )
        (action,) = (building(step) for step in todo.values() if kind(step) == "build_rings")
        assert {(change.ip, change.device, change.id) for change in action.changes} == {
            (new.allocation.address, "sdb", -1),
            (new.allocation.address, "sdc", -1),
        }


def test_a_disk_of_one_serial_and_wwn_that_two_nodes_report_is_in_the_rings_once():
    new = saying(store("D", 4, "z1"), "Asdb", "5000")
    disks = replace(new.disks, data_disks=("sdb",))
    nodes = [*SERVING[:3], serves(replace(new, disks=disks), FILES), *SERVING[3:]]
    todo = plan(nodes, spec(swiftstore={"count": 4}, swiftproxy={"count": 1}), rings=RINGS)
    assert "build_rings" not in {kind(step) for step in todo.steps}
    assert "have another address" in todo.notes["rings of cl1"]


def test_disks_that_changed_their_names_are_told():
    hardware = SERVING[0].seen.hardware
    system, first, second = hardware.disks
    names = replace(first, name="sdc", device="sdc"), replace(second, name="sdb", device="sdb")
    swapped = replace(SERVING[0], seen=replace(SERVING[0].seen, hardware=replace(hardware, disks=(system, *names))))
    todo = plan([swapped, *SERVING[1:]], rings=RINGS)
    assert {kind(step) for step in todo.steps} == {"settled"}
    assert todo.notes["rings of cl1"].startswith(
        "10.1.1.2/sdb is sdc now, 10.1.1.2/sdc is sdb now: Puppet mounts a disk"
    )


def test_another_part_power_is_refused_with_the_way_that_swift_has():
    todo = plan(SERVING, spec({"part_power": 20}), rings=RINGS)
    assert {kind(step) for step in todo.steps} == {"settled"}
    assert "swift-object-relinker" in todo.notes["rings of cl1"]
    assert (
        "rings of cl1"
        not in plan(SERVING, spec({"part_power": 20}), rings=RINGS, fixed={"cl1": {"swift_part_power": "19"}}).notes
    )


def test_another_number_of_copies_is_refused():
    assert (
        "has 3 replicas, and the specs say 2" in plan(SERVING, spec({"replicas": 2}), rings=RINGS).notes["rings of cl1"]
    )


def coded(index: int) -> dict[str, Any]:
    ec = {"name": "ec", "index": index, "type": "erasure_coding", "ec_type": "liberasurecode_rs_vand"}
    return {"policies": [{"name": "Policy-0", "index": 0, "default": True}, {**ec, "data": 4, "parity": 2}]}


def test_a_policy_that_is_added_has_a_ring_once_that_is_approved():
    action = building(steps(SERVING, spec(coded(1)), rings=RINGS)["A"])
    assert [(basis.ring, basis.version, basis.replicas, basis.parity) for basis in action.bases] == [
        ("object-1", 0, 6, 2)
    ]
    assert {change.weight for change in action.changes} == {1000.0} and not action.first


def test_a_policy_whose_index_changed_gets_no_second_ring():
    more = (*RINGS, replace(state("object-1", NEW), replicas=6, parity=2))
    nodes = [serves(m, tuple(sorted(each.file for each in more))) for m in (*NEW, proxy())]
    todo = plan(nodes, spec(coded(2)), rings=more)
    assert {kind(step) for step in todo.steps} == {"settled"}
    assert "no policy has the object-1 ring any more" in todo.notes["rings of cl1"]


def test_a_policy_that_is_gone_keeps_its_ring():
    more = (*RINGS, replace(state("object-1", NEW), replicas=6, parity=2))
    all_of_them = tuple(sorted(each.file for each in more))
    todo = plan([serves(m, all_of_them) for m in (*NEW, proxy())], rings=more)
    assert "no policy has the object-1 ring any more" in todo.notes["rings of cl1"]
