"""A daemon before it acts: the database is not open yet, or another daemon acts on it."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from .companions import Companions, every, told
from .front import Front
from .health import DATABASE
from .model.errors import PermanentError, TemporaryError
from .site import Site

AGAIN_SECONDS = 5.0
"""How soon a database that is away, or a pass that failed, is tried again."""
FOLLOW_SECONDS = 5.0
"""How often a daemon that stands by looks which documents the acting one gives out."""
FOLLOWING = "following the acting daemon"


@dataclass
class StandingBy:
    """What is waited for while nothing is done but to answer."""

    site: Site
    front: Front
    stop: asyncio.Event

    async def opened(self) -> bool:
        """Open the database as soon as that can be; False when told to stop before.

        Raises:
            PermanentError: It cannot be opened until somebody mends it, and there is nothing to answer from till then.
        """
        face, health = self.front.face, self.front.health
        while not self.stop.is_set():
            try:
                await asyncio.to_thread(self.site.open)
                face.given = await asyncio.to_thread(self._given_out)
            except (TemporaryError, PermanentError, OSError) as error:
                if isinstance(error, PermanentError) and not face.kept.exists:
                    raise
                told(DATABASE, error, health)
            else:
                health.works(DATABASE)
                return True
            await pause(self.stop, AGAIN_SECONDS)
        return False

    async def lease(self, ask: Callable[[], Awaitable[int | None]]) -> int | None:
        """What ``ask`` gives, also where the database is away meanwhile. Follows what the acting daemon gives out."""
        face, health = self.front.face, self.front.health
        face.stage = "another daemon acts on this database; this one stands by"
        beside = Companions(health, lambda: None)
        beside.start(FOLLOWING, every(FOLLOW_SECONDS, self._follow))
        try:
            while not self.stop.is_set():
                try:
                    return await ask()
                except (TemporaryError, OSError) as error:
                    told(DATABASE, error, health)
                    await pause(self.stop, AGAIN_SECONDS)
            return None
        finally:
            await beside.stop()
            health.works(FOLLOWING)
            health.works(DATABASE)

    async def _follow(self) -> None:
        self.front.face.given = await asyncio.to_thread(self._given_out)

    def _given_out(self) -> dict[str, str] | None:
        """The digests of the documents that nodes are to be given, as the acting daemon wrote them down."""
        versions = self.front.face.look().documents
        return {hostname: some[0].digest for hostname, some in versions.items() if some} or None


async def pause(stop: asyncio.Event, seconds: float) -> None:
    """Wait so long, or until told to stop."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()
