"""People who answer late what the daemon asks: they approve what they are shown, and see to what waits for them.

Once all faults are over they also say "retry", end pauses, and have a database that is older than the machines learn
from them, as ``reconciler adopt`` does.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass, field

from ..app import adopting
from ..app.approving import approve
from ..app.directory import StoredDirectory
from ..app.site import Site
from ..execution.drivers.host_keys import FileHostKeys
from ..execution.drivers.ssh import SshShells
from ..model.errors import PermanentError, TemporaryError
from ..model.machine import Approval
from ..model.plan import Wait
from ..model.reasons import Reason
from ..model.statements import FactName
from .chance import Stream
from .virtual_loop import Process
from .world import World

LOOKS_EVERY = 5.0
"""Seconds between two looks at the dashboard."""

TRIES = 4
"""How often somebody says "retry" of one machine once all faults are over: what fails again then has another cause."""


@dataclass
class People:
    """Everybody who may decide."""

    world: World
    chance: Stream
    latest: float = 120.0  # seconds until an answer, at most
    mends: bool = False  # whether they see to all that waits for them
    helped: dict[tuple[str, Reason], str] = field(default_factory=dict)  # what each machine waited for, in words
    _tried: Counter[str] = field(default_factory=Counter)  # how often "retry" was said, by serial
    _due: dict[str, float] = field(default_factory=dict)  # by digest of a statement, or serial: when it is answered

    async def act(self) -> None:
        """Look, think, answer; until cancelled."""
        while True:
            await asyncio.sleep(LOOKS_EVERY)
            latest = self.world.daemon.latest
            if self.mends and latest and latest.plan.observing:
                doubt = (Reason.DATABASE_IN_DOUBT, latest.plan.observing)
                self.helped |= {(m.serial, doubt[0]): doubt[1] for m in latest.observation.machines}
                await self._adopt()
                continue
            for step in latest.plan.steps if latest else ():
                if isinstance(step, Wait):
                    self._consider(step)

    def sees_to(self, step: Wait) -> bool:
        """Whether it is for people to end this wait."""
        if step.asks is not None or not self.mends:
            return step.asks is not None
        return (step.reason.about.retry and self._tried[step.serial] < TRIES) or step.reason is Reason.PAUSED

    def _consider(self, step: Wait) -> None:
        """Answer a step once it has waited as long as this answer takes."""
        if not self.sees_to(step):
            return
        key = step.asks.statement.digest if step.asks else f"{step.reason} {step.serial}"
        now = self.world.loop.time()
        if now < self._due.setdefault(key, now + self.chance.uniform(5.0, self.latest)):
            return
        del self._due[key]
        with self.world.inside(Process("operator")):
            try:
                self._approve(step) if step.asks else self._mend(step)
                self.helped[step.serial, step.reason] = step.on
            except (PermanentError, TemporaryError) as error:
                self.world.tell(f"operator {step.serial} {step.reason}: {error}")

    def _approve(self, step: Wait) -> None:
        """Approve what is asked now, unless it would give a node's keys to another machine."""
        daemon, latest = self.world.daemon, self.world.daemon.latest
        assert step.asks is not None and latest is not None
        asked = step.asks.statement
        reporters = [fact.values[0] for fact in asked.facts if fact.name == FactName.REPORTER]
        server = self.world.servers.get(step.serial)
        if any(server is None or where != server.address for where in reporters):
            return  # they have looked: that is another machine
        held = next((m.allocation for m in latest.observation.machines if m.serial == step.serial), None)
        self.world.judge.allow(step.serial, asked)
        for number in range(step.asks.approvers):
            who = f"operator-{number + 1}" if number else "operator"
            word = Approval(step.serial, "", 0, who, "looked at it", self.world.now())
            approve(daemon.site, step, held, word, shown=asked.digest)
        self.world.tell(f"operator approves {step.needs_approval} of {step.serial}: {asked.digest}")
        daemon.wake()

    def _mend(self, step: Wait) -> None:
        store, serial, at = self.world.daemon.site.store, step.serial, self.world.now()
        if step.reason is Reason.PAUSED:
            for scope in (f"machine:{serial}", f"cluster:{step.cluster}", "fleet"):
                store.resume(scope, who="operator", why="looked at it", at=at)
        else:
            self._tried[serial] += 1
            store.retry(serial, who="operator", why="looked at it", at=at)
        self.world.tell(f"operator sees to {serial}: {step.reason}")
        self.world.daemon.wake()

    async def _adopt(self) -> None:
        """As ``reconciler adopt`` does it, in a process of its own."""
        with self.world.inside(Process("adopt")):
            site = self.world.site()
            work = self.world.loop.create_task(self._adopted(site))
        try:
            await work
        except (PermanentError, TemporaryError) as error:
            self.world.tell(f"adopt: {error}")
        finally:
            site.close()
        self.world.daemon.wake()

    async def _adopted(self, site: Site) -> None:
        tree = self.world.tree
        keys = FileHostKeys(site.config.state / "host-keys.jsonl")
        directory = StoredDirectory(site.store, lambda: tree, site.config.bmc_port)
        shells = SshShells(self.world.dial(site), keys, directory, site.now)
        observed, found = await adopting.look(site, tree, shells)
        for one in found:
            done = adopting.carry_out(site, observed, one, who="operator", why="the backup is older")
            self.world.tell(f"adopt {done.serial}: {done.becomes}")
        if observed.observing is not None:
            ground, why = adopting.Ground(tuple(found)), "the backup is older"
            adopting.settle(site, as_new=False, who="operator", why=why, ground=ground)
