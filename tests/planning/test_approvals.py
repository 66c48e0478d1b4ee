"""Approvals are statements: of which facts, for how long, by how many, and what voids them."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from reconciler.model.actions import BootLive
from reconciler.model.contents import Contents
from reconciler.model.disk_id import DiskId
from reconciler.model.events import Advanced, Erasing
from reconciler.model.folding import after
from reconciler.model.hardware import Disk
from reconciler.model.history import Phase
from reconciler.model.machine import Approval, MachineView
from reconciler.model.plan import Asked, Step, Wait
from reconciler.model.rings import RingRound
from reconciler.model.statements import Fact, FactChange, Statement, Uncounted, changes
from reconciler.model.tree import SpecTree
from reconciler.planning.gone_questions import gone_questions

from .build import (
    MINUTE,
    NOW,
    VIPS,
    cluster,
    given,
    hinted,
    holding,
    in_phase,
    kind,
    machine,
    one,
    silent,
    tree,
    with_history,
)

HOUR = timedelta(hours=1)
FOREIGN = holding(in_phase(machine("A", contents="ext4"), Phase.ENROLLED))
SERVING = silent(holding(in_phase(machine("A"), Phase.IN_SERVICE)))


def spec(pin: dict[str, Any] | None = None, **policy: Any) -> SpecTree:
    return tree({"cl1": cluster(controller={})}, {"A": pin} if pin else None, policy)


def step(m: MachineView, tree: SpecTree | None = None, **more: Any) -> Step:
    return one(tree or spec(), m, vips=VIPS, **more)


def asked(m: MachineView, tree: SpecTree | None = None, **more: Any) -> Asked:
    found = step(m, tree, **more)
    assert isinstance(found, Wait) and found.asks is not None, found
    return found.asks


def facts(m: MachineView, tree: SpecTree | None = None) -> list[str]:
    return [str(fact) for fact in asked(m, tree).statement.facts]


def word(m: MachineView, tree: SpecTree | None = None, who: str = "alice", **more: Any) -> Approval:
    """What somebody approved who was shown what the machine waits for."""
    shown = step(m, tree)
    assert isinstance(shown, Wait) and shown.asks is not None and shown.needs_approval is not None
    statement = shown.asks.statement
    given = Approval("A", shown.needs_approval, 1, who, "as agreed", NOW - MINUTE, statement.digest, statement)
    return replace(given, **more)


class TestStatements:
    def test_an_install_over_foreign_data(self) -> None:
        assert facts(FOREIGN) == [
            "action: install_os",
            "reason: foreign-data",
            "machine: A",
            "node: cl1-controller-1.example.com",
            "generation: 1",
            "turn: 0",
            "consequence: erases-disks",
            "disk: sda INTEL DA 240000000000",
            "finding: sda INTEL DA 240000000000, signature ext4",
            "policy: install, automatic",
            "policy: foreign_data, approval",
            "policy: approvers, 1",
        ]

    def test_a_stranger_who_would_get_keys(self) -> None:
        m = hinted(holding(in_phase(machine("A"), Phase.ENROLLED)))
        found = facts(m)
        assert "consequence: gives-keys" in found and "consequence: erases-disks" in found
        assert "reporter: 192.0.2.50" in found and "mac: 02:00:00:00:00:01" in found
        assert "disk: sda INTEL DA 240000000000" in found

    def test_a_reinstall(self) -> None:
        found = facts(SERVING, spec({"reinstall": "2026-11"}))
        assert "consequence: leaves-service" in found
        assert {"install: i1", "request: 2026-11", "policy: reinstall, approval"} <= set(found)

    def test_a_release_and_a_move(self) -> None:
        gone = facts(SERVING, spec({"lifecycle": "decommissioned"}))
        assert "consequence: loses-place" in gone and "reason: decommissioned" in gone
        moved = facts(SERVING, spec({"cluster": "cl2"}))
        assert "difference: cluster, cl2, cl1" in moved

    def test_the_text_that_is_signed_has_a_line_for_each_fact_whatever_it_holds(self) -> None:
        text = asked(FOREIGN).statement.text("fleet-1")
        lines = text.splitlines()
        assert lines[:3] == ["reconciler-approval 1", "fleet: fleet-1", "action: install_os"]
        assert lines[-1] == f"digest: {asked(FOREIGN).statement.digest}"
        hostile = Statement((Fact("finding", ('sda\naction: "release"\x1b[2J',)),))
        assert len(hostile.text("f").splitlines()) == 4

    @for_all(st.permutations(asked(FOREIGN).statement.facts))
    def test_the_digest_is_of_the_facts_in_any_order(self, mixed: list[Fact]) -> None:
        assert Statement(tuple(mixed)).digest == asked(FOREIGN).statement.digest

    @for_all(st.integers(0, 11))
    def test_each_fact_counts(self, number: int) -> None:
        known = asked(FOREIGN).statement.facts
        other = (*known[:number], Fact(known[number].name, ("another",)), *known[number + 1 :])
        assert Statement(other).digest != Statement(known).digest
        assert Statement((*known[:number], *known[number + 1 :])).digest != Statement(known).digest


def with_disk(m: MachineView, serial: str) -> MachineView:
    """The machine with another disk of the same model and size."""
    assert m.seen is not None and m.disks is not None
    disk = Disk("sda", "sda", 240_000_000_000, "INTEL", serial, contents=Contents.parse("ext4"))
    seen = replace(m.seen, hardware=replace(m.seen.hardware, disks=(disk,)))
    choice = replace(m.disks, identity=(DiskId.parse(f"sda INTEL {serial} 240000000000"),))
    return replace(m, seen=seen, disks=choice)


class TestWhatChanged:
    @pytest.mark.parametrize(
        ("m", "tree", "told"),
        [
            (
                with_disk(FOREIGN, "DX"), spec(),
                "disk was sda INTEL DA 240000000000, and is sda INTEL DX 240000000000; finding was sda INTEL DA "
                "240000000000, signature ext4, and is sda INTEL DX 240000000000, signature ext4",
            ),
            (
                holding(in_phase(machine("A", contents="xfs"), Phase.ENROLLED)), spec(),
                "finding was sda INTEL DA 240000000000, signature ext4, and is sda INTEL DA 240000000000, "
                "signature xfs",
            ),
            (FOREIGN, spec(install="approval"), "policy was install, automatic, and is install, approval"),
            (
                FOREIGN, spec(approvals={"approvers": {"default": 2}}),
                "policy was approvers, 1, and is approvers, 2; 0 of 2 have approved",
            ),
            (with_history(FOREIGN, answered=1), spec(), "turn was 0, and is 1"),
            (
                hinted(FOREIGN), spec(),
                "consequence was not there, and is gives-keys; reporter was not there, and is 192.0.2.50; mac was not "
                "there, and is 02:00:00:00:00:01",
            ),
        ],
        ids=["a disk of the same model", "what it holds", "the policy", "how many", "it was used", "who reports"],
    )  # fmt: skip
    def test_it_is_told_which_fact_is_another_than_was_approved(
        self, m: MachineView, tree: SpecTree, told: str
    ) -> None:
        again = step(m, tree, approvals=(word(FOREIGN),))
        assert isinstance(again, Wait) and again.asks is not None
        assert again.on.endswith(f"; what alice approved on 2026-11-23 covers something else: {told}")
        assert [each.uncounted for each in again.asks.words] == [Uncounted.CHANGED]

    def test_another_generation_is_not_even_compared(self) -> None:
        later = replace(FOREIGN, allocation=replace(FOREIGN.allocation, generation=2))
        assert asked(later, approvals=(word(FOREIGN),)).words == ()

    def test_facts_of_one_name_are_told_in_pairs(self) -> None:
        before = Statement((Fact("disk", ("a",)), Fact("disk", ("b",)), Fact("turn", ("1",))))
        now = Statement((Fact("disk", ("b",)), Fact("disk", ("c",)), Fact("disk", ("d",)), Fact("turn", ("1",))))
        assert changes(before, now) == (FactChange("disk", ("a",), ("c",)), FactChange("disk", (), ("d",)))
        assert changes(now, now) == ()


class TestExpiry:
    @pytest.mark.parametrize(
        ("age", "good"), [(-48 * HOUR, True), (MINUTE, True), (24 * HOUR - MINUTE, True), (24 * HOUR, False)]
    )
    def test_an_approval_is_good_for_a_day_by_the_clock(self, age: timedelta, good: bool) -> None:
        given = word(FOREIGN, at=NOW - age)
        again = step(FOREIGN, approvals=(given,))
        assert (kind(again) == "install_os") is good
        if not good:
            assert again.on.endswith("; what alice approved on 2026-11-22 has expired")

    @pytest.mark.parametrize(("acted", "good"), [(86_399.0, True), (86_400.0, False)])
    def test_and_for_a_day_in_which_daemons_acted_whatever_the_clock_says(self, acted: float, good: bool) -> None:
        """It was given by a clock that was ahead, or was set back since."""
        given = word(FOREIGN, at=NOW + 48 * HOUR, acted=1000.0)
        assert (kind(step(FOREIGN, approvals=(given,), acted=1000.0 + acted)) == "install_os") is good

    def test_the_fleet_may_say_another_time(self) -> None:
        tree = spec(approvals={"lasts": "2h"})
        assert kind(step(FOREIGN, tree, approvals=(word(FOREIGN, tree, at=NOW - HOUR),))) == "install_os"
        assert kind(step(FOREIGN, tree, approvals=(word(FOREIGN, tree, at=NOW - 2 * HOUR),))) == "wait"


class TestSeveral:
    TWO = spec(approvals={"approvers": {"install_os": 2}})

    def test_as_many_have_to_approve_as_the_policy_says(self) -> None:
        first, again, second = word(FOREIGN, self.TWO), word(FOREIGN, self.TWO), word(FOREIGN, self.TWO, who="bob")
        waits = step(FOREIGN, self.TWO, approvals=(first,))
        assert isinstance(waits, Wait) and waits.on.endswith("; 1 of 2 have approved (alice)")
        assert waits.asks is not None and waits.asks.approvers == 2
        assert kind(step(FOREIGN, self.TWO, approvals=(first, again))) == "wait", "one person is one"
        done = step(FOREIGN, self.TWO, approvals=(first, second))
        assert kind(done) == "install_os"
        assert "alice and bob approved: as agreed" in done.because

    def test_a_word_that_does_not_count_is_none_of_them(self) -> None:
        words = (word(FOREIGN, self.TWO), word(FOREIGN, self.TWO, who="bob", at=NOW - 25 * HOUR))
        assert "what bob approved on 2026-11-22 has expired; 1 of 2" in step(FOREIGN, self.TWO, approvals=words).on

    def test_one_is_enough_for_anything_else(self) -> None:
        tree = spec({"reinstall": "x"}, approvals={"approvers": {"install_os": 2}})
        assert kind(step(SERVING, tree, approvals=(word(SERVING, tree),))) == "-> enrolled"


class TestUsedOnce:
    def test_the_same_question_comes_with_another_turn_once_an_approval_was_used(self) -> None:
        """So a signed copy of what was approved is good for nothing."""
        again = replace(FOREIGN, history=replace(FOREIGN.history, answered=1))
        assert asked(again).statement.digest != asked(FOREIGN).statement.digest

    def test_what_uses_approvals_up_is_counted(self) -> None:
        erased = after(FOREIGN.history, Erasing("A", NOW, ("sda",)))
        assert (erased.answered, after(erased, Advanced("A", NOW, Phase.INSTALLED, "ended")).answered) == (1, 1)
        assert after(erased, Advanced("A", NOW, Phase.IN_SERVICE, "Puppet has succeeded")).answered == 2

    def test_a_void_one_is_told_with_the_reason(self) -> None:
        given = word(FOREIGN, void="it is not signed, and this site demands that")
        again = step(FOREIGN, approvals=(given,))
        assert again.on.endswith(
            "; what alice approved on 2026-11-23 is void: it is not signed, and this site demands that"
        )


class TestGoneQuestions:
    """An approval is void once nobody asks what it answers."""

    @staticmethod
    def gone(m: MachineView, tree: SpecTree, given_word: Approval, **more: Any) -> bool:
        what = given(tree, [m], approvals=(given_word,), **more)
        found = gone_questions(what)
        assert set(found) <= set(what.observed.approvals)
        return bool(found)

    def test_foreign_data_that_was_cleared_by_hand(self) -> None:
        cleared = holding(in_phase(machine("A"), Phase.ENROLLED))
        assert not self.gone(FOREIGN, spec(), word(FOREIGN))
        assert self.gone(cleared, spec(), word(FOREIGN))

    def test_not_what_is_asked_with_other_facts(self) -> None:
        assert not self.gone(with_disk(FOREIGN, "DX"), spec(), word(FOREIGN))

    @pytest.mark.parametrize(
        "m",
        [
            silent(FOREIGN),
            with_history(FOREIGN, touched=NOW),
            replace(FOREIGN, enc_problem="no controller"),
            with_history(holding(in_phase(machine("A"), Phase.ENROLLED)), open=BootLive(serial="A", generation=1)),
        ],
        ids=["silent", "just touched", "without a document", "at work"],
    )
    def test_not_what_only_waits(self, m: MachineView) -> None:
        assert not self.gone(m, spec(), word(FOREIGN))

    def test_a_stranger_that_returned_its_nonce_after_all(self) -> None:
        m = hinted(holding(in_phase(machine("A"), Phase.ENROLLED)))
        assert not self.gone(m, spec(), word(m))
        assert not self.gone(silent(m), spec(), word(m))
        assert self.gone(holding(in_phase(machine("A"), Phase.ENROLLED)), spec(), word(m))

    def test_a_reinstall_or_release_that_was_taken_back(self) -> None:
        for pin in ({"reinstall": "x"}, {"lifecycle": "decommissioned"}, {"cluster": "cl2"}):
            given_word = word(SERVING, spec(pin))
            assert not self.gone(SERVING, spec(pin), given_word)
            assert self.gone(SERVING, spec(), given_word)

    def test_another_generation_or_no_place_at_all(self) -> None:
        later = replace(FOREIGN, allocation=replace(FOREIGN.allocation, generation=2))
        assert self.gone(later, spec(), word(FOREIGN))
        assert self.gone(replace(FOREIGN, allocation=None), spec(), word(FOREIGN))

    def test_a_round_of_rings_that_was_taken(self) -> None:
        given_word = Approval("A", "change_rings", 1, "alice", "at night", NOW, "digest")
        waiting = RingRound("cl1", "order", ())
        assert not self.gone(SERVING, spec(), given_word, ring_rounds=(waiting,))
        assert self.gone(SERVING, spec(), given_word, ring_rounds=(replace(waiting, cluster="other"),))
