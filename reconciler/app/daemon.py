"""The daemon: wake up, look at the world, plan, record, act. A wake-up carries no data; everything is read anew."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator
from functools import cached_property

import structlog

from ..execution import seam
from ..execution.executor import Executor
from ..execution.handlers import Tools, handlers
from ..execution.seam import offload
from ..model.errors import NotBegunError, PermanentError, TemporaryError
from ..model.events import Event
from ..model.plan import Act, Advance, Wait
from ..model.tree import SpecTree
from .certainty import Certainty
from .companions import Companions, every, told
from .drivers import REAL, Drivers
from .epochs import remembering
from .following import PASS_AT_LEAST_SECONDS, SpecsFollower
from .front import Front
from .health import DATABASE, PLANNING, STATE
from .lease import Lease
from .looking import Looking
from .machine_access import MachineAccess
from .patience import AGAIN_SECONDS, patiently
from .site import Site
from .standby import StandingBy
from .watchdog import READY, STOPPING, Watchdog
from .watches import Watches

log = structlog.get_logger()

DRAIN_SECONDS = 20.0
SETTLE_SECONDS = 0.05
"""A moment between a wake-up and the pass, so that a burst of reports makes one pass and not a hundred."""


class Daemon:
    """One reconciler. ``run`` returns when it was told to stop."""

    def __init__(self, site: Site, drivers: Drivers = REAL) -> None:
        """Nothing is opened yet. ``drivers``: how it reaches everything else."""
        self.site, self._drivers = site, drivers
        self._wake = asyncio.Event()
        self._stop = asyncio.Event()
        certainty = Certainty(site.config.lease.total_seconds())
        self._lease = Lease(site, self._stop, certainty)
        self._front = front = Front(site, self._wake.set, drivers)
        self._published, self._metrics, self._health = front.published, front.metrics, front.health
        self._keeping = Companions(self._health, self._wake.set)  # of the lease
        self._specs = SpecsFollower(site, self._wake.set)
        self._published.specs_changed = self._specs.look_again
        self._access = MachineAccess(site, self._tree, drivers, certainty.sure)
        self._looking = Looking(site, self._published, self._specs, self._access)
        self._looked = asyncio.Event()  # a pass has ended, and documents may have changed
        self._doing: dict[str, str] = {}  # serial -> type of the action in flight

    @cached_property
    def _tools(self) -> Tools:
        return self._access.tools(self._published.progress.__setitem__)

    @cached_property
    def _executor(self) -> Executor:
        table = remembering(handlers(self._tools), self.site.epochs, self._tell_not_begun)
        return Executor(self.site.store, table, self.site.now, on_done=self._done)

    def stop(self) -> None:
        """End after what is going on."""
        self._stop.set()
        self._wake.set()

    async def serve(self) -> int:
        """Answer at once; act as soon as the database is open and no other daemon acts; until told to stop."""
        beside, watchdog = Companions(self._health, lambda: None), Watchdog()
        try:
            await self._front.open()
            watchdog.tell(READY)
            if watchdog.every is not None:
                beside.start("telling systemd that all goes on", every(watchdog.every, watchdog.turn))
            standing_by = StandingBy(self.site, self._front, self._stop)
            fence = await standing_by.lease(self._lease.taken) if await standing_by.opened() else None
            if fence is not None:
                async with self._holding(fence):
                    await self._act()
            return 0
        finally:
            watchdog.tell(STOPPING)
            await self._front.close()
            await beside.stop()
            watchdog.close()
            self.site.close()
            log.info("stopped")

    async def converge(self, timeout: float) -> int:
        """Act until every remaining step is a wait. 1 when the time was over before.

        Raises:
            PermanentError: A daemon acts on this database; nothing may be begun; or the newest specs are not in force.
        """
        deadline = seam.steady() + timeout
        async with self._holding(await self._lease.taken_unless_held()):
            return await self._converge(deadline)

    @contextlib.asynccontextmanager
    async def _holding(self, fence: int) -> AsyncIterator[None]:
        """Keep the lease until everything that is begun in the block has ended, and what machines said is written."""
        async with self._lease.kept(fence, self._keeping):
            try:
                yield
            finally:
                await self._executor.drain(DRAIN_SECONDS)
                await self._front.close()

    async def _converge(self, deadline: float) -> int:
        """Act with the lease held. 0: every remaining step is a wait; 1: the deadline passed before.

        Args:
            deadline: By ``seam.steady``.

        Raises:
            PermanentError: Nothing may be begun, or the newest specs are not in force.
        """
        await self._begin()
        while True:
            self._keeping.check()
            self._wake.clear()
            acted = await self._pass()
            over = not acted and not self._executor.in_flight
            if (why := self._obstacle(over)) is not None:
                raise PermanentError(why)
            if over:
                return 0
            if seam.steady() >= deadline:
                return 1
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await self._wake.wait()

    def _obstacle(self, over: bool) -> str | None:
        """Why not all is done that the newest specs ask for; of older ones that are in force told when it is over."""
        problem, latest = self._specs.looked.state.problem, self._published.latest
        if latest is None:
            return problem or "there are no valid specs yet"
        return latest.observation.observing or (problem if over else None)

    async def _begin(self) -> int:
        """Close what a crash left open, before anything else is done; how much that was."""
        self._keeping.check()
        await offload(self._looking.prepare)
        closed = await self._executor.recover(await offload(self.site.store.histories))
        log.info("started", interrupted=closed)
        return closed

    async def _act(self) -> None:
        """Act with the lease held, until the daemon is told to stop. On return nothing goes on beside the loop."""
        await self._front.must_listen()
        self._front.take_words()
        self._looking.listening_since = self.site.now()
        self._published.stage = "the first plan is still being made, or there are no valid specs yet"
        self._health.expect_passes()
        if await patiently(PLANNING, self._begin, self._stop, self._health) is None:
            return
        beside = Companions(self._health, self._wake.set)
        try:
            beside.start("following the specs", self._specs.follow)
            watches = Watches(
                self.site,
                self._published,
                self._tools,
                lambda: self._executor.in_flight,
                self._wake.set,
                self._looked,
                self._front.ingest.tidy,
            )
            watches.start(beside)
            await self._guarded_pass()
            await offload(self._drivers.give_back)
            while not self._stop.is_set():
                await self._until_woken()
                self._keeping.check()
                await self._guarded_pass()
        finally:
            await beside.stop()

    async def _until_woken(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._pause()):
                await self._wake.wait()
        await asyncio.sleep(SETTLE_SECONDS)
        self._wake.clear()

    def _pause(self) -> float:
        """Seconds until something that the plan waits for is due; what was due already when it was made is no news."""
        if self._health.is_failing(PLANNING) or self._health.is_failing(STATE):
            return AGAIN_SECONDS
        if (latest := self._published.latest) is None:
            return PASS_AT_LEAST_SECONDS
        dues = (step.until for step in latest.plan.steps if isinstance(step, Wait) and step.until)
        due = min((at for at in dues if at > latest.observation.now), default=None)
        left = (due - self.site.now()).total_seconds() if due else PASS_AT_LEAST_SECONDS
        return min(max(left, 0.0), PASS_AT_LEAST_SECONDS)

    async def _guarded_pass(self) -> None:
        """A pass that fails is reported, and tried again: a database or repository that is away comes back."""
        try:
            await self._pass()
        except Exception as error:
            told(PLANNING, error, self._health)
        else:
            self._health.works(PLANNING)
        self._health.expect_passes()
        self._looked.set()

    async def _pass(self) -> bool:
        """Look, plan, record, act. True when something was begun or recorded."""
        if self._health.is_failing(DATABASE):
            return False  # what a damaged database says is nothing to act upon
        began = seam.steady()
        result = await offload(self._looking.look)
        if result is None:
            return False
        self._metrics.planned(seam.steady() - began)
        if self._stop.is_set():
            return False
        for step in (advanced := [step for step in result.plan.steps if isinstance(step, Advance)]):
            await self._executor.advance(step)
        acts = (step for step in result.plan.steps if isinstance(step, Act))
        started = self._executor.submit(acts if await self._may_begin() else ())
        self._doing |= {action.serial: action.type for action in started}
        await self._executor.journalled()
        if advanced:
            self._wake.set()
        return bool(advanced or started)

    async def _may_begin(self) -> bool:
        """Whether the state folder can remember what begins; where it last could not, that is tried before."""
        if self._health.is_failing(STATE):
            try:
                await offload(self.site.epochs.follow)
            except NotBegunError as error:
                self._tell_not_begun(error)
                return False
            self._health.works(STATE)
        return True

    def _tell_not_begun(self, error: NotBegunError) -> None:
        told(STATE, error, self._health)

    def _done(self, event: Event) -> None:
        self._published.progress.pop(event.serial, None)
        self._metrics.action_ended(self._doing.pop(event.serial, "unknown"), event.kind)
        self._wake.set()

    def _tree(self) -> SpecTree:
        if self._published.latest is None:
            raise TemporaryError("there are no valid specs yet")
        return self._published.latest.tree


async def serve(site: Site) -> int:
    """Run the daemon until SIGTERM or SIGINT."""
    daemon = Daemon(site)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, daemon.stop)
    return await daemon.serve()


async def converge(site: Site, timeout: float) -> int:
    """One pass of the daemon's loop until nothing is left to do."""
    return await Daemon(site).converge(timeout)
