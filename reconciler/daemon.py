"""The daemon: wake up, look at the world, plan, record, act. A wake-up carries no data; everything is read anew."""

import asyncio
import contextlib
import math
import os
import signal
import socket
import time
from dataclasses import replace
from datetime import datetime
from functools import cached_property, partial
from typing import Any

import structlog

from .clocks import ClockWatch
from .companions import Companions, LeaseLostError, Well, told
from .drivers.child import tell_child
from .drivers.host_keys import FileHostKeys
from .drivers.ssh import SshShells
from .epochs import remembering
from .execution.ensure import Time
from .execution.executor import Executor
from .execution.handlers import Options, Tools, handlers
from .following import PASS_AT_LEAST_SECONDS, SpecsFollower
from .front import Front
from .health import DATABASE, PLANNING
from .memory import give_back
from .model.errors import PermanentError, TemporaryError
from .model.events import Event, Retried
from .model.plan import Act, Advance, PlanningInput, Wait
from .model.tree import SpecTree
from .node_files import NodeFiles
from .planning.planner import plan
from .reach import PROVISIONING_KEY, StoredBmcPasswords, StoredDirectory, client_key
from .server.fleet import Source
from .serving import EVENTS_SHOWN, Picture
from .site import Records, Site
from .site_bmcs import SiteBmcs
from .standing_by import AGAIN_SECONDS, StandingBy, pause
from .store import LeaseWatch
from .watches import Watches

log = structlog.get_logger()

DRAIN_SECONDS = 20.0
SETTLE_SECONDS = 0.05
"""A moment between a wake-up and the pass, so that a burst of reports makes one pass and not a hundred."""
ASK_FOR_LEASE_SECONDS = 1.0


