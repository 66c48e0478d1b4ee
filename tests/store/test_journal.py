import json
from collections.abc import Callable

import pytest
from sqlalchemy import Executable, delete, update
from sqlalchemy.exc import DBAPIError

from reconciler.model.contents import Contents, SignatureFound, ToldBefore, VolumeFound
from reconciler.model.disk_id import ControllerId, DiskId, Finding, InstalledSystem
from reconciler.model.events import (
    Advanced,
    Event,
    Failed,
    Forgotten,
    Interrupted,
    Proved,
    Restored,
    Retried,
    Started,
    Succeeded,
)
from reconciler.model.folding import histories
from reconciler.model.history import History, Phase, Proof, Service
from reconciler.model.observations import Notice
from reconciler.model.reasons import Reason
from reconciler.store import Store
from reconciler.store.codec import event_text, parse_event
from reconciler.store.tables import journal

from .samples import NOW, SECOND, enroll, install

EVENTS: tuple[Event, ...] = (
    Started("A", NOW, enroll(vips=(("public", "api", "203.0.113.2"),))),
    Succeeded("A", NOW, enroll()),
    Advanced("A", NOW, Phase.ENROLLED, "it has a name", reason=Reason.ENROLLED),
    Started("A", NOW + SECOND, install()),
    Failed("A", NOW + SECOND, install().id, "no answer from 192.168.100.20 — tried twice", permanent=True),
    Retried("A", NOW + SECOND, "ann", "cable was loose"),
    Started("A", NOW + 2 * SECOND, install()),
    Interrupted("A", NOW + 3 * SECOND, install().id),
    Proved("A", NOW + 3 * SECOND, Proof(NOW + 3 * SECOND, "installed", "192.168.101.11", install().id)),
    Restored(
        "B",
        NOW,
        History(phase=Phase.IN_SERVICE, service=Service(since=NOW), open_action=install("B")),
        "from an export",
    ),
    Forgotten("C", NOW, "ann", "scrapped"),
)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.kind)
def test_every_event_is_read_as_it_was_written(store: Store, event: Event) -> None:
    position = store.append(event)
    assert store.events_after(0) == [(position, event)]


FOUND = (
    Finding(DiskId.parse("sda SSD A-0 480"), InstalledSystem("n1.example.com", "0123456789ab")),
    Finding(ControllerId(0), Contents.of(VolumeFound(0, 0, ("0:32:1",)))),
)


def test_what_was_met_stands_in_the_journal_as_kinds_and_fields(store: Store) -> None:
    event = Failed("A", NOW, "x", "nothing was erased", permanent=True, found=FOUND)
    store.append(event)
    assert '["sda SSD A-0 480","the installed system n1.example.com of install 0123456789ab"]' in event_text(event)
    volume = '[{"kind":"raid-volume","number":0,"level":0,"disks":["0:32:1"]}]'
    assert f'["controller 0",{volume}]' in event_text(event)
    assert [told for _, told in store.events_after(0)] == [event]
    assert store.histories()["A"].disks.foreign_data == FOUND


@pytest.mark.parametrize(
    ("text", "contents"),
    [
        ("a foreign configuration on 0:32:0", Contents.of(ToldBefore("a foreign configuration on 0:32:0"))),
        ("LVM2_member, UUID CC-3", Contents.of(ToldBefore("LVM2_member, UUID CC-3"))),
        ('gpt; ext4 on sda1 "a b"', Contents.of(SignatureFound("gpt"), SignatureFound("ext4", "sda1", "a b"))),
    ],
)
def test_what_earlier_versions_met_is_read_as_far_as_its_sentence_tells(text: str, contents: Contents) -> None:
    event = Failed("A", NOW, "x", "nothing was erased", found=(Finding(ControllerId(0), contents),))
    empty = Failed("A", NOW, "x", "nothing was erased")
    before = event_text(empty).replace('"found":[]', f'"found":[["controller 0",{json.dumps(text)}]]')
    assert parse_event(before) == event
    assert parse_event(event_text(event)) == event


