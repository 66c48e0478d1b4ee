"""The life of a machine: what is done about it in each phase, and what is never done."""

from dataclasses import replace
from datetime import timedelta

import pytest

from reconciler.model.action_base import Risk
from reconciler.model.actions import BootLive, Enroll, InstallOs, RootImage, VerifyLive
from reconciler.model.contents import Contents
from reconciler.model.disk_id import Finding, InstalledSystem
from reconciler.model.events import Advanced, Erasing, Failed, Interrupted, Proved, Retried, Started, Succeeded, Wrote
from reconciler.model.folding import after
from reconciler.model.gates import GateName, Reading, Readings
from reconciler.model.hardware import Disk, Match, Nic
from reconciler.model.history import History, Install, Phase, Proof, Service
from reconciler.model.interfaces import NodeInterface
from reconciler.model.kinds import KINDS
from reconciler.model.machine import DiskChoice, InstallStatus, MachineView, Power, SecretRef
from reconciler.model.ownership import disk_marks
from reconciler.model.plan import Advance, Settled, Step, Wait
from reconciler.planning.context import back_off
from reconciler.planning.phases import RULES

from ..histories import history_with
from .build import (
    MINUTE,
    NOW,
    USUAL,
    VIPS,
    approval,
    cluster,
    given,
    holding,
    in_phase,
    kind,
    looked_at,
    machine,
    net,
    one,
    plan,
    saying,
    silent,
    tree,
    with_history,
)
from .build import disks as disk_ids

SPEC = tree({"cl1": cluster(controller={"count": 3})})
S = InstallStatus


def at_phase(phase: Phase, **history) -> MachineView:
    m = holding(in_phase(machine("A"), phase, **history))
    return silent(m) if phase in (Phase.INSTALLED, Phase.IN_SERVICE) else m


def step(m: MachineView, spec=SPEC, **more):
    return one(spec, m, vips=VIPS, **more)


def says(status: InstallStatus | None, at=NOW - MINUTE, reported=None, **more) -> MachineView:
    """A machine whose install we began and whose end we missed says this; it fell silent."""
    begun = {"install_begun": NOW - 40 * MINUTE, "install_generation": 1, "install_id": "i1"}
    m = silent(at_phase(Phase.ENROLLED, **({**begun, "touched": NOW - 4 * MINUTE, "failures": 1} | more)))
    return m if status is None else saying(m, status, at, reported)


def proof(runs, install=None, at=NOW - MINUTE) -> Proof:
    return Proof(at, runs, "10.1.1.2", install)


def erasing(disks) -> Erasing:
    return Erasing("A", NOW, tuple(map(str, disks)))


def fallen(m: MachineView, **more) -> MachineView:
    """The same, with reports from the live system in its name."""
    return with_history(replace(m, seen=machine("A").seen), **({"touched": NOW - 2 * MINUTE} | more))


def of_a_boot_before(m: MachineView) -> MachineView:
    """The same, with the nonce of a boot after which another one was begun."""
    witnesses = replace(m.history.witnesses, boots=m.history.witnesses.boots + 1)
    return replace(m, history=replace(m.history, witnesses=witnesses))


def powered_off(m: MachineView) -> MachineView:
    return replace(m, seen=replace(m.seen, power=Power.OFF, power_at=NOW - MINUTE))


INSTALLED, SERVING = at_phase(Phase.INSTALLED), at_phase(Phase.IN_SERVICE)
BOOTED = at_phase(Phase.INSTALLED, last_done="boot_disk", last_begun="boot_disk", touched=NOW - MINUTE)
RUN = {"last_done": "run_puppet", "last_done_at": NOW - MINUTE, "last_begun": "run_puppet", "touched": NOW - MINUTE}
HOUR = timedelta(hours=1)
RAN = at_phase(Phase.INSTALLED, **RUN)
SECRET = SecretRef("cl1", "swift", "hashpathprefix")

