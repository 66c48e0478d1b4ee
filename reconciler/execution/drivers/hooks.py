"""A child process that is told something: JSON on its standard input, a timeout, and nothing of it left behind."""

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import Iterator, Mapping, Sequence

from ...model.errors import TemporaryError

MOST_SAID = 2000
"""Bytes of what a child wrote to its standard error that are kept, from the end."""

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


async def tell_child(command: Sequence[str], words: Mapping[str, object], timeout: float) -> None:
    """Run ``command``, which reads ``words`` as JSON, and return when it ended with 0.

    Raises:
        TemporaryError: It cannot be run, ended otherwise, or did not end in time.
    """
    status, said = await run_child(command, (json.dumps({"version": 1, **words}) + "\n").encode(), timeout)
    if status != 0:
        how = f"ended with {status}" if status > 0 else f"was ended by signal {-status}"
        raise TemporaryError(f"{command[0]} {how}{_end_of_sentence(said)}")


async def run_child(command: Sequence[str], told: bytes, timeout: float) -> tuple[int, str]:
    """Run ``command``; its exit status, or the signal that ended it below zero, and what it said last.

    What it is told may hold a password, and so lies in memory only. Its environment is empty but for PATH and LANG. It
    leads a process group of its own, which is killed when the time is over, or when we are cancelled.

    Raises:
        TemporaryError: It cannot be run, or did not end in time.
    """
    name = command[0]
    with _memory(told) as heard, _memory() as said:
        try:
            child = await asyncio.create_subprocess_exec(
                *command, stdin=heard, stdout=said, stderr=said, start_new_session=True, cwd="/",
                env={"PATH": PATH, "LANG": "C.UTF-8"},
            )  # fmt: skip
        except OSError as error:
            raise TemporaryError(f"{name} cannot be run: {error.strerror}") from error
        try:
            async with asyncio.timeout(timeout):
                status = await child.wait()
        except TimeoutError:
            words = _end_of_sentence(_text(said))
            raise TemporaryError(f"{name} did not end within {timeout:.0f} s, and was killed{words}") from None
        finally:
            with contextlib.suppress(ProcessLookupError):  # whatever it left in its group goes too
                os.killpg(child.pid, signal.SIGKILL)
            await child.wait()
        return status, _text(said)


@contextlib.contextmanager
def _memory(content: bytes = b"") -> Iterator[int]:
    handle = os.memfd_create("reconciler-child")
    try:
        os.write(handle, content)
        os.lseek(handle, 0, os.SEEK_SET)
        yield handle
    finally:
        os.close(handle)


def _text(said: int) -> str:
    size = os.fstat(said).st_size
    return os.pread(said, MOST_SAID, max(0, size - MOST_SAID)).decode(errors="replace").strip()


def _end_of_sentence(said: str) -> str:
    return f", saying: {said}" if said else ""
