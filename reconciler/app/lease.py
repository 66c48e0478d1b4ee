"""The daemon's lease: what makes it the only one that acts on its database."""

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial

import structlog

from ..execution import seam
from ..execution.seam import offload
from ..model.errors import WORLD, PermanentError
from ..store import LeaseWatch
from .certainty import Certainty
from .companions import Companions, LeaseLostError, Well
from .site import Site

log = structlog.get_logger()

ASK_SECONDS = 1.0


@dataclass(frozen=True)
class Lease:
    """The lease of one site's database, for one daemon."""

    site: Site
    stop: asyncio.Event  # set when the daemon was told to stop
    certainty: Certainty  # told of each beat

    async def taken(self, give_up_after: float = math.inf) -> int | None:
        """Wait until no other daemon acts; the fence. None when told to stop meanwhile, or after so many seconds.

        It asks once, however soon it gives up.
        """
        watch, told, deadline = LeaseWatch(self.site.config.lease), False, seam.steady() + give_up_after
        while not self.stop.is_set():
            began = seam.steady()
            fence = await offload(self.site.store.acquire_lease, seam.process(), watch, self.site.now())
            if fence is not None:
                self.certainty.beat(began)
                return fence
            if seam.steady() >= deadline:
                break
            if not told:
                log.warning("another daemon acts on this database; waiting for it to end")
                told = True
            await asyncio.sleep(ASK_SECONDS)
        return None

    async def taken_unless_held(self) -> int:
        """Wait no longer than a daemon that died would hold it.

        Raises:
            PermanentError: A daemon acts on this database.
        """
        fence = await self.taken(give_up_after=self.site.config.lease.total_seconds() + 2 * ASK_SECONDS)
        if fence is None:
            raise PermanentError("a daemon acts on this database already, and does what is to be done by itself")
        return fence

    @contextlib.asynccontextmanager
    async def kept(self, fence: int, beside: Companions) -> AsyncIterator[None]:
        """Keep it within the block, as one of ``beside``; then let another daemon take over at once."""
        beside.start("keeping the lease", partial(self._keep, fence))
        try:
            yield
        finally:
            await beside.stop()
            with contextlib.suppress(*WORLD):
                await offload(self.site.store.release_lease, fence)

    async def _keep(self, fence: int, well: Well) -> None:
        holds, held, beat = self.site.config.lease, True, seam.steady()
        while held:
            last, beat = beat, seam.steady()
            held = await offload(self.site.store.renew_lease, fence, holds, self.site.now(), beat - last)
            if held:
                self.certainty.beat(beat)
            well()
            await asyncio.sleep(holds.total_seconds() / 3 if held else 0)
        self.certainty.lose()
        raise LeaseLostError("another daemon has taken over this database")
