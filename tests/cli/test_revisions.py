"""A plan for other specs than the daemon's says what they change in Puppet documents, with and without a database."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .conftest import PROXY, STORE, Cli, Laid

STORES = [f"swift01-swiftstore-{n}.example.com" for n in range(1, 7)]


@pytest.fixture(params=["database", "observation"])
def plan_of(request: pytest.FixtureRequest, on: Any, cli: Cli, tmp_path: Path) -> Callable[..., Any]:
    """Plans for a folder of specs, from the daemon's database or from what it observed."""
    observed = tmp_path / "fleet.json"

    def planned(specs: Path, *arguments: str) -> Any:
        if request.param == "database":
            return on("--specs", specs, "plan", *arguments)
        if not observed.exists():
            on("observe", "--output", observed)
        return cli("--specs", specs, "plan", "--observed", observed, *arguments)

    return planned


def enc(said: Any) -> list[tuple[str, str, str, object, object]]:
    return [(e["hostname"], e["class"], e["parameter"], e["before"], e["after"]) for e in said.json["enc"]]


def test_the_same_specs_change_nothing(plan_of: Any, laid: Laid) -> None:
    said = plan_of(laid.specs, "--format", "json", "--detailed-exitcode")
    assert (enc(said), said.status) == ([], 0)
    assert said.json["base"]


def test_a_setting_changes_the_documents_of_its_role(plan_of: Any, laid: Laid) -> None:
    plan_of(laid.specs)  # observed before
    laid.change(
        "swift_object_replicator_concurrency: 5", "swift_object_replicator_concurrency: 5\n    swift_ec_enable: true"
    )
    said = plan_of(laid.specs, "--format", "json", "--detailed-exitcode")
    stores = [row for row in enc(said) if row[2] == "swift_ec_enable" and row[1] == "oci::swiftstore"]
    assert stores == [(name, "oci::swiftstore", "swift_ec_enable", False, True) for name in STORES]
    assert said.status == 2
    assert said.json["base"] is None  # not committed
    commit = laid.commit()
    assert plan_of(laid.specs, "--format", "json").json["base"] == commit
    text = plan_of(laid.specs).out
    assert "oci::swiftstore::swift_ec_enable: false -> true  (6 nodes, swift01-swiftstore-1" in text


def test_rules_that_the_specs_loosen_are_told_before_anything_else(plan_of: Any, laid: Laid) -> None:
    before = plan_of(laid.specs, "--format", "json").json
    assert before["changes"] == [] and before["summary"]["loosened"] == 0
    laid.change("reinstall: approval", "reinstall: automatic", "fleet.yaml")
    laid.change("self_heal: true", "self_heal: false", "fleet.yaml")
    said = plan_of(laid.specs, "--format", "json", "--detailed-exitcode")
    file = next(laid.specs.rglob("fleet.yaml"))
    line = next(number for number, text in enumerate(file.read_text().splitlines(), 1) if "reinstall:" in text)
    assert [{key: one[key] for key in ("what", "looser", "file", "line")} for one in said.json["changes"]] == [
        {"what": "policy.reinstall", "looser": True, "file": str(file), "line": line},
        {"what": "policy.self_heal", "looser": False, "file": str(file), "line": line + 1},
    ]
    assert said.status == 2
    shown = plan_of(laid.specs)
    assert shown.out.startswith(
        "Loosened, against the specs in force\n"
        f"  policy.reinstall: approval -> automatic  ({file}:{line})\n"
        "\nChanged, against the specs in force\n"
    ), shown.out
    assert "1 rule loosened" in shown.out.splitlines()[-1]
    assert "**Loosened, against the specs in force**" in plan_of(laid.specs, "--format", "markdown").out


