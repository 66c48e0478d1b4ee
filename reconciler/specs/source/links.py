"""Symbolic links in a spec tree that nobody checked out: where one leads, as it would in a work tree."""

from collections import deque
from collections.abc import Mapping
from typing import Final

MAX_HOPS: Final = 40
"""Links on the way to one file; as the kernel's MAXSYMLINKS (path_resolution(7))."""


class LinkError(Exception):
    """A link that is not followed. The text completes "... is a link that"."""


def follow(path: str, links: Mapping[str, str], folder: str) -> str:
    """The path that a path leads to, through whatever links are on the way; all are from the repository's root.

    Args:
        path: Of the link.
        links: The text of each link of the tree, by its path.
        folder: That the tree is below; ``.``: the repository itself.

    Raises:
        LinkError: It leads out of the folder, or in a circle.
    """
    ahead, done, hops = deque(path.split("/")), list[str](), 0
    while ahead:
        part = ahead.popleft()
        if part == "..":
            if not done:
                raise LinkError("leads out of the spec tree")
            done.pop()
        elif part not in ("", "."):
            done.append(part)
            text = links.get("/".join(done))
            if text is None:
                continue
            hops += 1
            if text.startswith("/"):
                raise LinkError("leads out of the spec tree: it is absolute")
            if hops > MAX_HOPS:
                raise LinkError("leads in a circle")
            done.pop()
            ahead.extendleft(reversed(text.split("/")))
    found = "/".join(done)
    if folder != "." and not found.startswith(f"{folder}/"):
        raise LinkError("leads out of the spec tree")
    return found
