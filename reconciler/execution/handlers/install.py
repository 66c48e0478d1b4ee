"""``InstallOs``: Debian on the disk, over SSH from the live system, exactly once.

The installer runs detached, so we may die or be cut off at any line here; whoever comes next looks first and finds it
running, ended, or never begun. Right before anything is erased the machine says its own serial, its own disks and what
they hold through the very connection that will be used: the stock agent says nothing of what is on a disk.
"""

import asyncio
from dataclasses import dataclass

from ...model.actions import InstallOs
from ...model.errors import ForeignDataError, InstallEndedError, PermanentError, TemporaryError
from ...model.machine import Seen
from ...provisioning import disks, remote
from ...provisioning.installers import uploads
from ..ports import Shell
from .tools import RUNS, Tools, ask, marker, right_machine, where


async def install_os(tools: Tools, action: InstallOs) -> None:
    """The installer ended well on this machine, for this action."""
    seen = await where(tools, action)
    shell = await right_machine(tools, action.serial, seen.address)
    try:
        found = await _look(tools, shell, action)
        if found == "never":
            await _erase_and_start(tools, shell, action, seen)
    finally:
        await shell.close()
    if found != "done":
        await _Following(tools, action, seen).until_done()


async def _look(tools: Tools, shell: Shell, action: InstallOs) -> str:
    """How the install stands: ``never`` begun (or failed before, which is to be tried again), ``running``, ``done``.

    Raises:
        TemporaryError: Another install runs on this machine, or it does not run the live system.
    """
    theirs = await marker(shell, tools.options.answer)
    if theirs and theirs.id == action.id:
        return "done"  # it has rebooted into the installed system already
    if theirs:
        raise TemporaryError(f"an installed system ({theirs.hostname}) runs here, not the live one: nothing was erased")
    runs, state = await _state(tools, shell)
    if not runs:
        return "done" if state and _is_ours(state, action) and state.state == "done" else "never"
    if _is_anothers(state, action):
        raise TemporaryError("another install runs on this machine")
    return "running"


def _is_ours(state: remote.InstallState, action: InstallOs) -> bool:
    return (state.id, state.generation) == (action.id, action.generation)


def _is_anothers(state: remote.InstallState | None, action: InstallOs) -> bool:
    """Whether the install that runs is not ours. One that ended says nothing of the one that begins right now."""
    return state is not None and state.state == "running" and not _is_ours(state, action)


async def _state(tools: Tools, shell: Shell) -> tuple[bool, remote.InstallState | None]:
    """Whether the wrapper runs, and what it last wrote. Asked in this order: see ``remote.READ_UNIT``."""
    unit = await shell.run(remote.READ_UNIT, timeout=tools.options.answer)
    ran = await shell.run(remote.READ_STATE, timeout=tools.options.answer)
    try:
        state = remote.parse_state(ran.stdout) if ran.status == 0 else None
    except ValueError as error:
        raise PermanentError(str(error)) from error
    return unit.stdout.strip() in RUNS, state


async def _erase_and_start(tools: Tools, shell: Shell, action: InstallOs, seen: Seen) -> None:
    options = tools.options
    async with tools.minting:
        before = await asyncio.to_thread(options.files, action)
    try:
        files = uploads(action, options.fleet(), seen.hardware, before)
        listed = await ask(shell, remote.LIST_DISKS, options.answer)
        now = disks.parse_lsblk(listed)
        holding = disks.parse_contents(listed, await ask(shell, remote.READ_SIGNATURES, options.answer))
    except ValueError as error:
        raise PermanentError(f"cannot install {action.hostname}: {error}") from error
    touched = sorted({*action.system_disks, *action.data_disks})
    identity = {text.partition(" ")[0]: text for text in action.identity}
    differences = [f"{name} was not in the plan" for name in touched if name not in identity]
    if differences := [*differences, *disks.differences(action.identity, now)]:
        raise PermanentError("its disks changed since the plan, nothing was erased: " + "; ".join(differences))
    if unread := [name for name in touched if name not in holding]:
        raise TemporaryError(f"nothing was erased: what is on {', '.join(unread)} cannot be read")
    found = tuple((identity[name], holding[name]) for name in touched if not _may_go(action, name, holding[name]))
    if found:
        raise ForeignDataError(found)
    await shell.put(files)
    erased = tuple(identity[name] for name in touched)
    await asyncio.to_thread(tools.records.erasing, action.serial, erased, tools.time.now())
    await _start(tools, shell)


def _may_go(action: InstallOs, name: str, holds: str) -> bool:
    """Whether the plan allows that what is on this disk is erased."""
    return not holds or (name, None) in action.may_hold or (name, holds) in action.may_hold


async def _start(tools: Tools, shell: Shell) -> None:
    ran = await shell.run(remote.START_INSTALL, timeout=tools.options.answer)
    if ran.status == 0:
        return
    runs, _ = await _state(tools, shell)
    if not runs:
        raise TemporaryError(f"the install did not start: {ran.stderr.strip()[-500:]}")


class _InstallFailedError(PermanentError):
    """The install itself ended badly, as opposed to our connection to it. Who erases twice should be told to."""


@dataclass(slots=True)
class _Following:
    """Looks at a running install until it ends; reconnects when the machine is out of reach for a moment."""

    tools: Tools
    action: InstallOs
    seen: Seen
    told: str = ""

    async def until_done(self) -> None:
        time, options = self.tools.time, self.tools.options
        patience = self.action.timeout or options.install
        deadline, lost = time.deadline(patience), time.deadline(options.silence)
        while True:
            try:
                shell = await right_machine(self.tools, self.action.serial, self.seen.address)
                try:
                    while not await self._ended(shell):
                        if time.now() >= deadline:
                            raise _InstallFailedError(f"the install still runs after {patience / 60:.0f} minutes")
                        lost = time.deadline(options.silence)
                        await time.sleep(options.poll)
                finally:
                    await shell.close()
            except TemporaryError:
                if time.now() >= lost:
                    raise
                await time.sleep(options.poll)
            else:
                return

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
            raise _InstallFailedError("the install vanished: the machine rebooted, or another install took its place")
        if state.state == "done":
            return True
        last = await shell.run(remote.READ_PROGRESS, timeout=self.tools.options.answer)
        how = f"ended with {state.exit}" if state.state == "failed" else "was killed"
        said = last.stdout.strip()[-500:] or "nothing"
        raise InstallEndedError(f"the installer {how}; the last line of {remote.LOG_FILE} says: {said}")

    async def _tell(self, shell: Shell) -> None:
        ran = await shell.run(remote.READ_PROGRESS, timeout=self.tools.options.answer)
        line = ran.stdout.strip()[-200:]
        if ran.status == 0 and line and line != self.told:
            self.told = line
            self.tools.progress(self.action.serial, line)
