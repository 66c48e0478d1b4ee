"""A cluster that has nodes keeps its releases and its rings; what git says otherwise is held, and told."""

from dataclasses import replace

import pytest

from reconciler.model.actions import InstallOs
from reconciler.model.diagnostics import Location, Severity
from reconciler.model.history import History, Phase
from reconciler.model.in_force import Place, SettingsAt
from reconciler.model.machine import DocumentVersion, InstallStatus, MachineView, Observation
from reconciler.model.plan import Act, Advance, Wait
from reconciler.model.rings import RingState, RingWanted
from reconciler.model.tree import SpecTree
from reconciler.planning.fixed import Fixed, as_installed, fixed_by, held_orders, refusals, remembered
from reconciler.planning.ring_devices import rings_wanted

from .build import (
    MINUTE,
    NOW,
    VIPS,
    approval,
    cluster,
    holding,
    in_phase,
    kind,
    machine,
    planned,
    saying,
    serving,
    steps,
    tree,
)
from .test_side_tasks import spec as with_hooks

STORES = {"cl1": cluster(swiftstore={"count": 3}), "cl2": cluster("cl2", 2, swiftstore={})}
WAS = {"cl1": {"release.openstack": "epoxy", "release.debian": "trixie"}}
RINGS = {"swift_part_power": "16", "swift_replicas": "3"}


def asking_for(**release: str) -> SpecTree:
    """The specs with other releases, and where they are written."""
    spec = tree(STORES)
    other = spec.fleet.release.model_copy(update=release)
    places = {("Fleet", "f"): {("release", name): Location("fleet.yaml", 9, 12) for name in release}}
    return replace(spec, fleet=spec.fleet.model_copy(update={"release": other}), places=places)


def with_rings(**settings: int) -> SpecTree:
    return tree({"cl1": {**STORES["cl1"], "settings": settings}, "cl2": STORES["cl2"]})


def store(serial: str = "A", number: int = 1, **seen) -> MachineView:
    return serving(serial, number, "swiftstore", **seen)


def in_flight() -> MachineView:
    m = holding(machine("A", "swiftstore"))
    action = next(s for s in planned(tree(STORES), [in_phase(m, Phase.ENROLLED)], vips=VIPS).steps).action
    assert isinstance(action, InstallOs)
    return replace(m, history=History(Phase.ENROLLED, open_action=action))


ENROLLED = in_phase(holding(machine("A", "swiftstore")), Phase.ENROLLED)
LOST = in_phase(ENROLLED, Phase.ENROLLED, install_begun=NOW - 9 * MINUTE, install_generation=1, install_id="i1")
FAILED = {"install_begun": NOW, "install_generation": 1, "last_begun": "install_os", "failures": 1}


@pytest.mark.parametrize(
    ("m", "keeps"),
    [
        (machine("A", "swiftstore"), False),
        (ENROLLED, False),
        (in_phase(ENROLLED, Phase.ENROLLED, **FAILED), False),  # perhaps for the release: it may be put right
        (in_flight(), True),
        (in_phase(ENROLLED, Phase.ENROLLED, **{**FAILED, "failures": 0}), True),  # nobody knows how it ended
        (in_phase(ENROLLED, Phase.ENROLLED, **FAILED, install_open=True), True),  # nor here
        (in_phase(ENROLLED, Phase.INSTALLED), True),
        (store(), True),
        (in_phase(ENROLLED, Phase.ENROLLED, left_service=NOW), True),
    ],
    ids=["new", "enrolled", "failed", "in flight", "interrupted", "lost", "installed", "in service", "left service"],
)
def test_a_cluster_keeps_its_releases_from_its_first_install_on(m, keeps):
    found = fixed_by(tree(STORES), [m], ())
    assert found.keys() == ({"cl1"} if keeps else set())
    assert all(WAS["cl1"].items() <= kept.items() for kept in found.values())


def test_the_release_of_a_cluster_is_the_one_that_is_being_installed_whatever_the_specs_say_since():
    spec = asking_for(debian="forky")
    kept = remembered({}, fixed_by(spec, [in_flight()], ()))
    assert kept["cl1"]["release.debian"] == "trixie"
    (order,) = held_orders(spec, Observation(NOW, (in_flight(),), fixed=kept))
    assert (order.was, order.wanted) == ("trixie", "forky")


@pytest.mark.parametrize(
    ("m", "expected"),
    [
        (saying(LOST, InstallStatus.FIRSTBOOT), "verify_install"),
        (replace(ENROLLED, disks=None), "run_hook"),
    ],
    ids=["a look", "a hook"],
)
def test_what_brings_no_install_nearer_is_not_held(m, expected):
    spec = asking_for(openstack="flamingo")
    spec = replace(spec, fleet=spec.fleet.model_copy(update={"hooks": with_hooks(("dns",)).fleet.hooks}))
    assert kind(steps(spec, [m, store("B", 2)], vips=VIPS, fixed=WAS)["A"]) == expected


