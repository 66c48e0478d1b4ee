"""Limits of open connections: in all, for strangers together, and from each address.

Every connection takes a file descriptor, and so do the database, SSH, BMCs and git. Whoever could open connections
without bound would take them all.
"""

import resource
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from .auth import ClientAddress, parse_address

MOST = 2_000
"""Connections in all. Each costs some 50 kB."""
SPARE_FILES = 256
"""File descriptors that connections leave to everything else."""
LEAST = 16
"""Connections in all, however few files may be open."""
FROM_A_STRANGER = 64
"""Connections from one address that is none of the fleet's."""


@dataclass(frozen=True, slots=True)
class Shares:
    """Who may have how many connections open."""

    total: int
    strangers: int  # all of them together
    from_one_of_ours: int
    from_a_stranger: int


def shares_of(files: int) -> Shares:
    """The shares where a process may have so many files open."""
    total = max(LEAST, min(MOST, files - SPARE_FILES))
    return Shares(total, total // 4, total // 2, min(FROM_A_STRANGER, total // 4))


def _files() -> int:
    """How many files this process may have open now; an operator may change that while it runs."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


@dataclass
class Doors:
    """Counts who is in. ``ours`` says whether an address is one of the fleet's, which gets a larger share."""

    ours: Callable[[ClientAddress], bool] = lambda address: False
    files: Callable[[], int] = _files
    refused: Callable[[], None] = lambda: None  # told of each connection that was turned away
    _in: Counter[str] = field(default_factory=Counter)
    _strangers: int = 0
    _known: dict[str, bool] = field(default_factory=dict)  # who is in -> whether it was one of ours when it came

    @property
    def open(self) -> int:
        """Connections that are open."""
        return self._in.total()

    def enter(self, address: str) -> bool:
        """Count one more connection from an address; False, and it is not counted, when that would be too many."""
        shares = shares_of(self.files())
        ours = self._known.get(address)
        if ours is None:
            ours = self._is_ours(address)
        most = shares.from_one_of_ours if ours else shares.from_a_stranger
        if self.open >= shares.total or self._in[address] >= most or (not ours and self._strangers >= shares.strangers):
            self.refused()
            return False
        self._in[address] += 1
        self._known[address] = ours
        self._strangers += not ours
        return True

    def leave(self, address: str) -> None:
        """Count one connection less."""
        self._strangers -= not self._known[address]
        self._in[address] -= 1
        if not self._in[address]:
            del self._in[address], self._known[address]

    def _is_ours(self, address: str) -> bool:
        """This machine itself, where a proxy may stand in front of us, counts as one of ours."""
        parsed = parse_address(address)
        return parsed is not None and (str(parsed) in ("127.0.0.1", "::1") or self.ours(parsed))
