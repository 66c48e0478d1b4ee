"""Reads a spec tree's files from a directory: names, links, sizes and counts are bounded."""

import os
from pathlib import Path

from .yaml_reader import MAX_BYTES

SUFFIXES = (".yaml", ".yml")
MAX_FILES = 10_000
MAX_TOTAL_BYTES = 64 * 1024 * 1024
"""Of all files together; ten thousand Machine documents are 3 MB."""


class UnreadableError(Exception):
    """The directory cannot be read as a spec tree. The text says why, and what to do."""


def read_directory(directory: str | Path) -> dict[str, bytes]:
    """Every ``*.yaml`` and ``*.yml`` below a directory, by its path relative to where we stand.

    Hidden files and directories are left out, and so are submodules, linked directories
    and names that cannot be printed. A link to a file is followed when what it leads to
    is YAML inside the tree, in a hidden folder too; one that leads to anything else is
    refused, and so is one that is absolute. ``source.commit_files`` reads commits by the same rules.
    A file that is too large is cut one byte past the limit, so that the loader says so at
    its place.

    Raises:
        UnreadableError: It does not exist, cannot be read, or holds too much.
    """
    root = Path(directory)
    if not root.is_dir():
        raise UnreadableError(f'There is no directory "{root}". Name the spec tree with --specs.')
    inside = root.resolve()
    files: dict[str, bytes] = {}
    total = 0
    for path in _yaml_files(root):
        if (problem := _problem_with_link(path, inside)) is not None:
            raise UnreadableError(f'"{path}" is a link that {problem}. Put the file itself there.')
        try:
            with path.open("rb") as file:
                content = file.read(MAX_BYTES + 1)
        except OSError as error:
            raise UnreadableError(f'Cannot read "{path}": {error.strerror}.') from error
        files[path.as_posix()] = content
        total += len(content)
        if len(files) > MAX_FILES or total > MAX_TOTAL_BYTES:
            raise UnreadableError(
                f'"{root}" holds more than {MAX_FILES} files or {MAX_TOTAL_BYTES} bytes of YAML. Is it a spec tree?'
            )
    return files


def _problem_with_link(path: Path, inside: Path) -> str | None:
    """Why a file is not read, where a link leads to it, or to a folder above it; None: it is read."""
    if path.is_symlink() and os.readlink(path).startswith("/"):
        return "leads out of the spec tree: it is absolute"  # and so somewhere else in another work tree
    real = Path(os.path.realpath(path))  # Path.resolve() raises where links go in a circle
    if not real.is_relative_to(inside):
        return "leads out of the spec tree"
    return None if real.suffix in SUFFIXES or not real.exists() else f'leads to "{real.name}", which is no YAML file'


def _yaml_files(root: Path) -> list[Path]:
    """YAML files below a folder, sorted, but hidden ones. A link that leads nowhere is among them, to be refused.

    Raises:
        UnreadableError: A folder below cannot be listed.
    """

    def fail(error: OSError) -> None:
        raise UnreadableError(f'Cannot read "{error.filename}": {error.strerror}.') from error

    found = []
    for directory, below, names in os.walk(root, onerror=fail):
        below[:] = sorted(name for name in below if not _is_left_out(directory, name))
        found += [
            path
            for name in names
            if name.endswith(SUFFIXES) and not name.startswith(".") and name.isprintable()
            if (path := Path(directory, name)).is_file() or not path.exists()
        ]
    return sorted(found)


def _is_left_out(directory: str, name: str) -> bool:
    """Whether a directory is hidden, has a name that nobody can read, or is a submodule."""
    return name.startswith(".") or not name.isprintable() or Path(directory, name, ".git").exists()