TABLE = [
    (machine("A"), "enroll", "a machine with a slot"),
    (at_phase(Phase.DISCOVERED), "-> enrolled", "its enrolment was recorded, and we died before saying so"),
    (at_phase(Phase.ENROLLED), "install_os", "in the live system, and nothing on its disks"),
    (replace(at_phase(Phase.ENROLLED), missing_secrets=(SECRET,)), "mint_secrets", "secrets come first"),
    (replace(at_phase(Phase.ENROLLED), enc_problem="no controller"), "wait", "so does its Puppet document"),
    (silent(at_phase(Phase.ENROLLED)), "boot_live", "not in the live system"),
    (replace(at_phase(Phase.ENROLLED), disks=None), "wait", "no disk to install on"),
    (replace(at_phase(Phase.ENROLLED), disks=DiskChoice(())), "wait", "the same"),
    (replace(at_phase(Phase.ENROLLED), seen=None), "wait", "never seen"),
    (at_phase(Phase.ENROLLED, touched=NOW - MINUTE / 10), "wait", "its report is older than our last action"),
    (saying(at_phase(Phase.ENROLLED, touched=NOW - 2 * MINUTE, last_begun="boot_live"), S.LIVE, NOW - MINUTE),
     "wait", "it says that it is live now, and is about to report"),
    (saying(at_phase(Phase.ENROLLED, touched=NOW - 9 * MINUTE, last_begun="boot_live"), S.LIVE, NOW - 3 * MINUTE),
     "wait", "it said so, and did not report: anybody says so, and a slow machine is not rebooted for that"),
    (saying(at_phase(Phase.ENROLLED, touched=NOW - 21 * MINUTE, last_begun="boot_live"), S.LIVE, NOW - 3 * MINUTE),
     "boot_live", "it said so, and never reported"),
    (saying(at_phase(Phase.ENROLLED, touched=NOW - 21 * MINUTE, last_begun="boot_live"), S.LIVE, NOW - MINUTE),
     "wait", "it is slow, and says now that it comes up"),
    (saying(at_phase(Phase.ENROLLED, touched=NOW - 41 * MINUTE, last_begun="boot_live"), S.LIVE, NOW - MINUTE),
     "boot_live", "it said so for too long"),
    (saying(at_phase(Phase.ENROLLED, touched=NOW - MINUTE, last_begun="boot_live"), S.INSTALLING, NOW - MINUTE / 2),
     "wait", "it was booted a minute ago, and somebody says that it is being installed"),
    (saying(at_phase(Phase.ENROLLED), S.INSTALLED, NOW - MINUTE / 6, reported=NOW - MINUTE / 2), "wait",
     "it reported a moment ago, and somebody says that it left: not rebooted for that"),
    (saying(at_phase(Phase.ENROLLED), S.PUPPET_SUCCESS), "boot_live", "what an OS of others says is not believed"),
    (at_phase(Phase.ENROLLED, install_begun=NOW - 5 * MINUTE, install_generation=1, last_done="install_os",
              last_done_at=NOW - MINUTE), "-> installed", "the install has ended well"),
    (says(S.FIRSTBOOT), "verify_install", "we missed the end of the install, and it says that it booted from its disk"),
    (says(S.PUPPET_SUCCESS), "verify_install", "anybody can say so"),
    (says(S.PUPPET_SUCCESS, failures=1, permanent=True), "verify_install", "the same after an install that failed"),
    (says(S.PUPPET_SUCCESS, install_id=None), "boot_live", "nobody knows what it would have to prove"),
    (says(S.FIRSTBOOT, looks=1, looked=NOW - MINUTE / 2), "wait", "it did not prove it: asked again later"),
    (says(S.FIRSTBOOT, looks=1, looked=NOW - MINUTE), "verify_install", "and asked again"),
    (says(S.FIRSTBOOT, NOW - 21 * MINUTE, touched=NOW - 30 * MINUTE, looks=5, looked=NOW - MINUTE),
     "boot_live", "it said so, and never proved it"),
    (says(S.FIRSTBOOT, reported=NOW - MINUTE / 6, looks=1, looked=NOW), "install_os", "it did not, and reports on"),
    (says(S.FIRSTBOOT, proof=proof("installed", "i1")), "-> installed", "it proved it"),
    (says(None, proof=proof("installed", "i1")), "-> installed", "it was asked before it was network-booted"),
    (says(None, proof=proof("installed", "i0")), "boot_live", "a system that another install made"),
    (says(None, proof=proof("live")), "boot_live", "it runs the live system, and does not report"),
    (saying(at_phase(Phase.ENROLLED, install_begun=NOW - 5 * MINUTE, install_generation=1, touched=NOW - 4 * MINUTE),
            S.PUPPET_SUCCESS, NOW - 6 * MINUTE, reported=NOW - MINUTE), "install_os", "it said so before this install"),
    (saying(at_phase(Phase.ENROLLED, install_begun=NOW - 5 * MINUTE, install_generation=0, touched=NOW - 40 * MINUTE),
            S.FIRSTBOOT), "boot_live", "that install was of another generation"),
    (saying(at_phase(Phase.ENROLLED, install_begun=NOW - 5 * MINUTE, install_generation=1, touched=NOW - 4 * MINUTE),
            S.INSTALLING, reported=NOW - MINUTE / 6), "wait", "an installer outlived the daemon that began it"),
    (silent(at_phase(Phase.ENROLLED, install_begun=NOW - 5 * MINUTE, install_generation=1, last_begun="install_os",
                     touched=NOW - 4 * MINUTE)), "install_os", "only it knows how its install ended: not rebooted"),
    (silent(at_phase(Phase.ENROLLED, install_begun=NOW - 50 * MINUTE, install_generation=1, last_begun="install_os",
                     touched=NOW - 49 * MINUTE, failures=1)), "boot_live", "it was asked, and does not answer"),
    (INSTALLED, "boot_disk", "installed, and still in the live system"),
    (BOOTED, "wait", "on its way up from its disk"),
    (replace(BOOTED, history=replace(BOOTED.history, touched=NOW - 21 * MINUTE)), "run_puppet", "silent too long"),
    (fallen(BOOTED), "verify_live", "it is said to be in the live system again"),
    (of_a_boot_before(fallen(BOOTED)), "verify_live", "so it was all the time: the daemon died before it booted it"),
    (fallen(BOOTED, proof=proof("live")), "boot_disk", "it came up in the live system again"),
    (fallen(BOOTED, looks=1, looked=NOW), "wait", "it did not: its first word is waited for"),
    (with_history(BOOTED, proof=proof("installed", "i1")), "run_puppet", "it was seen to run from its disk"),
    (saying(INSTALLED, S.PUPPET_RUNNING), "verify_install", "somebody booted it from its disk, it says"),
    (with_history(saying(INSTALLED, S.PUPPET_RUNNING), looks=1), "boot_disk", "it says so, and does not answer there"),
    (with_history(saying(INSTALLED, S.PUPPET_RUNNING), proof=proof("installed", "i1")), "wait", "it did"),
    (saying(BOOTED, S.FIRSTBOOT), "wait", "Puppet runs for the first time"),
    (saying(BOOTED, S.PUPPET_RUNNING, NOW - 50 * MINUTE), "wait", "and goes on"),
    (saying(replace(BOOTED, history=history_with(BOOTED.history, touched=NOW - 99 * MINUTE, install_begun=None)),
            S.PUPPET_RUNNING, NOW - 61 * MINUTE), "run_puppet", "and was not heard for too long"),
    (saying(BOOTED, S.PUPPET_FAILURE), "run_puppet", "the first boot gave up"),
    (saying(BOOTED, S.PUPPET_SUCCESS), "run_puppet", "it says that Puppet has succeeded: that is looked at"),
    (saying(BOOTED, S.PUPPET_SUCCESS, NOW - timedelta(hours=3)), "wait", "before this install: not believed"),
    (looked_at(RAN), "-> in-service", "we saw Puppet succeed, and its services are ready"),
    (RAN, "wait", "nobody has asked its services yet"),
    (looked_at(RAN, at=NOW - 2 * HOUR), "wait", "somebody did, before it was installed"),
    (replace(RAN, readings=Readings(NOW, (Reading(GateName.LOGIN, "yes", NOW),))), "wait", "not all of them answered"),
    (looked_at(RAN, keystone="no token: HTTP/1.1 503"), "wait", "Keystone is not ready"),
    (looked_at(RAN, galera="Joining"), "wait", "a controller runs the database where no other role does"),
    (looked_at(RAN, galera="not here"), "-> in-service", "it does not"),
    (looked_at(SERVING, keystone="no answer"), "wait", "a service died: nothing is done to the machine"),
    (looked_at(SERVING, at=NOW - 2 * HOUR, keystone="no answer"), "settled", "before it was installed"),
    (looked_at(powered_off(SERVING), login="no"), "power_on", "that it does not answer holds up no healing"),
    (SERVING, "settled", "as wanted"),
    (powered_off(SERVING), "power_on", "off"),
    (fallen(SERVING), "verify_live", "in the live system by accident, somebody says"),
    (fallen(SERVING, proof=proof("live")), "boot_disk", "in the live system by accident: never installed"),
    (fallen(SERVING, proof=proof("live", at=NOW - 6 * MINUTE)), "verify_live", "that it was there is long ago"),
    (fallen(SERVING, proof=proof("live", at=NOW - 3 * MINUTE), touched=NOW - 2 * MINUTE), "verify_live",
     "it was booted since"),
    (with_history(SERVING, proof=proof("live")), "settled", "it was there, and reports from there no more"),
    (fallen(SERVING, proof=proof("installed", "i1"), looks=1, looked=NOW - MINUTE / 6), "settled",
     "it runs from its disk, whoever reports"),
    (fallen(SERVING, looks=9, looked=NOW - 14 * MINUTE), "settled", "nobody answers: it is not held for that"),
    (fallen(SERVING, looks=9, looked=NOW - 15 * MINUTE), "verify_live", "and asked again"),
    (with_history(SERVING, last_begun="boot_disk", touched=NOW - MINUTE), "verify_install", "was it seen to be back"),
    (with_history(SERVING, last_begun="boot_disk", touched=NOW - MINUTE, proof=proof("installed", "i1")), "settled",
     "it was"),
    (with_history(SERVING, last_begun="boot_disk", touched=NOW - MINUTE, looks=1, looked=NOW), "wait", "not yet"),
    (with_history(SERVING, last_begun="power_on", touched=NOW - MINUTE), "verify_install", "nor is power all of it"),
    (with_history(SERVING, last_begun="boot_disk", touched=NOW - 21 * MINUTE, looks=9, looked=NOW), "wait", "never"),
    (with_history(SERVING, last_begun="boot_disk", touched=NOW - 21 * MINUTE, looks=9, looked=NOW - 15 * MINUTE),
     "verify_install", "and asked again for ever"),
    (with_history(SERVING, last_begun="boot_disk", touched=NOW - 21 * MINUTE, install_id=None), "settled",
     "nothing could prove it"),
    (with_history(SERVING, last_begun="boot_disk", touched=NOW - 41 * MINUTE), "settled", "it was seen to serve since"),
    (replace(SERVING, missing_secrets=(SECRET,)), "mint_secrets", "a new revision names a secret"),
    (replace(SERVING, enc_problem="x"), "wait", "its document cannot be rendered"),
    (replace(SERVING, match=Match((), {"controller": "memory"})), "wait", "drift of its hardware"),
    (replace(SERVING, racked=machine("A", zone="z2").racked), "wait", "it was moved"),
    (replace(SERVING, conflict="two machines say they are A"), "wait", "nobody knows which it is"),
]  # fmt: skip