def test_rings_are_kept_once_a_store_serves():
    assert RINGS.keys().isdisjoint(fixed_by(with_rings(), [in_phase(ENROLLED, Phase.INSTALLED)], ())["cl1"])
    assert RINGS.items() <= fixed_by(with_rings(swift_part_power=16), [store()], ())["cl1"].items()
    assert RINGS.keys().isdisjoint(fixed_by(with_rings(), [serving("A", 1, "controller")], ())["cl1"])


def test_what_is_remembered_counts_until_the_last_node_is_gone():
    today = fixed_by(asking_for(openstack="flamingo"), [store()], ())
    assert remembered(WAS, today)["cl1"] == {**today["cl1"], **WAS["cl1"]}
    assert remembered(WAS, fixed_by(asking_for(openstack="flamingo"), [ENROLLED], ())) == {}


def test_documents_are_made_with_what_nodes_were_installed_with():
    spec = asking_for(openstack="flamingo", debian="forky")
    kept = as_installed(spec, "cl1", WAS["cl1"])
    assert kept == tree(STORES)
    assert as_installed(spec, "cl1", {}) is spec
    assert as_installed(kept, "cl1", WAS["cl1"]) is kept


FLEET = [
    store("A", 1),
    store("B", 2, last_puppet_began=NOW - 10 * MINUTE),
    in_phase(holding(machine("C", "swiftstore"), 3), Phase.ENROLLED),
    machine("D", "swiftstore"),
]
FLEET[1] = replace(FLEET[1], document=DocumentVersion("d2", NOW - MINUTE))


def test_nothing_is_installed_for_a_cluster_whose_release_changed_and_the_rest_goes_on():
    found = steps(asking_for(openstack="flamingo"), FLEET, vips=VIPS, fixed=WAS)
    assert {serial: kind(step) for serial, step in found.items()} == {
        "A": "settled",
        "B": "roll_out",  # another change than the release's, which is no part of its document
        "C": "wait",
        "D": "enroll",  # into the other cluster, which is new
    }
    held = found["C"]
    assert isinstance(held, Wait) and held.wants_operator and held.erases
    assert held.on == (
        "an operator: cl1 has nodes with OpenStack epoxy, and the specs say flamingo (fleet.yaml:9); "
        "put epoxy back, then install_os"
    )
    assert found["D"].cluster == "cl2"


def test_a_new_machine_is_no_way_to_mix_a_cluster():
    spec = replace(asking_for(debian="forky"), clusters={"cl1": tree(STORES).clusters["cl1"]})
    found = steps(spec, [store("A"), machine("D", "swiftstore")], vips=VIPS, fixed=WAS)
    assert isinstance(found["D"], Wait) and found["D"].on.endswith("put trixie back, then enroll")


def test_a_reinstall_is_none_either():
    spec = replace(asking_for(openstack="flamingo"), machines=tree(STORES, {"A": {"reinstall": "x"}}).machines)
    words = (approval("A", "reinstall"),)
    (found,) = planned(spec, [store("A")], vips=VIPS, fixed=WAS, approvals=words).steps
    assert isinstance(found, Wait) and found.on.endswith("put epoxy back, then reinstall")
    back = replace(spec, fleet=tree(STORES).fleet)
    (found,) = planned(back, [store("A")], vips=VIPS, fixed=WAS, approvals=words).steps
    assert isinstance(found, Advance)


def test_the_plan_says_what_is_held_and_why():
    todo = planned(asking_for(openstack="flamingo"), [store("A"), store("B", 2), store("C", 3)], vips=VIPS, fixed=WAS)
    assert not todo.is_quiet
    ((about, text),) = todo.notes.items()
    assert about == "OpenStack of cl1"
    assert text.startswith("the specs say flamingo (fleet.yaml:9), and epoxy is kept: its nodes were installed with")
    assert "cannot be upgraded from here yet" in text
    assert planned(tree(STORES), [store("A"), store("B", 2), store("C", 3)], vips=VIPS, fixed=WAS).is_quiet


def test_other_rings_are_refused_and_hold_up_nothing():
    fixed = {"cl1": {**WAS["cl1"], **RINGS}}
    todo = planned(with_rings(swift_part_power=18), [*FLEET[:3]], vips=VIPS, fixed=fixed)
    assert [kind(step) for step in todo.steps] == ["settled", "roll_out", "install_os"]
    ((about, text),) = todo.notes.items()
    assert about == "swift_part_power of cl1"
    assert text.startswith("the specs say 18 (") and text.endswith("Put 16 back")
    assert "swift-object-relinker" in text and not todo.warnings
    assert planned(with_rings(swift_part_power=16), FLEET[:3], vips=VIPS, fixed=fixed).notes == {}


def test_of_clusters_that_nobody_remembers_nothing_is_held():
    assert held_orders(asking_for(openstack="flamingo"), Observation(NOW, (store(),))) == ()
    assert held_orders(asking_for(openstack="flamingo"), Observation(NOW, (ENROLLED,), fixed=WAS)) == ()
    found = steps(asking_for(openstack="flamingo"), [ENROLLED], vips=VIPS, fixed=WAS)
    assert isinstance(found["A"], Act)


