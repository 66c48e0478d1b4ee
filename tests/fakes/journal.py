"""Journals in memory: one that keeps, one that dies."""

import threading
from dataclasses import dataclass, field

from reconciler.model.events import Event


class Crash(BaseException):
    """The daemon dies here. Not an Exception, as nobody may handle it."""


@dataclass
class MemoryJournal:
    """Keeps events in a list. ``away``: so many appends fail first, as while a database restarts."""

    events: list[Event] = field(default_factory=list)
    away: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def append(self, event: Event) -> int:
        with self._lock:
            if self.away:
                self.away -= 1
                raise OSError("the database is away")
            self.events.append(event)
            return len(self.events)

    def kinds(self, serial: str | None = None) -> list[str]:
        return [event.kind for event in self.events if serial in (None, event.serial)]


@dataclass
class HeldJournal(MemoryJournal):
    """Its first write waits for ``goes_on``, as on a disk that is busy; others do not wait for it."""

    asked: threading.Event = field(default_factory=threading.Event)
    goes_on: threading.Event = field(default_factory=threading.Event)

    def append(self, event: Event) -> int:
        if not self.asked.is_set():
            self.asked.set()
            self.goes_on.wait()
        return MemoryJournal.append(self, event)


@dataclass
class CrashingJournal(MemoryJournal):
    """Dies just before or just after its nth write, and nothing is written after that."""

    crash_at: int | None = None
    lose_write: bool = False
    dead: bool = False

    def append(self, event: Event) -> int:
        with self._lock:
            if self.dead:
                raise Crash
            self.dead = len(self.events) + 1 == self.crash_at
            if not (self.dead and self.lose_write):
                self.events.append(event)
            if self.dead:
                raise Crash
            return len(self.events)
