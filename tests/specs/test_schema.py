import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from reconciler.model.diagnostics import Diagnostic, Location, Severity
from reconciler.model.kinds import KINDS
from reconciler.render.diagnostics import render_json
from reconciler.specs.loader import load_tree
from reconciler.specs.schema import file_name, schemas
from reconciler.specs.settings_table import load_table
from reconciler.specs.yaml_reader import read_yaml

ROOT = Path(__file__).parents[2]
SCHEMAS = schemas(load_table())
DOCUMENTS = [
    (path.relative_to(ROOT).as_posix(), index, document.value)
    for folder in ("cluster-specs", "examples")
    for path in sorted((ROOT / folder).rglob("*.yaml"))
    if not {"systemd", "signed"} & set(path.parts)  # the daemon's own configuration, not a spec
    for index, document in enumerate(read_yaml(path.read_bytes(), path.name)[0])
]


def validator(name: str) -> Any:
    return jsonschema.Draft202012Validator(json.loads(SCHEMAS[name]))


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_checked_in_schemas_are_up_to_date(name: str) -> None:
    assert (ROOT / "schemas" / name).read_text() == SCHEMAS[name], "run: reconciler schema"


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_schemas_are_schemas(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(json.loads(SCHEMAS[name]))


def test_every_kind_has_a_schema() -> None:
    assert {f"{file_name(kind)}.json" for kind in KINDS} | {"all.json", "diagnostics.json"} == set(SCHEMAS)


@pytest.mark.parametrize(("path", "index", "value"), DOCUMENTS, ids=lambda part: str(part)[:60])
def test_documents_that_we_ship_fit(path: str, index: int, value: Any) -> None:
    assert [error.message for error in validator("all.json").iter_errors(value)] == []
    own = validator(f"{file_name(value['kind'])}.json")
    assert [error.message for error in own.iter_errors(value)] == []


HEAD = {"apiVersion": "reconciler/v1", "metadata": {"name": "x1"}}


@pytest.mark.parametrize(
    ("kind", "spec"),
    [
        ("Cluster", {"domain": "example.com", "networks": {"a": {"subnet": "10.0.0.0/8", "mtuu": 1}}}),
        ("Cluster", {"domain": "example.com", "networks": {"a": {"subnet": "10.0.0.0/8", "mtu": "9000"}}}),
        ("Cluster", {"domain": "example.com", "networks": {"a": {"subnet": "10.0.0.0", "public": True}}}),
        ("Cluster", {"domain": "example.com", "networks": {"a": {"subnet": "10.0.0.0/8", "public": "no"}}}),
        ("Cluster", {"domain": "Example.com"}),
        ("Cluster", {}),
        ("HardwareProfile", {"role": "compute", "match": {"memory": {"min": 256}}}),
        ("HardwareProfile", {"role": "compute", "match": {"memory": {"min": "256"}}}),
        ("Machine", {"lifecycle": "retired"}),
        ("Machine", {"protected": "yes"}),
        ("EncOverlay", {"for_": {}, "classes": {}}),
        ("Racking", {"ports": {"map": {"swp1": 0}}}),
    ],
)
def test_the_schema_and_the_loader_refuse_the_same(kind: str, spec: Any) -> None:
    document = {**HEAD, "kind": kind, "spec": spec}
    assert list(validator("all.json").iter_errors(document))
    problems = load_tree({"f.yaml": json.dumps(document).encode()}, load_table()).problems
    assert {problem.summary for problem in problems} - {"No fleet"}


@pytest.mark.parametrize(
    ("kind", "spec"),
    [
        ("Machine", {"settings": {"swift_part_power": 16}}),  # not for one machine
        ("Cluster", {"domain": "example.com", "settings": {"swift_part_pwoer": 16}}),
        ("Cluster", {"domain": "example.com", "settings": {"swift_part_power": "16"}}),
        ("Cluster", {"domain": "example.com", "roles": {"compute": {"settings": {"swift_part_power": 16}}}}),
    ],
)
def test_settings_are_spelt_out_where_they_may_stand(kind: str, spec: Any) -> None:
    assert list(validator("all.json").iter_errors({**HEAD, "kind": kind, "spec": spec}))


def test_without_a_table_any_setting_passes() -> None:
    loose = jsonschema.Draft202012Validator(json.loads(schemas()["machine.json"]))
    assert not list(loose.iter_errors({**HEAD, "kind": "Machine", "spec": {"settings": {"anything": 1}}}))


def test_settings_have_help_for_editors() -> None:
    table = load_table()
    cluster = json.loads(SCHEMAS["cluster.json"])["$defs"]["Cluster.ClusterSpec"]["properties"]["settings"]
    assert table["swift_part_power"].help in cluster["properties"]["swift_part_power"]["description"]


def test_printed_problems_fit_their_schema() -> None:
    problems = [
        Diagnostic(Severity.ERROR, "No fleet", "A tree needs one.", None),
        Diagnostic(Severity.WARNING, "Odd", "Ä.", Location("f.yaml", 3, 4)),
    ]
    printed = json.loads(render_json(problems, {}))
    assert list(validator("diagnostics.json").iter_errors(printed)) == []
    assert printed[1]["column"] == 4
