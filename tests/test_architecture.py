"""Who may import whom, what stays pure, and how large a function may grow: a test, not a wish."""

import ast
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "reconciler"

MAY_IMPORT: dict[str, set[str]] = {
    "model": set(),
    "specs": {"model"},
    "specs/authority": {"model"},
    "specs/source": {"model", "specs", "specs/authority", "execution/seam"},
    "hardware": {"model"},
    "planning": {"model"},
    "enc": {"model"},
    "enc/documents": {"model", "enc", "hardware", "planning"},
    "provisioning": {"model"},
    "render": {"model"},
    "execution": {"model", "provisioning", "execution/seam"},
    "execution/drivers": {"model", "execution", "execution/seam"},
    "execution/seam": set(),
    "store": {"model", "execution", "execution/seam", "store/secrets"},
    "store/secrets": {"model", "execution/seam"},
    "server": {"model", "hardware", "render", "execution/seam"},
    "app": {
        "model", "specs", "specs/authority", "specs/source", "hardware", "planning", "enc", "enc/documents",
        "provisioning", "render", "execution", "execution/drivers", "execution/seam", "store", "store/secrets",
        "server",
    },
    "oci_import": {"model", "hardware", "store"},
    "simulator": {
        "model", "specs/source", "hardware", "enc/documents", "provisioning", "execution", "execution/drivers",
        "execution/seam", "server", "app",
    },
    "cli": {
        "model", "specs", "specs/source", "hardware", "planning", "enc", "provisioning", "render", "execution/drivers",
        "execution/seam", "store", "store/secrets", "app",
    },
    "": {"cli"},
}  # fmt: skip
"""Each room, and inside some of them a room of its own with a door of its own; "" is the package's root."""

LOADED_WHEN_CALLED = {
    "cli/daemon.py": {"simulator"},
    "cli/importing.py": {"oci_import"},
    "cli/rehearsing.py": {"simulator"},
    "cli/ring_import.py": {"oci_import"},
}
"""Commands that load what stands beside the twelve rooms, inside the function that is called."""

PURE = {"model", "specs/authority", "hardware", "planning", "enc", "enc/documents", "provisioning", "render"}
DOES_IO = {
    "asyncio", "asyncssh", "fastapi", "git", "httpx", "logging", "os", "pathlib", "pyghmi", "random", "requests",
    "secrets", "shutil", "socket", "sqlalchemy", "sqlite3", "structlog", "subprocess", "tempfile", "threading",
    "time", "urllib",
}  # fmt: skip
READS_A_CLOCK = {"now", "utcnow", "today", "uuid4", "open"}

SEAM = "execution/seam"
GOES_AROUND = re.compile(
    r"time\.\w+|random\.\w+|secrets\.\w+|os\.(getrandom|urandom)|uuid\.uuid[14]|datetime\.(datetime\.)?(now|today|utcnow)"
    r"|date\.today|asyncio\.to_thread|.*\.run_in_executor|(anyio|fastapi|starlette)\..*(to_thread|threadpool).*"
    r"|threading\.(Thread|Timer)|.*\brandom_serial_number|.*\.rsa\.generate_private_key|socket\.gethostname"
)
"""Names of what differs from run to run, as they are written where they are used."""
MAY_GO_AROUND = {
    "cli/adopt.py": {"socket.gethostname"},  # compares hosts, of a lease with its own
    "cli/importing.py": {"socket.gethostname"},  # of OCI's server, which the import is told or runs on
    "simulator/chance.py": {"random.Random"},  # where all chance of a simulation is from
}
"""Modules that may, with the reason: none of them does so in a simulation, but for the one that draws its chance."""
_RSA = "cryptography.hazmat.primitives.asymmetric.rsa"

MAX_LINES = 40
"""Of a function's body: parameters and docstring are read, or skipped, on their own."""

