"""A clone is all that the project needs: nothing in it refers to a folder beside it."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def tracked() -> list[Path]:
    """Every file that a clone has, relative to its root."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [Path(name) for name in listed.split("\0") if name and (ROOT / name).exists()]


FILES = tracked()

_CLIMBS = re.compile(r"(?:\.\./)+(?=\w)")


def folders_up(module: str) -> Iterator[tuple[int, int]]:
    """Line, and how many folders up from its own file, of every expression that begins at ``Path(__file__)``."""
    for node in ast.walk(ast.parse(module)) if "__file__" in module else ():
        text = ast.unparse(node) if isinstance(node, ast.Attribute | ast.Subscript) else ""
        if found := re.fullmatch(
            r"Path\(__file__\)(?:\.resolve\(\)|\.absolute\(\))?((?:\.parent)+|\.parents\[(\d+)\])", text
        ):
            yield node.lineno, int(found[2]) + 1 if found[2] else found[1].count(".parent")


def test_no_module_looks_outside() -> None:
    modules = [path for path in FILES if path.suffix == ".py"]
    assert len(modules) > 300
    outside = [
        f"{path}:{line}"
        for path in modules
        for line, up in folders_up((ROOT / path).read_text())
        if up > len(path.parts)
    ]
    assert outside == []


def test_no_other_file_names_one_outside() -> None:
    found = []
    for path in FILES:
        if path.suffix != ".py" and (text := text_of(ROOT / path)) is not None:
            found += [(str(path), up[0]) for up in _CLIMBS.finditer(text) if up[0].count("/") >= len(path.parts)]
    assert found == []


def test_no_link_leads_outside() -> None:
    assert [path for path in FILES if not (ROOT / path).resolve().is_relative_to(ROOT.resolve())] == []


def text_of(path: Path) -> str | None:
    try:
        return path.read_text()
    except (UnicodeDecodeError, IsADirectoryError):  # an archive; a link to a folder
        return None


@pytest.mark.parametrize(
    ("module", "up"),
    [
        ("ROOT = Path(__file__).parents[2] / 'data'", 3),
        ("ROOT = Path(__file__).resolve().parent.parent / 'data'", 2),
        ("ROOT = Path(__file__).parent", 1),
        ("ROOT = Path(__name__).parents[9]; __file__", 0),
    ],
)
def test_what_looks_outside_is_found(module: str, up: int) -> None:
    assert max((up for _, up in folders_up(module)), default=0) == up
