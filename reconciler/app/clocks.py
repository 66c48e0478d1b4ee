"""Notices a clock that is behind what was written down, and sets right what would wait for it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from ..execution import seam
from ..store import SetBack, Store

log = structlog.get_logger()

A_LITTLE = timedelta(seconds=10)
"""Two hosts' clocks may differ by that, and one may be corrected by that; it delays nothing for long."""
STILL_SECONDS = 10.0
"""After which a clock that says the same moment counts as standing still; others differ by microseconds."""


@dataclass
class ClockWatch:
    """What the acting daemon's clock last said, or the one of the daemon before."""

    store: Store
    _last: datetime | None = None
    _moved: tuple[datetime, float] | None = None  # what it said when it last moved; that moment by ``seam.steady``

    @property
    def stands_still(self) -> str | None:
        """What to tell people while it does not move; None: it does."""
        if self._moved is None or seam.steady() - self._moved[1] < STILL_SECONDS:
            return None
        return (
            f"it stands still at {self._moved[0]:%Y-%m-%dT%H:%M:%S} UTC: no word of a machine counts as newer than "
            "what was done to it, so nothing more is begun there. Let it go on"
        )

    def heed(self, now: datetime) -> bool:
        """Look at the clock; True where it was behind, and what was written down has been set back."""
        if self._moved is None or now != self._moved[0]:
            self._moved = now, seam.steady()
        last = self._last or self.store.newest_moment()
        if is_behind := last is not None and last - now > A_LITTLE:
            self._set_back(now, last)
        self._last = now  # not before: where the database is away, it is set back once that is here again
        return is_behind

    def _set_back(self, now: datetime, last: datetime) -> None:
        log.warning("the clock is behind what it said before", now=now.isoformat(), before=last.isoformat())
        self.store.set_back(now, max(last, self.store.newest_moment() or last))


def behind(known: SetBack | None, now: datetime) -> str | None:
    """What to tell people for as long as the clock is behind what it said before; None: it is not."""
    if known is None or known.ahead <= now:
        return None
    found, before = (f"{moment:%Y-%m-%dT%H:%M:%S}" for moment in (known.now, known.ahead))
    return (
        f"it is behind: at {found} UTC it turned out to have said {before} before. It was wrong then, or is now; what "
        "came in between counts as past. Let NTP set it"
    )
