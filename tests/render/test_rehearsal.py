"""Rehearsals summed up: numbers of many histories, and what a tired operator reads."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from reconciler.model.reasons import Reason
from reconciler.model.rehearsal import Blame, BrokenRule, LivedHistory, QuorumLoss, RehearsedPart, WaitedFor
from reconciler.render.json_text import plain
from reconciler.render.rehearsal import ends, is_good, rehearsal_row, rehearsal_text, verdict
from reconciler.render.rows import RehearsalRow

SCHEMA = json.loads((Path(__file__).parents[2] / "schemas/rehearse.json").read_text())
PART = RehearsedPart(
    machines=14,
    in_service=12,
    observed=datetime(2026, 11, 23, 9, 5, tzinfo=UTC),
    clusters=("swift01",),
    base="0123456789abcdef0123",
    changes=True,
)
FOREIGN = WaitedFor("F005215", Reason.FOREIGN_DATA, "approval to erase sda")
REINSTALL = WaitedFor("B001247", Reason.REINSTALL_REQUESTED, "approval to reinstall")


def lived(seed: int = 0, rested: float | None = 180.0, **news: Any) -> LivedHistory:
    news = {"faults": {"kills": 0.5}, "in_service": 14, **news}
    return LivedHistory(seed=seed, rested=rested, **news)


def loss(blame: Blame, serving: int = 1, at: float = 60.0) -> QuorumLoss:
    return QuorumLoss(at, "swift01", "controller", serving, 3, blame)


def replay(one: LivedHistory) -> str:
    return f"reconciler rehearse --from-seed {one.seed}"


def row(*faulty: LivedHistory, calm: LivedHistory | None = None, part: RehearsedPart = PART) -> RehearsalRow:
    made = rehearsal_row(part, calm, faulty, replay)
    jsonschema.validate(plain(RehearsalRow, made), SCHEMA)
    return made


def faulty_text(*faulty: LivedHistory) -> list[str]:
    return [line.strip() for line in rehearsal_text(row(*faulty)).splitlines()]


def test_two_hundred_histories_in_a_sentence() -> None:
    some = [lived(seed) for seed in range(196)]
    waited = [lived(seed, waited=(FOREIGN,)) for seed in range(196, 199)]
    made = row(*some, *waited, lived(199, lost=(loss(Blame.RECONCILER),)))
    assert verdict(made) == "Of 200 histories 0 broke a rule, 1 lost a quorum, 3 waited for you."
    assert rehearsal_text(made).endswith(f"{verdict(made)}\n")


def test_times_are_those_of_real_servers() -> None:
    summed = row(lived(0, 90.0), lived(1, 180.0), lived(2, 900.0), lived(3, None)).faulty
    assert summed is not None
    assert (summed.histories, summed.rested, summed.kept_every_rule) == (4, 3, 3)
    assert (summed.rest_median, summed.rest_worst) == (3600.0, 18000.0)


def test_the_most_of_each_is_that_of_any_history() -> None:
    summed = row(
        lived(0, actions=9, installed=4, most_installing=1, taken_down=1, most_down=1, rolled_out=5, in_service=13),
        lived(1, actions=5, installed=2, most_installing=2, taken_down=3, most_down=2, reinstalled={"B": "c-2"}),
        lived(2, reinstalled={"A": "c-1", "B": "c-2"}),
    ).faulty
    assert summed is not None
    assert (summed.actions, summed.installed, summed.rolled_out) == (9, 4, 5)
    assert (summed.installing_at_once, summed.taken_down, summed.down_at_once) == (2, 3, 2)
    assert (summed.in_service_least, summed.in_service_most) == (13, 14)
    assert (summed.reinstalled, summed.reinstalled_most) == ({"A": "c-1", "B": "c-2"}, 2)


def test_reasons_for_which_humans_were_waited_for() -> None:
    twice = WaitedFor("K009173", Reason.FOREIGN_DATA, "approval to erase sdb", left=True)
    failed = WaitedFor("K009173", Reason.FAILED, "an operator: it failed")
    summed = row(lived(0, waited=(failed,)), lived(1, waited=(FOREIGN,)), lived(2, waited=(FOREIGN, twice)), lived(3))
    assert summed.faulty is not None
    first, second = summed.faulty.waits
    assert (first.reason, first.histories, first.machines, first.left) == (Reason.FOREIGN_DATA, 2, 2, 1)
    assert first.example == "F005215: approval to erase sda"
    assert (second.reason, second.histories, second.machines, second.left) == (Reason.FAILED, 1, 1, 0)
    assert summed.faulty.waited == 3


@pytest.mark.parametrize("reason", list(Reason))
def test_something_ends_each_wait(reason: Reason) -> None:
    assert ends(reason)


def test_erased_unasked_is_what_nobody_had_to_approve() -> None:
    asked, both = {"B001247": "c-1"}, {"B001247": "c-1", "G006152": "c-2"}
    assert row(calm=lived(reinstalled=asked, waited=(REINSTALL,))).calm.unasked == ()  # type: ignore[union-attr]
    made = row(calm=lived(reinstalled=both, waited=(REINSTALL,)))
    assert made.calm is not None
    assert made.calm.unasked == ("G006152",)
    text = rehearsal_text(made)
    assert "  ERASES 2 installed systems: B001247 (c-1), G006152 (c-2)\n" in text
    assert "  nobody is asked before that, of 1 machine\n" in text


@pytest.mark.parametrize(("blame", "good"), [(Blame.RECONCILER, False), (Blame.BOTH, False), (Blame.FAULTS, True)])
def test_a_quorum_that_faults_alone_took_is_not_held_against_it(blame: Blame, good: bool) -> None:
    made = row(lived(lost=(loss(blame),)))
    assert is_good(made) is good
    assert made.faulty is not None
    assert (made.faulty.lost_quorum, made.faulty.lost_quorum_by_faults) == (int(not good), int(good))
    assert [(each.blame, each.histories, each.serving, each.members) for each in made.faulty.quorums] == [
        (blame, 1, 1, 3)
    ]


def test_the_worst_of_many_losses_is_told() -> None:
    made = row(lived(0, lost=(loss(Blame.BOTH, 1), loss(Blame.BOTH, 0))), lived(1, lost=(loss(Blame.BOTH, 1),)))
    assert made.faulty is not None
    (told,) = made.faulty.quorums
    assert (told.histories, told.serving) == (2, 0)


@pytest.mark.parametrize(
    "news",
    [
        {"rested": None},
        {"problems": ("KeyError: 'x'",)},
        {"broken": (BrokenRule("APPROVED", 1.0, "sda was erased"),)},
        {"lost": (loss(Blame.BOTH),)},
    ],
)
def test_bad_histories_have_their_seed_and_command(news: dict[str, Any]) -> None:
    made = row(lived(1), lived(7, **news))
    assert not is_good(made)
    assert [(each.seed, each.replay) for each in made.bad] == [(7, "reconciler rehearse --from-seed 7")]
    assert made.bad[0].what
    assert "again: reconciler rehearse --from-seed 7" in rehearsal_text(made)


def test_what_happened_is_told_in_its_order() -> None:
    broken = BrokenRule("APPROVED", 90.0, "sda was erased")
    (bad,) = row(lived(broken=(broken,), lost=(loss(Blame.BOTH),), problems=("KeyError: 'x'",))).bad
    assert bad.what == (
        "after 20 min: 1 of 3 controller machines of swift01 served, as something else failed while the reconciler "
        "had one down",
        "after 30 min: sda was erased (APPROVED)",
        "KeyError: 'x'",
    )


def test_many_bad_histories_are_folded() -> None:
    text = rehearsal_text(row(*(lived(seed, None) for seed in range(12))))
    assert text.count("again: ") == 5
    assert "7 histories more like these: --format json has all." in text


def test_a_change_that_does_nothing() -> None:
    text = rehearsal_text(row(calm=lived(in_service=12, faults={})))
    assert text == (
        "Your change to 0123456789ab, on 14 machines of swift01 (12 in service), as observed at 2026-11-23 09:05 UTC.\n"
        "\n"
        "If nothing goes wrong:\n"
        "  nothing is done\n"
        "  nothing waits for you\n"
        "\n"
        "Of 1 history 0 broke a rule, 0 lost a quorum, 0 waited for you.\n"
    )


def test_a_change_in_many_histories() -> None:
    calm = lived(faults={}, actions=40, installed=2, most_installing=2, later={Reason.RINGS_SETTLE: 1})
    faulty = [
        lived(0, actions=44, installed=3, most_installing=2, waited=(FOREIGN,)),
        lived(1, 360.0, lost=(loss(Blame.FAULTS),), taken_down=1, most_down=1),
    ]
    text = rehearsal_text(row(*faulty, calm=calm)).split("\n\n", 1)[1]
    assert text == (
        "If nothing goes wrong:\n"
        "  done after 1 h 00 min: 14 machines in service, 12 now\n"
        "  2 installs, 2 at once\n"
        "  goes on by itself later: 1 machine (rings-settle)\n"
        "  nothing waits for you\n"
        "\n"
        "Of 2 histories in which things go wrong:\n"
        "      2  kept every rule\n"
        "      2  came to rest after 1 h 30 min (median), 2 h 00 min (longest)\n"
        "      0  lost a quorum with the reconciler's part in it\n"
        "      1  lost a quorum by faults alone\n"
        "             1  1 of 3 controller machines of swift01 served, by faults alone\n"
        "      1  waited for you\n"
        "             1  foreign-data  reconciler approve (install_os)\n"
        "  The most in one of them:\n"
        "    3 installs, 2 at once\n"
        "    1 time the reconciler turns off a machine that serves, 1 at once\n"
        "\n"
        "Of 3 histories 0 broke a rule, 0 lost a quorum, 1 waited for you.\n"
    )


def test_what_was_not_rehearsed_is_said() -> None:
    part = RehearsedPart(
        machines=14,
        in_service=12,
        observed=PART.observed,
        clusters=("swift01",),
        left_out=("elastic", "kolla01"),
        waiting=(FOREIGN,),
        otherwise=tuple(f"M{number} waits" for number in range(7)),
        notes=("Histories begin when a window opens.",),
    )
    lines = rehearsal_text(row(part=part)).splitlines()
    assert lines[0].startswith("The specs as they are, on 14 machines of swift01")
    assert "Not rehearsed: elastic, kolla01." in lines
    assert "Wanting you before anything changes, and not counted below: 1 machine (foreign-data)." in lines
    assert "Histories begin when a window opens." in lines
    assert "  and 2 more" in lines


def test_what_machines_say_cannot_move_the_cursor() -> None:
    calm = lived(actions=1, waited=(WaitedFor("F\x1b[2J", Reason.FOREIGN_DATA, "erase \x1b[2J\n sda"),))
    text = rehearsal_text(row(calm=calm, part=RehearsedPart(**{**_fields(PART), "otherwise": ("\x1b[2J",)})))
    assert "\x1b" not in text


def _fields(part: RehearsedPart) -> dict[str, Any]:
    return {name: getattr(part, name) for name in RehearsedPart.__slots__}
