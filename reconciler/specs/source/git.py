"""Reads a branch of a git repository, without a work tree. The one module that touches GitPython.

A bare mirror below a cache folder holds the branch and its whole history; git runs
in it as short processes only, each with a time limit, so nothing stays open. What
git is given is checked in ``git_address``; what it may do is said in ``_CONFIG``:
no hooks, no helpers, no submodules, no questions on a terminal.
"""

import contextlib
import hashlib
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import BinaryIO, Protocol

import git

from ...execution import seam
from ...model.errors import PermanentError, TemporaryError
from ...model.redaction import redact, redact_address
from ..files import SUFFIXES
from .alone import alone_in
from .git_address import SCHEMES, check_branch, check_folder, check_url, local_path
from .links import LinkError, follow

MAX_FILES = 10_000
MAX_FILE_BYTES = 4 * 1024 * 1024
MAX_TOTAL_BYTES = 64 * 1024 * 1024
"""Of all specs at a commit; ten thousand Machine documents are 3 MB."""
MAX_NOTES = 20
MAX_LINK_BYTES = 4096
"""Of the text of a symbolic link: the kernel's PATH_MAX."""

_LINK = "120000"
"""Mode of a symbolic link in a tree of git."""
_BRANCH = "refs/reconciler/branch"
_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_CONFIG = {
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "protocol.ext.allow": "never",
    "submodule.recurse": "false",
    "fetch.recurseSubmodules": "no",
    "gc.autoDetach": "false",  # a detached one would outlive us
    "gc.pruneExpire": "never",  # the commit in force may be on no branch any more
    "safe.directory": "*",  # the mirror may be read by root and by the daemon's own user
    "commit.gpgSign": "false",
    "core.commitGraph": "false",  # who a commit's parents are, its own bytes say
    "core.attributesFile": os.devnull,  # nobody else has a say in how merges are made again
}
_LOCAL_CONFIG = "[safe]\n\tdirectory = *\n"
"""For git's other end in a local repository, which may belong to anybody: the operator named it."""

_NO_USE_TRYING = (
    "couldn't find remote ref",
    "does not appear to be a git repository",
    "repository not found",
    "authentication failed",
    "could not read username",
    "could not read password",
    "permission denied",
    "access denied",
    "host key verification failed",
    "dubious ownership",
    "not allowed",
    "returned error: 403",
)
"""What git (2.39, LC_ALL=C) says where only a human can help."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a fetch found. ``rewritten``: ``previous`` is not among the commit's ancestors, or unknown here."""

    commit: str
    rewritten: bool = False
    previous: str | None = None


@dataclass(frozen=True, slots=True)
class Files:
    """The specs at a commit, by path from the repository's root; and what was left out, as sentences."""

    files: Mapping[str, bytes]
    notes: tuple[str, ...] = ()


class Git(Protocol):
    """Standard output of a git command in one repository."""

    def __call__(self, *arguments: str, stdin: BinaryIO | None = None) -> bytes: ...


@dataclass(frozen=True, slots=True)
class _Entry:
    mode: str
    kind: str  # blob | commit (a submodule)
    sha: str
    size: int
    path: str


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
        return _read(self._git, self.folder, checked(commit))

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
        return _run(self._mirror, self._mirror, *arguments, timeout=self._timeout, global_config=local, stdin=stdin)


def create_repository(folder: Path, branch: str = "main") -> None:
    """Make a folder a git repository with a work tree, for demonstrations."""
    folder.mkdir(parents=True, exist_ok=True)
    _run(folder, folder / ".git", "init", "--quiet", "--template=", f"--initial-branch={check_branch(branch)}")


def commit_all(folder: Path, message: str) -> str:
    """Commit everything in a work tree, as nobody in particular. Returns the commit."""
    who = ("-c", "user.name=Operator", "-c", "user.email=operator@example.com")
    _run(folder, folder / ".git", "add", "--all")
    _run(folder, folder / ".git", *who, "commit", "--quiet", "--allow-empty", f"--message={message}")
    return _run(folder, folder / ".git", "rev-parse", "HEAD").decode().strip()


def commit_of(folder: Path) -> str | None:
    """The commit whose specs lie in a folder of a work tree, file by file; None when there is none.

    Only reads: no index is refreshed, no filter and no hook of the repository runs.
    """
    found = _work_tree(folder)
    if found is None:
        return None
    run, below = found
    try:
        commit = run("rev-parse", "--verify", "--quiet", "HEAD^{commit}").decode().strip()
        told = {entry.path: entry.sha for entry in _specs(run, below, checked(commit))[0]}
    except (TemporaryError, PermanentError):
        return None  # no commit yet, or a repository that git does not want to read
    return commit if told == _written(folder, below, len(commit)) else None


def read_commit(folder: Path, commit: str) -> Files | None:
    """What the specs in a folder of a work tree were at a commit; None where its repository does not have it.

    Raises:
        PermanentError: At that commit there are no specs in the folder, or too much.
    """
    found = _work_tree(folder)
    if found is None:
        return None
    run, below = found
    try:
        run("cat-file", "-e", f"{checked(commit)}^{{commit}}")
    except (TemporaryError, PermanentError):
        return None
    return _read(run, below, commit)


