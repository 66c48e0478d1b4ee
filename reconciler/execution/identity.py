"""Verifies that a BMC is the machine's own, before anything is switched through it.

Addresses of BMCs are typed in, handed out twice, and stay with the cable when a server is swapped. So before a power
action the BMC has to say whose it is. Which of a machine's numbers it says depends on its maker and on the protocol:
all that DMI has of the machine count, wherever they stand.

====================================  =====================================================================
it says                               then
====================================  =====================================================================
a number that only this machine has   it is the machine's
one that another known machine has,   PermanentError: nothing is switched
and this one does not
anything else: one that nobody has,   it is the machine's if the machine's own agent reported the address that
that several have, a factory's        we used, from inside, and no other machine reports the same one; else
placeholder, or nothing               PermanentError: nothing is switched
====================================  =====================================================================

Nothing is switched at an address that is nobody's (``model.bmc``), whatever the BMC there says: it may be the BMC of
this server's own host.

Where a BMC says the number of another machine for good (a main board that was swapped), the operator writes it into
the machine's document: ``bmc: {serial: ...}``. Then that is the only number that counts.
"""

from collections.abc import Iterable
from typing import Literal

from ..model.bmc import is_nobodys
from ..model.errors import PermanentError
from ..model.serials import number, numbers
from .ports import Bmc, BmcAccess, Directory
from .seam import offload

Believed = Literal["its agent", "its password", "nobody"]
"""Who is believed where a BMC says no number of a machine that is known: the agent that reported its address; a
password that was set from inside the machine a moment ago, and that no other BMC has; or, where all that the agent said
is in doubt, nobody.
"""


async def verify_owner(
    bmc: Bmc,
    access: BmcAccess,
    serial: str,
    directory: Directory,
    *,
    if_silent: Believed = "its agent",
) -> None:
    """Return if the BMC is the machine's.

    Args:
        bmc: An open session.
        access: How it was opened.
        serial: Of the machine.
        directory: Knows which addresses agents reported.
        if_silent: Who is believed where the BMC says no number of a machine that is known.

    Raises:
        PermanentError: It is another machine's, or nobody can tell.
        TemporaryError: It does not answer.
    """
    if is_nobodys(access.address):
        raise PermanentError(
            f"{access.address} is no address of one machine's BMC: nothing was switched. Give that of {serial} another"
        )
    said = await bmc.identity()
    told = numbers(said.machine | said.parts)
    if access.serial is not None:
        if numbers([access.serial]) & told:
            return
        if told_of_machine := numbers(said.machine):
            raise _not_its_own(access, serial, told_of_machine)
    else:
        known = await offload(access.owners, told)
        named = frozenset({serial})
        owners = {each: known.get(each) or (named if each == number(serial) else frozenset()) for each in told}
        if named in owners.values():
            return
        if foreign := {each for each, having in owners.items() if having and serial not in having}:
            raise _not_its_own(access, serial, foreign)
    await _believe(access, serial, directory, numbers(said.machine), if_silent)


async def _believe(
    access: BmcAccess, serial: str, directory: Directory, unknown: frozenset[str], believed: Believed
) -> None:
    """Return if somebody who is believed vouches for a BMC that says no number of a machine that we know.

    Args:
        access: How it was opened.
        serial: Of the machine.
        directory: Knows which addresses agents reported.
        unknown: The numbers that it says of its machine.
        believed: Who may vouch.

    Raises:
        PermanentError: Nobody does.
    """
    if believed == "its password":
        return
    reported = await offload(directory.reporters_of_bmc, access.address) if believed == "its agent" else frozenset()
    if reported == {serial}:
        return
    if unknown:
        raise _not_its_own(access, serial, unknown)
    if believed == "nobody":
        raise PermanentError(f"the BMC at {access.address} does not say whose it is: it speaks for nobody")
    others = ", ".join(sorted(reported - {serial}))
    why = f"{others} reported the same address" if others else f"{serial} did not report this address"
    raise PermanentError(
        f"the BMC at {access.address} does not say whose it is, and {why}: nothing was switched. "
        "Mend the address, or give the BMC its serial (FRU), then retry"
    )


def _not_its_own(access: BmcAccess, serial: str, told: Iterable[str]) -> PermanentError:
    return PermanentError(
        f"the BMC at {access.address} says that it belongs to {' or '.join(sorted(told)).upper()}, "
        f"not to {access.serial or serial}: nothing was switched. Mend the address or the cable, then retry; "
        f'if that is what the right BMC says, write it into the Machine "{serial}": bmc: {{serial: ...}}'
    )
