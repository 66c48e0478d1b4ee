"""Gives memory that Python has freed back to the system, and opens as many files as the system allows."""

import contextlib
import ctypes
import gc
import resource

_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8  # malloc.h
_LARGE = 256 * 1024
"""Bytes. A block from this size on is the system's again when it is freed, wherever it lies."""
_ARENAS = 2
"""Heaps of the C library. It makes one for each of the dozens of threads that answer, and gives none back."""

MOST_FILES = 65_536
"""Ten times what a fleet of ten thousand takes. The usual limit is 1024, so that programs that select() still work."""


def limit_arenas() -> None:
    """Have what is freed given back, as far as that costs nothing: at the start, for processes that stay."""
    with _only_glibc():
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(_M_MMAP_THRESHOLD, _LARGE)  # else it rises to that of the largest block that was ever freed
        libc.mallopt(_M_ARENA_MAX, _ARENAS)


def give_back() -> None:
    """Give the system what is free. Reading and rendering a large fleet leaves a fifth of the heap behind."""
    gc.collect()
    with _only_glibc():
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def allow_many_files() -> None:
    """Open as many files as the system allows, up to ``MOST_FILES``: at the start, for processes that answer many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _only_glibc() -> contextlib.suppress:
    """Others keep nothing, or cannot be told."""
    return contextlib.suppress(OSError, AttributeError)