@pytest.mark.parametrize(("m", "expected", "because"), TABLE, ids=[row[2] for row in TABLE])
def test_the_life_of_a_machine(m, expected, because):
    assert kind(step(m)) == expected


def test_after_a_start_of_the_daemon_machines_get_time_to_report_before_they_are_rebooted():
    """Nobody listened while it was down: that a report is old means nothing yet."""
    m = silent(at_phase(Phase.ENROLLED))
    waiting = step(m, listening_since=NOW - MINUTE)
    assert isinstance(waiting, Wait) and waiting.until == NOW + MINUTE
    assert "the daemon hears reports again since" in waiting.on
    assert kind(step(m, listening_since=NOW - 2 * MINUTE)) == "boot_live"
    known_to_fail = replace(m, history=history_with(m.history, failures=1, last_begun="boot_live"))
    assert kind(step(known_to_fail, listening_since=NOW - MINUTE)) == "boot_live"


def test_every_phase_has_a_rule():
    assert set(RULES) == set(Phase)


DRAWN = {
    ("discovered", "enrolled"),
    ("enrolled", "installed"),
    ("installed", "in-service"),
    ("in-service", "enrolled"),
    ("enrolled", "in-service"),
}


def test_the_edges_taken_are_the_edges_drawn():
    cases = [(m, SPEC, ()) for m, _, _ in TABLE]
    cases += [(SERVING, REINSTALL, (approval("A", "reinstall"),)), (LEFT, SPEC, ())]
    taken = set()
    for m, spec, words in cases:
        if isinstance(s := step(m, spec, approvals=words), Advance):
            taken.add((m.history.phase.value, s.to.value))
    assert taken == DRAWN


