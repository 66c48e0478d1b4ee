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

    What it is told may hold a password, and so lies in memory only. Its environment is empty but for PATH and LANG. It
    leads a process group of its own, which is killed when the time is over, or when we are cancelled.

    Raises:
        TemporaryError: It cannot be run, ended otherwise, or did not end in time.
    """
    name = command[0]
    with _memory((json.dumps({"version": 1, **words}) + "\n").encode()) as told, _memory() as said:
        try:
            child = await asyncio.create_subprocess_exec(
                *command, stdin=told, stdout=said, stderr=said, start_new_session=True, cwd="/",
                env={"PATH": PATH, "LANG": "C.UTF-8"},
            )  # fmt: skip
        except OSError as error:
            raise TemporaryError(f"{name} cannot be run: {error.strerror}") from error
        try:
            async with asyncio.timeout(timeout):
                status = await child.wait()
        except TimeoutError:
            raise TemporaryError(f"{name} did not end within {timeout:.0f} s, and was killed{_words(said)}") from None
        finally:
            with contextlib.suppress(ProcessLookupError):  # whatever it left in its group goes too
                os.killpg(child.pid, signal.SIGKILL)
            await child.wait()
        if status != 0:
            how = f"ended with {status}" if status > 0 else f"was ended by signal {-status}"
            raise TemporaryError(f"{name} {how}{_words(said)}")


@contextlib.contextmanager
def _memory(content: bytes = b"") -> Iterator[int]:
    handle = os.memfd_create("reconciler-child")
    try:
        os.write(handle, content)
        os.lseek(handle, 0, os.SEEK_SET)
        yield handle
    finally:
        os.close(handle)


def _words(said: int) -> str:
    """What it said last, as the end of a sentence."""
    size = os.fstat(said).st_size
    text = os.pread(said, MOST_SAID, max(0, size - MOST_SAID)).decode(errors="replace").strip()
    return f", saying: {text}" if text else ""
