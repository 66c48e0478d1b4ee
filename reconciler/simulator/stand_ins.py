"""Clocks, chance, threads and logs of a simulation, in place of the real ones."""

import gc
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import anyio.to_thread
import structlog
from cryptography.hazmat.primitives.serialization import ssh

from ..execution.seam import Seam, nothing, offload
from .chance import Chance, Stream
from .virtual_loop import Process


def seam_of(
    process: Process,
    chance: Chance,
    steady: Callable[[], float],
    begins: datetime,
    before_commit: Callable[[], None] = nothing,
) -> Seam:
    """What a process reads, draws and makes.

    Args:
        process: Named in its leases.
        chance: What is drawn.
        steady: The seconds that have passed.
        begins: What the clock said when none had.
        before_commit: Called before each of its transactions ends that writes.
    """
    draws = chance.stream(f"draws of {process.name}")
    return Seam(
        now=lambda: begins + timedelta(seconds=steady()),
        steady=steady,
        draw=draws.randbytes,
        rsa_key=chance.keys(f"keys of {process.name}"),
        process=lambda: process.name,
        before_commit=before_commit,
    )


class _DrawingOs:
    """What cryptography's SSH module needs of ``os``."""

    def __init__(self, stream: Stream) -> None:
        self.urandom = stream.randbytes


@contextmanager
def ssh_draws(stream: Stream) -> Iterator[None]:
    """Have cryptography draw from a stream what it puts into SSH keys and certificates, which nobody else can."""
    known = vars(ssh)
    before, known["os"] = known["os"], _DrawingOs(stream)
    try:
        yield
    finally:
        known["os"] = before


@contextmanager
def without_threads() -> Iterator[None]:
    """Have the web framework make its calls as all others are made."""

    async def run_sync(call: Callable[..., Any], *args: Any, **_: Any) -> Any:
        return await offload(call, *args)

    before, anyio.to_thread.run_sync = anyio.to_thread.run_sync, run_sync  # type: ignore[assignment]
    try:
        yield
    finally:
        anyio.to_thread.run_sync = before


@contextmanager
def without_gc() -> Iterator[None]:
    """Have nobody look for garbage meanwhile: it is let go as a whole, once a history is over.

    Else what is left of one history would tidy up in the middle of the next one, whenever somebody happens to look.
    What was there before, the program above all, is not looked at for that.
    """
    was_on = gc.isenabled()
    gc.disable()
    gc.freeze()
    try:
        yield
    finally:
        gc.collect()
        gc.unfreeze()
        if was_on:
            gc.enable()


@contextmanager
def logged(into: list[Mapping[str, Any]]) -> Iterator[None]:
    """Have the log in a list, and nowhere else."""

    def keep(_: Any, level: str, event: Any) -> Any:
        into.append({"level": level, **event})
        raise structlog.DropEvent

    before = structlog.get_config()
    structlog.configure(processors=[keep], cache_logger_on_first_use=False)
    try:
        yield
    finally:
        structlog.configure(**before)