def repository_of(folder: Path) -> Git:
    """How to ask the repository that a folder lies in.

    Raises:
        PermanentError: It lies in none.
    """
    found = _work_tree(folder)
    if found is None:
        raise PermanentError(f"{folder} is in no git repository")
    return found[0]


def full_name(run: Git, name: str) -> str:
    """The commit that somebody at the keyboard means.

    Raises:
        PermanentError: There is none of that name.
    """
    try:
        return run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}").decode().strip()
    except (TemporaryError, PermanentError) as error:
        if exit_status(error) is None:
            raise
        raise PermanentError(f'there is no commit "{name}" here') from None


def is_ancestor(run: Git, old: str, new: str) -> bool:
    """Whether a commit is another one's ancestor; no, where nobody here knows it."""
    try:
        run("merge-base", "--is-ancestor", checked(old), new)
    except (TemporaryError, PermanentError) as error:
        if exit_status(error) in (1, 128):
            return False  # 1: it is not; 128: nobody here knows that commit
        raise
    return True


def _work_tree(folder: Path) -> tuple[Git, str] | None:
    """How to ask the repository that a folder lies in, and what the folder is called there; None: it lies in none."""
    inside = folder.resolve()
    root = next((path for path in (inside, *inside.parents) if (path / ".git").exists()), None)
    if root is None:
        return None
    try:
        with git.Repo(root) as repository:
            git_dir = Path(repository.git_dir)
    except (git.InvalidGitRepositoryError, git.NoSuchPathError):
        return None
    return partial(_run, root, git_dir), inside.relative_to(root).as_posix()


def _written(folder: Path, below: str, digits: int) -> dict[str, str]:
    """The YAML files of a folder as git would name their contents, by path from the repository's root."""
    inside, made = folder.resolve(), {}
    for path in sorted(inside.rglob("*.y*ml")):
        name = path.relative_to(inside).as_posix()
        if not path.is_file() or not name.endswith(SUFFIXES) or _hidden(name):
            continue
        content = path.read_bytes()
        digest = hashlib.new("sha256" if digits == 64 else "sha1", b"blob %d\0" % len(content), usedforsecurity=False)
        digest.update(content)
        made[name if below == "." else f"{below}/{name}"] = digest.hexdigest()
    return made


def _hidden(path: str) -> bool:
    return any(part.startswith(".") for part in path.split("/"))


def _read(run: Git, folder: str, commit: str) -> Files:
    wanted, notes = _specs(run, folder, commit)
    _check_size(folder, commit, wanted)
    return Files(dict(zip((e.path for e in wanted), _contents(run, wanted), strict=True)), _first(notes))


def _specs(run: Git, folder: str, commit: str) -> tuple[list[_Entry], list[str]]:
    """The YAML files of a folder at a commit, and what is left out, as sentences. Links are followed within the folder.

    Raises:
        PermanentError: A link leads out of the folder, in a circle, nowhere, or to what is no YAML.
    """
    wanted, notes = [], []
    entries = {entry.path: entry for entry in _entries(run, folder, commit)}
    links = _links(run, entries.values())
    for entry in entries.values():
        if _hidden(entry.path.removeprefix(f"{folder}/")):
            continue
        if entry.mode == "160000":
            notes.append(f'"{entry.path}" is a submodule and was left out.')
        elif not entry.path.isprintable():
            notes.append(f"{entry.path!a} has an unreadable name and was left out.")
        elif entry.path in links and not entry.path.endswith(SUFFIXES):
            notes.append(f'"{entry.path}" is a symbolic link and was left out: only links to files are followed.')
        elif entry.path.endswith(SUFFIXES):
            wanted += _led_to(entry, entries, links, folder)
    return wanted, notes


def _links(run: Git, entries: Iterable[_Entry]) -> dict[str, str]:
    """What is written in each symbolic link, by its path."""
    found = [entry for entry in entries if entry.mode == _LINK and entry.size <= MAX_LINK_BYTES]
    texts = _contents(run, found) if found else ()
    return {entry.path: text.decode(errors="surrogateescape") for entry, text in zip(found, texts, strict=True)}


def _led_to(entry: _Entry, entries: Mapping[str, _Entry], links: Mapping[str, str], folder: str) -> list[_Entry]:
    """What is read under the name of a file or of a link: one file, or none where the link leads to a folder.

    Raises:
        PermanentError: A link leads out of the folder, in a circle, nowhere, or to what is no YAML.
    """
    if entry.mode != _LINK:
        return [entry]
    try:
        path = follow(entry.path, links, folder)
    except LinkError as error:
        raise PermanentError(f'"{entry.path}" is a link that {error}. Put the file itself there') from None
    if path in entries:
        if not path.endswith(SUFFIXES):
            raise PermanentError(f'"{entry.path}" is a link that leads to "{path}", which is no YAML file')
        return [replace(entries[path], path=entry.path)]
    if any(other.startswith(f"{path}/") for other in entries):
        return []
    raise PermanentError(f'"{entry.path}" is a link that leads nowhere. Put the file itself there')


