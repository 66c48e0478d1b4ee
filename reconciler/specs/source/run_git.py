"""Runs git, as short processes only, each with a time limit: nothing stays open.

What git may do is said in ``_CONFIG``: no hooks, no helpers, no submodules, no questions on a terminal.
"""

import os
import re
from pathlib import Path
from typing import BinaryIO, Protocol

import git

from ...model.errors import PermanentError, TemporaryError
from ...model.redaction import redact
from .git_address import SCHEMES

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


class Git(Protocol):
    """Standard output of a git command in one repository."""

    def __call__(self, *arguments: str, stdin: BinaryIO | None = None) -> bytes: ...


def run_git(
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


def checked(commit: str) -> str:
    """A commit's full name.

    Raises:
        PermanentError: It is something else, which git might take for an option or another name.
    """
    if not _COMMIT.fullmatch(commit):
        raise PermanentError(f"{commit!a} is not the full name of a commit")
    return commit


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


def exit_status(error: Exception) -> int | None:
    """What git ended with, where that is why an error was raised."""
    cause = error.__cause__
    return cause.status if isinstance(cause, git.GitCommandError) and isinstance(cause.status, int) else None


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
