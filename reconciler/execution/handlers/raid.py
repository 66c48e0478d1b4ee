"""``ConfigureRaid``: volumes on a RAID controller, over SSH from the live system.

The controller is read first, and read again in the end: only that tells what is there. What the profile asks for and
the controller has already is left alone. A daemon that dies in between finds some of it done, and does the rest.
"""

from ...model.actions import ConfigureRaid
from ...model.disk_id import ControllerId, Finding, in_order
from ...model.errors import ForeignDataError, PermanentError, TemporaryError
from ...provisioning import commands, disks, erasing, raid
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
    run_checked,
    runs_installed,
)


async def configure_raid(tools: Tools, action: ConfigureRaid) -> None:
    """Every volume that the action names is there, of just the disks that it names."""
    seen = await last_seen(tools, action)
    shell = await open_verified_shell(tools, action.serial, seen.live_address)
    try:
        await _refuse_unless_idle(tools, shell)
        await _Controllers(tools, shell, await _dialect(tools, shell), action).configure()
    finally:
        await shell.close()


async def _refuse_unless_idle(tools: Tools, shell: Shell) -> None:
    if theirs := await marker(tools, shell):
        raise PermanentError(runs_installed(theirs))
    if await install_runs(tools, shell):
        raise TemporaryError("an install runs on this machine: nothing was erased")


async def _dialect(tools: Tools, shell: Shell) -> raid.Dialect:
    ran = await shell.run(raid.FIND_TOOL, timeout=tools.options.raid)
    if ran.status == raid.NONE_LISTS:
        raise TemporaryError("no tool of the live system lists a disk behind a RAID controller: nothing was erased")
    if ran.status != 0:
        raise PermanentError("the live system has neither storcli, perccli nor megacli: add one to its image")
    try:
        return raid.dialect_of(ran.stdout.strip())
    except ValueError as error:
        raise PermanentError(str(error)) from error


class _Controllers:
    """The machine's RAID controllers, as one tool shows them."""

    def __init__(self, tools: Tools, shell: Shell, dialect: raid.Dialect, action: ConfigureRaid) -> None:
        self._tools, self._shell, self._dialect, self._action = tools, shell, dialect, action

    async def configure(self) -> None:
        """Do what is missing.

        Raises:
            ForeignDataError: Something is in the way that nobody allowed to delete.
            PermanentError: The disks are not those that were planned for, or the controller refuses.
        """
        before = await self._read()
        todo = self._decided(before)
        if not todo:
            return
        action = self._action
        await self._refuse_what_must_stay()
        commands = [(step, self._command(step)) for step in todo]
        erased = tuple(disk.identity for disk in action.layout.disks)
        await offload(self._tools.records.erasing, action.serial, erased, self._tools.time.now())
        for _, command in commands:
            await self._do(command)
        after = await self._read()
        if left := raid.steps(action.layout, after):
            raise PermanentError(f"the controller accepted every command, and this is still to do: {left}")
        for step in raid.made_volumes(todo, after):
            await self._do(self._command(step))

    async def _refuse_what_must_stay(self) -> None:
        """No volume is deleted while one is in use, and one with a system of ours only where that may be erased.

        Raises:
            PermanentError: A file system on the disks is in use.
            ForeignDataError: There is one that nobody allowed to erase.
        """
        action = self._action
        listed = await run_checked(self._shell, commands.LIST_DISKS, self._tools.options.answer)
        fleet = (await ordered(self._tools)).fleet
        script = commands.fence_of(disks.real(listed), action.may_erase, fleet)
        looked = await look_at_disks(self._tools, self._shell, script)
        if why := erasing.in_use(looked):
            raise PermanentError(why)
        systems = {erasing.installed_system(met) for met in looked.markers if met.verdict == "refused"}
        if systems:
            controller = ControllerId(min(disk.controller for disk in action.layout.disks))
            raise ForeignDataError(in_order(Finding(controller, system) for system in systems))

    def _decided(self, state: raid.RaidState) -> tuple[raid.RaidStep, ...]:
        action = self._action
        if changed := raid.changed(action.layout, state):
            raise PermanentError("its disks changed since the plan, nothing was erased: " + "; ".join(changed))
        todo = raid.steps(action.layout, state)
        found = raid.in_the_way(todo, state, frozenset(action.ours))
        if not action.whatever and (found := tuple(each for each in found if each not in action.may_hold)):
            raise ForeignDataError(found)
        return todo

    def _command(self, step: raid.RaidStep) -> str:
        try:
            return self._dialect.command(step)
        except ValueError as error:
            raise PermanentError(f"nothing was erased: {error}") from error

    async def _read(self) -> raid.RaidState:
        answers = [
            (await self._shell.run(question, timeout=self._tools.options.raid)).stdout
            for question in self._dialect.questions
        ]
        try:
            return self._dialect.understand(answers)
        except ValueError as error:
            raise TemporaryError(str(error)) from error

    async def _do(self, command: str) -> None:
        ran = await self._shell.run(command, timeout=self._tools.options.raid)
        self._tools.progress(self._action.serial, command)
        if why := self._dialect.done(ran.stdout):
            raise PermanentError(f'"{command}" failed: {why}')