MAX_LINES_BY_ROOM = {"planning": 25}
"""Of a function's body in rooms where less is allowed: a rule is read as one list of cases, in their order."""

LONGER = {
    "provisioning/commands.py:install_script": 80,
    "render/machines.py:_summary": 50,
    "store/migrations/versions/0001_journal_machines_records.py:upgrade": 120,
}
"""Functions that may be longer, with their limit, as ``module.py:function``: tables, and texts for machines, only."""

MAX_LINES_WITHOUT_DOCSTRING = 12
"""Of a private function's body. Public functions have one whatever their size, which ruff holds."""

LACK_A_DOCSTRING = {
    "app/watch_puppet.py:PuppetWatch._ask",
    "oci_import/save.py:_machines",
    "oci_import/save.py:_places",
    "planning/phases.py:_boot_live",
    "planning/phases.py:_enrolled",
    "planning/phases.py:_installed",
    "provisioning/raid/dialects.py:MegaCli._words",
    "provisioning/raid/dialects.py:StorCli._words",
    "provisioning/raid/megacli.py:_disks",
}
"""Private functions that still have to get one: the list only ever becomes shorter."""

MAX_PARAMETERS = 5
"""Of a function, without ``self`` and ``cls``; commands have one for each of their options."""

HAVE_MORE_PARAMETERS = {"oci_import/save.py:_places", "oci_import/save.py:_secrets"}
"""Functions whose parameters still have to be grouped: the list only ever becomes shorter."""

MAX_NESTING = 3
"""Statements with a block of their own around one line, within one function."""

SHARED_NAMES = {"Approval", "Release"}
"""Class names that two have, as they are both published: in a schema or in OpenAPI."""

MODULES = sorted(ROOT.glob("**/*.py"))

Function = ast.FunctionDef | ast.AsyncFunctionDef
BLOCKS = (
    ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try, ast.TryStar, ast.Match
)  # fmt: skip


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def room_of(path: Path) -> str:
    """The innermost room that a module, or a package as its folder, is in."""
    parts = path.relative_to(ROOT).parts
    folder = parts if path.is_dir() else parts[:-1]
    inside = "/".join(folder[:2])
    return inside if inside in MAY_IMPORT else "/".join(folder[:1])


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def _file(dotted: tuple[str, ...]) -> Path | None:
    """The module or package of ours with this name."""
    path = ROOT.parent.joinpath(*dotted)
    if path.with_suffix(".py").is_file():
        return path.with_suffix(".py")
    return path / "__init__.py" if (path / "__init__.py").is_file() else None


def _imported(node: ast.ImportFrom, here: tuple[str, ...]) -> Iterator[Path]:
    base = here[: len(here) - node.level] if node.level else ()
    base += tuple(node.module.split(".")) if node.module else ()
    for alias in node.names:
        if found := _file((*base, alias.name)) or _file(base):
            yield found


def _ours(tree: ast.AST, path: Path) -> Iterator[Path]:
    """Modules of ours that the module at ``path`` imports somewhere in ``tree``."""
    here = path.relative_to(ROOT.parent).with_suffix("").parts
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (found for alias in node.names if (found := _file(tuple(alias.name.split(".")))))
        elif isinstance(node, ast.ImportFrom):
            yield from _imported(node, here)


def _others(tree: ast.AST) -> Iterator[str]:
    """Top-level names of others' modules that are imported somewhere in ``tree``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield (node.module or "").partition(".")[0]


def when_loaded(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements that run when a module is loaded, those below an ``if`` or ``try`` too, but for types."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            yield from when_loaded(node.orelse)
        elif inner := [each for each in ast.iter_child_nodes(node) if isinstance(each, ast.stmt | ast.ExceptHandler)]:
            yield from when_loaded(each for each in inner if isinstance(each, ast.stmt))
            yield from when_loaded(one for each in inner if isinstance(each, ast.ExceptHandler) for one in each.body)
        else:
            yield node


@cache
def imports(path: Path) -> tuple[frozenset[Path], frozenset[str]]:
    """Modules of ours, and others' top-level names, that a module imports: wherever it does, and for types too."""
    tree = parsed(path)
    return frozenset(set(_ours(tree, path)) - {path}), frozenset(set(_others(tree)) - {"reconciler"})


