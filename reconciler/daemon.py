"""The daemon: wake up, look at the world, plan, record, act. A wake-up carries no data; everything is read anew."""

import asyncio
import contextlib
import signal
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime
from functools import cached_property, partial
from typing import Any

import structlog

from .clocks import ClockWatch
from .companions import Companions, told
from .drivers.child import tell_child
from .drivers.host_keys import FileHostKeys
from .drivers.ssh import SshShells
from .epochs import remembering
from .execution.ensure import Time
from .execution.executor import Executor
from .execution.handlers import Options, Tools, handlers
from .following import PASS_AT_LEAST_SECONDS, SpecsFollower
from .front import Front
from .health import DATABASE, PLANNING, STATE
from .lease import Lease
from .memory import give_back
from .model.errors import NotBegunError, PermanentError, TemporaryError
from .model.events import Event, Retried
from .model.plan import Act, Advance, PlanningInput, Wait
from .model.tree import SpecTree
from .node_files import NodeFiles
from .patience import AGAIN_SECONDS, patiently
from .planning.planner import plan
from .reach import PROVISIONING_KEY, StoredBmcPasswords, StoredDirectory, client_key
from .records import Records
from .render.fleet import Source
from .serving import EVENTS_SHOWN, Picture
from .site import Site
from .site_bmcs import SiteBmcs
from .standing_by import StandingBy
from .watches import Watches

log = structlog.get_logger()

DRAIN_SECONDS = 20.0
SETTLE_SECONDS = 0.05
"""A moment between a wake-up and the pass, so that a burst of reports makes one pass and not a hundred."""


