"""One history of a whole fleet under the real daemon, from one seed: what ran once, runs again just so.

Real are the daemon with all that it decides and does, its database, its documents and its HTTP edge. Simulated is what
lies behind its drivers (``app.drivers``) and the seam: servers and their disks, BMCs, wires, git, programs, clocks and
chance. Nothing waits, and nothing leaves the process but files in one folder, which is best in memory.
"""

import asyncio
import contextlib
import hashlib
import shutil
import sqlite3
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ..app.config import Config, ListenConfig, SourceConfig, TimingsConfig
from ..app.daemon import Daemon
from ..app.directory import BMC_PASSWORD, PROVISIONING_KEY
from ..app.drivers import Drivers
from ..app.site import Site
from ..enc.documents.writer import first_equal
from ..execution import seam
from ..execution.drivers.plain import PlainBmcs
from ..model.history import Phase
from ..model.plan import Settled
from ..model.secret_parts import part_of
from ..model.tree import SpecTree
from . import rings
from .chance import Chance
from .fleet import place
from .hardware import CONTROLLER, PROXY, STORE, Model
from .life import Pace
from .memory_bmc import MemoryBmc, connecting
from .memory_git import MemoryBranch
from .memory_http import MemoryAgent, MemoryListening
from .memory_server import MemoryServer, Overwrite
from .memory_services import MemoryServices
from .memory_ssh import MemoryDial
from .stand_ins import logged, seam_of, ssh_draws, without_gc, without_threads
from .virtual_loop import Process, VirtualLoop
from .wires import FINE, Weather, Wires

BEGINS = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
PASSWORD = "simulated"  # noqa: S105 - of BMCs that are none

TWELVE: Mapping[str, tuple[Model, ...]] = {
    zone: (CONTROLLER, PROXY, STORE, STORE) for zone in ("zone-1", "zone-2", "zone-3")
}
"""What the example specs ask for."""

PACE = Pace(boot=8.0, report_every=10.0, install_step=4.0, puppet=10.0, services=3.0)
"""A server that is twenty times as fast as a real one. The daemon's patience is shorter in the same way."""

PATIENCE: Mapping[str, Any] = {
    "bmc_poll": "60s",
    "puppet_poll": "60s",
    "gate_poll": "60s",
    "gate_again": "2s",
    "rings_poll": "60s",
    "install_poll": "5s",
    "lease": "30s",
}
TIMINGS: Mapping[str, Any] = {
    "back_off": "5s",
    "back_off_cap": "40s",
    "report_every": "10s",
    "live_boot": "60s",
    "first_boot": "60s",
    "puppet_silence": "120s",
}


@dataclass(frozen=True)
class Scenario:
    """What there is at the beginning."""

    specs: Mapping[str, bytes]  # by path from the repository's root
    racks: Mapping[str, tuple[Model, ...]] = field(default_factory=lambda: TWELVE)
    pace: Pace = PACE
    weather: Weather = FINE
    limit: float = 3600.0  # seconds of the history, at most


@dataclass(frozen=True)
class Ending:
    """How a history ended."""

    seed: int
    seconds: float  # that passed in it
    steps: int
    in_service: int
    trace: tuple[str, ...]
    problems: tuple[str, ...]

    @property
    def digest(self) -> str:
        """Tells histories apart that differ in anything."""
        return hashlib.sha256("\n".join(self.trace).encode()).hexdigest()


