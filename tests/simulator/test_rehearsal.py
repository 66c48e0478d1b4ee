"""A rehearsal begins with the fleet as it was observed, and says what a change does to it, whatever goes wrong."""

import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from reconciler.model.actions import ConfigureBmc
from reconciler.model.contents import Contents, SignatureFound
from reconciler.model.gates import GateName, Reading
from reconciler.model.history import BmcSetup, Failures, Looks
from reconciler.model.machine import Observation, Pause, Power
from reconciler.model.reasons import Reason
from reconciler.model.rehearsal import Blame, LivedHistory
from reconciler.simulator.rehearsal import Rehearsal, rehearsal_of

from .fleets import (
    FLEET,
    SWIFT,
    Files,
    blank,
    changed,
    in_service,
    serials,
    small,
    spare,
    to_rehearse,
    view,
    with_machine,
    with_view,
)

pytestmark = pytest.mark.xdist_group("rehearsal")  # they share a fleet that takes seconds to make

ROOT = Path(__file__).parents[2]
DIGEST = """
import pickle, sys
from hashlib import sha256
from pathlib import Path
from reconciler.simulator.rehearsal import rehearsal_of
with rehearsal_of(pickle.loads(Path(sys.argv[1]).read_bytes())) as rehearsal:
    print(sha256(repr(rehearsal.live(3)).encode()).hexdigest())
"""


@contextmanager
def rehearsing(
    observation: Observation, after: Files | None = None, before: Files | None = None
) -> Iterator[Rehearsal]:
    with rehearsal_of(to_rehearse(observation, after, before), limit=1500.0) as found:
        yield found


def calm(observation: Observation, after: Files | None = None, before: Files | None = None) -> LivedHistory:
    """What happens while nothing goes wrong; no rule is broken."""
    with rehearsing(observation, after, before) as rehearsal:
        lived, _ = rehearsal.live(0, {})
    assert (lived.broken, lived.problems) == ((), ())
    return lived


def waited(lived: LivedHistory) -> set[tuple[str, Reason]]:
    return {(each.serial, each.reason) for each in lived.waited}


def test_a_fleet_at_rest_does_nothing_and_begins_as_it_was_observed() -> None:
    with rehearsing(in_service()) as rehearsal:
        lived, _ = rehearsal.live(0, {})
        assert (rehearsal.otherwise, rehearsal.waiting) == ((), ())
    assert (lived.in_service, lived.actions, lived.waited, lived.lost) == (5, 0, (), ())
    assert (lived.broken, lived.problems) == ((), ())


@pytest.mark.parametrize("seed", [0, 1])
def test_blank_servers_come_into_service_whatever_goes_wrong(seed: int) -> None:
    with rehearsing(blank()) as rehearsal:
        assert rehearsal.otherwise == ()
        lived, _ = rehearsal.live(seed)
    assert (lived.in_service, lived.broken, lived.problems) == (5, (), ())
    assert lived.faults
    assert lived.reinstalled == {}


def test_a_change_that_grows_a_fleet_in_service_installs_what_is_new_and_nothing_else() -> None:
    lived = calm(in_service(), changed(small(), SWIFT, "swiftstore: {count: 1", "swiftstore: {count: 2"))
    assert (lived.in_service, lived.installed, lived.taken_down) == (6, 1, 0)
    assert lived.reinstalled == {}
    assert lived.rolled_out == 5  # all others are told of it
    assert lived.rested is not None and lived.rested > 20.0


def test_what_nobody_has_is_lacking_and_what_nobody_wants_is_orphaned() -> None:
    more = calm(in_service(), changed(small(), SWIFT, "swiftproxy: {count: 1", "swiftproxy: {count: 2"))
    assert [text.partition(":")[0] for text in more.lacking] == ["swift01 has 1 of 2 swiftproxy"]
    less = calm(in_service(), changed(small(), SWIFT, "swiftproxy: {count: 1", "swiftproxy: {count: 0"))
    assert less.orphaned == ("swift01-swiftproxy-1.example.com",)
    assert less.in_service == 5


def reinstalls(files: Files) -> Files:
    """Two of three controllers."""
    for serial in serials("controller")[:2]:
        files = with_machine(files, serial, 'reinstall: "2026-12-01"')
    return files


LOOSENED = ("max_unavailable: {controller: 1", "max_unavailable: {controller: 3")


