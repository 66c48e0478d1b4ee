"""Every document of the recorded clusters beside what the real OCI 43.0.45 gave, compared by the shared tool."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from .oci_golden_more import Recorded

CORRECTIONS = Path(__file__).parent / "corrections.tsv"
DIFFERENCE = re.compile(r"\S+ (\S+) (\S+): ")
TOTALS = (
    r"(\d+)/{total} equal .*, (\d+) corrected on purpose, 0 missing, (\d+) different, \d+ extra, 0 nodes without .*"
)


@pytest.mark.parametrize(
    ("shape", "parameters", "different"),
    [("a_swift_only", 1769, 0), ("c_compute_ceph", 2409, 14), ("g_bgp_dns_sql", 3748, 43)],
)
def test_every_parameter_is_what_oci_gives_or_a_correction(
    shared: Path, tmp_path: Path, shape: str, parameters: int, different: int
) -> None:
    Recorded(shared, shape).write_documents(tmp_path)
    golden, known = shared / "oci-golden" / shape / "enc.json", shared / "tools/known-corrections.tsv"
    tool = [sys.executable, str(shared / "tools/enc-compare"), str(golden), str(tmp_path), "--known", str(known)]
    *differences, totals = subprocess.run(tool, capture_output=True, text=True, check=False).stdout.splitlines()
    corrected = {found.groups() for line in differences if (found := DIFFERENCE.match(line))}
    assert corrected == corrections(shape), differences
    found = re.fullmatch(f"{shape}: {TOTALS.format(total=parameters)}", totals)
    assert found, totals
    assert tuple(map(int, found.groups())) == (parameters - different, 0, different)


def corrections(shape: str) -> set[tuple[str, str]]:
    """Class and parameter of each row for the shape."""
    rows = (line.split("\t") for line in CORRECTIONS.read_text().splitlines() if not line.startswith("#"))
    return {(puppet_class, parameter) for where, puppet_class, parameter, _ in rows if shape in where.split()}
