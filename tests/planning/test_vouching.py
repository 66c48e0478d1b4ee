"""Who may be given a machine's keys, and what no report may cause: nonces, and the witnesses in their place."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from reconciler.model.actions import BootLive, InstallOs, VerifyBmc, Voucher
from reconciler.model.events import Advanced, Booting, Failed, Forgotten, Retried, Started, Succeeded, Vouched
from reconciler.model.folding import after
from reconciler.model.history import BmcWord, Phase
from reconciler.model.machine import Approval, InstallStatus, MachineView
from reconciler.model.plan import Act, Step, Wait
from reconciler.model.reasons import Reason
from reconciler.model.tree import SpecTree

from .build import (
    MINUTE,
    NOW,
    USUAL,
    VIPS,
    approval,
    cluster,
    hinted,
    holding,
    in_phase,
    kind,
    machine,
    one,
    saying,
    silent,
    tree,
    with_bmcs,
    with_history,
)

SPEC = tree({"cl1": cluster(controller={"count": 3})})
HOUR = timedelta(hours=1)
ENROLLED = holding(in_phase(machine("A"), Phase.ENROLLED))
STRANGER = hinted(ENROLLED)
ON = BmcWord(NOW - MINUTE, "192.0.2.200", "on")


def pinned(**pin: Any) -> SpecTree:
    return tree({"cl1": cluster(controller={"count": 3})}, {"A": pin})


def step(m: MachineView, spec: SpecTree = SPEC, **more: Any) -> Step:
    return one(spec, m, vips=VIPS, **more)


def installing(m: MachineView, spec: SpecTree = SPEC, **more: Any) -> InstallOs:
    found = step(m, spec, **more)
    assert isinstance(found, Act) and isinstance(found.action, InstallOs), found
    return found.action


class TestKeys:
    """Who is given them."""

    def test_a_machine_that_returned_the_nonce_of_its_boot(self) -> None:
        assert installing(ENROLLED).vouched is Voucher.NONCE

    def test_nobody_else_unasked(self) -> None:
        asked = step(STRANGER)
        assert isinstance(asked, Wait)
        assert (asked.reason, asked.needs_approval, asked.erases) == (Reason.UNWITNESSED, "install_os", True)
        assert asked.on == (
            "approval to give the keys of cl1-controller-1.example.com to who reports from 192.0.2.50: it returned no "
            "nonce of its boot, and 192.0.2.200, where its BMC is said to be, is in none of the fleet's bmc.networks"
        )

    def test_whom_an_operator_approved_as_he_was_shown(self) -> None:
        word = replace(approval("A"), covers=step(STRANGER).covers)
        assert installing(STRANGER, approvals=(word,)).vouched is Voucher.APPROVED
        elsewhere = replace(STRANGER, seen=replace(STRANGER.seen, address="192.0.2.66"))
        assert step(elsewhere, approvals=(word,)).needs_approval == "install_os"

    @pytest.mark.parametrize(
        ("pin", "keys"),
        [
            ({"cluster": "cl1"}, True),
            ({"hostname": "cl1-controller-1.example.com"}, True),
            ({"reinstall": "2026-11-23"}, True),
            ({"bmc": {"address": "192.0.2.200"}}, True),
            ({"settings": {}}, False),
            ({"role": "controller"}, False),
        ],
    )
    def test_one_that_the_specs_name(self, pin: dict[str, Any], keys: bool) -> None:
        found = step(STRANGER, pinned(**pin))
        assert kind(found) == ("install_os" if keys else "wait")
        if keys:
            assert installing(STRANGER, pinned(**pin)).vouched is Voucher.PINNED

    def test_one_whose_bmc_says_that_it_is_on(self) -> None:
        spec = with_bmcs(SPEC)
        asked = step(STRANGER, spec)
        assert kind(asked) == "verify_bmc" and asked.reason is Reason.NONCE_MISSING
        vouched = with_history(STRANGER, vouched=ON)
        assert installing(vouched, spec).vouched is Voucher.BMC

    @pytest.mark.parametrize("said", [replace(ON, power="off"), replace(ON, address="192.0.2.201")])
    def test_no_bmc_speaks_for_it_that_says_otherwise_or_is_another(self, said: BmcWord) -> None:
        doubted = with_history(STRANGER, vouched=said, looked=NOW, looks=1, look_error="it is off")
        asked = step(doubted, with_bmcs(SPEC))
        assert asked.reason is Reason.UNWITNESSED
        assert asked.on.endswith("it returned no nonce of its boot, and it is off")
        again = with_history(doubted, looked=NOW - 2 * MINUTE)
        assert kind(step(again, with_bmcs(SPEC))) == "verify_bmc"

    def test_the_fleets_password_goes_to_no_address_that_anybody_made_up(self) -> None:
        seen = replace(STRANGER.seen, hardware=replace(STRANGER.seen.hardware, bmc_address="198.51.100.1"))
        assert step(replace(STRANGER, seen=seen), with_bmcs(SPEC)).reason is Reason.UNWITNESSED
        named = pinned(bmc={"address": "198.51.100.1"}, role="controller")
        assert kind(step(replace(STRANGER, seen=seen), named)) == "install_os"

    def test_what_was_to_be_asked_already_is_asked_with_it(self) -> None:
        foreign = hinted(holding(in_phase(machine("A", contents="ext4"), Phase.ENROLLED)))
        asked = step(foreign)
        assert asked.reason is Reason.FOREIGN_DATA
        assert asked.on.startswith(
            "approval to erase sda (ext4): we did not put it there; and to give the keys of cl1-controller-1"
        )
        action = installing(foreign, approvals=(replace(approval("A"), covers=asked.covers),))
        assert (action.vouched, [each.disk for each in action.may_hold]) == (Voucher.APPROVED, ["sda"])
        witnessed = holding(in_phase(machine("A", contents="ext4"), Phase.ENROLLED))
        assert step(witnessed, approvals=(replace(approval("A"), covers=asked.covers),)).needs_approval == "install_os"

    def test_neither_its_bmc_nor_its_disks_are_touched_for_a_stranger(self) -> None:
        spec = with_bmcs(SPEC)
        managed = replace(
            spec, fleet=spec.fleet.model_copy(update={"bmc": spec.fleet.bmc.model_copy(update={"manage": True})})
        )
        assert kind(step(ENROLLED, managed)) == "configure_bmc"
        assert kind(step(STRANGER, managed)) == "verify_bmc"
        tried = with_history(STRANGER, looks=1, looked=NOW)
        assert step(tried, managed).reason is Reason.UNWITNESSED

    def test_of_an_install_that_nobody_saw_end_only_the_end_is_looked_for(self) -> None:
        begun = {"install_begun": NOW - 5 * MINUTE, "install_generation": 1, "last_begun": "install_os"}
        unseen = with_history(silent(STRANGER), touched=NOW - 4 * MINUTE, **begun)
        assert installing(unseen).vouched is None


class TestAMachineWithOurAgent:
    """One that returned nonces before: a report without one is somebody else's."""

    LATELY = hinted(ENROLLED, since=NOW - 5 * MINUTE)

    @pytest.mark.parametrize("spec", [with_bmcs(SPEC), pinned(cluster="cl1")])
    def test_neither_its_bmc_nor_its_document_speaks_for_who_returns_none(self, spec: SpecTree) -> None:
        m = with_history(self.LATELY, vouched=ON)
        asked = step(m, spec)
        assert asked.reason is Reason.UNWITNESSED
        assert "it returned the nonces of its boots until 2026-11-23 09:55 UTC, and this report has none" in asked.on

    def test_it_has_time_to_come_up_before_anybody_is_asked(self) -> None:
        m = with_history(self.LATELY, touched=NOW - 2 * MINUTE, last_begun="boot_live")
        due = step(m)
        assert isinstance(due, Wait)
        assert (due.reason, due.until) == (Reason.NONCE_MISSING, NOW - 2 * MINUTE + USUAL.live_boot)
        assert step(m, now=due.until).reason is not Reason.NONCE_MISSING

    def test_a_report_of_a_boot_before_is_none(self) -> None:
        m = with_history(ENROLLED, boots=1, touched=NOW - MINUTE, last_begun="boot_live")
        assert kind(step(m)) == "wait"
        came_up = replace(m, seen=replace(m.seen, boot=1))
        assert installing(came_up).vouched is Voucher.NONCE

    def test_one_whose_boot_did_not_take_is_booted_again(self) -> None:
        m = with_history(ENROLLED, boots=1, touched=NOW - 21 * MINUTE, last_begun="boot_live")
        assert kind(step(m)) == "boot_live"


