"""A daemon before it acts: the database is not open yet, or another daemon acts on it."""

import asyncio
import contextlib
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from functools import partial

from ..execution.seam import offload
from ..model.errors import NotBegunError, PermanentError
from ..model.plan import PlanningInput
from ..planning.planner import plan
from ..render.fleet import SourceStatus
from .companions import Companions, every
from .front import Front
from .health import DATABASE
from .patience import patiently
from .published import EVENTS_SHOWN, PassResult
from .site import Site

FOLLOW_SECONDS = 5.0
"""How often a daemon that stands by looks which documents the acting one gives out."""
FOLLOWING = "following the acting daemon"
LOOKING_ON = "looking on while another daemon acts"
LOOK_ON_SECONDS = 15.0
"""How often is looked what the acting daemon sees and plans, where anything changed; for dashboard and API."""

REMEMBER_SECONDS = 1.0
"""How often it looks whether the acting one lives: it has to remember how old the database is before it takes over."""
REMEMBERING = "remembering how old the database is"


@dataclass
class StandingBy:
    """What is waited for while nothing is done but to answer."""

    site: Site
    front: Front
    stop: asyncio.Event
    _token: int | None = None  # what the database said when it was last looked on
    _beat: tuple[int, int] | None = field(default=None, init=False)  # of who acts, as it last was

    async def opened(self) -> bool:
        """Open the database as soon as that can be; False when told to stop before.

        Raises:
            PermanentError: It cannot be opened until somebody mends it, and there is nothing to answer from till then.
        """
        kept = self.front.published.kept
        opened = await patiently(
            DATABASE,
            self._open,
            self.stop,
            self.front.health,
            hopeless=lambda error: isinstance(error, PermanentError) and not kept.exists,
        )
        return opened is not None

    async def lease(self, ask: Callable[[float], Awaitable[int | None]]) -> int | None:
        """What ``ask`` gives within so many seconds, also where the database is away meanwhile.

        While another daemon acts, this one follows what that gives out.
        """
        published, health = self.front.published, self.front.health
        at_once = await patiently(DATABASE, partial(ask, 0), self.stop, health)
        if at_once is not None:
            return at_once
        published.stage = "another daemon acts on this database, or died a moment ago; this one stands by"
        beside = Companions(health, lambda: None)
        beside.start(FOLLOWING, every(FOLLOW_SECONDS, self._follow))
        beside.start(LOOKING_ON, every(LOOK_ON_SECONDS, partial(offload, self._look_on)))
        self.front.take_words(beside_another=True)
        beside.start(REMEMBERING, every(REMEMBER_SECONDS, self.remember_age))
        try:
            return await patiently(DATABASE, partial(ask, math.inf), self.stop, health)
        finally:
            await beside.stop()
            health.works(FOLLOWING)
            health.works(LOOKING_ON)
            health.works(REMEMBERING)

    async def _open(self) -> bool:
        await offload(self.site.database.open)
        await self._follow()
        return True

    async def _follow(self) -> None:
        self.front.published.given = await offload(self._given_out)

    def _look_on(self) -> None:
        """Show what there is to see, and what the acting daemon plans, as far as this one knows; nothing is written."""
        site, published = self.site, self.front.published
        token = site.store.change_token()
        if token == self._token:
            return
        commit, tree = site.specs.in_force()
        observation = replace(site.observe(tree, published.look()), base=commit)
        todo = plan(PlanningInput(commit, tree, observation, site.config.planning_timings))
        source = SourceStatus(
            commit=commit,
            committed_at=site.specs.committed_at(commit),
            problem=site.specs.problem,
            checked_at=site.now(),
        )
        recent = tuple(site.store.last_events(limit=EVENTS_SHOWN))
        published.show(PassResult(tree, observation, todo), source, recent, is_own=False)
        self._token = token

    def _given_out(self) -> dict[str, str] | None:
        """The digests of the documents that nodes are to be given, as the acting daemon wrote them down."""
        versions = self.front.published.look().documents
        self.front.published.kept.read_addresses()
        return {hostname: some[0].digest for hostname, some in versions.items() if some} or None

    async def remember_age(self) -> None:
        """Have our state folder remember how old the database is that another daemon acts on: its beat moves.

        A copy of a database has its holder's lease too, and no beat. Whoever acts on one that it doubts writes that
        down, for us to heed.
        """
        await offload(self._remember_age)

    def _remember_age(self) -> None:
        if (store := self.site.kept) is None:
            return
        beat = store.beat()
        if self._beat is not None and beat != self._beat:
            with contextlib.suppress(NotBegunError):
                self.site.epochs.follow()
        self._beat = beat