@pytest.mark.parametrize(
    ("text", "at_once"),
    [
        ("import reconciler.app.site", True),
        ("import os, reconciler.app.site as site", True),
        ("from reconciler.app.site import Site", True),
        ("from reconciler.app import site", True),
        ("from ..app.site import Site", True),
        ("from ..app import site", True),
        ("if os:\n    pass\nelse:\n    from ..app import site", True),
        ("try:\n    pass\nexcept OSError:\n    from ..app import site", True),
        ("class A:\n    from ..app import site", True),
        ("def f():\n    import reconciler.app.site", False),
        ("if TYPE_CHECKING:\n    from ..app import site", False),
    ],
)
def test_an_import_is_seen_however_it_is_written(text: str, at_once: bool) -> None:
    planner, site = ROOT / "planning/planner.py", ROOT / "app/site.py"
    assert set(_ours(ast.parse(text), planner)) == {site}
    assert set(_ours(ast.Module([*when_loaded(ast.parse(text).body)], []), planner)) == ({site} if at_once else set())


def test_nothing_is_loose_at_the_root() -> None:
    assert {path.name for path in ROOT.glob("*.py")} == {"__init__.py", "__main__.py"}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_point_down(path: Path) -> None:
    room = room_of(path)
    assert room in MAY_IMPORT, f"{room} has no row in MAY_IMPORT: say there what it may import"
    ours, others = imports(path)
    allowed = MAY_IMPORT[room] | {room} | LOADED_WHEN_CALLED.get(name_of(path), set())
    wrong = {name_of(other) for other in ours if room_of(other) not in allowed | {""}}
    assert not wrong, f"{room} may not import {', '.join(sorted(wrong))}"
    if room in PURE:
        assert others & DOES_IO == set()


@pytest.mark.parametrize("path", [ROOT / name for name in LOADED_WHEN_CALLED], ids=name_of)
def test_what_stands_beside_is_loaded_when_a_command_is_called(path: Path) -> None:
    beside = LOADED_WHEN_CALLED[name_of(path)]
    at_once = ast.Module([*when_loaded(parsed(path).body)], [])
    assert not [found for found in _ours(at_once, path) if room_of(found) in beside]


def test_the_rooms_have_an_order() -> None:
    outer = {room.partition("/")[0]: set[str]() for room in MAY_IMPORT}
    for room, below in MAY_IMPORT.items():
        outer[room.partition("/")[0]] |= {other.partition("/")[0] for other in below} - {room.partition("/")[0]}
    tuple(TopologicalSorter(outer).static_order())  # raises on a circle


def test_no_modules_import_each_other_in_a_circle() -> None:
    try:
        tuple(TopologicalSorter({path: imports(path)[0] for path in MODULES}).static_order())
    except CycleError as circle:
        pytest.fail(f"a circle: {' <- '.join(name_of(path) for path in circle.args[1])}")


@pytest.mark.parametrize("path", [p for p in MODULES if room_of(p) in PURE], ids=name_of)
def test_pure_rooms_ask_nobody(path: Path) -> None:
    asked = {
        name
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Call)
        and (name := getattr(node.func, "attr", getattr(node.func, "id", ""))) in READS_A_CLOCK
    }
    assert asked == set()


def _dotted(node: ast.expr) -> str:
    """The name behind an expression: of ``datetime.now`` the same, of a call's attribute only its own behind dots."""
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else "?"


