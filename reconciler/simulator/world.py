"""A simulated fleet, its daemon, and all that is between them, from one seed.

Real are the daemon with all that it decides and does, its database, its documents and its HTTP edge. Simulated is what
lies behind its drivers (``app.drivers``) and the seam: servers and their disks, BMCs, wires, git, programs, clocks and
chance. Nothing waits, and nothing leaves the process but files in one folder, which is best in memory.
"""

import asyncio
import contextlib
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
from ..app.published import PassResult
from ..app.site import Site
from ..execution import seam
from ..execution.drivers.plain import PlainBmcs
from ..model.history import Phase
from ..model.secret_parts import part_of
from ..model.tree import SpecTree
from ..provisioning import commands
from . import rings
from .chance import Chance
from .fleet import place
from .hardware import CONTROLLER, PROXY, STORE, Model
from .judge import Invariant, Judge, Running
from .life import Pace, ServerState
from .memory_bmc import MemoryBmc, connecting
from .memory_git import MemoryBranch
from .memory_http import MemoryAgent, MemoryListening
from .memory_server import MemoryServer, Overwrite
from .memory_services import MemoryServices
from .memory_ssh import MemoryDial
from .stand_ins import seam_of
from .virtual_loop import WORLD, Process, VirtualLoop, this_process
from .wires import FINE, Weather, Wires

BEGINS = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
PASSWORD = "Ux7-of-no-bmc-4q"  # noqa: S105 - of BMCs that are none

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


