"""Who may import whom, what stays pure, and how large a module may grow: a test, not a wish."""

import ast
import graphlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "reconciler"

MAY_IMPORT: dict[str, set[str]] = {
    "model": set(),
    "specs": {"model"},
    "hardware": {"model"},
    "planning": {"model"},
    "enc": {"model", "hardware", "planning"},
    "provisioning": {"model"},
    "render": {"model"},
    "execution": {"model", "provisioning"},
    "store": {"model", "execution"},
    "server": {"model", "hardware", "render"},
    "oci_import": {"model", "hardware", "store"},
    "simulator": {"model", "hardware", "provisioning", "execution", "specs", "app"},
}
"""Packages not named here (the command line, the daemon: composition) may import everything."""

PURE = {"model", "hardware", "planning", "enc", "provisioning", "render"}
DOES_IO = {
    "asyncio", "asyncssh", "fastapi", "git", "httpx", "logging", "os", "pathlib", "pyghmi", "random", "requests",
    "secrets", "shutil", "socket", "sqlalchemy", "sqlite3", "structlog", "subprocess", "tempfile", "threading",
    "time", "urllib",
}  # fmt: skip
READS_A_CLOCK = {"now", "utcnow", "today", "uuid4", "open"}

MAX_LINES = 400
LONGER: dict[str, int] = {}
"""Modules that may be longer, with their limit: tables only."""

MODULES = sorted(ROOT.glob("**/*.py"))


def package_of(path: Path) -> str:
    parts = path.relative_to(ROOT).parts
    return parts[0] if len(parts) > 1 else ""


def imports(path: Path) -> tuple[set[str], set[str]]:
    """Our packages, and others' top-level names, that a module imports."""
    ours, others = set(), set()
    here = path.relative_to(ROOT.parent).with_suffix("").parts
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            others |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level:
            base = here[: len(here) - node.level] + tuple((node.module or "").split(".") if node.module else ())
            names = [base] if len(base) > 1 else [(*base, alias.name) for alias in node.names]
            ours |= {name[1] for name in names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            top, _, rest = node.module.partition(".")
            (ours if top == "reconciler" else others).add(rest.partition(".")[0] if top == "reconciler" else top)
    return ours, others


LAYERED = [path for path in MODULES if package_of(path) in MAY_IMPORT]


@pytest.mark.parametrize("path", LAYERED, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_down(path: Path) -> None:
    package = package_of(path)
    ours, others = imports(path)
    assert ours - {""} <= MAY_IMPORT[package] | {package}
    if package in PURE:
        assert others & DOES_IO == set()


@pytest.mark.parametrize("path", [p for p in MODULES if package_of(p) in PURE], ids=lambda p: str(p.relative_to(ROOT)))
def test_pure_packages_ask_nobody(path: Path) -> None:
    asked = {
        name
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and (name := getattr(node.func, "attr", getattr(node.func, "id", ""))) in READS_A_CLOCK
    }
    assert asked == set()


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_modules_fit_in_a_head(path: Path) -> None:
    limit = LONGER.get(str(path.relative_to(ROOT)), MAX_LINES)
    assert len(path.read_text().splitlines()) <= limit


HIDDEN = {("importing", "racking"): ("importing", "files")}
"""An import for types alone that closes a circle: to be done without."""


def imported(path: Path) -> set[tuple[str, ...]]:
    """Our modules that a module imports, at its top, for types alone, or where it needs them."""
    folder, found = path.relative_to(ROOT).parent.parts, set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = (*folder[: len(folder) - node.level + 1], *(node.module or "").split("."))
            base = tuple(part for part in base if part)
            found |= {(*base, alias.name) if (*base, alias.name) in NAMES else base for alias in node.names}
    return found & NAMES


def name_of(path: Path) -> tuple[str, ...]:
    return tuple(part for part in path.relative_to(ROOT).with_suffix("").parts if part != "__init__")


NAMES = {name_of(path) for path in MODULES}


def test_no_modules_need_each_other() -> None:
    needs = {name_of(path): imported(path) - {name_of(path)} for path in MODULES}
    for module, other in HIDDEN.items():
        needs[module].discard(other)
    graphlib.TopologicalSorter(needs).prepare()