def test_steps_of_the_change_are_marked_and_with_a_base_told_alone(plan_of: Any, laid: Laid) -> None:
    plan_of(laid.specs)  # observed before
    assert plan_of(laid.specs, "--base", "--detailed-exitcode").out.startswith("No changes. Plan ")
    serial = laid.serial(STORES[0])
    (laid.specs / "machines/more.yaml").write_text(
        "apiVersion: reconciler/v1\nkind: Machine\n"
        f"metadata: {{name: {serial}}}\nspec: {{reinstall: now, data_disks: erase}}\n"
    )
    whole = plan_of(laid.specs)
    assert f"{serial} ({STORES[0]}) *" in whole.out and whole.out.count(" *") == 1
    marked = [step["serial"] for step in plan_of(laid.specs, "--format", "json").json["steps"] if step["by_change"]]
    assert marked == [serial]
    alone = plan_of(laid.specs, "--base", "--detailed-exitcode")
    assert (alone.status, alone.out.count(" *"), STORES[1] in alone.out) == (2, 0, False)
    assert f"{serial} ({STORES[0]})" in alone.out
    assert "Shown: 1 of " in alone.out.splitlines()[-1]
    said = plan_of(laid.specs, "--base", "--format", "json").json
    assert ([step["serial"] for step in said["steps"]], said["going_on"]) == ([serial], 0)
    assert said["left_out"] > 0 and [one["what"] for one in said["changes"]] == [f"Machine {serial} data_disks"]
    commit = laid.commit()
    assert plan_of(laid.specs, "--base", commit, "--detailed-exitcode").status == 0
    assert plan_of(laid.specs, "--base", "HEAD~1", "--format", "json").json["steps"] == said["steps"]


def test_a_base_that_nobody_has_is_refused(plan_of: Any, laid: Laid) -> None:
    plan_of(laid.specs)
    for base in ("no-such-branch", "0" * 40):
        said = plan_of(laid.specs, "--base", base)
        assert said.status == 64
        assert f'"{base}" is no commit with specs' in said.err


def test_a_commit_that_the_daemon_has_not_taken_yet_is_fetched_for_the_plan(on: Any, laid: Laid) -> None:
    laid.change(
        "swift_object_replicator_concurrency: 5", "swift_object_replicator_concurrency: 5\n    swift_ec_enable: true"
    )
    commit = laid.commit()
    said = on("plan", "--format", "json")
    assert said.json["base"] == commit
    assert {row[2] for row in enc(said)} == {"swift_ec_enable"}
    assert on("enc", STORE).out.count("swift_ec_enable: false") == 1  # what is in force


def test_machines_are_understood_anew(plan_of: Any, laid: Laid) -> None:
    plan_of(laid.specs)
    laid.change("swiftstore: {count: 6", "swiftstore: {count: 8")
    assert plan_of(laid.specs, "--format", "json").json["summary"]["act"] == 2
    profile = laid.specs / "hardware-profiles/swiftstore-r740xd.yaml"
    profile.write_text(profile.read_text().replace("PowerEdge R740xd", "PowerEdge R750"))
    said = plan_of(laid.specs).out
    assert "enroll" not in said
    assert 'swiftstore-r740xd: product "PowerEdge R740xd" is not PowerEdge R750' in said


def test_secrets_that_new_specs_ask_for_are_to_be_made(plan_of: Any, laid: Laid) -> None:
    plan_of(laid.specs)
    laid.change(
        "swift_object_replicator_concurrency: 5",
        "swift_object_replicator_concurrency: 5\n    swift_proxy_hostname: s3.example.com",
    )
    said = plan_of(laid.specs, "--format", "json").json
    minted = [step["action"]["secrets"] for step in said["steps"] if step["kind"] == "act"]
    assert minted == [[["swift01", "pki", "swiftproxy", "certificate"]]] * 12
    shown = {row["parameter"]: (row["before"], row["after"]) for row in said["enc"] if row["hostname"] == PROXY}
    before, after = shown["oci_pki_swiftproxy_key"]
    assert before.startswith("secret pki/api.key")
    assert after == "secret pki/swiftproxy.key"  # nobody made it yet, so it has no fingerprint


