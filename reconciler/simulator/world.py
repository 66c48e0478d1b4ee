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
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from ..app.daemon import Daemon
from ..app.directory import BMC_PASSWORD, PROVISIONING_KEY
from ..app.drivers import Drivers
from ..app.site import Site
from ..app.spec_source import SpecReading
from ..execution import seam
from ..execution.drivers.plain import PlainBmcs
from ..model.kinds import InstallPolicy, Policy
from ..model.secret_parts import part_of
from ..model.tree import SpecTree
from ..provisioning import puppet_runs
from . import rings
from .chance import Chance, Stream
from .fleet import place
from .hardware import ServerBody
from .judge import Invariant, Judge, Running, ServingPool, finished
from .life import OWN_ADDRESS, ServerState
from .memory_bmc import MemoryBmc, connecting
from .memory_git import MemoryBranch
from .memory_http import MemoryAgent, MemoryListening
from .memory_ipmitool import InBand
from .memory_server import MemoryServer, Overwrite
from .memory_services import MemoryServices
from .memory_ssh import MemoryDial
from .scenario import Scenario, config_of
from .sim_daemon import SimDaemon
from .stand_ins import seam_of, ssh_draws
from .tally import Tally
from .virtual_loop import WORLD, Process, VirtualLoop, this_process
from .wires import FINE, Wires

MADE_BEFORE = timedelta(days=1)
"""When what histories begin with was made."""

PASSWORD = "Ux7-of-no-bmc-4q"  # noqa: S105 - of BMCs that are none

AGENTS_RUN = 90.0
"""Seconds between two Puppet runs of a node's own agent, which is half an hour for real ones."""