def test_an_install_names_everything_it_needs():
    networks = {
        "cl1-z1": net("10.1.1.0/24", location="z1", interfaces=["10g1"], vlan=7),
        "cl1-public": net("203.0.1.0/28", public=True),
    }
    action = step(at_phase(Phase.ENROLLED), tree({"cl1": cluster(networks=networks, controller={})})).action
    assert isinstance(action, InstallOs)
    assert action.release == "trixie"
    assert action.interfaces == (
        NodeInterface(
            network="cl1-z1", kind="normal", nics=("eno1",), address="10.1.1.2/24", gateway="10.1.1.1", vlan=7
        ),
    )
    assert (action.system_disks, action.identity) == (("sda",), disk_ids("sda INTEL DA 240000000000"))
    assert action.nics == (Nic("eno1", "02:00:00:00:00:01", 10_000),)
    assert replace(action, nics=()).id == action.id, "an install that began before is the same one"
    assert after(History(), Started("A", NOW, action)).install.nics == action.nics


def test_the_profile_says_how_to_install_and_how_long_it_may_take():
    picture = {"url": "http://192.0.2.2/root.tar", "sha256": "a" * 64}
    profile = {"role": "controller", "installer": "image", "image": picture, "install_timeout": "20m"}
    spec = tree({"cl1": cluster(controller={})})
    spec = replace(spec, profiles={"controller": KINDS["HardwareProfile"].model_validate(profile)})
    action = step(at_phase(Phase.ENROLLED), spec).action
    assert (action.image, action.timeout) == (RootImage(**picture), 1200)


@pytest.mark.parametrize(
    ("networks", "expected"),
    [
        ({"cl1-z1": net("10.1.1.0/24", interfaces=["1g1"])}, "an interface 1g1 for network cl1-z1"),
        ({"other": net("10.1.1.0/24")}, "its management network: cl1-z1 is not in cl1 any more"),
    ],
)
def test_an_install_that_cannot_be_described_waits(networks, expected):
    assert step(at_phase(Phase.ENROLLED), tree({"cl1": cluster(networks=networks, controller={})})).on.startswith(
        expected
    )


