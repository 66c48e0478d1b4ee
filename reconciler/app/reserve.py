"""Room on the disk that is given up when there is no other, so that an operator's decision can still be written."""

import os
from dataclasses import dataclass
from pathlib import Path

BYTES = 4 * 1024 * 1024
"""What is kept. A pause is a few kB, and SQLite's files beside the database are half a MB when they are made."""
ROOMY = 4 * BYTES
"""Free bytes from which on it is kept again."""
FULL = 256 * 1024
"""Free bytes below which the disk counts as full."""


@dataclass(frozen=True)
class Reserve:
    """A file that is worth nothing but the room it takes."""

    path: Path

    def keep(self) -> None:
        """Take the room, where there is plenty. Where there is not, nothing happens."""
        try:
            if self.path.exists() or self._free() < ROOMY:
                return
            new = self.path.with_suffix(".new")
            file = os.open(new, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600)
            try:
                os.posix_fallocate(file, 0, BYTES)
            finally:
                os.close(file)
            new.replace(self.path)
        except OSError:  # the database tells of a disk that is full or away
            return

    def give_up_when_full(self) -> bool:
        """Free the room if there is no other; whether that was done."""
        try:
            if self._free() >= FULL:
                return False
            self.path.unlink()
        except OSError:
            return False
        return True

    def problem(self) -> str | None:
        """Why an operator should look after the disk; None: there is room."""
        try:
            free = self._free()
        except OSError as error:
            return f"{self.path.parent} cannot be looked at: {error.strerror}"
        if not self.path.exists():
            kilobytes = free // 1024
            return f"{self.path.parent} has {kilobytes} kB free, too little to keep any for decisions: make room there"
        if free < FULL:
            return f"{self.path.parent} is full, but for {free // 1024} kB: make room there. Pausing still works"
        return None

    def _free(self) -> int:
        found = os.statvfs(self.path.parent)
        return found.f_bavail * found.f_frsize
