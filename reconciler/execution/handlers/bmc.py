"""``ConfigureBmc``: address and login of a BMC, from inside its machine; believed once a login from here works.

The new password is kept beside the old one until the BMC has let us in with it. If we die on any line here, whoever
comes next sets the same password again: nothing is lost that was known.
"""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from ...model.actions import ConfigureBmc
from ...model.errors import PermanentError, TemporaryError
from ...provisioning import bmc
from ..identity import own
from ..ports import BmcAccess, Shell
from .tools import Tools, ask, marker, right_machine, where

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
    seen = await where(tools, action)
    password = await asyncio.to_thread(tools.bmc_passwords.next, action.serial)
    shell = await right_machine(tools, action.serial, seen.address)
    try:
        if await marker(shell, tools.options.answer) is not None:
            raise TemporaryError("an installed system runs here, not the live one: its BMC was not touched")
        address = await _set(tools, shell, action, password, seen.hardware.manufacturer)
    finally:
        await shell.close()
    access = await asyncio.to_thread(tools.directory.bmc_at, action.serial, address, action.username, password)
    await _let_in(tools, access, action.serial)
    await asyncio.to_thread(tools.bmc_passwords.keep, action.serial)


async def _set(tools: Tools, shell: Shell, action: ConfigureBmc, password: str, manufacturer: str) -> str:
    """Set what differs; the BMC's address afterwards."""
    found = await shell.run(bmc.FIND_CHANNEL, timeout=COMMAND_SECONDS)
    channel = bmc.lan_channel(found.stdout)
    if channel is None:
        if bmc.NO_BMC in found.stderr:
            raise PermanentError("the live system finds no BMC in this machine (no /dev/ipmi0)")
        raise TemporaryError(f"its BMC names no network channel: {found.stderr.strip()[-300:] or 'it says nothing'}")
    users = _parsed(bmc.parse_users, await ask(shell, bmc.read_users(channel), COMMAND_SECONDS))
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
        await ask(shell, command, COMMAND_SECONDS)
    for command in bmc.enable_over_lan(manufacturer, channel, slot):
        await shell.run(command, timeout=COMMAND_SECONDS)
    return await _set_lan(tools, shell, action, channel)


async def _set_lan(tools: Tools, shell: Shell, action: ConfigureBmc, channel: int) -> str:
    now = _parsed(bmc.parse_lan, await ask(shell, bmc.read_lan(channel), COMMAND_SECONDS))
    for command in bmc.lan_commands(now, action, channel):
        await ask(shell, command, COMMAND_SECONDS)
    deadline = tools.time.deadline(LAN_SECONDS)
    while True:
        now = _parsed(bmc.parse_lan, await ask(shell, bmc.read_lan(channel), COMMAND_SECONDS))
        if not (missing := bmc.differing(now, action)):
            return now.address
        if tools.time.now() >= deadline:
            raise TemporaryError(f"its BMC said yes, and did not take: {missing}")
        await tools.time.sleep(LOOK_AGAIN)


def _parsed(parse: Callable[[str], T], said: str) -> T:
    """What ipmitool said, understood; a BMC that is busy has it say half of it."""
    try:
        return parse(said)
    except ValueError as error:
        raise TemporaryError(f"its BMC is not understood: {error}") from error


async def _let_in(tools: Tools, access: BmcAccess, serial: str) -> None:
    """Log in from here as everybody will from now on.

    Raises:
        TemporaryError: It does not answer from here, or not with this login, for minutes.
        PermanentError: Another machine's BMC answers at this address.
    """
    deadline = tools.time.deadline(LOGIN_SECONDS)
    while True:
        tools.bmcs.ask_again(access.address)  # whatever stood there before, this one was set up a moment ago
        try:
            session = await tools.bmcs.open(access)
        except (TemporaryError, PermanentError) as error:  # some take a password a while after they said so
            if tools.time.now() >= deadline:
                raise TemporaryError(
                    f"its BMC was set up from inside, and {LOGIN_SECONDS:.0f} s later: {error}. "
                    f"Is {access.address} reached from here?"
                ) from error
            await tools.time.sleep(LOOK_AGAIN)
        else:
            break
    try:
        await own(session, access, serial, tools.directory, let_in_by_its_own_password=True)
    finally:
        await session.close()
