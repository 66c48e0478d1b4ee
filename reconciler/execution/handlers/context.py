"""Tools and options of the handlers, and the questions that several handlers ask first."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace

from ...model.actions import Action, InstallOs
from ...model.epoch import Epoch
from ...model.errors import NotBegunError, PermanentError, TemporaryError
from ...model.files import File
from ...model.hook import HookCommand
from ...model.kinds import FleetSpec
from ...model.machine import Seen
from ...provisioning import commands, erasing, fence, fence_script
from ..ensure import Time
from ..ports import (
    Bmc,
    BmcAccess,
    BmcPasswords,
    Bookkeeping,
    Directory,
    Progress,
    RememberingBmcs,
    RingBuilder,
    Shell,
    Shells,
    TellChild,
)
from ..seam import offload

_RUNS = frozenset({"active", "activating", "deactivating"})
"""What ``commands.READ_UNIT`` prints of an installer that runs."""

MINTING_AT_ONCE = 2
"""Long RSA keys take a thread for seconds. A delivery of machines would take all threads, and reports would wait."""


@dataclass(frozen=True, slots=True)
class Options:
    """How patient handlers are, in seconds, and what they take from the specs of the moment."""

    fleet: Callable[[], FleetSpec]
    hooks: Mapping[str, HookCommand] = field(default_factory=dict)
    """Programs that specs may name as hooks, by name."""
    files: Callable[[InstallOs], Mapping[str, File]] = field(default=lambda _: {})
    """What the installer finds beforehand (``provisioning.node_files``). May read the store, and make secrets."""
    epoch: Callable[[], Epoch | None] = field(default=lambda: None)
    """How far the database has counted, for the records of installs; None: nobody asks."""
    is_behind: Callable[[str, str, int], bool] = field(default=lambda *_: False)
    """Whether the database should know of an install and does not: serial, id, how far it had counted."""
    doubt: Callable[[str], None] = field(default=lambda _: None)
    """Has the database say that it is older than the machines, so that nothing is begun any more."""
    clean_certificate: Callable[[str], Awaitable[None]] | None = None
    """Has Puppet's certificate authority forget a name, or raises TemporaryError; None: nobody does."""
    services: float = 300.0  # for a look at all services of a node, which ends by itself before
    answer: float = 60.0  # for a command that only looks; dmidecode and Puppet's start take seconds on a busy node
    look: float = 300.0  # at what is on dozens of disks; assembling a RAID takes seconds
    raid: float = 180.0  # for one command of a RAID controller
    poll: float = 5.0  # between two looks at a running install
    silence: float = 120.0  # a machine being installed may be out of reach for so long
    install: float = 170 * 60.0  # a slow mirror makes an install last an hour
    on_controller: float = 5 * 60.0  # one command for a node that came into service
    puppet: float = 140 * 60.0  # OCI lets a run take 120 minutes (runtimeout); 20 for the agent's own run before it


@dataclass(frozen=True, slots=True)
class Tools:
    """Everything handlers are given."""

    records: Bookkeeping
    directory: Directory
    bmcs: RememberingBmcs
    bmc_passwords: BmcPasswords
    shells: Shells
    progress: Progress
    time: Time
    options: Options
    tell_child: TellChild
    build_rings: RingBuilder
    minting: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MINTING_AT_ONCE))


async def last_seen(tools: Tools, action: Action) -> Seen:
    """What is known of the machine now.

    Raises:
        TemporaryError: The action was planned for what the machine is no longer meant to be, or nobody saw it yet.
    """
    current = await offload(tools.directory.generation, action.serial)
    if current is not None and action.generation < current:
        raise TemporaryError(
            f"planned for generation {action.generation}, and {action.serial} is at {current} now: it is planned anew"
        )
    seen = await offload(tools.directory.seen, action.serial)
    if seen is None:
        raise TemporaryError(f"{action.serial} was never seen: nobody knows where it is")
    return seen


async def open_bmc(tools: Tools, serial: str, address: str | None = None) -> tuple[BmcAccess, Bmc]:
    """A session with the machine's BMC, and how it was opened.

    A change of its password that was cut off leaves it with the old one or the new: both are tried.

    Args:
        tools: What handlers work with.
        serial: Of the machine.
        address: Where it may be; None: where it is known to be.

    Raises:
        TemporaryError: No answer.
        PermanentError: It lets us in with neither; or it shows another certificate.
    """
    access = await offload(tools.directory.bmc, serial)
    access = replace(access, address=address or access.address)
    try:
        return access, await tools.bmcs.open(access)
    except PermanentError:
        coming = await offload(tools.bmc_passwords.coming, serial)
        if coming is None:
            raise
    access = replace(access, password=coming)
    return access, await tools.bmcs.open(access)


