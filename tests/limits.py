"""What a process may open, made less for a while."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def files_allowed(soft: int, process: int = 0) -> Iterator[None]:
    """Let a process have so many files open; by default this one."""
    before = resource.prlimit(process, resource.RLIMIT_NOFILE)
    resource.prlimit(process, resource.RLIMIT_NOFILE, (soft, before[1]))
    try:
        yield
    finally:
        resource.prlimit(process, resource.RLIMIT_NOFILE, before)
