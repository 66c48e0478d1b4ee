"""The daemon's own state: texts by name, and the lease that makes it the only one that acts.

None of this counts as a change: it would wake the daemon that wrote it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, select, update

from ..execution import seam
from ..model.observations import Notice
from .database import DAEMON, Part, Writing
from .journal import write_notices
from .tables import lease, state

# As elsewhere in the store, what is asked all the time is put into words once.
_STATE = select(state.c.text).where(state.c.name == bindparam("of"))
_ACTED = select(lease.c.acted).where(lease.c.name == DAEMON)
_BEAT = (
    update(lease)
    .where(lease.c.name == DAEMON, lease.c.fence == bindparam("mine"), lease.c.held.is_(True))
    .values(
        beat=lease.c.beat + 1,
        at=bindparam("said"),
        until=bindparam("ends"),
        acted=lease.c.acted + bindparam("lived"),
    )
)


class HeldLease(NamedTuple):
    """A lease that somebody has."""

    holder: str
    fence: int
    beat: int  # rises for as long as the holder lives


@dataclass
class LeaseWatch:
    """Tells a holder of the lease that lives from one that died: its beat moves, by whatever clock it does.

    Time is our own monotonic clock's, which nobody sets.
    """

    ttl: timedelta
    clock: Callable[[], float] = seam.steady  # seconds
    _seen: tuple[int, int] | None = field(default=None, init=False)
    _since: float = field(default=0.0, init=False)

    def lives(self, beat: tuple[int, int]) -> bool:
        """Whether the holder may live, whose fence and beat are these now: False once they stood still for ``ttl``."""
        if beat != self._seen:
            self._seen, self._since = beat, self.clock()
        return self.clock() - self._since < self.ttl.total_seconds()


class LeasesPart(Part):
    """The daemon's own state, and its lease."""

    def save_state(self, name: str, text: str) -> None:
        """Keep a text, usually JSON, in place of the one that had this name."""
        with self._database.writing() as writing:
            write_state(writing, name, text)

    def state(self, name: str) -> str | None:
        """The text that was last saved under a name."""
        with self._database.reading() as connection:
            return read_state(connection, name)

    def acquire_lease(self, holder: str, watch: LeaseWatch, now: datetime) -> int | None:
        """Become the one daemon that acts; None when another one is, and is alive as far as ``watch`` knows.

        The number returned is the fence: it rises with each change of hands. From here on every write of this store
        is refused once another daemon has taken over, in the very transaction that would write, so a daemon that slept
        through its lease does no harm when it wakes.

        Args:
            holder: Who asks: a host and a process. The same holder asking again gets a new fence.
            watch: How long the lease holds without ``renew_lease``; the same one at every call of one who waits.
            now: By this machine's clock. Only people are told by it; whether the other is alive, ``watch`` says.
        """
        with self._database.writing(fenced=False) as writing:
            blank = {"name": DAEMON, "holder": "", "fence": 0, "until": now, "held": False}
            writing.connection.execute(writing.insert(lease).on_conflict_do_nothing(), blank)
            row = writing.connection.execute(select(lease).where(lease.c.name == DAEMON).with_for_update()).one()
            if row.held and row.holder != holder and watch.lives((row.fence, row.beat)):
                return None
            fence = int(row.fence) + 1
            taken = update(lease).where(lease.c.name == DAEMON)
            beat = {"beat": row.beat + 1, "at": now, "until": now + watch.ttl}
            writing.connection.execute(taken.values(holder=holder, fence=fence, held=True, **beat))
        self._database.fence = fence
        return fence

    def acting(self, now: datetime) -> str | None:
        """The daemon that acts on this database, as host and process; None when there seems to be none.

        A word for people, by the clocks of two machines: one that was killed seems to act for a lease's length.
        """
        held = select(lease.c.holder, lease.c.at, lease.c.until).where(lease.c.name == DAEMON, lease.c.held.is_(True))
        with self._database.reading() as connection:
            row = connection.execute(held).one_or_none()
        return row.holder if row is not None and row.at is not None and abs(now - row.at) < row.until - row.at else None

    def renew_lease(self, fence: int, ttl: timedelta, now: datetime, lived: float = 0.0) -> bool:
        """Say that we live; False when another daemon has taken the lease.

        Args:
            fence: What ``acquire_lease`` returned.
            ttl: How long the lease holds without another beat.
            now: By this machine's clock.
            lived: Seconds since the last beat, by a clock that nobody sets; a pause of the whole machine counts as no
                more than the lease's length.
        """
        said = {"mine": fence, "said": now, "ends": now + ttl, "lived": min(max(lived, 0.0), ttl.total_seconds())}
        with self._database.writing(fenced=False) as writing:
            return writing.connection.execute(_BEAT, said).rowcount == 1

    def held_lease(self) -> HeldLease | None:
        """Who has the lease, and how often it has beaten; None: nobody has it."""
        held = select(lease.c.holder, lease.c.fence, lease.c.beat).where(lease.c.name == DAEMON, lease.c.held.is_(True))
        with self._database.reading() as connection:
            row = connection.execute(held).one_or_none()
        return HeldLease(row.holder, row.fence, row.beat) if row else None

    def break_lease(self, *, who: str, why: str, at: datetime) -> str | None:
        """Have the next daemon that asks take over at once, on a human's word; who acted till now, None: nobody did."""
        mine = update(lease).where(lease.c.name == DAEMON, lease.c.held.is_(True))
        with self._database.writing("journal", fenced=False, decided=True) as writing:
            holder = writing.connection.scalar(mine.values(held=False).returning(lease.c.holder))
            if holder is not None:
                text = f"the lease of the daemon {holder} is broken: {why}"
                write_notices(writing, [Notice(None, at, "lease-broken", text, who)])
        return str(holder) if holder is not None else None

    def release_lease(self, fence: int) -> None:
        """Let another daemon take over at once; nothing when one has already.

        Writes of this store go on being refused from the moment that somebody takes over: a thread of ours may be
        late, such as one that waited for git.
        """
        mine = update(lease).where(lease.c.name == DAEMON, lease.c.fence == fence)
        with self._database.writing(fenced=False) as writing:
            writing.connection.execute(mine.values(held=False))


def read_acted(connection: Connection) -> float | None:
    """Seconds that daemons have acted on the database so far, on a connection; None: none ever did."""
    return connection.scalar(_ACTED)


def write_state(writing: Writing, name: str, text: str) -> None:
    """Keep a text in place of the one that had this name, as part of a transaction."""
    inserted = writing.insert(state)
    replaced = inserted.on_conflict_do_update(index_elements=[state.c.name], set_={"text": inserted.excluded.text})
    writing.connection.execute(replaced, {"name": f"state:{name}", "text": text})


def read_state(connection: Connection, name: str) -> str | None:
    """The text that was last kept under a name, on a connection."""
    return connection.scalar(_STATE, {"of": f"state:{name}"})