def _origins(tree: ast.AST) -> dict[str, str]:
    """What a module calls names of others: ``now``: ``time.monotonic`` of "from time import monotonic as now"."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.asname or alias.name: alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {alias.asname or alias.name: "ours" for alias in node.names}
    return found


def goes_around(tree: ast.AST) -> set[str]:
    """What a module uses of what differs from run to run, by whatever name it imported that."""
    origins, used = _origins(tree), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Name):
            first, _, rest = _dotted(node).partition(".")
            name = ".".join(filter(None, (origins.get(first, "?"), rest)))
            used |= {name} if GOES_AROUND.fullmatch(name) else set()
    return used


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("import time\ntime.sleep(1)", {"time.sleep"}),
        ("from time import monotonic as now\nx = now", {"time.monotonic"}),
        ("import random as r\nr.Random(1).choice('ab')", {"random.Random"}),
        ("from datetime import datetime\ndatetime.now(UTC)", {"datetime.datetime.now"}),
        ("import datetime\ndatetime.datetime.now()", {"datetime.datetime.now"}),
        ("from uuid import uuid4\nuuid4()", {"uuid.uuid4"}),
        ("import asyncio\nasyncio.to_thread(f)", {"asyncio.to_thread"}),
        ("asyncio.get_running_loop().run_in_executor(None, f)", {"?.run_in_executor"}),
        ("from starlette.x import run_in_threadpool\nrun_in_threadpool(f)", {"starlette.x.run_in_threadpool"}),
        (f"import {_RSA} as rsa\nrsa.generate_private_key(3, 9)", {f"{_RSA}.generate_private_key"}),
        ("from . import secrets\nsecrets.passwords()", set()),
        ("tools.time.sleep(1)", set()),
        ("self.now()", set()),
    ],
)  # fmt: skip
def test_what_goes_around_the_seam_is_seen_however_it_is_imported(text: str, found: set[str]) -> None:
    assert goes_around(ast.parse(text)) == found


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_clocks_chance_and_threads_come_through_the_seam(path: Path) -> None:
    if room_of(path) != SEAM:
        assert goes_around(parsed(path)) == MAY_GO_AROUND.get(name_of(path), set())


def functions(tree: ast.AST, within: str = "") -> Iterator[tuple[str, Function]]:
    """Every function of a module, those within classes and functions too, by its dotted name."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, Function):
            yield f"{within}{node.name}", node
        inner = f"{within}{node.name}." if isinstance(node, Function | ast.ClassDef) else within
        yield from functions(node, inner)


def lines_of(function: Function) -> int:
    body = function.body[ast.get_docstring(function) is not None :] or function.body
    return (function.end_lineno or 0) - body[0].lineno + 1


def parameters_of(function: Function) -> int:
    given = function.args
    names = [each.arg for each in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
    return len(names) - (names[:1] in (["self"], ["cls"]))


def nesting_of(node: ast.AST) -> int:
    """How many blocks are around the innermost line; an ``elif`` is beside its ``if``, a function begins anew."""
    deepest = 0
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Function | ast.ClassDef):
            continue
        is_elif = isinstance(node, ast.If) and isinstance(child, ast.If) and node.orelse == [child]
        deepest = max(deepest, nesting_of(child) + (isinstance(child, BLOCKS) and not is_elif))
    return deepest


def is_private(name: str) -> bool:
    """Whether a function is private, or within something private; a special method is neither."""
    return not name.endswith("__") and any(part.startswith("_") for part in name.split("."))


