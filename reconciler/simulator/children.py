"""Programs of a simulated server, which end with its power, and work that the end of power does not interrupt."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Coroutine, Mapping
from typing import Any


async def run_to_end(*words: str, env: Mapping[str, str]) -> tuple[int, str, str]:
    """Run a program without input to its end: exit status, what it printed, and its errors.

    It leads a process group of its own, which is killed when we are cancelled: so ends what runs when the power goes.

    Raises:
        OSError: It cannot be run.
    """
    child = await asyncio.create_subprocess_exec(
        *words, env=env, start_new_session=True, stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        printed, errors = await child.communicate()
    except asyncio.CancelledError:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        await child.communicate()  # up to the end of its output: it would leave its pipes open
        raise
    assert child.returncode is not None
    return child.returncode, printed.decode(), errors.decode()


async def uninterrupted(work: Coroutine[Any, Any, None]) -> None:
    """Do all of ``work``, also when we are cancelled in the middle; only then are we."""
    doing = asyncio.ensure_future(work)
    try:
        await asyncio.shield(doing)
    except asyncio.CancelledError:
        await doing
        raise
