"""One handler per action: looks, acts if needed, looks again."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Any

from ...model.actions import (
    Action,
    BeginPuppet,
    BootDisk,
    BootLive,
    BuildRings,
    ChangeBmc,
    ConfigureBmc,
    ConfigureRaid,
    Discover,
    Enroll,
    InstallOs,
    MintSecrets,
    PlaceRings,
    PowerOn,
    Release,
    RenewCertificates,
    RollOut,
    RunHook,
    RunPuppet,
    TellCluster,
    VerifyBmc,
    VerifyInstall,
    VerifyLive,
)
from ..ports import Bmc, BmcAccess, Handlers
from .bmc import change_bmc, configure_bmc
from .boot import boot_disk, boot_live, discover, power_on
from .context import Options, Tools
from .install import install_os
from .notify import run_hook, tell_cluster
from .puppet import roll_out, run_puppet
from .raid import configure_raid
from .records import enroll, mint, release, renew
from .rings import build, place
from .services import begin_puppet
from .witness import verify_bmc, verify_install, verify_live

TABLE: dict[type[Action], Callable[[Tools, Any], Awaitable[None]]] = {
    Enroll: enroll,
    MintSecrets: mint,
    RenewCertificates: renew,
    Discover: discover,
    BootLive: boot_live,
    ConfigureBmc: configure_bmc,
    ChangeBmc: change_bmc,
    ConfigureRaid: configure_raid,
    InstallOs: install_os,
    BootDisk: boot_disk,
    VerifyInstall: verify_install,
    VerifyLive: verify_live,
    VerifyBmc: verify_bmc,
    RunPuppet: run_puppet,
    RollOut: roll_out,
    RunHook: run_hook,
    TellCluster: tell_cluster,
    PowerOn: power_on,
    Release: release,
    BeginPuppet: begin_puppet,
    BuildRings: build,
    PlaceRings: place,
}


def handlers(tools: Tools) -> Handlers:
    """The handler of every action, as the executor calls it."""
    without = replace(tools, bmcs=_NoBmcs())
    return {action: partial(do, tools if action.uses_bmc else without) for action, do in TABLE.items()}


class _NoBmcs:
    """For actions that do not say that they use one: the executor counts their sessions not."""

    async def open(self, access: BmcAccess) -> Bmc:
        raise NotImplementedError(f"the action opens the BMC at {access.address}, and does not say uses_bmc = True")

    def ask_again(self, address: str, *, same_certificate: bool = False) -> None:
        raise NotImplementedError(f"the action sets up the BMC at {address}, and does not say uses_bmc = True")


__all__ = ["TABLE", "Options", "Tools", "handlers"]
