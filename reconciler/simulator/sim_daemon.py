"""A daemon that lives as a process of the simulation."""

import asyncio
from dataclasses import dataclass

from ..app.daemon import Daemon
from ..app.published import PassResult
from ..app.site import Site
from ..model.history import Phase
from .virtual_loop import Process


@dataclass
class SimDaemon:
    """A daemon as a process of the simulation."""

    process: Process
    site: Site
    daemon: Daemon
    task: "asyncio.Task[int]"

    @property
    def is_up(self) -> bool:
        """Whether the process runs."""
        return self.process.is_alive and not self.task.done()

    def kill(self) -> None:
        """As kill -9 does it: the database loses its connections, and nobody says good-bye."""
        self.process.kill()
        self.site.close()

    def wake(self) -> None:
        """There is news: have it look."""
        self.daemon._wake.set()

    @property
    def latest(self) -> PassResult | None:
        """What its last pass found and decided; None: it has made none, or does not run."""
        return self.daemon._published.latest if self.is_up else None

    @property
    def in_service(self) -> int:
        """How many machines its last pass knew to be in service."""
        machines = self.latest.observation.machines if self.latest else ()
        return sum(m.history.phase is Phase.IN_SERVICE for m in machines)
