"""A branch of specs without git: commits by their digest, and what a mirror of them is told."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, NamedTuple

from ..app.config import SourceConfig
from ..model.errors import PermanentError, TemporaryError
from ..specs.source.commit_files import Files
from ..specs.source.git import Fetched


class Commit(NamedTuple):
    """What is in a commit."""

    files: Mapping[str, bytes]
    parent: str | None
    at: datetime


@dataclass
class MemoryBranch:
    """A branch, and everybody who pushes to it."""

    now: Callable[[], datetime]
    commits: dict[str, Commit] = field(default_factory=dict)
    head: str | None = None
    is_away: bool = False

    def push(self, files: Mapping[str, bytes], parent: str | None = None) -> str:
        """Commit these files on top of the newest commit, or of another one, which rewrites the branch."""
        above = parent or self.head
        text = repr((above, sorted(files.items())))
        commit = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
        self.commits[commit] = Commit(dict(files), above, self.now())
        self.head = commit
        return commit

    def descends(self, commit: str | None, before: str) -> bool:
        """Whether a commit is another one, or follows it."""
        while commit is not None and commit != before:
            commit = self.commits[commit].parent
        return commit == before

    def mirror(self, given: SourceConfig, folder: Path) -> "MemoryMirror":
        """What the daemon has of it."""
        return MemoryMirror(self)


@dataclass
class MemoryMirror:
    """Implements ``app.spec_source.Mirror``."""

    branch: MemoryBranch

    def fetch(self, since: str | None = None) -> Fetched:
        if self.branch.is_away:
            raise TemporaryError("the repository cannot be reached")
        head = self.branch.head
        if head is None:
            raise PermanentError("there is no such branch")
        rewritten = since is not None and not self.branch.descends(head, since)
        return Fetched(head, rewritten, since)

    def read(self, commit: str) -> Files:
        if commit not in self.branch.commits:
            raise PermanentError(f"there is no commit {commit}")
        return Files(dict(self.branch.commits[commit].files), ())

    def head(self) -> str | None:
        return self.branch.head

    def committed_at(self, commit: str) -> datetime:
        return self.branch.commits[commit].at

    def watchable(self) -> tuple[Path, ...]:
        return ()

    def ask(self, *arguments: str, stdin: BinaryIO | None = None) -> bytes:
        raise PermanentError("there is no git here")
