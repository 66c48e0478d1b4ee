"""The benchmarks run, at a size at which they take seconds, and keep what the contract of ``make bench`` says."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from bench.__main__ import BENCHES, main
from bench.figures import FULL, SMALL, Figure
from bench.fleet import KINDS, Fleet
from bench.lives import enrolments, in_service, tree_of, unpacked
from bench.load import press
from bench.sites import only_seen, running
from reconciler.model.plan import PlanningInput, Settled
from reconciler.planning.planner import plan

pytestmark = pytest.mark.waits


@pytest.mark.lengthy
def test_every_benchmark_runs_and_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = tmp_path / "bench.json"
    assert main(["--scale", "small", "--output", str(kept)]) == 0
    found = json.loads(kept.read_text())
    assert {"cores", "python", "at", "processor"} <= found["machine"].keys()
    assert {figure["name"] for figure in found["figures"]} == {
        "plan, all machines new", "plan, all in service", "pass, nothing changed", "pass, 100 machines heard of",
        "growth, a setting of all", "growth, a setting of controllers", "growth, a node joined",
        "validate", "validate, a document per machine", "ENC answers", "ENC answers, p99", "known reports",
        "reports after a restart", "reconciler --help", "daemon's memory", "daemon's memory at its most",
    }  # fmt: skip
    assert all(figure["measured"] > 0 for figure in found["figures"])
    printed = capsys.readouterr().out
    assert all(figure["name"] in printed for figure in found["figures"])
    assert not list(tmp_path.glob("bench-*"))


def test_a_name_that_is_no_benchmark_is_refused_with_those_that_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["pln"])
    assert ", ".join(BENCHES) in capsys.readouterr().err


@pytest.mark.parametrize(
    ("measured", "at_least", "met"), [(1.9, False, True), (2.1, False, False), (1.9, True, False), (2.1, True, True)]
)
def test_a_figure_is_met_on_its_good_side(measured: float, at_least: bool, met: bool) -> None:
    assert Figure("x", measured, 2.0, "s", at_least).met is met


def test_the_full_fleet_is_as_large_as_promised_and_has_every_kind_of_machine() -> None:
    fleet = Fleet(FULL)
    assert len(fleet.boxes) == 10_000
    assert len({box.serial for box in fleet.boxes}) == 10_000
    assert set(Counter(box.role for box in fleet.boxes)) == {kind.role for kind in KINDS}
    assert len({box.cluster for box in fleet.boxes}) == 40


def test_a_fleet_is_the_same_each_time_and_all_of_it_finds_a_place() -> None:
    fleet = Fleet(replace(SMALL, clusters=4, machines=200))
    assert fleet.spec_files() == Fleet(fleet.scale).spec_files()
    tree = tree_of(fleet.spec_files())
    new = unpacked(fleet, tree)
    settled = in_service(tree, new, enrolments(tree, new))
    steps = plan(PlanningInput(None, tree, settled)).steps
    assert len(steps) == 200
    assert all(isinstance(step, Settled) for step in steps)


def test_the_client_of_our_own_asks_as_wrk_does(tmp_path: Path) -> None:
    fleet = Fleet(SMALL)
    asked = tmp_path / "reports"
    asked.write_bytes(b"\n".join(box.report for box in fleet.boxes))
    with running(only_seen(tmp_path / "site", fleet)) as site:
        seen = press(site.url, asked, 4, 1, method="POST", client="python")
        refused = press(site.url, _one_line(tmp_path, b"/v1/enc/nobody.example.com"), 4, 1, client="python")
    assert (seen.failed, seen.client, seen.connections) == (0, "python", 4)
    assert seen.requests > 0
    assert 0 < seen.p50 <= seen.p99 <= seen.longest
    assert refused.failed == refused.requests


def _one_line(folder: Path, line: bytes) -> Path:
    path = folder / "one-line"
    path.write_bytes(line)
    return path
