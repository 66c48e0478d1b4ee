"""One history of a whole fleet under the real daemon, from one seed: what ran once, runs again just so.

A history has two parts. In the first, faults befall the fleet while it comes into service. Then all of them heal, and
the fleet must come to rest: everything is in service, or the plan says what it waits for.
"""

import asyncio
import contextlib
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from ..app.published import PassResult
from ..enc.documents.writer import first_equal
from ..execution import seam
from ..model.errors import PermanentError
from ..model.plan import Act, Advance, Shortfall, Step, Wait
from ..model.reasons import Reason
from ..model.rehearsal import wants_human
from ..model.secret_parts import PARTS, part_of
from .faults import FAULTS, Swarm
from .judge import Invariant, Violation
from .people import People
from .scenario import Scenario
from .stand_ins import logged, seam_of, ssh_draws, without_gc, without_threads
from .tally import Tally
from .virtual_loop import Killed, Process
from .wires import Request
from .world import Template, World

STILL_SECONDS = 15.0
"""A plan in which everything is settled, and that has not changed for so long, is at rest."""

WAITING_SECONDS = 90.0
"""One in which something waits: longer than an install, a boot and a run of Puppet, at the pace of a simulation."""

FAULTS_LAST = (60.0, 240.0)
"""Seconds of the history in which faults befall it."""

COMMITTED_AFTER = (5.0, 30.0)
"""Seconds of the history after which the specs are committed that are to come."""

FAR = timedelta(minutes=10)
"""Waits that last longer are not waited for: at the pace of a simulation, three hours and more."""

_TOLD = 20  # times, at most
_SHORTEST_SECRET = 12  # characters: what is shorter may be anywhere
_PRIVATE = ("private", "key")  # parts of secrets that have public ones too


@dataclass(frozen=True)
class Ending:
    """How a history ended."""

    seed: int
    swarm: Swarm
    seconds: float  # that passed in it
    steps: int
    in_service: int
    planned: tuple[Step, ...]  # steps of the last plan
    seen: frozenset[str]  # what happened in it, by names that "sometimes" counts
    trace: tuple[str, ...]
    violations: tuple[Violation, ...]
    problems: tuple[str, ...]
    shortfalls: tuple[Shortfall, ...] = ()  # of its last plan
    later: tuple[Wait, ...] = ()  # those among its waits that end after it, by themselves
    rested: float | None = None  # seconds after the change, or the beginning, at which the last thing was done
    tally: Tally = field(default_factory=lambda: Tally(float))
    installed: int = 0  # times that an installer erased disks
    begun: tuple[tuple[str, str], ...] = ()  # serial and type of each action that the daemon began
    helped: Mapping[tuple[str, Reason], str] = field(default_factory=dict)  # as ``People`` has it

    @property
    def waits(self) -> tuple[Wait, ...]:
        """What the plan waits for in the end."""
        return tuple(step for step in self.planned if isinstance(step, Wait))

    @property
    def is_bad(self) -> bool:
        """Whether anything happened that must not."""
        return bool(self.violations or self.problems)

    @property
    def digest(self) -> str:
        """Tells histories apart that differ in anything."""
        return hashlib.sha256("\n".join(self.trace).encode()).hexdigest()


