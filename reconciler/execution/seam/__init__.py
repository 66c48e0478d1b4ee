"""The one way to what differs from run to run: clocks, chance, keys and threads.

All else that the program does follows from what came in. Whoever puts another ``Seam`` in its place, and an event loop
whose clock ``asyncio.sleep`` and ``asyncio.timeout`` wait by, has a run again just as it was: ``simulator`` does.
Who waits, waits by the event loop; ``rest`` is for programs that have none. A seam is also told before each commit, as
that is where a process may die.
"""

import asyncio
import os
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ParamSpec, TypeVar
from uuid import UUID

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import rsa

P = ParamSpec("P")
T = TypeVar("T")

EXPONENT = 65537
"""Of RSA keys: what everybody's have (NIST SP 800-56B, 6.2)."""

_SERIAL_BYTES = 20
"""Of a certificate's serial number, at most; and it must be positive (RFC 5280, 4.1.2.2)."""


def nothing() -> None:
    """Nothing at all."""


@dataclass(frozen=True, slots=True)
class Seam:
    """Where all of it comes from."""

    now: Callable[[], datetime]  # in UTC, by the clock that people set
    steady: Callable[[], float]  # seconds, by a clock that nobody sets
    draw: Callable[[int], bytes]  # so many bytes that nobody can guess
    rsa_key: Callable[[int], "rsa.RSAPrivateKey"]  # by its size in bits
    process: Callable[[], str]  # tells this process from all others, on this host and elsewhere
    before_commit: Callable[[], None] = nothing  # called before each transaction ends that writes: one may die there


def _new_rsa_key(bits: int) -> "rsa.RSAPrivateKey":
    from cryptography.hazmat.primitives.asymmetric import rsa  # which only those who mint need

    return rsa.generate_private_key(public_exponent=EXPONENT, key_size=bits)


REAL = Seam(
    now=lambda: datetime.now(UTC),
    steady=time.monotonic,
    draw=os.urandom,
    rsa_key=_new_rsa_key,
    process=lambda: f"{socket.gethostname()}:{os.getpid()}",
)
_HERE: ContextVar[Seam] = ContextVar("seam", default=REAL)


@contextmanager
def replaced(by: Seam) -> Iterator[None]:
    """Within the block, and in all tasks and offloaded calls that begin there, everything comes from another seam."""
    before = _HERE.set(by)
    try:
        yield
    finally:
        _HERE.reset(before)


# ---- clocks


def now() -> datetime:
    """What the clock says, in UTC; somebody may set it."""
    return _HERE.get().now()


def steady() -> float:
    """Seconds since some moment, by a clock that nobody sets."""
    return _HERE.get().steady()


def rest(seconds: float) -> None:
    """Do nothing for so long, and let nobody else: for programs without an event loop."""
    time.sleep(seconds)


# ---- chance


def draw(count: int) -> bytes:
    """So many bytes that nobody can guess."""
    return _HERE.get().draw(count)


def choose(options: Sequence[T]) -> T:
    """One of up to 2**32 options, each as likely as the others."""
    fair = 2**32 - 2**32 % len(options)
    while (number := int.from_bytes(draw(4))) >= fair:
        pass
    return options[number % len(options)]


def new_uuid() -> str:
    """A UUID that nobody had before (version 4)."""
    return str(UUID(bytes=draw(16), version=4))


def new_serial_number() -> int:
    """A certificate's serial number."""
    return int.from_bytes(draw(_SERIAL_BYTES)) >> 1


def new_rsa_key(bits: int) -> "rsa.RSAPrivateKey":
    """An RSA key that nobody had before."""
    return _HERE.get().rsa_key(bits)


def process() -> str:
    """The name of this process: no other that runs has it."""
    return _HERE.get().process()


def before_commit() -> None:
    """To be called before each transaction ends that writes."""
    _HERE.get().before_commit()


# ---- threads


async def offload(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What a call that may block gives, which is made by a thread."""
    return await asyncio.to_thread(call, *args, **kwargs)


def offload_to(threads: Executor, call: Callable[..., T], *args: object) -> "asyncio.Future[T]":
    """The outcome of a call made by one of these threads, which goes on when nobody waits for it any more."""
    return asyncio.get_running_loop().run_in_executor(threads, call, *args)
