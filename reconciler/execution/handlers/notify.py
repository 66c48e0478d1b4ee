"""``RunHook`` and ``TellCluster``: what others are told of a machine."""

from ...model.actions import RunHook, TellCluster
from ...model.errors import TemporaryError
from ...model.files import private
from ...model.machine import SecretRef
from ...provisioning import commands
from ..seam import offload
from .context import Tools, last_seen
from .node import open_node


async def run_hook(tools: Tools, action: RunHook) -> None:
    """The operator's command was told of the machine, and ended well. Told twice, it is told the same.

    Raises:
        TemporaryError: It failed, or the daemon's configuration defines no such hook.
    """
    name: str | None = getattr(tools.options.fleet().hooks, action.hook)
    if name is None:
        return  # it was taken out of the specs meanwhile
    if (hook := tools.options.hooks.get(name)) is None:
        raise TemporaryError(
            f"hook {action.hook}: the daemon's configuration defines no hook {name}. Put "
            f"hooks: {{{name}: {{command: [/path/to/program]}}}} into it and restart the daemon, or name another"
        )
    seen = await offload(tools.directory.seen, action.serial)
    words: dict[str, object] = {
        "hook": action.hook,
        "event": action.event,
        "serial": action.serial,
        "hostname": action.hostname,
        "cluster": action.cluster,
        "role": action.role,
        "location": action.location,
        "addresses": dict(action.addresses),
        "product": seen.hardware.product if seen else None,
        "bmc_address": seen.hardware.bmc_address if seen else None,
    }
    hidden: tuple[str, ...] = ()
    if action.event != "released" and action.hook in _PASSWORDS:
        username, password = await _PASSWORDS[action.hook](tools, action)
        words |= {"username": username, "password": password}
        hidden = (password,)
    try:
        await tools.tell_child(hook.command, words, hook.timeout)
    except TemporaryError as error:
        text = str(error)
        for secret in hidden:
            text = text.replace(secret, "(the password)")
        raise TemporaryError(f"hook {action.hook}: {text}") from None


async def _root_password(tools: Tools, action: RunHook) -> tuple[str, str]:
    """Root's password on the node: made where there is none, and set."""
    ref = SecretRef(action.hostname, "root", "password", "hex")
    await offload(tools.records.mint, (ref,), tools.time.now())
    password = await offload(tools.records.secret, ref)
    await last_seen(tools, action)
    shell = await open_node(tools, action.serial, action.hostname)
    try:
        await shell.put({commands.ROOT_LOGIN_FILE: private(f"root:{password}\n")})
        ran = await shell.run(commands.SET_ROOT_PASSWORD, timeout=tools.options.answer)
    finally:
        await shell.close()
    if ran.status != 0:
        raise TemporaryError(f"root's password cannot be set: {ran.stderr.strip()[-500:] or 'chpasswd said nothing'}")
    return "root", password


async def _bmc_password(tools: Tools, action: RunHook) -> tuple[str, str]:
    access = await offload(tools.directory.bmc, action.serial)
    return access.username, access.password


_PASSWORDS = {"root_password": _root_password, "bmc_password": _bmc_password}
"""Hooks that are told a password, and where that comes from."""


async def tell_cluster(tools: Tools, action: TellCluster) -> None:
    """The command ended well on the controller."""
    shell = await open_node(tools, action.controller, action.controller_hostname)
    try:
        tools.progress(action.serial, f"on {action.controller_hostname}: {action.command}")
        ran = await shell.run(commands.on_controller(action.command), timeout=tools.options.on_controller)
    finally:
        await shell.close()
    if ran.status != 0:
        said = ran.stderr.strip()[-500:] or ran.stdout.strip()[-500:] or "nothing"
        raise TemporaryError(
            f'"{action.command}" ended with {ran.status} on {action.controller_hostname}, saying {said}'
        )
