"""The source of specs as the daemon uses it: the newest commit that is good, and why a newer one is not.

A commit is taken when it descends from the one in force, was ordered by who may where
that is asked, and validates. Until then the last good one stays in force, and the state
says what stands in the way. Losing
the repository, the network or the folder changes nothing that is in force.
"""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from ...model.diagnostics import Diagnostic, Severity
from ...model.errors import PermanentError, TemporaryError
from .commit_files import Files
from .git import Fetched

MAX_TOLD = 20
"""Problems of a commit that the state spells out; ``reconciler validate`` shows them all."""


class Repository(Protocol):
    """What a source needs of ``git.GitSource``. Every call may raise TemporaryError or PermanentError."""

    def fetch(self, since: str | None = None) -> Fetched: ...

    def read(self, commit: str) -> Files: ...


class Validated(Protocol):
    """What validating gives: a tree exactly when no problem is an error."""

    @property
    def tree(self) -> object | None: ...

    @property
    def problems(self) -> Sequence[Diagnostic]: ...


LoadedT = TypeVar("LoadedT", bound=Validated)
Validate = Callable[[Mapping[str, bytes]], LoadedT]
AskOrder = Callable[[str | None, str], str | None]
"""Why the commits from the one in force to another may not be taken; None: they may. It may raise what a source may."""


