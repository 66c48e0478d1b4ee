"""Carries out a plan: each action journalled before and after, one at a time per machine, many machines at once.

::

    submit --> Started (durable) --> handler --> Succeeded | Failed
                                         |
                              drain, or a crash: Interrupted

Nothing queues. An action that finds no free slot is not started: when a slot is free again the loop is woken, plans
anew, and offers what is then the right thing to do. Nothing is resumed either: what was open when the daemon died is
closed as interrupted, and only a fresh look tells how far it came.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial

import structlog

from ..model.actions import Action
from ..model.errors import ForeignDataError, InstallEndedError, NotBegunError, PermanentError, TemporaryError
from ..model.events import Advanced, Event, Failed, Interrupted, Started, Succeeded
from ..model.history import History
from ..model.plan import Act, Advance
from ..model.redaction import redact
from .ports import Clock, Handlers, Journal, Sleep
from .seam import offload


@dataclass(frozen=True, slots=True)
class Limits:
    """How much may go on at once. How long anything may take, each action says itself."""

    running: int = 256  # actions; each is a few tasks and at most one connection
    through_the_bmc: int = 64  # of them; each holds a thread
    setting_up_bmcs: int = 32  # of those; where new BMCs are not reached yet, each waits minutes for a login
    journal_again: float = 5.0  # seconds; a database that is away: the end of an action is written again and again


def _has_begun(begun: asyncio.Future[None], _: asyncio.Task[None]) -> None:
    if not begun.done():
        begun.set_result(None)


def _nothing(_: Event) -> None:
    pass


@dataclass
class Executor:
    """Runs handlers. ``on_done`` is called after each end of an action, with what was journalled."""

    journal: Journal
    handlers: Handlers
    clock: Clock
    limits: Limits = field(default_factory=Limits)
    on_done: Callable[[Event], None] = _nothing
    sleep: Sleep = asyncio.sleep
    _running: dict[str, tuple[Action, asyncio.Task[None]]] = field(default_factory=dict)
    _starting: set["asyncio.Future[None]"] = field(default_factory=set)
    _draining: bool = False

    @property
    def in_flight(self) -> Mapping[str, Action]:
        """What is being done now, by serial."""
        return {serial: action for serial, (action, _) in self._running.items()}

    async def recover(self, known: Mapping[str, History]) -> int:
        """Close what a crash left open. Call once, before the first ``submit``. Returns how many there were."""
        open_ones = [(serial, history.open_action) for serial, history in sorted(known.items()) if history.open_action]
        for serial, action in open_ones:
            await self._append(Interrupted(serial, self.clock(), action.id))
        return len(open_ones)

    def submit(self, steps: Iterable[Act]) -> tuple[Action, ...]:
        """Start what may start now: its machine is idle, and there is a slot. Returns what was started."""
        started = []
        for step in steps:
            action = step.action
            if self._draining or action.serial in self._running or not self._has_slot(action):
                continue
            begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            task = asyncio.create_task(self._carry_out(step, begun), name=f"{action.type} {action.serial}")
            task.add_done_callback(partial(_has_begun, begun))
            self._starting.add(begun)
            begun.add_done_callback(self._starting.discard)
            self._running[action.serial] = (action, task)
            started.append(action)
        return tuple(started)

    async def journalled(self) -> None:
        """Return once everything submitted is journalled as started, or was not started after all.

        Await it before the next look at the world: a plan that does not see an enrolment in flight gives its name and
        addresses to another machine.
        """
        if self._starting:
            await asyncio.wait(self._starting)

    async def advance(self, step: Advance) -> None:
        """Record that a machine was seen to be where the next phase begins."""
        advanced = Advanced(step.serial, self.clock(), step.to, step.because, step.announces, step.reason)
        await self._append(advanced)

    async def drain(self, timeout: float) -> None:
        """Start nothing more, and return when nothing runs.

        Short actions may end by themselves for so many seconds. Following an install or a Puppet run ends at once:
        it goes on without us, and the next daemon finds it. What is cut off is journalled as interrupted.
        """
        self._draining = True
        for action, task in list(self._running.values()):
            if action.outlives_daemon:
                task.cancel()
        if tasks := [task for _, task in self._running.values()]:
            await asyncio.wait(tasks, timeout=timeout)
        if rest := [task for _, task in self._running.values()]:
            for task in rest:
                task.cancel()
            await asyncio.wait(rest)

    def _has_slot(self, action: Action) -> bool:
        if len(self._running) >= self.limits.running:
            return False
        running = [other for other, _ in self._running.values()]
        if action.sets_up_bmc and sum(other.sets_up_bmc for other in running) >= self.limits.setting_up_bmcs:
            return False
        return not action.uses_bmc or sum(other.uses_bmc for other in running) < self.limits.through_the_bmc

    async def _carry_out(self, step: Act, begun: "asyncio.Future[None]") -> None:
        """Run an action between its two entries in the journal.

        Where the first entry cannot be written, the handler never runs: nothing was begun. ``begun`` is set once that
        entry is durable.
        """
        action = step.action
        log = structlog.get_logger().bind(serial=action.serial, action=action.type, id=action.id)
        try:
            try:
                await self._append(Started(action.serial, self.clock(), action, step.reason))
                begun.set_result(None)
                log.info("started", reason=str(step.reason))
                end = await self._end_of(action, log)
            except asyncio.CancelledError:
                end = Interrupted(action.serial, self.clock(), action.id)
            except (TemporaryError, PermanentError) as error:
                log.error("not started: the journal cannot be written", error=str(error))
                return
            except Exception:
                log.exception("not started: the journal cannot be written")
                return
            await self._close(end, log)
        finally:
            del self._running[action.serial]
        self.on_done(end)

    async def _end_of(self, action: Action, log: structlog.stdlib.BoundLogger) -> Event:
        """Run the handler; whatever it does, how it ended."""
        try:
            async with asyncio.timeout(action.limit) as limit:
                await self.handlers[type(action)](action)
        except asyncio.CancelledError:
            log.warning("interrupted")
            return Interrupted(action.serial, self.clock(), action.id)
        except NotBegunError as error:
            log.warning("not begun", error=str(error))
            return Interrupted(action.serial, self.clock(), action.id)
        except (TemporaryError, PermanentError) as error:
            permanent = isinstance(error, PermanentError)
            log.warning("failed", error=str(error), permanent=permanent)
            found = error.found if isinstance(error, ForeignDataError) else ()
            ended = isinstance(error, InstallEndedError)
            return Failed(action.serial, self.clock(), action.id, redact(str(error)), permanent, found, ended)
        except Exception as error:
            if isinstance(error, TimeoutError) and limit.expired():
                log.warning("failed", error="timeout")
                return Failed(action.serial, self.clock(), action.id, f"it did not end within {action.limit:.0f} s")
            log.exception("failed")
            text = redact(f"{type(error).__name__}: {error}. This is a bug in reconciler.")
            return Failed(action.serial, self.clock(), action.id, text)
        log.info("succeeded")
        return Succeeded(action.serial, self.clock(), action)

    async def _close(self, end: Event, log: structlog.stdlib.BoundLogger) -> None:
        """Journal the end. Until that works the machine stays in flight; a shutdown leaves it to ``recover``."""
        while True:
            try:
                await self._append(end)
            except Exception:
                log.exception("the journal cannot be written; trying again", kind=end.kind)
                if self._draining:
                    return
                await self.sleep(self.limits.journal_again)
            else:
                return

    async def _append(self, event: Event) -> None:
        """Write, and let no cancellation come between: the write happened when this returns or raises."""
        writing = asyncio.ensure_future(offload(self.journal.append, event))
        cut_off: asyncio.CancelledError | None = None
        while not writing.done():
            try:
                await asyncio.wait([writing])
            except asyncio.CancelledError as error:  # a shutdown whose time is up cancels a second time
                cut_off = error
        if cut_off is not None:
            writing.exception()  # seen; the cancellation is what matters now
            raise cut_off
        writing.result()
