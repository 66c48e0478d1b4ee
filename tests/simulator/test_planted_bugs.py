"""Every planted bug can be planted: it is a patch of a few lines of the program as it is, and of no simulator."""

import shutil
import subprocess
from pathlib import Path

import pytest

from .planted_bugs import ROOT, Bug, bugs


@pytest.mark.parametrize("bug", bugs(), ids=lambda bug: bug.name)
def test_it_is_a_patch_of_a_few_lines_of_the_program(bug: Bug, tmp_path: Path) -> None:
    assert bug.why.endswith(".")
    assert bug.changes
    for name in bug.changes:
        assert name.startswith("reconciler/") and not name.startswith("reconciler/simulator/")
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    subprocess.run(["git", "apply", "--check", str(bug.path)], cwd=tmp_path, check=True)
    lines = bug.path.read_text().splitlines()
    assert sum(line[:1] in "+-" and line[:3] not in ("+++", "---") for line in lines if line) <= 20


def test_there_are_at_least_ten() -> None:
    assert len(bugs()) >= 10
