"""One simulated server: power, boot, disks, the live system, the installer, the first boot, Puppet.

::

    off --power on--> booting --network--> live --install.sh--> live (disk written)
                         |
                         +-----disk------> installed: firstboot, puppet-running, puppet-success; then silence
                         |
                         +-----disk, nothing on it--> stuck

The live system has the address that DHCP leases it, and reports from there for as long as it runs. The installed system
has the address that its installer was given, says what OCI's scripts say at the first boot, and reports nothing.

Its disks are files in a folder: who removes one has pulled the disk. The installer really runs: the scripts that were
uploaded are run by ``/bin/sh`` with their folders below the server's own, and find an installer that takes a few
seconds, erases and writes the server's disk, and says what it does; and stand-ins for what touches disks and network.
"""

import asyncio
import contextlib
import json
import os
import shlex
import shutil
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from ..execution import seam
from ..provisioning import commands, fence, puppet_runs, ring_files
from ..provisioning.install import PROGRAM
from ..provisioning.root_image import COMMAND
from . import hardware, storcli
from .agent import Agent
from .children import run_to_end
from .programs import put_programs
from .services import Services


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


@dataclass
class SimServer:
    """A server on loopback addresses of its own."""

    placed: hardware.RackedServer
    address: str  # of the live system
    bmc_address: str
    root: Path
    agent: Agent
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
    on_boot: Callable[["SimServer"], Awaitable[None]] | None = None  # opens its SSH server
    in_band: Callable[[str], Awaitable[tuple[int, str, str]]] | None = None  # ipmitool, to its BMC
    on_halt: Callable[["SimServer"], Awaitable[None]] | None = None
    services: Services = field(init=False)
    _life: asyncio.Task[None] | None = None
    _installer: asyncio.subprocess.Process | None = None
    _puppet_runs: list[bool] = field(default_factory=list)
    _puppet_lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _starting: asyncio.Task[None] | None = None  # of the services
    _let_go: asyncio.Event = field(default_factory=asyncio.Event)  # the first boot that was held may begin
    _begun: asyncio.Event = field(default_factory=asyncio.Event)  # it has
    _puppet_ended: float = 0.0  # seconds since 1970

    def __post_init__(self) -> None:
        for name, (model, size) in hardware.disk_names(self.placed.model).items():
            path = self.root / "disks" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{model} {size}\n")
        if self.placed.model.has_raid:
            self.controller = storcli.Controller(self.root / "controller.json", self._drives)
            self.controller.begin(self.placed.model.delivered)
        put_programs(self.root, self.pace.install_step, self.agent.server, self.address)
        self.services = Services(self.root)

    @property
    def serial(self) -> str:
        return self.placed.serial

    @property
    def live(self) -> Path:
        """The root of the live system: gone when the power is."""
        return self.root / "live"

    @property
    def disk(self) -> Path:
        """The root of the installed system."""
        return self.root / "disk"

    @property
    def marker(self) -> Path:
        """On the installed system's disk; there once something was installed."""
        return self.disk / commands.MARKER_FILE.lstrip("/")

    @property
    def own_address(self) -> str:
        """Of the system that runs: the installed one has what its installer was given, if it was given any."""
        given = self.disk / "etc/oci/my-ip"
        return given.read_text().strip() if self.state is ServerState.INSTALLED and given.exists() else self.address

    @property
    def installs(self) -> int:
        """How many times an installer erased its disk."""
        erased = self.root / "erased"
        return len(erased.read_text().splitlines()) if erased.exists() else 0

    def written(self) -> dict[str, list[str]]:
        """Signatures by kernel name. A file in ``written/`` is what somebody else left there, a word a line."""
        folder = self.root / "written"
        found = {file.name: file.read_text().split() for file in folder.iterdir()} if folder.is_dir() else {}
        on = self.root / "on"  # which disks the installer was given
        given = on.read_text().split() if on.exists() else []
        system = (given or ["sda"]) if self.disk.exists() else []
        return {**{name: ["gpt"] for name in system}, **found}

    @property
    def _present(self) -> frozenset[str]:
        return frozenset(path.name for path in (self.root / "disks").iterdir())

    def _drives(self) -> storcli.Drives:
        return hardware.drives(self.placed, self._present)

    def report(self) -> dict[str, object]:
        """What the agent would report now."""
        return hardware.report(
            self.placed,
            self._present,
            self.bmc_address,
            installed=self.state is ServerState.INSTALLED,
            volumes=self.controller.volumes() if self.controller else None,
        )

    async def power_on(self, device: str) -> None:
        """Boot from ``network`` or ``disk``; ``default``: from disk where there is something on it."""
        if self.state is not ServerState.OFF:
            return
        self.state = ServerState.BOOTING
        device = device if device in ("network", "disk") else ("disk" if self.marker.exists() else "network")
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
        await self._kill_installer()
        self.services.stop()
        if self.on_halt is not None:
            await self.on_halt(self)
        shutil.rmtree(self.live, ignore_errors=True)
        self.state = ServerState.OFF
        if life is not None and not life.cancelled() and (error := life.exception()) is not None:
            raise error

    async def _boot(self, device: str) -> None:
        """Boot from ``device``: "network" brings the live system, "disk" what is installed there, or nothing."""
        await asyncio.sleep(self.pace.boot)
        self.boot_id = seam.new_uuid()
        if device == "disk" and not self.marker.exists():
            self.state = ServerState.STUCK
            return
        self.state = ServerState.LIVE if device == "network" else ServerState.INSTALLED
        self.agent.address = self.own_address
        server_file = self.live / commands.SERVER_FILE.lstrip("/")
        server_file.parent.mkdir(parents=True, exist_ok=True)  # the live image writes it at its boot
        server_file.write_text(urlsplit(self.agent.server).netloc + "\n")
        if self.on_boot is not None:
            await self.on_boot(self)
        await (self._live() if self.state is ServerState.LIVE else self._installed())

    async def _live(self) -> None:
        await self.agent.status("live", self.serial)
        while True:
            await self.agent.report(self.report())
            await asyncio.sleep(self.pace.report_every)

    async def _installed(self) -> None:
        if (self.disk / "puppet-ran").exists():
            await self._start_services()
            return
        await self.agent.status("firstboot", self.serial)
        self._let_go.clear()
        self._begun.clear()
        if self._on_disk(puppet_runs.HOLD_FILE).exists():
            await self._let_go.wait()
        self._on_disk(puppet_runs.FIRST_BOOT_FLAG).unlink(missing_ok=True)
        self._begun.set()
        await self.run_puppet(puppet_runs.FIRST_RUNS)

    def _on_disk(self, path: str) -> Path:
        return self.disk / path.lstrip("/")

    async def begin_first_boot(self) -> None:
        """As systemd starts the unit that was held; returns once it runs."""
        self._on_disk(puppet_runs.HOLD_FILE).unlink(missing_ok=True)
        if self._on_disk(puppet_runs.FIRST_BOOT_FLAG).exists():
            self._let_go.set()
            await self._begun.wait()

    async def _start_services(self) -> None:
        await asyncio.sleep(self.pace.services)
        self.services.start()

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
            await asyncio.sleep(self.pace.puppet)
            good = len(self._puppet_runs) >= self.puppet_failures
            self._puppet_runs.append(good)
            self._puppet_ended = seam.now().timestamp()
            if good:
                (self.disk / "puppet-ran").write_text("yes\n")
                self.services.configure(commands.parse_marker(self.marker.read_text()).role)
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
            "time": {"last_run": int(self._puppet_ended), "total": self.pace.puppet},
            "resources": {"total": 640, "failed": failed},
            "events": {"total": 12, "failure": failed},
        }
        return json.dumps(summary)

    async def start_installer(self) -> bool:
        """Run the uploaded wrapper in the background; False where one runs already."""
        if self.installing:
            return False
        self._puppet_runs.clear()
        self.first_runs = 0
        (self.live / "var/log").mkdir(parents=True, exist_ok=True)
        self._moved(fence.SCRIPT_FILE)
        self._installer = await asyncio.create_subprocess_exec(
            "/bin/sh", self._moved(commands.SCRIPT_FILE), env=self._environment, start_new_session=True,
            stdin=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        return True

    async def look(self) -> tuple[int, str]:
        """Run the uploaded script that looks at the disks: its exit status, and what it printed."""
        script = self._moved(fence.SCRIPT_FILE)
        status, printed, _ = await run_to_end("/bin/sh", script, "look", env=self._environment)
        return status, printed

    async def run_on_disk(self, command: str) -> tuple[int, str]:
        """Run a command of Swift's rings by the shell, with the installed system's folder: exit status, and output."""
        text = command.replace(ring_files.NEW_RINGS_FOLDER, f"{self.live}{ring_files.NEW_RINGS_FOLDER}")
        text = text.replace(ring_files.RINGS_FOLDER, f"{self.disk}{ring_files.RINGS_FOLDER}")
        status, printed, _ = await run_to_end("/bin/sh", "-c", text, env=self._environment)
        return status, printed

    @property
    def _environment(self) -> dict[str, str]:
        return os.environ | {"PATH": f"{self.root}/bin:{os.environ.get('PATH', '/usr/bin:/bin')}"}

    def _moved(self, script: str) -> str:
        """Where the same script lies with its folders below the server's own."""
        text = (self.live / script.lstrip("/")).read_text()
        text = text.replace(shlex.join(COMMAND), PROGRAM)  # the real one would erase this very machine's disks
        text = text.replace(fence.SCRIPT_FILE, f"{fence.SCRIPT_FILE}.here")
        for folder in ("/run/reconciler", "/var/log", commands.SERVER_FILE):
            text = text.replace(folder, f"{self.live}{folder}")
        here = self.live / f"{script.lstrip('/')}.here"
        here.write_text(text)
        return str(here)

    @property
    def installing(self) -> bool:
        """Whether the installer runs."""
        return self._installer is not None and self._installer.returncode is None

    async def _kill_installer(self) -> None:
        if self._installer is not None and self.installing:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._installer.pid, signal.SIGKILL)
            await self._installer.wait()
        self._installer = None
