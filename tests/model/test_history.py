"""The published form of a history: journals, exports and observations keep it, whatever its fields are called here."""

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Any

from reconciler.model.actions import ChangeBmc, ConfigureBmc, PowerOn
from reconciler.model.contents import Contents, VolumeFound
from reconciler.model.disk_id import ControllerId, DiskId, Finding
from reconciler.model.events import ClockSetBack, Restored
from reconciler.model.folding import after, squeezed
from reconciler.model.hardware import Nic
from reconciler.model.history import (
    PUBLISHED,
    Announced,
    BmcSetup,
    BmcWord,
    DiskWork,
    Failures,
    History,
    Install,
    Looks,
    Phase,
    Proof,
    Service,
    ToldCommand,
    Witnesses,
    moments,
    with_moments,
)
from reconciler.model.machine import MachineView, Observation
from reconciler.model.rings import RingFile
from reconciler.render.observation import dump_observation, load_observation
from reconciler.store.codec import event_text, history_value, parse_event, parse_history

T = datetime(2026, 11, 23, 10, tzinfo=UTC)
M = timedelta(minutes=1)
SDA, SDB = DiskId.parse("sda INTEL D1 240000000000"), DiskId.parse("sdb INTEL D2 240000000000")

FULL = History(
    phase=Phase.ENROLLED,
    failures=Failures(count=3, since=T + 1 * M, error="mirror is slow", tried=T + 3 * M),
    permanent=True,
    touched=T + 2 * M,
    open_action=PowerOn(serial="A", generation=1),
    last_begun="power_on",
    repeats=2,
    last_done="boot_live",
    last_done_at=T + 4 * M,
    install=Install(
        begun=T + 5 * M,
        generation=4,
        id="0123456789ab",
        open=True,
        on=(SDA, SDB),
        system_on=(SDA,),
        nics=(Nic("eno1", "02:00:00:00:00:01", 10_000, driver="ixgbe"),),
        reinstall="2026-11-22",
    ),
    looks=Looks(
        proof=Proof(T + 6 * M, "live", "10.1.1.2", "0123456789ab"), at=T + 7 * M, count=5, error="nobody answers"
    ),
    disks=DiskWork(
        erased=("0:32:1 S3", "sda INTEL D1 240000000000", "serial d1", "uuid 0a1b", "wwn 5000c500a1b2c3d4"),
        foreign_data=(
            Finding(SDB, Contents.parse("xfs")),
            Finding(ControllerId(0), Contents.of(VolumeFound(1, 1, ("0:32:1",)))),
        ),
        raid="ba9876543210",
    ),
    service=Service(since=T + 8 * M, left=T + 9 * M, left_install="00112233aabb", released=T + 13 * M),
    announced=Announced(hooks=("dns", "bmc_password"), commands_run=6, commands=(ToldCommand(5, "0123456789abcdef"),)),
    side_failures=Failures(count=7, tried=T + 10 * M, error="hook dns: no answer", since=T + 11 * M),
    bmc=BmcSetup(
        set_to=ConfigureBmc(
            serial="A", generation=1, username="reconciler", address="10.9.0.2", vlan=8, network_name="bmcs"
        ),
        at=T + 12 * M,
        address="10.9.0.3",
        change=ChangeBmc(serial="A", generation=1, username="reconciler", address="10.9.0.3"),
    ),
    rings=(RingFile("object", "0123456789abcdef0123456789abcdef"),),
    answered=9,
    witnesses=Witnesses(8, BmcWord(T + 14 * M, "10.9.0.3", "on"), T + 15 * M),
)
"""A history in which nothing has its default."""

NIC = {
    "name": "eno1",
    "mac": "02:00:00:00:00:01",
    "speed": 10_000,
    "switch": None,
    "port": None,
    "port_also": [],
    "firmware": "",
    "driver": "ixgbe",
    "permanent": "",
}

