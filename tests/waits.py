"""Which tests start programs, talk over sockets or wait for a time: those that a busy machine can disturb.

They are marked ``waits``, by what their code, and all code of tests that it names, calls. A test without the mark that
does such a thing after all is stopped at it.
"""

import dis
import functools
import importlib.util
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import CellType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import pytest

MODULES = {"asyncssh", "multiprocessing", "psycopg", "pty", "socket", "subprocess", "threading", "time"}
"""Who names one of them does what takes its time."""

OF_ASYNCIO = {
    "create_subprocess_exec", "create_subprocess_shell", "open_connection", "sleep", "start_server", "timeout",
    "to_thread", "wait_for",
}  # fmt: skip

IMPORTS = dis.opmap["IMPORT_NAME"]

CHOSEN_LATE = "getfixturevalue"
"""Nobody knows beforehand which fixture it will be."""

OURS = {"create_repository", "run_git"}
"""Functions of ours that start git."""

STOPPED = {"os.exec", "os.fork", "os.posix_spawn", "socket.bind", "socket.connect", "subprocess.Popen", "time.sleep"}
"""What Python says of it (``sys.addaudithook``)."""


def mark(items: Iterable[pytest.Item]) -> None:
    search = Search()
    for item in items:
        found = item._fixtureinfo.name2fixturedefs.values()
        fixtures = [fixture.func for known in found for fixture in known]
        given = getattr(item, "callspec", None)
        if search.waits(item.function, item.cls, *fixtures, *(given.params.values() if given else ())):
            item.add_marker("waits")


class Search:
    """Goes from what a test is made of to all that it names in code of tests; what is known is asked once.

    Fakes are no part of it: their time is no clock's.
    """

    def __init__(self) -> None:
        self._known: dict[int, bool] = {}
        self._kept: list[object] = []  # so that an id is not given to another object

    def waits(self, *parts: object) -> bool:
        """Whether one of them, or what it reaches, does what takes its time."""
        return any([self._part_waits(part) for part in parts])

    def _part_waits(self, part: object) -> bool:
        seen, new = {id(part): part}, [part]
        while new:
            value = new.pop()
            known = self._known.get(id(value))
            if known or (known is None and does_wait(value)):
                self._remember(part, True)
                return True
            for each in reached(value) if known is None else ():
                if id(each) not in seen:
                    seen[id(each)] = each
                    new.append(each)
        for value in seen.values():
            self._remember(value, False)
        return False

    def _remember(self, value: object, waits: bool) -> None:
        self._known.setdefault(id(value), waits)
        self._kept.append(value)


def does_wait(value: object) -> bool:
    """Whether a function's own code names what takes its time."""
    if getattr(value, "__name__", None) in OURS:
        return True
    if not isinstance(value, FunctionType):
        return False
    names = names_in(value.__code__)
    if ("asyncio" in names and names & OF_ASYNCIO) or CHOSEN_LATE in names:
        return True
    own = value.__globals__
    known = {module_of(own[name]) for name in names & own.keys()}
    inside = {name.partition(".")[0] for name in imported_in(value.__code__, value.__module__)}
    return bool((known | inside) & MODULES)


def module_of(value: object) -> str:
    """The package that a value is, or is from."""
    name = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
    return name.partition(".")[0] if isinstance(name, str) else ""


def reached(value: object) -> Iterator[object]:
    """What a value of tests is made of, or names: functions, classes, and tables that hold such."""
    match value:
        case FunctionType():
            yield from named(value)
            yield from (cell.cell_contents for cell in value.__closure__ or () if is_filled(cell))
        case MethodType():
            yield from (value.__func__, value.__self__)
        case functools.partial():
            yield from (value.func, *value.args, *value.keywords.values())
        case property():
            yield value.fget
        case staticmethod() | classmethod():
            yield value.__func__
        case type() if is_of_tests(value):
            yield from (*vars(value).values(), *value.__bases__)
        case Mapping():
            yield from value.values()
        case list() | tuple() | set() | frozenset():
            yield from value
        case _ if is_of_tests(type(value)):
            yield from (type(value), *getattr(value, "__dict__", {}).values())


def named(function: FunctionType) -> Iterator[object]:
    """The values of tests that a function names, those of modules of tests too."""
    if not is_of_tests(function):
        return
    names, own = names_in(function.__code__), function.__globals__
    inside = [sys.modules.get(name) for name in imported_in(function.__code__, function.__module__)]
    for value in (*inside, *(own[name] for name in names & own.keys())):
        if not isinstance(value, ModuleType):
            yield value
        elif value.__name__.startswith("tests."):
            yield from (getattr(value, name) for name in names if hasattr(value, name))
    yield getattr(function, "__wrapped__", None)


@functools.cache
def names_in(code: CodeType) -> frozenset[str]:
    """All names in a function's code, and in that of functions inside it."""
    inner = (names_in(one) for one in code.co_consts if isinstance(one, CodeType))
    return frozenset(code.co_names).union(*inner)


@functools.cache
def imported_in(code: CodeType, module: str) -> tuple[str, ...]:
    """The modules that a function of a module imports itself, by their whole names."""
    found: list[str] = []
    steps = [*dis.get_instructions(code)] if IMPORTS in code.co_code[::2] else []  # each has two bytes
    for number, step in enumerate(steps):
        if step.opname == "IMPORT_NAME":
            dots = "." * steps[number - 2].argval  # what is pushed before it: the level, and the names
            found.append(importlib.util.resolve_name(f"{dots}{step.argval}", module.rpartition(".")[0]))
    inner = (imported_in(one, module) for one in code.co_consts if isinstance(one, CodeType))
    return (*found, *(name for names in inner for name in names))


def is_of_tests(value: object) -> bool:
    """Whether a function or class is of the tests, and no fake."""
    module = getattr(value, "__module__", None) or ""
    return module.startswith("tests.") and not module.startswith("tests.fakes")


def is_filled(cell: CellType) -> bool:
    try:
        _ = cell.cell_contents
    except ValueError:
        return False
    return True


class Guard:
    """Stops tests that do what they are not marked for."""

    def __init__(self) -> None:
        self.test: str | None = None
        sys.addaudithook(self._heard)

    @contextmanager
    def watching(self, item: pytest.Item) -> Iterator[None]:
        """While a test runs."""
        self.test = None if item.get_closest_marker("waits") else item.nodeid
        try:
            yield
        finally:
            self.test = None

    def _heard(self, event: str, _: tuple[Any, ...]) -> None:
        if self.test is not None and event in STOPPED:
            raise AssertionError(f"{event} in {self.test}: mark it @pytest.mark.waits, or do without")