class TestApprovals:
    FOREIGN = holding(in_phase(machine("A", contents="ext4"), Phase.ENROLLED))

    def test_disks_that_hold_what_is_not_ours_are_named_and_wait(self):
        s = step(self.FOREIGN)
        assert (s.needs_approval, s.on) == ("install_os", "approval to erase sda (ext4): we did not put it there")

    def approved(self, m: MachineView, shown: MachineView) -> Step:
        """The step of a machine of which somebody approved what was ``shown``."""
        return step(m, approvals=(replace(approval("A"), covers=step(shown).covers),))

    def test_an_approval_of_what_was_shown_lets_just_that_be_erased(self):
        s = self.approved(self.FOREIGN, self.FOREIGN)
        assert s.action.may_hold == (("sda", Contents.parse("ext4")),)

    def test_an_approval_of_what_was_there_before_does_not(self):
        shown = holding(in_phase(machine("A", contents="xfs"), Phase.ENROLLED))
        assert self.approved(self.FOREIGN, shown).needs_approval == "install_os"

    @pytest.mark.parametrize(
        ("covers", "void"),
        [
            (None, "what alice approved on 2026-11-23 is void: it was given to an earlier version"),
            ("0123456789abcdef", "what alice approved on 2026-11-23 covers something else: its facts are not known"),
        ],
    )
    def test_an_approval_that_does_not_count_is_asked_for_again_and_the_plan_says_why(self, covers, void):
        asked, again = step(self.FOREIGN), step(self.FOREIGN, approvals=(approval("A", covers=covers),))
        assert again == replace(asked, on=f"{asked.on}; {void}", asks=replace(asked.asks, words=again.asks.words))
        assert [word.uncounted is None for word in again.asks.words] == [False]

    MET = Contents.parse("gpt; ext4 on sda1")

    def test_what_the_last_try_met_is_asked_about_until_somebody_allows_it_or_cleared_it(self):
        m = at_phase(Phase.ENROLLED)
        met = Failed("A", NOW, "id", "nothing was erased", True, (Finding(m.disks.identity[0], self.MET),))
        stopped = replace(m, history=after(m.history, met))
        assert step(stopped).on == "approval to erase sda (gpt; ext4 on sda1): we did not put it there"
        assert self.approved(stopped, stopped).action.may_hold == (("sda", self.MET),)
        cleared = replace(m, history=after(stopped.history, Retried("A", NOW, "alice", "wiped by hand")))
        assert step(cleared).action.may_hold == ()

    def test_a_policy_that_asks_nobody_allows_anything(self):
        spec = tree({"cl1": cluster(controller={})}, policy={"foreign_data": "automatic"})
        assert step(self.FOREIGN, spec).action.may_hold[0] == ("sda", None)

    @pytest.mark.parametrize("other", [approval("B"), approval("A", "release"), approval("A", generation=2)])
    def test_an_approval_for_anything_else_does_not(self, other):
        assert kind(step(self.FOREIGN, approvals=(other,))) == "wait"

    def test_a_release_is_approved_for_the_reason_that_was_shown(self):
        gone = tree({"cl1": cluster(controller={})}, {"A": {"lifecycle": "decommissioned"}})
        moved = tree({"cl1": cluster(controller={})}, {"A": {"cluster": "cl2"}})
        word = replace(approval("A", "release"), covers=step(SERVING, gone).covers)
        assert kind(step(SERVING, gone, approvals=(word,))) == "release"
        assert step(SERVING, moved, approvals=(word,)).needs_approval == "release"

    def test_what_we_began_to_erase_is_ours(self):
        begun = History(Phase.ENROLLED, install=Install(begun=NOW - timedelta(hours=1)))
        assert step(replace(self.FOREIGN, history=begun)).needs_approval == "install_os"  # it got no further than SSH
        disk = self.FOREIGN.seen.hardware.disks[0]
        for event in (
            erasing(self.FOREIGN.disks.identity),  # of old: the disk's serial number is in its identity
            Erasing("A", NOW, ("sda INTEL 240000000000",), disk_marks(disk)),
        ):
            ours = step(replace(self.FOREIGN, history=after(begun, event))).action
            assert (ours.may_hold, set(ours.ours)) == ((), {*event.disks, *event.marks})

    def test_another_disk_with_the_wwn_or_serial_of_what_we_began_to_erase_is_not(self):
        mine = self.FOREIGN.seen.hardware.disks[0]
        begun = History(Phase.ENROLLED, install=Install(begun=NOW - timedelta(hours=1)))
        twin = replace(mine, name="sdq", device="sdq", contents=Contents())
        for was, now, beside in (
            (replace(mine, wwn="0x5000cca0541ae074", serial="OLD"), replace(mine, wwn="0x5000cca0541ae074"), ()),
            (mine, mine, (twin,)),
        ):
            erased = after(begun, Erasing("A", NOW, (), disk_marks(was)))
            disks = DiskChoice(("sda",), identity=(now.identity,))
            hardware = replace(self.FOREIGN.seen.hardware, disks=(now, *beside))
            m = replace(self.FOREIGN, history=erased, disks=disks, seen=replace(self.FOREIGN.seen, hardware=hardware))
            assert step(m).needs_approval == "install_os"

    def test_a_disk_is_not_ours_by_model_and_size(self):
        begun = History(Phase.ENROLLED, install=Install(begun=NOW - timedelta(hours=1)))
        erased = after(begun, Erasing("A", NOW, ("sda INTEL 240000000000",)))
        assert step(replace(self.FOREIGN, history=erased)).needs_approval == "install_os"

    @pytest.mark.parametrize("serial", ["", "00000000"])
    def test_a_disk_without_a_serial_is_judged_by_the_live_system_where_we_know_what_we_wrote(self, serial):
        m = self.with_serial(serial)
        begun = History(Phase.ENROLLED, install=Install(begun=NOW - timedelta(hours=1)))
        assert step(replace(m, history=begun)).needs_approval == "install_os"
        wrote = after(begun, Wrote("A", NOW, ("uuid 1234",)))
        assert (step(replace(m, history=wrote)).action.ours, step(replace(m, history=wrote)).action.may_hold) == (
            ("uuid 1234",), ()
        )  # fmt: skip

    def with_serial(self, serial: str) -> MachineView:
        hardware = self.FOREIGN.seen.hardware
        disk = replace(hardware.disks[0], serial=serial)
        seen = replace(self.FOREIGN.seen, hardware=replace(hardware, disks=(disk,)))
        return replace(self.FOREIGN, seen=seen, disks=replace(self.FOREIGN.disks, identity=(disk.identity,)))

    FOUND = InstalledSystem("n1.example.com", "0123456789ab")

    def stopped(self) -> MachineView:
        """By a finished install on its disk."""
        m = at_phase(Phase.ENROLLED)
        met = Failed("A", NOW, "id", "nothing was erased", True, (Finding(m.disks.identity[0], self.FOUND),))
        return replace(m, history=after(m.history, met))

    @pytest.mark.parametrize("policy", [{}, {"foreign_data": "automatic"}])
    def test_a_finished_install_is_asked_about_by_name_whatever_the_policy_is(self, policy):
        spec = tree({"cl1": cluster(controller={})}, policy=policy)
        asked = step(self.stopped(), spec)
        assert asked.on == f"approval to erase sda ({self.FOUND}): its install has ended, and it may serve"
        legacy = approval("A", covers=None)  # who knows what was shown
        assert step(self.stopped(), spec, approvals=(legacy,)).needs_approval == "install_os"
        given = step(self.stopped(), spec, approvals=(approval("A", covers=asked.covers),))
        assert given.action.may_erase == ("0123456789ab",)
        assert all(each.what is None for each in given.action.may_hold)

    def test_an_ordinary_install_may_erase_no_finished_one(self):
        h = History(Phase.ENROLLED, install=Install(begun=NOW - timedelta(hours=1), id="0123456789ab"))
        assert step(replace(at_phase(Phase.ENROLLED), history=h)).action.may_erase == ()

    def test_a_machine_that_had_another_place_is_not_erased_unasked(self):
        m = at_phase(Phase.ENROLLED)
        moved = replace(m, history=History(Phase.ENROLLED, service=Service(released=NOW - timedelta(hours=1))))
        s = step(moved)
        assert (s.needs_approval, "another place" in s.on) == ("install_os", True)
        assert kind(step(moved, approvals=(approval("A"),))) == "install_os"
        held = replace(moved, history=history_with(moved.history, left_install="0123456789ab"))
        assert "had another place (install 0123456789ab), and its disks may hold" in step(held).on
        word = replace(approval("A"), covers=step(held).covers)
        assert step(held, approvals=(word,)).action.may_erase == ("0123456789ab",)

    def test_a_policy_of_approval_asks_before_every_first_install(self):
        spec = tree({"cl1": cluster(controller={})}, policy={"install": "approval"})
        m = at_phase(Phase.ENROLLED)
        assert step(m, spec).needs_approval == "install_os"
        assert step(silent(m), spec).needs_approval == "install_os"  # nor is it rebooted for it
        assert kind(step(m, spec, approvals=(approval("A"),))) == "install_os"


REINSTALL = tree({"cl1": cluster(controller={})}, {"A": {"reinstall": "2026-11-23"}})
LEFT = at_phase(Phase.ENROLLED, left_service=NOW - timedelta(hours=1), install_begun=NOW - timedelta(days=9))


