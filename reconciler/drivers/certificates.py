"""Certificates of BMCs that were pinned, in a file of JSON lines, so that they outlive the daemon."""

import json
import os
import threading
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class FilePins:
    """Implements ``redfish.Pins``. One process writes the file; it is replaced whole, and synced."""

    path: Path
    _known: dict[str, str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.read()

    def read(self) -> None:
        """Take what the file says now. Call it when another process may have written it."""
        with self._lock:
            lines = self.path.read_text().splitlines() if self.path.exists() else ()
            self._known = {raw["bmc"]: raw["sha256"] for raw in map(json.loads, lines)}

    def pinned(self, address: str) -> str | None:
        """The fingerprint by ``address:port``."""
        return self._known.get(address)

    def pin(self, address: str, fingerprint: str) -> None:
        """Remember; from now on no other is accepted."""
        with self._lock:
            if self._known.get(address) != fingerprint:
                self._known[address] = fingerprint
                self._write()

    def forget(self, address: str) -> None:
        """An operator says that the BMC at this IP address may have a new certificate."""
        with self._lock:
            kept = {at: print_ for at, print_ in self._known.items() if at.rpartition(":")[0] != address}
            if kept != self._known:
                self._known = kept
                self._write()

    def _write(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        new = self.path.with_name(self.path.name + ".new")
        with new.open("w") as file:
            file.writelines(json.dumps({"bmc": at, "sha256": it}) + "\n" for at, it in sorted(self._known.items()))
            file.flush()
            os.fsync(file.fileno())
        new.replace(self.path)
