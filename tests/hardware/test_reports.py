"""Case folders: ``reports/<case>/report.json`` with what it says in ``hardware.json``, or why it is refused in
``error.txt``. ``GOLDEN=overwrite pytest`` writes the expectation anew, for review in the diff.
"""

import json
import os
from dataclasses import asdict
from pathlib import Path

import pytest

from reconciler.hardware.report import ReportError, parse_report

CASES = sorted(path for path in (Path(__file__).parent / "reports").iterdir() if path.is_dir())


def expect_text(path: Path, got: str) -> None:
    if os.environ.get("GOLDEN") == "overwrite":
        path.write_text(got)
    assert got == path.read_text(), f"{path} differs; GOLDEN=overwrite rewrites it"


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.name)
def test_a_report_says_this_or_is_refused_for_that(case: Path) -> None:
    try:
        hardware = parse_report((case / "report.json").read_bytes())
    except ReportError as error:
        expect_text(case / "error.txt", f"{error}\n")
        assert not (case / "hardware.json").exists()
        return
    expect_text(case / "hardware.json", json.dumps(asdict(hardware), indent=1) + "\n")
    assert not (case / "error.txt").exists()


def test_there_are_cases_of_both_sorts() -> None:
    refused = [case for case in CASES if (case / "error.txt").exists()]
    assert len(refused) >= 20
    assert len(CASES) - len(refused) >= 15