class Template:
    """What every history begins with: a database with the fleet's own keys, made once by the real store, and servers.

    The servers are blank here, and off, in the racks of the scenario.
    """

    answered: Mapping[str, str] = {}
    """By serial, the reinstall that a machine's last finished install answered."""

    def __init__(self, folder: Path, scenario: Scenario) -> None:
        """Make it in ``folder``."""
        self.folder = folder
        process, chance = Process("template"), Chance(0)
        before = seam_of(process, chance, lambda: 0.0, scenario.begins - MADE_BEFORE)
        with seam.replaced(before), ssh_draws(chance.stream("libraries")):
            branch = MemoryBranch(seam.now)
            branch.push(scenario.specs)
            reading = SpecReading(branch.mirror, scenario.check)
            site = Site(config_of(folder, scenario, "127.0.0.1"), reading=reading)
            self.tree: SpecTree = site.specs.tree()
            try:
                self.fill(site)
                site.store.set_secret(BMC_PASSWORD, PASSWORD, at=site.now(), who="simulator")
                site.store.mint((PROVISIONING_KEY,), site.now())
                self.key = part_of(site.store.secret(PROVISIONING_KEY) or "", "ssh", "authorized")
            finally:
                site.close()
        with contextlib.closing(sqlite3.connect(folder / "reconciler.db")) as database:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()

    def fill(self, site: Site) -> None:
        """Write into the database what it has besides."""

    def copy(self, folder: Path) -> None:
        """Begin a history in another folder."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)

    def build(self, world: "World") -> None:
        """Put servers into the world."""
        racking = next(iter(self.tree.rackings.values()))
        live = str(self.tree.fleet.provisioning.trusted_networks[0].network_address).rpartition(".")[0]
        for placed in place(racking, world.scenario.racks):
            number = 20 + placed.number
            world.add(placed, f"{live}.{number}", BmcLogin(f"192.168.200.{number}", self.tree.fleet.bmc.username))

    def begin(self, world: "World", people: Stream) -> None:
        """Have what runs already begin, and people press buttons."""
        for serial in world.servers:
            world.begin(world.press(serial, people.uniform(2.0, 20.0)))


class BmcLogin(NamedTuple):
    """Where a BMC is, and who may log in."""

    address: str
    username: str
    password: str = PASSWORD
    serial: str | None = None  # that it says; None: its machine's


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
        self._policies: list[Policy] = []  # that were ever in force
        self._orders = set(template.answered.items())  # serials, and the reinstalls that were asked for
        self.tally = Tally(self.loop.time)
        self.judge = Judge(self.loop.time, self._has_begun, self._most_down)
        self.on_effect: Callable[[SimDaemon], None] = lambda daemon: None
        """Called between any two effects of a daemon, in its own process."""
        self.wires = Wires(self.loop, self.chance.stream("wires"), self.tell, scenario.weather, self._speaks)
        self.listens = (str(self.tree.fleet.provisioning.address), 8080)
        self.branch = MemoryBranch(self.now)
        self.servers: dict[str, MemoryServer] = {}
        self.bmcs: dict[str, MemoryBmc] = {}
        self.daemons: list[SimDaemon] = []
        self.logs: list[Mapping[str, Any]] = []
        self.is_over = False
        """Whether servers go down because the history has ended."""
        self._paces = self.chance.stream("paces")
        self._speaking: set[str] = set()  # names of daemons that have spoken to machines
        self._turned_on_by_bmc: set[str] = set()  # serials of servers that the daemon turned on, and nobody since

    @property
    def database(self) -> Path:
        """Where the daemon's database is."""
        return self.folder / "reconciler.db"

    # ---- time and words

    def now(self) -> datetime:
        """The world's time."""
        return self.scenario.begins + timedelta(seconds=self.loop.time())

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
        """Servers, with their BMCs, and a branch with one commit."""
        self.branch.push(self.scenario.specs)
        self._heed(self.tree)
        self.template.build(self)

    def add(self, body: ServerBody, address: str, login: BmcLogin) -> MemoryServer:
        """A server that is off, with its BMC. ``address``: of its live system."""
        server = MemoryServer(
            body, address, login.address, MemoryAgent(self.wires, self.listens, self.listens[0], address),
            self.scenario.pace, takes=self.takes, witness=self._witness, peers=self._peers, runs=self.loop,
            authorized=self.template.key, starts=self._installs,
        )  # fmt: skip
        services_of(server).changed = self._served
        bmc = MemoryBmc(
            login.address, 623, login.username, login.password, login.serial or server.serial,
            chassis=self._chassis(server), takes=self.takes, begin=self.begin, clock=self.loop.time,
            counted=self.judge.sessions, moved=partial(setattr, server, "bmc_address"),
        )  # fmt: skip
        server.in_band = InBand(bmc, lambda: server.live_files)
        self.servers[server.serial], self.bmcs[server.serial] = server, bmc
        return server

    def change(self) -> None:
        """Somebody commits the specs that are to come."""
        assert self.scenario.change is not None
        commit = self.branch.push(self.scenario.change)
        if (coming := self.scenario.check(self.scenario.change).tree) is not None:
            self._heed(coming)
        self.tell(f"commit {commit}")

    def _heed(self, tree: SpecTree) -> None:
        """Have the judge know what these specs allow."""
        policy = tree.fleet.policy
        self._policies.append(policy)
        self.judge.foreign_may_go |= policy.foreign_data is InstallPolicy.AUTOMATIC
        asked = {(serial, pin.reinstall) for serial, pin in tree.machines.items() if pin.reinstall is not None}
        if policy.reinstall is InstallPolicy.AUTOMATIC:
            for serial, _ in sorted(asked - self._orders):
                self.judge.order(serial)
            self._orders |= asked

    def _most_down(self, pool: ServingPool) -> int:
        """How many of a pool may be taken down at once: as the more generous of the policies has it."""
        budgets = (policy.max_unavailable for policy in self._policies)
        asked = (budget.get(pool.role, budget.get("default", "10%")) for budget in budgets)
        members = self.tally.members(pool)
        return max(members * int(one.rstrip("%")) // 100 if isinstance(one, str) else one for one in (*asked, 1))

    def _witness(self, written: Overwrite) -> None:
        what = "blank" if written.content.is_blank else "a system" if written.content.system else "data"
        self.tell(f"disk {written.serial} {written.disk} {what} is written over by {written.by}")
        self.judge.overwrite(written)
        if (system := finished(written.content)) is not None:
            self.tally.reinstalled.setdefault(written.serial, system.hostname)

    def _installs(self, serial: str, generation: int) -> None:
        """An installer begins."""
        self.judge.installs(serial, generation)
        self.tally.installing(server.installing for server in self.servers.values())

    def _served(self) -> None:
        """Somewhere services have come up, or gone down."""
        if self.is_over:
            return
        serving = ((serial, serving_as(server)) for serial, server in self.servers.items())
        self.tally.serving({serial: pool for serial, pool in serving if pool is not None}, self.judge.down)

    def _peers(self, asking: MemoryServer, role: str) -> int:
        own, some = services_of(asking), map(services_of, self.servers.values())
        return sum((one.cluster, one.role) == (own.cluster, role) and one.is_up for one in some)

    def _chassis(self, server: MemoryServer) -> Callable[[bool, str], Awaitable[None]]:
        async def follow(on: bool, device: str) -> None:
            if (pool := serving_as(server)) is not None:
                self.judge.takes_down(server.serial, pool, is_reached=self.wires.weather == FINE)
                self.tally.taken_down += 1
            self._turned_on_by_bmc.add(server.serial)
            await server.power_off()
            if on:
                await server.power_on(device)

        return follow

    def _server_at(self, address: str) -> MemoryServer | None:
        return next((one for one in self.servers.values() if one.is_up and one.own_address == address), None)

    def _bmc_at(self, address: str) -> MemoryBmc | None:
        return next((one for one in self.bmcs.values() if one.address == address), None)

    # ---- people at the machines

    async def press(self, serial: str, after: float) -> None:
        """Somebody turns a server on, so many seconds from now."""
        await asyncio.sleep(after)
        await self.power(serial, on=True)

    async def power(self, serial: str, on: bool, device: str = "default") -> None:
        """Somebody presses the power button, and chooses at the console what boots."""
        server, bmc = self.servers[serial], self.bmcs[serial]
        self.tell(f"button {serial} {'on' if on else 'off'} {device}")
        bmc.show(on)
        self._turned_on_by_bmc.discard(serial)
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
        reading = SpecReading(self.branch.mirror, self.scenario.check)
        return Site(config_of(self.folder, self.scenario, self.listens[0]), reading=reading)

    @contextlib.contextmanager
    def inside(self, process: Process) -> Iterator[None]:
        """Whatever begins within the block belongs to a process, which has clock and chance of its own."""
        steady, begins = self.loop.time, self.scenario.begins
        with process.inside(), seam.replaced(seam_of(process, self.chance, steady, begins, self.effect)):
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

    async def run_agents(self) -> None:
        """Have the agents of nodes that serve run Puppet by their own timers, one node after the other."""
        pauses = self.chance.stream("agents")
        while True:
            for _, server in sorted(self.servers.items()):
                await asyncio.sleep(pauses.uniform(0.0, 2.0 * AGENTS_RUN / len(self.servers)))
                if serving_as(server) is not None:
                    self.begin(self._run_puppet(server))

    @staticmethod
    async def _run_puppet(server: MemoryServer) -> None:
        with contextlib.suppress(ConnectionResetError):
            await server.run(puppet_runs.RUN_PUPPET)

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
        """Have the judge see who is on, and count."""
        self.tally.installing(server.installing for server in self.servers.values())
        on = [one for one in self.servers.values() if one.is_up and one.state is ServerState.INSTALLED]
        for server in on:
            if serving_as(server) is not None:
                self.judge.serves(server.serial)
        self.judge.running(running for one in on if (running := self._running(one)) is not None)

    def _running(self, server: MemoryServer) -> Running | None:
        """An installed system that is on; None: its disk has strayed, and nobody but a human turned it on."""
        system = server.on_disk
        if system is None:
            return Running(server.serial, "", server.address)
        if system.strayed and server.serial not in self._turned_on_by_bmc:
            return None
        given, node = system.files.read(OWN_ADDRESS), system.node
        return Running(
            server.serial, node.hostname if node else "", given.strip() if given is not None else server.address
        )

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


def services_of(server: MemoryServer) -> MemoryServices:
    """What Puppet made on it."""
    assert isinstance(server.services, MemoryServices)
    return server.services


def serving_as(server: MemoryServer) -> ServingPool | None:
    """Cluster and role in which a machine serves; None: it does not."""
    services = services_of(server)
    serves = server.state is ServerState.INSTALLED and services.is_up and services.role is not None
    return ServingPool(services.cluster, services.role or "") if serves else None


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
