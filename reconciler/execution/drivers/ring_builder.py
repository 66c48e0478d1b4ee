"""Swift's ring builder in a child process: JSON to it, JSON from it, a time limit, and nothing of it left behind."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ...model.errors import PermanentError, TemporaryError
from ..seam import offload

CHILD = Path(__file__).with_name("ring_child.py")

LIMIT = 30 * 60.0
"""Seconds. Measured: the first rebalance of 2,400 disks at part power 18 takes 189 s on an idle machine."""

MOST_SAID = 1000
"""Bytes of what a child wrote to its standard error that are kept, from the end."""


async def build_rings(order: Mapping[str, object], limit: float = LIMIT) -> list[dict[str, Any]]:
    """What ``ring_child`` makes of each ring of the order.

    The child runs by its file and looks in no folder of ours for modules. It leads a process group of its own, which is
    killed when the time is over, or when we are cancelled.

    Raises:
        PermanentError: Swift's library is not installed.
        TemporaryError: The child did not end well, or in time.
    """
    with _memory(json.dumps(order).encode()) as told, _memory() as made, _memory() as said:
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-P", str(CHILD), stdin=told, stdout=made, stderr=said, start_new_session=True, cwd="/",
            env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHONHASHSEED": "0"},
        )  # fmt: skip
        try:
            async with asyncio.timeout(limit):
                status = await child.wait()
        except TimeoutError:
            raise TemporaryError(f"building rings did not end within {limit:.0f} s, and was stopped") from None
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            await child.wait()
        if status != 0:
            raise TemporaryError(f"building rings ended with {status}: {_content(said)[-MOST_SAID:].decode().strip()}")
        answer = json.loads(await offload(_content, made))
    if "missing" in answer:
        why = f"Swift's ring builder is not installed: {answer['missing']}"
        raise PermanentError(f"{why}. Install openstack-cluster-reconciler[rings], then retry")
    rings: list[dict[str, Any]] = answer["rings"]
    return rings


@contextlib.contextmanager
def _memory(content: bytes = b"") -> Iterator[int]:
    handle = os.memfd_create("reconciler-rings")
    try:
        with os.fdopen(os.dup(handle), "wb") as file:
            file.write(content)
        os.lseek(handle, 0, os.SEEK_SET)
        yield handle
    finally:
        os.close(handle)


def _content(handle: int) -> bytes:
    return os.pread(handle, os.fstat(handle).st_size, 0)
