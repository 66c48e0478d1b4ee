"""Bookkeeping: places, secrets, certificates. No machine is touched, and each is idempotent."""

from datetime import datetime

from ...model.actions import Enroll, MintSecrets, Release, RenewCertificates
from ...model.machine import SecretRef
from ..seam import offload
from .context import Tools


async def enroll(tools: Tools, action: Enroll) -> None:
    """The machine has the cluster, role, hostname and addresses that were planned for it."""
    await offload(tools.records.allocate, action, tools.time.now())


async def mint(tools: Tools, action: MintSecrets) -> None:
    """Every secret named exists; those that did before are as they were."""
    refs = tuple(SecretRef(*parts) for parts in action.secrets)
    async with tools.minting:
        await offload(tools.records.mint, refs, tools.time.now())


async def renew(tools: Tools, action: RenewCertificates) -> None:
    """None of the certificates named ends when it did; those that were replaced since the plan are as they were."""
    for owner, service, kind, ends in action.certificates:
        ref = SecretRef(owner, service, kind, "certificate")
        await offload(tools.records.renew, ref, datetime.fromisoformat(ends))


async def release(tools: Tools, action: Release) -> None:
    """The machine has no hostname and no addresses of ours any more; its disks are as they were."""
    await offload(tools.records.release, action.serial, tools.time.now())
