"""Checks addresses, branches and folders before git is handed any, and shows them without passwords.

Git takes programs for addresses (``ext::sh -c ...``) and options where it expects
names (``--upload-pack=...``). So what is allowed is spelled out, and the rest is refused.
"""

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ...model.errors import PermanentError
from ...model.redaction import redact_address

SCHEMES = ("https", "ssh", "file")
_HOST = r"(?:[A-Za-z0-9][A-Za-z0-9.-]*|\[[0-9A-Fa-f:.]+\])"
_USER = r"[A-Za-z0-9_][A-Za-z0-9._-]*"
_SCP_LIKE = re.compile(rf"{_USER}@{_HOST}:(?P<path>\S+)")
_SSH_PLACE = re.compile(rf"(?:{_USER}(?::[^@]*)?@)?{_HOST}(?::\d+)?")
_HTTPS_PLACE = re.compile(rf"(?:[^@\s]*@)?{_HOST}(?::\d+)?")
_BRANCH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._/+@#=-]*")


def check_url(url: str) -> str:
    """The address, when it may be handed to git.

    Raises:
        PermanentError: It is none of https, ssh, ``user@host:path``, ``file:///path`` and an absolute path.
    """
    problem = _problem_with_url(url)
    if problem:
        shown = redact_address(ascii(url)[1:-1])
        raise PermanentError(
            f'The repository address "{shown}" is refused: {problem}. Use https://host/path, ssh://user@host/path, '
            "user@host:path, file:///path or an absolute path."
        )
    return url


def check_branch(branch: str) -> str:
    """The branch's name, when it may be handed to git (git-check-ref-format(1), and nothing that needs quoting).

    Raises:
        PermanentError: It is not such a name.
    """
    odd = ("..", "//", "@{", "/.", "./", ".lock/")
    if not _BRANCH.fullmatch(branch) or any(o in branch for o in odd) or branch.endswith((".lock", "/", ".")):
        raise PermanentError(f'The branch name "{ascii(branch)[1:-1]}" is refused: it is not the name of a git branch.')
    return branch


def check_folder(folder: str) -> str:
    """The folder inside the repository, without a final slash; "." is the whole repository.

    Raises:
        PermanentError: It is not a relative path that stays inside.
    """
    parts = folder.rstrip("/").split("/")
    if folder.rstrip("/") == ".":
        return "."
    if not folder.isprintable() or any(part in ("", ".", "..") or part.startswith("-") for part in parts):
        raise PermanentError(
            f'The folder "{ascii(folder)[1:-1]}" is refused: name one inside the repository, such as "cluster-specs".'
        )
    return "/".join(parts)


def local_path(url: str) -> Path | None:
    """Where the repository lies when it lies on this machine."""
    if url.startswith("/"):
        return Path(url)
    return Path(unquote(urlsplit(url).path)) if url.startswith("file://") else None


def _problem_with_url(url: str) -> str | None:
    """Why git may not be given this address, as the end of a sentence; None: it may."""
    if not url.isprintable() or " " in url:
        return "it holds spaces or control characters"
    if url.startswith("-"):
        return "it would be taken for an option"
    if re.match(r"[A-Za-z0-9+.-]*::", url):
        return "helpers of git (name::address) run programs"
    if mark := next((mark for mark in "?#" if mark in url), None):
        return f'it holds "{mark}", and no repository has a query or a fragment; a token belongs before the host'
    scheme, separator, rest = url.partition("://")
    if separator:
        return _problem_with_scheme(scheme, rest)
    if url.startswith("/"):
        return _problem_with_path(url)
    if found := _SCP_LIKE.fullmatch(url):
        return _problem_with_path(found["path"])
    return "it is neither an address nor an absolute path"


def _problem_with_scheme(scheme: str, rest: str) -> str | None:
    if scheme not in SCHEMES:
        return f"{scheme}:// is not allowed"
    place, slash, path = rest.partition("/")
    if not slash:
        return "it names no path"
    if scheme == "file":
        return f'"{place}" is another machine' if place not in ("", "localhost") else _problem_with_path(path)
    allowed = _SSH_PLACE if scheme == "ssh" else _HTTPS_PLACE
    return _problem_with_path(path) if allowed.fullmatch(place) else "it names no host"


def _problem_with_path(path: str) -> str | None:
    if any(part.startswith("-") for part in unquote(path).split("/")):
        return "a part of its path would be taken for an option"
    return None
