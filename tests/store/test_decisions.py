from collections.abc import Callable
from dataclasses import replace

import pytest

from reconciler.model.actions import Release
from reconciler.model.errors import PermanentError
from reconciler.model.events import Advanced, Erasing, Event, Failed, Forgotten, Restored, Started, Succeeded
from reconciler.model.history import History, Phase
from reconciler.model.machine import Approval, Pause
from reconciler.model.statements import Fact, Statement
from reconciler.store import LeaseWatch, Store

from .samples import NOW, SECOND, enroll, install, report

ANN = {"who": "ann", "why": "because", "at": NOW}
APPROVAL = Approval("A", "install_os", 1, "ann", "it is blank", NOW)
ASKED = "approval to erase sda A-0 480 (ext4): it is not ours"
PAUSE = Pause("cluster:cl1", "ann", "network maintenance", NOW)


def told(store: Store) -> list[tuple[str | None, str, str | None]]:
    return [(line.serial, line.kind, line.who) for line in store.events()]


STATEMENT = Statement((Fact("action", ("install_os",)), Fact("disk", ("sda A-0 480", '{"kind": "signature"}'))))


def test_an_approval_holds_until_it_is_taken_back(store: Store) -> None:
    store.approve(APPROVAL, ASKED)
    again = replace(APPROVAL, why="I looked again", at=NOW + SECOND)
    store.approve(again, ASKED)
    assert store.snapshot().approvals == (again,)
    bobs = replace(APPROVAL, who="bob", why="I looked too", at=NOW + 2 * SECOND)
    store.approve(bobs, ASKED)
    assert store.snapshot().approvals == (again, bobs), "each person has a word of his own"
    assert store.revoke("A", "install_os", **ANN)
    assert not store.revoke("A", "install_os", **ANN)
    assert store.snapshot().approvals == ()
    assert told(store)[1:] == [("A", "approved", "ann"), ("A", "approved", "bob"), ("A", "revoked", "ann")]


def test_an_approval_is_kept_with_its_statement_and_with_how_long_daemons_had_acted(store: Store) -> None:
    full = replace(APPROVAL, covers=STATEMENT.digest, statement=STATEMENT, signature="-----BEGIN SSH SIGNATURE-----")
    store.approve(full, ASKED)
    assert store.snapshot().approvals == (full,), "no daemon ever acted"
    fence = store.acquire_lease("host:1", LeaseWatch(30 * SECOND), NOW)
    assert fence is not None
    for lived in (10.0, 9.5, 3600.0, -5.0):  # the third beat came after the machine was asleep
        assert store.renew_lease(fence, 30 * SECOND, NOW, lived)
    store.approve(full, ASKED)
    (kept,) = store.snapshot().approvals
    assert (kept.acted, store.snapshot().acted) == (49.5, 49.5)
    assert kept.statement is not None and kept.statement.digest == STATEMENT.digest


def test_an_approval_that_nobody_asks_for_is_void_and_told(store: Store) -> None:
    bobs = replace(APPROVAL, who="bob")
    for word in (APPROVAL, bobs):
        store.approve(word, ASKED)
    before = store.decision_token()
    store.void([APPROVAL], "nobody asks for it any more", NOW)
    assert store.snapshot().approvals == (bobs,)
    assert store.decision_token() > before
    (line,) = [line for line in store.events() if line.kind == "approval-void"]
    assert (line.serial, line.text) == ("A", "approval of install_os by ann is void: nobody asks for it any more")
    store.approve(replace(bobs, at=NOW + SECOND), ASKED)
    store.void([APPROVAL, bobs], "nobody asks for it any more", NOW)
    assert store.snapshot().approvals == (replace(bobs, at=NOW + SECOND),), "it was given anew meanwhile"


def test_the_journal_says_what_was_approved(store: Store) -> None:
    store.approve(APPROVAL, ASKED)
    (line,) = store.events()
    assert line.text == f"install_os approved for generation 1: it is blank (it waited for {ASKED})"


WORDS = [Approval("A", action, 1, "ann", "fine", NOW) for action in ("install_os", "reinstall", "release")]
RELEASE = Release(serial="A", generation=1, hostname="a")


@pytest.mark.parametrize(
    ("event", "left"),
    [
        (Started("A", NOW, install()), ["install_os", "reinstall", "release"]),
        (Failed("A", NOW, "x", "no answer"), ["install_os", "reinstall", "release"]),
        (Advanced("A", NOW, Phase.ENROLLED, "its reinstall was approved"), ["install_os", "reinstall", "release"]),
        (Erasing("A", NOW, ("sda",)), ["release"]),
        (Advanced("A", NOW, Phase.IN_SERVICE, "Puppet has succeeded"), []),
        (Succeeded("A", NOW, RELEASE), []),
        (Restored("A", NOW, History(), "from an export"), []),
        (Forgotten("A", NOW, "ann", "gone"), []),
    ],
)
def test_an_approval_is_used_once(store: Store, event: Event, left: list[str]) -> None:
    for word in WORDS:
        store.approve(word, ASKED)
    store.approve(replace(APPROVAL, serial="B"), ASKED)
    store.snapshot()
    store.append(event)
    assert [word.action for word in store.snapshot().approvals if word.serial == "A"] == left
    assert [word.action for word in store.snapshot().approvals if word.serial == "B"] == ["install_os"]


