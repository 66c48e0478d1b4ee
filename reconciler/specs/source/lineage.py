"""Commits between one that is trusted and another: as git stores them, what each changes, and who ordered it.

Only reads, but for the trees of merges that are made again. Replace refs, grafts and attributes have no part in it.
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ...model.errors import PermanentError, TemporaryError
from ..authority.commits import CommitObject
from ..authority.judgement import Changed, RefusedCommit, judge, to_look_at
from ..authority.merges import Differences, EntryChange, MergeSides, TreeEntry, own_paths
from ..authority.rules import Authority
from ..authority.signed_range import CommitRange, RawCommit, SignedCommit, signed_range
from .run_git import Git, checked, exit_status

MAX_COMMITS: Final = 20_000
"""That are judged at once. A seal makes many of them cheap, not few."""
MAX_COMMIT_BYTES: Final = 1024 * 1024
MAX_BYTES: Final = 256 * 1024 * 1024
"""Of all commits, with their messages."""

_PATHS: Final = ("-r", "-z", "--raw", "--no-renames", "--ignore-submodules=none", "--full-index")
_MERGE: Final = ("-c", "core.bare=true", "-c", "attr.tree=", "-c", "merge.renormalize=false")
"""No attribute of what is merged says how."""


@dataclass(frozen=True, slots=True)
class RangeVerdict:
    """What was judged of a range of commits."""

    commits: tuple[str, ...]  # all that are new
    refused: tuple[RefusedCommit, ...]  # the oldest first; none: all of them were ordered by who may


def judge_range(
    run: Git, trusted: str | None, target: str, authority: Authority, seen: Callable[[str], datetime]
) -> RangeVerdict:
    """Judge all commits that a target has and a trusted one does not.

    Args:
        run: Git, in the repository that has them.
        trusted: What is in force; None: nothing is, and all that the target has is judged.
        target: The newest.
        authority: Who may order what.
        seen: When a commit was seen here first.

    Raises:
        PermanentError: They are too many or too large, or not there.
        TemporaryError: Git did not answer in time.
    """
    given = commits_between(run, trusted, target)
    names = tuple(commit.name for commit in given.commits)
    signed = signed_range(given, authority.keyring, {name: seen(name) for name in names})
    if signed.broken or signed.cut_off:
        return RangeVerdict(names, judge(signed, authority, None))
    return RangeVerdict(names, judge(signed, authority, changes(run, to_look_at(signed, authority))))


def commits_between(run: Git, trusted: str | None, target: str) -> CommitRange:
    """All commits that a target has and a trusted one does not; None: all that the target has.

    Raises:
        PermanentError: They are too many or too large, or not there.
        TemporaryError: Git did not answer in time.
    """
    given = [checked(target)] + ([f"^{checked(trusted)}"] if trusted else [])
    listed = run("rev-list", "--topo-order", "--boundary", f"--max-count={MAX_COMMITS + 1}", *given).decode().split()
    names = [name for name in listed if not name.startswith("-")]
    if len(names) > MAX_COMMITS:
        raise PermanentError(f"more than {MAX_COMMITS} commits are new at {target[:12]}; they are judged in fewer")
    known = frozenset(name[1:] for name in listed if name.startswith("-")) | ({trusted} if trusted else frozenset())
    return CommitRange(tuple(_stored(run, names)), known)


def changes(run: Git, commits: Sequence[SignedCommit]) -> dict[str, Changed]:
    """What commits change, by their names: of a merge, what it has of its own.

    Raises:
        PermanentError: An object of one is not there.
        TemporaryError: Git did not answer in time.
    """
    plain = [one.commit.name for one in commits if len(one.commit.parents) < 2]
    merges = [one.commit for one in commits if len(one.commit.parents) > 1]
    pairs = [commit for commit in merges if len(commit.parents) == 2]
    bases = {commit.name: _bases(run, *commit.parents) for commit in pairs}
    beside = [(commit.name, other) for commit in merges for other in (*commit.parents, *bases.get(commit.name, ()))]
    asked = list(dict.fromkeys([*((name, None) for name in plain), *beside]))
    differences = dict(zip(asked, _differences(run, asked), strict=True))
    found = {name: Changed(tuple(differences[name, None])) for name in plain}
    for commit in merges:
        against = [differences[commit.name, other] for other in (*commit.parents, *bases.get(commit.name, ()))]
        found[commit.name] = _own_content(run, commit, against)
    return found


def _stored(run: Git, names: Sequence[str]) -> Iterator[RawCommit]:
    """The commits' bytes, in order.

    Raises:
        PermanentError: They are too large, or one is not there.
    """
    if not names:
        return
    sizes = [line.split()[1:] for line in _asked(run, names, "cat-file", "--batch-check").decode().splitlines()]
    bytes_of = [int(size[1]) if size[:1] == ["commit"] else -1 for size in sizes]
    if len(bytes_of) != len(names) or min(bytes_of) < 0:
        raise PermanentError("a commit of the branch is not in the mirror")
    if max(bytes_of) > MAX_COMMIT_BYTES or sum(bytes_of) > MAX_BYTES:
        raise PermanentError(
            f"the new commits have up to {max(bytes_of)} bytes, and {sum(bytes_of)} together; "
            f"{MAX_COMMIT_BYTES} and {MAX_BYTES} are the most"
        )
    answered, at = _asked(run, names, "cat-file", "--batch"), 0
    for name, size in zip(names, bytes_of, strict=True):
        start = answered.index(b"\n", at) + 1
        at = start + size + 1
        yield RawCommit(name, answered[start : at - 1])


def _differences(run: Git, asked: Sequence[tuple[str, str | None]]) -> list[Differences]:
    """How commits differ from others; None: from their own parent, or from nothing where they have none.

    Raises:
        PermanentError: Git did not tell of one.
    """
    if not asked:
        return []
    lines = [name if other is None else f"{name} {other}" for name, other in asked]
    told = iter(_asked(run, lines, "diff-tree", "--stdin", "--root", "--always", *_PATHS).split(b"\0")[:-1])
    found: list[tuple[str, dict[str, EntryChange]]] = []
    for word in told:
        if word.startswith(b":"):  # as no name of a commit does; its path is the next word, whatever that looks like
            was_mode, mode, was, name, _ = word[1:].decode().split(" ")
            found[-1][1][_path(next(told))] = EntryChange(TreeEntry(was_mode, was), TreeEntry(mode, name))
        else:
            found.append((word.decode().strip(), {}))
    if [name for name, _ in found] != [name for name, _ in asked]:
        raise PermanentError("git does not tell what a commit changes")
    return [differences for _, differences in found]


def _own_content(run: Git, commit: CommitObject, against: Sequence[Differences]) -> Changed:
    """What a merge has that merging its parents does not give.

    Args:
        run: Git.
        commit: The merge.
        against: How it differs from its parents, and then from where these parted.
    """
    parents = commit.parents
    redone = _redone(run, *parents) if len(parents) == 2 else None
    if redone is None:
        return Changed(tuple(sorted({path for one in against[: len(parents)] for path in one})), is_redone=False)
    if redone != commit.tree:
        return Changed(_between(run, redone, commit.tree))
    return Changed(own_paths(MergeSides(against[0], against[1], tuple(against[2:]))))


def _bases(run: Git, ours: str, theirs: str) -> tuple[str, ...]:
    """The commits at which two parted; none where they have nothing in common."""
    try:
        return tuple(run("merge-base", "--all", ours, theirs).decode().split())
    except (TemporaryError, PermanentError) as error:
        if exit_status(error) == 1:
            return ()
        raise


def _redone(run: Git, ours: str, theirs: str) -> str | None:
    """The tree that merging two commits gives; None: they do not merge by themselves.

    Raises:
        TemporaryError: Git did not answer in time.
    """
    try:
        written = run(*_MERGE, "merge-tree", "--write-tree", "--no-messages", ours, theirs)
    except (TemporaryError, PermanentError) as error:
        if exit_status(error) in (1, 128):  # conflicts; no common history
            return None
        raise
    return written.decode().strip()


def _between(run: Git, before: str, after: str) -> tuple[str, ...]:
    """The paths in which two trees differ."""
    told = iter(run("diff-tree", *_PATHS, before, after).split(b"\0")[:-1])
    return tuple(_path(next(told)) for _ in told)


def _path(raw: bytes) -> str:
    return raw.decode(errors="surrogateescape")


def _asked(run: Git, lines: Sequence[str], *command: str) -> bytes:
    """What a command says of the lines that it reads from its input."""
    with tempfile.TemporaryFile() as given:
        given.write("".join(f"{line}\n" for line in lines).encode())
        given.seek(0)
        return run(*command, stdin=given)