class TestPower:
    """What no report or status causes."""

    def boots(self, m: MachineView, spec: SpecTree = with_bmcs(SPEC)) -> BootLive:  # noqa: B008 - it is frozen
        found = step(m, spec)
        assert isinstance(found, Act) and isinstance(found.action, BootLive), found
        return found.action

    def test_a_machine_of_which_only_hints_were_heard_is_booted_only_as_its_witnesses_allow(self) -> None:
        assert self.boots(silent(STRANGER)).hinted
        assert self.boots(silent(STRANGER), with_bmcs(pinned(cluster="cl1"))).hinted
        assert not self.boots(silent(ENROLLED)).hinted

    def test_nor_is_a_bmc_asked_of_which_only_a_hint_tells_the_address(self) -> None:
        """The fleet's password would go there."""
        waits = step(silent(STRANGER), SPEC)
        assert isinstance(waits, Wait) and waits.reason is Reason.NO_BMC_ADDRESS
        assert waits.on == (
            "someone to network-boot it: 192.0.2.200, where its BMC is said to be, is in none of the fleet's "
            "bmc.networks"
        )
        assert self.boots(silent(STRANGER), pinned(bmc={"address": "192.0.2.200"})).hinted
        assert not self.boots(silent(ENROLLED), SPEC).hinted

    def test_one_that_is_to_be_reinstalled_is_booted_for_that_and_not_for_a_hint(self) -> None:
        """As all machines that were installed before nonces were given."""
        left = with_history(silent(STRANGER), left_service=NOW - HOUR, install_begun=NOW - 9 * HOUR)
        again = pinned(reinstall="2026-11-23")
        assert not self.boots(left, again).hinted
        heard_since = with_history(left, left_service=NOW - 3 * HOUR)
        assert self.boots(heard_since, with_bmcs(again)).hinted

    def test_an_operator_who_looked_may_say_so(self) -> None:
        m = silent(STRANGER)
        looked = replace(m, history=after(m.history, Retried("A", NOW - MINUTE, "alice", "looked at its console")))
        assert not self.boots(looked, SPEC).hinted
        again = replace(looked, seen=replace(looked.seen, reported_at=NOW - MINUTE / 2, hardware=looked.seen.hardware))
        assert kind(step(again)) == "wait"  # somebody reports again: that is the newest of it

    @pytest.mark.parametrize("status", list(InstallStatus))
    @pytest.mark.parametrize("m", [ENROLLED, STRANGER], ids=["with a nonce", "a hint"])
    @pytest.mark.parametrize("touched", [None, NOW - 3 * MINUTE])
    def test_no_status_has_a_machine_booted(self, m: MachineView, status: InstallStatus, touched: Any) -> None:
        """Reported a minute ago, or booted three minutes ago; then somebody says anything of it."""
        booted = with_history(m, touched=touched, last_begun="boot_live" if touched else None)
        said = saying(booted, status, NOW - MINUTE / 6, reported=NOW - MINUTE if touched is None else NOW - 9 * MINUTE)
        before = saying(booted, status, NOW - 99 * MINUTE, reported=said.seen.reported_at)
        assert kind(step(before)) in ("install_os", "wait")
        assert kind(step(said)) in ("install_os", "wait")