def test_what_uses_an_approval_up_and_its_end_are_one_write(store: Store, open_store: Callable[..., Store]) -> None:
    store.approve(APPROVAL, ASKED)
    operator, before = open_store(), store.decision_token()
    store.erasing("A", ("sda",), NOW)
    assert operator.snapshot().approvals == ()
    assert operator.decision_token() > before, "the daemon must see it, whoever wrote it"


def test_a_pause_holds_until_it_is_ended(store: Store) -> None:
    store.pause(PAUSE)
    store.pause(Pause("machine:A", "bob", "disk swap", NOW))
    assert store.snapshot().pauses == (PAUSE, Pause("machine:A", "bob", "disk swap", NOW))
    assert store.resume("cluster:cl1", **ANN)
    assert not store.resume("cluster:cl1", **ANN)
    assert [pause.scope for pause in store.snapshot().pauses] == ["machine:A"]
    assert told(store) == [(None, "paused", "ann"), ("A", "paused", "bob"), (None, "resumed", "ann")]


def test_a_conflict_is_told_once_and_holds_until_it_is_cleared(store: Store) -> None:
    for _ in range(3):
        store.set_conflict("A", "two machines claim this serial", "MACs aa and bb", at=NOW)
    assert store.snapshot().conflicts == {"A": "two machines claim this serial"}
    store.retry("A", **ANN)
    assert store.snapshot().conflicts == {}
    assert told(store)[:2] == [("A", "conflict", None), ("A", "conflict-cleared", "ann")]


def test_retry_forgets_failures(store: Store) -> None:
    store.append(Failed("A", NOW, "x", "no answer", permanent=True))
    store.retry("A", **ANN)
    assert store.histories()["A"].failures.count == 0
    assert told(store)[-1] == ("A", "retried", "ann")


def test_a_machine_that_is_forgotten_comes_back_as_a_new_one(store: Store) -> None:
    store.record([report()])
    store.allocate(enroll(), NOW)
    store.release("A", NOW)
    store.append(Failed("A", NOW, "x", "no answer"))
    store.approve(APPROVAL, ASKED)
    store.set_conflict("A", "two machines claim this serial", "MACs aa and bb", at=NOW)
    store.snapshot()
    store.forget("A", **ANN)
    known = store.snapshot()
    assert (known.seen, known.allocations, known.retired, known.approvals, known.conflicts) == ({}, {}, {}, (), {})
    assert known.histories["A"] == History(answered=1), "but for that approvals of it were used up"
    assert told(store)[-1] == ("A", "forgotten", "ann")
    store.record([report()])
    assert store.snapshot().seen["A"].status is None


def test_a_machine_that_holds_a_name_is_not_forgotten(store: Store) -> None:
    store.record([report()])
    store.allocate(enroll(), NOW)
    before = store.snapshot()
    with pytest.raises(PermanentError, match="decommission it first"):
        store.forget("A", **ANN)
    assert store.snapshot() == before


def test_a_machine_that_nobody_knows_is_not_forgotten(store: Store) -> None:
    with pytest.raises(PermanentError, match="no machine Z is known"):
        store.forget("Z", **ANN)
    assert store.events() == []


def test_every_write_is_noticed_and_a_decision_is_told_from_a_word(store: Store) -> None:
    tokens = [(store.change_token(), store.decision_token())]
    for write in (
        lambda: store.record([report()]),
        lambda: store.approve(APPROVAL, ASKED),
        lambda: store.allocate(enroll(), NOW),
        lambda: store.retry("A", **ANN),
    ):
        write()
        tokens.append((store.change_token(), store.decision_token()))
    assert [token for token, _ in tokens] == [0, 1, 2, 3, 4]
    assert [token for _, token in tokens] == [0, 0, 2, 3, 4]
    assert store.snapshot().token == 4


def test_room_is_made_for_what_a_human_decides_and_not_for_what_a_machine_says(store: Store) -> None:
    made: list[bool] = []
    store.before_decisions(lambda: made.append(True))
    store.set_conflict("A", "two machines claim this serial", "two sets of MACs", at=NOW)
    assert made == []
    store.pause(PAUSE)
    store.retry("A", **ANN)
    assert made == [True, True]