_REINSTALL = "kind: Machine\napiVersion: reconciler/v1\nmetadata: {{name: {}}}\nspec: {{reinstall: '2026-11-23'}}\n"
_RELEASE = "kind: Machine\napiVersion: reconciler/v1\nmetadata: {{name: {}}}\nspec: {{lifecycle: decommissioned}}\n"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("reinstall", "approval to reinstall it"),
        ("release", "approval to release swift01-swiftstore-1.example.com"),
        ("shrink", "swift01 wants 4 swiftstore machines, has 6"),
        ("new cluster", "swift02 has 0 of 3 controller"),
    ],
)
def test_a_change_that_waits_for_somebody_is_a_change(plan_of: Any, laid: Laid, change: str, said: str) -> None:
    """Nothing of it is done at once, and a reviewer must see it all the same."""
    assert plan_of(laid.specs, "--detailed-exitcode").status == 0
    match change:
        case "reinstall" | "release":
            text = _REINSTALL if change == "reinstall" else _RELEASE
            (laid.specs / "machines/store.yaml").write_text(text.format(laid.serial(STORE)))
        case "shrink":
            laid.change("swiftstore: {count: 6", "swiftstore: {count: 4")
        case "new cluster":
            text = (laid.specs / "clusters/swift01.yaml").read_text()
            text = (
                text.replace("swift01", "swift02").replace("192.168.1", "10.168.1").replace("203.0.113", "198.51.100")
            )
            (laid.specs / "clusters/swift02.yaml").write_text(text)
    planned = plan_of(laid.specs, "--detailed-exitcode")
    assert (planned.status, said in planned.out) == (2, True)
    assert "No changes." not in planned.out
    erased = 2 if change == "new cluster" else 0 if change == "shrink" else 1  # a spare takes the place of who leaves
    assert plan_of(laid.specs, "--format", "json").json["summary"]["destructive"] == erased


def test_specs_without_a_cluster_leave_its_machines_alone(plan_of: Any, laid: Laid) -> None:
    plan_of(laid.specs)
    (laid.specs / "clusters/swift01.yaml").unlink()
    (laid.specs / "machines/exceptions.yaml").unlink()
    for overlay in (laid.specs / "overlays").glob("*.yaml"):
        overlay.unlink()
    said = plan_of(laid.specs, "--format", "json")
    assert said.json["summary"]["orphaned"] == 12
    assert enc(said) == []


def test_a_password_that_specs_hold_is_masked(plan_of: Any, laid: Laid) -> None:
    plan_of(laid.specs)
    laid.change(
        "swift_object_replicator_concurrency: 5",
        "swift_object_replicator_concurrency: 5\n    external_keystone_admin_password: VERY-SECRET",
    )
    said = plan_of(laid.specs, "--format", "json")
    assert (PROXY, "external_keystone_admin_password", "********") in [(row[0], row[2], row[4]) for row in enc(said)]
    assert "VERY-SECRET" not in said.out + plan_of(laid.specs).out + plan_of(laid.specs, "--format", "markdown").out


def test_a_shallow_clone_says_that_it_cannot_compare(on: Any, cli: Cli, laid: Laid, tmp_path: Path) -> None:
    on("observe", "--output", tmp_path / "fleet.json")
    laid.change(
        "swift_object_replicator_concurrency: 5", "swift_object_replicator_concurrency: 5\n    swift_ec_enable: true"
    )
    laid.commit()
    clone = tmp_path / "clone"
    repository = f"file://{laid.folder}/repository"
    subprocess.run(["git", "clone", "-q", "--depth=1", repository, clone], check=True)
    said = cli("--specs", clone / "cluster-specs", "plan", "--observed", tmp_path / "fleet.json")
    assert "git fetch --unshallow" in said.out
    refused = cli("--specs", clone / "cluster-specs", "plan", "--base", "--observed", tmp_path / "fleet.json")
    assert refused.status == 64 and "git fetch --unshallow" in refused.err
    subprocess.run(["git", "-C", clone, "fetch", "-q", "--unshallow"], check=True)
    said = cli("--specs", clone / "cluster-specs", "plan", "--observed", tmp_path / "fleet.json")
    assert "swift_ec_enable: false -> true" in said.out


def test_the_commit_in_force_is_no_part_of_the_digest(on: Any, cli: Cli, laid: Laid, tmp_path: Path) -> None:
    observed = on("observe").json
    plans = []
    for base in (observed["observation"]["base"], None):
        observed["observation"]["base"] = base
        (tmp_path / "fleet.json").write_text(json.dumps(observed))
        plans.append(cli("--specs", laid.specs, "plan", "--observed", tmp_path / "fleet.json", "--format", "json").json)
    assert plans[0]["observed"] == plans[1]["observed"]