def test_the_reason_of_what_was_begun_and_recorded_is_told(store: Store) -> None:
    store.append_all(
        [
            Started("A", NOW, enroll(), Reason.MATCHES_PROFILE),
            Succeeded("A", NOW, enroll()),
            Advanced("A", NOW, Phase.IN_SERVICE, "Puppet has succeeded", reason=Reason.PUPPET_SUCCEEDED),
        ]
    )
    assert [line.reason for line in store.events()] == ["matches-profile", None, "puppet-succeeded"]


def test_what_earlier_versions_began_has_no_reason(store: Store) -> None:
    begun = Started("A", NOW, enroll())
    text = event_text(begun).replace('"reason":null,', "")
    assert "reason" not in text
    assert parse_event(text) == begun
    store.append(begun)
    assert [line.reason for line in store.events()] == [None]


def test_an_advance_for_a_reason_of_another_version_can_be_read(store: Store) -> None:
    advanced = Advanced("A", NOW, Phase.ENROLLED, "it has a name", reason="of-a-later-version")
    store.append(advanced)
    assert store.histories()["A"].phase is Phase.ENROLLED
    assert parse_event(event_text(advanced)) == advanced


def test_positions_rise_and_reading_goes_on_after_one(store: Store) -> None:
    positions = [store.append(event) for event in EVENTS]
    assert positions == sorted(set(positions))
    assert store.events_after(positions[3]) == list(zip(positions[4:], EVENTS[4:], strict=True))
    assert store.events_after(0, limit=2) == list(zip(positions[:2], EVENTS[:2], strict=True))
    assert store.events_after(positions[-1]) == []


def test_many_events_are_written_at_once(store: Store) -> None:
    last = store.append_all(EVENTS)
    assert [event for _, event in store.events_after(0)] == list(EVENTS)
    assert store.events_after(last) == []
    assert store.append_all(()) == 0


def test_histories_follow_the_journal_of_every_process(store: Store, open_store: Callable[..., Store]) -> None:
    other = open_store()
    for event in EVENTS[:3]:
        store.append(event)
    assert other.histories()["A"].phase is Phase.ENROLLED
    before = other.histories()
    store.append(EVENTS[3])
    assert other.histories()["A"].open_action == install()
    assert before["A"].open_action is None
    assert open_store().histories() == store.histories()


def test_a_journal_of_many_pages_adds_up_to_the_same_histories(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.append_all(EVENTS)
    monkeypatch.setattr("reconciler.store.journal.FOLDED_AT_ONCE", 3)
    assert store.histories() == histories(EVENTS)


def test_a_machine_that_was_restored_goes_on_where_it_stood(store: Store) -> None:
    store.append_all(EVENTS)
    assert store.histories()["B"].phase is Phase.IN_SERVICE
    assert store.histories()["C"] == History(answered=1)


@pytest.mark.parametrize("change", [update(journal).values(text="nothing happened"), delete(journal)])
def test_what_is_written_in_the_journal_stays(store: Store, change: Executable) -> None:
    store.append(EVENTS[0])
    with pytest.raises(DBAPIError, match="the journal is append-only"), store._database.engine.begin() as connection:
        connection.execute(change)
    assert len(store.events_after(0)) == 1


def test_events_and_what_humans_did_are_told_in_one_order(store: Store) -> None:
    store.append(EVENTS[0])
    store.record([], [Notice("A", NOW, "disk-vanished", "sdb is gone"), Notice(None, NOW, "started", "daemon started")])
    store.append(EVENTS[5])
    told = store.events()
    assert [(line.serial, line.kind, line.text, line.who) for line in told] == [
        ("A", "started", "enroll began", None),
        ("A", "disk-vanished", "sdb is gone", None),
        (None, "started", "daemon started", None),
        ("A", "retried", "failures forgotten, to be tried again: cable was loose", "ann"),
    ]
    assert store.events(after=told[1].position) == told[2:]
    assert store.events(serial="A") == [told[0], told[1], told[3]]
    assert store.notices() == told[1:3]
    assert store.last_events(limit=2) == told[2:]


def test_a_moment_without_time_zone_is_a_bug_and_is_not_written(store: Store) -> None:
    with pytest.raises(Exception, match="bug in reconciler"):
        store.append(Retried("A", NOW.replace(tzinfo=None), "ann", "why"))
    assert store.events() == []
