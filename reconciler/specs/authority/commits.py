"""Commit objects: what git stores of a commit, and what of that its signature covers.

Git takes the signature out of a commit and has the rest verified (``parse_buffer_signed_by_header`` in its commit.c).
So does this, byte for byte. It refuses more than git does: a header that stands where git does not write it is read
by git in one way, and covered by the signature in another.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

_SIGNATURE: Final = {40: b"gpgsig", 64: b"gpgsig-sha256"}
"""The header with the signature over a commit, by the digits of its name: SHA-1 or SHA-256."""
_SIGNATURES: Final = frozenset(_SIGNATURE.values())
_FIRST: Final = (b"tree", b"parent", b"author", b"committer")
"""Headers that git reads, in the order in which it writes them."""
_NAME = re.compile(rb"[0-9a-f]{40}|[0-9a-f]{64}")
_SEAL = re.compile(rb"^Reconciler-Seal: ([0-9a-f]{40}|[0-9a-f]{64})$", re.MULTILINE)


class CommitError(ValueError):
    """Bytes that are no commit as git writes one. The text completes "the commit ..."."""


@dataclass(frozen=True, slots=True)
class CommitObject:
    """A commit as it is stored."""

    name: str
    tree: str
    parents: tuple[str, ...]
    payload: bytes  # what a signature covers
    signature: bytes | None  # armored; None: it is not signed
    seals: str | None = None  # the commit that it says it seals


class _Header(NamedTuple):
    key: bytes
    value: bytes  # without the space that begins each further line
    raw: bytes


def parse_commit(name: str, raw: bytes) -> CommitObject:
    """A commit of its bytes, which must be those that its name is the hash of.

    Raises:
        CommitError: They are not, or git would not have written them.
    """
    if name != object_name("commit", raw, len(name)):
        raise CommitError("is stored under a name that is not the hash of its content")
    above, blank, message = raw.partition(b"\n\n")
    if not blank:
        raise CommitError("has no message, and no empty line before one")
    headers = list(_headers(above))
    _check_order([header.key for header in headers])
    ours = [header for header in headers if header.key == _SIGNATURE[len(name)]]
    if len(ours) > 1:
        raise CommitError("has two signatures")
    covered = b"".join(header.raw for header in headers if header.key not in _SIGNATURES)
    return CommitObject(
        name=name,
        tree=_one_name(headers, b"tree")[0],
        parents=_one_name(headers, b"parent"),
        payload=covered + b"\n" + message,
        signature=ours[0].value if ours else None,
        seals=_sealed(message),
    )


def object_name(kind: str, content: bytes, digits: int) -> str:
    """The name that git gives to content: 40 digits of SHA-1, or 64 of SHA-256."""
    algorithm = "sha256" if digits == 64 else "sha1"
    stored = f"{kind} {len(content)}\0".encode() + content
    return hashlib.new(algorithm, stored, usedforsecurity=False).hexdigest()


def _headers(above: bytes) -> Iterator[_Header]:
    """The headers, each with the lines that continue it.

    Raises:
        CommitError: A line is none, or one continues nothing.
    """
    if b"\0" in above:
        raise CommitError("has a NUL byte in a header")
    lines: list[bytes] = []
    for line in above.split(b"\n"):
        if line.startswith(b" ") and lines:
            lines[-1] += line + b"\n"
        else:
            lines.append(line + b"\n")
    for raw in lines:
        key, space, value = raw.partition(b" ")
        if not key or not space or b"\n" in key:
            raise CommitError("has a line among its headers that is none")
        if key.startswith(b"gpgsig") and key not in _SIGNATURES:
            raise CommitError("has an unknown kind of signature")
        yield _Header(key, value.replace(b"\n ", b"\n"), raw)


def _check_order(keys: list[bytes]) -> None:
    """See that what git reads stands before all else, as git writes it.

    Raises:
        CommitError: It does not.
    """
    parents = keys.count(b"parent")
    if keys[: parents + 3] != [b"tree", *[b"parent"] * parents, b"author", b"committer"]:
        raise CommitError("has its headers in an order that git does not write")
    if any(key in _FIRST for key in keys[parents + 3 :]):
        raise CommitError("has a header twice")


def _one_name(headers: list[_Header], key: bytes) -> tuple[str, ...]:
    values = [header.value.removesuffix(b"\n") for header in headers if header.key == key]
    if not all(_NAME.fullmatch(value) for value in values):
        raise CommitError(f"has a {key.decode()} that is not the name of an object")
    return tuple(value.decode() for value in values)


def _sealed(message: bytes) -> str | None:
    """The commit that a message says is sealed; None where it names none, or several."""
    found = set(_SEAL.findall(message))
    return found.pop().decode() if len(found) == 1 else None
