"""Which tests start programs, talk over sockets or wait for a time: those that a busy machine can disturb.

They are marked ``waits``, by what their module, or that of a fixture of theirs, or a helper of either has in its text.
A test without the mark that does such a thing after all is stopped at it.
"""

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

TELLS = re.compile(
    r"^ *(import|from) (asyncssh|multiprocessing|psycopg|pty|socket|subprocess|threading|time)\b"
    r"|\bcreate_repository\("  # that is git's
    r"|\basyncio\.(create_subprocess|open_connection|sleep\((?!0\))|start_server|timeout|to_thread|wait_for)",
    re.MULTILINE,
)
STOPPED = {"os.exec", "os.fork", "os.posix_spawn", "socket.bind", "socket.connect", "subprocess.Popen", "time.sleep"}
"""What Python says of it (``sys.addaudithook``)."""


def mark(items: Iterable[pytest.Item]) -> None:
    for item in items:
        found = item._fixtureinfo.name2fixturedefs.values()
        fixtures = {fixture.func.__module__ for known in found for fixture in known}
        if any(waits(name) for name in {item.module.__name__, *fixtures}):
            item.add_marker("waits")


@cache
def waits(name: str) -> bool:
    """Whether a module of tests, or one that it has something of, does what takes its time."""
    reach = reached(name, sys.modules)
    return any(TELLS.search(Path(str(sys.modules[one].__file__)).read_text()) for one in reach)


def reached(name: str, modules: Mapping[str, ModuleType]) -> set[str]:
    """The modules of tests that one has something of, with itself; not the fakes, whose time is no clock's."""
    known, new = set(), {name}
    while new := {one for one in new - known if one.startswith("tests.") and not one.startswith("tests.fakes")}:
        known |= new
        values = [value for one in new for value in vars(modules[one]).values()]
        new = {value.__name__ if isinstance(value, ModuleType) else owner_of(value) for value in values}
    return known


def owner_of(value: object) -> str:
    """The module that a function or class is from."""
    owner = getattr(value, "__module__", None)
    return owner if isinstance(owner, str) else ""


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
