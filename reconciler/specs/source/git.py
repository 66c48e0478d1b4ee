"""Reads a branch of a git repository, without a work tree.

A bare mirror below a cache folder holds the branch and its whole history. What git is given is checked in
``git_address``; what it may do is said in ``run_git``.
"""

import contextlib
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import git

from ...execution import seam
from ...model.errors import TemporaryError
from ...model.redaction import redact_address
from .alone import alone_in
from .commit_files import Files, read_files
from .git_address import check_branch, check_folder, check_url, local_path
from .run_git import checked, is_ancestor, run_git

_BRANCH = "refs/reconciler/branch"
_LOCAL_CONFIG = "[safe]\n\tdirectory = *\n"
"""For git's other end in a local repository, which may belong to anybody: the operator named it."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a fetch found. ``rewritten``: ``previous`` is not among the commit's ancestors, or unknown here."""

    commit: str
    rewritten: bool = False
    previous: str | None = None


class GitSource:
    """One branch of one repository. Its methods block, for at most ``timeout`` seconds per git process."""

    def __init__(self, url: str, branch: str, folder: str, cache_dir: str | Path, *, timeout: float = 60.0) -> None:
        """Check the names; nothing is run or written yet.

        Raises:
            PermanentError: Address, branch or folder are not such that they may be handed to git.
        """
        self.url, self.branch, self.folder = check_url(url), check_branch(branch), check_folder(folder)
        name = hashlib.sha256(f"{url}\0{branch}".encode()).hexdigest()[:16]
        self._mirror = Path(cache_dir).absolute() / f"{name}.git"
        self._local_config = self._mirror / "local.gitconfig"
        self._timeout = timeout

    def __repr__(self) -> str:
        return f"GitSource({redact_address(self.url)!r}, {self.branch!r}, {self.folder!r})"

    def fetch(self, since: str | None = None) -> Fetched:
        """Bring the mirror up to date, and tell how its newest commit relates to ``since``.

        Raises:
            TemporaryError: The repository cannot be reached now, or another process has fetched from it for long.
            PermanentError: There is no such repository or branch, or it lets us not in.
        """
        refspec = f"+refs/heads/{self.branch}:{_BRANCH}"
        options = ("--quiet", "--force", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules")
        with alone_in(self._mirror, 2 * self._timeout):  # of two at once git refuses one
            self._remove_dead_locks()
            self._make_mirror()
            self._git("fetch", *options, "--end-of-options", self.url, refspec)
            commit = self.head()
        if commit is None:
            raise TemporaryError(f'The branch "{self.branch}" vanished while it was fetched')
        rewritten = since is not None and since != commit and not is_ancestor(self._git, since, commit)
        return Fetched(commit, rewritten, since)

    def head(self) -> str | None:
        """The newest commit in the mirror, without asking the repository; None before the first fetch."""
        if not self._local_config.exists():
            return None
        found = self._git("for-each-ref", "--format=%(objectname)", _BRANCH).decode().strip()
        return found or None

    def read(self, commit: str) -> Files:
        """The YAML files below the folder at a commit that was fetched.

        A link is followed to a YAML file of the same folder; a submodule is left out, with a note.

        Raises:
            PermanentError: The commit is not in the mirror, has no specs in the folder, or too much.
        """
        return read_files(self._git, self.folder, checked(commit))

    def committed_at(self, commit: str) -> datetime:
        """When a commit that was fetched was made, as its committer's clock had it."""
        return datetime.fromtimestamp(int(self._git("show", "--no-patch", "--format=%ct", checked(commit))), UTC)

    def ask(self, *arguments: str, stdin: BinaryIO | None = None) -> bytes:
        """What git says in the mirror. The caller vouches for the arguments."""
        return self._git(*arguments, stdin=stdin)

    def watchable(self) -> tuple[Path, ...]:
        """Folders that change when a local repository's branches do; none for a repository elsewhere."""
        path = local_path(self.url)
        if path is None:
            return ()
        try:
            with git.Repo(path) as repository:
                common = Path(repository.common_dir)
        except (git.InvalidGitRepositoryError, git.NoSuchPathError):
            return ()
        return tuple(folder for name in ("refs", "reftable") if (folder := common / name).is_dir())

    def _make_mirror(self) -> None:
        if self._local_config.exists():  # written last: what a crash left half-made is made again
            return
        self._git("init", "--bare", "--quiet", "--template=")
        self._local_config.write_text(_LOCAL_CONFIG)

    def _remove_dead_locks(self) -> None:
        """A git that was killed leaves its lock files, at which all after it stop. None of ours outlives the limit."""
        oldest = seam.now().timestamp() - 2 * self._timeout
        patterns = ("*.lock", "refs/**/*.lock", "objects/*/*.lock")
        for lock in [lock for pattern in patterns for lock in self._mirror.glob(pattern)]:
            with contextlib.suppress(FileNotFoundError):
                if lock.stat().st_mtime < oldest:
                    lock.unlink()

    def _git(self, *arguments: str, stdin: BinaryIO | None = None) -> bytes:
        local = self._local_config if local_path(self.url) else None
        return run_git(self._mirror, self._mirror, *arguments, timeout=self._timeout, global_config=local, stdin=stdin)
