"""A site's specs: where they come from, which of them are in force, and what was reported of those that are not."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, Protocol

from ..enc.check import check as check_documents
from ..model.errors import PermanentError, TemporaryError
from ..model.observations import Notice
from ..model.tree import SpecTree
from ..render.diagnostics import render_text
from ..specs.authority.floor import held_up, raised
from ..specs.files import UnreadableError, read_directory
from ..specs.loader import Loaded, load_tree, with_problems
from ..specs.puppet_module import known_signatures
from ..specs.settings_table import load_table
from ..specs.source.follow import DirectorySource, FollowedSource, Repository, SourceLook, SourceState
from ..specs.source.git import GitSource
from ..specs.source.run_git import full_name
from ..specs.source.work_tree import commit_of, left_at, read_commit, repository_of
from ..specs.validate import validate
from .config import Config, SourceConfig
from .database import SiteDatabase
from .orders import Orders

_STATE, _ACCEPTED, _SEEN = "source", "accepted-commits", "seen-commits"
_NO_COMMITS = (
    "The configuration has an authority, and a directory has no commits that anybody could have signed. "
    "Name the branch to follow (source), or take the authority out."
)


class Mirror(Repository, Protocol):
    """What specs are read from that are in a branch."""

    def head(self) -> str | None:
        """The newest commit, without asking the repository; None before the first fetch."""

    def committed_at(self, commit: str) -> datetime: ...

    def watchable(self) -> tuple[Path, ...]:
        """Folders that change when the branch does; none where nobody can tell."""

    def ask(self, *arguments: str, stdin: BinaryIO | None = None) -> bytes:
        """What git says in the mirror."""


MakeMirror = Callable[[SourceConfig, Path], Mirror]
"""Makes the mirror of a branch, which keeps what it fetched below a folder."""


def git_mirror(given: SourceConfig, folder: Path) -> GitSource:
    """A mirror made by git.

    Raises:
        PermanentError: Address, branch or folder are not such that they may be handed to git.
    """
    return GitSource(given.url, given.branch, given.folder, folder)


CheckSpecs = Callable[[Mapping[str, bytes]], Loaded]
"""Makes a tree of the files of one, with every problem found."""


@dataclass(frozen=True)
class SpecReading:
    """How specs are fetched and read; a simulation does it otherwise."""

    mirror: MakeMirror
    check: CheckSpecs


class SpecSource:
    """The specs that a configuration names: a branch of a repository, or a directory as it is."""

    def __init__(
        self,
        config: Config,
        follows: SourceConfig | None,
        now: Callable[[], datetime],
        database: SiteDatabase,
        reading: SpecReading,
    ) -> None:
        """Nothing is read yet.

        Args:
            config: Names the specs.
            follows: The branch that the daemon follows, where ``config`` names other specs in its place.
            now: The clock.
            database: Says what was taken before, and is told what is taken.
            reading: Makes the mirror of a branch, and trees of files.
        """
        self._config, self._follows = config, follows
        self._now, self._database, self._reading = now, database, reading
        self._committed_at: dict[str, datetime] = {}
        self.problem: str | None = None  # why what is newest was not in force, when that was last asked for
        self.held_up: tuple[str, ...] = ()  # rules of the policy in force that are stricter than the specs say

    @cached_property
    def _source(self) -> FollowedSource[Loaded] | DirectorySource[Loaded]:
        given = self._config.source
        if given is None:
            return DirectorySource(self._config.specs, _read, self._checked)
        mirror, orders = self._mirror(given), self._orders
        if orders is None:
            return FollowedSource(mirror, self._checked)
        return FollowedSource(mirror, self._checked, lambda good, commit: orders.problem(mirror.ask, good, commit))

    @cached_property
    def _orders(self) -> Orders | None:
        """Who ordered commits; None where nobody asks."""
        if self._config.authority is None:
            return None
        return Orders(self._config.authority, self._now, self._seen())

    def _seen(self) -> dict[str, datetime]:
        """When those commits were seen first that are not in force yet."""
        kept: dict[str, str] = json.loads(self._saved(_SEEN) or "{}")
        return {name: datetime.fromisoformat(at) for name, at in kept.items()}

    def _mirror(self, given: SourceConfig) -> Mirror:
        return self._reading.mirror(given, self._config.state / "git")

    def load(self) -> Loaded:
        """The newest specs with every problem, good or not; for ``validate``."""
        if self._config.source is None:
            return self._checked(_read(self._config.specs))
        mirror = self._mirror(self._config.source)
        return self._checked(mirror.read(mirror.fetch().commit).files)

    def _checked(self, files: Mapping[str, bytes]) -> Loaded:
        """The specs of some files, with the policy that the daemon's floor leaves of theirs."""
        loaded = self._reading.check(files)
        if loaded.tree is None or self._config.floor is None:
            return loaded
        policy = loaded.tree.fleet.policy
        return replace(loaded, tree=self._floored(loaded.tree), held_up=held_up(policy, self._config.floor))

    def _floored(self, tree: SpecTree) -> SpecTree:
        if self._config.floor is None:
            return tree
        policy = raised(tree.fleet.policy, self._config.floor)
        return replace(tree, fleet=tree.fleet.model_copy(update={"policy": policy}))

    def state(self) -> SourceState:
        """What the last look gave."""
        text = self._saved(_STATE)
        return SourceState.from_json(text) if text else SourceState()

    def committed_at(self, commit: str | None) -> datetime | None:
        """When a commit was made; None for a directory, and where the mirror does not have it."""
        if self._config.source is None or commit is None:
            return None
        if commit not in self._committed_at:
            try:
                self._committed_at = {commit: self._mirror(self._config.source).committed_at(commit)}
            except (TemporaryError, PermanentError):
                return None
        return self._committed_at[commit]

    def look(self) -> SourceLook[Loaded]:
        """Look at the source, and keep what was found."""
        before, orders = self.state(), self._orders
        if orders is not None and self._config.source is None:
            return SourceLook(replace(before, problem=_NO_COMMITS), None)
        seen = self._seen()
        if orders is not None:
            orders.seen = seen
        looked = self._source.look(before, accepted=self._accepted())
        self.held_up = looked.loaded.held_up if looked.loaded is not None else ()
        if looked.state != before:
            self._database.writing.save_state(_STATE, looked.state.to_json())
            self._database.writing.record((), tuple(_told(before, looked.state, self._now())))
        if orders is not None and orders.seen != seen:
            kept = {name: at.isoformat() for name, at in orders.seen.items()}
            self._database.writing.save_state(_SEEN, json.dumps(kept))
        return looked

    def watchable(self) -> tuple[Path, ...]:
        """Folders whose changes may mean new specs; none for a repository elsewhere."""
        given = self._config.source
        if given is None:
            return (self._config.specs,)
        return self._mirror(given).watchable()

    def accept(self, commit: str, *, who: str, why: str) -> None:
        """Let a rewritten branch be taken at exactly this commit."""
        self._database.writing.save_state(_ACCEPTED, json.dumps([*self._accepted(), commit][-100:]))
        text = f"the rewritten branch is accepted at {commit[:12]}: {why}"
        self._database.writing.record((), (Notice(None, self._now(), "commit-accepted", text, who),))

    def in_force(self, *, newest: bool = False) -> tuple[str | None, SpecTree]:
        """The commit and the tree that plans are made from. Changes nothing but the mirror.

        Args:
            newest: Ask the repository first. Else it is asked only when nobody ever did: what the daemon took counts.

        Raises:
            PermanentError: There is none: what is newest does not validate, and nothing before it ever did.
        """
        if self._config.source is None:
            loaded = self.load()
            if loaded.tree is None:
                raise PermanentError(f"the specs have errors:\n\n{render_text(loaded.problems, loaded.sources)}")
            self.held_up = loaded.held_up
            return commit_of(self._config.specs), loaded.tree
        state = self.state()
        known = None if newest or state.good is None else self._recalled(state)
        looked = known or self._source.look(state, accepted=self._accepted())
        if looked.loaded is None or looked.loaded.tree is None:
            raise PermanentError(looked.state.problem or "the source has no valid specs yet")
        self.problem, self.held_up = looked.state.problem, looked.loaded.held_up
        return looked.state.good, looked.loaded.tree

    def tree(self) -> SpecTree:
        """The tree that plans are made from."""
        return self.in_force()[1]

    def files(self, commit: str | None) -> Mapping[str, bytes]:
        """The files that plans are made from, by path; ``in_force`` names the commit."""
        if self._config.source is None or commit is None:
            return _read(self._config.specs)
        return self._mirror(self._config.source).read(commit).files

    def tree_at(self, commit: str) -> SpecTree | None:
        """The specs at a commit; None where ``files_at`` has no files of it."""
        files = self.files_at(commit)
        tree = load_tree(files, load_table()).tree if files is not None else None
        return self._floored(tree) if tree is not None else None

    def tree_named(self, name: str) -> SpecTree | None:
        """The specs at a commit; None where there are none. In a work tree any name of git's does: a branch, a tag."""
        if self._config.source is not None:
            return self.tree_at(name)
        try:
            return self.tree_at(full_name(repository_of(self._config.specs), name))
        except (PermanentError, TemporaryError):
            return None

    def left_at(self, name: str) -> str | None:
        """The commit at which the branch in the work tree left another history, where it lacks what that did to specs.

        Args:
            name: The other history's newest commit; any name of git's.

        Returns:
            None where it lacks nothing, or nobody here can tell.
        """
        if self._config.source is not None:
            return None
        try:
            run = repository_of(self._config.specs)
            commit = full_name(run, name)
            left = left_at(run, commit)
        except (PermanentError, TemporaryError):
            return None
        return None if left is None or self.files_at(left) == self.files_at(commit) else left

    def files_at(self, commit: str) -> Mapping[str, bytes] | None:
        """The files at a commit, from the repository that holds the specs directory, or from the daemon's mirror."""
        try:
            files = read_commit(self._config.specs, commit) if self._config.source is None else None
            if files is None and self._follows is not None:
                mirror = self._mirror(self._follows)
                files = mirror.read(commit) if mirror.head() else None
        except (PermanentError, TemporaryError):
            return None
        return files.files if files else None

    def _recalled(self, state: SourceState) -> SourceLook[Loaded] | None:
        """The specs in force, from the mirror alone; None where it does not have them."""
        assert isinstance(self._source, FollowedSource)
        looked = self._source.recall(state)
        return looked if looked.loaded is not None else None

    def _accepted(self) -> list[str]:
        found: list[str] = json.loads(self._saved(_ACCEPTED) or "[]")
        return found

    def _saved(self, name: str) -> str | None:
        store = self._database.reading
        return store.state(name) if store else None


def check(files: Mapping[str, bytes]) -> Loaded:
    """Everything that can be said of a spec tree without looking at machines."""
    loaded = validate(files, settings_table=load_table(), module_versions=tuple(known_signatures()))
    if loaded.tree is None:
        return loaded
    return with_problems(loaded, check_documents(loaded.tree, known_signatures()))


AS_EVER = SpecReading(git_mirror, check)
"""From a repository of git, and whole."""


def _told(before: SourceState, now: SourceState, at: datetime) -> Iterator[Notice]:
    """What to say when another commit is in force, or one was refused."""
    if now.good is not None and now.good != before.good:
        yield Notice(None, at, "commit-in-force", f"the specs of commit {now.good[:12]} are in force")
    if now.problem is not None and now.problem != before.problem:
        yield Notice(None, at, "commit-refused", now.problem)


def _read(path: Path) -> dict[str, bytes]:
    try:
        return read_directory(path)
    except UnreadableError as error:
        raise PermanentError(str(error)) from None
