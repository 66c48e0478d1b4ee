"""What operators added to OCI's folder: it comes along, or is told."""

from pathlib import Path

import pytest

from reconciler.cli.app import run
from reconciler.model.settings import SettingsTable
from reconciler.oci_import.file_io import read_extras
from reconciler.oci_import.files import OciFiles, tree_from_files
from reconciler.oci_import.operator_files import Extras, overlays, telemetry

from .test_files import valid

NTP = "   ntp:\n      servers: [0.pool.ntp.org]\n"
FILES = {
    "pollsters.d/switch.yaml": "- name: switch.port\n  sample_type: gauge\n",
    "pollsters.d/broken.yaml": "nothing: here\n",
    "gnocchi_resources.yaml": "resources: []\n",
    "metrics.yml": "metrics: {}\n",
    "hosts_append": "192.0.2.7 ldap.example.com\n",
    "hiera/all.yaml": NTP,
    "hiera/roles/controller.yaml": "   sudo: {}\n   oci::controller:\n      region_name: x\n",
    "hiera/clusters/cl1/nodes/cl1-compute-1.example.com.yaml": "   ntp:\n      servers: [192.0.2.9]\n",
    "hiera/README.yaml": "   ignored: {}\n",
}


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / "etc" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "etc"


def test_files_for_nodes_stand_in_the_fleet(etc: Path, table: SettingsTable) -> None:
    tree = tree_from_files(OciFiles(extras=read_extras(etc)), table)
    fleet = valid(tree, table).fleet
    assert dict(fleet.telemetry.pollsters) == {"switch.yaml": FILES["pollsters.d/switch.yaml"]}
    assert fleet.telemetry.gnocchi_resources == FILES["gnocchi_resources.yaml"]
    assert fleet.telemetry.cloudkitty_metrics == FILES["metrics.yml"]
    assert fleet.hosts == FILES["hosts_append"]
    assert "pollsters.d/broken.yaml names no pollster in its first entry" in tree.leftover


def test_hiera_becomes_overlays_of_the_same_reach(etc: Path) -> None:
    found, leftover = overlays(read_extras(etc), frozenset({"oci::controller"}), ["cl1"])
    assert {document.name: dict(document.spec) for document in found} == {
        "hiera-all": {"classes": {"ntp": {"servers": ["0.pool.ntp.org"]}}},
        "hiera-controller": {"for": {"roles": ["controller"]}, "classes": {"sudo": {}}},
        "hiera-cl1-cl1-compute-1": {
            "for": {"clusters": ["cl1"], "nodes": ["cl1-compute-1.example.com"]},
            "classes": {"ntp": {"servers": ["192.0.2.9"]}},
        },
    }
    assert [line.split(":")[0] for line in leftover] == [
        "hiera/README.yaml",
        "hiera/roles/controller.yaml",
        "ntp is in hiera/all.yaml, hiera/clusters/cl1/nodes/cl1-compute-1.example.com.yaml",
    ]


@pytest.mark.parametrize("text", ["   [broken", "   just words\n", "   ntp: 5\n"])
def test_hiera_that_holds_no_classes_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match=r"hiera/all\.yaml"):
        overlays(Extras(hiera={"all.yaml": text}), frozenset(), ())


def test_nothing_gives_nothing() -> None:
    assert telemetry(Extras()) == ({}, [])
    assert overlays(Extras(), frozenset(), ()) == ([], [])


def test_the_folder_stands_for_all_options_that_were_not_given(etc: Path, config: Path, tmp_path: Path) -> None:
    for path in config.iterdir():
        (etc / path.name).symlink_to(path)
    output = tmp_path / "specs"
    database = f"sqlite:///{tmp_path}/db"
    assert run(["--database", database, "import", "oci", "--etc", str(etc), "--output", str(output)]) == 0
    assert {"overlays", "profiles", "repositories", "racking.yaml", "fleet.yaml"} <= {p.name for p in output.iterdir()}