class Daemon:
    """One reconciler. ``run`` returns when it was told to stop."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self._wake = asyncio.Event()
        self._stop = asyncio.Event()
        self._lease = Lease(site, self._stop)
        self._front = front = Front(site, self._wake.set)
        self._face, self._metrics, self._health = front.face, front.metrics, front.health
        self._keeping = Companions(self._health, self._wake.set)  # of the lease
        self._specs = SpecsFollower(site, self._wake.set)
        self._journal_position = 0
        self._listening_since: datetime | None = None
        self._looked = asyncio.Event()  # a pass has ended, and documents may have changed
        self._doing: dict[str, str] = {}  # serial -> type of the action in flight
        self._host_keys = FileHostKeys(site.config.state / "host-keys.jsonl")
        self._bmcs = SiteBmcs(site.config, site.now)

    @cached_property
    def _clock(self) -> ClockWatch:
        return ClockWatch(self.site.store)

    @cached_property
    def _directory(self) -> StoredDirectory:
        return StoredDirectory(self.site.store, self._tree, self.site.config.bmc_port)

    @cached_property
    def _executor(self) -> Executor:
        table = remembering(handlers(self._tools()), self.site.epochs, self._tell_not_begun)
        return Executor(self.site.store, table, self.site.now, on_done=self._done)

    def stop(self) -> None:
        """End after what is going on."""
        self._stop.set()
        self._wake.set()

    async def serve(self) -> int:
        """Answer at once; act as soon as the database is open and no other daemon acts; until told to stop."""
        try:
            await self._front.open()
            standing_by = StandingBy(self.site, self._front, self._stop)
            fence = await standing_by.lease(self._lease.taken) if await standing_by.opened() else None
            if fence is not None:
                async with self._holding(fence):
                    await self._act()
            return 0
        finally:
            await self._front.close()
            self.site.close()
            log.info("stopped")

    async def converge(self, timeout: float) -> int:
        """Act until nothing is left to do that needs no waiting for. 1 when the time was over before.

        Raises:
            PermanentError: A daemon acts on this database; nothing may be begun; or the newest specs are not in force.
        """
        deadline = time.monotonic() + timeout
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
            if time.monotonic() >= deadline:
                return 1
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await self._wake.wait()

    def _obstacle(self, over: bool) -> str | None:
        """Why not all is done that the newest specs ask for; of older ones that are in force told when it is over."""
        problem, picture = self._specs.looked.state.problem, self._face.picture
        if picture is None:
            return problem or "there are no valid specs yet"
        return picture.observation.observing or (problem if over else None)

    async def _begin(self) -> int:
        """Close what a crash left open, before anything else is done; how much that was."""
        self._keeping.check()
        await asyncio.to_thread(self._prepare)
        closed = await self._executor.recover(await asyncio.to_thread(self.site.store.histories))
        log.info("started", interrupted=closed)
        return closed

    async def _act(self) -> None:
        await self._front.must_listen()
        self._front.take_words()
        self._listening_since = self.site.now()
        self._face.stage = "the first plan is still being made, or there are no valid specs yet"
        self._health.expect_passes()
        if await patiently(PLANNING, self._begin, self._stop, self._health) is None:
            return
        beside = Companions(self._health, self._wake.set)
        try:
            beside.start("following the specs", self._specs.follow)
            watches = Watches(
                self.site, self._face, self._tools(), lambda: self._executor.in_flight, self._wake.set, self._looked
            )
            watches.start(beside)
            await self._guarded_pass()
            await asyncio.to_thread(give_back)
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
        if (picture := self._face.picture) is None:
            return PASS_AT_LEAST_SECONDS
        dues = (step.until for step in picture.plan.steps if isinstance(step, Wait) and step.until)
        due = min((at for at in dues if at > picture.observation.now), default=None)
        left = (due - self.site.now()).total_seconds() if due else PASS_AT_LEAST_SECONDS
        return min(max(left, 0.0), PASS_AT_LEAST_SECONDS)

    async def _guarded_pass(self) -> None:
        """A pass that fails is told, and tried again: a database or repository that is away comes back."""
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
        began = time.monotonic()
        picture = await asyncio.to_thread(self._look)
        if picture is None:
            return False
        self._metrics.planned(time.monotonic() - began)
        if self._stop.is_set():
            return False
        for step in (advanced := [step for step in picture.plan.steps if isinstance(step, Advance)]):
            await self._executor.advance(step)
        acts = (step.action for step in picture.plan.steps if isinstance(step, Act))
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
                await asyncio.to_thread(self.site.epochs.follow)
            except NotBegunError as error:
                self._tell_not_begun(error)
                return False
            self._health.works(STATE)
        return True

    def _tell_not_begun(self, error: NotBegunError) -> None:
        told(STATE, error, self._health)

    def _look(self) -> Picture | None:
        """One look at everything, and the decision; runs in a thread."""
        site = self.site
        looked = self._specs.looked
        state = looked.state
        source = Source(
            commit=state.good,
            committed_at=site.specs.committed_at(state.good),
            refused=state.seen if state.problem and state.seen != state.good else None,
            problem=state.problem,
            checked_at=site.now(),
        )
        tree = looked.loaded.tree if looked.loaded else None
        if tree is None:
            self._face.show(None, source)
            return None
        self._heed_age()
        self._heed_retries(tree)
        site.certificates.heed_files(tree)
        snapshot = self._face.look()
        observed = site.observe(tree, snapshot)
        if site.keep_facts(tree, observed, snapshot.set_up):  # documents tell it, and Puppet may ask any moment
            observed = site.observe(tree, self._face.look())
        observation = replace(observed, base=state.good, listening_since=self._listening_since)
        site.keep_documents()
        todo = plan(PlanningInput(state.good, tree, observation, site.config.planning_timings))
        todo = replace(todo, notes={**todo.notes, "specs": state.problem}) if state.problem else todo
        picture = Picture(tree, observation, todo)
        self._face.show(picture, source, site.store.last_events(limit=EVENTS_SHOWN))
        return picture

    def _heed_retries(self, tree: SpecTree) -> None:
        """Who says "retry now" vouches for the machine: it may show a new host key, and its BMC is worth asking."""
        for position, event in self.site.store.events_after(self._journal_position):
            self._journal_position = position
            if isinstance(event, Retried):
                self._host_keys.expect_new_boot(event.serial, event.at)
                if address := tree.bmc_address(event.serial, self._directory.seen(event.serial)):
                    self._bmcs.ask_again(address)

    def _prepare(self) -> None:
        self._host_keys.read()  # the daemon before us wrote it while we waited for the lease
        self._bmcs.read()
        self._heed_age()
        self.site.store.note_ends()
        self._specs.look()
        self._journal_position = max((event.position for event in self.site.store.last_events(limit=1)), default=0)

    def _heed_age(self) -> None:
        """Nothing waits for a clock that was ahead; and we begin once the database is as new as it should be."""
        if self._clock.heed(now := self.site.now()) and self._listening_since is not None:
            self._listening_since = min(self._listening_since, now)
        self.site.epochs.begin(partial(self.site.certificates.mint, (PROVISIONING_KEY,)))

    def _done(self, event: Event) -> None:
        self._face.progress.pop(event.serial, None)
        self._metrics.action_ended(self._doing.pop(event.serial, "unknown"), event.kind)
        self._wake.set()

    def _tools(self) -> Tools:
        config, site = self.site.config, self.site
        shells = SshShells(partial(client_key, site.store), self._host_keys, self._directory, site.now, config.ssh_port)
        return Tools(
            records=Records(site.store, site.certificates),
            directory=self._directory,
            bmcs=self._bmcs,
            bmc_passwords=StoredBmcPasswords(site.store, site.now),
            shells=shells,
            progress=self._face.progress.__setitem__,
            time=Time(site.now, asyncio.sleep),
            tell_child=tell_child,
            options=Options(
                fleet=lambda: self._tree().fleet, files=NodeFiles(site), poll=config.install_poll.total_seconds()
            ),
        )

    def _tree(self) -> Any:
        if self._face.picture is None:
            raise TemporaryError("there are no valid specs yet")
        return self._face.picture.tree


async def serve(site: Site) -> int:
    """Run the daemon until SIGTERM or SIGINT."""
    daemon = Daemon(site)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, daemon.stop)
    return await daemon.serve()


async def converge(site: Site, timeout: float) -> int:
    """One pass of the daemon's loop until nothing is left to do."""
    return await Daemon(site).converge(timeout)