async def run_checked(shell: Shell, command: str, timeout: float) -> str:
    """What ``command`` prints; it must succeed.

    Raises:
        TemporaryError: It did not.
    """
    ran = await shell.run(command, timeout=timeout)
    if ran.status != 0:
        said = ran.stderr.strip()[-500:] or "nothing"
        raise TemporaryError(f'"{command}" ended with {ran.status}, saying {said}')
    return ran.stdout


async def marker(tools: Tools, shell: Shell) -> commands.Marker | None:
    """The proof that the running system was installed by us; None where there is none.

    Raises:
        NotBegunError: A newer database than ours ordered its install.
        PermanentError: It cannot be read.
    """
    ran = await shell.run(commands.READ_MARKER, timeout=tools.options.answer)
    if ran.status != 0:
        return None
    try:
        found = commands.parse_marker(ran.stdout)
    except ValueError as error:
        raise PermanentError(str(error)) from error
    await heed_age(tools, found)
    return found


async def ordered(tools: Tools) -> commands.Ordered:
    """Who orders what begins now."""
    here, began = await offload(tools.options.epoch), tools.time.now().isoformat()
    return commands.Ordered(began=began) if here is None else commands.Ordered(here.fleet, here.counter, began)


async def heed_age(tools: Tools, found: commands.Marker) -> None:
    """Return if the database knows of this install, or another fleet's ordered it.

    Both may have been restored together, state folder and database: then only machines know better.

    Raises:
        NotBegunError: It is older. From here on nothing is begun, until an operator has said what holds.
    """
    here = await offload(tools.options.epoch)
    if here is None or found.fleet != here.fleet:
        return
    if not await offload(tools.options.is_behind, found.serial, found.id, found.counter):
        return
    why = (
        f"the database is older than what was done since: {found.serial} was installed as {found.hostname} by install "
        f"{found.id}, of which it knows nothing. It was restored, or its end was lost"
    )
    await offload(tools.options.doubt, why)
    raise NotBegunError(f"nothing is begun: {why}")


async def install_runs(tools: Tools, shell: Shell) -> bool:
    """Whether the wrapper of an install runs on the machine; one that starts or ends does."""
    unit = await shell.run(commands.READ_UNIT, timeout=tools.options.answer)
    return unit.stdout.strip() in _RUNS


async def own_address(tools: Tools, serial: str) -> str:
    """Where the installed system of a machine is: the address that it was given, wherever anybody called from.

    Raises:
        TemporaryError: It has none.
    """
    address = await offload(tools.directory.address, serial)
    if address is None:
        raise TemporaryError(f"{serial} has no management address: nobody knows where its installed system answers")
    return address


def runs_installed(theirs: commands.Marker) -> str:
    """Why nothing is erased on a machine that runs a system of ours."""
    system = f"the installed system {theirs.hostname} (install {theirs.id}) runs here, not the live one"
    return f"{system}: nothing was erased, and it is not rebooted for this"


async def open_verified_shell(tools: Tools, serial: str, address: str) -> Shell:
    """A shell on the machine that is meant, and on no other.

    Raises:
        PermanentError: Another machine answers there.
    """
    shell = await tools.shells.open(serial, address)
    try:
        serials = commands.serials_in((await shell.run(commands.READ_SERIAL, timeout=tools.options.answer)).stdout)
        if serial not in serials:
            said = ", ".join(sorted(serials)) or "none"
            raise PermanentError(f"the machine at {address} is not {serial}: its serials are {said}")
    except BaseException:
        await shell.close()
        raise
    return shell


async def look_at_disks(tools: Tools, shell: Shell, script: Mapping[str, File]) -> fence.Looked:
    """Which systems of ours are on the disks, and what cannot be read on them.

    Raises:
        NotBegunError: A newer database than ours ordered what is on them.
        TemporaryError: The live system could not look.
    """
    await shell.put(script)
    ran = await shell.run(fence.LOOK, timeout=tools.options.look)
    try:
        if ran.status not in (0, fence_script.ENDED, fence_script.REFUSED):
            raise ValueError(ran.stderr.strip()[-500:] or f"exit status {ran.status}")
        looked = fence.parse(json.loads(line) for line in ran.stdout.splitlines())
    except ValueError as error:
        raise TemporaryError(f"nothing was erased: the disks cannot be looked at: {error}") from error
    for found in filter(None, map(erasing.marker_of, looked.markers)):
        await heed_age(tools, found)
    return replace(looked, digest=fence.digest(ran.stdout))