class Daemon:
    """One reconciler. ``run`` returns when it was told to stop."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self._wake = asyncio.Event()
        self._stop = asyncio.Event()
        self._lease_holds = site.config.lease
        self._front = front = Front(site, self._wake.set)
        self._face, self._metrics, self._health = front.face, front.metrics, front.health
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
        table = remembering(handlers(self._tools()), self.site.epochs)
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
            fence = await standing_by.lease(self._lease) if await standing_by.opened() else None
            if fence is not None:
                await self._act(fence)
            return 0
        finally:
            await self._front.close()
            self.site.close()
            log.info("stopped")

    async def _act(self, fence: int) -> None:
        try:
            await self._front.must_listen()
            self._front.take_words()
            self._listening_since = self.site.now()
            await self._loop(fence)
        finally:
            await self._executor.drain(DRAIN_SECONDS)
            await self._front.close()
            with contextlib.suppress(PermanentError, TemporaryError):
                await asyncio.to_thread(self.site.store.release_lease, fence)

    async def converge(self, timeout: float) -> int:
        """Act until nothing is left to do that needs no waiting for. 1 when the time was over before.

        Raises:
            PermanentError: A daemon acts on this database.
        """
        store = self.site.store
        fence = await self._lease(give_up_after=self._lease_holds.total_seconds() + 2 * ASK_FOR_LEASE_SECONDS)
        if fence is None:
            raise PermanentError("a daemon acts on this database: what there is to do, it does")
        keeping = asyncio.create_task(self._keep_lease(fence))
        try:
            return await self._converge(time.monotonic() + timeout, keeping)
        finally:
            await self._executor.drain(DRAIN_SECONDS)
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
            with contextlib.suppress(PermanentError):
                await asyncio.to_thread(store.release_lease, fence)

    async def _converge(self, deadline: float, keeping: "asyncio.Task[None]") -> int:
        await self._begin()
        while not keeping.done():
            self._wake.clear()
            acted = await self._pass()
            if self._face.picture and (why := self._face.picture.observation.observing):
                raise PermanentError(why)
            if not acted and not self._executor.in_flight:
                return 0
            if time.monotonic() >= deadline:
                return 1
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await self._wake.wait()
        keeping.result()
        return 1

    async def _begin(self) -> None:
        """Close what a crash left open, before anything else is done."""
        await asyncio.to_thread(self._prepare)
        closed = await self._executor.recover(await asyncio.to_thread(self.site.store.histories))
        log.info("started", interrupted=closed)

    async def _loop(self, fence: int) -> None:
        companions = Companions(self._health, self._wake.set)
        companions.start("keeping the lease", lambda well: self._keep_lease(fence, well))
        try:
            if not await self._begun(companions):
                return
            companions.start("following the specs", self._specs.follow)
            watches = Watches(
                self.site, self._face, self._tools(), lambda: self._executor.in_flight, self._wake.set, self._looked
            )
            watches.start(companions)
            await self._guarded_pass()
            await asyncio.to_thread(give_back)
            while not self._stop.is_set():
                await self._until_woken()
                companions.check()
                await self._guarded_pass()
        finally:
            await companions.stop()

    async def _begun(self, companions: Companions) -> bool:
        """Begin as soon as that can be; False when told to stop before."""
        self._face.stage = "the first plan is still being made, or there are no valid specs yet"
        self._health.expect_passes()
        while not self._stop.is_set():
            companions.check()
            try:
                await self._begin()
            except (TemporaryError, PermanentError, OSError) as error:
                told(PLANNING, error, self._health)
                await pause(self._stop, AGAIN_SECONDS)
            else:
                return True
        return False

    async def _until_woken(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._pause()):
                await self._wake.wait()
        await asyncio.sleep(SETTLE_SECONDS)
        self._wake.clear()

    def _pause(self) -> float:
        """Seconds until something that the plan waits for is due; what was due already when it was made is no news."""
        if self._health.is_failing(PLANNING):
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
        started = self._executor.submit(step.action for step in picture.plan.steps if isinstance(step, Act))
        self._doing |= {action.serial: action.type for action in started}
        await self._executor.begun()
        if advanced:
            self._wake.set()
        return bool(advanced or started)

    def _look(self) -> Picture | None:
        """One look at everything, and the decision; runs in a thread."""
        site = self.site
        looked = self._specs.looked
        state = looked.state
        source = Source(
            commit=state.good,
            committed_at=site.committed_at(state.good),
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
        self.site.epochs.begin(partial(self.site.mint, (PROVISIONING_KEY,)))

    def _done(self, event: Event) -> None:
        self._face.progress.pop(event.serial, None)
        self._metrics.action_ended(self._doing.pop(event.serial, "unknown"), event.kind)
        self._wake.set()

    def _tools(self) -> Tools:
        config, site = self.site.config, self.site
        shells = SshShells(partial(client_key, site.store), self._host_keys, self._directory, site.now, config.ssh_port)
        return Tools(
            records=Records(site),
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

    async def _lease(self, give_up_after: float = math.inf) -> int | None:
        """Wait until no other daemon acts on this database; None when told to stop meanwhile, or out of patience."""
        watch, told, deadline = LeaseWatch(self._lease_holds), False, time.monotonic() + give_up_after
        while not self._stop.is_set() and time.monotonic() < deadline:
            fence = await asyncio.to_thread(self.site.store.acquire_lease, _holder(), watch, self.site.now())
            if fence is not None:
                return fence
            if not told:
                log.warning("another daemon acts on this database; waiting for it to end")
                told = True
            await asyncio.sleep(ASK_FOR_LEASE_SECONDS)
        return None

    async def _keep_lease(self, fence: int, well: Well = lambda: None) -> None:
        held = True
        while held:
            held = await asyncio.to_thread(self.site.store.renew_lease, fence, self._lease_holds, self.site.now())
            well()
            await asyncio.sleep(self._lease_holds.total_seconds() / 3 if held else 0)
        raise LeaseLostError("another daemon has taken over this database")


def _holder() -> str:
    """Who we are, to other daemons."""
    return f"{socket.gethostname()}:{os.getpid()}"


async def serve(site: Site) -> int:
    """Run the daemon until SIGTERM or SIGINT."""
    daemon = Daemon(site)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, daemon.stop)
    return await daemon.serve()


async def converge(site: Site, timeout: float) -> int:
    """One pass of the daemon's loop until nothing is left to do."""
    return await Daemon(site).converge(timeout)
