"""What is in force, what is not, and why: the last good commit stays until a better one comes."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from reconciler.model.diagnostics import Diagnostic, Location, Severity
from reconciler.model.errors import PermanentError
from reconciler.specs.source.follow import MAX_TOLD, DirectorySource, FollowedSource, SourceLook, SourceState, watch
from reconciler.specs.source.git import GitSource

from .conftest import Upstream

FLEET = "cluster-specs/fleet.yaml"


@dataclass(frozen=True)
class Specs:
    """What ``validate`` gives: a tree, unless a file holds the word "broken"."""

    tree: Mapping[str, bytes] | None
    problems: tuple[Diagnostic, ...] = ()


@dataclass
class Validator:
    """Counts how often it was asked."""

    asked: int = 0
    warn: bool = False
    files: Mapping[str, bytes] = field(default_factory=dict)

    def __call__(self, files: Mapping[str, bytes]) -> Specs:
        self.asked += 1
        errors = [
            Diagnostic(Severity.ERROR, "Broken", f"Mend {name}.", Location(name, number, 1))
            for name, content in files.items()
            for number in range(1, content.count(b"broken") + 1)
        ]
        warnings = [Diagnostic(Severity.WARNING, "Odd", "Look at it.", None)] if self.warn else []
        return Specs(None if errors else files, (*warnings, *errors))


@pytest.fixture
def validate() -> Validator:
    return Validator()


@pytest.fixture
def branch(source: GitSource, validate: Validator) -> FollowedSource[Specs]:
    return FollowedSource(source, validate)


def tree(looked: SourceLook[Specs]) -> str | None:
    """The fleet's text in force."""
    if looked.loaded is None or looked.loaded.tree is None:
        return None
    return looked.loaded.tree[FLEET].decode()


def test_the_first_good_commit_is_taken(branch: FollowedSource[Specs], upstream: Upstream) -> None:
    commit = upstream.commit({FLEET: "one"})
    looked = branch.look(SourceState())
    assert looked.state == SourceState(good=commit, seen=commit)
    assert tree(looked) == "one"


def test_a_branch_that_never_was_good_has_nothing_in_force(branch: FollowedSource[Specs], upstream: Upstream) -> None:
    commit = upstream.commit({FLEET: "broken"})
    looked = branch.look(SourceState())
    assert looked.loaded is None
    assert (looked.state.good, looked.state.seen) == (None, commit)


def test_a_broken_commit_leaves_the_last_good_one_in_force_and_says_why(
    branch: FollowedSource[Specs], upstream: Upstream
) -> None:
    good = upstream.commit({FLEET: "one"})
    state = branch.look(SourceState()).state
    broken = upstream.commit({FLEET: "broken broken"})
    looked = branch.look(state)
    assert tree(looked) == "one"
    assert looked.state.good == good
    assert looked.state.seen == broken
    assert looked.state.problem == (
        f"Commit {broken[:12]} has 2 errors:\n{FLEET}:1:1: Broken: Mend {FLEET}.\n{FLEET}:2:1: Broken: Mend {FLEET}."
    )
    mended = upstream.commit({FLEET: "two"})
    assert branch.look(looked.state).state == SourceState(good=mended, seen=mended)


def test_a_broken_commit_may_be_amended(branch: FollowedSource[Specs], upstream: Upstream) -> None:
    upstream.commit({FLEET: "one"})
    state = branch.look(SourceState()).state
    upstream.commit({FLEET: "broken"})
    state = branch.look(state).state
    (upstream.path / FLEET).write_text("two")
    upstream.git("commit", "--quiet", "--all", "--amend", "--message", "Mended")
    assert tree(branch.look(state)) == "two"


def test_many_problems_are_counted(branch: FollowedSource[Specs], upstream: Upstream) -> None:
    upstream.commit({FLEET: "broken " * (MAX_TOLD + 3)})
    problem = branch.look(SourceState()).state.problem
    assert problem is not None
    assert problem.endswith("... and 3 more.")


def test_warnings_refuse_nothing(branch: FollowedSource[Specs], upstream: Upstream, validate: Validator) -> None:
    upstream.commit({FLEET: "one"})
    validate.warn = True
    assert branch.look(SourceState()).state.problem is None


def test_a_rewritten_branch_waits_until_that_very_commit_is_accepted(
    branch: FollowedSource[Specs], upstream: Upstream
) -> None:
    old = upstream.commit({FLEET: "one"})
    state = branch.look(SourceState()).state
    (upstream.path / FLEET).write_text("two")
    upstream.git("commit", "--quiet", "--all", "--amend", "--message", "Rewritten")
    new = upstream.git("rev-parse", "HEAD")

    for accepted in (frozenset[str](), frozenset({old}), frozenset({"f" * 40})):
        looked = branch.look(state, accepted=accepted)
        assert tree(looked) == "one"
        assert (looked.state.good, looked.state.seen, looked.state.rewritten) == (old, new, True)
        assert looked.state.problem is not None
        assert f"Accept commit {new}" in looked.state.problem

    looked = branch.look(looked.state, accepted=frozenset({new}))
    assert tree(looked) == "two"
    assert looked.state == SourceState(good=new, seen=new)


def test_an_accepted_rewrite_must_still_validate(branch: FollowedSource[Specs], upstream: Upstream) -> None:
    upstream.commit({FLEET: "one"})
    state = branch.look(SourceState()).state
    (upstream.path / FLEET).write_text("broken")
    upstream.git("commit", "--quiet", "--all", "--amend", "--message", "Rewritten")
    looked = branch.look(state, accepted={upstream.git("rev-parse", "HEAD")})
    assert tree(looked) == "one"
    assert looked.state.problem is not None


