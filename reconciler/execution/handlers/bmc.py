"""Address and login of a BMC: ``ConfigureBmc`` from inside its machine, ``ChangeBmc`` through the BMC itself.

Both are believed once a login from here works. The new password is kept beside the old one until the BMC has let us in
with it. If we die on any line here, whoever comes next finds the BMC with the old password or the new one, tries both,
and sets the same new one again: nothing is lost that was known.
"""

import contextlib
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from ...model.actions import ChangeBmc, ConfigureBmc
from ...model.bmc import is_nobodys, lan_after
from ...model.errors import PermanentError, TemporaryError
from ...provisioning import bmc
from ..identity import verify_owner
from ..ports import Bmc, BmcAccess, Shell
from ..seam import offload
from .context import Tools, last_seen, marker, open_bmc, open_verified_shell, run_checked

T = TypeVar("T")

COMMAND_SECONDS = 120.0
"""racadm takes a minute; ipmitool waits some seconds for a BMC that is busy."""
LAN_SECONDS = 60.0
"""A BMC may take its new address a while after it said that it did."""
LOGIN_SECONDS = 240.0
"""A BMC that restarts its network, or itself, is back in one to three minutes."""
LOOK_AGAIN = 5.0


async def configure_bmc(tools: Tools, action: ConfigureBmc) -> None:
    """The BMC has the address and the login that it should have, and lets us in with them."""
    seen = await last_seen(tools, action)
    password = await _next_password(tools, action)
    shell = await open_verified_shell(tools, action.serial, seen.live_address)
    try:
        if await marker(tools, shell) is not None:
            raise TemporaryError("an installed system runs here, not the live one: its BMC was not touched")
        address = await _set(tools, shell, action, password, seen.hardware.manufacturer)
    finally:
        await shell.close()
    if is_nobodys(address):  # whoever answers there from here would be told the password
        raise TemporaryError(f"its BMC has the address {address}, which is nobody's. Did DHCP give it one?")
    access = await offload(tools.directory.bmc_at, action.serial, address, action.username, password)
    await (await _verified(tools, access, action.serial, "was set up from inside")).close()
    await offload(tools.bmc_passwords.keep, action.serial)


async def _next_password(tools: Tools, action: ConfigureBmc | ChangeBmc) -> str:
    return await offload(tools.bmc_passwords.next, action.serial, fresh=action.rotate is not None)


async def change_bmc(tools: Tools, action: ChangeBmc) -> None:
    """The BMC lets us in with its new password, and at its new address."""
    await last_seen(tools, action)
    access, session = await _reached(tools, action)
    try:
        if action.rotate is not None:
            access = await _rotate(tools, action, access, session)
    finally:
        await session.close()
    if action.rotate is not None:
        session = await _verified(tools, access, action.serial, "took a new password", same=True)
        await session.close()
        await offload(tools.bmc_passwords.keep, action.serial)
    if action.address is not None:
        await _move(tools, action, access)


async def _reached(tools: Tools, action: ChangeBmc) -> tuple[BmcAccess, Bmc]:
    """A session with the machine's own BMC, where it was; else where a change that was cut off may have left it."""
    try:
        access, session = await open_bmc(tools, action.serial)
    except TemporaryError as nobody:
        for address in filter(None, {action.maybe_at: None, action.address: None}):
            tools.bmcs.ask_again(address, same_certificate=True)
            with contextlib.suppress(TemporaryError):
                access, session = await open_bmc(tools, action.serial, address)
                break
        else:
            raise nobody
    try:
        await verify_owner(session, access, action.serial, tools.directory)
    except BaseException:
        await session.close()
        raise
    return access, session


async def _rotate(tools: Tools, action: ChangeBmc, access: BmcAccess, session: Bmc) -> BmcAccess:
    """The access with the new password, which the BMC said that it took."""
    password = await _next_password(tools, action)
    if access.password != password:  # else it has it, and the one who set it did not live to see that
        await session.set_password(password)
    return replace(access, password=password)


