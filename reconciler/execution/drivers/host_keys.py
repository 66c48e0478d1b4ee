"""SSH host keys that were pinned, in a file of JSON lines."""

import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from ..ports import HostKey
from .json_lines import read_lines, replace_lines


@dataclass(frozen=True, slots=True)
class _KnownKeys:
    key: HostKey | None = None
    new_boot_since: datetime | None = None


@dataclass
class FileHostKeys:
    """Implements ``ports.HostKeys``."""

    path: Path
    _known: dict[str, _KnownKeys] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.read()

    def read(self) -> None:
        """Take what the file says now. Call it when another process may have written it."""
        with self._lock:
            self._known = {row["serial"]: _read(row) for row in read_lines(self.path)}

    def pinned(self, serial: str) -> HostKey | None:
        return self._known.get(serial, _KnownKeys()).key

    def new_boot_since(self, serial: str) -> datetime | None:
        return self._known.get(serial, _KnownKeys()).new_boot_since

    def pin(self, serial: str, key: HostKey) -> None:
        self._set(serial, _KnownKeys(key))

    def expect_new_boot(self, serial: str, at: datetime) -> None:
        self._set(serial, replace(self._known.get(serial, _KnownKeys()), new_boot_since=at))

    def _set(self, serial: str, known: _KnownKeys) -> None:
        with self._lock:
            self._known[serial] = known
            self._write()

    def _write(self) -> None:
        replace_lines(self.path, ({"serial": serial, **_row(known)} for serial, known in sorted(self._known.items())))


def _read(row: Mapping[str, Any]) -> _KnownKeys:
    key, since = row["key"], row["new_boot_since"]
    return _KnownKeys(HostKey(**key) if key else None, datetime.fromisoformat(since) if since else None)


def _row(known: _KnownKeys) -> dict[str, Any]:
    return {
        "key": asdict(known.key) if known.key else None,
        "new_boot_since": known.new_boot_since.isoformat() if known.new_boot_since else None,
    }
