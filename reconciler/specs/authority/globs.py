"""Patterns of paths: ``*`` and ``?`` within a part of a path, ``**`` for any number of parts.

Matched without an expression engine, in a time of path times pattern: paths are whatever somebody pushed.
"""

from collections.abc import Callable, Sequence

_UNKNOWN = frozenset("[]{}!\\")


def problem_with(pattern: str) -> str | None:
    """Why a text is no pattern of paths, as the end of a sentence; None: it is one."""
    if not pattern or pattern.startswith("/"):
        return "write it from the repository's root, without a slash before it"
    if any(part in ("", ".", "..") for part in pattern.split("/")):
        return 'it has an empty part, "." or ".."; everything below a folder is "folder/**"'
    if _UNKNOWN & set(pattern):
        return 'only "*", "?" and "**" stand for something else'
    if any("**" in part and part != "**" for part in pattern.split("/")):
        return '"**" stands for whole parts of a path only'
    return None


def fits(path: str, pattern: str) -> bool:
    """Whether a path is one of those that a pattern means. ``folder/**`` is what is in the folder, not the folder."""
    parts = pattern.split("/")
    return _fits(path.split("/"), [*parts, "*"] if parts[-1] == "**" else parts, "**", _part_fits)


def _part_fits(part: str, pattern: str) -> bool:
    return _fits(part, pattern, "*", lambda one, wanted: wanted in ("?", one))


def _fits(items: Sequence[str], pattern: Sequence[str], many: str, one_fits: Callable[[str, str], bool]) -> bool:
    """Whether items fit one after another, where ``many`` in a pattern stands for any number of them."""
    item = at = 0
    again: tuple[int, int] | None = None  # where the last ``many`` begins, and how far it reaches
    while item < len(items):
        if at < len(pattern) and pattern[at] == many:
            again = at, item
            at += 1
        elif at < len(pattern) and one_fits(items[item], pattern[at]):
            item, at = item + 1, at + 1
        elif again is not None:
            again = again[0], again[1] + 1
            at, item = again[0] + 1, again[1]
        else:
            return False
    return all(one == many for one in pattern[at:])
