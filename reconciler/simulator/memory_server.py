"""A simulated server that is made of values: disks with contents, files in memory, and scripts that are read.

Everything that is written to one of its disks is told to ``witness`` first, with what is there at that moment.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple, TypeVar

from ..execution import seam
from ..model.contents import SignatureFound
from ..model.files import File
from ..model.rings import md5_of
from ..provisioning import commands, fence, fence_script, ring_files
from . import storcli
from .dialogue import answer
from .files import MemoryFiles
from .life import OWN_ADDRESS, ServerLife, ServerState
from .meaning import (
    Content,
    DiskSystem,
    InstalledNode,
    Wrapper,
    erased_by,
    finish,
    formatted_by,
    look,
    read_fence,
    read_wrapper,
    written,
)
from .memory_services import MemoryServices
from .wires import HasTasks

T = TypeVar("T")

_STEPS = ("Partitioning", "Bootstrapping Debian", "Installing packages", "Installing GRUB")
_HOST_KEY = "/etc/ssh/ssh_host_ed25519_key.pub"
_GIVEN_KEY = "/etc/ssh/ssh_host_rsa_key.pub"
_CERTIFICATE = "/etc/ssh/ssh_host_rsa_key-cert.pub"


class Overwrite(NamedTuple):
    """Something is about to be written over what is on a disk."""

    serial: str  # of the server
    disk: str
    content: Content  # as it is now
    by: str  # id of the install, or what else does it


class HostIdentity(NamedTuple):
    """What a system shows of itself over SSH."""

    plain: str  # "ssh-ed25519 ..."
    given: str | None  # "ssh-rsa ...", of an installed node
    certificate: str | None  # for that key


@dataclass
class MemoryKept:
    """What a RAID controller keeps."""

    text: str = ""

    def read_text(self) -> str:
        return self.text

    def write_text(self, text: str, /) -> object:
        self.text = text
        return None


@dataclass
class MemoryServer(ServerLife):
    """A server, with whoever watches its disks."""

    witness: Callable[[Overwrite], None] = field(kw_only=True)
    peers: Callable[["MemoryServer", str], int] = field(kw_only=True)  # servers of its cluster with services up
    runs: HasTasks = field(kw_only=True)
    starts: Callable[[str, int], None] = lambda serial, generation: None  # told before an installer begins
    fails_install: Callable[[], bool] = lambda: False  # whether the next installer ends badly
    authorized: str = ""  # the public key that may log in as root
    is_up: bool = False  # a system has booted that may be talked to
    disks: dict[str, Content] = field(default_factory=dict)  # by kernel name, or by the slots of a volume
    pulled: set[str] = field(default_factory=set)  # kernel names of disks that are not plugged in
    _installs: int = 0
    _wrapper: "asyncio.Task[None] | None" = None
    _sessions: "dict[asyncio.Task[Any], None]" = field(default_factory=dict)
    _nothing: MemoryFiles = field(default_factory=MemoryFiles)

    def __post_init__(self) -> None:
        self.live_files = MemoryFiles()
        self.services = MemoryServices(lambda: self.memory, partial(self.peers, self))
        if self.placed.has_raid:
            self.controller = storcli.Controller(MemoryKept(), self.drives, self._over_volume, self.placed.place)
            self.controller.begin(*self.placed.delivered)

    # ---- disks

    @property
    def present(self) -> frozenset[str]:
        """Kernel names of the disks that are plugged in."""
        return frozenset(self.placed.disk_names) - self.pulled

    def contents(self) -> dict[str, Content]:
        """What is on each disk that the kernel shows, by kernel name."""
        if self.controller is None:
            return {name: self._content(name) for name in sorted(self.present)}
        devices = self.placed.devices(self.controller.shown())
        keys = {name: _volume_key(shown.slots) if shown else name for name, shown in devices.items()}
        return {name: self._content(key) for name, key in keys.items() if key != name or name in self.present}

    def _content(self, key: str) -> Content:
        return self.disks.setdefault(key, Content())

    def _over_volume(self, slots: list[int], what: str) -> None:
        """The controller deletes a volume, which its data outlives, or initialises one, which it does not."""
        key = _volume_key(slots)
        self.witness(Overwrite(self.serial, key, self._content(key), what))
        if what == "initialise":
            self.disks[key] = Content()

    @property
    def on_disk(self) -> DiskSystem | None:
        """The system that it would boot: the first one that is whole."""
        systems = (content.system for content in self.contents().values() if not content.is_data)
        return next((system for system in systems if system is not None and (system.of_oci or system.marker)), None)

    @property
    def node(self) -> InstalledNode | None:
        system = self.on_disk
        return system.node if system is not None else None

    @property
    def can_boot(self) -> bool:
        return self.on_disk is not None

    @property
    def memory(self) -> MemoryFiles:
        """The files of the installed system."""
        system = self.on_disk
        return system.files if system is not None else self._nothing

    @property
    def disk_files(self) -> MemoryFiles:
        """The files of the installed system."""
        return self.memory

    def written(self) -> Mapping[str, list[str]]:
        """Signatures by kernel name."""
        found = self.contents()
        return {
            name: ["gpt"] if content.system is not None else list(content.signatures)
            for name, content in found.items()
            if not content.is_blank
        }

    def signatures(self) -> list[dict[str, str]]:
        """As the base has it; where it is known on which partitions they lie, there."""
        found = self.contents()
        told = {name: content.found.parts for name, content in found.items() if content.found and not content.system}
        parts = [(name, part) for name, some in told.items() for part in some if isinstance(part, SignatureFound)]
        there = [{"device": part.on or name, "type": part.type, "label": part.label} for name, part in parts]
        return [each for each in super().signatures() if each["device"] not in told] + there

    # ---- what runs

    @property
    def installs(self) -> int:
        """How many times an installer erased its disk."""
        return self._installs

    @property
    def installing(self) -> bool:
        """Whether the wrapper of an install runs."""
        return self._wrapper is not None and not self._wrapper.done()

    async def start_installer(self) -> bool:
        """Begin with the wrapper that was uploaded; False where one runs already."""
        if self.installing:
            return False
        self.forget_runs()
        self._wrapper = self.runs.of_world(self._install(), f"install {self.serial}")
        return True

    async def look(self) -> tuple[int, str]:
        """What the uploaded script says that looks at the disks."""
        said = look(read_fence(self._uploaded(fence.SCRIPT_FILE)), self.contents())
        return said.status, said.text

    def _uploaded(self, path: str) -> str:
        return self.live_files.read(path) or ""

    async def run_on_disk(self, command: str) -> tuple[int, str]:
        """What a command of Swift's rings gives."""
        folder, files = ring_files.RINGS_FOLDER, self.memory.content
        if command == ring_files.READ_RINGS:
            there = {path: files[path] for path in sorted(files) if path.startswith(folder) and "ring.gz" in path}
            return 0, "".join(f"{md5_of(text)}  {path.rpartition('/')[2]}\n" for path, text in there.items())
        if command == ring_files.PLACE_RINGS:
            new, live = f"{ring_files.NEW_RINGS_FOLDER}/", self.live_memory.content
            for path in [path for path in live if path.startswith(new)]:
                files[f"{folder}/{path.removeprefix(new)}"] = live.pop(path)
        return 0, ""

    @property
    def live_memory(self) -> MemoryFiles:
        """The files of the live system."""
        assert isinstance(self.live_files, MemoryFiles)
        return self.live_files

    def report(self) -> dict[str, object]:
        """As the base has it; an agent that tells what is on disks tells nothing of what is gone."""
        found, there = super().report(), self.contents()
        devices = found["blockdevices"]
        assert isinstance(devices, list)
        for device in devices:
            if "signatures" in device and not there[device["realdev"]].found:
                del device["signatures"]
        return found

    def stands(self, puppet_ran: datetime, *, ready: bool = True) -> None:
        """It has run its installed system for long when the history begins.

        Args:
            puppet_ran: When its last Puppet run began.
            ready: Whether its services are up; they come up once Puppet has run again.
        """
        node = self.node
        assert node is not None
        self.state, self.boot_id = ServerState.INSTALLED, seam.new_uuid()
        self.agent.address = self.own_address
        self._puppet_runs.append(True)
        self._puppet_ended = puppet_ran.timestamp() + self.pace.puppet
        self._answer()
        services = self.services
        assert isinstance(services, MemoryServices)
        services.configure(node.role, node.cluster)
        services.stays_down = not ready
        services.start()

    async def come_up(self) -> None:
        """Answer over SSH."""
        self._answer()

    def _answer(self) -> None:
        """Let whoever wants to talk to it; an installed system makes itself a host key at its first boot."""
        if self.state is ServerState.INSTALLED and self.memory.read(_HOST_KEY) is None:
            self.memory.write(_HOST_KEY, f"ssh-ed25519 {seam.draw(16).hex()}")
        self.is_up = True

    async def halt(self) -> None:
        """End what runs, and forget the live system's memory."""
        self.is_up = False
        ended = [*self._sessions, *([self._wrapper] if self._wrapper else [])]
        for task in ended:
            task.cancel()
        if ended:
            await asyncio.wait(ended)
        self._wrapper = None
        self.live_files = MemoryFiles()

    # ---- the other end of SSH

    @property
    def host(self) -> HostIdentity:
        """What the system that runs shows of itself."""
        if self.state is not ServerState.INSTALLED:
            return HostIdentity(f"ssh-ed25519 {self.boot_id.replace('-', '')}", None, None)
        files = self.memory
        return HostIdentity(files.read(_HOST_KEY) or "", files.read(_GIVEN_KEY), files.read(_CERTIFICATE))

    async def run(self, command: str) -> tuple[int, str, str]:
        """What a command gives on the system that runs.

        Raises:
            ConnectionResetError: It went down meanwhile.
        """
        task = self.runs.of_world(answer(self, command))
        self._sessions[task] = None
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled():
                raise ConnectionResetError("the system went down") from None
            raise
        finally:
            self._sessions.pop(task, None)

    def put(self, files: Mapping[str, File]) -> None:
        """Files are uploaded."""
        self.live_memory.content |= {path: file.content for path, file in files.items()}

    # ---- an install

    async def _install(self) -> None:
        """As the wrapper does it, step by step; the power may go after each."""
        wrapper = read_wrapper(self._uploaded(commands.SCRIPT_FILE))
        script = read_fence(self._uploaded(fence.SCRIPT_FILE))
        before = self.live_files.read(commands.STATE_FILE)
        if before is not None and before.startswith(wrapper.state("done", 0).strip().removesuffix("}")):
            return
        self.starts(self.serial, wrapper.generation)
        self._state(wrapper.state("running"))
        self.live_files.write(commands.LOG_FILE, "")
        if wrapper.looks:
            said = look(script, self.contents())
            if said.status == fence_script.ENDED:
                await self._ends(wrapper, "done", 0, "installed")
                return
            if said.status == fence_script.REFUSED:
                self._state(wrapper.state("refused", None, said.facts))
                return
        await self.agent.status("installing", self.serial)
        status = await self._installer(wrapper)
        if status == 0 and wrapper.finishes and finish(script, self.contents()) != 0:
            status = 1
        await self._ends(wrapper, *(("done", 0, "installed") if status == 0 else ("failed", status, "live")))

    def _state(self, text: str) -> None:
        self.live_files.write(commands.STATE_FILE, text)

    async def _ends(self, wrapper: Wrapper, state: str, status: int, told: str) -> None:
        script = read_fence(self._uploaded(fence.SCRIPT_FILE))
        self._state(wrapper.state(state, status, written(script, self.contents()).facts))
        await self.agent.status(told, self.serial)

    async def _installer(self, wrapper: Wrapper) -> int:
        """Erase, take its time, and write a system; the exit status."""
        there, system = self.contents(), DiskSystem(seam.new_uuid())
        data = formatted_by(wrapper, self.live_files.read)
        for name in dict.fromkeys(erased_by(wrapper, self.live_files.read)):
            if name not in there:
                return self._says(f"E: there is no /dev/{name}")
            self.witness(Overwrite(self.serial, name, there[name], wrapper.id))
            there[name].becomes(Content(system=system, is_data=name in data))
        self._installs += 1
        for step in _STEPS:
            self._says(step)
            await self.takes(self.pace.install_step)
            system.files.write("/etc/hostname", "")  # from now on there is something
        if self.fails_install():
            return self._says("E: the mirror went away")
        system.files.content |= self.live_memory.below(commands.TARGET)
        for content in self.contents().values():  # the data that was kept is the new system's
            if content.is_data:
                content.system = system
        self._says("Done")
        await self.takes(self.pace.install_step)
        return 0

    def _says(self, line: str) -> int:
        self.live_files.write(commands.LOG_FILE, f"{self.live_files.read(commands.LOG_FILE) or ''}{line}\n")
        return 1

    @property
    def given_address(self) -> str | None:
        """What its installer gave the system on its disk."""
        found = self.memory.read(OWN_ADDRESS)
        return found.strip() if found else None


def _volume_key(slots: Iterable[int]) -> str:
    return f"volume of {','.join(map(str, sorted(slots)))}"
