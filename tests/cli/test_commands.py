"""Every command against a site that is well, against nothing at all, and against mistakes."""

import json
import re
import shutil
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from reconciler.model.gates import GateName, Reading, Readings
from reconciler.model.observations import Heard
from reconciler.model.reasons import Reason

from ..waiting import LONG
from .conftest import CONTROLLER, PROXY, ROOT, STORE, Cli, Laid

SPECS = ROOT / "cluster-specs"

USAGE = [
    ((), "Usage: reconciler"),
    (("nonsense",), "No such command 'nonsense'"),
    (("machine",), "Did you mean 'machines'"),
    (("--nonsense",), "No such option"),
    (("plan", "--specs", "x"), "stand before the command's name"),
    (("plan", "--format", "yaml"), "'yaml' is not one of"),
    (("validate", "--format", "yaml"), "for '--format': 'yaml' is not one of"),
    (("enc",), "Missing argument 'HOSTNAME'"),
    (("match",), "Missing argument 'FILE'"),
    (("--specs", SPECS, "match", "missing.json"), 'cannot read "missing.json"'),
    (("--specs", "missing", "validate"), 'there is no directory "missing"'),
    (("--config", "missing.yaml", "plan"), 'cannot read "missing.yaml"'),
    (("--database", "fleet", "plan"), '"fleet" is neither sqlite:///FILE nor postgresql://'),
    (("--database", "mysql://me:secret@db/x", "plan"), '"mysql://***@db/x" is neither'),
    (("--specs", SPECS, "plan", "--observed", "missing.json"), 'cannot read "missing.json"'),
    (("--specs", SPECS, "plan", "--observed", "a", "--server", "b"), "exclude each other"),
    (("approve", "ABC"), "Missing option '--why'"),
    (("pause",), "Missing option '--why'"),
    (("pause", "zone:1", "--why", "x"), '"zone:1" is not fleet, cluster:NAME or machine:MACHINE'),
    (("pause", "cluster:", "--why", "x"), '"cluster:" is not fleet'),
    (("accept", "abc", "--why", "x"), '"abc" is not all 40 hexadecimal digits'),
    (("events", "--limit", "0"), "greater than or equal to 1"),
    (("events", "--since", "yesterday"), '"yesterday" is neither a time'),
    (("secrets", "sho"), "No such command 'sho'"),
    (("secrets", "set", "password"), '"password" is not OWNER:SERVICE/KIND'),
    (("secrets", "set", "fleet:bmc/password"), "standard input is empty"),
    (("signatures", "missing"), 'there is no directory "missing"'),
    (("restore", "missing.yaml"), 'cannot read "missing.yaml"'),
    (("explain-reason", "foreign_data"), 'did you mean "foreign-data"?'),
    (("apply", "--timeout", "soon"), '"soon" is not a duration such as "90s"'),
    (("apply", "--timeout", "0s"), "more than nothing"),
    (("import", "oci", "--output", "x"), "nothing to import"),
    (("run", "--listen", "8080"), '"8080" is not ADDRESS:PORT'),
    (("demo", "--port", "99999"), "less than or equal to 65535"),
]


@pytest.mark.parametrize(("arguments", "said"), USAGE, ids=lambda v: v if isinstance(v, str) else "")
@pytest.mark.waits
def test_wrong_usage_exits_64_and_says_what_is_wrong(cli: Cli, arguments: tuple[str, ...], said: str) -> None:
    found = cli(*arguments)
    assert found.status == 64
    assert said in " ".join(found.err.split())
    assert found.out == ""
    assert not any(Path().iterdir())


NO_DATABASE = "there is no database sqlite:///var/reconciler.db, and none is made here: nothing was done."

NOTHING = [
    (("pause", "machine:ABC", "--why", "x"), 1, NO_DATABASE),
    (("events", "--follow"), 1, NO_DATABASE),
    (("boot-image", "build"), 1, NO_DATABASE),
    (("plan", "--detailed-exitcode"), 1, NO_DATABASE),
    (("machines", "ABC"), 1, NO_DATABASE),
    (("validate",), 0, ""),
]


@pytest.mark.parametrize(
    ("arguments", "status", "said"), NOTHING, ids=lambda v: "-".join(v) if v.__class__ is tuple else ""
)
def test_without_a_database_nothing_is_known_and_none_is_made(
    cli: Cli, arguments: tuple[str, ...], status: int, said: str
) -> None:
    found = cli("--specs", SPECS, *arguments, stdin=b"calvin\n")
    assert (found.status, said in found.err) == (status, True)
    assert not any(Path().iterdir())


