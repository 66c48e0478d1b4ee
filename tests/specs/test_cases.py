"""One folder per mistake: the tree, and what is said about it. ``GOLDEN=overwrite pytest`` rewrites the answers."""

import os
from pathlib import Path

import pytest

from reconciler.render.diagnostics import render_text
from reconciler.specs.settings_table import load_table
from reconciler.specs.validate import validate

CASES = sorted(path for path in (Path(__file__).parent / "cases").iterdir() if path.is_dir())


def files_of(case: Path) -> dict[str, bytes]:
    return {path.relative_to(case).as_posix(): path.read_bytes() for path in case.rglob("*.yaml")}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_mistake_is_explained(case: Path) -> None:
    loaded = validate(files_of(case), settings_table=load_table(), module_versions=("43.0.10", "43.0.45"))
    got = render_text(loaded.problems, loaded.sources) or "No problems.\n"
    expected = case / "diagnostics.txt"
    if os.environ.get("GOLDEN") == "overwrite":
        expected.write_text(got)
    assert got == expected.read_text(), f"{expected} differs; GOLDEN=overwrite rewrites it"


def test_there_are_enough_cases() -> None:
    assert len(CASES) >= 40
