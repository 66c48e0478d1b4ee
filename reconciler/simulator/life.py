"""The life of a simulated server: power, boot, the live system, the first boot, Puppet.

::

    off --power on--> booting --network--> live --install.sh--> live (disk written)
                         |
                         +-----disk------> installed: firstboot, puppet-running, puppet-success; then silence
                         |
                         +-----disk, nothing on it--> stuck

The live system has the address that DHCP leases it, and reports from there for as long as it runs. The installed system
has the address that its installer was given, says what OCI's scripts say at the first boot, and reports nothing.

What a server is made of, its disks, memory and programs, is told by who makes one: files and a shell (``server``), or
values (``memory_server``).
"""

import asyncio
import json
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol
from urllib.parse import urlsplit

from ..execution import seam
from ..provisioning import commands, puppet_runs
from . import hardware, storcli
from .files import SystemFiles
from .meaning import InstalledNode

PUPPET_RAN = "/puppet-ran"
"""On the disk of an installed system, once Puppet has succeeded."""

OWN_ADDRESS = "/etc/oci/my-ip"
"""In an installed system: the address that it was given."""


class ServerState(StrEnum):
    """What runs on the server."""

    OFF = "off"
    BOOTING = "booting"
    LIVE = "live"
    INSTALLED = "installed"
    STUCK = "stuck"  # it found nothing to boot


@dataclass(frozen=True)
class Pace:
    """How long things take, in seconds. Real servers are a hundred times slower."""

    boot: float = 2.0
    report_every: float = 2.0
    install_step: float = 0.6  # of five
    puppet: float = 2.0
    services: float = 1.0  # from Puppet's success, or a boot, until the services are up


class Speaks(Protocol):
    """How a server talks to the provisioning server. No word is repeated, and none that is lost is known to be."""

    address: str  # from which it calls

    @property
    def server(self) -> str:
        """URL of the provisioning server."""

    async def report(self, body: Mapping[str, object]) -> int | None: ...

    async def status(self, status: str, serial: str) -> int | None: ...

    async def boots_live(self, serial: str, mac: str) -> bool | None:
        """What a network boot is told: the live system, or its disk; None: nobody answers."""

    async def has_classes(self, hostname: str) -> bool:
        """Whether the Puppet server is given a node's classes, as a run begins with."""


class RunsServices(Protocol):
    """What Puppet makes on a server."""

    def configure(self, role: str, cluster: str = "") -> None:
        """Puppet has succeeded on a node of this role."""

    def start(self) -> None: ...

    def stop(self) -> None: ...

    async def run(self, command: str) -> tuple[int, str]:
        """What a command that asks for services gives: exit status and output."""


async def _exactly(seconds: float) -> None:
    await asyncio.sleep(seconds)