def test_apply_makes_the_database_that_it_is_given_by_name(cli: Cli, tmp_path: Path) -> None:
    shutil.copytree(SPECS, tmp_path / "specs")
    for folder in ("clusters", "overlays"):
        shutil.rmtree(tmp_path / "specs" / folder)
    database = f"sqlite:///{tmp_path}/named.db"
    said = cli("--specs", tmp_path / "specs", "--database", database, "apply", "--timeout", f"{LONG:.0f}")
    assert (said.status, (tmp_path / "named.db").exists()) == (0, True)


def test_commands_that_ci_runs_leave_no_trace(cli: Cli, laid: Laid, tmp_path: Path) -> None:
    (tmp_path / "report.json").write_bytes(laid.reports[0])
    observed = cli("--config", laid.folder / "reconciler.yaml", "observe").out
    (tmp_path / "fleet.json").write_text(observed)
    for arguments in (
        ("validate",),
        ("validate", "--format", "github"),
        ("plan", "--observed", tmp_path / "fleet.json"),
        ("match", tmp_path / "report.json"),
        ("schema", "--output", tmp_path / "schemas"),
    ):
        assert cli("--specs", SPECS, *arguments).status == 0
    assert not any(Path().iterdir())


MISTAKES: list[tuple[dict[str, str], tuple[str, ...], str]] = [
    ({}, ("match", "here.json"), 'There is no directory "cluster-specs". Name the spec tree with --specs.'),
    ({"cluster-specs/fleet.yaml": "kind: Fleet"}, ("match", "here.json"), "the specs have errors"),
    ({"here.yaml": "listen: 8080"}, ("--config", "here.yaml", "plan"), "here.yaml: listen"),
    ({"here.yaml": "[1, 2"}, ("--config", "here.yaml", "plan"), "cannot read here.yaml"),
    ({"here.yaml": "nonsense: true"}, ("--config", "here.yaml", "plan"), "here.yaml: nonsense"),
    (
        {"here.db": "This is text.\n" * 999},
        ("--database", "sqlite:///here.db", "events"),
        "here.db is no SQLite database",
    ),
    ({"here.json": "[]"}, ("--specs", str(SPECS), "plan", "--observed", "here.json"), "this is not an observation"),
    ({"here.json": "{"}, ("--specs", str(SPECS), "plan", "--observed", "here.json"), "the observation is not JSON"),
    ({"here.json": "{"}, ("--specs", str(SPECS), "match", "here.json"), "here.json:1:"),
    ({"here.json": ""}, ("--specs", str(SPECS), "match", "here.json"), "no hardware report was given"),
    ({"here.yaml": "a: ["}, ("restore", "here.yaml"), "here.yaml is neither a backup nor YAML"),
    ({"here.yaml": "[]"}, ("restore", "here.yaml"), "here.yaml is no export"),
    ({}, ("--specs", str(SPECS), "plan", "--server", "example"), '"example" is not the address of a daemon'),
    ({}, ("--specs", str(SPECS), "plan", "--server", "http://127.0.0.1:9"), "no answer from http://127.0.0.1:9"),
]


@pytest.mark.parametrize(("files", "arguments", "said"), MISTAKES, ids=lambda v: v if isinstance(v, str) else "")
@pytest.mark.waits
def test_what_is_wrong_is_said_in_a_sentence(
    cli: Cli, files: dict[str, str], arguments: tuple[str, ...], said: str
) -> None:
    for name, text in files.items():
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(text)
    found = cli(*arguments)
    assert found.status == 1
    assert said in found.err
    assert found.out == ""