def test_the_same_commit_is_validated_once(
    branch: FollowedSource[Specs], upstream: Upstream, validate: Validator
) -> None:
    upstream.commit({FLEET: "one"})
    state = branch.look(SourceState()).state
    upstream.commit({FLEET: "broken"})
    for _ in range(3):
        state = branch.look(state).state
    assert validate.asked == 2


def test_after_a_restart_the_last_good_commit_is_in_force_although_newer_ones_are_not(
    source: GitSource, upstream: Upstream
) -> None:
    upstream.commit({FLEET: "one"})
    state = FollowedSource(source, Validator()).look(SourceState()).state
    upstream.commit({FLEET: "broken"})
    state = FollowedSource(source, Validator()).look(state).state
    kept = SourceState.from_json(state.to_json())
    assert kept == state
    assert tree(FollowedSource(source, Validator()).look(kept)) == "one"


def test_after_a_restart_without_the_repository_the_last_good_commit_is_in_force(
    source: GitSource, upstream: Upstream
) -> None:
    commit = upstream.commit({FLEET: "one"})
    state = FollowedSource(source, Validator()).look(SourceState()).state
    upstream.path.rename(upstream.path.with_name("gone"))
    looked = FollowedSource(source, Validator()).look(state)
    assert tree(looked) == "one"
    assert looked.state.good == commit
    assert looked.state.problem is not None
    assert looked.state.problem.startswith("The repository could not be fetched: git failed:")


def test_a_folder_that_vanishes_from_git_changes_nothing(branch: FollowedSource[Specs], upstream: Upstream) -> None:
    upstream.commit({FLEET: "one"})
    state = branch.look(SourceState()).state
    (upstream.path / FLEET).unlink()
    upstream.commit({"README.md": "Moved"})
    looked = branch.look(state)
    assert tree(looked) == "one"
    assert looked.state.problem is not None
    assert 'has no YAML file below "cluster-specs"' in looked.state.problem


def test_what_was_left_out_of_the_tree_in_force_is_told(branch: FollowedSource[Specs], upstream: Upstream) -> None:
    (upstream.path / "cluster-specs").mkdir()
    (upstream.path / "cluster-specs/bell\a.yaml").write_text("one")
    upstream.commit({FLEET: "one"})
    state = branch.look(SourceState()).state
    (note,) = state.notes
    assert "bell" in note and "left out" in note
    upstream.commit({FLEET: "broken"})
    assert branch.look(state).state.notes == state.notes


@pytest.mark.parametrize("state", [SourceState(), SourceState("a" * 40, "b" * 40, "Why.", True, ("Left out.",))])
def test_the_state_survives_the_store(state: SourceState) -> None:
    assert SourceState.from_json(state.to_json()) == state


def read(path: Path) -> dict[str, bytes]:
    if not path.is_dir():
        raise PermanentError(f'There is no directory "{path}".')
    return {FLEET: (path / "fleet.yaml").read_bytes()}


def test_a_directory_keeps_its_last_good_tree(tmp_path: Path, validate: Validator) -> None:
    specs = DirectorySource(tmp_path / "specs", read, validate)
    assert specs.look(SourceState()).loaded is None
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs/fleet.yaml").write_text("one")
    assert tree(specs.look(SourceState())) == "one"
    assert tree(specs.look(SourceState())) == "one"
    assert validate.asked == 1
    (tmp_path / "specs/fleet.yaml").write_text("broken")
    looked = specs.look(SourceState())
    assert tree(looked) == "one"
    assert looked.state == SourceState(problem=f"The directory has 1 error:\n{FLEET}:1:1: Broken: Mend {FLEET}.")
    (tmp_path / "specs").rename(tmp_path / "elsewhere")
    looked = specs.look(SourceState())
    assert tree(looked) == "one"
    assert looked.state.problem is not None
    assert "There is no directory" in looked.state.problem


async def next_change(changes: AsyncIterator[None]) -> None:
    await asyncio.wait_for(anext(changes), timeout=90)


async def test_a_burst_of_changes_wakes_once_or_little_more(tmp_path: Path) -> None:
    wakes = 0

    async def count() -> None:
        nonlocal wakes
        async for _ in watch([tmp_path]):
            wakes += 1

    counting = asyncio.create_task(count())
    while wakes == 0:  # until the watch stands
        (tmp_path / "first.yaml").write_text("x")
        await asyncio.sleep(0.1)
    before = wakes
    for number in range(500):
        (tmp_path / f"{number}.yaml").write_text("x")
    while wakes == before:
        await asyncio.sleep(0.1)
    await asyncio.sleep(1)  # for those of one change each, if that is what they are
    counting.cancel()
    assert wakes - before <= 10


async def test_a_commit_in_a_local_repository_wakes(source: GitSource, upstream: Upstream) -> None:
    upstream.commit({FLEET: "one"})
    waiting = asyncio.create_task(next_change(watch(source.watchable())))
    while not waiting.done():
        await asyncio.to_thread(upstream.commit, {FLEET: "two"})
        await asyncio.sleep(0.2)
    await waiting


async def test_a_path_that_is_not_there_yet_is_polled(tmp_path: Path) -> None:
    changes = watch([tmp_path / "later"], poll_seconds=0.05)
    await next_change(changes)
    await next_change(changes)
    (tmp_path / "later").mkdir()
    await next_change(changes)


async def test_a_repository_elsewhere_has_nothing_to_watch(tmp_path: Path) -> None:
    source = GitSource("https://git.example.com/specs", "main", ".", tmp_path)
    assert [change async for change in watch(source.watchable())] == []