@dataclass
class ServerLife(ABC):
    """One server, from its power on."""

    placed: hardware.ServerBody
    address: str  # of the live system
    bmc_address: str
    agent: Speaks
    pace: Pace = Pace()
    puppet_failures: int = 0  # so many runs fail before one succeeds
    state: ServerState = ServerState.OFF
    boots: list[str] = field(default_factory=list)  # device of each boot
    surprises: list[str] = field(default_factory=list)  # commands that nobody should have sent
    told: list[str] = field(default_factory=list)  # commands for a controller
    root_password: str | None = None
    first_runs: int = 0  # Puppet runs of the first boot
    first_boot_goes_on: bool = False
    boot_id: str = ""
    controller: storcli.Controller | None = None
    takes: Callable[[float], Awaitable[None]] = _exactly  # waits about so long
    in_band: Callable[[str], Awaitable[tuple[int, str, str]]] | None = None  # ipmitool, to its BMC
    live_files: SystemFiles = field(init=False)  # of the live system: gone when the power is
    services: RunsServices = field(init=False)
    _life: asyncio.Task[None] | None = None
    _puppet_runs: list[bool] = field(default_factory=list)
    _puppet_lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _starting: asyncio.Task[None] | None = None  # of the services
    _let_go: asyncio.Event = field(default_factory=asyncio.Event)  # the first boot that was held may begin
    _begun: asyncio.Event = field(default_factory=asyncio.Event)  # it has
    _puppet_ended: float = 0.0  # seconds since 1970

    # ---- what it is made of

    @property
    @abstractmethod
    def disk_files(self) -> SystemFiles:
        """The files of the installed system."""

    @property
    @abstractmethod
    def present(self) -> frozenset[str]:
        """Kernel names of the disks that are plugged in."""

    @abstractmethod
    def written(self) -> Mapping[str, list[str]]:
        """Signatures by kernel name, of disks that are not blank."""

    def signatures(self) -> list[dict[str, str]]:
        """What ``wipefs`` finds, by the device on which each lies."""
        return [{"device": on, "type": kind} for on, kinds in self.written().items() for kind in kinds]

    @property
    @abstractmethod
    def installing(self) -> bool:
        """Whether the installer runs."""

    @property
    @abstractmethod
    def installs(self) -> int:
        """How many times an installer erased its disk."""

    @abstractmethod
    async def start_installer(self) -> bool:
        """Run the wrapper that was uploaded in the background; False where one runs already."""

    @abstractmethod
    async def look(self) -> tuple[int, str]:
        """What the uploaded script says that looks at the disks: its exit status, and what it printed."""

    @abstractmethod
    async def run_on_disk(self, command: str) -> tuple[int, str]:
        """What a command of Swift's rings gives on the installed system: exit status, and output."""

    @abstractmethod
    async def halt(self) -> None:
        """Whatever runs is gone, with the live system's memory."""

    @abstractmethod
    async def come_up(self) -> None:
        """A system has booted: whoever wants to may talk to it."""

    # ---- what it says of itself

    @property
    def serial(self) -> str:
        return self.placed.serial

    @property
    def system(self) -> str | None:
        """The marker of the system on its disk; None: there is none to boot."""
        return self.disk_files.read(commands.MARKER_FILE)

    @property
    def node(self) -> InstalledNode | None:
        """As what the system on its disk was installed; None: there is none to boot."""
        if self.system is None:
            return None
        marker = commands.parse_marker(self.system)
        return InstalledNode(marker.hostname, marker.role, marker.cluster)

    @property
    def can_boot(self) -> bool:
        """Whether there is a system on its disk."""
        return self.system is not None

    @property
    def own_address(self) -> str:
        """Of the system that runs: the installed one has what its installer was given, if it was given any."""
        given = self.disk_files.read(OWN_ADDRESS) if self.state is ServerState.INSTALLED else None
        return given.strip() if given is not None else self.address

    def drives(self) -> storcli.Drives:
        """What a RAID controller finds in its slots."""
        return self.placed.drives(self.present)

    def report(self) -> dict[str, object]:
        """What the agent would report now."""
        shown = self.controller.shown() if self.controller else None
        installed = self.state is ServerState.INSTALLED
        return self.placed.report(self.present, self.bmc_address, shown, installed=installed)

    # ---- power and boot

    async def power_on(self, device: str) -> None:
        """Boot from ``network`` or ``disk``; ``default``: from disk where there is something on it."""
        if self.state is not ServerState.OFF:
            return
        self.state = ServerState.BOOTING
        device = device if device in ("network", "disk") else ("disk" if self.can_boot else "network")
        self.boots.append(device)
        self._life = asyncio.create_task(self._boot(device))

    async def power_off(self) -> None:
        """At once, as with the button held down: what ran is gone, what is on disk stays."""
        life, self._life = self._life, None
        starting, self._starting = self._starting, None
        if ended := [task for task in (life, starting) if task is not None]:
            for task in ended:
                task.cancel()
            await asyncio.wait(ended)
        self.services.stop()
        await self.halt()
        self.state = ServerState.OFF
        if life is not None and not life.cancelled() and (error := life.exception()) is not None:
            raise error

    async def _boot(self, device: str) -> None:
        """Boot from ``device``: "network" brings the live system, "disk" what is installed there, or nothing."""
        await self.takes(self.pace.boot)
        self.boot_id = seam.new_uuid()
        told = await self._told() if device == "network" else False
        while told is None and not self.can_boot:  # nothing to boot anywhere: the firmware begins again
            await self.takes(self.pace.boot)
            told = await self._told()
        is_live = told is True
        if not is_live and not self.can_boot:
            self.state = ServerState.STUCK
            return
        self.state = ServerState.LIVE if is_live else ServerState.INSTALLED
        self.agent.address = self.own_address
        self.live_files.write(commands.SERVER_FILE, urlsplit(self.agent.server).netloc + "\n")  # at the image's boot
        await self.come_up()
        await (self._live() if is_live else self._installed())

    async def _told(self) -> bool | None:
        """Whether a network boot is to end in the live system; None: nobody answers, and the disk is next."""
        self.agent.address = self.address
        return await self.agent.boots_live(self.serial, self.placed.boot_mac)

    async def _live(self) -> None:
        await self.agent.status("live", self.serial)
        while True:
            await self.agent.report(self.report())
            await self.takes(self.pace.report_every)

    async def _installed(self) -> None:
        """Run from disk: what every boot does, and what only the first one does."""
        if self.disk_files.read(commands.BOOTED_CONF) is not None:
            self.disk_files.write(commands.BOOTED_FILE, "")
        if self.disk_files.read(PUPPET_RAN) is not None:
            await self._start_services()
            return
        await self.agent.status("firstboot", self.serial)
        self._let_go.clear()
        self._begun.clear()
        if self.disk_files.read(puppet_runs.HOLD_FILE) is not None:
            await self._let_go.wait()
        self.disk_files.remove(puppet_runs.FIRST_BOOT_FLAG)
        self._begun.set()
        await self.run_puppet(puppet_runs.FIRST_RUNS)

    async def begin_first_boot(self) -> None:
        """As systemd starts the unit that was held; returns once it runs."""
        self.disk_files.remove(puppet_runs.HOLD_FILE)
        if self.disk_files.read(puppet_runs.FIRST_BOOT_FLAG) is not None:
            self._let_go.set()
            await self._begun.wait()

    async def _start_services(self) -> None:
        await self.takes(self.pace.services)
        self.services.start()

    # ---- Puppet

    def forget_runs(self) -> None:
        """Another system is being installed: Puppet never ran on it."""
        self._puppet_runs.clear()
        self.first_runs = 0

    async def run_puppet(self, at_most: int = 1) -> bool:
        """Puppet, so often at most until it succeeds; whether it did. Where it runs already, once that has ended."""
        async with self._puppet_lock:
            self.first_boot_goes_on = at_most > 1
            try:
                return await self._run_puppet(at_most)
            finally:
                self.first_boot_goes_on = False

    async def _run_puppet(self, at_most: int) -> bool:
        """Run Puppet until it succeeds, ``at_most`` times; whether it did. Reports begin and end as OCI does."""
        await self.agent.status("puppet-running", self.serial)
        good = False
        for _ in range(at_most):
            self.first_runs += at_most > 1
            node = self.node
            assert node is not None
            given = await self.agent.has_classes(node.hostname)
            await self.takes(self.pace.puppet)
            good = given and len(self._puppet_runs) >= self.puppet_failures
            self._puppet_runs.append(good)
            self._puppet_ended = seam.now().timestamp()
            if good:
                self.disk_files.write(PUPPET_RAN, "yes\n")
                self.services.configure(node.role, node.cluster)
                break
        if good:
            self._starting = asyncio.create_task(self._start_services())
        await self.agent.status("puppet-success" if good else "puppet-failure", self.serial)
        return good

    @property
    def last_run(self) -> str | None:
        """Puppet's run summary; None before the first run."""
        if not self._puppet_runs:
            return None
        failed = 0 if self._puppet_runs[-1] else 3
        summary = {
            "version": {"config": int(self._puppet_ended - self.pace.puppet)},
            "time": {"last_run": int(self._puppet_ended), "total": self.pace.puppet},
            "resources": {"total": 640, "failed": failed, "skipped": 0},
            "events": {"total": 12, "failure": failed},
        }
        return json.dumps(summary)
