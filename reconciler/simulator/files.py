"""Texts of a simulated system by their absolute paths: in a folder of this machine, or in memory."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


class SystemFiles(Protocol):
    """The files of one system."""

    def read(self, path: str) -> str | None:
        """The text of a file; None: it is not there."""

    def write(self, path: str, text: str) -> None: ...

    def remove(self, path: str) -> None:
        """Nothing happens where it is not there."""


@dataclass(frozen=True)
class FolderFiles:
    """SystemFiles below a folder, which need not be there."""

    root: Path

    def read(self, path: str) -> str | None:
        file = self._at(path)
        return file.read_text() if file.is_file() else None

    def write(self, path: str, text: str) -> None:
        self._at(path).parent.mkdir(parents=True, exist_ok=True)
        self._at(path).write_text(text)

    def remove(self, path: str) -> None:
        self._at(path).unlink(missing_ok=True)

    def _at(self, path: str) -> Path:
        return self.root / path.lstrip("/")


@dataclass
class MemoryFiles:
    """SystemFiles that are nowhere else. What is no text in them is kept as it is."""

    content: dict[str, bytes] = field(default_factory=dict)

    def read(self, path: str) -> str | None:
        found = self.content.get(path)
        return None if found is None else found.decode(errors="replace")

    def write(self, path: str, text: str) -> None:
        self.content[path] = text.encode()

    def remove(self, path: str) -> None:
        self.content.pop(path, None)

    def below(self, folder: str) -> dict[str, bytes]:
        """What is in a folder, by its path in there."""
        return {path.removeprefix(folder): text for path, text in self.content.items() if path.startswith(f"{folder}/")}
