"""One at a time over a folder, of all threads and processes of a host."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ...execution import seam
from ...model.errors import TemporaryError

_AGAIN_SECONDS = 0.02


@contextmanager
def alone_in(folder: Path, timeout: float) -> Iterator[None]:
    """Within the block nobody else who asks for this is in ``folder``; whoever ends, however, lets the next one in.

    Args:
        folder: It is made where there is none, for its owner alone.
        timeout: How many seconds to wait for others.

    Raises:
        TemporaryError: Somebody was in it for all that time.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    until = seam.steady() + timeout
    with (folder / "in-use").open("a") as held:
        while not _taken(held.fileno()):
            if seam.steady() >= until:
                raise TemporaryError(f"another process has been in {folder} for {timeout:g} s")
            seam.rest(_AGAIN_SECONDS)
        yield


def _taken(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
