"""Files that specs name: whatever stands at the path, reading it ends soon and takes little memory."""

import os
import stat
from pathlib import Path

from ..model.errors import PermanentError

MOST_BYTES = 1024 * 1024
"""Of one file. A certificate with its key and ten authorities above it is 30 kB."""

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a character device"),
    (stat.S_ISBLK, "a block device"),
)


def read_named(path: Path, wanted: str) -> str:
    """The text of a file that specs name.

    Args:
        path: As the specs name it.
        wanted: What it should hold, for the error.

    Raises:
        PermanentError: It cannot be read, is no regular file, is too long, or is no text.
    """
    try:
        # Opening a named pipe would wait for somebody who writes to it, and some devices act when they are opened.
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        try:
            mode = os.fstat(file).st_mode
            if not stat.S_ISREG(mode):
                kind = next((name for matches, name in _KINDS if matches(mode)), "no file")
                raise PermanentError(f"{path} is {kind}. Put a regular file there with {wanted}")
            content = _first_bytes(file)
        finally:
            os.close(file)
    except OSError as error:
        raise PermanentError(f"cannot read {path}: {error.strerror}. Put a file there with {wanted}") from error
    if len(content) > MOST_BYTES:
        raise PermanentError(f"{path} is longer than {MOST_BYTES} bytes. Put a file there with {wanted} only")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise PermanentError(f"{path} is no text. Put a file there with {wanted}") from error


def _first_bytes(file: int) -> bytes:
    """The content, or one byte more than may be."""
    found = bytearray()
    while len(found) <= MOST_BYTES and (more := os.read(file, MOST_BYTES + 1 - len(found))):
        found += more
    return bytes(found)