def commands_of(tree: ast.AST) -> set[str]:
    """Names of the functions that a module registers as commands."""
    return {
        ast.unparse(argument)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Call)
        if getattr(node.func.func, "attr", "") == "command"
        for argument in node.args
    }


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_functions_fit_on_a_screen(path: Path) -> None:
    for name, function in functions(parsed(path)):
        limit = MAX_LINES_BY_ROOM.get(room_of(path), MAX_LINES)
        limit = LONGER.get(f"{name_of(path)}:{function.name}", limit)
        assert lines_of(function) <= limit, f"{name_of(path)}:{name} has {lines_of(function)} lines, of {limit}"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_longer_private_function_has_a_docstring(path: Path) -> None:
    without = {
        f"{name_of(path)}:{name}"
        for name, function in functions(parsed(path))
        if is_private(name) and ast.get_docstring(function) is None
        if lines_of(function) > MAX_LINES_WITHOUT_DOCSTRING
    }
    assert without - LACK_A_DOCSTRING == set()


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_functions_have_few_parameters(path: Path) -> None:
    commands = commands_of(parsed(path)) if room_of(path) == "cli" else set()
    many = {
        f"{name_of(path)}:{name}"
        for name, function in functions(parsed(path))
        if name not in commands and parameters_of(function) > MAX_PARAMETERS
    }
    assert many - HAVE_MORE_PARAMETERS == set(), "what belongs together is a frozen dataclass"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_functions_nest_three_levels_deep(path: Path) -> None:
    deep = {name for name, function in functions(parsed(path)) if nesting_of(function) > MAX_NESTING}
    assert deep == set()


@pytest.mark.parametrize(
    ("text", "measured"),
    [
        ("def f(): return 1", (1, 0, 0)),
        ('def f(a):\n    """One.\n\n    Two.\n    """\n    b = a\n    return b', (2, 1, 0)),
        ("def f(self, a, /, b, *more, c, **rest): ...", (1, 3, 0)),
        ("async def f(cls):\n    async with a:\n        async for b in c:\n            await b", (3, 0, 2)),
        ("def f():\n    if a:\n        b\n    elif c:\n        d\n    else:\n        e", (6, 0, 1)),
        ("def f():\n    if a:\n        b\n    else:\n        if c:\n            d\n        e", (6, 0, 2)),
        ("def f():\n    match a:\n        case 1:\n            while b:\n                c", (4, 0, 2)),
        ("def f():\n    try:\n        a\n    except E:\n        with b:\n            c", (5, 0, 2)),
        ("def f():\n    if a:\n        def g():\n            for b in c: d\n        return g", (4, 0, 1)),
    ],
)
def test_lines_parameters_and_nesting_are_measured(text: str, measured: tuple[int, int, int]) -> None:
    _, function = next(functions(ast.parse(text)))
    assert (lines_of(function), parameters_of(function), nesting_of(function)) == measured


@pytest.mark.parametrize(
    ("name", "private"), [("f", False), ("_f", True), ("A._f", True), ("_A.f", True), ("_A.__init__", False)]
)
def test_what_is_within_something_private_is_private(name: str, private: bool) -> None:
    assert is_private(name) is private


def test_a_command_is_known_by_its_registration() -> None:
    registers = "def register(app):\n    app.command()(plan)\n    app.command(cls=Listing)(clusters)\n    note(other)"
    assert commands_of(ast.parse(registers)) == {"plan", "clusters"}


def types_of(tree: ast.Module) -> Iterator[str]:
    """Names of classes, and of aliases of types: assigned at the top of a module, and written as classes are."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            yield node.name.lstrip("_")
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        for target in targets:
            if isinstance(target, ast.Name) and re.fullmatch(r"_*[A-Z]\w*[a-z]\w*", target.id):
                yield target.id.lstrip("_")


def test_no_class_name_occurs_twice() -> None:
    names = Counter(name for path in MODULES for name in types_of(parsed(path)))
    assert {name for name, times in names.items() if times > 1} == SHARED_NAMES


def test_aliases_new_types_and_protocols_are_seen_as_types() -> None:
    aliases = "PLAIN = {}\n_Alias = int | str\nOther: TypeAlias = int\nMine = NewType('Mine', int)\n"
    text = f"{aliases}class Port(Protocol): ..."
    assert sorted(types_of(ast.parse(text))) == ["Alias", "Mine", "Other", "Port"]
