"""Asks the BMCs of machines in service whether these are on: every so often, many at a time."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import structlog

from ..execution.ports import Bmcs, Clock, Directory
from ..execution.seam import offload
from ..model.errors import PermanentError, TemporaryError
from ..model.machine import MachineView, Power
from ..model.observations import Heard
from .taking_turns import take_turns

log = structlog.get_logger()

AT_ONCE = 32
"""BMCs asked at the same time: half of the driver's sessions, so that actions find one free."""


@dataclass(frozen=True, slots=True)
class PowerWatch:
    """Asks, and writes down what was heard in few writes."""

    bmcs: Bmcs
    directory: Directory
    clock: Clock
    record: Callable[[Sequence[Heard]], None]

    async def look(self, machines: Iterable[MachineView], busy: Callable[[str], bool]) -> bool:
        """Ask every machine's BMC once; those that are ``busy`` when their turn comes are left out.

        Returns:
            Whether a machine is off, or is not as it was: whether there may be something to do.
        """
        heard: list[Heard] = []

        async def ask(m: MachineView) -> bool:
            if busy(m.serial) or (power := await self._ask(m.serial)) is None:
                return False
            heard.append(Heard(m.serial, self.clock(), power=power))
            return power is Power.OFF or m.seen is None or m.seen.power is not power

        try:
            return await take_turns(machines, ask, AT_ONCE)
        finally:
            if heard:
                await offload(self.record, heard)

    async def _ask(self, serial: str) -> Power | None:
        try:
            access = await offload(self.directory.bmc, serial)
            bmc = await self.bmcs.open(access)
            try:
                return await bmc.power()
            finally:
                await bmc.close()
        except (TemporaryError, PermanentError) as error:
            log.info("power not known", serial=serial, error=str(error))
            return None
