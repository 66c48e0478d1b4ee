"""Follows the specs: looks at the source whenever it may have changed, and wakes the loop when it has.

Apart from the loop, which a slow remote must not hold up.
"""

import asyncio
from collections.abc import AsyncIterator, Callable

from ..execution.seam import offload
from ..render.fleet import SourceStatus
from ..specs.loader import Loaded
from ..specs.source.follow import SourceLook, watch
from .site import Site

PASS_AT_LEAST_SECONDS = 30.0
"""Time passes too: waits end, windows open, and a directory of specs may have changed unseen."""


class SpecsFollower:
    """What the last look at the specs gave; renewed by ``follow``."""

    def __init__(self, site: Site, wake: Callable[[], None]) -> None:
        """Nobody looks yet. ``wake`` is called when a look at ``site``'s specs gave something else than the last."""
        self._site = site
        self._wake = wake
        self._looked: SourceLook[Loaded] | None = None
        self._told = asyncio.Event()  # somebody says that there is a new commit

    def look_again(self) -> None:
        """Have ``follow`` look at once: somebody says that there is a new commit."""
        self._told.set()

    @property
    def looked(self) -> SourceLook[Loaded]:
        """The last look. ``look`` must have been called before."""
        assert self._looked is not None
        return self._looked

    def source(self) -> SourceStatus:
        """What the last look gave, as the dashboard tells it."""
        state = self.looked.state
        return SourceStatus(
            commit=state.good,
            committed_at=self._site.specs.committed_at(state.good),
            refused=state.seen if state.problem and state.seen != state.good else None,
            problem=state.problem,
            checked_at=self._site.now(),
        )

    def look(self) -> None:
        """Look for the first time. From then on ``follow`` alone looks: two at once would disagree."""
        self._looked = self._site.specs.look()

    async def follow(self, well: Callable[[], None]) -> None:
        """Look whenever the specs may have changed; never returns. ``well`` is called after each look."""
        async for _ in self._may_have_changed():
            looked = await offload(self._site.specs.look)
            if self._looked is None or looked.state != self._looked.state or looked.loaded is not self._looked.loaded:
                self._wake()
            self._looked = looked
            well()

    async def _may_have_changed(self) -> AsyncIterator[None]:
        """At a change of a local tree or repository, when told of one, and every so often, to ask a remote one."""
        folders = await offload(self._site.specs.watchable)
        changes = watch(folders)
        next_change = asyncio.ensure_future(anext(changes, None)) if folders else None
        try:
            while True:
                yield
                told = asyncio.ensure_future(self._told.wait())
                try:
                    await asyncio.wait(
                        filter(None, [told, next_change]),
                        timeout=self._poll_seconds,
                        return_when=asyncio.FIRST_COMPLETED,
                    )
                finally:
                    told.cancel()
                self._told.clear()
                if next_change is not None and next_change.done():
                    next_change = asyncio.ensure_future(anext(changes, None))
        finally:
            if next_change is not None:
                next_change.cancel()

    @property
    def _poll_seconds(self) -> float:
        source = self._site.config.source
        return source.poll.total_seconds() if source else PASS_AT_LEAST_SECONDS
