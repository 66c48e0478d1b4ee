"""Certificates of BMCs that were pinned, in a file of JSON lines."""

import threading
from dataclasses import dataclass, field
from pathlib import Path

from .json_lines import read_lines, replace_lines


@dataclass
class FilePins:
    """Implements ``redfish.Pins``."""

    path: Path
    _known: dict[str, str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.read()

    def read(self) -> None:
        """Take what the file says now. Call it when another process may have written it."""
        with self._lock:
            self._known = {row["bmc"]: row["sha256"] for row in read_lines(self.path)}

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
        replace_lines(self.path, ({"bmc": at, "sha256": it} for at, it in sorted(self._known.items())))
