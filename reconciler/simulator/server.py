"""A simulated server whose disks are files in a folder: who removes one has pulled the disk.

The installer really runs: the scripts that were uploaded are run by ``/bin/sh`` with their folders below the server's
own, and find an installer that takes a few seconds, erases and writes the server's disk, and says what it does; and
stand-ins for what touches disks and network.
"""

import asyncio
import contextlib
import os
import shlex
import shutil
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from ..provisioning import commands, fence, ring_files
from ..provisioning.install import PROGRAM
from ..provisioning.root_image import COMMAND
from . import hardware, storcli
from .children import run_to_end
from .files import FolderFiles
from .life import ServerLife
from .programs import put_programs
from .services import Services


@dataclass
class SimServer(ServerLife):
    """A server on loopback addresses of its own."""

    root: Path = field(kw_only=True)
    on_boot: Callable[["SimServer"], Awaitable[None]] | None = None  # opens its SSH server
    on_halt: Callable[["SimServer"], Awaitable[None]] | None = None
    _installer: asyncio.subprocess.Process | None = None

    def __post_init__(self) -> None:
        assert isinstance(self.placed, hardware.RackedServer)
        for name, (model, size) in hardware.disk_names(self.placed.model).items():
            path = self.root / "disks" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{model} {size}\n")
        self.live_files = FolderFiles(self.live)
        if self.placed.has_raid:
            self.controller = storcli.Controller(self.root / "controller.json", self.drives)
            self.controller.begin(*self.placed.delivered)
        put_programs(self.root, self.pace.install_step, self.agent.server, self.address)
        self.services = Services(self.root)

    @property
    def live(self) -> Path:
        """The root of the live system: gone when the power is."""
        return self.root / "live"

    @property
    def disk(self) -> Path:
        """The root of the installed system."""
        return self.root / "disk"

    @property
    def disk_files(self) -> FolderFiles:
        """The files of the installed system."""
        return FolderFiles(self.disk)

    @property
    def marker(self) -> Path:
        """On the installed system's disk; there once something was installed."""
        return self.disk / commands.MARKER_FILE.lstrip("/")

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
    def present(self) -> frozenset[str]:
        """Kernel names of the disks whose files are there."""
        return frozenset(path.name for path in (self.root / "disks").iterdir())

    async def come_up(self) -> None:
        """Open its SSH server."""
        if self.on_boot is not None:
            await self.on_boot(self)

    async def halt(self) -> None:
        """End what runs, and remove the live system's folder."""
        await self._kill_installer()
        if self.on_halt is not None:
            await self.on_halt(self)
        shutil.rmtree(self.live, ignore_errors=True)

    async def start_installer(self) -> bool:
        """Run the uploaded wrapper in the background; False where one runs already."""
        if self.installing:
            return False
        self.forget_runs()
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
