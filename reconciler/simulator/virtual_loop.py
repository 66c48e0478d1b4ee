"""An event loop whose time is its own and whose order is drawn: what ran in it runs again just so, from the same seed.

Nothing waits. Where nobody is ready, time jumps to the next timer. Of those that are ready any may be next, as the seed
says: asyncio promises more (first come, first served), and no program should count on that, as it cannot on a network.
Calls that are handed to threads are made here, each a while later, so that others come in between.

Whatever begins inside a ``Process`` belongs to it, and so do the tasks, timers and calls that follow from that. A
process that is killed never runs again: nothing of it is told so, or tidies up.
"""

import asyncio
import contextvars
import heapq
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar, TypeVarTuple

from .chance import Stream

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

STEP_SECONDS = 0.000_02
"""What each step takes: no two things happen at the same moment."""

MOST_STEPS_AT_ONCE = 100_000
"""Steps without a timer in between: more are a loop that never ends."""


class StuckError(Exception):
    """Nobody will ever be ready again, or somebody always is."""


class Killed(BaseException):
    """The process that was running has died: what is left of the call unwinds, and is never heard of again."""


@dataclass(eq=False)
class Process:
    """What lives and dies together. ``name`` tells it from others."""

    name: str
    is_alive: bool = True

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Whatever begins within the block belongs to the process."""
        before = _OWNER.set(self)
        try:
            yield
        finally:
            _OWNER.reset(before)

    def kill(self) -> None:
        """End it, as ``kill -9`` does."""
        self.is_alive = False


WORLD = Process("world")
"""All that is no process of ours. It cannot be killed."""
_OWNER: ContextVar[Process] = ContextVar("owner", default=WORLD)


def this_process() -> Process:
    """The process that is running now."""
    return _OWNER.get()


class VirtualLoop(asyncio.BaseEventLoop):
    """Runs callbacks in an order drawn from a seed, at times of its own."""

    def __init__(self, order: Stream, blocking: Callable[[], float]) -> None:
        """Time is 0.

        Args:
            order: Draws who is next.
            blocking: Draws how many seconds a call takes that is handed to a thread.
        """
        super().__init__()
        self._order, self._blocking = order, blocking
        self._time, self._at_once = 0.0, 0
        self._world = contextvars.copy_context()
        self.steps = 0
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []  # a heap; the number is their own
        self._count = 0
        self._ready: Any  # a deque of handles, as the base has it
        self._stopping: bool

    def time(self) -> float:
        """Seconds since the loop was made."""
        return self._time

    def of_world(self, work: Coroutine[Any, Any, T], name: str | None = None) -> "asyncio.Task[T]":
        """A task of the world's own: it goes on when whoever wants it done dies, or gives up."""
        return self.create_task(work, name=name, context=self._world.copy())

    def _run_once(self) -> None:
        """Have the next one run; where nobody is ready, at the time of the next timer."""
        self._wake_timers()
        handle = self._drawn()
        if handle is None:
            return
        self.steps += 1
        self._at_once += 1
        if self._at_once > MOST_STEPS_AT_ONCE:
            raise StuckError(f"{MOST_STEPS_AT_ONCE} steps at {self._time:.6f} s, and no end; now: {handle!r}")
        self._time += STEP_SECONDS
        handle._run()

    def call_at(  # type: ignore[override]  # the base's has variadic types that its own callers do not fit
        self, when: float, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.TimerHandle:
        """Have it run at a time of this loop."""
        timer = asyncio.TimerHandle(when, callback, args, self, context)
        self._count += 1
        heapq.heappush(self._timers, (when, self._count, timer))
        return timer

    def _wake_timers(self) -> None:
        timers, ready = self._timers, self._ready
        if not ready:
            while timers and not _is_to_run(timers[0][2]):
                heapq.heappop(timers)
            if not timers and self._stopping:
                return
            if not timers:
                raise StuckError(f"nobody is ready at {self._time:.3f} s, and no timer runs")
            if timers[0][0] > self._time:
                self._time, self._at_once = timers[0][0], 0
        while timers and timers[0][0] <= self._time:
            ready.append(heapq.heappop(timers)[2])

    def _drawn(self) -> asyncio.Handle | None:
        """One of those that are ready, and gone from them; None: none of them is to run any more."""
        ready = self._ready
        while ready:
            if (count := len(ready)) > 1:
                ready.rotate(-int(self._order.random() * count))
            handle: asyncio.Handle = ready.popleft()
            if _is_to_run(handle):
                return handle
        return None

    def run_in_executor(self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts) -> "asyncio.Future[T]":
        """Make the call here, a while later. That somebody gives up on it does not hinder it."""
        done: asyncio.Future[T] = self.create_future()
        self.call_later(self._blocking(), _call, done, func, args)
        return done

    def call_soon_threadsafe(
        self,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: contextvars.Context | None = None,
    ) -> asyncio.Handle:
        """Have it run soon: there is one thread."""
        return self.call_soon(callback, *args, context=context)

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Cancelled timers are let go when their time comes."""

    def _nowhere(self, *_: Any, **__: Any) -> NoReturn:
        raise RuntimeError("nothing in a simulation opens a socket, reads from a file descriptor or starts a program")

    create_connection: Any = _nowhere
    create_server: Any = _nowhere
    create_datagram_endpoint: Any = _nowhere
    create_unix_connection: Any = _nowhere
    getaddrinfo: Any = _nowhere
    subprocess_exec: Any = _nowhere
    subprocess_shell: Any = _nowhere
    add_reader: Any = _nowhere
    add_signal_handler: Any = _nowhere


def die() -> NoReturn:
    """Kill the process that is running, here and now.

    Raises:
        Killed: Always.
    """
    this_process().kill()
    raise Killed


def _call(done: "asyncio.Future[Any]", func: Callable[..., Any], args: tuple[Any, ...]) -> None:
    """Make a call that was handed to a thread, and have its outcome known, unless its process died in it."""
    try:
        found = func(*args)
    except Killed:
        return
    except BaseException as error:
        if not done.done():
            done.set_exception(error)
    else:
        if not done.done():
            done.set_result(found)


def _is_to_run(handle: asyncio.Handle) -> bool:
    if handle._cancelled:
        return False
    context: contextvars.Context = handle._context  # type: ignore[attr-defined]
    return context.get(_OWNER, WORLD).is_alive
