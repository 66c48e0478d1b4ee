"""Which tests are marked ``waits``, and what becomes of one that should be."""

import asyncio
import contextlib
import functools
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.specs.source.work_tree import create_repository

from . import loops, waits


async def rests() -> None:
    await asyncio.sleep(1)


def starts() -> None:
    subprocess.run(["true"], check=True)


def imports_it() -> object:
    from threading import Thread

    return Thread


def starts_git(folder: Path) -> None:
    create_repository(folder)


def chooses(request: pytest.FixtureRequest) -> None:
    request.getfixturevalue("postgresql")


def computes() -> object:
    return os.path.join("a", "b"), asyncio.run, sorted


def in_another_module() -> object:
    return loops.detach


def by_another() -> None:
    [starts() for _ in range(3)]


TABLE = {"one": [functools.partial(by_another)]}


def by_a_table() -> object:
    return TABLE


@contextlib.contextmanager
def around() -> Iterator[None]:
    starts()
    yield


class Helper:
    @property
    def slow(self) -> None:
        return starts()


class More(Helper):
    quick = 1


def of_a_class() -> object:
    return More().quick


def round_and_round() -> object:
    return round_again


def round_again() -> object:
    return round_and_round


WAIT = (
    rests, starts, imports_it, starts_git, chooses, in_another_module, by_another, by_a_table, around, Helper, More(),
    of_a_class,
)  # fmt: skip


@pytest.mark.parametrize("function", WAIT)
def test_who_names_what_takes_its_time_or_reaches_who_does_waits(function: object) -> None:
    assert waits.Search().waits(computes, function)


@pytest.mark.parametrize("function", [computes, round_and_round, [round_again, computes], 1, None])
def test_who_does_not_waits_for_nothing(function: object) -> None:
    assert not waits.Search().waits(function)


def test_what_is_known_already_does_not_change_what_is_found() -> None:
    found = waits.Search()
    assert [found.waits(one) for one in (round_again, *WAIT, round_and_round)] == [False, *[True] * len(WAIT), False]


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
