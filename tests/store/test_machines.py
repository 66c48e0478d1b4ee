from collections.abc import Callable
from dataclasses import replace

from sqlalchemy import func, select

from reconciler.model.gates import GateName, Reading, Readings
from reconciler.model.hardware import Disk, Hardware
from reconciler.model.kinds import KINDS
from reconciler.model.machine import DocumentVersion, InstallStatus, Power
from reconciler.model.observations import Heard, Notice
from reconciler.model.tree import SpecTree
from reconciler.store import Store
from reconciler.store.codec import hardware_text, parse_hardware
from reconciler.store.document_versions import KEPT
from reconciler.store.machines import KEPT_REPORTS
from reconciler.store.tables import hardware as hardware_table

from .samples import NOW, SECOND, hardware, report


def reports_kept(store: Store) -> int | None:
    with store._database.reading() as connection:
        return connection.scalar(select(func.count()).select_from(hardware_table))


def test_a_report_is_seen_as_it_came(store: Store) -> None:
    store.record([report()])
    seen = store.snapshot().seen["A"]
    assert seen.hardware == hardware()
    assert (seen.reported_at, seen.address, seen.status, seen.power) == (NOW, "192.168.100.20", None, None)


def test_machines_bought_together_share_the_parts_that_are_alike(store: Store) -> None:
    bare = [replace(hardware(serial), disks=(Disk("sda", "sda", 480 * 10**9, "SSD"),)) for serial in "AB"]
    store.record([Heard(h.serial, NOW, "192.168.100.20", hardware=h, digest=h.serial) for h in bare])
    seen = store.snapshot().seen
    assert [seen[serial].hardware for serial in "AB"] == bare
    assert seen["A"].hardware.disks is seen["B"].hardware.disks


def test_each_word_changes_only_what_it_says(store: Store) -> None:
    store.record(
        [
            report(),
            Heard("A", NOW + SECOND, "192.168.101.11", status=InstallStatus.INSTALLING),
            Heard("A", NOW + 2 * SECOND, power=Power.ON),
        ]
    )
    seen = store.snapshot().seen["A"]
    assert (seen.reported_at, seen.address) == (NOW, "192.168.101.11")
    assert (seen.status, seen.status_at) == (InstallStatus.INSTALLING, NOW + SECOND)
    assert (seen.power, seen.power_at) == (Power.ON, NOW + 2 * SECOND)
    assert seen.heard_at == NOW + SECOND


def test_a_report_speaks_for_the_boot_whose_nonce_it_returned_and_no_status_does(store: Store) -> None:
    store.record([replace(report(), boot=2)])
    status = Heard("A", NOW + SECOND, "192.168.100.66", status=InstallStatus.INSTALLING)
    store.record([status, Heard("A", NOW + SECOND, power=Power.ON)])
    seen = store.snapshot().seen["A"]
    assert (seen.boot, seen.witnessed_at) == (2, NOW)
    assert (seen.address, seen.live_address) == ("192.168.100.66", "192.168.100.20"), (
        "keys go where the report came from"
    )
    hint = replace(report(at=NOW + 2 * SECOND), address="192.168.100.66")
    store.record([hint])
    seen = store.snapshot().seen["A"]
    assert (seen.boot, seen.witnessed_at, seen.live_address) == (None, NOW, "192.168.100.66")
    store.forget("A", who="ann", why="gone", at=NOW)
    store.record([hint])
    assert store.snapshot().seen["A"].witnessed_at is None


def test_readings_of_services_survive_whatever_else_is_said(store: Store, open_store: Callable[..., Store]) -> None:
    said = Readings(NOW, (Reading(GateName.KEYSTONE, "no token", NOW - SECOND),), ("oci::controller",))
    store.record([report(), Heard("A", NOW, readings=said)])
    store.record([report(at=NOW + SECOND), Heard("A", NOW + SECOND, power=Power.ON)])
    assert store.snapshot().readings == {"A": said}
    assert open_store().snapshot().readings == {"A": said}
    assert store.readings_of(("A", "B")) == {"A": said}
    store.forget("A", who="ann", why="gone", at=NOW)
    assert (store.snapshot().readings, store.readings_of(("A",))) == ({}, {})


def test_hardware_is_stored_when_it_changed_and_only_then(store: Store) -> None:
    for n in range(5):
        store.record([report(at=NOW + n * SECOND)])
    assert reports_kept(store) == 1
    assert store.snapshot().seen["A"].reported_at == NOW + 4 * SECOND
    store.record([report(disks=1), report(disks=2), report(disks=2)])
    assert reports_kept(store) == 3
    assert len(store.snapshot().seen["A"].hardware.disks) == 2