def test_broken_specs_fail_validate_with_the_place(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs/a.yaml").write_text("kind: Flet\n")
    said = cli("--specs", tmp_path / "specs", "validate")
    assert (said.status, "a.yaml:1:" in said.out, 'Did you mean "Fleet"' in said.out) == (1, True, True)
    problems = cli("--specs", tmp_path / "specs", "validate", "--format", "json").json
    assert {"severity", "summary", "detail", "file", "line", "column"} <= problems[0].keys()
    annotated = cli("--specs", tmp_path / "specs", "validate", "--format", "github").out
    assert all(line.startswith("::error ") for line in annotated.splitlines())


def test_enc_prints_yaml_and_nothing_else(on: Any) -> None:
    found = on("enc", STORE)
    assert (found.status, found.err) == (0, "")
    assert found.out.startswith("classes:\n")


def test_machines_lists_all_by_cluster_and_role(on: Any) -> None:
    found = on("machines")
    lines = found.out.splitlines()
    assert re.fullmatch(r"serial +hostname +phase +place +now", lines[0])
    assert [line.split()[1] for line in lines[1:4]] == [f"swift01-controller-{n}.example.com" for n in (1, 2, 3)]
    assert len(lines) == 15
    assert not any(line.endswith(" ") for line in lines)
    assert {"serial", "hostname", "phase", "kind", "because", "now"} <= on("machines", "--format", "json").json[
        0
    ].keys()


def test_long_lines_are_not_cut_when_piped(on: Any) -> None:
    waiting = [line for line in on("machines").out.splitlines() if "discovered" in line]
    assert all(line.endswith("swift01 has its 6 swiftstore machines") for line in waiting)


@pytest.mark.parametrize(
    ("short", "long"),
    [
        (("machines",), ("machines", "list")),
        (("machines", STORE), ("machines", "show", STORE)),
        (("clusters",), ("clusters", "list")),
        (("clusters", "swift01"), ("clusters", "show", "swift01")),
        (("events",), ("events", "list")),
        (("secrets",), ("secrets", "list")),
    ],
    ids=" ".join,
)
def test_list_and_show_may_be_written_out(on: Any, short: tuple[str, ...], long: tuple[str, ...]) -> None:
    found = on(*short, "--format", "json")
    assert found.status == 0
    schema = json.loads((ROOT / f"schemas/{short[0]}.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(found.json)
    again = on(*long, "--format", "json")
    assert again.out.count("\n") == found.out.count("\n") > 10


def test_reasons_are_explained_to_programs_too(cli: Cli) -> None:
    every = cli("explain-reason", "--format", "json").json
    one = cli("explain-reason", "foreign-data", "--format", "json").json
    schema = jsonschema.Draft202012Validator(json.loads((ROOT / "schemas/explain-reason.json").read_text()))
    schema.validate(every)
    schema.validate(one)
    assert [row["name"] for row in every] == list(Reason)
    assert (one in every, one["approval"], one["wants_operator"]) == (True, "install_os", False)


@pytest.mark.parametrize("by", ["serial", "hostname"])
def test_one_machine_is_shown_whole(on: Any, laid: Laid, by: str) -> None:
    name = STORE if by == "hostname" else laid.serial(STORE)
    page = on("machines", name).out
    for fragment in (
        "Hostname        swift01-swiftstore-1",
        "Memory          128GiB",
        "BMC ",
        "Disk            sda 12TB",
        "ago\n",
        "Z  started: install_os began (to-be-installed)\n",
    ):
        assert fragment in page
    assert on("machines", name, "--format", "json").json["events"]


def test_clusters_count_what_is_wanted_and_there(on: Any) -> None:
    found = on("clusters")
    assert found.out.splitlines()[1].split() == ["swift01", "controller", "3", "3", "3"]
    assert "swift01: 203.0.113.2 is its api address" in found.out
    first = on("clusters", "--format", "json").json[0]
    assert (first["wanted"], first["vips"]) == (3, {"api": "203.0.113.2"})
    assert 'no cluster "swift02"' in on("clusters", "swift02").err


def test_explain_names_the_line_a_value_came_from(on: Any) -> None:
    assert re.search(r"region_name +RegionOne +.*clusters/swift01.yaml:9", on("explain", PROXY).out)
    (found,) = on("explain", PROXY, "region_name", "--format", "json").json["classes"]
    assert found["sections"][0]["parameters"][0]["value"] == "RegionOne"


def test_explain_tells_the_gates_of_a_machine_by_serial(on: Any, laid: Laid) -> None:
    serial = laid.serial(PROXY)
    at = datetime.now(UTC)
    said = Readings(at, (Reading(GateName.LOGIN, "yes", at), Reading(GateName.SWIFT_PROXY, "no answer", at)))
    with closing(laid.open()) as site:
        site.store.record([Heard(serial, at, readings=said)])
    told = on("explain", serial, "--format", "json").json
    assert (told["hostname"], told["gates"]["needs"]) == (PROXY, None)
    closed, *others = told["gates"]["own"]
    assert (closed["name"], closed["value"], closed["threshold"]) == ("swift-proxy", "no answer", "OK")
    assert {gate["holds"] for gate in others} == {True, None}
    assert "\nGates\n  swift-proxy: no answer, since 20" in on("explain", serial).out
    assert on("explain", PROXY, "region_name", "--format", "json").json["gates"] is None


def test_a_name_almost_right_is_guessed(on: Any) -> None:
    assert f'did you mean "{STORE}"?' in on("enc", STORE.replace("store-1", "stor-1")).err
    assert 'did you mean "region_name"?' in on("explain", PROXY, "regionname").err


def test_events_are_told_oldest_first_and_can_be_narrowed(on: Any, laid: Laid) -> None:
    times = [row["at"] for row in on("events", "--format", "json").json]
    assert times == sorted(times)
    mine = on("events", "--machine", STORE, "--format", "json").json
    assert {row["serial"] for row in mine} == {laid.serial(STORE)}
    assert [row["reason"] for row in mine if row["kind"] == "started"] == [
        "matches-profile", "to-be-installed", "boots-from-disk",
    ]  # fmt: skip
    assert "advanced: in-service: the test says so (puppet-succeeded)" in on("machines", STORE).out
    assert len(on("events", "--limit", "3", "--format", "json").json) == 3
    assert on("events", "--machine", STORE, "--since", "1h", "--format", "json").json == []
    assert on("events", "--machine", STORE, "--since", "2d", "--format", "json").json == mine


def test_an_observation_replays_to_the_same_plan(on: Any, cli: Cli, laid: Laid, tmp_path: Path) -> None:
    at = datetime.now(UTC)
    said = Readings(at, (Reading(GateName.LOGIN, "yes", at), Reading(GateName.SWIFT_PROXY, "no answer", at)))
    with closing(laid.open()) as site:
        site.store.record([Heard(laid.serial(PROXY), at, readings=said)])
    assert on("observe", "--output", tmp_path / "fleet.json").err.startswith("Wrote 14 machines")
    live = on("plan", "--format", "json").json
    (closed,) = [gate for step in live["steps"] for gate in step["gates"]]
    assert (closed["name"], closed["value"]) == ("swift-proxy", "no answer")
    replayed = cli("--specs", laid.specs, "plan", "--observed", tmp_path / "fleet.json", "--format", "json").json
    assert replayed == live
    assert json.loads((tmp_path / "fleet.json").read_text())["observation"]["base"] == live["base"]


def test_a_plan_of_some_machines_exits_by_these(on: Any, laid: Laid) -> None:
    laid.change("swiftstore: {count: 6", "swiftstore: {count: 8")
    laid.commit()
    one = on("plan", STORE, "--detailed-exitcode", "--format", "json")
    assert (one.status, [step["serial"] for step in one.json["steps"]]) == (0, [laid.serial(STORE)])
    stores = on("plan", "-l", "cluster=swift01,role=swiftstore", "--detailed-exitcode")
    assert stores.status == 2
    assert "Shown: 8 of 14 machines." in stores.out
    nobody = on("plan", "nobody")
    assert nobody.status == 1
    assert nobody.err.endswith("Error: no machine is called nobody: see reconciler machines\n")


@pytest.mark.parametrize(("flag", "grow", "status"), [(False, True, 0), (True, True, 2), (True, False, 0)])
def test_plan_tells_changes_by_its_exit_status(on: Any, laid: Laid, flag: bool, grow: bool, status: int) -> None:
    if grow:
        laid.change("swiftstore: {count: 6", "swiftstore: {count: 8")
        laid.commit()
    found = on("plan", *(["--detailed-exitcode"] if flag else []))
    assert found.status == status
    assert ("enroll as swift01-swiftstore-7" in found.out) is grow
    assert found.out.splitlines()[-1].startswith("Plan " if grow else "No changes. Plan ")
    assert ("would erase 2 machines' disks" in found.out) is grow


def test_plan_in_every_format_says_the_same_commit(on: Any, laid: Laid) -> None:
    commit = on("plan", "--format", "json").json["base"]
    assert len(commit) == 40
    assert commit[:12] in on("plan").out
    assert commit[:12] in on("plan", "--format", "markdown").out


def test_controllers_have_documents_too(on: Any) -> None:
    assert on("enc", CONTROLLER).status == 0


def test_enc_gives_every_node_the_document_that_the_daemon_keeps(on: Any, laid: Laid) -> None:
    with closing(laid.open()) as site:
        hostnames = [m.allocation.hostname for m in site.observe().machines if m.allocation]
        kept = {hostname: site.documents.get(hostname) for hostname in hostnames}
    assert len(hostnames) == 12
    for hostname, document in kept.items():
        assert document is not None
        assert on("enc", hostname).out == document.yaml.decode()
