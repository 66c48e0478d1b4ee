"""``Enroll``, ``MintSecrets``, ``Release``: bookkeeping. No machine is touched, and twice is once."""

import asyncio

from ...model.actions import Enroll, MintSecrets, Release
from ...model.machine import SecretRef
from .tools import Tools


async def enroll(tools: Tools, action: Enroll) -> None:
    """The machine has the cluster, role, hostname and addresses that were planned for it."""
    await asyncio.to_thread(tools.records.allocate, action, tools.time.now())


async def mint(tools: Tools, action: MintSecrets) -> None:
    """Every secret named exists; those that did before are as they were."""
    refs = tuple(SecretRef(*parts) for parts in action.secrets)
    async with tools.minting:
        await asyncio.to_thread(tools.records.mint, refs, tools.time.now())


async def release(tools: Tools, action: Release) -> None:
    """The machine has no hostname and no addresses of ours any more; its disks are as they were."""
    await asyncio.to_thread(tools.records.release, action.serial, tools.time.now())