@dataclass(frozen=True, slots=True)
class SourceState:
    """What is known of a source. Kept across restarts."""

    good: str | None = None  # the commit in force; None: there never was one, or the source is a directory
    seen: str | None = None  # the newest commit of the branch
    problem: str | None = None  # why what is newest is not in force
    rewritten: bool = False  # ``seen`` does not descend from ``good``, and waits for an operator to accept it
    notes: tuple[str, ...] = ()  # what was left out of the tree in force

    def to_json(self) -> str:
        """For the store."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "SourceState":
        """What ``to_json`` wrote."""
        written = json.loads(text)
        return cls(**{**written, "notes": tuple(written["notes"])})


@dataclass(frozen=True, slots=True)
class SourceLook(Generic[LoadedT]):
    """What a look at the source gave: its state, and the specs in force (None: none ever were good)."""

    state: SourceState
    loaded: LoadedT | None


class FollowedSource(Generic[LoadedT]):
    """A branch of a git repository. ``look`` blocks, also for as long as another thread looks."""

    def __init__(self, repository: Repository, validate: Validate[LoadedT], judge: AskOrder | None = None) -> None:
        """Keep what is needed. Without ``judge`` nobody asks who ordered a commit."""
        self._repository = repository
        self._validate = validate
        self._judge = judge
        self._read: dict[str, _Read[LoadedT]] = {}  # the commit in force, and the newest one when it was refused
        self._looking = threading.Lock()

    def look(self, state: SourceState, *, accepted: Collection[str] = ()) -> SourceLook[LoadedT]:
        """Fetch, and take the newest commit into force when nothing prevents it.

        Never raises for what the world or an operator did: the state tells it. The same
        commit is read and validated once, however often it is looked at.

        Args:
            state: What the last look gave.
            accepted: Commits that an operator accepted although the branch was rewritten.
        """
        with self._looking:
            return self._look(state, accepted)

    def _look(self, state: SourceState, accepted: Collection[str]) -> SourceLook[LoadedT]:
        """What ``look`` gives. A commit that nobody ordered who may is not even read."""
        try:
            fetched = self._repository.fetch(since=state.good)
        except (TemporaryError, PermanentError) as error:
            return self._in_force(replace(state, problem=f"The repository could not be fetched: {error}."))
        commit = fetched.commit
        state = SourceState(good=state.good, seen=commit, notes=state.notes)
        if fetched.rewritten and commit not in accepted:
            return self._in_force(replace(state, rewritten=True, problem=_rewritten(fetched)))
        if problem := self._unordered(state.good, commit):
            return self._in_force(replace(state, problem=problem))
        newest = self._load(commit)
        if newest.problem is None:
            return self._in_force(replace(state, good=commit, notes=newest.notes))
        return self._in_force(replace(state, problem=newest.problem))

    def _unordered(self, good: str | None, commit: str) -> str | None:
        """Why nobody ordered a commit who may, or why that cannot be told; None: somebody did. What is in force is."""
        if self._judge is None or commit == good:
            return None
        try:
            return self._judge(good, commit)
        except (TemporaryError, PermanentError) as error:
            return f"Nobody can tell who ordered commit {commit[:12]}: {error}."

    def recall(self, state: SourceState) -> SourceLook[LoadedT]:
        """The specs in force as the last look left them, without asking the repository."""
        with self._looking:
            return self._in_force(state)

    def _in_force(self, state: SourceState) -> SourceLook[LoadedT]:
        self._read = {commit: read for commit, read in self._read.items() if commit in (state.good, state.seen)}
        if state.good is None:
            return SourceLook(state, None)
        good = self._load(state.good)
        if good.problem is not None and state.problem is None:
            state = replace(state, problem=good.problem)
        return SourceLook(state, good.loaded)

    def _load(self, commit: str) -> "_Read[LoadedT]":
        found = self._read.get(commit)
        if found is not None:
            return found
        try:
            files = self._repository.read(commit)
        except (TemporaryError, PermanentError) as error:
            return _Read(None, f"{error}.", ())  # not remembered: the next look tries again
        loaded = self._validate(files.files)
        problem = _refused(commit, loaded.problems) if loaded.tree is None else None
        self._read[commit] = _Read(None if problem else loaded, problem, files.notes)
        return self._read[commit]


class DirectorySource(Generic[LoadedT]):
    """A plain directory, without git: no commits, so the last good tree is known only while we run."""

    def __init__(
        self, path: str | Path, read: Callable[[Path], Mapping[str, bytes]], validate: Validate[LoadedT]
    ) -> None:
        """Keep what is needed. ``read`` raises PermanentError when there is no such directory."""
        self.path = Path(path)
        self._read_files = read
        self._validate = validate
        self._last: tuple[Mapping[str, bytes], LoadedT] | None = None
        self._good: LoadedT | None = None

    def look(self, state: SourceState, *, accepted: Collection[str] = ()) -> SourceLook[LoadedT]:
        """Read the directory, and take it into force when it validates. What was unchanged is not validated again."""
        del state, accepted  # a directory has no commits
        try:
            files = self._read_files(self.path)
        except (TemporaryError, PermanentError, OSError) as error:
            return SourceLook(SourceState(problem=str(error)), self._good)
        if self._last is None or self._last[0] != files:
            self._last = files, self._validate(files)
        loaded = self._last[1]
        if loaded.tree is None:
            return SourceLook(SourceState(problem=_refused(None, loaded.problems)), self._good)
        self._good = loaded
        return SourceLook(SourceState(), loaded)


async def watch(paths: Collection[Path], *, poll_seconds: float = 2.0) -> AsyncIterator[None]:
    """Something below the paths changed; a burst of changes counts once. Ends at once when there are no paths.

    Changes are learnt from the kernel. Once it could not tell (watches used up, a path
    that was not there), we also wake every ``poll_seconds``. What a change means is the
    consumer's to find out: it looks at the source anew.
    """
    import watchfiles  # only those who stay watch

    failed = polling = False
    while paths:
        changes = watchfiles.awatch(
            *paths,
            watch_filter=None,
            force_polling=polling or None,
            rust_timeout=int(poll_seconds * 1000) if failed else None,
            yield_on_timeout=failed,
        )
        try:
            async for _ in changes:
                yield
            return
        except OSError as error:
            failed, polling = True, not isinstance(error, FileNotFoundError)
        await asyncio.sleep(poll_seconds)
        yield


@dataclass(frozen=True, slots=True)
class _Read(Generic[LoadedT]):
    loaded: LoadedT | None
    problem: str | None
    notes: tuple[str, ...]


def _rewritten(fetched: Fetched) -> str:
    return (
        f"The branch was rewritten: {fetched.commit[:12]} does not descend from {(fetched.previous or '')[:12]}, which "
        f"stays in force. Accept commit {fetched.commit} if that was meant, or push a commit on top of the old one."
    )


def _refused(commit: str | None, problems: Sequence[Diagnostic]) -> str:
    errors = [problem for problem in problems if problem.severity is Severity.ERROR]
    told = [f"{error.at}: {error.summary}: {error.detail}" if error.at else error.detail for error in errors[:MAX_TOLD]]
    if len(errors) > MAX_TOLD:
        told.append(f"... and {len(errors) - MAX_TOLD} more.")
    what = f"Commit {commit[:12]}" if commit else "The directory"
    return "\n".join((f"{what} has {len(errors)} error{'s' if len(errors) != 1 else ''}:", *told))