def test_a_dangerous_change_asks_for_each_machine() -> None:
    two = serials("controller")[:2]
    with rehearsing(in_service(), changed(reinstalls(small()), FLEET, *LOOSENED)) as rehearsal:
        untouched, _ = rehearsal.live(0, {})
    assert waited(untouched) == {(serial, Reason.REINSTALL_REQUESTED) for serial in two}
    assert set(untouched.reinstalled) == set(two), "people approve in the end"
    assert (untouched.most_down, untouched.lost, untouched.broken) == (1, (), ())


@pytest.mark.lengthy
def test_a_dangerous_change_that_asks_nobody_loses_the_quorum_when_something_fails_meanwhile() -> None:
    loosened = changed(reinstalls(small()), FLEET, *LOOSENED, "reinstall: approval", "reinstall: automatic")
    with rehearsing(in_service(), loosened) as rehearsal:
        lived = [rehearsal.live(seed, {"buttons": 1.0})[0] for seed in range(4)]
    assert all(set(one.reinstalled) == set(serials("controller")[:2]) for one in lived)
    assert not any(one.broken for one in lived), "the specs order it, and the policy has nobody asked"
    assert not any(each.reason is Reason.REINSTALL_REQUESTED for one in lived for each in one.waited)
    assert Blame.BOTH in {loss.blame for one in lived for loss in one.lost}


def test_a_machine_that_people_boot_from_the_disk_of_another_is_no_twin_of_the_reconcilers() -> None:
    with rehearsing(in_service()) as rehearsal:
        lived, happened = rehearsal.live(1, {"disks": 1.0})
    assert any(line.endswith("is swapped: another's") for line in happened), "another seed has it"
    assert (lived.broken, lived.lost) == ((), ())