AS_PUBLISHED: dict[str, Any] = {
    "phase": "enrolled",
    "failures": 3,
    "failing_since": "2026-11-23T10:01:00Z",
    "permanent": True,
    "last_error": "mirror is slow",
    "touched": "2026-11-23T10:02:00Z",
    "tried": "2026-11-23T10:03:00Z",
    "open": {"serial": "A", "generation": 1, "type": "power_on"},
    "last_begun": "power_on",
    "repeats": 2,
    "last_done": "boot_live",
    "last_done_at": "2026-11-23T10:04:00Z",
    "install_begun": "2026-11-23T10:05:00Z",
    "install_generation": 4,
    "install_id": "0123456789ab",
    "install_open": True,
    "proof": {"at": "2026-11-23T10:06:00Z", "runs": "live", "address": "10.1.1.2", "install": "0123456789ab"},
    "looked": "2026-11-23T10:07:00Z",
    "looks": 5,
    "look_error": "nobody answers",
    "erased": ["0:32:1 S3", "sda INTEL D1 240000000000", "serial d1", "uuid 0a1b", "wwn 5000c500a1b2c3d4"],
    "found": [
        ["sdb INTEL D2 240000000000", [{"kind": "signature", "type": "xfs"}]],
        ["controller 0", [{"kind": "raid-volume", "number": 1, "level": 1, "disks": ["0:32:1"]}]],
    ],
    "raid": "ba9876543210",
    "installed_on": ["sda INTEL D1 240000000000", "sdb INTEL D2 240000000000"],
    "system_on": ["sda INTEL D1 240000000000"],
    "nics": [NIC],
    "reinstall": "2026-11-22",
    "in_service_since": "2026-11-23T10:08:00Z",
    "left_service": "2026-11-23T10:09:00Z",
    "left_install": "00112233aabb",
    "hooks": ["dns", "bmc_password"],
    "told": 6,
    "told_commands": [[5, "0123456789abcdef"]],
    "aside_failures": 7,
    "aside_tried": "2026-11-23T10:10:00Z",
    "aside_error": "hook dns: no answer",
    "aside_since": "2026-11-23T10:11:00Z",
    "bmc": {
        "serial": "A",
        "generation": 1,
        "type": "configure_bmc",
        "username": "reconciler",
        "address": "10.9.0.2",
        "network": None,
        "gateway": None,
        "vlan": 8,
        "network_name": "bmcs",
        "rotate": None,
    },
    "bmc_at": "2026-11-23T10:12:00Z",
    "bmc_address": "10.9.0.3",
    "bmc_change": {
        "serial": "A",
        "generation": 1,
        "type": "change_bmc",
        "username": "reconciler",
        "address": "10.9.0.3",
        "network": None,
        "gateway": None,
        "vlan": None,
        "network_name": None,
        "rotate": None,
        "maybe_at": None,
    },
    "released": "2026-11-23T10:13:00Z",
    "rings": [["object", "0123456789abcdef0123456789abcdef"]],
    "boots": 8,
    "vouched": {"at": "2026-11-23T10:14:00Z", "address": "10.9.0.3", "power": "on"},
    "retried": "2026-11-23T10:15:00Z",
    "answered": 9,
}
"""What programs of before wrote of ``FULL``, in their order; they had ``found`` in sentences."""


def as_text(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def all_fields(part: Any = History(), within: str = "") -> Iterator[str]:
    """The path of each field of a history, into its parts."""
    for each in fields(part):
        value = getattr(part, each.name)
        if is_dataclass(value):
            yield from all_fields(value, f"{within}{each.name}.")
        else:
            yield within + each.name


def moments_in(published: Any) -> Iterator[datetime]:
    """Every moment in a value as JSON has it."""
    if isinstance(published, dict | list):
        for each in published.values() if isinstance(published, dict) else published:
            yield from moments_in(each)
    elif isinstance(published, str):
        with suppress(ValueError):
            if (moment := datetime.fromisoformat(published)).tzinfo:
                yield moment


def test_each_field_has_one_published_name() -> None:
    assert sorted(PUBLISHED.values()) == sorted(all_fields())
    assert list(PUBLISHED) == list(AS_PUBLISHED)


def test_nothing_of_the_full_history_has_its_default() -> None:
    """What follows is asked of it, and so of every field that there is."""
    assert [path for path in all_fields() if attrgetter(path)(FULL) == attrgetter(path)(History())] == []


def test_every_moment_of_a_history_is_known() -> None:
    """A moment that were forgotten would freeze a machine whose clock was set back."""
    known = sorted(moments(FULL))
    assert known == sorted(moments_in(AS_PUBLISHED))
    assert len(known) == len(set(known))


def test_every_moment_is_set_back_with_the_clock() -> None:
    set_back = after(FULL, ClockSetBack("A", T, ahead=T + 16 * M))
    assert sorted(moments(set_back)) == [squeezed(moment, T, T + 16 * M) for moment in sorted(moments(FULL))]
    assert max(moments(set_back)) < T
    assert with_moments(set_back, lambda moment: T) == with_moments(FULL, lambda moment: T), "nothing else is changed"


def test_the_journal_has_the_published_form() -> None:
    text = event_text(Restored("A", T, FULL, "from an export"))
    restored = {"serial": "A", "at": "2026-11-23T10:00:00Z", "history": AS_PUBLISHED, "why": "from an export"}
    assert text == as_text({**restored, "kind": "restored"})
    assert parse_event(text) == Restored("A", T, FULL, "from an export")


def test_an_export_has_the_published_form_without_defaults() -> None:
    written = history_value(FULL)
    assert list(written) == list(AS_PUBLISHED)
    differ = [name for name, value in written.items() if value != AS_PUBLISHED[name]]
    assert differ == ["open", "nics", "bmc", "bmc_change"], "parts whose own defaults are left out too"
    assert parse_history({**written, "open": None}) == replace(FULL, open_action=None), "as it is restored"
    assert history_value(History()) == {}


def test_an_observation_has_the_published_form() -> None:
    observed = Observation(T, (MachineView("A", history=FULL), MachineView("B")))
    text = dump_observation(observed)
    assert f'"history":{as_text(AS_PUBLISHED)}' in text
    assert load_observation(text) == observed


def test_what_is_missing_has_its_default_and_what_is_unknown_is_passed_over() -> None:
    assert parse_history({}) == History()
    assert parse_history(AS_PUBLISHED) == FULL
    assert parse_history({"phase": "enrolled", "colour": "blue", "last_puppet_began": 1}) == History(Phase.ENROLLED)