class TestLostDisks:
    WITH = with_history(SERVING, installed_on=disk_ids("sda SSD 240", "sdb HDD 12", "sdc HDD 12"))

    @staticmethod
    def having(**sizes: int) -> MachineView:
        disks = tuple(Disk(name, name, size) for name, size in sizes.items())
        m = TestLostDisks.WITH
        return replace(m, seen=replace(m.seen, hardware=replace(m.seen.hardware, disks=disks)))

    @pytest.mark.parametrize(
        ("disks", "told"),
        [
            ({"sda": 240, "sdb": 12}, "1 disk of 12B is gone (sdc)"),
            ({"sdb": 240, "sda": 12}, "1 disk of 12B is gone (sdc)"),  # the names changed with the boot
            ({"sda": 240}, "2 disks of 12B are gone (sdb, sdc)"),
            ({"sda": 240, "sdb": 12, "sdd": 14}, "1 disk of 12B is gone (sdc)"),
        ],
    )
    def test_a_disk_that_was_pulled_is_drift(self, disks, told):
        s = step(self.having(**disks))
        assert isinstance(s, Wait) and s.on == f"an operator: drift: {told} since it was installed"

    def test_other_names_and_more_disks_are_not(self):
        assert isinstance(step(self.having(sdc=240, sda=12, sdb=12, sdd=12)), Settled)


class TestReinstall:
    def test_it_waits_for_approval(self):
        assert step(SERVING, REINSTALL).needs_approval == "reinstall"

    def test_approved_it_leaves_service_and_is_installed_like_any_other(self):
        s = step(SERVING, REINSTALL, approvals=(approval("A", "reinstall"),))
        assert kind(s) == "-> enrolled" and "alice approved" in s.because
        history = after(SERVING.history, Advanced("A", NOW, Phase.ENROLLED, s.because))
        assert history.service.left == NOW
        left = replace(saying(SERVING, S.PUPPET_SUCCESS), history=history)  # the old system is still talking
        assert kind(step(left, REINSTALL, now=NOW + MINUTE)) == "boot_live"

    def test_what_is_reported_does_not_hold_it_and_the_request_travels(self):
        m = replace(holding(machine("A", contents="ext4")), history=LEFT.history)
        s = step(m, REINSTALL)
        assert (s.action.reinstall, s.action.may_hold) == ("2026-11-23", ())

    def test_it_may_erase_the_install_that_it_left_service_with_and_no_other(self):
        serving = replace(SERVING, history=history_with(SERVING.history, install_id="0123456789ab"))
        on = step(serving, REINSTALL).on
        assert on == 'approval to reinstall it (install 0123456789ab): its reinstall "2026-11-23" is asked for'
        left = after(serving.history, Advanced("A", NOW - timedelta(minutes=5), Phase.ENROLLED, "approved"))
        first = step(replace(LEFT, history=left), REINSTALL).action
        assert (first.may_erase, first.may_hold) == (("0123456789ab",), ())
        began = after(after(left, Started("A", NOW, first)), Failed("A", NOW, first.id, "no answer"))
        assert began.install.id == first.id
        again = step(replace(LEFT, history=history_with(began, failures=0)), REINSTALL).action
        assert again.may_erase == ("0123456789ab",)
        back = after(began, Advanced("A", NOW, Phase.IN_SERVICE, "Puppet has succeeded"))
        assert back.service.left_install is None

    def test_what_it_meets_and_nobody_named_is_asked_about(self):
        met = (Finding(LEFT.disks.identity[0], Contents.parse("LVM2_member")),)
        stopped = after(LEFT.history, Failed("A", NOW, "id", "nothing was erased", True, met))
        s = step(replace(LEFT, history=stopped), REINSTALL)
        assert (s.needs_approval, "sda (LVM2_member)" in s.on) == ("install_os", True)

    def test_the_data_disks_are_kept(self):
        choice = DiskChoice(("sda",), data_disks=("sdb",), identity=disk_ids("sda SSD 1", "sdb HDD 2"))
        new = replace(at_phase(Phase.ENROLLED), disks=choice)
        assert step(new).action.data_disks == ("sdb",)
        assert step(replace(new, history=LEFT.history), REINSTALL).action.data_disks == ()

    def test_a_request_that_was_answered_is_not_answered_again(self):
        done = replace(SERVING, history=history_with(SERVING.history, reinstall="2026-11-23"))
        assert isinstance(step(done, REINSTALL), Settled)

    def test_data_is_erased_only_where_the_operator_says_so_and_that_was_approved(self):
        disks = DiskChoice(("sda",), data_disks=("sdb",), identity=disk_ids("sda SSD 1", "sdb HDD 2"))
        erasing = tree({"cl1": cluster(controller={})}, {"A": {"reinstall": "2026-11-23", "data_disks": "erase"}})
        asked = step(replace(SERVING, disks=disks), erasing)
        what = "approval to reinstall it (install i1), and to erase its data on sdb"
        assert asked.on == f'{what}: its reinstall "2026-11-23" is asked for'
        left = replace(LEFT, disks=disks, history=history_with(LEFT.history, left_install="i1"))
        assert step(left, erasing) == replace(asked, erases=True)  # said after the word that let it leave service
        other = approval("A", "reinstall", covers=step(SERVING, REINSTALL).covers)  # its data was not in question then
        assert step(left, erasing, approvals=(other,)).needs_approval == "reinstall"
        word = approval("A", "reinstall", covers=asked.covers)
        action = step(left, erasing, approvals=(word,)).action
        assert (action.data_disks, action.may_hold) == (("sdb",), (("sdb", None),))

    @pytest.mark.parametrize("hours", [-23, 48])
    def test_a_word_is_good_though_the_clock_was_wrong_when_it_was_given(self, hours):
        word = approval("A", "reinstall", at=NOW + timedelta(hours=hours))
        assert step(SERVING, REINSTALL, approvals=(word,)).risk is Risk.DESTRUCTIVE

    def test_withdrawn_before_it_began_the_machine_goes_back_to_service(self):
        assert kind(step(LEFT)) == "-> in-service"
        begun = replace(LEFT, history=history_with(LEFT.history, install_begun=NOW - MINUTE))
        assert kind(step(begun)) == "install_os"  # too late: its disk may be half-written


