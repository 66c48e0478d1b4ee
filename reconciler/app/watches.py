"""Looks that the daemon repeats beside its passes; each of them wakes the loop when there is news."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from functools import partial

from ..execution import seam
from ..execution.handlers import Tools
from ..execution.seam import offload
from ..model.history import Phase
from ..model.machine import MachineView
from .companions import Companions, Well, every
from .database import reserve_of
from .health import DATABASE, DISK, WORDS
from .published import Published
from .reserve import Reserve
from .site import Site
from .watch_nodes import NodePace, NodeWatch
from .watch_power import PowerWatch
from .watch_puppet import PuppetWatch

LOOK_AT_STORE_SECONDS = 1.0
"""How soon a decision made on the command line is noticed."""
LOOK_AT_DISK_SECONDS = 5.0
TIDY_SECONDS = 10.0
"""How often is looked for machines that are to be forgotten."""
DROP_BLANK_SECONDS = 3600.0
CHECK_PAUSE = 50
"""How many times as long as a check for damage took, no other one is made."""


@dataclass
class Watches:
    """Looks at decisions, power, Puppet runs, nodes, and at the documents that were rendered."""

    site: Site
    published: Published
    tools: Tools
    in_flight: Callable[[], Collection[str]]  # serials
    wake: Callable[[], None]
    looked: asyncio.Event  # set when a pass has ended
    tidy: Callable[[], Awaitable[None]]  # forgets machines that only reports spoke of
    _token: int | None = None

    def start(self, companions: Companions) -> None:
        """Begin with all of them."""
        companions.start("looking for decisions", self.decisions)
        companions.start("looking at power", self.power)
        companions.start("looking at Puppet runs", self.puppet)
        companions.start("looking at services and ring files", self.nodes)
        companions.start("keeping a copy of the documents", self.copy)
        companions.start("checking the database", self.soundness)
        companions.start("forgetting machines that only reports spoke of", self.strangers)
        if (reserve := reserve_of(self.site.config)) is not None:
            companions.start("looking at the disk", every(LOOK_AT_DISK_SECONDS, partial(self._disk, reserve)))

    async def decisions(self, well: Well) -> None:
        """Notice what other processes wrote: an operator's decision, made on the command line."""
        while True:
            token = await offload(self.site.store.decision_token)
            well()
            if token != self._token:
                if self._token is not None:
                    self.wake()
                self._token = token
            await asyncio.sleep(LOOK_AT_STORE_SECONDS)

    async def power(self, well: Well) -> None:
        """Ask the BMCs of machines in service whether they are on."""
        watching = PowerWatch(self.tools.bmcs, self.tools.directory, self.site.now, self.site.store.record)
        while True:
            await asyncio.sleep(self.site.config.bmc_poll.total_seconds())
            serving = (m for m in self._machines() if m.history.phase is Phase.IN_SERVICE)
            if await watching.look(serving, self._is_busy):
                self.wake()
            well()

    async def puppet(self, well: Well) -> None:
        """Ask nodes that are behind whether their own agents have caught up."""
        every = self.site.config.puppet_poll
        watching = PuppetWatch(self.tools, every)
        while True:
            await asyncio.sleep(every.total_seconds())
            if await watching.look(self._machines(), self._is_busy):
                self.wake()
            well()

    async def nodes(self, well: Well) -> None:
        """Ask nodes how their services are, and whether they still have the ring files that they were given."""
        config = self.site.config
        pace = NodePace(config.gate_poll, config.gate_again, config.rings_poll)
        watching = NodeWatch(self.tools, pace)
        while True:
            await asyncio.sleep(min(pace.services, pace.again, pace.rings).total_seconds())
            latest = self.published.latest
            if latest is not None and await watching.look(latest.observation, self._is_busy):
                self.wake()
            well()

    async def copy(self, well: Well) -> None:
        """Keep a copy of the documents on disk; not while there is doubt about the database that they are made from."""
        while True:
            await self.looked.wait()
            self.looked.clear()
            documents = self.site.documents.all()  # before it is asked whether they are doubted: a pass may begin
            doubted = self.published.is_doubted or self.published.health.is_failing(DATABASE)
            if self.published.latest is not None and not doubted:
                await offload(self.published.kept.keep, documents, self.published.asking)
            well()

    async def soundness(self, well: Well) -> None:
        """Look for damage in the database again and again; not at once, as it was looked for when it was opened."""
        took = 0.0
        while True:
            await asyncio.sleep(max(LOOK_AT_DISK_SECONDS, CHECK_PAUSE * took))
            began = seam.steady()
            await self.check()
            well()
            took = seam.steady() - began

    async def check(self) -> None:
        """Look for damage in the database. As long as there is any, nothing is begun.

        Where words of machines could not be written, see whether others can: nobody may say anything for a long time.
        """
        damage = await offload(self.site.store.damage)
        if self.published.health.is_failing(WORDS):
            await offload(self.site.store.save_state, "written", "")
            self.published.health.works(WORDS)
        if damage is None:
            self.published.health.works(DATABASE)
        else:
            self.published.health.fails(DATABASE, damage)

    async def strangers(self, well: Well) -> None:
        """Forget machines without a place that are silent; none while there is doubt about the database.

        What an unknown machine says of its system may be the only sign that the database was lost.
        """
        store, dropped, token = self.site.store, seam.steady(), await offload(self.site.store.change_token)
        while True:
            if self.published.latest is not None and not self.published.is_doubted:
                await self.tidy()
            if seam.steady() - dropped >= DROP_BLANK_SECONDS:
                await offload(store.drop_blank, token)  # whoever follows changes has seen those of an hour ago
                dropped, token = seam.steady(), await offload(store.change_token)
            well()
            await asyncio.sleep(TIDY_SECONDS)

    async def _disk(self, reserve: Reserve) -> None:
        """Say when the disk is full, and keep room on it for decisions when it is not."""
        await offload(reserve.keep)
        problem = await offload(reserve.problem)
        if problem is None:
            self.published.health.works(DISK)
        else:
            self.published.health.fails(DISK, problem)

    def _machines(self) -> tuple[MachineView, ...]:
        return self.published.latest.observation.machines if self.published.latest else ()

    def _is_busy(self, serial: str) -> bool:
        return serial in self.in_flight()
