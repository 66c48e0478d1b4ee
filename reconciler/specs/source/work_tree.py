"""Repositories with a work tree: what lies in one, and what was committed there."""

import hashlib
from functools import partial
from pathlib import Path

import git

from ...model.errors import PermanentError, TemporaryError
from ..files import SUFFIXES
from .commit_files import Files, blobs_of, hidden, read_files
from .git_address import check_branch
from .run_git import Git, checked, is_ancestor, run_git


def create_repository(folder: Path, branch: str = "main") -> None:
    """Make a folder a git repository with a work tree, for demonstrations."""
    folder.mkdir(parents=True, exist_ok=True)
    run_git(folder, folder / ".git", "init", "--quiet", "--template=", f"--initial-branch={check_branch(branch)}")


def commit_all(folder: Path, message: str) -> str:
    """Commit everything in a work tree, as nobody in particular. Returns the commit."""
    who = ("-c", "user.name=Operator", "-c", "user.email=operator@example.com")
    run_git(folder, folder / ".git", "add", "--all")
    run_git(folder, folder / ".git", *who, "commit", "--quiet", "--allow-empty", f"--message={message}")
    return run_git(folder, folder / ".git", "rev-parse", "HEAD").decode().strip()


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
        told = blobs_of(run, below, checked(commit))
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
    return read_files(run, below, commit)


def repository_of(folder: Path) -> Git:
    """How to ask the repository that a folder lies in.

    Raises:
        PermanentError: It lies in none.
    """
    found = _work_tree(folder)
    if found is None:
        raise PermanentError(f"{folder} is in no git repository")
    return found[0]


def left_at(run: Git, commit: str) -> str | None:
    """Where the history of a work tree left the one of a commit that it does not have.

    None: it has that commit, or nobody here can tell.
    """
    try:
        if is_ancestor(run, commit, "HEAD"):
            return None
        return run("merge-base", checked(commit), "HEAD").decode().strip()
    except (TemporaryError, PermanentError):
        return None


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
    return partial(run_git, root, git_dir), inside.relative_to(root).as_posix()


def _written(folder: Path, below: str, digits: int) -> dict[str, str]:
    """The YAML files of a folder as git would name their contents, by path from the repository's root."""
    inside, made = folder.resolve(), {}
    for path in sorted(inside.rglob("*.y*ml")):
        name = path.relative_to(inside).as_posix()
        if not path.is_file() or not name.endswith(SUFFIXES) or hidden(name):
            continue
        content = path.read_bytes()
        digest = hashlib.new("sha256" if digits == 64 else "sha1", b"blob %d\0" % len(content), usedforsecurity=False)
        digest.update(content)
        made[name if below == "." else f"{below}/{name}"] = digest.hexdigest()
    return made
