"""One row per machine and per role of a cluster, whoever shows it."""

import ast
from collections import Counter
from dataclasses import fields, replace
from pathlib import Path

import jsonschema
import pytest
from pydantic import TypeAdapter

from reconciler.model.action_base import Risk
from reconciler.model.contents import Contents
from reconciler.model.disk_id import Finding
from reconciler.model.events import ALL
from reconciler.model.gates import Gate, GateName
from reconciler.model.history import Failures, History, Phase
from reconciler.model.kinds import ClusterSpec
from reconciler.model.machine import MachineView, Observation, Vip
from reconciler.model.observations import Occurrence
from reconciler.model.plan import RISK_OF_APPROVED, Advance, Plan, Settled, Shortfall, Step, Wait
from reconciler.model.reasons import Reason
from reconciler.render.clusters import cluster_rows, vips_text
from reconciler.render.fleet import FleetView
from reconciler.render.inventory import machine_text
from reconciler.render.json_text import json_bytes, plain
from reconciler.render.machines import MachineSummaries, machine_page, machine_row, machine_rows
from reconciler.render.rows import MachinePage, MachineRow, MachineSummary
from reconciler.simulator.demo import progress_table

from ..histories import history_with
from .worlds import NOW, fleet_of, machine_of

ROOT = Path(__file__).parents[2] / "reconciler"


def planned(*steps: Step) -> Plan:
    return Plan("c0ffee", "0", steps)


def seen(*machines: MachineView) -> Observation:
    return Observation(NOW, machines)


def settled(*machines: MachineView) -> Plan:
    return planned(*(Settled(machine.serial, Reason.IN_SERVICE, "as wanted") for machine in machines))


def test_no_two_things_that_are_shown_have_one_name() -> None:
    shown = Counter(
        node.name
        for path in ROOT.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef)
        and node.name.endswith(("Row", "View", "Page", "Json", "Occurrence"))
        and path.parent.name != "enc"  # its views are what documents are made from
    )
    assert [name for name, count in shown.items() if count > 1] == []
    assert {"MachineRow", "ClusterRow", "Occurrence", "FleetView"} <= shown.keys()


def test_a_summary_is_the_very_same_until_something_of_its_machine_changes() -> None:
    a, b, summaries = machine_of(0), machine_of(1), MachineSummaries()
    first = summaries.of(settled(a, b), seen(a, b))
    assert all(old is new for old, new in zip(first, summaries.of(settled(a, b), seen(a, b)), strict=True))
    waits = planned(
        Wait(a.serial, Reason.NO_FREE_SLOT, "a free slot"), Settled(b.serial, Reason.IN_SERVICE, "as wanted")
    )
    changed, kept = summaries.of(waits, seen(a, b))
    told = (changed.kind, changed.reason, changed.because, changed.now)
    assert told == ("wait", Reason.NO_FREE_SLOT, "a free slot", "waiting for a free slot")
    assert kept is first[1]
    assert summaries.of(waits, seen(a, b), {b.serial: "61%"})[1].progress == "61%"
    behind = replace(b, history=History(Phase.INSTALLED))
    assert summaries.of(waits, seen(a, behind))[1].phase is Phase.INSTALLED
    assert [row.serial for row in summaries.of(waits, seen(b))] == [b.serial]


def test_a_row_tells_what_was_found_on_a_disk_when_it_was_to_be_erased() -> None:
    machine = machine_of(0)
    (before,) = machine_rows(settled(machine), seen(machine))
    assert machine.seen is not None
    (disk,) = machine.seen.hardware.disks
    met = replace(
        machine, history=history_with(machine.history, found=(Finding(disk.identity, Contents.parse("xfs")),))
    )
    (after,) = machine_rows(settled(met), seen(met))
    assert after.disks == (f"{before.disks[0]}, holds xfs",)


@pytest.mark.parametrize("reason", [reason for reason in Reason if reason.about.approval], ids=str)
def test_a_machine_that_waits_for_an_approval_has_the_risk_of_what_would_be_allowed(reason: Reason) -> None:
    machine = machine_of(0)
    asks = Wait(machine.serial, reason, "approval to do so")
    (row,) = machine_rows(planned(asks), seen(machine))
    worst = {
        "install_os": Risk.DESTRUCTIVE,
        "reinstall": Risk.DESTRUCTIVE,
        "release": Risk.DISRUPTIVE,
        "change_rings": Risk.NONE,
    }
    assert (row.needs_approval, row.risk) == (reason.about.approval, worst[str(reason.about.approval)])


def test_a_machine_that_is_taken_out_of_service_to_be_reinstalled_has_that_risk() -> None:
    machine = machine_of(0)
    leaves = Advance(machine.serial, Phase.ENROLLED, Reason.REINSTALL_REQUESTED, "so", risk=Risk.DESTRUCTIVE)
    (row,) = machine_rows(planned(leaves), seen(machine))
    assert row.risk is Risk.DESTRUCTIVE