def test_another_part_power_is_refused_where_the_rings_say_it_too():
    spec = tree({"cl1": {**cluster(swiftstore={"count": 3}), "rings": {"part_power": 18}}})
    todo = planned(spec, FLEET[:3], vips=VIPS, fixed={"cl1": {**WAS["cl1"], **RINGS}})
    assert list(todo.notes) == ["swift_part_power of cl1"]


def coded(index: int = 1, code: str = "liberasurecode_rs_vand") -> SpecTree:
    """The specs with a coded policy, and where it is written."""
    policy = {"name": "ec", "index": index, "type": "erasure_coding", "ec_type": code, "data": 4, "parity": 2}
    said = {"policies": [{"name": "Policy-0", "index": 0, "default": True, "replicas": 4}, policy]}
    places = {("Cluster", "cl1"): {("rings", "policies", 1, "index"): Location("cl1.yaml", 12, 16)}}
    return replace(tree({"cl1": {**cluster(swiftstore={}), "rings": said}}), places=places)


def ring(name: str) -> RingState:
    return RingState("cl1", name, 1, f"{name}-md5", NOW, 19, 3, 1)


BUILT = tuple(map(ring, ("account", "container", "object", "object-1")))
CODED = {
    "swift_ec_enable": "true",
    "swift_ec_policy_index": "1",
    "swift_ec_policy_name": "ec",
    "swift_ec_type": "liberasurecode_rs_vand",
    "swift_ec_num_data_fragments": "4",
    "swift_ec_num_parity_fragments": "2",
}


def kept_of_policy(fixed: Fixed) -> dict[str, str]:
    return {name: value for name, value in fixed["cl1"].items() if name.startswith("swift_ec")}


@pytest.mark.parametrize(
    ("rings", "keeps"), [(BUILT, True), ((), True), (BUILT[:3], False)], ids=["built", "nobody told", "not yet"]
)
def test_a_coded_policy_is_kept_once_anybody_may_store_in_it(rings, keeps):
    assert kept_of_policy(fixed_by(coded(), [store()], rings)) == (CODED if keeps else {})
    assert kept_of_policy(fixed_by(with_rings(), [store()], rings)) == {}


def today(spec: SpecTree) -> dict[str, str]:
    """What Puppet is told of the policy."""
    settings = SettingsAt(as_installed(spec, "cl1", CODED), Place("cl1"))
    return {name: str(settings[name]) for name in CODED}


@pytest.mark.parametrize(
    ("spec", "what", "where"),
    [
        (coded(index=2), "swift_ec_policy_index", "cl1.yaml:12"),
        (coded(code="isa_l_rs_cauchy"), "swift_ec_type", "by default"),
        (with_rings(), "swift_ec_enable", "by default"),
    ],
    ids=["another index", "another code", "the policy is gone"],
)
def test_a_policy_that_changed_is_an_error_and_documents_and_rings_do_not_follow(spec, what, where):
    machines = [store("A"), store("B", 2), store("C", 3)]
    todo = planned(spec, machines, vips=VIPS, fixed={"cl1": CODED}, rings=BUILT)
    assert next(iter(todo.notes)) == f"{what} of cl1"
    assert where in todo.notes[f"{what} of cl1"] and "deprecated = yes" in todo.notes[f"{what} of cl1"]
    (refused,) = refusals(spec, Observation(NOW, tuple(machines), fixed={"cl1": CODED}, rings=BUILT))
    assert refused.severity is Severity.ERROR and refused.detail.startswith(f"{what} of cl1: the specs say ")
    assert today(spec) == today(coded())
    assert rings_wanted(spec, "cl1", CODED)[-1] == RingWanted("object-1", 19, 6, 1, 2)
    assert not any(name.startswith("rings of") and "no policy" in text for name, text in todo.notes.items())


def test_what_is_not_kept_of_rings_still_follows_the_specs():
    spec = coded(index=2)
    wanted = rings_wanted(spec, "cl1", CODED)
    assert [ring.replicas for ring in wanted] == [3, 3, 4, 6]
    slower = tree({"cl1": {**cluster(swiftstore={}), "rings": {"part_power": 18, "min_part_hours": 5}}})
    assert {(ring.part_power, ring.min_part_hours) for ring in rings_wanted(slower, "cl1", RINGS)} == {(16, 5)}
    assert as_installed(coded(), "cl1", CODED) == coded()


def test_specs_that_ask_for_nothing_new_are_no_error():
    assert refusals(coded(), Observation(NOW, (store(),), fixed={"cl1": CODED}, rings=BUILT)) == ()
    (refused,) = refusals(asking_for(openstack="flamingo"), Observation(NOW, (store(),), fixed=WAS))
    assert refused.at == Location("fleet.yaml", 9, 12)
