"""``Discover``, ``BootLive``, ``BootDisk``, ``PowerOn``: through the BMC."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ...model.actions import Action, BootDisk, BootLive, Discover, PowerOn
from ...model.errors import TemporaryError
from ...model.machine import Power
from ..ensure import boot, ensure_power
from ..identity import own
from ..ports import Bmc, BootDevice
from .tools import Tools, let_in, where


async def discover(tools: Tools, action: Discover) -> None:
    """The machine was started from the network, in which nobody had seen it. What it is, its report will tell.

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
    """The machine was started from the network. That the live system came up, its next report will tell."""
    await _boot(tools, action, BootDevice.NETWORK)


async def boot_disk(tools: Tools, action: BootDisk) -> None:
    """The machine was started from its disk. That the installed system came up, its next word will tell."""
    await _boot(tools, action, BootDevice.DISK)


async def power_on(tools: Tools, action: PowerOn) -> None:
    """The machine is on."""
    await where(tools, action)
    async with _session(tools, action) as bmc:
        if await bmc.power() is Power.OFF:
            await tools.shells.expect_new_boot(action.serial)
            await ensure_power(bmc, Power.ON, tools.time)


async def _boot(tools: Tools, action: Action, device: BootDevice) -> None:
    seen = await where(tools, action)
    async with _session(tools, action) as bmc:
        await tools.shells.expect_new_boot(action.serial)
        await boot(bmc, device, tools.time, uefi=seen.hardware.uefi)


@asynccontextmanager
async def _session(tools: Tools, action: Action) -> AsyncIterator[Bmc]:
    access, bmc = await let_in(tools, action.serial)
    try:
        await own(bmc, access, action.serial, tools.directory)
        yield bmc
    finally:
        await bmc.close()
