"""Notices a clock that is behind what was written down, and sets right what would wait for it."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from .store import Store

log = structlog.get_logger()

A_LITTLE = timedelta(seconds=10)
"""Two hosts' clocks may differ by that, and one may be corrected by that; it delays nothing for long."""

_STATE = "clock"


@dataclass
class ClockWatch:
    """What the acting daemon's clock last said, or the one of the daemon before."""

    store: Store
    _last: datetime | None = None

    def heed(self, now: datetime) -> bool:
        """Look at the clock; True where it was behind, and what was written down has been set back."""
        last = self._last or self.store.newest_moment()
        if is_behind := last is not None and last - now > A_LITTLE:
            self._set_back(now, last)
        self._last = now  # not before: where the database is away, it is set back once that is here again
        return is_behind

    def _set_back(self, now: datetime, last: datetime) -> None:
        log.warning("the clock is behind what it said before", now=now.isoformat(), before=last.isoformat())
        newest = max(last, self.store.newest_moment() or last)
        self.store.set_back(now, newest)
        self.store.save_state(_STATE, json.dumps({"now": now.isoformat(), "before": newest.isoformat()}))


def behind(store: Store | None, now: datetime) -> str | None:
    """What to tell people for as long as the clock is behind what it said before; None: it is not."""
    text = store.state(_STATE) if store else None
    if text is None:
        return None
    known = json.loads(text)
    if datetime.fromisoformat(known["before"]) <= now:
        return None
    return (
        f"it is behind: at {known['now'][:19]} UTC it was found to have said {known['before'][:19]} before. It was "
        "wrong then, or is now; what came in between counts as past. Have it set by NTP"
    )
