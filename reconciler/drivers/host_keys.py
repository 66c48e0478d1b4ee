"""SSH host keys that were pinned, in a file of JSON lines, so that they outlive the daemon."""

import json
import os
import threading
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path

from ..execution.ports import HostKey


@dataclass(frozen=True, slots=True)
class _Known:
    key: HostKey | None = None
    new_boot_since: datetime | None = None


@dataclass
class FileHostKeys:
    """Implements ``ports.HostKeys``. One process writes the file; it is replaced whole, and synced."""

    path: Path
    _known: dict[str, _Known] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.read()

    def read(self) -> None:
        """Take what the file says now. Call it when another process may have written it."""
        with self._lock:
            self._known = {}
            lines = self.path.read_text().splitlines() if self.path.exists() else ()
            for raw in map(json.loads, lines):
                key, since = raw["key"], raw["new_boot_since"]
                self._known[raw["serial"]] = _Known(
                    HostKey(**key) if key else None, datetime.fromisoformat(since) if since else None
                )

    def pinned(self, serial: str) -> HostKey | None:
        return self._known.get(serial, _Known()).key

    def new_boot_since(self, serial: str) -> datetime | None:
        return self._known.get(serial, _Known()).new_boot_since

    def pin(self, serial: str, key: HostKey) -> None:
        self._set(serial, _Known(key))

    def expect_new_boot(self, serial: str, at: datetime) -> None:
        self._set(serial, replace(self._known.get(serial, _Known()), new_boot_since=at))

    def _set(self, serial: str, known: _Known) -> None:
        with self._lock:
            self._known[serial] = known
            self._write()

    def _write(self) -> None:
        lines = (
            json.dumps(
                {
                    "serial": serial,
                    "key": asdict(known.key) if known.key else None,
                    "new_boot_since": known.new_boot_since.isoformat() if known.new_boot_since else None,
                }
            )
            for serial, known in sorted(self._known.items())
        )
        self.path.parent.mkdir(parents=True, exist_ok=True)
        new = self.path.with_name(self.path.name + ".new")
        with new.open("w") as file:
            file.write("".join(f"{line}\n" for line in lines))
            file.flush()
            os.fsync(file.fileno())
        new.replace(self.path)