class TestNetworkBoot:
    """What is asked before a machine is network-booted."""

    ASKED = silent(at_phase(Phase.ENROLLED, install_begun=NOW - timedelta(hours=1), install_id="i1", failures=1))

    @pytest.mark.parametrize(
        ("m", "leaves", "unseen"),
        [
            (silent(at_phase(Phase.ENROLLED)), None, False),
            (ASKED, None, False),
            (with_history(ASKED, install_open=True), None, True),
            (with_history(ASKED, left_service=NOW, left_install="i1", install_open=True), None, True),
            (with_history(ASKED, left_service=NOW, left_install="i1"), "i1", False),
        ],
        ids=["never installed", "an install was begun", "and not seen to end", "of its reinstall", "to be reinstalled"],
    )
    def test_its_own_address_is_asked_and_what_an_approved_reinstall_takes_down_is_named(self, m, leaves, unseen):
        action = step(m, REINSTALL).action
        assert isinstance(action, BootLive)
        assert action.hostname == "cl1-controller-1.example.com"
        assert (action.leaves, action.unseen) == (leaves, unseen)


class TestSilence:
    def test_a_machine_sent_into_the_live_system_is_left_alone_while_it_boots(self):
        m = silent(at_phase(Phase.ENROLLED, touched=NOW - 19 * MINUTE, last_begun="boot_live"))
        s = step(m)
        assert isinstance(s, Wait) and s.until == NOW + MINUTE
        assert kind(step(m, now=NOW + MINUTE)) == "boot_live"

    def test_it_is_not_rebooted_for_ever(self):
        m = silent(at_phase(Phase.ENROLLED, touched=NOW - timedelta(hours=1), last_begun="boot_live", repeats=5))
        assert step(m).on == "an operator, then retry: 5 times boot_live, and " + (
            "no report came: look at its console, at DHCP for it, and at the live image"
        )

    def test_failures_are_told_as_what_they_are_however_often_it_was_tried(self):
        failed = silent(
            at_phase(
                Phase.ENROLLED,
                touched=NOW - timedelta(hours=1),
                last_begun="boot_live",
                repeats=5,
                failures=5,
                last_error="its BMC does not answer",
            )
        )
        assert step(failed).on == "an operator, then retry: 5 failures in a row, the last: its BMC does not answer"

    def test_without_a_bmc_somebody_has_to_press_the_button(self):
        m = silent(holding(in_phase(machine("A", bmc=None), Phase.ENROLLED)))
        assert step(m).on == "someone to network-boot it: no BMC address is known"

    def test_a_report_under_way_when_it_left_for_its_disk_does_not_reboot_it(self):
        m = replace(BOOTED, seen=replace(machine("A").seen, reported_at=BOOTED.history.touched + timedelta(seconds=20)))
        assert isinstance(step(m), Wait)


class TestFailures:
    def test_a_permanent_failure_waits_for_an_operator(self):
        m = at_phase(Phase.ENROLLED, failures=1, permanent=True, last_error="wrong serial", tried=NOW)
        assert step(m).on == "an operator, then retry: install_os failed: wrong serial"

    def test_so_do_five_in_a_row(self):
        m = at_phase(Phase.ENROLLED, failures=5, last_error="no mirror", tried=NOW - timedelta(hours=9))
        assert step(m).on == "an operator, then retry: 5 failures in a row, the last: no mirror"

    @pytest.mark.parametrize(("failures", "minutes"), [(0, 0), (1, 1), (2, 2), (3, 4), (4, 8), (5, 15), (500, 15)])
    def test_back_off_doubles_up_to_its_cap(self, failures, minutes):
        assert back_off(failures, USUAL) == minutes * MINUTE

    def test_the_next_try_comes_when_the_back_off_is_over(self):
        m = at_phase(Phase.ENROLLED, failures=1, last_error="x", tried=NOW - MINUTE / 2)
        assert step(m).until == NOW + MINUTE / 2
        assert kind(step(m, now=NOW + MINUTE / 2)) == "install_os"

    def test_a_machine_that_heals_by_itself_moves_on_whatever_failed_before(self):
        failed = at_phase(Phase.INSTALLED, last_begun="run_puppet", failures=9, permanent=True, tried=NOW - 20 * MINUTE)
        assert kind(step(failed)) == "wait"
        assert kind(step(saying(failed, S.PUPPET_SUCCESS))) == "run_puppet"  # which looks, before it runs anything
        told_before = saying(failed, S.PUPPET_SUCCESS, NOW - 21 * MINUTE)
        assert kind(step(told_before)) == "wait"
        just_tried = with_history(failed, tried=NOW - 2 * MINUTE)
        assert step(saying(just_tried, S.PUPPET_SUCCESS)).until == NOW + 6 * MINUTE


class TestInService:
    def test_nothing_is_healed_where_the_policy_says_so(self):
        spec = tree({"cl1": cluster(controller={})}, policy={"self_heal": False})
        assert step(powered_off(SERVING), spec).on == "an operator: it is off, and policy.self_heal is off"
        in_live = fallen(SERVING, proof=proof("live"))
        assert step(in_live, spec).on == "an operator: it is in service, and booted the live system"

    def test_a_machine_that_goes_off_again_is_not_turned_on_in_a_circle(self):
        h = replace(SERVING.history, last_done="power_on", touched=NOW - 5 * MINUTE)
        assert isinstance(step(replace(powered_off(SERVING), history=h)), Wait)

    def test_one_that_never_came_back_is_an_operators(self):
        booted = {"last_begun": "boot_disk", "touched": NOW - 21 * MINUTE, "looks": 9, "looked": NOW}
        s = step(with_history(SERVING, look_error="nobody answers at 10.1.1.2", **booted))
        assert s.wants_operator
        assert s.on == (
            "an operator: it was booted at 2026-11-23 09:39 UTC, and does not answer: nobody answers at 10.1.1.2; "
            "look at its console"
        )

    def test_networks_that_came_later_are_shown_and_not_acted_on(self):
        networks = {
            "cl1-z1": net("10.1.1.0/24"),
            "new": net("10.7.0.0/24"),
            "cl1-public": net("203.0.1.0/28", public=True),
        }
        s = step(SERVING, tree({"cl1": cluster(networks=networks, controller={})}))
        assert s.on == "an operator: drift: networks new came or went since it was installed"