class Template:
    """What every history begins with: an empty database with the fleet's own keys, made once by the real store."""

    def __init__(self, folder: Path, scenario: Scenario) -> None:
        """Make it in ``folder``."""
        self.folder = folder
        process, chance = Process("template"), Chance(0)
        with seam.replaced(seam_of(process, chance, lambda: 0.0, BEGINS - timedelta(days=1))):
            site = Site(_config(folder, scenario, "127.0.0.1"))
            site.store.set_secret(BMC_PASSWORD, PASSWORD, at=site.now(), who="simulator")
            site.store.mint((PROVISIONING_KEY,), site.now())
            self.key = part_of(site.store.secret(PROVISIONING_KEY) or "", "ssh", "authorized")
            branch = MemoryBranch(site.now)
            branch.push(scenario.specs)
            self.tree = Site(_config(folder, scenario, "127.0.0.1"), mirror=branch.mirror).specs.tree()
            site.close()
        with contextlib.closing(sqlite3.connect(folder / "reconciler.db")) as database:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()

    def copy(self, folder: Path) -> None:
        """Begin a history in another folder."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)


def _config(folder: Path, scenario: Scenario, listen: str) -> Config:
    return Config.model_validate(
        {
            "source": SourceConfig(url="simulated", folder="cluster-specs"),
            "database": f"sqlite:///{folder}/reconciler.db",
            "state": folder / "state",
            "listen": ListenConfig(address=listen, port=8080),
            "bmc_protocol": "simulated",
            "timings": TimingsConfig.model_validate(dict(TIMINGS)),
            **PATIENCE,
        }
    )


@dataclass
class SimDaemon:
    """A daemon as a process of the simulation."""

    process: Process
    site: Site
    daemon: Daemon
    task: "asyncio.Task[int]"

    def kill(self) -> None:
        """As kill -9 does it: the database loses its connections, and nobody says good-bye."""
        self.process.kill()
        self.site.close()

    @property
    def at_rest(self) -> int | None:
        """How many machines are in service, where the plan has nothing left to do for them; None: it has."""
        latest = self.daemon._published.latest
        if latest is None:
            return None
        serving = {m.serial for m in latest.observation.machines if m.history.phase is Phase.IN_SERVICE}
        rests = {step.serial for step in latest.plan.steps if isinstance(step, Settled)}
        return len(serving) if serving <= rests else None


class Simulation:
    """A fleet, its daemon, and all that is between them."""

    def __init__(self, seed: int, scenario: Scenario, template: Template, folder: Path) -> None:
        """Nothing happens yet."""
        self.chance, self.scenario, self.template, self.folder = Chance(seed), scenario, template, folder
        delays = self.chance.stream("blocking calls")
        self.loop = VirtualLoop(self.chance.stream("order"), lambda: delays.uniform(0.000_1, 0.002))
        self.trace: list[str] = []
        self.problems: list[str] = []
        self.wires = Wires(self.loop, self.chance.stream("wires"), self.tell, scenario.weather)
        self.tree: SpecTree = template.tree
        self.listens = (str(self.tree.fleet.provisioning.address), 8080)
        self.branch = MemoryBranch(self.now)
        self.servers: dict[str, MemoryServer] = {}
        self.bmcs: dict[str, MemoryBmc] = {}
        self.daemons: list[SimDaemon] = []
        self.logs: list[Mapping[str, Any]] = []
        self._paces = self.chance.stream("paces")

    def now(self) -> datetime:
        """The world's time."""
        return BEGINS + timedelta(seconds=self.loop.time())

    def tell(self, line: str) -> None:
        """Add a line to the trace."""
        self.trace.append(f"{self.loop.time():.6f} {line}")

    async def takes(self, seconds: float) -> None:
        """Wait about so long."""
        await asyncio.sleep(seconds * self._paces.uniform(0.7, 1.5))

    # ---- what there is

    def _build(self) -> None:
        """Servers in racks, with their BMCs, and a branch with one commit."""
        self.branch.push(self.scenario.specs)
        racking = next(iter(self.tree.rackings.values()))
        live = str(self.tree.fleet.provisioning.trusted_networks[0].network_address).rpartition(".")[0]
        for placed in place(racking, self.scenario.racks):
            address, bmc_address = f"{live}.{20 + placed.number}", f"192.168.200.{20 + placed.number}"
            agent = MemoryAgent(self.wires, self.listens, self.listens[0], address)
            server = MemoryServer(
                placed, address, bmc_address, agent, self.scenario.pace, takes=self.takes,
                witness=self._witness, peers=self._peers, runs=self.loop, authorized=self.template.key,
            )  # fmt: skip
            self.servers[server.serial] = server
            self.bmcs[server.serial] = MemoryBmc(
                bmc_address, 623, self.tree.fleet.bmc.username, PASSWORD, server.serial,
                chassis=_chassis(server), takes=self.takes, begin=self._begin, clock=self.loop.time,
            )  # fmt: skip

    def _begin(self, work: Coroutine[Any, Any, None]) -> object:
        return self.loop.of_world(work)

    def _witness(self, written: Overwrite) -> None:
        what = "blank" if written.content.is_blank else "a system" if written.content.system else "data"
        self.tell(f"disk {written.serial} {written.disk} {what} is written over by {written.by}")

    def _peers(self, asking: MemoryServer, role: str) -> int:
        some = [server.services for server in self.servers.values()]
        return sum(isinstance(one, MemoryServices) and one.role == role and one.is_up for one in some)

    def server_at(self, address: str) -> MemoryServer | None:
        """Who answers SSH at an address."""
        return next((one for one in self.servers.values() if one.is_up and one.own_address == address), None)

    def bmc_at(self, address: str) -> MemoryBmc | None:
        """The BMC at an address."""
        return next((one for one in self.bmcs.values() if one.address == address), None)

    # ---- the daemon

    def start_daemon(self) -> SimDaemon:
        """Another daemon process begins."""
        process = Process(f"daemon-{len(self.daemons)}")
        with process.inside(), seam.replaced(seam_of(process, self.chance, self.loop.time, BEGINS)):
            site = Site(_config(self.folder, self.scenario, self.listens[0]), mirror=self.branch.mirror)
            daemon = Daemon(site, self._drivers())
            task = self.loop.create_task(daemon.serve(), name=process.name)
        self.daemons.append(SimDaemon(process, site, daemon, task))
        return self.daemons[-1]

    def _drivers(self) -> Drivers:
        return Drivers(
            bmcs=lambda config, pins: PlainBmcs(connecting(self.wires, self.bmc_at)),
            dial=lambda site: MemoryDial(self.wires, self.server_at, _once(lambda: _public_key(site)), site.now),
            listen=lambda app, addresses, doors: MemoryListening(self.wires, app, addresses, doors),
            tell_child=self._tell_child,
            build_rings=self._build_rings,
            clean_certificate=lambda config: None,
            give_back=lambda: None,
        )

    async def _tell_child(self, command: Any, words: Mapping[str, object], timeout: float) -> None:
        self.tell(f"hook {words.get('hook')} {words.get('event')} {words.get('serial')}")

    async def _build_rings(self, order: Mapping[str, object]) -> list[dict[str, Any]]:
        await self.takes(5.0)
        return await rings.build_rings(order)

    # ---- a history

    def run(self) -> Ending:
        """Live through all of it."""
        self.template.copy(self.folder)
        first_equal.cache_clear()  # as in a process that has just begun
        world = seam_of(Process("world"), self.chance, self.loop.time, BEGINS)
        drawn = self.chance.stream("libraries")
        with seam.replaced(world), ssh_draws(drawn), without_threads(), logged(self.logs), without_gc():
            self.loop.set_exception_handler(self._unheard)
            self.loop._world.run(seam._HERE.set, world)
            try:
                in_service = self.loop.run_until_complete(self._history())
            finally:
                self._dispose()
        self.trace += self._journal()
        return Ending(
            self.chance.seed, self.loop.time(), self.loop.steps, in_service, tuple(self.trace), tuple(self.problems)
        )

    async def _history(self) -> int:
        """From blank servers to a fleet in service, or to the limit; how many machines are in service."""
        self._build()
        daemon = self.start_daemon()
        people = self.chance.stream("people")
        for server in self.servers.values():
            self._begin(self._press(server, people.uniform(2.0, 20.0)))
        wanted = len(self.servers)
        while daemon.at_rest != wanted and self.loop.time() < self.scenario.limit:  # noqa: ASYNC110 - time costs nothing
            await asyncio.sleep(1.0)
        found = daemon.at_rest or 0
        daemon.daemon.stop()
        await daemon.task
        await asyncio.gather(*(server.power_off() for server in self.servers.values()))
        return found

    async def _press(self, server: MemoryServer, after: float) -> None:
        """Somebody presses the power button."""
        await asyncio.sleep(after)
        self.bmcs[server.serial].show(True)
        self.tell(f"button {server.serial}")
        await server.power_on("default")

    def _unheard(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        self.problems.append(f"{context.get('message')}: {error!r}")

    def _dispose(self) -> None:
        """Have nothing left of what still waits."""
        for task in asyncio.all_tasks(self.loop):
            task._log_destroy_pending = False  # type: ignore[attr-defined]
            with contextlib.suppress(BaseException):
                task.get_coro().close()
        for daemon in self.daemons:
            daemon.site.close()
        self.loop.close()

    def _journal(self) -> Iterator[str]:
        with contextlib.closing(sqlite3.connect(self.folder / "reconciler.db")) as database:
            rows = database.execute("SELECT position, at, serial, kind, text, body FROM journal ORDER BY position")
            yield from ("journal " + " ".join(map(str, row)) for row in rows)


def _chassis(server: MemoryServer) -> Callable[[bool, str], Awaitable[None]]:
    async def follow(on: bool, device: str) -> None:
        await server.power_off()
        if on:
            await server.power_on(device)

    return follow


def _public_key(site: Site) -> str | None:
    text = site.store.secret(PROVISIONING_KEY)
    return part_of(text, "ssh", "authorized") if text is not None else None


def _once(find: Callable[[], str | None]) -> Callable[[], str | None]:
    found: list[str] = []

    def get() -> str | None:
        if not found and (text := find()) is not None:
            found.append(text)
        return found[0] if found else None

    return get


def read_specs(folder: Path) -> dict[str, bytes]:
    """The files of a spec tree, as a repository has them in its folder of that name."""
    return {f"cluster-specs/{path.relative_to(folder)}": path.read_bytes() for path in sorted(folder.rglob("*.yaml"))}
