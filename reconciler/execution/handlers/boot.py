"""``Discover``, ``BootLive``, ``BootDisk``, ``PowerOn``: through the BMC.

A machine on which an install was ever begun may serve, whatever anybody says. So its own address is asked before it is
rebooted; where nobody answers, and nobody saw how the install ended, its BMC has to say that it is off.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ...model.actions import Action, BootDisk, BootLive, Discover, PowerOn
from ...model.errors import PermanentError, TemporaryError
from ...model.machine import Power, Seen
from ..ensure import boot, ensure_power
from ..identity import verify_owner
from ..ports import Bmc, BootDevice
from .context import Tools, last_seen, open_bmc
from .witness import idles_in_live, keeps_running, runs_from_disk


async def discover(tools: Tools, action: Discover) -> None:
    """The machine, never seen before, was booted from the network. Its report will say what it is.

    Nobody knows its firmware either. UEFI is asked for: one that can only do otherwise boots as it can.
    """
    async with _session(tools, action) as bmc:
        if await bmc.power() is Power.ON:
            raise TemporaryError(
                "it is on, and never reported: whatever it runs is not ours to end. "
                "Boot it from the network, or turn it off"
            )
        await tools.shells.expect_new_boot(action.serial)
        await boot(bmc, BootDevice.NETWORK, tools.time, uefi=True)


async def boot_live(tools: Tools, action: BootLive) -> None:
    """The machine was started from the network, or its installed system was seen to run and recorded.

    That the live system came up, its next report will tell.

    Raises:
        PermanentError: It may serve: another system answers at its address, or nobody does and it is on.
    """
    seen = await last_seen(tools, action)
    if await keeps_running(tools, action):
        return
    may_serve = action.unseen and not await idles_in_live(tools, action.serial, seen.address)
    await _boot(tools, action, BootDevice.NETWORK, seen, only_if_off=may_serve)


async def boot_disk(tools: Tools, action: BootDisk) -> None:
    """The machine was started from its disk, or runs from it already.

    That the installed system came up, its next word will tell.
    """
    seen = await last_seen(tools, action)
    if not await runs_from_disk(tools, action):
        await _boot(tools, action, BootDevice.DISK, seen)


async def power_on(tools: Tools, action: PowerOn) -> None:
    """The machine is on."""
    await last_seen(tools, action)
    async with _session(tools, action) as bmc:
        if await bmc.power() is Power.OFF:
            await tools.shells.expect_new_boot(action.serial)
            await ensure_power(bmc, Power.ON, tools.time)


async def _boot(tools: Tools, action: Action, device: BootDevice, seen: Seen, *, only_if_off: bool = False) -> None:
    async with _session(tools, action) as bmc:
        if only_if_off and await bmc.power() is Power.ON:
            raise PermanentError(
                f"it is on, nobody answers at its own address nor at {seen.address}, and nobody saw how its install "
                "ended: it may serve, and was not rebooted. Look at its console; then retry, and it is network-booted"
            )
        await tools.shells.expect_new_boot(action.serial)
        await boot(bmc, device, tools.time, uefi=seen.hardware.uefi)


@asynccontextmanager
async def _session(tools: Tools, action: Action) -> AsyncIterator[Bmc]:
    access, bmc = await open_bmc(tools, action.serial)
    try:
        await verify_owner(bmc, access, action.serial, tools.directory)
        yield bmc
    finally:
        await bmc.close()
