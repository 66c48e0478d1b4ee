"""The daemon's side to the outside: up before database and lease are there, and for as long as the process is."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

import structlog

from ..execution.seam import offload
from ..server.app import create_app
from ..server.doors import Doors
from ..server.ingest import Ingest
from ..server.metrics import Metrics
from .companions import told
from .drivers import REAL, Drivers
from .health import WORDS, Health
from .kept_documents import KeptDocuments
from .published import Published
from .site import Site

log = structlog.get_logger()

LISTEN_AGAIN_SECONDS = 1.0


class Front:
    """Answers over HTTP. ``Ingest`` takes words from machines only once ``take_words`` was called."""

    def __init__(self, site: Site, wake: Callable[[], None], drivers: Drivers = REAL) -> None:
        """Nothing is answered yet. ``wake`` is called when there is news."""
        self._listen = site.config.listen
        self.health = Health(site.now)
        self.metrics = Metrics(site.now)
        self.metrics.watch_passes(lambda: self.health.pass_age)
        self.published = published = Published(site, wake, self.health, KeptDocuments.of(site.config))
        self.ingest = Ingest(
            lambda: site.database.opened,
            site.now,
            wake,
            published.trusted,
            published.node_networks,
            published.serial_at,
            published.owner_of,
            self._tell_written,
            is_genuine=published.nonces.is_genuine,
            stake=published.stake,
            is_named=published.is_named,
            called=published.called,
            silent_after=4 * site.config.planning_timings.report_every,
        )
        published.crowded = lambda: self.ingest.crowded
        self._server = drivers.listen(
            create_app(published.served(), self.ingest, self.metrics),
            [(self._listen.address, self._listen.port)],
            Doors(published.is_ours, refused=self.metrics.connection_refused),
        )
        self._listening: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Begin to listen; where another daemon of this machine still does, as soon as it has ended."""
        await offload(self.published.remember)
        try:
            await self._bind()
        except OSError as error:
            log.warning("not listening yet", error=str(error))
            self._listening = asyncio.create_task(self._bind_patiently())

    async def must_listen(self) -> None:
        """See that we listen, now that we are to act.

        Raises:
            OSError: An address cannot be listened on; the text names it.
        """
        if self._listening is not None and not self._listening.done():
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)
            await self._bind()

    def take_words(self, *, beside_another: bool = False) -> None:
        """Begin to take reports and statuses: the database is open. ``beside_another``: another daemon acts."""
        self.ingest.start(beside_another=beside_another)

    async def close(self) -> None:
        """Stop listening, let running requests finish, write what is queued."""
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)
        await self._server.stop()
        await self.ingest.stop()

    def _tell_written(self, error: Exception | None) -> None:
        if error is None:
            self.health.works(WORDS)
        else:
            told(WORDS, error, self.health)

    async def _bind(self) -> None:
        for address, port in await self._server.start():
            log.info("listening", address=address, port=port)

    async def _bind_patiently(self) -> None:
        while True:
            await asyncio.sleep(LISTEN_AGAIN_SECONDS)
            with suppress(OSError):
                return await self._bind()
