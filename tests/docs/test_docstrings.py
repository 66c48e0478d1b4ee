"""Docstrings and comments name modules of ours, and what is in them, as they are called now."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "reconciler"
MODULES = sorted(ROOT.rglob("*.py"))

NO_MODULES = {"base.html", "bmc.networks", "install.begun"}
"""A template, a key of the Fleet's spec and a field of a history, that begin as a module of ours does."""

_NAMED = re.compile(r"``([a-z]\w*(?:\.\w+)+)(?:\(\))?``")


@cache
def dotted() -> Mapping[str, list[Path]]:
    """Modules and packages by every end of their dotted names: ``commands``, ``provisioning.commands``."""
    found: dict[str, list[Path]] = {}
    for path in MODULES:
        parts = path.relative_to(ROOT).with_suffix("").parts
        parts = parts[:-1] if parts[-1] == "__init__" else parts
        for begin in range(len(parts)):
            found.setdefault(".".join(parts[begin:]), []).append(path)
    return found


@cache
def defined(path: Path) -> frozenset[str]:
    """What a module defines at its top, and the names of fields and methods of its classes."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    made = {node.name for node in nodes if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)}
    return frozenset(
        made | {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    )


def leads_nowhere(name: str) -> bool:
    """Whether a name begins with a module or package of ours, and goes on with nothing that is there."""
    parts = name.split(".")
    known = [end for end in range(len(parts), 0, -1) if ".".join(parts[:end]) in dotted()]
    if not known or known[0] == len(parts) or name in NO_MODULES:
        return False
    return not any(parts[known[0]] in defined(path) for path in dotted()[".".join(parts[: known[0]])])


def named(path: Path) -> Iterator[tuple[int, str]]:
    """Line and name of every dotted name between double backticks."""
    for token in tokenize.generate_tokens(io.StringIO(path.read_text()).readline):
        if token.type in (tokenize.STRING, tokenize.COMMENT):
            yield from ((token.start[0], found) for found in _NAMED.findall(token.string))


def test_modules_and_what_is_in_them_are_named_as_they_are_called() -> None:
    places = [(path, line, name) for path in MODULES for line, name in named(path)]
    assert len(places) > 50
    wrong = [f"{path.relative_to(ROOT)}:{line}: {name}" for path, line, name in places if leads_nowhere(name)]
    assert wrong == []


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("provisioning.commands", False),
        ("commands.LIST_DISKS", False),
        ("model.plan.Timings", False),
        ("model.plan.Moments", True),
        ("provisioning.remote", True),
        ("policy.self_heal", False),
    ],
)
def test_a_name_that_leads_nowhere_is_found(name: str, wrong: bool) -> None:
    assert leads_nowhere(name) is wrong
