"""Which tests are marked ``waits``, and what becomes of one that should be."""

import os
from types import FunctionType, ModuleType

import pytest

from . import waits

LOOP = "asyncio"  # spelt so that this module's own text tells nothing
GIT = "create_repository"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("import subprocess\n", True),
        ("    from threading import Thread\n", True),
        ("from psycopg.rows import dict_row", True),
        ("from timeit import timeit", False),
        (f"await {LOOP}.sleep(0)", False),
        (f"await {LOOP}.sleep(0.1)", True),
        (f"async with {LOOP}.timeout(90):", True),
        (f"{LOOP}.run(main())", False),
        (f"{GIT}(folder)", True),
    ],
)
def test_what_takes_its_time_is_known_by_its_text(text: str, found: bool) -> None:
    assert bool(waits.TELLS.search(text)) is found


def test_who_has_something_of_a_module_that_waits_does_so_too() -> None:
    helper, user, alone = (ModuleType(f"tests.{name}") for name in ("a_helper", "a_user", "alone"))
    user.helped = FunctionType(compile("", "", "exec"), {"__name__": helper.__name__})
    modules = {module.__name__: module for module in (helper, user, alone)}
    assert [waits.reached(name, modules) for name in modules] == [
        {"tests.a_helper"}, {"tests.a_user", "tests.a_helper"}, {"tests.alone"}
    ]  # fmt: skip


def test_a_test_without_the_mark_starts_nothing() -> None:
    with pytest.raises(AssertionError, match=r"posix_spawn in .*test_without_the_mark_starts_nothing\S*: mark it"):
        os.posix_spawn("/bin/true", ["true"], {})


@pytest.mark.waits
def test_one_that_has_it_may() -> None:
    assert os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0)[1] == 0


def test_tests_of_a_module_share_a_process_and_with_it_what_they_have_made(request: pytest.FixtureRequest) -> None:
    if "PYTEST_XDIST_WORKER" not in os.environ:
        pytest.skip("runs in one process")
    assert request.node.nodeid.endswith(f"@{__name__}")
