"""``RunPuppet``: the node's own first boot runs Puppet; this looks how that went, and helps where it did not."""

from ...model.actions import RunPuppet
from ...model.errors import PermanentError, TemporaryError
from ...provisioning import remote
from ..ports import Shell
from .tools import Tools, marker, where


async def run_puppet(tools: Tools, action: RunPuppet) -> None:
    """Puppet's last run on this node was good."""
    seen = await where(tools, action)
    shell = await tools.shells.open(action.serial, seen.address)
    try:
        await _check_node(tools, shell, action)
        if await _last_run_was_good(tools, shell):
            return
        tools.progress(action.serial, "running Puppet")
        ran = await shell.run(remote.RUN_PUPPET, timeout=tools.options.puppet)
        if ran.status not in remote.PUPPET_GOOD:
            said = ran.stderr.strip() or ran.stdout.strip()
            raise TemporaryError(f"the Puppet run ended with {ran.status}: {said[-500:] or 'it said nothing'}")
        if not await _last_run_was_good(tools, shell):
            raise TemporaryError("the Puppet run ended well, but its summary does not say so")
    finally:
        await shell.close()


async def _check_node(tools: Tools, shell: Shell, action: RunPuppet) -> None:
    found = await marker(shell, tools.options.answer)
    if found is None:
        raise TemporaryError(f"{action.hostname} does not run a system that we installed")
    if (found.serial, found.hostname) != (action.serial, action.hostname):
        raise PermanentError(
            f"the system that answers was installed as {found.hostname} on {found.serial}, "
            f"not as {action.hostname} on {action.serial}"
        )


async def _last_run_was_good(tools: Tools, shell: Shell) -> bool:
    ran = await shell.run(remote.READ_LAST_RUN, timeout=tools.options.answer)
    if ran.status != 0:
        return False  # Puppet never ran here
    try:
        return remote.parse_last_run(ran.stdout).good
    except ValueError:
        return False  # it writes the file while it runs
