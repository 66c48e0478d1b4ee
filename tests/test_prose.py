"""Sentences are for people: no code compares one, or looks for something in it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "reconciler"

SENTENCES = {
    "because", "conflict", "detail", "doubt", "enc_problem", "error", "last_error", "lost_system", "observing", "on",
    "problem", "summary", "text", "unclear_disks", "why",
}  # fmt: skip
"""Fields that hold sentences: of steps, failures, diagnostics, decisions, and of what does not work."""

LOOKS_INSIDE = {
    "casefold", "count", "endswith", "find", "index", "isdigit", "lower", "partition", "removeprefix", "removesuffix",
    "replace", "rfind", "rpartition", "rsplit", "split", "startswith",
}  # fmt: skip

MAY_COMPARE = {
    "app/health.py": "what is told already is no news",
    "app/spec_source.py": "what is told already is no news",
    "planning/install.py": "``on`` is the disk of a Finding",
    "store/migrations/versions/0006_pauses_of_imports.py": "databases of before have nothing but the sentence",
}


def is_sentence(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and node.attr in SENTENCES


def decided_by_sentences(tree: ast.AST) -> Iterator[int]:
    """Lines on which a sentence is compared, cut, or looked into."""
    for node in ast.walk(tree):
        match node:
            case ast.Compare(ops=ops):
                known = all(isinstance(each, ast.Is | ast.IsNot) for each in ops)  # whether there is one
                if not known and any(map(is_sentence, (node.left, *node.comparators))):
                    yield node.lineno
            case ast.Call(func=ast.Attribute(attr=name, value=value)) if name in LOOKS_INSIDE and is_sentence(value):
                yield node.lineno
            case ast.Call(func=ast.Attribute(attr="match" | "search" | "fullmatch" | "findall"), args=arguments):
                if any(map(is_sentence, arguments)):
                    yield node.lineno
            case ast.Subscript(value=value) if is_sentence(value):
                yield node.lineno


def test_no_code_compares_a_sentence_or_looks_into_it() -> None:
    found: dict[str, list[int]] = {}
    for path in sorted(ROOT.rglob("*.py")):
        if lines := [*decided_by_sentences(ast.parse(path.read_text()))]:
            found[str(path.relative_to(ROOT))] = lines
    assert found.keys() == MAY_COMPARE.keys(), found
    assert all(len(lines) == 1 for lines in found.values()), found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('step.on.startswith("an operator")', True),
        ('step.because == "in service"', True),
        ("problem.summary in UNREAD", True),
        ("pattern.search(step.because)", True),
        ("wait.on.split(': ')[0]", True),
        ("m.history.failures.error[:40]", True),
        ("step.because is not None", False),
        ("step.reason is Reason.DRIFT", False),
        ('f"{step.because}; then"', False),
    ],
)
def test_a_sentence_that_decides_is_found(text: str, found: bool) -> None:
    assert bool([*decided_by_sentences(ast.parse(text))]) is found
