"""Moments that were written down by a clock that was ahead.

What is later counts as newer, everywhere. A clock that was two days ahead would have the last word for two days: no
report would be newer than the last action. So what lies in the future is set back once, and keeps its order.
"""

import json
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, or_, select, update

from ..model.events import ClockSetBack
from ..model.folding import squeezed
from ..model.history import moments
from ..model.observations import Notice
from .database import Writing
from .journal import JournalPart, write_events, write_notices
from .leases import read_state, write_state
from .tables import machine, rendered

_STATE = "clock"
_SAID = ("reported_at", "status_at", "power_at", "puppet_at", "witnessed_at")


@dataclass(frozen=True, slots=True)
class SetBack:
    """The last time that moments were set back: what the clock said then, and what it had said before."""

    now: datetime
    ahead: datetime


class ClocksPart(JournalPart):
    """Moments in the future."""

    def newest_moment(self) -> datetime | None:
        """The latest moment that was written down of any machine or document; None: there is none."""
        found = [moment for history in self.histories().values() for moment in moments(history)]
        with self._database.reading() as connection:
            for row in connection.execute(select(*(machine.c[name] for name in _SAID))):
                found += [moment for moment in row if moment is not None]
            found += [moment for moment in connection.scalars(select(func.max(rendered.c.since))) if moment is not None]
        return max(found, default=None)

    def set_back(self, now: datetime, ahead: datetime) -> None:
        """Have whatever is later than ``now`` count as just before it.

        Args:
            now: What the clock says.
            ahead: What it, or another one, said before.
        """
        known = self.histories()
        late = [serial for serial, h in sorted(known.items()) if any(each > now for each in moments(h))]
        with self._database.writing("machine", "document", "journal") as writing:
            write_events(writing, [ClockSetBack(serial, now, ahead) for serial in late])
            _set_back_words(writing, now, ahead)
            _set_back_documents(writing, now, ahead)
            write_state(writing, _STATE, json.dumps({"now": now.isoformat(), "before": ahead.isoformat()}))
            text = f"the clock is behind: it said {ahead:%Y-%m-%d %H:%M:%S} UTC before. What came then counts as past"
            write_notices(writing, [Notice(None, now, "clock-behind", text)])


def read_set_back(connection: Connection) -> SetBack | None:
    """When moments were last set back, on a connection; None: never."""
    text = read_state(connection, _STATE)
    if text is None:
        return None
    known = json.loads(text)
    return SetBack(datetime.fromisoformat(known["now"]), datetime.fromisoformat(known["before"]))


def _set_back_words(writing: Writing, now: datetime, ahead: datetime) -> None:
    late = select(machine.c.serial, *(machine.c[name] for name in _SAID))
    for row in writing.connection.execute(late.where(or_(*(machine.c[name] > now for name in _SAID)))).all():
        said = {name: row._mapping[name] for name in _SAID}
        counts = {name: squeezed(moment, now, ahead) for name, moment in said.items() if moment is not None}
        mine = update(machine).where(machine.c.serial == row.serial)
        writing.connection.execute(mine.values(**counts, revision=writing.revision))


def _set_back_documents(writing: Writing, now: datetime, ahead: datetime) -> None:
    late = select(rendered.c.hostname, rendered.c.since).where(rendered.c.since > now).order_by(rendered.c.since)
    for hostname, since in writing.connection.execute(late).all():
        mine = update(rendered).where(rendered.c.hostname == hostname, rendered.c.since == since)
        counts = squeezed(since, now, ahead)
        writing.connection.execute(mine.values(since=counts, revision=writing.revision))
