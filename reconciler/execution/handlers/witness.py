"""``VerifyInstall``, ``VerifyLive``, ``VerifyBmc``, and what is asked before a boot: what does this machine run?

Anybody may say anything over HTTP. So the machine is asked over SSH where its installed system belongs, at the address
that it was given, and then where somebody reported from. Nothing is changed on it, and no host key is remembered. An
installed system proves itself by its marker: it names serial, hostname and the install that made it.

================================  ============================================================================
at its own address answers        then
================================  ============================================================================
a system with its marker          it runs its installed system; whoever reported otherwise was not it
a system with another's marker    nothing is proved, and nobody boots it
a system with its serial, no      where nobody reports from elsewhere: the live system, at an address that DHCP
marker                            gives it too; else an installed system without a marker of ours
nobody                            where it reports from: its serial and no marker mean the live system
================================  ============================================================================

A live system whose agent returns no nonce has nothing that a liar has not. Its BMC has: it knows the password that we
have for it, and stands in a network of its own. So that is asked whose it is, and whether its machine is on.
"""

from dataclasses import dataclass
from typing import Literal

from ...model.actions import BootDisk, BootLive, VerifyBmc, VerifyInstall, VerifyLive
from ...model.errors import PermanentError, TemporaryError
from ...model.history import BmcWord, Proof
from ...model.machine import Power
from ...provisioning import commands
from ..identity import verify_owner
from ..seam import offload
from .context import Tools, install_runs, last_seen, marker, open_bmc, open_verified_shell, own_address


@dataclass(frozen=True, slots=True)
class Met:
    """Who answers at an address."""

    address: str
    serials: frozenset[str]
    marker: commands.Marker | None

    def runs(self, serial: str, hostname: str | None, install: str | None = None) -> bool:
        """Whether it is the installed system of this machine; where an install is named, made by that to its end."""
        if self.marker is None or (self.marker.serial, self.marker.hostname) != (serial, hostname):
            return False
        return install is None or (self.marker.id == install and self.marker.finished)

    def __str__(self) -> str:
        if self.marker is None:
            return f"at {self.address} answers {' or '.join(sorted(self.serials)) or 'a machine without a serial'}"
        return (
            f"the system at {self.address} was installed as {self.marker.hostname} on {self.marker.serial}, "
            f"by install {self.marker.id}{'' if self.marker.finished else ', which did not finish'}"
        )


async def meet(tools: Tools, address: str) -> Met | None:
    """Ask who is there; None: nobody answers.

    Raises:
        PermanentError: Somebody is there who does not let us in.
        TemporaryError: It answered, and then was lost.
    """
    try:
        shell = await tools.shells.meet(address)
    except TemporaryError:
        return None
    try:
        said = await shell.run(commands.READ_SERIAL, timeout=tools.options.answer)
        return Met(address, commands.serials_in(said.stdout), await marker(tools, shell))
    finally:
        await shell.close()


async def prove(tools: Tools, serial: str, runs: Literal["installed", "live"], met: Met) -> None:
    """Record which of its systems answered."""
    proof = Proof(tools.time.now(), runs, met.address, met.marker.id if met.marker else None)
    await offload(tools.records.proved, serial, proof)


async def verify_install(tools: Tools, action: VerifyInstall) -> None:
    """The system of just this install answers at the machine's own address."""
    await last_seen(tools, action)
    address = await own_address(tools, action.serial)
    met = await meet(tools, address)
    if met is None:
        raise TemporaryError(f"nobody answers at {address}, its own address")
    if not met.runs(action.serial, action.hostname, action.install):
        raise TemporaryError(f"{met}: that does not prove install {action.install} of {action.hostname}")
    await prove(tools, action.serial, "installed", met)


async def verify_live(tools: Tools, action: VerifyLive) -> None:
    """What the machine runs was seen, and recorded: its installed system, or the live one.

    Raises:
        TemporaryError: Neither could be seen.
        PermanentError: Somebody at one of the addresses does not let us in.
    """
    reports_from = (await last_seen(tools, action)).live_address
    address = await own_address(tools, action.serial)
    met = await meet(tools, address)
    if met is not None and (met.marker is not None or action.serial in met.serials):
        same = met.marker is None and reports_from == address
        await _prove_or_refuse(tools, action, met, live=same)
        return
    met = await meet(tools, reports_from) if reports_from != address else None
    if met is None:
        raise TemporaryError(f"nobody answers as {action.serial} at {address}, its own address, nor at {reports_from}")
    await _prove_or_refuse(tools, action, met, live=met.marker is None)


async def _prove_or_refuse(tools: Tools, action: VerifyLive, met: Met, *, live: bool) -> None:
    right = action.serial in met.serials if met.marker is None else met.runs(action.serial, action.hostname)
    if not right:
        raise TemporaryError(f"{met}: that is not {action.hostname} on {action.serial}")
    await prove(tools, action.serial, "live" if live else "installed", met)


async def verify_bmc(tools: Tools, action: VerifyBmc) -> None:
    """The machine's own BMC said that it is its own, and that the machine is on.

    Raises:
        TemporaryError: It does not say that the machine is on, so that somebody else reports; or it does not answer.
        PermanentError: It does not let us in, or it is another machine's.
    """
    await last_seen(tools, action)
    access, bmc = await open_bmc(tools, action.serial)
    try:
        await verify_owner(bmc, access, action.serial, tools.directory, if_silent="nobody")
        power = await bmc.power()
    finally:
        await bmc.close()
    said = BmcWord(tools.time.now(), access.address, power.value)
    await offload(tools.records.vouched, action.serial, said)
    if power is not Power.ON:
        raise TemporaryError(f"its BMC at {access.address} says that it is {power}: somebody else reports in its name")


async def _own_system(tools: Tools, action: BootDisk | BootLive) -> Met | None:
    """Who answers where the installed system that the action names belongs; None: nobody, or it names none."""
    address = await offload(tools.directory.address, action.serial)
    return await meet(tools, address) if action.hostname is not None and address is not None else None


async def runs_from_disk(tools: Tools, action: BootDisk) -> bool:
    """Whether the machine's installed system answers at its own address, so that nobody has to boot it."""
    met = await _own_system(tools, action)
    if met is None or not met.runs(action.serial, action.hostname):
        return False
    await prove(tools, action.serial, "installed", met)
    return True


async def keeps_running(tools: Tools, action: BootLive) -> bool:
    """Whether the install that was begun has ended well: its system answers at the machine's own address.

    Raises:
        PermanentError: Another system answers there. An operator has to look.
    """
    met = await _own_system(tools, action)
    if met is not None and action.leaves and met.runs(action.serial, action.hostname or "", action.leaves):
        return False  # it leaves service for its reinstall
    if met is not None and action.install and met.runs(action.serial, action.hostname, action.install):
        await prove(tools, action.serial, "installed", met)
        return True
    if met is not None and (met.marker is not None or action.serial not in met.serials):
        raise PermanentError(f"{met}, not {action.hostname} on {action.serial}: it was not rebooted")
    return False


async def idles_in_live(tools: Tools, serial: str, address: str) -> bool:
    """Whether the machine answers there from its live system, in which no install runs.

    Raises:
        TemporaryError: An install runs on the machine.
    """
    try:
        shell = await open_verified_shell(tools, serial, address)
    except (TemporaryError, PermanentError):  # nobody, or somebody else: DHCP may have given its address on
        return False
    try:
        if await marker(tools, shell) is not None:
            return False
        runs = await install_runs(tools, shell)
    finally:
        await shell.close()
    if runs:
        raise TemporaryError("an install runs on this machine: it was not rebooted")
    return True