class TestHistory:
    LIVE = BootLive(serial="A", generation=1)
    LOOK = VerifyBmc(serial="A", generation=1)

    def test_another_boot_begins_with_the_command_for_it_and_not_with_the_action(self) -> None:
        begun = after(ENROLLED.history, Started("A", NOW, self.LIVE))
        assert begun.witnesses.boots == 0
        failed = after(begun, Failed("A", NOW, self.LIVE.id, "its BMC does not answer"))
        assert failed.witnesses.boots == 0
        vouched = after(begun, Vouched("A", NOW, ON))
        booted = after(vouched, Booting("A", NOW))
        assert (vouched.witnesses.vouched, booted.witnesses.vouched, booted.witnesses.boots) == (ON, None, 1)

    def test_a_look_at_the_bmc_is_no_failure_and_is_repeated_less_and_less_often(self) -> None:
        begun = after(ENROLLED.history, Started("A", NOW, self.LOOK))
        failed = after(begun, Failed("A", NOW, self.LOOK.id, "it is off", permanent=True))
        assert (failed.looks.count, failed.looks.error) == (1, "it is off")
        assert (failed.failures.count, failed.permanent) == (0, False)
        done = after(after(begun, Vouched("A", NOW, ON)), Succeeded("A", NOW, self.LOOK))
        assert (done.looks.count, done.looks.error, done.witnesses.vouched) == (0, None, ON)
        assert done.touched == ENROLLED.history.touched

    def test_a_machine_that_was_installed_returns_no_nonce_of_before(self) -> None:
        installed = after(ENROLLED.history, Advanced("A", NOW, Phase.INSTALLED, "its install has ended well"))
        assert installed.witnesses.boots == 1
        assert after(installed, Forgotten("A", NOW, "alice", "gone")).witnesses.boots == 1


def test_an_approval_by_an_earlier_version_covers_no_stranger() -> None:
    old = Approval("A", "install_os", 1, "alice", "as agreed", NOW - HOUR, "0123456789abcdef")
    assert step(STRANGER, approvals=(old,)).needs_approval == "install_os"
