"""``Discover``, ``BootLive``, ``BootDisk``, ``PowerOn``: through the BMC.

A machine on which an install was ever begun may serve, whatever anybody says. So its own address is asked before it is
rebooted; where nobody answers, and nobody saw how the install ended, its BMC has to say that it is off. So it has where
all that was heard of the machine is a hint: somebody may have reported a machine that serves elsewhere.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ...model.actions import Action, BootDisk, BootLive, Discover, PowerOn
from ...model.errors import PermanentError, TemporaryError
from ...model.machine import Power, Seen
from ..ensure import boot, ensure_power
from ..identity import verify_owner
from ..ports import Bmc, BootDevice
from ..seam import offload
from .context import Tools, last_seen, open_bmc
from .witness import idles_in_live, keeps_running, runs_from_disk


async def discover(tools: Tools, action: Discover) -> None:
    """The machine, never seen before, was booted from the network. Its report will say what it is.

    Nobody knows its firmware either. UEFI is asked for: one that can only do otherwise boots as it can.
    """
    async with _session(tools, action) as bmc:
        if (power := await bmc.power()) is not Power.OFF:
            raise TemporaryError(
                f"it is {power}, and never reported: whatever it runs is not ours to end. "
                "Boot it from the network, or turn it off"
            )
        await _announce(tools, action)
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
    why = _unless_off(action, seen)
    if why is not None and await idles_in_live(tools, action.serial, seen.live_address):
        why = None
    await _boot(tools, action, BootDevice.NETWORK, seen, unless_off=why)


def _unless_off(action: BootLive, seen: Seen) -> str | None:
    """Why the machine is not rebooted where it is on and answers nowhere; None: whatever it runs may go."""
    if action.unseen:
        return (
            f"it is on, nobody answers at its own address nor at {seen.live_address}, and nobody saw how its install "
            "ended: it may serve, and was not rebooted. Look at its console; then retry, and it is network-booted"
        )
    if action.hinted:
        return (
            f"it is on, nobody answers at {seen.live_address}, and the report from there returned no nonce: anybody "
            "may have sent it, and it was not rebooted. Look at its console; then retry, and it is network-booted"
        )
    return None


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
        if await bmc.power() in (Power.OFF, Power.STOPPING):
            await _announce(tools, action)
        await ensure_power(bmc, Power.ON, tools.time)


async def _boot(tools: Tools, action: Action, device: BootDevice, seen: Seen, *, unless_off: str | None = None) -> None:
    """The machine was started from the device; ``unless_off``: why not, where it is on."""
    async with _session(tools, action) as bmc:
        if unless_off is not None and await bmc.power() is not Power.OFF:
            raise PermanentError(unless_off)
        await _announce(tools, action)
        await boot(bmc, device, tools.time, uefi=seen.hardware.uefi)


async def _announce(tools: Tools, action: Action) -> None:
    """Another boot begins: its host key may be new, and nobody speaks for it with the nonce of the one before."""
    await tools.shells.expect_new_boot(action.serial)
    await offload(tools.records.booting, action.serial, tools.time.now())


@asynccontextmanager
async def _session(tools: Tools, action: Action) -> AsyncIterator[Bmc]:
    access, bmc = await open_bmc(tools, action.serial)
    try:
        await verify_owner(bmc, access, action.serial, tools.directory)
        yield bmc
    finally:
        await bmc.close()