def test_whatever_can_be_approved_has_a_risk() -> None:
    assert RISK_OF_APPROVED.keys() == ALL


def test_machines_are_listed_by_cluster_role_and_number_and_those_without_a_name_last() -> None:
    machines = [machine_of(i) for i in (9, 0, 12)] + [machine_of(1, Phase.DISCOVERED)]
    rows = machine_rows(settled(*machines), seen(*machines))
    assert [row.short_name for row in rows] == [
        "cl1-controller-0", "cl1-controller-9", "cl1-controller-12", machines[3].serial
    ]  # fmt: skip


def test_what_is_wrong_beside_a_machines_way_has_a_name_of_its_own() -> None:
    failed = History(Phase.IN_SERVICE, side_failures=Failures(count=1, error="hook dns: no answer", since=NOW))
    machine = replace(machine_of(0), history=failed, conflict="two machines claim this serial")
    (row,) = machine_rows(settled(machine), seen(machine))
    text = machine_text(row, (), NOW)
    for line in (
        "Side-task error hook dns: no answer\n",
        "Side-task error since 2026-11-22 03:12:04Z, 0 seconds ago\n",
        "Quarantined     two machines claim this serial\n",
        "Reason          in-service\n",
    ):
        assert line in text


def test_a_clusters_roles_are_counted_and_what_they_lack_is_told() -> None:
    asked = {"cl1": ClusterSpec.model_validate({"domain": "example.com", "networks": {}, "roles": {"compute": {}}})}
    machines = (machine_of(0), machine_of(3, Phase.ENROLLED), machine_of(1, Phase.DISCOVERED))
    vips = (Vip("cl1", "public", "api", "203.0.113.2"), Vip("cl2", "public", "api", "203.0.113.9"))
    lacks = (Shortfall("cl1", "volume", 3, 1, Reason.NO_FREE_MACHINE, "no free machine matches"),)
    rows = cluster_rows(asked, replace(seen(*machines), vips=vips), lacks)
    told = [(row.role, row.wanted, row.enrolled, row.in_service, row.lacking, row.reason) for row in rows]
    assert told == [
        ("compute", None, 0, 0, 0, None),
        ("controller", 0, 2, 1, 0, None),
        ("volume", 0, 0, 0, 2, Reason.NO_FREE_MACHINE),
    ]
    assert vips_text(rows) == "\ncl1: 203.0.113.2 is its api address\n"


@pytest.mark.parametrize("shape", [MachineSummary, MachineRow, MachinePage, FleetView, Occurrence])
def test_every_field_is_always_there(shape: type) -> None:
    adapter: TypeAdapter[object] = TypeAdapter(shape)
    assert set(adapter.json_schema(mode="serialization")["required"]) == {field.name for field in fields(shape)}


def test_lists_and_texts_of_a_page_fit_its_schema() -> None:
    machine, view = machine_of(7), fleet_of(12)
    page = machine_page(machine_row(view.machines[7], machine), machine, view.events, seen(machine))
    schema = TypeAdapter(MachinePage).json_schema(mode="serialization")
    jsonschema.Draft202012Validator(schema).validate(plain(MachinePage, page))
    assert json_bytes(MachinePage, page).startswith(b'{"serial":"2S2JG007","hostname":"cl1-compute-7.example.com"')


def test_the_demo_draws_its_progress_from_the_same_rows() -> None:
    table = progress_table(plain(tuple[MachineSummary, ...], fleet_of(12).machines))
    assert table.row_count == 12
    assert "unpacking base system, 61%" in list(table.columns[3].cells)


def test_a_row_tells_every_gate_the_closed_ones_first_and_a_summary_those_that_are_closed() -> None:
    machine = machine_of(0)
    gates = (
        Gate(GateName.LOGIN, "yes", "yes", NOW, True),
        Gate(GateName.UNITS, "nova-compute is failed", "all active", NOW, False),
        Gate(GateName.FAILED_UNITS, None, "none", None, None),
    )
    (row,) = machine_rows(replace(settled(machine), gates={machine.serial: gates}), seen(machine))
    assert [gate.name for gate in row.gates] == [GateName.UNITS, GateName.LOGIN, GateName.FAILED_UNITS]
    assert row.closed_gates == (GateName.UNITS,)
    text = machine_text(row, [], NOW)
    at = f"{NOW:%Y-%m-%d %H:%M:%S}Z"
    assert f"units: nova-compute is failed, since {at}; CLOSED, opens at: all active" in text
    assert f"login: yes, since {at}\n" in text and "failed-units: nobody has looked yet" in text


def test_a_summary_is_made_anew_when_a_gate_closes() -> None:
    machine, summaries = machine_of(0), MachineSummaries()
    (before,) = summaries.of(settled(machine), seen(machine))
    gate = Gate(GateName.LOGIN, "no route to host", "yes", NOW, False)
    (after,) = summaries.of(replace(settled(machine), gates={machine.serial: (gate,)}), seen(machine))
    assert (before.closed_gates, after.closed_gates) == ((), (GateName.LOGIN,))
