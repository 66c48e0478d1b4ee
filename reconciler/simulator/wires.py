"""The wires of a simulation: who is at which address, and what becomes of a question and its answer.

A question that arrives is dealt with by the world, whether or not whoever asked still lives: an installer that was
started goes on. Lost are questions and answers alike, and nobody who waits can tell which.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, TypeVar

from ..server.hot_paths import App
from .chance import Stream
from .virtual_loop import Killed, Process

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Weather:
    """How well words travel: probabilities, and seconds."""

    lost: float = 0.0
    late: float = 0.0
    twice: float = 0.0  # of HTTP requests, which a client sends again that heard nothing
    latency: tuple[float, float] = (0.000_2, 0.003)
    lateness: tuple[float, float] = (0.5, 8.0)
    silence: float = 10.0  # until somebody gives up on a word that was lost


FINE = Weather()
"""Every word arrives, in a moment."""


class LostError(OSError):
    """No answer came."""


class HttpAnswer(NamedTuple):
    """What an HTTP server said."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class _Listener:
    app: App
    process: Process
    context: Context  # in which requests are answered


class HasTasks(Protocol):
    """What wires need of an event loop."""

    def of_world(self, work: Coroutine[Any, Any, T], name: str | None = None) -> "asyncio.Task[T]": ...

    def create_task(self, work: Coroutine[Any, Any, T], *, context: Context) -> "asyncio.Task[T]": ...


def _nothing() -> None:
    pass


@dataclass
class Wires:
    """Everybody's wires."""

    loop: HasTasks
    chance: Stream
    tell: Callable[[str], None]  # a line for the trace
    weather: Weather = FINE
    effect: Callable[[], None] = _nothing  # called before a question leaves, and before its answer is heard
    _listeners: dict[tuple[str, int], _Listener] = field(default_factory=dict)

    async def exchange(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """What somebody makes of a question, who deals with it to the end in any case.

        Raises:
            LostError: The question or the answer was lost.
        """
        await self._there()
        answer = await asyncio.shield(self.loop.of_world(work()))
        await self._back()
        return answer

    async def ask(self, answer: Callable[[], T]) -> T:
        """What somebody answers who need not think about it.

        Raises:
            LostError: The question or the answer was lost.
        """
        await self._there()
        found = answer()
        await self._back()
        return found

    async def _there(self) -> None:
        self.effect()
        await self._travels()
        if self._befalls(self.weather.lost):
            await self._lost()

    async def _back(self) -> None:
        if self.weather.late:  # else the way there has taken the time of both
            await self._travels()
        if self._befalls(self.weather.lost):
            await self._lost()
        self.effect()

    async def _travels(self) -> None:
        least, most = self.weather.lateness if self._befalls(self.weather.late) else self.weather.latency
        await asyncio.sleep(self.chance.uniform(least, most))

    async def _lost(self) -> None:
        await asyncio.sleep(self.weather.silence)
        raise LostError("no answer")

    def _befalls(self, probability: float) -> bool:
        return probability > 0 and self.chance.random() < probability

    # ---- HTTP

    def listen(self, at: tuple[str, int], app: App, process: Process) -> None:
        """Have an application answer there, for as long as its process lives.

        Raises:
            OSError: Somebody else does.
        """
        there = self._listeners.get(at)
        if there is not None and there.process.is_alive:
            raise OSError(98, f"cannot listen on {at[0]} port {at[1]}: Address already in use")
        self._listeners[at] = _Listener(app, process, copy_context())

    def close(self, at: tuple[str, int], process: Process) -> None:
        """Nobody answers there any more, if it was this process that did."""
        if (there := self._listeners.get(at)) is not None and there.process is process:
            del self._listeners[at]

    async def request(
        self, source: str, at: tuple[str, int], what: "Request", patience: float = 10.0
    ) -> HttpAnswer | None:
        """What an HTTP server answers somebody at an address; None: nothing came in time."""
        answer = None
        for _ in range(2 if self._befalls(self.weather.twice) else 1):
            try:
                async with asyncio.timeout(patience):
                    answer = await self.exchange(lambda: self._answer(source, at, what))
            except (OSError, TimeoutError):
                answer = None
        self.tell(f"{source} {what.method} {what.path} {answer.status if answer else 'no answer'}")
        return answer

    async def _answer(self, source: str, at: tuple[str, int], what: "Request") -> HttpAnswer:
        there = self._listeners.get(at)
        if there is None or not there.process.is_alive:
            raise ConnectionRefusedError(111, "Connection refused")
        context = there.context.copy()
        asked = self.loop.create_task(_called(there.app, source, what), context=context)
        try:
            return await asyncio.shield(asked)
        except Killed:
            raise ConnectionResetError(104, "Connection reset by peer") from None


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request."""

    method: str
    path: str
    query: str = ""
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


async def _called(app: App, source: str, what: Request) -> HttpAnswer:
    """Call an ASGI application as an HTTP server does."""
    given = {"host": "localhost", "content-length": str(len(what.body)), **what.headers}
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": what.method,
        "scheme": "http",
        "path": what.path,
        "raw_path": what.path.encode(),
        "root_path": "",
        "query_string": what.query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in given.items()],
        "client": (source, 40_000),
        "server": ("127.0.0.1", 8080),
    }
    said, body, sent = [0], bytearray(), [False]

    async def receive() -> dict[str, Any]:
        if sent[0]:
            await asyncio.Event().wait()  # the client stays until it has its answer
        sent[0] = True
        return {"type": "http.request", "body": what.body, "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            said[0] = message["status"]
        else:
            body.extend(message.get("body", b""))

    await app(scope, receive, send)
    return HttpAnswer(said[0], bytes(body))
