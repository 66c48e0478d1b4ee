"""Signers of a range of commits: each commit's own, and those of the seals above it.

A seal is a commit that changes nothing, and says in its message which commit it seals: ``Reconciler-Seal: <parent>``.
Who signs it signs all that is new below it, as if they had signed each of those commits, too. It is how unsigned
history is taken over, and how a second person agrees. As it names its parent, no seal survives a rebase that changed
what it seals.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from .commits import CommitError, CommitObject, parse_commit
from .keyring import Keyring
from .unverified import UnverifiedError


class RawCommit(NamedTuple):
    """A commit as it is stored."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class CommitRange:
    """All commits that are new, a commit's children before it; and the known ones on which they stand."""

    commits: tuple[RawCommit, ...]
    known: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class SignedCommit:
    """A commit, and who signed for it."""

    commit: CommitObject
    signer: str | None  # of the commit itself
    unsigned: UnverifiedError | None  # why that is nobody
    sealed_by: frozenset[str]

    @property
    def signers(self) -> frozenset[str]:
        """All who did, each once."""
        return self.sealed_by | ({self.signer} if self.signer is not None else frozenset())


@dataclass(frozen=True, slots=True)
class SignedRange:
    """What the signatures of a range say, before it is asked what the commits change."""

    commits: tuple[SignedCommit, ...]
    broken: Mapping[str, CommitError]  # those that are not as git writes them
    cut_off: tuple[str, ...]  # those of which a parent is not there


def signed_range(given: CommitRange, keyring: Keyring, seen: Mapping[str, datetime]) -> SignedRange:
    """Who signed for which commit of a range.

    Args:
        given: The commits.
        keyring: Who may sign at all.
        seen: When each commit was seen first.
    """
    parsed: dict[str, CommitObject] = {}
    broken: dict[str, CommitError] = {}
    for raw in given.commits:
        try:
            parsed[raw.name] = parse_commit(raw.name, raw.content)
        except CommitError as error:
            broken[raw.name] = error
    there = parsed.keys() | broken.keys() | given.known
    signers = {name: _signer(commit, keyring, seen[name]) for name, commit in parsed.items()}
    sealed = _sealed(tuple(parsed.values()), parsed, signers)
    return SignedRange(
        commits=tuple(_joined(commit, signers[name], sealed[name]) for name, commit in parsed.items()),
        broken=broken,
        cut_off=tuple(name for name, commit in parsed.items() if not there.issuperset(commit.parents)),
    )


def _joined(commit: CommitObject, made_by: str | UnverifiedError, sealed: Iterable[str]) -> SignedCommit:
    if isinstance(made_by, str):
        return SignedCommit(commit, made_by, None, frozenset(sealed))
    return SignedCommit(commit, None, made_by, frozenset(sealed))


def _signer(commit: CommitObject, keyring: Keyring, at: datetime) -> str | UnverifiedError:
    try:
        return keyring.signer(commit, at)
    except UnverifiedError as error:
        return error


def _sealed(
    commits: Sequence[CommitObject], parsed: Mapping[str, CommitObject], signers: Mapping[str, str | UnverifiedError]
) -> dict[str, set[str]]:
    """Who sealed each commit: who sealed a child of it, and who signed a seal of it.

    A child that comes after its parent, which is against the order, adds nothing: then somebody is missing.
    """
    found: dict[str, set[str]] = {commit.name: set() for commit in commits}
    for commit in commits:
        by = set(found[commit.name])
        signer = signers[commit.name]
        if isinstance(signer, str) and _is_seal(commit, parsed):
            by.add(signer)
        for parent in commit.parents:
            found.get(parent, set()).update(by)
    return found


def _is_seal(commit: CommitObject, parsed: Mapping[str, CommitObject]) -> bool:
    """Whether a commit seals its only parent, and changes nothing."""
    if commit.seals is None or commit.parents != (commit.seals,):
        return False
    parent = parsed.get(commit.seals)
    return parent is not None and parent.tree == commit.tree
