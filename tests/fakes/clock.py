"""Time that passes only when somebody sleeps."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from reconciler.execution.ensure import Time

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@dataclass
class FakeClock:
    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        await asyncio.sleep(0)

    @property
    def time(self) -> Time:
        return Time(self, self.sleep)
