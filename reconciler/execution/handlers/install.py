"""``InstallOs``: Debian on the disk, over SSH from the live system, exactly once.

The installer runs detached, so we may die or be cut off at any line here; whoever comes next looks first and finds it
running, ended, or never begun. Right before anything is erased the machine says its own serial, its own disks, what
they hold and which systems of ours are on them, through the very connection that will be used: the stock agent says
nothing of what is on a disk, and our own journal may be older than the disk.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime

from ...model.actions import InstallOs, Voucher
from ...model.errors import ForeignDataError, InstallEndedError, PermanentError, TemporaryError
from ...model.machine import Seen
from ...model.ownership import uuid_marks
from ...provisioning import commands, disks, erasing, fence
from ...provisioning.erasing import There, touched
from ...provisioning.installers import uploads
from ..ports import Shell
from ..seam import offload
from .context import (
    Tools,
    install_runs,
    last_seen,
    look_at_disks,
    marker,
    open_verified_shell,
    ordered,
    own_address,
    run_checked,
    runs_installed,
)
from .witness import meet

NOTHING_DONE = "nothing was erased"


async def install_os(tools: Tools, action: InstallOs) -> None:
    """The installer ended well on this machine, for this action."""
    seen = await last_seen(tools, action)
    shell = await open_verified_shell(tools, action.serial, seen.live_address)
    try:
        found = await _look(tools, shell, action)
        if found == "never":
            found = await _erase_and_start(tools, shell, action, seen)
    finally:
        await shell.close()
    if found != "done":
        await _Following(tools, action, seen).until_done()


async def _look(tools: Tools, shell: Shell, action: InstallOs) -> str:
    """How far the install is: ``never`` begun (or failed before, which is to be tried again), ``running``, ``done``.

    Raises:
        PermanentError: It runs an installed system: nothing may take that away but an operator.
        TemporaryError: Another install runs on this machine.
    """
    theirs = await marker(tools, shell)
    if theirs and theirs.id == action.id:
        return "done"  # it has rebooted into the installed system already
    if theirs:
        raise PermanentError(runs_installed(theirs))
    runs, state = await _state(tools, shell)
    if not runs:
        await _note_what_was_written(tools, action, state)
        return "done" if state and _is_ours(state, action) and state.state == "done" else "never"
    if _is_anothers(state, action):
        raise TemporaryError("another install runs on this machine")
    return "running"


def _is_ours(state: commands.InstallState, action: InstallOs) -> bool:
    return (state.id, state.generation) == (action.id, action.generation)


def _is_anothers(state: commands.InstallState | None, action: InstallOs) -> bool:
    """Whether the install that runs is not ours. One that ended says nothing of the one that begins right now."""
    return state is not None and state.state == "running" and not _is_ours(state, action)


async def _state(tools: Tools, shell: Shell) -> tuple[bool, commands.InstallState | None]:
    """Whether the wrapper runs, and what it last wrote. Asked in this order: see ``commands.READ_UNIT``."""
    runs = await install_runs(tools, shell)
    ran = await shell.run(commands.READ_STATE, timeout=tools.options.answer)
    try:
        state = commands.parse_state(ran.stdout) if ran.status == 0 else None
    except ValueError as error:
        raise PermanentError(str(error)) from error
    return runs, state


async def _note_what_was_written(tools: Tools, action: InstallOs, state: commands.InstallState | None) -> None:
    """What the wrapper says that it left on the disks is ours, however the install ended."""
    if state is None or not _is_ours(state, action) or state.state not in ("done", "failed"):
        return
    marks = uuid_marks(uuid for uuids in state.looked.uuids.values() for uuid in uuids)
    if not set(marks) <= set(action.ours):
        await offload(tools.records.wrote, action.serial, marks, tools.time.now())


async def _erase_and_start(tools: Tools, shell: Shell, action: InstallOs, seen: Seen) -> str:
    """``running``, or ``done`` where a disk shows that this install has ended well already.

    Raises:
        NotBegunError: The database is older than what a disk says.
        PermanentError: Nothing was erased, and why.
        TemporaryError: Nothing was erased: Puppet's authority may have a certificate of the node that was there before.
    """
    options = tools.options
    _refuse_a_stranger(action, seen)
    await _refuse_a_taken_address(tools, action)
    async with tools.minting:
        before = await offload(options.files, action)
    who = await ordered(tools)
    there = await _what_is_there(tools, shell, action, who.fleet)
    if any(met.verdict == "ended" for met in there.looked.markers):
        return "done"
    if why := erasing.impossible(action, there.looked):
        raise PermanentError(why)
    if found := erasing.not_allowed(action, there):
        raise ForeignDataError(found)
    try:
        files = uploads(action, options.fleet(), seen.hardware, before, replace(who, seen=there.looked.digest))
    except ValueError as error:
        raise PermanentError(f"cannot install {action.hostname}: {error}") from error
    if options.clean_certificate is not None:
        await options.clean_certificate(action.hostname)
    await shell.put(files)
    names = touched(action)
    erased = tuple(str(disk) for disk in action.identity if disk.name in names)
    await offload(tools.records.erasing, action.serial, erased, tools.time.now(), there.marks(names))
    await _start(tools, shell)
    return "running"


def _refuse_a_stranger(action: InstallOs, seen: Seen) -> None:
    """Return if who answers may be given the node's keys: they are among the files that an installer finds beforehand.

    Raises:
        TemporaryError: Nobody vouches for it, or not any more: it is planned anew.
    """
    at = seen.live_address
    if action.vouched is None:
        raise TemporaryError(f"no install runs at {at}, and nobody vouches for the machine: it gets no keys")
    if action.vouched is Voucher.NONCE and seen.boot is None:
        raise TemporaryError(f"who reports from {at} returned no nonce of its boot: it gets no keys")


async def _refuse_a_taken_address(tools: Tools, action: InstallOs) -> None:
    """Return if nobody else answers at the address that the new system gets: the database may not know who has it.

    Raises:
        PermanentError: Somebody does.
    """
    address = await own_address(tools, action.serial)
    met = await meet(tools, address)
    if met is not None and (met.marker is not None or action.serial not in met.serials):
        raise PermanentError(f"{met}, and {action.hostname} on {action.serial} is to have that address: {NOTHING_DONE}")


async def _what_is_there(tools: Tools, shell: Shell, action: InstallOs, fleet: str) -> There:
    """The disks that are to be erased, with what they hold, in the machine's own words.

    Raises:
        NotBegunError: A newer database than ours ordered what is on them.
        PermanentError: They are not those that were planned for.
        TemporaryError: They cannot be read.
    """
    try:
        listed = await run_checked(shell, commands.LIST_DISKS, tools.options.answer)
        now = disks.parse_lsblk(listed)
        holding = disks.parse_contents(listed, await run_checked(shell, commands.READ_SIGNATURES, tools.options.answer))
    except ValueError as error:
        raise PermanentError(f"cannot install {action.hostname}: {error}") from error
    known = {disk.name for disk in action.identity}
    differences = [f"{name} was not in the plan" for name in touched(action) if name not in known]
    if differences := [*differences, *disks.differences(action.identity, now)]:
        raise PermanentError("its disks changed since the plan, nothing was erased: " + "; ".join(differences))
    if unread := [name for name in touched(action) if name not in holding]:
        raise TemporaryError(f"nothing was erased: what is on {', '.join(unread)} cannot be read")
    looked = await look_at_disks(tools, shell, commands.fence_file(action, fleet))
    return There({disk.device: disk for disk in now}, holding, looked)


async def _start(tools: Tools, shell: Shell) -> None:
    ran = await shell.run(commands.START_INSTALL, timeout=tools.options.answer)
    if ran.status == 0:
        return
    runs, _ = await _state(tools, shell)
    if not runs:
        raise TemporaryError(f"the install did not start: {ran.stderr.strip()[-500:]}")


def _refused(action: InstallOs, looked: fence.Looked) -> PermanentError | TemporaryError:
    """The wrapper met something that was not there when we looked."""
    if why := erasing.impossible(action, looked):
        return PermanentError(why)
    if found := erasing.installed_systems(action, looked):
        return ForeignDataError(found)
    return TemporaryError(f"what is on its disks has changed since it was looked at: {NOTHING_DONE}")


@dataclass(slots=True)
class _Following:
    """Looks at a running install until it ends; reconnects when the machine is out of reach for a moment."""

    tools: Tools
    action: InstallOs
    seen: Seen
    told: str = ""
    lost: datetime = field(init=False)  # from when on its silence is a failure

    async def until_done(self) -> None:
        """Return once the install ended well.

        Raises:
            PermanentError: It ended otherwise, or did not end in time.
            TemporaryError: The machine is out of reach for too long.
        """
        time, options = self.tools.time, self.tools.options
        patience = self.action.timeout or options.install
        deadline, self.lost = time.deadline(patience), time.deadline(options.silence)
        while True:
            try:
                ended = await self._ended_before(deadline)
            except TemporaryError:
                if time.now() >= self.lost:
                    raise
                await time.sleep(options.poll)
                continue
            if not ended:
                raise PermanentError(f"the install still runs after {patience / 60:.0f} minutes")
            return

    async def _ended_before(self, deadline: datetime) -> bool:
        """Whether the install ended well in time, as looked at over one connection."""
        time, options = self.tools.time, self.tools.options
        shell = await open_verified_shell(self.tools, self.action.serial, self.seen.live_address)
        try:
            while not await self._ended(shell):
                if time.now() >= deadline:
                    return False
                self.lost = time.deadline(options.silence)
                await time.sleep(options.poll)
            return True
        finally:
            await shell.close()

    async def _ended(self, shell: Shell) -> bool:
        """Whether the install ended well.

        Raises:
            PermanentError: It ended otherwise.
            TemporaryError: The machine is out of reach.
        """
        runs, state = await _state(self.tools, shell)
        if runs and not _is_anothers(state, self.action):
            await self._tell(shell)
            return False
        if state is None or not _is_ours(state, self.action):
            raise PermanentError("the install vanished: the machine rebooted, or another install took its place")
        await _note_what_was_written(self.tools, self.action, state)
        if state.state == "done":
            return True
        if state.state == "refused":
            raise _refused(self.action, state.looked)
        last = await shell.run(commands.READ_PROGRESS, timeout=self.tools.options.answer)
        how = f"ended with {state.exit}" if state.state == "failed" else "was killed"
        said = last.stdout.strip()[-500:] or "nothing"
        raise InstallEndedError(f"the installer {how}; the last line of {commands.LOG_FILE} says: {said}")

    async def _tell(self, shell: Shell) -> None:
        ran = await shell.run(commands.READ_PROGRESS, timeout=self.tools.options.answer)
        line = ran.stdout.strip()[-200:]
        if ran.status == 0 and line and line != self.told:
            self.told = line
            self.tools.progress(self.action.serial, line)
