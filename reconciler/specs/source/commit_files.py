"""The YAML files of a folder at a commit, read from a repository of git by rules that bound what is read."""

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from ...model.errors import PermanentError
from ..files import SUFFIXES
from .links import LinkError, follow
from .run_git import Git

MAX_FILES = 10_000
MAX_FILE_BYTES = 4 * 1024 * 1024
MAX_TOTAL_BYTES = 64 * 1024 * 1024
"""Of all specs at a commit; ten thousand Machine documents are 3 MB."""
MAX_NOTES = 20
MAX_LINK_BYTES = 4096
"""Of the text of a symbolic link: the kernel's PATH_MAX."""
_LINK = "120000"
"""Mode of a symbolic link in a tree of git."""


@dataclass(frozen=True, slots=True)
class Files:
    """The specs at a commit, by path from the repository's root; and what was left out, as sentences."""

    files: Mapping[str, bytes]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Entry:
    mode: str
    kind: str  # blob | commit (a submodule)
    sha: str
    size: int
    path: str


def read_files(run: Git, folder: str, commit: str) -> Files:
    """The specs of a folder at a commit.

    Args:
        run: Asks the repository.
        folder: From the repository's root; "." for the root itself.
        commit: Its full name.

    Raises:
        PermanentError: A link among them cannot be followed, there are none, or too much.
    """
    wanted, notes = _specs(run, folder, commit)
    _check_size(folder, commit, wanted)
    return Files(dict(zip((e.path for e in wanted), _contents(run, wanted), strict=True)), _first(notes))


def blobs_of(run: Git, folder: str, commit: str) -> dict[str, str]:
    """What git names the contents of the specs of a folder at a commit, by path from the repository's root.

    Raises:
        PermanentError: A link among them cannot be followed.
    """
    return {entry.path: entry.sha for entry in _specs(run, folder, commit)[0]}


def _specs(run: Git, folder: str, commit: str) -> tuple[list[_Entry], list[str]]:
    """The YAML files of a folder at a commit, and what is left out, as sentences. Links are followed within the folder.

    Raises:
        PermanentError: A link leads out of the folder, in a circle, nowhere, or to what is no YAML.
    """
    wanted, notes = [], []
    entries = {entry.path: entry for entry in _entries(run, folder, commit)}
    links = _links(run, entries.values())
    for entry in entries.values():
        if hidden(entry.path.removeprefix(f"{folder}/")):
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


def hidden(path: str) -> bool:
    """Whether a file, or a folder that it lies in, has a name that begins with a dot."""
    return any(part.startswith(".") for part in path.split("/"))


def _first(notes: list[str]) -> tuple[str, ...]:
    more = len(notes) - MAX_NOTES
    return tuple(notes) if more <= 0 else (*notes[:MAX_NOTES], f"{more} more were left out.")
