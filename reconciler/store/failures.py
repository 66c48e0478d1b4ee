"""Turns what a database says when it cannot do its work into an error that says what to do."""

from sqlalchemy.exc import DBAPIError, InterfaceError, InternalError, OperationalError

from ..model.errors import PermanentError, TemporaryError

_DAMAGED = ("malformed", "Could not decode to UTF-8", "unsupported file format")
_NO_DATABASE = "file is not a database"

_TO_DO = {
    "database or disk is full": "the disk is full: make room on it",
    "readonly database": "its file or file system is read-only: let this user write there",
    "disk I/O error": "its disk gives errors or is full: make room on it, or see the kernel's log",
    "unable to open database file": (
        "its file or a file beside it cannot be opened: see whether the file system is mounted and may be written, and "
        "whether the process may open more files"
    ),
    "database is locked": "another process holds it: see who does, such as a backup",
    "Too many open files": "this process may open no more files: raise its limit (LimitNOFILE=)",
}
"""What SQLite says, and what that means to an operator."""

DAMAGED = (
    "the database is damaged ({}): stop the daemon, put the file aside with those beside it (-wal, -shm), and bring "
    "back a backup, or what reconciler export wrote"
)


def failure(error: DBAPIError, what: str) -> Exception | None:
    """The error for operators; None when it is no failure of the database but a mistake of ours.

    Args:
        error: What the driver said.
        what: What does not work: "the database cannot be read".
    """
    said = " ".join(str(error.orig).split())
    if _NO_DATABASE in said:
        return PermanentError(f"this is no database of ours ({said}): name another file, or bring back a backup")
    if any(word in said for word in _DAMAGED):
        return PermanentError(DAMAGED.format(said))
    for word, to_do in _TO_DO.items():
        if word in said:
            return TemporaryError(f"{what} ({said}): {to_do}")
    if isinstance(error, OperationalError | InterfaceError | InternalError):
        return TemporaryError(f"{what}: {said}")
    return None