def _entries(run: Git, folder: str, commit: str) -> Iterator[_Entry]:
    below = () if folder == "." else ("--", f"{folder}/")
    listed = run("ls-tree", "-r", "-z", "-l", "--full-tree", commit, *below)
    for line in listed.split(b"\0")[:-1]:
        about, _, path = line.partition(b"\t")
        mode, kind, sha, size = about.decode().split()
        yield _Entry(mode, kind, sha, 0 if size == "-" else int(size), path.decode(errors="surrogateescape"))


def _check_size(folder: str, commit: str, entries: list[_Entry]) -> None:
    """Accept what a commit holds, before any of it is read.

    Raises:
        PermanentError: There is no YAML file, a file is too large, or all of them are too many or too large.
    """
    if not entries:
        raise PermanentError(f'Commit {commit[:12]} has no YAML file below "{folder}"')
    largest = max(entries, key=lambda entry: entry.size)
    if largest.size > MAX_FILE_BYTES:
        raise PermanentError(
            f'"{largest.path}" at commit {commit[:12]} has {largest.size} bytes; a spec may have {MAX_FILE_BYTES}'
        )
    total = sum(entry.size for entry in entries)
    if len(entries) > MAX_FILES or total > MAX_TOTAL_BYTES:
        raise PermanentError(
            f'"{folder}" at commit {commit[:12]} has {len(entries)} YAML files and {total} bytes; '
            f"{MAX_FILES} files and {MAX_TOTAL_BYTES} bytes are the most"
        )


def _contents(run: Git, entries: list[_Entry]) -> Iterator[bytes]:
    """Each entry's bytes, in order, from one process: ``<name> blob <size>``, the bytes, a newline."""
    with tempfile.TemporaryFile() as names:
        names.write("".join(f"{entry.sha}\n" for entry in entries).encode())
        names.seek(0)
        answered = run("cat-file", "--batch", stdin=names)
    at = 0
    for entry in entries:
        start = answered.index(b"\n", at) + 1
        at = start + entry.size + 1
        yield answered[start : at - 1]


def checked(commit: str) -> str:
    """A commit's full name.

    Raises:
        PermanentError: It is something else, which git might take for an option or another name.
    """
    if not _COMMIT.fullmatch(commit):
        raise PermanentError(f"{commit!a} is not the full name of a commit")
    return commit


def exit_status(error: Exception) -> int | None:
    """What git ended with, where that is why an error was raised."""
    cause = error.__cause__
    return cause.status if isinstance(cause, git.GitCommandError) and isinstance(cause.status, int) else None


def _first(notes: list[str]) -> tuple[str, ...]:
    more = len(notes) - MAX_NOTES
    return tuple(notes) if more <= 0 else (*notes[:MAX_NOTES], f"{more} more were left out.")


def _run(
    folder: Path,
    git_dir: Path,
    *arguments: str,
    timeout: float = 60.0,
    global_config: Path | None = None,
    stdin: BinaryIO | None = None,
) -> bytes:
    """Standard output of ``git ARGUMENTS``, untouched."""
    process = git.Git(folder)
    process.update_environment(**_environment(git_dir, global_config))
    try:
        answer = process.execute(
            ["git", *arguments],
            istream=stdin,
            stdout_as_string=False,
            strip_newline_in_stdout=False,
            kill_after_timeout=timeout,
        )
    except git.GitCommandNotFound as error:
        raise PermanentError("The program git is not installed (apt: git)") from error
    except git.GitCommandError as error:
        raise _failure(error, timeout) from error
    assert isinstance(answer, bytes)
    return answer


def _environment(git_dir: Path, global_config: Path | None) -> dict[str, str]:
    """What git is told. As environment, it holds for the processes that git starts too, and beats every file."""
    told = {
        "GIT_DIR": str(git_dir),  # whatever a hook that called us may have set
        "GIT_ALLOW_PROTOCOL": ":".join(SCHEMES),
        "GIT_LITERAL_PATHSPECS": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_NO_REPLACE_OBJECTS": "1",  # what a commit is, its name says
        "GIT_GRAFT_FILE": os.devnull,
        "GIT_ATTR_NOSYSTEM": "1",
        "SSH_ASKPASS": "/bin/false",  # ssh asks nobody either (OpenSSH 8.4 and later)
        "SSH_ASKPASS_REQUIRE": "force",
        "GIT_CONFIG_COUNT": str(len(_CONFIG)),
    }
    for number, (key, value) in enumerate(_CONFIG.items()):
        told |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return told | ({"GIT_CONFIG_GLOBAL": str(global_config)} if global_config else {})


def _failure(error: git.GitCommandError, timeout: float) -> TemporaryError | PermanentError:
    said = redact(" ".join(str(error.stderr or "").split()).removeprefix("stderr: ").strip("'")) or "no reason given"
    if error.status == -9 or "did not complete in" in said:
        return TemporaryError(f"git gave no answer within {timeout:g} s")
    lasting = any(phrase in said.lower() for phrase in _NO_USE_TRYING)
    return (PermanentError if lasting else TemporaryError)(f"git failed: {said[:1024]}")
