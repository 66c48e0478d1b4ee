"""Verifies that a BMC is the machine's own, before anything is switched through it.

Addresses of BMCs are typed in, handed out twice, and stay with the cable when a server is swapped. So before a power
action the BMC has to say whose it is:

====================================  =====================================================================
it says                               then
====================================  =====================================================================
the machine's serial                  it is the machine's, wherever the serial stands
another serial of chassis or product  PermanentError: nothing is switched
nothing, or a factory's placeholder   it is the machine's if the machine's own agent reported the address that
                                      we used, from inside, and no other machine reports the same one; else
                                      PermanentError: nothing is switched
====================================  =====================================================================

A board's serial or a UUID proves the machine where it matches, and nothing where it does not: vendors number boards
by themselves. Where a BMC says a wrong serial for good (a swapped main board), the operator writes it into the
machine's document: ``bmc: {serial: ...}``.
"""

from typing import Literal

from ..model.errors import PermanentError
from ..model.fillers import is_filler
from .ports import Bmc, BmcAccess, Directory
from .seam import offload

Believed = Literal["its agent", "its password", "nobody"]
"""Who is believed where a BMC does not say whose it is: the agent that reported its address; a password that was set
from inside the machine a moment ago, and that no other BMC has; or, where all that the agent said is in doubt, nobody.
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
        if_silent: Who is believed where the BMC says no serial.

    Raises:
        PermanentError: It is another machine's, or nobody can tell.
        TemporaryError: It does not answer.
    """
    said, wanted = await bmc.identity(), access.serial or serial
    known = {_plain(text) for text in said.machine if not is_filler(text)}
    if _plain(wanted) in known | {_plain(text) for text in said.parts}:
        return
    if known:
        raise PermanentError(
            f"the BMC at {access.address} says that it belongs to {' or '.join(sorted(known)).upper()}, "
            f"not to {wanted}: nothing was switched. Mend the address or the cable, then retry; "
            f'if that is what the right BMC says, write it into the Machine "{serial}": bmc: {{serial: ...}}'
        )
    if if_silent == "its password":
        return
    if if_silent == "nobody":
        raise PermanentError(f"the BMC at {access.address} does not say whose it is: it speaks for nobody")
    reported = await offload(directory.reporters_of_bmc, access.address)
    if reported != {serial}:
        others = ", ".join(sorted(reported - {serial}))
        why = f"{others} reported the same address" if others else f"{serial} did not report this address"
        raise PermanentError(
            f"the BMC at {access.address} does not say whose it is, and {why}: nothing was switched. "
            "Mend the address, or give the BMC its serial (FRU), then retry"
        )


def _plain(text: str) -> str:
    return " ".join(text.split()).lower()
