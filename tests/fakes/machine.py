"""A machine that answers the SSH dialogue of provisioning.remote, in the live system or the installed one."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace

from reconciler.execution.ports import Ran
from reconciler.model.errors import TemporaryError
from reconciler.model.files import File
from reconciler.model.gates import GATES, GateName
from reconciler.model.rings import md5_of
from reconciler.provisioning import commands, fence, look, puppet_runs, ring_files

from .clock import NOON

_RUN = """---
version: {{config: {compiled}, puppet: 7.23.0}}
resources: {{failed: {failed}, skipped: {skipped}, total: 9}}
time: {{last_run: {ended:.0f}, total: 20.0}}
events: {{failure: {failed}, noop: {noop}, success: 0}}
"""


def run_summary(
    failed: int = 0,
    ended: float = NOON.timestamp(),
    compiled: float | str = NOON.timestamp(),
    noop: int = 0,
    skipped: int = 0,
) -> str:
    """What Puppet wrote after a run.

    Args:
        failed: So many resources.
        ended: When, after twenty seconds, by the node's clock.
        compiled: When the catalog was, by the Puppet server's clock; a text: another version of it.
        noop: What it would have changed.
        skipped: So many resources.
    """
    version = compiled if isinstance(compiled, str) else f"{compiled:.0f}"
    return _RUN.format(failed=failed, ended=ended, compiled=version, noop=noop, skipped=skipped)


@dataclass
class FakeMachine:
    serial: str = "A001"
    disks: dict[str, tuple[str, int]] = field(default_factory=lambda: {"sda": ("SSD", 240_000_000_000)})
    written: list[tuple[str, str]] = field(default_factory=list)  # kernel name, signature
    unread: list[dict[str, str]] = field(default_factory=list)
    facts: list[dict[str, object]] = field(default_factory=list)  # that the script prints that looks at the disks
    look_exit: int = 0
    swapped: list[dict[str, object]] = field(default_factory=list)  # the facts that the wrapper meets, and stops
    left: dict[str, list[str]] = field(default_factory=dict)  # UUIDs on each disk once the installer has ended
    install_looks: int = 3  # looks at a running install until it ends
    install_exit: int = 0
    installs: int = 0  # times that disks were erased
    most_installers: int = 0
    files: dict[str, bytes] = field(default_factory=dict)
    modes: dict[str, int] = field(default_factory=dict)  # of files that are not private
    boot_id: str = "1111"
    disk: dict[str, bytes] = field(default_factory=dict)  # the installed system's files
    installed_runs: bool = False  # the machine runs the installed system, not the live one
    last_run: str = ""
    clock: float = NOON.timestamp()  # its own, seconds since 1970
    puppet_exit: int = 2
    puppet_runs: int = 0
    puppet_noop: int = 0  # changes that its Puppet, which only says what it would do, leaves undone
    puppet_is_ended: bool = False  # by SIGTERM: it ends with 0, and writes no summary
    first_boot_looks: int = 0  # until its first boot runs Puppet no more
    first_boot_succeeds: bool = False
    first_runs: int = 0
    first_boot_waits: bool = False  # it is held, and begins when it is told to
    first_boot_missing: bool = False  # its unit is not there
    services: dict[str, str] = field(default_factory=dict)  # values by gate, of those that are not as they should be
    classes: tuple[str, ...] = ()  # that Puppet applied
    look_at_services_exit: int = 0
    told: list[str] = field(default_factory=list)  # commands run on it as on a controller
    command_exit: int = 0
    root_password: str = ""
    disk_full: bool = False  # ring files that are put into place are not there
    unreachable: int = 0  # so many calls fail first
    log: list[str] = field(default_factory=list)
    _left: int = 0  # looks until the running installer ends

    def reboot(self, *, installed: bool) -> None:
        self.boot_id = str(int(self.boot_id) + 1)
        self.files, self._left, self.installed_runs = {}, 0, installed

    @property
    def running(self) -> bool:
        return self._left > 0

    def put(self, files: Mapping[str, File]) -> None:
        self.files |= {path: file.content for path, file in files.items()}

    def answer(self, command: str) -> Ran:
        self.log.append(command)
        handler = self._answers().get(command)
        if self.installed_runs and (asked := look.words_of_look(command)) is not None:
            return self._services(asked)
        if self.installed_runs and (told := commands.is_on_controller(command)) is not None:
            self.told.append(told)
            return Ran(self.command_exit, "", "No hosts found\n" if self.command_exit else "")
        return handler() if handler else Ran(127, "", f"sh: {command}: not found\n")

    def _answers(self) -> dict[str, Callable[[], Ran]]:
        both = {
            commands.READ_BOOT_ID: lambda: _says(self.boot_id),
            commands.READ_CLOCK: lambda: _says(f"{self.clock:.0f}"),
            commands.READ_SERIAL: lambda: _says(f"# remark\n{self.serial}\nNot Specified"),
            commands.READ_MARKER: lambda: _cat(self.disk if self.installed_runs else {}, commands.MARKER_FILE),
        }
        live = {
            commands.READ_UNIT: self._unit,
            commands.READ_STATE: lambda: _cat(self.files, commands.STATE_FILE),
            commands.READ_PROGRESS: lambda: _says(f"{self._left} steps left"),
            commands.LIST_DISKS: self._lsblk,
            commands.READ_SIGNATURES: self._wipefs,
            fence.LOOK: self._look,
            commands.START_INSTALL: self._start,
        }
        installed = {
            puppet_runs.READ_LAST_RUN: lambda: (
                _says(self.last_run) if self.last_run else Ran(1, "", "cat: no such file\n")
            ),
            puppet_runs.READ_FIRST_RUNS: self._first_runs,
            puppet_runs.BEGIN_FIRST_BOOT: self._begin_first_boot,
            puppet_runs.FIRST_BOOT_IS_TO_END: lambda: Ran(
                0 if self.first_boot_waits or self.first_boot_looks else 1, "", ""
            ),
            look.READ_CLASSES: lambda: _says("\n".join(self.classes)),
            puppet_runs.RUN_PUPPET: self._puppet,
            commands.SET_ROOT_PASSWORD: self._set_root_password,
            ring_files.READ_RINGS: self._read_rings,
            ring_files.PLACE_RINGS: self._place_rings,
            ring_files.OWN_RINGS: lambda: _says(""),
        }
        return {**both, **(installed if self.installed_runs else live)}

    def _unit(self) -> Ran:
        if self.running:
            self._left -= 1
            if not self.running:
                self._finish()
            return _says("active")
        return Ran(3, "inactive\n", "")

    def _lsblk(self) -> Ran:
        rows = [{"name": n, "model": m, "serial": None, "size": size} for n, (m, size) in self.disks.items()]
        return _says(json.dumps({"blockdevices": rows}))

    def _wipefs(self) -> Ran:
        found = [{"device": on, "type": kind} for on, kind in self.written]
        return _says("".join(json.dumps(each) for each in [{"signatures": found}, *self.unread]))

    def _look(self) -> Ran:
        assert fence.SCRIPT_FILE in self.files
        return Ran(self.look_exit, "".join(json.dumps(fact) + "\n" for fact in self.facts), "sh: lsblk: not found\n")

    def _start(self) -> Ran:
        if self.running:
            return Ran(1, "", "Failed to start transient service unit: Unit reconciler-install.service exists.\n")
        if self.swapped:
            self._write_state("refused", None, self.swapped)
            return _says("")
        state = self._state_of_script("running", None)
        done = self._state_of_script("done", 0)
        before = self.files.get(commands.STATE_FILE)
        if before is not None and replace(commands.parse_state(before.decode()), looked=fence.NOTHING) == done:
            return _says("")
        self.files[commands.STATE_FILE] = state.render().encode()
        self.installs += 1
        self._left = self.install_looks
        self.most_installers = max(self.most_installers, 1)
        return _says("")

    def _finish(self) -> None:
        how = "done" if self.install_exit == 0 else "failed"
        self._write_state(how, self.install_exit, [{"disk": on, "uuids": uuids} for on, uuids in self.left.items()])
        if how == "done":
            self.disk = {
                path.removeprefix(commands.TARGET): content.replace(b'"finished": false', b'"finished": true')
                for path, content in self.files.items()
                if path.startswith(commands.TARGET)
            }

    def _write_state(self, state: str, status: int | None, facts: list[dict[str, object]]) -> None:
        found = json.loads(self._state_of_script(state, status).render())
        self.files[commands.STATE_FILE] = json.dumps({**found, "facts": facts}).encode()

    def _state_of_script(self, state: str, status: int | None) -> commands.InstallState:
        found = re.search(
            rb'\{"id": "(\w+)", "generation": (\d+), "state": "running"', self.files[commands.SCRIPT_FILE]
        )
        assert found is not None, "the script writes no state"
        return commands.InstallState(found[1].decode(), int(found[2]), state, status)

    def _first_runs(self) -> Ran:
        if self.first_boot_looks:
            self.first_boot_looks -= 1
            self.first_runs += 1
            if not self.first_boot_looks:
                self.last_run = run_summary(0 if self.first_boot_succeeds else 2, self.clock)
            return _says(f"{self.first_runs}\n4711")
        return Ran(1, f"{self.first_runs}\n", "")

    def _begin_first_boot(self) -> Ran:
        if self.first_boot_missing:
            return Ran(5, "", "Failed to start oci-first-boot.service: Unit oci-first-boot.service not found.\n")
        if self.first_boot_waits:
            self.first_boot_waits, self.first_boot_looks = False, 2
        return Ran(0, "", "")

    def _services(self, asked: list[str]) -> Ran:
        names = [GateName(word.partition(":")[0]) for word in asked]
        names += [name for name, other in look.READ_WITH.items() if other in names]
        values = {str(name): str(GATES[name].opens_at or 3) for name in names} | self._rings(asked) | self.services
        lines = [json.dumps({"gate": name, "value": value}) for name, value in values.items()]
        return Ran(self.look_at_services_exit, "".join(f"{line}\n" for line in lines), "")

    def _rings(self, asked: list[str]) -> dict[str, str]:
        """What the look says of ring files that are not those that it was told."""
        wanted = [word.partition(":")[2] for word in asked if word.startswith(f"{GateName.SWIFT_RINGS}:")]
        pairs = [pair.split("=") for words in wanted for pair in words.split(",")]
        there = {ring: self.disk.get(ring_files.ring_path(ring)) for ring, _ in pairs}
        other = [ring for ring, md5 in pairs if (content := there[ring]) is None or md5_of(content) != md5]
        return {GateName.SWIFT_RINGS: f"{', '.join(other)} differ"} if other else {}

    def _read_rings(self) -> Ran:
        there = {path.rpartition("/")[2]: content for path, content in sorted(self.disk.items()) if "ring.gz" in path}
        return Ran(0, "".join(f"{md5_of(content)}  {name}\n" for name, content in there.items()), "")

    def _place_rings(self) -> Ran:
        """As the shell does it, but for a disk that is full."""
        folder = f"{ring_files.NEW_RINGS_FOLDER}/"
        new = {path: self.files.pop(path) for path in list(self.files) if path.startswith(folder)}
        if not self.disk_full:
            self.disk |= {f"{ring_files.RINGS_FOLDER}/{path.removeprefix(folder)}": new[path] for path in new}
        return _says("")

    def _set_root_password(self) -> Ran:
        self.root_password = self.files.pop(commands.ROOT_LOGIN_FILE).decode().removeprefix("root:").strip()
        return _says("")

    def _puppet(self) -> Ran:
        self.puppet_runs += 1
        if self.puppet_is_ended:
            return Ran(0, "", "Notice: Caught TERM; exiting\n")
        good = self.puppet_exit in puppet_runs.PUPPET_GOOD
        self.last_run = run_summary(0 if good else 2, self.clock, noop=self.puppet_noop)
        return Ran(self.puppet_exit, "", "" if good else "Error: 2 resources failed\n")


def _says(text: str) -> Ran:
    return Ran(0, f"{text}\n", "")


def _cat(files: Mapping[str, bytes], path: str) -> Ran:
    return Ran(0, files[path].decode(), "") if path in files else Ran(1, "", f"cat: {path}: No such file\n")


@dataclass
class FakeShell:
    machine: FakeMachine
    between: Callable[[], Awaitable[None]]
    closed: bool = False

    async def run(self, command: str, *, timeout: float) -> Ran:
        await self._reach()
        ran = self.machine.answer(command)
        await self.between()
        return ran

    async def put(self, files: Mapping[str, File]) -> None:
        await self._reach()
        self.machine.put(files)
        await self.between()

    async def close(self) -> None:
        self.closed = True

    async def _reach(self) -> None:
        assert not self.closed, "a closed shell was used"
        await self.between()
        if self.machine.unreachable:
            self.machine.unreachable -= 1
            raise TemporaryError("connection lost")


async def _pause() -> None:
    await asyncio.sleep(0)


@dataclass
class FakeShells:
    """By address. ``between`` runs before and after each effect: a place to be killed at."""

    machines: dict[str, FakeMachine]
    between: Callable[[], Awaitable[None]] = _pause
    shells: list[FakeShell] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    async def open(self, serial: str, address: str) -> FakeShell:
        return await self.meet(address)

    async def meet(self, address: str) -> FakeShell:
        await self.between()
        if address not in self.machines:
            raise TemporaryError(f"cannot connect to {address}")
        machine = self.machines[address]
        if machine.unreachable:
            machine.unreachable -= 1
            raise TemporaryError(f"cannot connect to {address}")
        shell = FakeShell(machine, self.between)
        self.shells.append(shell)
        return shell

    async def expect_new_boot(self, serial: str) -> None:
        self.expected.append(serial)
