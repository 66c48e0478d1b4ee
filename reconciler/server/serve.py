"""The listening side: uvicorn inside somebody else's event loop, on as many addresses as asked."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator, Sequence
from ipaddress import ip_address
from typing import cast

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from .auth import parse_address
from .doors import Doors
from .hot_paths import App

HEAD_SECONDS = 15.0
MAX_HEAD = 32 * 1024
"""Within which a request's line and headers must have come, and bytes they may have; uvicorn itself bounds neither."""

WHOLE_SECONDS = 30.0
"""Within which a request must have come as a whole. The largest, a report, is refused after ``fast.BODY_SECONDS``."""

STUCK_SECONDS = 60.0
"""Within which a client must take what is kept for it, some 64 kB, so that more of an answer can be sent. A live image
of half a GB may take hours; who takes nothing holds a connection, and an answer of 30 MB in memory."""

BACKLOG = 1024
"""Connections waiting to be accepted."""

GRACE_SECONDS = 5
"""How long running requests may take to finish when the server stops."""


class _Protocol(HttpToolsProtocol):
    """HTTP/1.1 that gives up on clients which never finish asking, and lets only so many in."""

    doors: Doors
    _address: str | None = None  # as it is counted; None: it was not let in
    _deadline: asyncio.TimerHandle | None = None
    _stuck: asyncio.TimerHandle | None = None
    _in_head = False
    _head_bytes = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        stream = cast(asyncio.Transport, transport)  # a stream has no other
        name = str((stream.get_extra_info("peername") or ("",))[0])
        address = str(parse_address(name) or name)
        if not self.doors.enter(address):
            stream.abort()
            return
        self._address = address
        super().connection_made(stream)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._address is None:
            return
        self.doors.leave(self._address)
        self._come()
        self._take()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        self._take()
        self._stuck = self.loop.call_later(STUCK_SECONDS, self.transport.abort)
        super().pause_writing()

    def resume_writing(self) -> None:
        self._take()
        super().resume_writing()

    def data_received(self, data: bytes) -> None:
        if self._in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._in_head and self._head_bytes > MAX_HEAD:
            self.transport.abort()

    def on_message_begin(self) -> None:
        if not self._in_head:
            self._expect_head()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._expect(WHOLE_SECONDS)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._come()
        super().on_message_complete()

    def _expect_head(self) -> None:
        self._head_bytes = 0
        self._expect(HEAD_SECONDS)
        self._in_head = True

    def _expect(self, seconds: float) -> None:
        """Let the client go that has not sent more within so many seconds."""
        self._come()
        self._deadline = self.loop.call_later(seconds, self.transport.abort)

    def _take(self) -> None:
        """The client is not stuck, or is gone."""
        if self._stuck is not None:
            self._stuck.cancel()
            self._stuck = None

    def _come(self) -> None:
        self._in_head = False
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class _Uvicorn(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the daemon's."""
        yield


class Server:
    """Serves ``app`` from ``start`` to ``stop``."""

    def __init__(self, app: App, listen: Sequence[tuple[str, int]], doors: Doors | None = None) -> None:
        """``doors`` bounds who may have how many connections open."""
        self._listen = listen
        counted = doors or Doors()

        class Counted(_Protocol):
            doors = counted

        config = uvicorn.Config(
            app,
            http=Counted,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,  # what a proxy says of its clients is not believed
            timeout_keep_alive=30,  # longer than the dashboard's poll
            timeout_graceful_shutdown=GRACE_SECONDS,
            backlog=BACKLOG,
        )
        self._server = _Uvicorn(config)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> tuple[tuple[str, int], ...]:
        """Listen, and return the addresses and ports, which matters where port 0 was asked for.

        Raises:
            OSError: An address cannot be listened on; the text names it.
        """
        sockets: list[socket.socket] = []
        try:
            for address, port in self._listen:
                sockets.append(_bind(address, port))
        except OSError:
            for bound in sockets:
                bound.close()
            raise
        names = tuple((name[0], name[1]) for name in (bound.getsockname() for bound in sockets))
        self._task = asyncio.create_task(self._server.serve(sockets=sockets), name="http server")
        return names

    async def stop(self) -> None:
        """Stop listening, let running requests finish for a few seconds, close the rest."""
        if self._task is not None:
            self._server.should_exit = True
            await self._task


def _bind(address: str, port: int) -> socket.socket:
    """A socket that listens on the address already.

    Raises:
        OSError: The address cannot be had; the message names it.
    """
    family = socket.AF_INET6 if ip_address(address).version == 6 else socket.AF_INET
    # With the protocol named, asyncio turns off Nagle's algorithm on what it accepts; else each answer of two writes
    # waits 40 ms for the client's delayed acknowledgement.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)  # "::" means everywhere, over IPv4 too
        bound.bind((address, port))
        bound.listen(BACKLOG)  # at once: who connects before the loop accepts waits, and is not refused
    except OSError as error:
        bound.close()
        raise OSError(error.errno, f"cannot listen on {address} port {port}: {error.strerror}") from None
    return bound
