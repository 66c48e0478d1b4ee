"""A BMC that keeps failing is left alone for a while, so that it cannot hold sessions and threads that others need."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ..model.errors import TemporaryError
from .ports import Bmc, BmcAccess, Bmcs, Clock


@dataclass(frozen=True, slots=True)
class BreakerTimings:
    """When to stop asking, and for how long."""

    failures: int = 3  # in a row; a BMC drops a packet now and then, but not three logins
    within: timedelta = timedelta(minutes=5)
    leave_alone: timedelta = timedelta(minutes=5)  # a BMC that resets itself is back in one to three minutes


@dataclass(slots=True)
class _Trouble:
    since: datetime
    failures: int = 0
    until: datetime | None = None


@dataclass
class GuardedBmcs:
    """Opens sessions through ``bmcs``, and fails at once for a BMC that failed several times in a row.

    One session is let through when the time is over: if it fails too, the BMC is left alone again.
    """

    bmcs: Bmcs
    clock: Clock
    timings: BreakerTimings = BreakerTimings()
    _trouble: dict[tuple[str, int], _Trouble] = field(default_factory=dict)

    async def open(self, access: BmcAccess) -> Bmc:
        key = (access.address, access.port)
        now = self.clock()
        trouble = self._trouble.get(key)
        if trouble and self._is_left_alone(trouble, now):
            raise TemporaryError(
                f"the BMC at {access.address} failed {trouble.failures} times in a row; "
                f"it is left alone until {trouble.until:%H:%M:%S} UTC"
            )
        try:
            bmc = await self.bmcs.open(access)
        except TemporaryError:
            self._count(key, self.clock())
            raise
        self._trouble.pop(key, None)
        return bmc

    def ask_again(self, address: str, *, same_certificate: bool = False) -> None:
        """Forget the failures of a BMC: an operator says that it is back. No certificate is remembered here."""
        for key in [key for key in self._trouble if key[0] == address]:
            del self._trouble[key]

    @property
    def left_alone(self) -> Mapping[str, datetime]:
        """Addresses of the BMCs that are not asked now, and until when."""
        now = self.clock()
        return {key[0]: t.until for key, t in self._trouble.items() if t.until and self._is_left_alone(t, now)}

    def _is_left_alone(self, trouble: _Trouble, now: datetime) -> bool:
        """Never for longer than meant, should the clock be put back meanwhile."""
        return trouble.until is not None and now < trouble.until <= now + self.timings.leave_alone

    def _count(self, key: tuple[str, int], now: datetime) -> None:
        trouble = self._trouble.get(key)
        if trouble is None or (trouble.until is None and now - trouble.since > self.timings.within):
            trouble = self._trouble[key] = _Trouble(since=now)
        trouble.failures += 1
        if trouble.failures >= self.timings.failures:
            trouble.until = now + self.timings.leave_alone
