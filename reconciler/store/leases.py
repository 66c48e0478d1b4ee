"""What the daemon keeps for itself: texts by name, and the lease that makes it the only one that acts.

None of this counts as a change: it would wake the daemon that wrote it.
"""

from datetime import datetime, timedelta

from sqlalchemy import select, update

from .database import DAEMON, Part
from .tables import document, lease


class LeasesPart(Part):
    """Documents and the daemon's lease."""

    def save_state(self, name: str, text: str) -> None:
        """Keep a text, usually JSON, in place of the one that had this name."""
        with self._database.writing() as writing:
            inserted = writing.insert(document)
            replaced = inserted.on_conflict_do_update(
                index_elements=[document.c.name], set_={"text": inserted.excluded.text}
            )
            writing.connection.execute(replaced, {"name": f"state:{name}", "text": text})

    def state(self, name: str) -> str | None:
        """The text that was last saved under a name."""
        with self._database.reading() as connection:
            return connection.scalar(select(document.c.text).where(document.c.name == f"state:{name}"))

    def acquire_lease(self, holder: str, ttl: timedelta, now: datetime) -> int | None:
        """Become the one daemon that acts; None when another one is, and is alive.

        The number returned is the fence: it rises with each change of hands. From here on every write of this store
        is refused once another daemon has taken over, in the very transaction that would write, so a daemon that slept
        through its lease does no harm when it wakes.

        Args:
            holder: Who asks: a host and a process. The same holder asking again gets a new fence.
            ttl: How long the lease holds without ``renew``.
            now: By this machine's clock; the clocks of two hosts should differ by less than ``ttl``.
        """
        self._database.fence = None
        with self._database.writing() as writing:
            blank = {"name": DAEMON, "holder": "", "fence": 0, "until": now, "held": False}
            writing.connection.execute(writing.insert(lease).on_conflict_do_nothing(), blank)
            row = writing.connection.execute(select(lease).where(lease.c.name == DAEMON).with_for_update()).one()
            if row.held and row.until > now and row.holder != holder:
                return None
            fence = int(row.fence) + 1
            taken = update(lease).where(lease.c.name == DAEMON)
            writing.connection.execute(taken.values(holder=holder, fence=fence, until=now + ttl, held=True))
        self._database.fence = fence
        return fence

    def acting(self, now: datetime) -> str | None:
        """The daemon that acts on this database, as host and process; None when there is none alive."""
        query = select(lease.c.holder).where(lease.c.name == DAEMON, lease.c.held.is_(True), lease.c.until > now)
        with self._database.reading() as connection:
            return connection.scalar(query)

    def renew_lease(self, fence: int, ttl: timedelta, now: datetime) -> bool:
        """Hold the lease for longer; False when another daemon has taken it."""
        mine = update(lease).where(lease.c.name == DAEMON, lease.c.fence == fence, lease.c.held.is_(True))
        with self._database.writing(fenced=False) as writing:
            return writing.connection.execute(mine.values(until=now + ttl)).rowcount == 1

    def release_lease(self, fence: int) -> None:
        """Let another daemon take over at once; nothing when one has already."""
        mine = update(lease).where(lease.c.name == DAEMON, lease.c.fence == fence)
        with self._database.writing(fenced=False) as writing:
            writing.connection.execute(mine.values(held=False))
        self._database.fence = None
