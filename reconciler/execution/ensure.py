"""Bring something to a wanted state and return once it is there. Ask once, then only look."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from ..model.errors import TemporaryError
from ..model.machine import Power
from .ports import Bmc, BootDevice, Clock, Sleep

POLL_SECONDS = 2.0

POWER_SECONDS = 120.0
"""A hard power-off takes seconds, but blade chassis turn their servers on one after the other."""

_ASK = {Power.ON: frozenset({Power.OFF}), Power.OFF: frozenset(Power) - {Power.OFF}}
"""By what is wanted: where it is asked for. What goes down by itself has to be down before it can be turned on, and may
take its time; what is about to run can be turned off at once.
"""


@dataclass(frozen=True, slots=True)
class Time:
    """A clock, and a way to wait on it."""

    now: Clock
    sleep: Sleep

    def deadline(self, seconds: float) -> datetime:
        """The moment so many seconds from now."""
        return self.now() + timedelta(seconds=seconds)


async def ensure_power(bmc: Bmc, want: Power, time: Time, *, timeout: float = POWER_SECONDS) -> None:
    """Bring the machine to ``want``. Does nothing when it already is.

    Args:
        bmc: An open session.
        want: The power state.
        time: What to wait by.
        timeout: Seconds to wait.

    Raises:
        TemporaryError: The state was not reached in time, or the BMC did not answer.
    """
    deadline, asked = time.deadline(timeout), False
    while (now := await bmc.power()) is not want:
        if time.now() >= deadline:
            raise TemporaryError(
                f"power is not {want} {timeout:.0f} s after it was asked for, though its BMC took the command"
                if asked
                else f"power is {now} for {timeout:.0f} s: it is not yet asked to be {want}"
            )
        if not asked and now in _ASK[want]:
            await bmc.set_power(want)
            deadline, asked = time.deadline(timeout), True
        else:
            await time.sleep(POLL_SECONDS)


async def boot(bmc: Bmc, device: BootDevice, time: Time, *, uefi: bool | None) -> None:
    """Start the machine from ``device``, whatever it runs now, and return once its power is on.

    Off first, then the device, then on: so that the choice is made right before the power command that uses it
    (IPMI 2.0, 28.13: a BMC drops it after 60 s without one), and so that a choice left from before is not used up
    by a machine that reboots by itself.
    """
    await ensure_power(bmc, Power.OFF, time)
    await bmc.boot_next(device, uefi=uefi)
    await ensure_power(bmc, Power.ON, time)