@pytest.mark.lengthy
def test_a_history_is_the_same_again_in_this_process_and_in_any_other(tmp_path: Path) -> None:
    given = to_rehearse(in_service(), changed(small(), SWIFT, "swiftstore: {count: 1", "swiftstore: {count: 2"))
    with rehearsal_of(given) as rehearsal:
        first = rehearsal.live(3)
        assert rehearsal.live(3) == first
        assert rehearsal.live(4) != first
    with rehearsal_of(given) as another:
        assert another.live(3) == first
    (tmp_path / "given").write_bytes(pickle.dumps(given))
    words = [sys.executable, "-c", DIGEST, str(tmp_path / "given")]
    said = subprocess.run(
        words, cwd=ROOT, env=os.environ | {"PYTHONHASHSEED": "4711"}, capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == sha256(repr(first).encode()).hexdigest()


@pytest.mark.lengthy
def test_histories_are_lived_alike_by_several_processes() -> None:
    with rehearsing(in_service()) as rehearsal:
        alone = list(rehearsal.live_all(range(3), None, 1))
        together = sorted(rehearsal.live_all(range(3), None, 2), key=lambda one: one.seed)
    assert together == alone


# ---- how machines begin


def off(observation: Observation, serial: str) -> Observation:
    seen = view(serial).seen
    assert seen is not None
    return with_view(observation, serial, seen=replace(seen, power=Power.OFF, power_at=observation.now))


def test_a_machine_that_is_off_is_off_and_is_turned_on() -> None:
    serial = serials("swiftproxy")[0]
    with rehearsing(off(in_service(), serial)) as rehearsal:
        lived, _ = rehearsal.live(0, {})
        assert rehearsal.otherwise == ()
        assert [(each.serial, each.reason) for each in rehearsal.waiting] == []
    assert (lived.in_service, lived.installed) == (5, 0)
    assert lived.actions >= 1


def test_a_node_that_is_behind_runs_puppet() -> None:
    serial = serials("swiftproxy")[0]
    m = view(serial)
    assert m.seen is not None and m.document is not None
    seen = replace(m.seen, last_puppet_began=m.document.since - timedelta(hours=1))
    lived = calm(with_view(in_service(), serial, seen=seen))
    assert lived.rolled_out == 1


def test_puppet_is_not_run_where_nobody_knows_when_it_ran() -> None:
    """As the daemon of the fleet leaves it alone: the node says when it ran, and that was late enough."""
    serial = serials("swiftproxy")[0]
    m = view(serial)
    assert m.seen is not None
    lived = calm(with_view(in_service(), serial, seen=replace(m.seen, last_puppet_began=None)))
    assert lived.actions == 0


def test_services_that_are_down_stay_down() -> None:
    serial = serials("controller")[0]
    readings = view(serial).readings
    assert readings is not None
    now = in_service().now
    others = tuple(each for each in readings.values if each.name is not GateName.KEYSTONE)
    closed = replace(readings, values=(*others, Reading(GateName.KEYSTONE, "503", now - timedelta(days=1))))
    with rehearsing(with_view(in_service(), serial, readings=closed)) as rehearsal:
        assert rehearsal.otherwise == ()
        assert [(each.serial, each.reason) for each in rehearsal.waiting] == [(serial, Reason.GATE_STAYS_CLOSED)]
        lived, _ = rehearsal.live(0, {})
    assert lived.waited == (), "it waited before already"


def test_a_machine_that_waits_for_an_operator_waits_on_and_is_not_counted() -> None:
    serial = spare()
    failed = replace(
        view(serial).history, failures=Failures(5, in_service().now, in_service().now, "it broke"), permanent=True
    )
    grown = changed(small(), SWIFT, "swiftstore: {count: 1", "swiftstore: {count: 2")
    with rehearsing(with_view(in_service(), serial, history=failed), before=grown) as rehearsal:
        assert [(each.serial, each.reason) for each in rehearsal.waiting] == [(serial, Reason.FAILED)]
        lived, _ = rehearsal.live(0, {})
    assert (lived.waited, lived.in_service) == ((), 5)


def test_a_pause_holds_until_somebody_resumes_it() -> None:
    paused = replace(in_service(), pauses=(Pause("fleet", "somebody", "it burns", in_service().now),))
    grown = changed(small(), SWIFT, "swiftstore: {count: 1", "swiftstore: {count: 2")
    with rehearsing(paused, grown) as rehearsal:
        untouched, _ = rehearsal.live(0, {})
        resumed, _ = rehearsal.live(0, {"network": 0.1})
    assert (untouched.in_service, untouched.actions) == (5, 0)
    assert {each.reason for each in untouched.waited} == {Reason.PAUSED}
    assert resumed.in_service == 6


def test_data_of_others_is_there_and_asked_for() -> None:
    m = view(spare())
    assert m.seen is not None
    held = Contents.of(SignatureFound("gpt"), SignatureFound("LVM2_member", "sdm1"))
    disks = tuple(replace(disk, contents=held) if disk.name == "sdm" else disk for disk in m.seen.hardware.disks)
    seen = replace(m.seen, hardware=replace(m.seen.hardware, disks=disks))
    grown = changed(small(), SWIFT, "swiftstore: {count: 1", "swiftstore: {count: 2")
    lived = calm(with_view(in_service(), spare(), seen=seen), grown)
    assert waited(lived) == {(spare(), Reason.FOREIGN_DATA)}, "once: the live system finds what was reported"
    assert lived.in_service == 6


def test_nodes_that_oci_installed_serve_and_may_be_reinstalled_by_approvals_only() -> None:
    serial = serials("controller")[0]
    history = view(serial).history
    oci = replace(history, install=replace(history.install, id=None, begun=None), looks=Looks())
    observed = with_view(in_service(), serial, history=oci)
    assert calm(observed).actions == 0
    asked = calm(observed, with_machine(small(), serial, 'reinstall: "2026-12-01"'))
    assert (serial, Reason.REINSTALL_REQUESTED) in waited(asked)
    assert asked.in_service == 5


def test_bmcs_are_given_their_logins_where_the_fleet_manages_them() -> None:
    managed = changed(small(), FLEET, "manage: false", "manage: true")
    with rehearsing(blank(), before=managed) as rehearsal:
        lived, trace = rehearsal.live(0, {})
    assert (lived.in_service, lived.waited) == (5, ())
    assert sum(" configure_bmc succeeded " in line for line in trace) == 5


def test_a_bmc_that_has_a_password_of_its_own_lets_us_in_with_a_stand_in_and_takes_another_one() -> None:
    serial = serials("swiftproxy")[0]
    m = view(serial)
    assert m.seen is not None
    given = ConfigureBmc(serial=serial, generation=1, username="root-of-it", address=m.seen.hardware.bmc_address)
    history = replace(m.history, bmc=BmcSetup(given, in_service().now - timedelta(days=1), given.address))
    managed = changed(small(), FLEET, "manage: false", 'manage: true\n    rotate: "2026-12"')
    with rehearsing(with_view(in_service(), serial, history=history), managed) as rehearsal:
        lived, trace = rehearsal.live(0, {})
    assert (lived.in_service, lived.waited, lived.broken) == (5, (), ())
    assert any(serial in line and " change_bmc succeeded " in line for line in trace)


def test_agents_run_puppet_where_the_policy_leaves_it_to_them() -> None:
    left = changed(small(), FLEET, "self_heal: true", "self_heal: true\n    roll_out: agents")
    lived = calm(in_service(), changed(left, SWIFT, "swiftstore: {count: 1", "swiftstore: {count: 2"), left)
    assert (lived.in_service, lived.rolled_out) == (6, 0)