class Simulation:
    """One history."""

    def __init__(
        self, seed: int, scenario: Scenario, template: Template, folder: Path, swarm: Swarm | None = None
    ) -> None:
        """Nothing happens yet. ``swarm``: what goes wrong; None: nothing does."""
        self.seed, self.swarm = seed, swarm or {}
        self.world = World(seed, scenario, template, folder)
        self.is_hasty = False
        """Whether the history ends once a rule is broken."""
        self.last: PassResult | None = None
        """What the daemon knew when the history ended."""
        self._operators = People(self.world, self.world.chance.stream("operators"))
        self._seen: set[str] = set()
        self._plan: tuple[tuple[str, ...], float] = (), 0.0  # what the plan said last, and since when it does
        self._changed: float | None = 0.0 if scenario.change is None else None  # when the last specs were committed
        self._rested: float | None = None

    def run(self) -> Ending:
        """Live through all of it."""
        world = self.world
        world.template.copy(world.folder)
        first_equal.cache_clear()  # as in a process that has just begun
        outside = seam_of(Process("world"), world.chance, world.loop.time, world.scenario.begins)
        drawn = world.chance.stream("libraries")
        with (
            seam.replaced(outside), ssh_draws(drawn), without_threads(), logged(world.logs), without_gc(),
        ):  # fmt: skip
            world.loop.set_exception_handler(self._unheard)
            world.loop._world.run(seam._HERE.set, outside)
            try:
                in_service, planned, shortfalls = world.loop.run_until_complete(self._history())
            finally:
                self._dispose()
        later = tuple(step for step in planned if isinstance(step, Wait) and _is_far(step, world.now()))
        journal = world.journal()
        self._seen |= {f"journal {line.split()[4]}" for line in journal}
        started = (words for line in journal if (words := line.split(maxsplit=6))[4] == "started")
        return Ending(
            seed=self.seed,
            swarm=self.swarm,
            seconds=world.loop.time(),
            steps=world.loop.steps,
            in_service=in_service,
            planned=planned,
            seen=frozenset(self._seen),
            trace=(*world.trace, *journal),
            violations=tuple(world.judge.violations),
            problems=tuple(world.problems),
            shortfalls=shortfalls,
            later=later,
            rested=self._rested,
            tally=world.tally,
            installed=sum(server.installs for server in world.servers.values()),
            begun=tuple((words[3], words[5]) for words in started),
            helped=dict(self._operators.helped),
        )

    async def _history(self) -> tuple[int, tuple[Step, ...], tuple[Shortfall, ...]]:
        """From the beginning to rest, or to the limit; machines in service, and what the last plan says."""
        world = self.world
        world.build()
        world.start_daemon()
        people = world.chance.stream("people")
        world.template.begin(world, people)
        going_on = [world.begin(world.supervise()), world.begin(self._watch())]
        going_on.append(world.begin(self._operators.act()))
        if world.scenario.change is not None:
            going_on.append(world.begin(self._commit(people.uniform(*COMMITTED_AFTER))))
        if world.tree.fleet.policy.roll_out == "agents":
            going_on.append(world.begin(world.run_agents()))
        self._living = world.begin(self._live(people.uniform(*FAULTS_LAST)))
        with contextlib.suppress(asyncio.CancelledError):
            await self._living
        world.is_over = True
        found = world.daemon.in_service
        steps, self.last = self._steps(), world.daemon.latest
        await self._show_everything()
        for task in going_on:
            if task.done():
                task.result()  # raises what has ended it
            task.cancel()
        if world.daemon.is_up:
            world.daemon.daemon.stop()
            await world.daemon.task
        await asyncio.gather(*(server.power_off() for server in world.servers.values()))
        return found, steps, self.last.plan.shortfalls if self.last else ()

    async def _live(self, seconds: float) -> None:
        """Both parts: faults for so many seconds, if there are any, and rest."""
        if self.swarm:
            await self._befall(seconds)
            self._operators.mends = True
        await self._come_to_rest()

    async def _commit(self, after: float) -> None:
        """Somebody commits the specs that are to come, so many seconds from now."""
        await asyncio.sleep(after)
        self.world.change()
        self._changed = self.world.loop.time()

    async def _befall(self, seconds: float) -> None:
        """Have all faults of the swarm befall the world for so long, and heal."""
        faults = [
            FAULTS[name](self.world, self.world.chance.stream(f"fault {name}"), dose)
            for name, dose in sorted(self.swarm.items())
        ]
        acting = [self.world.begin(fault.act()) for fault in faults]
        try:
            await asyncio.sleep(seconds)
        finally:
            for task in acting:
                task.cancel()
        await asyncio.wait(acting)
        for task in acting:
            if not task.cancelled() and (error := task.exception()) is not None:
                raise error
        for fault in faults:
            await fault.heal()
        for serial, server in sorted(self.world.servers.items()):  # nobody leaves a machine off that he has turned off
            if server.state == "off":
                await self.world.power(serial, on=True)
        self.world.tell("all faults are over")

    # ---- rest

    def _steps(self) -> tuple[Step, ...]:
        latest = self.world.daemon.latest
        return latest.plan.steps if latest else ()

    async def _come_to_rest(self) -> None:
        """Wait until the plan is at rest, and see that nothing happens then; at the limit, say what goes on."""
        world = self.world
        while not self._rests():
            if world.loop.time() > world.scenario.limit:
                doing = [f"{step.serial} {type(step).__name__} {step.reason}" for step in self._steps()]
                what = f"it does not come to rest: {', '.join(doing) or 'no plan'}"
                world.judge.breaks(Invariant.COMES_TO_REST, what)
                return
            await asyncio.sleep(1.0)
        waits, now = [step for step in self._steps() if isinstance(step, Wait)], world.now()
        if waits and not any(_is_for_somebody(step) or _is_far(step, now) for step in waits):
            reasons = ", ".join(f"{step.serial} {step.reason}" for step in waits)
            world.judge.breaks(Invariant.COMES_TO_REST, f"all that is left to do waits for nobody: {reasons}")
        self._rested = max(self._plan[1] - (self._changed or 0.0), 0.0)
        before = len(world.journal())
        await asyncio.sleep(2 * STILL_SECONDS)
        if new := world.journal()[before:]:
            world.judge.breaks(Invariant.RESTS, f"after it has come to rest: {new[0][:200]}")

    def _rests(self) -> bool:
        """Whether all that is left to do are waits without an end of their own, and that for a while."""
        steps, now = self._steps(), self.world.loop.time()
        said = tuple(f"{step.serial} {type(step).__name__} {step.reason}" for step in steps)
        if said != self._plan[0]:
            self._plan = said, now
        if not steps or any(isinstance(step, Act | Advance) for step in steps) or not self._follows_the_change():
            return False
        waits, moment = [step for step in steps if isinstance(step, Wait)], self.world.now()
        if any(_ends_by_itself(step, moment) or self._operators.sees_to(step) for step in waits):
            return False
        since = max(self._plan[1], self._changed or 0.0)
        return now - since > (WAITING_SECONDS if waits else STILL_SECONDS)

    def _follows_the_change(self) -> bool:
        """Whether the plan is one of the last specs that were committed, or says why these are not in force."""
        latest = self.world.daemon.latest
        if self._changed is None or latest is None:
            return False
        head = self.world.branch.head
        return latest.plan.base == head or "specs" in latest.plan.notes

    async def _watch(self) -> None:
        """Have the judge look every second, and remember what was seen."""
        while True:
            await asyncio.sleep(1.0)
            self.world.look()
            if self.is_hasty and self.world.judge.violations:
                self._living.cancel()
                return
            for step in self._steps():
                self._seen.add(f"{type(step).__name__} {step.reason}")
            if latest := self.world.daemon.latest:
                self._seen |= {f"phase {m.history.phase}" for m in latest.observation.machines}
                if latest.observation.observing is None:
                    self.world.tally.keep({m.serial for m in latest.observation.machines if m.allocation is not None})

    # ---- what is shown

    async def _show_everything(self) -> None:
        """Have the judge read whatever anybody may read."""
        world, daemon = self.world, self.world.daemon
        if daemon.latest is None:
            return
        store = daemon.site.store
        texts = store.texts([ref for ref, _ in store.list_secrets()])
        secrets = {str(ref): tuple(_parts(ref.form, text)) for ref, text in texts.items()}
        pages = ["/", "/metrics", "/v1/plan", "/v1/machines", *(f"/machines/{serial}" for serial in world.servers)]
        for page in pages:
            answer = await world.wires.request("127.0.0.1", world.listens, Request("GET", page))
            if answer is not None:
                self._seen.add(f"page {page.partition('/')[2].partition('/')[0]} {answer.status}")
                world.judge.shown(f"page {page}", answer.body.decode(errors="replace"), secrets)
        world.judge.shown("the plan", daemon.latest.plan_json.decode(), secrets)
        world.judge.shown("the journal", "\n".join(world.journal()), secrets)
        world.judge.shown("the log", "\n".join(map(_line, world.logs)), secrets)

    def _unheard(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if not isinstance(error, Killed):
            self.world.problems.append(f"{context.get('message')}: {error!r}")

    def _dispose(self) -> None:
        """Have nothing left of what still waits."""
        for task in asyncio.all_tasks(self.world.loop):
            task._log_destroy_pending = False  # type: ignore[attr-defined]
            _close(task.get_coro())
        for daemon in self.world.daemons:
            daemon.site.close()
        self.world.loop.close()


def _ends_by_itself(wait: Wait, now: datetime) -> bool:
    """Whether it says when it ends, soon; a gate that is closed is looked at again and again, and may stay closed."""
    if wait.reason is Reason.IN_FLIGHT:
        return True
    return wait.until is not None and wait.reason is not Reason.GATE_CLOSED and not _is_far(wait, now)


def _is_far(wait: Wait, now: datetime) -> bool:
    """Whether it ends at a time that is no history's: a window opens tomorrow, or a ring settles in hours."""
    return wait.until is not None and wait.until - now > FAR


def _is_for_somebody(wait: Wait) -> bool:
    """Whether a human ends it, or a service; others wait for such a one in turn."""
    return wants_human(wait) or wait.spare or wait.reason is Reason.GATE_CLOSED


def _close(work: Any) -> None:
    """End a coroutine. One that tidies up may wait for something again, each time that it is told."""
    for _ in range(_TOLD):
        try:
            work.close()
        except BaseException:  # noqa: S112 - of what it does then nobody hears
            continue
        return


def _line(event: Mapping[str, Any]) -> str:
    return " ".join(f"{name}={value}" for name, value in event.items())


def _parts(form: str, text: str) -> Iterable[str]:
    """What of a secret nobody may be shown: a line of each of its private parts, or all of it."""
    if form not in PARTS:
        return [text] if len(text) >= _SHORTEST_SECRET else []
    found = (_part(form, text, name).splitlines() for name in PARTS[form] if name in _PRIVATE)
    return [lines[len(lines) // 2] for lines in found if lines]


def _part(form: str, text: str, name: str) -> str:
    try:
        return part_of(text, form, name)
    except PermanentError:
        return ""