def test_a_report_that_says_no_address_of_the_bmc_keeps_the_one_before_until_another_is_said(store: Store) -> None:
    tree = SpecTree(KINDS["Fleet"].model_validate({"provisioning": {"address": "192.0.2.2", "trusted_networks": []}}))
    told = ["192.168.200.7", None, None, "192.168.200.8"]
    found = []
    for number, address in enumerate(told):
        one = replace(hardware(), bmc_address=address, bmc_firmware=str(number))
        store.record([Heard("A", NOW + number * SECOND, "192.168.100.20", hardware=one, digest=str(number))])
        seen = store.snapshot().seen["A"]
        found.append((seen.hardware.bmc_address, tree.bmc_address("A", seen)))
    assert found == [
        ("192.168.200.7", "192.168.200.7"),
        (None, "192.168.200.7"),
        (None, "192.168.200.7"),
        ("192.168.200.8", "192.168.200.8"),
    ]


def test_a_report_may_leave_out_hardware_that_is_known(store: Store) -> None:
    store.record([report()])
    store.record([replace(report(at=NOW + SECOND), hardware=None)])
    assert store.snapshot().seen["A"].reported_at == NOW + SECOND
    assert store.snapshot().seen["A"].hardware == hardware()


def test_the_oldest_reports_of_a_machine_are_let_go(store: Store) -> None:
    store.record([report("B")])
    store.record([report(memory=n) for n in range(KEPT_REPORTS + 5)])
    assert reports_kept(store) == KEPT_REPORTS + 1
    assert store.snapshot().seen["A"].hardware.memory == KEPT_REPORTS + 4
    assert store.snapshot().seen["B"].hardware == hardware("B")


def test_a_machine_that_never_reported_is_not_seen_until_it_does(store: Store) -> None:
    store.record([Heard("A", NOW, "192.168.100.20", status=InstallStatus.LIVE)])
    assert store.snapshot().seen == {}
    store.record([report(at=NOW + SECOND)])
    assert store.snapshot().seen["A"].status is InstallStatus.LIVE


def test_words_and_what_is_told_of_them_are_written_together(store: Store) -> None:
    store.record([report()], [Notice("A", NOW, "discovered", "a PowerEdge R640")])
    assert [line.text for line in store.notices(serial="A")] == ["a PowerEdge R640"]
    before = store.change_token()
    store.record([], [])
    assert store.change_token() == before


def test_some_machines_can_be_asked_for_alone(store: Store) -> None:
    store.record([report("A"), report("B"), report("C")])
    assert store.seen(["A", "C", "Z"]).keys() == {"A", "C"}
    assert store.seen(["B"])["B"] == store.snapshot().seen["B"]


def test_a_second_look_reads_hardware_only_where_it_changed(store: Store, open_store: Callable[..., Store]) -> None:
    reader = open_store()
    store.record([report("A"), report("B")])
    first = reader.snapshot()
    store.record([report("A", NOW + SECOND), report("B", NOW + SECOND, disks=1)])
    second = reader.snapshot()
    assert second.seen["A"].hardware is first.seen["A"].hardware
    assert len(second.seen["B"].hardware.disks) == 1
    assert second == open_store().snapshot()
    assert first.seen["A"].reported_at == NOW


def test_a_puppet_run_that_succeeds_had_the_document_of_when_it_began(store: Store) -> None:
    begun, failed, good = InstallStatus.PUPPET_RUNNING, InstallStatus.PUPPET_FAILURE, InstallStatus.PUPPET_SUCCESS
    said = [(begun, 1), (good, 5), (begun, 10), (failed, 11), (good, 12)]
    words = [Heard("A", NOW + n * SECOND, "192.168.101.11", status=status) for status, n in said]
    ran = []
    for word in [report(), *words, Heard("A", NOW + 20 * SECOND, puppet_at=NOW + 15 * SECOND)]:
        store.record([word])
        ran.append(store.snapshot().seen["A"].last_puppet_began)
    assert ran == [None, None, *[NOW + SECOND] * 4, NOW + 15 * SECOND]


def test_the_newest_documents_of_a_node_are_kept(store: Store) -> None:
    versions = [DocumentVersion(f"d{n}", NOW + n * SECOND) for n in range(KEPT + 3)]
    for version in versions:
        store.keep_documents({"a.example.com": version})
        store.keep_documents({"a.example.com": replace(version, since=NOW + 99 * SECOND)})  # the same is no change
        assert store.snapshot().documents["a.example.com"][0] == version
    assert store.snapshot().documents == {"a.example.com": tuple(versions[::-1][:KEPT])}


def test_how_a_machine_boots_is_kept_also_where_nobody_said_it() -> None:
    """What was stored before leaves out what is not so: it was taken for BIOS, and is until the next report."""
    told = Hardware("S1", "Dell Inc.", "PowerEdge R650", 2**37)
    for uefi in (True, False, None):
        known = replace(told, uefi=uefi, secure_boot=uefi)
        assert parse_hardware(hardware_text(known)) == known
    before = parse_hardware('{"serial": "S1", "manufacturer": "Dell Inc.", "product": "PowerEdge R650", "memory": 1}')
    assert (before.uefi, before.secure_boot) == (False, False)