class World:
    """All there is in one history. Faults work on this."""

    def __init__(self, seed: int, scenario: Scenario, template: Template, folder: Path) -> None:
        """Nothing happens yet."""
        self.chance, self.scenario, self.template, self.folder = Chance(seed), scenario, template, folder
        delays = self.chance.stream("blocking calls")
        self.loop = VirtualLoop(self.chance.stream("order"), lambda: delays.uniform(0.000_1, 0.002))
        self.trace: list[str] = []
        self.problems: list[str] = []
        self.tree: SpecTree = template.tree
        budgets = self.tree.fleet.policy.max_unavailable
        most_down = {role: most for role, most in budgets.items() if isinstance(most, int)}
        self.judge = Judge(self.loop.time, self._has_begun, most_down)
        self.on_effect: Callable[[SimDaemon], None] = lambda daemon: None
        """Called between any two effects of a daemon, in its own process."""
        self.wires = Wires(self.loop, self.chance.stream("wires"), self.tell, scenario.weather, self._speaks)
        self.listens = (str(self.tree.fleet.provisioning.address), 8080)
        self.branch = MemoryBranch(self.now)
        self.servers: dict[str, MemoryServer] = {}
        self.bmcs: dict[str, MemoryBmc] = {}
        self.daemons: list[SimDaemon] = []
        self.logs: list[Mapping[str, Any]] = []
        self._paces = self.chance.stream("paces")
        self._speaking: set[str] = set()  # names of daemons that have spoken to machines

    @property
    def database(self) -> Path:
        """Where the daemon's database is."""
        return self.folder / "reconciler.db"

    # ---- time and words

    def now(self) -> datetime:
        """The world's time."""
        return BEGINS + timedelta(seconds=self.loop.time())

    def tell(self, line: str) -> None:
        """Add a line to the trace."""
        self.trace.append(f"{self.loop.time():.6f} {line}")

    async def takes(self, seconds: float) -> None:
        """Wait about so long."""
        await asyncio.sleep(seconds * self._paces.uniform(0.7, 1.5))

    def begin(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        """Have the world do something, whoever asked for it."""
        return self.loop.of_world(work)

    # ---- what there is

    def build(self) -> None:
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
                starts=self.judge.installs,
            )  # fmt: skip
            self.servers[server.serial] = server
            self.bmcs[server.serial] = MemoryBmc(
                bmc_address, 623, self.tree.fleet.bmc.username, PASSWORD, server.serial,
                chassis=self._chassis(server), takes=self.takes, begin=self.begin, clock=self.loop.time,
                counted=self.judge.sessions,
            )  # fmt: skip

    def _witness(self, written: Overwrite) -> None:
        what = "blank" if written.content.is_blank else "a system" if written.content.system else "data"
        self.tell(f"disk {written.serial} {written.disk} {what} is written over by {written.by}")
        self.judge.overwrite(written)

    def _peers(self, asking: MemoryServer, role: str) -> int:
        some = [server.services for server in self.servers.values()]
        return sum(isinstance(one, MemoryServices) and one.role == role and one.is_up for one in some)

    def _chassis(self, server: MemoryServer) -> Callable[[bool, str], Awaitable[None]]:
        async def follow(on: bool, device: str) -> None:
            if (role := serving_as(server)) is not None:
                self.judge.takes_down(server.serial, role, is_reached=self.wires.weather == FINE)
            await server.power_off()
            if on:
                await server.power_on(device)

        return follow

    def _server_at(self, address: str) -> MemoryServer | None:
        return next((one for one in self.servers.values() if one.is_up and one.own_address == address), None)

    def _bmc_at(self, address: str) -> MemoryBmc | None:
        return next((one for one in self.bmcs.values() if one.address == address), None)

    # ---- people at the machines

    async def power(self, serial: str, on: bool, device: str = "default") -> None:
        """Somebody presses the power button, and chooses at the console what boots."""
        server, bmc = self.servers[serial], self.bmcs[serial]
        self.tell(f"button {serial} {'on' if on else 'off'} {device}")
        bmc.show(on)
        await (server.power_on(device) if on else server.power_off())

    # ---- the daemon

    @property
    def daemon(self) -> SimDaemon:
        """The one that was started last."""
        return self.daemons[-1]

    def effect(self) -> None:
        """Something that whoever runs now does is about to reach the outside, or has just done so."""
        process = this_process()
        if process is not WORLD and self.daemons and process is self.daemon.process and process.is_alive:
            self.on_effect(self.daemon)

    def _speaks(self) -> None:
        """Whoever runs now has a word for a machine, or hears its answer."""
        process = this_process()
        if any(process is daemon.process for daemon in self.daemons):
            self._speaking.add(process.name)
            self.judge.actors({one.process.name for one in self.daemons if one.is_up} & self._speaking)
        self.effect()

    def start_daemon(self) -> SimDaemon:
        """Another daemon process begins."""
        process = Process(f"daemon-{len(self.daemons)}")
        with self.inside(process):
            site = self.site()
            daemon = Daemon(site, self._drivers())
            task = self.loop.create_task(daemon.serve(), name=process.name)
        self.tell(f"{process.name} begins")
        self.daemons.append(SimDaemon(process, site, daemon, task))
        return self.daemon

    def site(self) -> Site:
        """The daemon's site, for another process that works on it."""
        return Site(_config(self.folder, self.scenario, self.listens[0]), mirror=self.branch.mirror)

    @contextlib.contextmanager
    def inside(self, process: Process) -> Iterator[None]:
        """Whatever begins within the block belongs to a process, which has clock and chance of its own."""
        with process.inside(), seam.replaced(seam_of(process, self.chance, self.loop.time, BEGINS)):
            yield

    async def supervise(self) -> None:
        """Start the daemon anew whenever it has ended, as systemd does; that it ended by itself is told."""
        pauses = self.chance.stream("restarts")
        while True:
            await asyncio.sleep(1.0)
            if self.daemon.is_up:
                continue
            if self.daemon.process.is_alive:
                ended = self.daemon.task.exception() or f"exit {self.daemon.task.result()}"
                self.judge.breaks(Invariant.STAYS_UP, f"{self.daemon.process.name} ended: {ended!r}")
            self.daemon.kill()
            self.tell(f"{self.daemon.process.name} is gone")
            await asyncio.sleep(pauses.choice((0.5, 5.0, 60.0)) * pauses.uniform(0.5, 1.5))
            self.start_daemon()

    def _drivers(self) -> Drivers:
        return Drivers(
            bmcs=lambda config, pins: PlainBmcs(connecting(self.wires, self._bmc_at)),
            dial=self.dial,
            listen=lambda app, addresses, doors: MemoryListening(self.wires, app, addresses, doors),
            tell_child=self._tell_child,
            build_rings=self._build_rings,
            clean_certificate=lambda config: None,
            give_back=lambda: None,
        )

    def dial(self, site: Site) -> MemoryDial:
        """How a process of this site reaches machines."""
        return MemoryDial(self.wires, self._server_at, _once(lambda: _public_key(site)), site.now)

    async def _tell_child(self, command: Any, words: Mapping[str, object], timeout: float) -> None:
        self.tell(f"hook {words.get('hook')} {words.get('event')} {words.get('serial')}")

    async def _build_rings(self, order: Mapping[str, object]) -> list[dict[str, Any]]:
        await self.takes(5.0)
        return await rings.build_rings(order)

    # ---- the judge's eyes

    def look(self) -> None:
        """Have the judge see who is on."""
        on = [one for one in self.servers.values() if one.is_up and one.state is ServerState.INSTALLED]
        for server in on:
            if serving_as(server) is not None:
                self.judge.serves(server.serial)
        self.judge.running(Running(one.serial, _hostname(one), one.own_address) for one in on)

    def journal(self) -> list[str]:
        """All entries of the journal, as they are in the database."""
        with contextlib.closing(sqlite3.connect(self.database)) as database:
            rows = database.execute("SELECT position, at, serial, kind, text, body FROM journal ORDER BY position")
            return ["journal " + " ".join(map(str, row)) for row in rows]

    def _has_begun(self, serial: str, generation: int) -> bool:
        """Whether the last install of a machine that the journal has as begun also has what it erases."""
        with contextlib.closing(sqlite3.connect(self.database)) as database:
            return database.execute(_ERASING, (serial, generation)).fetchone() is not None


_ERASING = """
SELECT 1 FROM journal WHERE kind = 'erasing' AND serial = ?1 AND position > (
    SELECT max(position) FROM journal WHERE kind = 'started' AND serial = ?1
    AND json_extract(body, '$.action.type') = 'install_os' AND json_extract(body, '$.action.generation') = ?2
)
"""


def _hostname(server: MemoryServer) -> str:
    return commands.parse_marker(server.system or "").hostname


def serving_as(server: MemoryServer) -> str | None:
    """The role in which a machine serves; None: it does not."""
    services = server.services
    assert isinstance(services, MemoryServices)
    return services.role if server.state is ServerState.INSTALLED and services.is_up else None


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
