"""The published form of a history: journals, exports and observations keep it, whatever its fields are called here."""

import json
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from reconciler.model.actions import ChangeBmc, ConfigureBmc, PowerOn
from reconciler.model.disk_id import ControllerId, DiskId, Finding
from reconciler.model.events import Restored
from reconciler.model.history import History, Phase, Proof
from reconciler.model.machine import MachineView, Observation
from reconciler.render.observation import dump_observation, load_observation
from reconciler.store.codec import event_text, history_value, parse_event, parse_history

T = datetime(2026, 11, 23, 10, tzinfo=UTC)
M = timedelta(minutes=1)
SDA, SDB = DiskId.parse("sda INTEL D1 240000000000"), DiskId.parse("sdb INTEL D2 240000000000")

FULL = History(
    phase=Phase.ENROLLED,
    failures=3,
    failing_since=T + 1 * M,
    permanent=True,
    last_error="mirror is slow",
    touched=T + 2 * M,
    tried=T + 3 * M,
    open_action=PowerOn(serial="A", generation=1),
    last_begun="power_on",
    repeats=2,
    last_done="boot_live",
    last_done_at=T + 4 * M,
    install_begun=T + 5 * M,
    install_generation=4,
    install_id="0123456789ab",
    install_open=True,
    proof=Proof(T + 6 * M, "live", "10.1.1.2", "0123456789ab"),
    looked=T + 7 * M,
    looks=5,
    look_error="nobody answers",
    erased=("0:32:1 S3", "sda INTEL D1 240000000000", "serial d1", "uuid 0a1b", "wwn 5000c500a1b2c3d4"),
    foreign_data=(Finding(SDB, "xfs"), Finding(ControllerId(0), "volume 1, RAID 1 of 0:32:1")),
    raid="ba9876543210",
    installed_on=(SDA, SDB),
    system_on=(SDA,),
    reinstall="2026-11-22",
    in_service_since=T + 8 * M,
    left_service=T + 9 * M,
    left_install="00112233aabb",
    hooks=("dns", "bmc_password"),
    commands_run=6,
    side_failures=7,
    side_tried=T + 10 * M,
    side_error="hook dns: no answer",
    side_since=T + 11 * M,
    bmc=ConfigureBmc(serial="A", generation=1, username="reconciler", address="10.9.0.2", vlan=8, network_name="bmcs"),
    bmc_at=T + 12 * M,
    bmc_address="10.9.0.3",
    bmc_change=ChangeBmc(serial="A", generation=1, username="reconciler", address="10.9.0.3"),
    released=T + 13 * M,
)
"""A history in which nothing has its default."""

PUBLISHED: dict[str, Any] = {
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
    "found": [["sdb INTEL D2 240000000000", "xfs"], ["controller 0", "volume 1, RAID 1 of 0:32:1"]],
    "raid": "ba9876543210",
    "installed_on": ["sda INTEL D1 240000000000", "sdb INTEL D2 240000000000"],
    "system_on": ["sda INTEL D1 240000000000"],
    "reinstall": "2026-11-22",
    "in_service_since": "2026-11-23T10:08:00Z",
    "left_service": "2026-11-23T10:09:00Z",
    "left_install": "00112233aabb",
    "hooks": ["dns", "bmc_password"],
    "told": 6,
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
}
"""What programs of before wrote of ``FULL``, in their order."""


def as_text(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def test_nothing_of_the_full_history_has_its_default() -> None:
    assert [each.name for each in fields(FULL) if getattr(FULL, each.name) == getattr(History(), each.name)] == []


def test_the_journal_has_the_published_form() -> None:
    text = event_text(Restored("A", T, FULL, "from an export"))
    restored = {"serial": "A", "at": "2026-11-23T10:00:00Z", "history": PUBLISHED, "why": "from an export"}
    assert text == as_text({**restored, "kind": "restored"})
    assert parse_event(text) == Restored("A", T, FULL, "from an export")


def test_an_export_has_the_published_form_without_defaults() -> None:
    written = history_value(FULL)
    assert list(written) == list(PUBLISHED)
    differ = [name for name, value in written.items() if value != PUBLISHED[name]]
    assert differ == ["open", "bmc", "bmc_change"], "actions, whose own defaults are left out too"
    assert parse_history({**written, "open": None}) == replace(FULL, open_action=None), "as it is restored"
    assert history_value(History()) == {}


def test_an_observation_has_the_published_form() -> None:
    observed = Observation(T, (MachineView("A", history=FULL), MachineView("B")))
    text = dump_observation(observed)
    assert f'"history":{as_text(PUBLISHED)}' in text
    assert load_observation(text) == observed


def test_what_is_missing_has_its_default_and_what_is_unknown_is_passed_over() -> None:
    assert parse_history({}) == History()
    assert parse_history(PUBLISHED) == FULL
    assert parse_history({"phase": "enrolled", "colour": "blue", "last_puppet_began": 1}) == History(Phase.ENROLLED)