async def _move(tools: Tools, action: ChangeBmc, access: BmcAccess) -> None:
    """Give the BMC another network, unless it has it. On return the BMC has answered there, and named that network.

    Raises:
        TemporaryError: It does not answer there yet, or says that it has another network.
    """
    session, cut_off = await tools.bmcs.open(access), ""
    try:
        now = await session.lan()
        if (wanted := lan_after(now, action)) == now:
            return
        try:
            await session.set_lan(now, wanted)
        except TemporaryError as error:  # as where it took the new network at once, and answers there
            cut_off = f" (it was told, and then: {error})"
    finally:
        await session.close()
    there = replace(access, address=wanted.address)
    await tools.time.sleep(LOOK_AGAIN)  # none is there at once
    session = await _verified(tools, there, action.serial, f"was given {wanted}{cut_off}", same=True)
    try:
        if (now := await session.lan()) != wanted:
            raise TemporaryError(f"its BMC was to have {wanted}, and has {now}")
    finally:
        await session.close()


async def _set(tools: Tools, shell: Shell, action: ConfigureBmc, password: str, manufacturer: str) -> str:
    """Set what differs; the BMC's address afterwards."""
    found = await shell.run(bmc.FIND_CHANNEL, timeout=COMMAND_SECONDS)
    channel = bmc.lan_channel(found.stdout)
    if channel is None:
        if bmc.NO_BMC in found.stderr:
            raise PermanentError("the live system finds no BMC in this machine (no /dev/ipmi0)")
        raise TemporaryError(f"its BMC names no network channel: {found.stderr.strip()[-300:] or 'it says nothing'}")
    users = _parsed(bmc.parse_users, await run_checked(shell, bmc.read_users(channel), COMMAND_SECONDS))
    slot = bmc.slot_for(users, action.username)
    if slot is None:
        taken = ", ".join(users.values())
        raise PermanentError(f"its BMC has no free user slot for {action.username}: delete one of {taken}")
    try:
        await shell.put(bmc.login_file(slot, password))
    except ValueError as error:
        raise PermanentError(
            f'{error}; set another: "reconciler secrets set bmc:{action.serial}:bmc/password"'
        ) from None
    for command in bmc.user_commands(users, slot, action.username, channel):
        await run_checked(shell, command, COMMAND_SECONDS)
    for command in bmc.enable_over_lan(manufacturer, channel, slot):
        await shell.run(command, timeout=COMMAND_SECONDS)
    return await _set_lan(tools, shell, action, channel)


async def _set_lan(tools: Tools, shell: Shell, action: ConfigureBmc, channel: int) -> str:
    now = _parsed(bmc.parse_lan, await run_checked(shell, bmc.read_lan(channel), COMMAND_SECONDS))
    for command in bmc.lan_commands(now, action, channel):
        await run_checked(shell, command, COMMAND_SECONDS)
    deadline = tools.time.deadline(LAN_SECONDS)
    while True:
        now = _parsed(bmc.parse_lan, await run_checked(shell, bmc.read_lan(channel), COMMAND_SECONDS))
        if not (missing := bmc.differing(now, action)):
            return now.address
        if tools.time.now() >= deadline:
            raise TemporaryError(f"its BMC accepted the commands, and did not apply: {missing}")
        await tools.time.sleep(LOOK_AGAIN)


def _parsed(parse: Callable[[str], T], said: str) -> T:
    """What ipmitool said, understood; a BMC that is busy has it say half of it."""
    try:
        return parse(said)
    except ValueError as error:
        raise TemporaryError(f"its BMC is not understood: {error}") from error


async def _verified(tools: Tools, access: BmcAccess, serial: str, done: str, *, same: bool = False) -> Bmc:
    """Log in from here as everybody will from now on.

    Args:
        tools: What handlers work with.
        access: As it is to be.
        serial: Of the machine.
        done: What its BMC was or did, to go on a sentence that begins with it.
        same: It is the BMC that we know: its certificate is the one that it had.

    Raises:
        TemporaryError: It does not answer from here, or not with this login, for minutes.
        PermanentError: Another machine's BMC answers at this address.
    """
    deadline = tools.time.deadline(LOGIN_SECONDS)
    while True:
        tools.bmcs.ask_again(access.address, same_certificate=same)  # it was changed a moment ago
        try:
            session = await tools.bmcs.open(access)
        except (TemporaryError, PermanentError) as error:  # some take a password a while after they said so
            if tools.time.now() >= deadline:
                raise TemporaryError(
                    f"its BMC {done}, and {LOGIN_SECONDS:.0f} s later: {error}. Can this server reach {access.address}?"
                ) from error
            await tools.time.sleep(LOOK_AGAIN)
        else:
            break
    try:
        await verify_owner(session, access, serial, tools.directory, if_silent="its password")
    except BaseException:
        await session.close()
        raise
    return session
