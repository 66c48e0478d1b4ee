"""Our documents beside those that the real OCI 43.0.45 gave for three clusters, compared by the shared tool."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from reconciler.enc.compile import compile_node
from reconciler.enc.view import views

from .oci_recorded import Recorded

ROOT = Path(__file__).parents[2]
SHAPES = {"a_swift_only": (1769, 0), "c_compute_ceph": (2409, 14), "g_bgp_dns_sql": (3748, 55)}
"""How many parameters OCI gave in all, and how many of them we correct."""


def compared(recorded: Recorded, folder: Path) -> str:
    """What the tool says of every node's document."""
    expected = recorded.shared / "oci-golden" / recorded.shape / "enc.json"
    corrections = folder / "known.tsv"
    lists = (recorded.shared / "tools/known-corrections.tsv", ROOT / "tools/known-corrections.tsv")
    corrections.write_text("".join(path.read_text() for path in lists))
    tool = [sys.executable, str(recorded.shared / "tools/enc-compare"), str(expected), str(folder)]
    ran = subprocess.run([*tool, "--known", str(corrections)], capture_output=True, text=True, check=False)
    return ran.stdout + ran.stderr


@pytest.mark.parametrize("shape", SHAPES)
def test_every_parameter_is_what_oci_gives_or_a_correction(shared: Path, tmp_path: Path, shape: str) -> None:
    recorded = Recorded(shared, shape)
    recorded.write_documents(tmp_path)
    said = compared(recorded, tmp_path)
    total, corrected = SHAPES[shape]
    assert said.startswith(f"{shape}: {total - corrected}/{total} equal"), said
    nothing_else = "0 missing, 0 different, 0 extra, 0 nodes without a document\n"
    assert said.endswith(f"{corrected} corrected on purpose, {nothing_else}"), said
    assert len(said.splitlines()) == 1, said


@pytest.mark.parametrize("shape", SHAPES)
def test_every_correction_that_is_listed_is_one(shared: Path, shape: str) -> None:
    """A line of the list that corrects nothing any more would hide the next mistake."""
    recorded = Recorded(shared, shape)
    ours: dict[str, dict[str, dict[str, Any]]] = {
        hostname: json.loads(json.dumps(compile_node(view).document["classes"], default=str))
        for hostname, view in views(recorded.given()).items()
    }
    for line in (ROOT / "tools/known-corrections.tsv").read_text().splitlines()[1:]:
        where, puppet_class, parameter, _ = line.split("\t")
        if where == shape:
            pairs = (
                (given[puppet_class].get(parameter), recorded.answers[host].get(puppet_class, {}).get(parameter))
                for host, given in ours.items()
                if puppet_class in given
            )
            assert any(one != other for one, other in pairs), line
