"""A version is added to the reference by one command, and what is as it was keeps its line."""

import json
from pathlib import Path

import pytest

from . import facts
from .facts import FOLDER
from .versions import Row, added, variables

FILES = ("settings.tsv", "signatures.tsv")


def rows_of(text: str, version: str) -> list[Row]:
    lines = [line.split("\t") for line in text.splitlines()[1:]]
    return [tuple(fields) for *fields, versions in lines if version in versions.split()]


@pytest.mark.parametrize("version", facts.VERSIONS)
@pytest.mark.parametrize("name", FILES)
def test_a_version_that_is_taken_out_and_added_again_leaves_the_file_as_it_was(name: str, version: str) -> None:
    text = (FOLDER / name).read_text()
    without = added(text, version, ())
    assert rows_of(without, version) == []
    assert added(without, version, rows_of(text, version)) == text


def test_a_version_that_says_otherwise_gets_lines_of_its_own() -> None:
    text = "class\tparameter\tdefault\tversions\na\t\t\t9.9 10.1\na\tone\tundef\t9.9 10.1\na\ttwo\t2\t9.9\n"
    assert added(text, "10.0", [("a", "", ""), ("a", "one", "1"), ("a", "two", "2")]) == (
        "class\tparameter\tdefault\tversions\na\t\t\t9.9 10.0 10.1\na\tone\t1\t10.0\na\tone\tundef\t9.9 10.1\n"
        "a\ttwo\t2\t9.9 10.0\n"
    )


def test_variables_are_read_as_oci_ships_them(tmp_path: Path) -> None:
    (tmp_path / "variables.json").write_text(
        json.dumps(
            {
                "machines": {"depth": {"type": "int", "default": 3, "description": "?", "roles": ["sql", "dns"]}},
                "clusters": {"name": {"type": "string", "description": "?"}},
            }
        )
    )
    assert variables(tmp_path / "variables.json") == [
        ("machines", "depth", "int", "3", "sql dns"),
        ("clusters", "name", "string", "", ""),
    ]
