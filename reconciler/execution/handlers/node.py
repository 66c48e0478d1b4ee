"""The way to a node: a shell on the system that we installed there, and on no other."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ...model.errors import PermanentError, TemporaryError
from ...model.machine import MachineView
from ..ports import Shell
from .context import Tools, marker, own_address


async def open_node(tools: Tools, serial: str, hostname: str) -> Shell:
    """A shell on the system that we installed on that machine under that name, at the address that it was given.

    Raises:
        TemporaryError: Nobody answers there, or the system is none of ours: the live one.
        PermanentError: It is another node's.
    """
    shell = await tools.shells.open(serial, await own_address(tools, serial))
    try:
        await _check_node(tools, shell, serial, hostname)
    except BaseException:
        await shell.close()
        raise
    return shell


@asynccontextmanager
async def node_shell(tools: Tools, m: MachineView) -> AsyncIterator[Shell]:
    """A shell on whatever system answers at the address that the machine was given, which has one; closed afterwards.

    Raises:
        TemporaryError: Nobody answers there.
        PermanentError: Another's host key does, or our own key is refused.
    """
    assert m.allocation is not None and m.allocation.address is not None
    shell = await tools.shells.open(m.serial, m.allocation.address)
    try:
        yield shell
    finally:
        await shell.close()


async def _check_node(tools: Tools, shell: Shell, serial: str, hostname: str) -> None:
    """The system that answers is the one that we installed on that machine under that name.

    Raises:
        TemporaryError: It is none of ours: the live system, for one.
        PermanentError: It is another node's.
    """
    found = await marker(tools, shell)
    if found is None:
        raise TemporaryError(f"{hostname} does not run a system that we installed")
    if (found.serial, found.hostname) != (serial, hostname):
        raise PermanentError(
            f"the system that answers was installed as {found.hostname} on {found.serial}, "
            f"not as {hostname} on {serial}"
        )