def test_an_action_in_flight_is_waited_for_and_what_it_hands_out_is_taken():
    enroll = one(SPEC, machine("A")).action
    flying = replace(machine("A"), history=History(open_action=enroll, last_begun="enroll"))
    todo = {s.serial: s for s in plan(given(SPEC, [flying, machine("B")])).steps}
    assert todo["A"].on == "the action in flight: enroll"
    assert todo["B"].action.hostname == "cl1-controller-2.example.com"
    assert todo["B"].action.addresses == {"cl1-z1": "10.1.1.3"} and todo["B"].action.vips == ()


def test_vips_asked_for_later_are_brought_along_by_a_machine_in_service():
    s = one(SPEC, SERVING)
    assert isinstance(s.action, Enroll) and s.action.vips == (("cl1-public", "api", "203.0.1.2"),)
    assert (s.action.hostname, s.action.generation) == (SERVING.allocation.hostname, 1)


class TestHistory:
    LIVE = BootLive(serial="A", generation=1)

    def test_repeats_count_the_same_action_and_start_over_with_another(self):
        h = after(after(History(), Started("A", NOW, self.LIVE)), Interrupted("A", NOW, self.LIVE.id))
        assert (after(h, Started("A", NOW, self.LIVE)).repeats, h.open_action, h.touched) == (2, None, NOW)
        assert after(h, Started("A", NOW, one(SPEC, machine("A")).action)).repeats == 1

    def test_a_retry_forgets_failures_and_keeps_the_phase(self):
        h = after(History(Phase.ENROLLED, repeats=5), Failed("A", NOW, "x", "no answer", permanent=True))
        assert (h.failures.count, h.permanent, h.failures.error) == (1, True, "no answer")
        h = after(h, Retried("A", NOW, "alice", "BMC replaced"))
        assert (h.phase, h.permanent, h.repeats) == (Phase.ENROLLED, False, 0)
        assert (h.failures.count, h.failures.tried) == (0, None)

    def test_a_look_that_finds_nothing_is_no_failure_and_one_that_does_is_proof(self):
        look = VerifyLive(serial="A", generation=1, hostname="h")
        begun = after(SERVING.history, Started("A", NOW, look))
        assert (begun.open_action, begun.touched, begun.last_begun) == (look, SERVING.history.touched, "install_os")
        failed = after(begun, Failed("A", NOW, look.id, "nobody answers", permanent=True))
        assert failed == history_with(SERVING.history, looks=1, looked=NOW, look_error="nobody answers")
        refuted = after(after(begun, Proved("A", NOW, proof("installed", "i1"))), Succeeded("A", NOW, look))
        assert (refuted.looks.count, refuted.looks.proof) == (1, proof("installed", "i1"))
        seen = after(after(begun, Proved("A", NOW, proof("live"))), Succeeded("A", NOW, look))
        assert (seen.looks.count, seen.looks.error, seen.failures.count) == (0, None, 0)
        assert after(seen, Started("A", NOW, self.LIVE)).looks.proof is None

    INSTALL = step(at_phase(Phase.ENROLLED)).action
    STARTED = after(after(History(Phase.ENROLLED), Started("A", NOW, INSTALL)), erasing(INSTALL.identity))

    @pytest.mark.parametrize(
        ("then", "unseen"),
        [
            ((), True),
            ((Interrupted("A", NOW, INSTALL.id),), True),
            ((Failed("A", NOW, INSTALL.id, "lost it"),), True),
            ((Failed("A", NOW, INSTALL.id, "host key changed", permanent=True),), True),
            ((Failed("A", NOW, INSTALL.id, "ended with 1", permanent=True, ended=True),), False),
            ((Succeeded("A", NOW, INSTALL),), False),
            ((Interrupted("A", NOW, INSTALL.id), Proved("A", NOW, Proof(NOW, "installed", "x", INSTALL.id))), False),
            ((Interrupted("A", NOW, INSTALL.id), Proved("A", NOW, Proof(NOW, "installed", "x", "another"))), True),
            ((Interrupted("A", NOW, INSTALL.id), Retried("A", NOW, "alice", "I looked")), False),
            ((Interrupted("A", NOW, INSTALL.id), Started("A", NOW, LIVE), Failed("A", NOW, LIVE.id, "it is on")), True),
            ((Interrupted("A", NOW, INSTALL.id), Started("A", NOW, LIVE), Succeeded("A", NOW, LIVE)), False),
        ],
    )
    def test_an_install_is_open_until_somebody_saw_how_it_ended_or_an_operator_says_go_on(self, then, unseen):
        h = self.STARTED
        for event in then:
            h = after(h, event)
        assert h.install.open == unseen

    def test_an_install_that_erased_nothing_leaves_nothing_open(self):
        h = after(after(History(), Started("A", NOW, self.INSTALL)), Failed("A", NOW, self.INSTALL.id, "lost it"))
        assert not h.install.open

    def test_a_released_machine_is_new_but_for_what_its_disks_may_hold(self):
        spec = tree({"cl1": cluster(controller={})}, {"A": {"lifecycle": "decommissioned"}})
        release = one(spec, SERVING, approvals=(approval("A", "release"),)).action
        assert after(after(SERVING.history, Started("A", NOW, release)), Succeeded("A", NOW, release)) == History(
            service=Service(released=NOW, left_install="i1"), answered=1
        )
