"""The first lines of modules as an index: a reader of them alone finds the right module."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
MODULES = sorted(path for folder in ("reconciler", "bench") for path in (ROOT / folder).rglob("*.py"))

_NO_SUBJECT = re.compile(r"(?:what|which|whether|how|when|where|who|why|as|the same)\b", re.IGNORECASE)
"""Words at the beginning of a line that names no subject: a question's, or those that lean on a neighbour."""


def first_line(path: Path) -> str:
    return (ast.get_docstring(ast.parse(path.read_text())) or "").partition("\n")[0]


def test_the_first_line_of_a_module_names_its_subject() -> None:
    first_lines = {str(path.relative_to(ROOT)): first_line(path) for path in MODULES}
    assert [f"{path}: {line}" for path, line in first_lines.items() if _NO_SUBJECT.match(line)] == []
