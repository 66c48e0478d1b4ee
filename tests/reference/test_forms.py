"""The forms that the reference data is kept in lose nothing, and have one way to say a thing."""

import base64
import json
from pathlib import Path

import pytest

from reconciler.oci_import.conf import parse_conf
from reconciler.oci_import.file_io import read_repositories

from . import configuration, facts
from .__main__ import keep
from .clusters import CLUSTERS, FOLDER, WITH_REPORTS, Cluster
from .database import read_dump, read_rows, write_rows, write_sql
from .documents import digest, read_documents, write_documents
from .reports import write_report

every_cluster = pytest.mark.parametrize("cluster", CLUSTERS.values(), ids=CLUSTERS)


@every_cluster
def test_a_database_is_written_as_it_was_read(cluster: Cluster) -> None:
    text = (FOLDER / cluster.name / "rows.jsonl").read_text()
    assert write_rows(read_rows(text)) == text
    assert read_dump(write_sql(cluster.tables)) == cluster.tables


@every_cluster
def test_documents_are_written_as_they_were_read(cluster: Cluster) -> None:
    text = (FOLDER / cluster.name / "documents.tsv").read_text()
    assert write_documents(cluster.documents) == text
    assert len(cluster.documents) >= 10


@pytest.mark.parametrize("name", WITH_REPORTS)
def test_reports_and_answers_are_of_the_same_machines(name: str) -> None:
    cluster = CLUSTERS[name]
    lines = (FOLDER / name / "reports.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [write_report(report) for report in cluster.reports.values()]
    assert {machine.serial for machine in cluster.machines.values()} == set(cluster.reports)
    assert set(cluster.machines) == set(cluster.documents)


def test_every_form_that_a_value_may_have_survives() -> None:
    long = base64.b64encode(b"a word\n" * 2000).decode()
    given = {
        "n1": {"a::b": {"list": [{"k": 1}], "text": "tab\tand\nline", "flag": False, "key": "<key>", "none": None}},
        "n2": {"a::b": {"list": [{"k": 1}], "text": "another"}, "a::empty": {}},
        "n3": {"a::b": {"yaml": base64.b64encode(b"---\nx: 1\n").decode(), "word": "abcd" * 8, "long": long}},
    }
    kept = {"n3": {"a::b": {**given["n3"]["a::b"], "long": digest(long)}}}
    assert read_documents(write_documents(given)) == given | kept


def test_a_hosts_file_is_kept_without_comments() -> None:
    hosts = base64.b64encode(b"# made by\n192.0.2.1\tone one.example.com # a node\n\n").decode()
    kept = read_documents(write_documents({"n1": {"a": {"etc_hosts": hosts}}}))["n1"]["a"]["etc_hosts"]
    assert base64.b64decode(kept) == b"192.0.2.1 one one.example.com\n"


def test_a_recorded_cluster_is_kept_by_one_command(tmp_path: Path) -> None:
    cluster = CLUSTERS["converged"]
    (tmp_path / "dump.sql").write_text(cluster.sql)
    (tmp_path / "documents.json").write_text(json.dumps(cluster.documents))
    keep(tmp_path / "again", str(tmp_path / "dump.sql"), str(tmp_path / "documents.json"))
    for path in (FOLDER / cluster.name).iterdir():
        assert (tmp_path / "again" / path.name).read_text() == path.read_text()


def test_the_importer_reads_the_configuration_that_is_kept(tmp_path: Path) -> None:
    told = configuration.recorded()
    told.write(tmp_path)
    conf = parse_conf((tmp_path / "openstack-cluster-installer.conf").read_text())
    assert {name: set(rows) for name, rows in conf.items()} == {name: set(rows) for name, rows in told.conf.items()}
    assert set(read_repositories(tmp_path / "repos")) == {(one.family, one.name) for one in told.repositories}


@pytest.mark.parametrize("version", facts.VERSIONS)
def test_every_version_has_settings_and_classes(version: str) -> None:
    assert {table: len(rows) > 20 for table, rows in facts.settings(version).items()} == {
        "clusters": True,
        "machines": True,
    }
    assert len(facts.signatures(version).classes) > 20
