"""Judges a range of commits: whether each was ordered by who may. Default deny.

A commit's paths need as many signers of their rule as it says. A merge has to bring in nothing of its own: what it has
is what merging its parents gives, path by path. Nobody looks at a merge's own content, so a signature under the merge
does not cover it; a seal above it does, by those who may change what it changes.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from .rules import Authority
from .signed_range import SignedCommit, SignedRange
from .unverified import UnverifiedError


class OrderRefusal(StrEnum):
    """Why a commit is refused."""

    BROKEN = "broken"  # not as git writes commits
    CUT_OFF = "cut-off"  # a parent is not there
    UNVERIFIED = "unverified"  # nobody who may sign has
    NOT_NAMED = "not-named"  # by somebody who may order nothing
    NO_RULE = "no-rule"  # for a path
    NOT_ALLOWED = "not-allowed"  # a path is others'
    TOO_FEW = "too-few"  # signers of those who may change a path
    OWN_CONTENT = "own-content"  # of a merge
    NOT_REDONE = "not-redone"  # a merge that cannot be made again without a human


@dataclass(frozen=True, slots=True)
class Changed:
    """What a commit changes, in paths from the repository's root."""

    paths: tuple[str, ...]  # of a merge: what is not as merging its parents gives it
    is_redone: bool = True  # False: it is a merge that cannot be made again, and ``paths`` is all that differs in it


@dataclass(frozen=True, slots=True)
class RefusedCommit:
    """A commit that is refused, and all that there is to say about it."""

    commit: str
    reason: OrderRefusal
    path: str | None = None  # the first that is at fault
    signers: tuple[str, ...] = ()  # who did sign
    may: tuple[str, ...] = ()  # who might have
    needed: int = 1  # of those
    detail: str = ""  # of a commit that is broken
    unverified: UnverifiedError | None = None


def to_look_at(signed: SignedRange, authority: Authority) -> tuple[SignedCommit, ...]:
    """The commits of which it matters what they change.

    Not those that were sealed by who may do anything. Nor those that nobody signed, which are refused whatever they
    change: who may push and not sign can give git no work.
    """
    return tuple(one for one in signed.commits if one.signers and not authority.may_all(one.sealed_by))


def judge(
    signed: SignedRange, authority: Authority, changed: Mapping[str, Changed] | None
) -> tuple[RefusedCommit, ...]:
    """The commits that are refused, the oldest first; none: all was ordered by who may.

    Args:
        signed: The commits with their signers.
        authority: Who may order what.
        changed: What those change that ``to_look_at`` gave; None where some commits cannot even be read.
    """
    broken = [RefusedCommit(name, OrderRefusal.BROKEN, detail=str(why)) for name, why in signed.broken.items()]
    cut_off = [RefusedCommit(name, OrderRefusal.CUT_OFF) for name in signed.cut_off]
    if broken or cut_off or changed is None:
        return (*broken, *cut_off)
    wrong = {one.commit.name: _unsigned(one) for one in signed.commits if not one.signers}
    for one in to_look_at(signed, authority):
        if refused := _refused(one, authority, changed[one.commit.name]):
            wrong[one.commit.name] = refused
    return tuple(wrong[one.commit.name] for one in reversed(signed.commits) if one.commit.name in wrong)


def _refused(one: SignedCommit, authority: Authority, changed: Changed) -> RefusedCommit | None:
    """Why one commit that somebody signed is refused; None: it is not."""
    is_merge = len(one.commit.parents) > 1
    if is_merge and not (changed.is_redone and not changed.paths):
        wrong = next(_wrong_paths(one, one.sealed_by, authority, changed.paths), None)
        if one.sealed_by & authority.named and wrong is None:
            return None
        why = OrderRefusal.OWN_CONTENT if changed.is_redone else OrderRefusal.NOT_REDONE
        return RefusedCommit(one.commit.name, why, next(iter(changed.paths), None), _told(one.signers))
    if not one.signers & (authority.named | (authority.merges if is_merge else frozenset())):
        return RefusedCommit(one.commit.name, OrderRefusal.NOT_NAMED, signers=_told(one.signers))
    return next(_wrong_paths(one, one.signers, authority, changed.paths), None)


def _unsigned(one: SignedCommit) -> RefusedCommit:
    return RefusedCommit(one.commit.name, OrderRefusal.UNVERIFIED, unverified=one.unsigned)


def _wrong_paths(
    one: SignedCommit, signers: frozenset[str], authority: Authority, paths: Iterable[str]
) -> Iterator[RefusedCommit]:
    """The refusals for paths that these signers may not change, or not alone."""
    for path in paths:
        rule = authority.rule_for(path)
        who = _told(signers)
        if rule is None:
            yield RefusedCommit(one.commit.name, OrderRefusal.NO_RULE, path, who, unverified=one.unsigned)
        elif len(rule.signers & signers) < rule.threshold:
            why = OrderRefusal.TOO_FEW if rule.signers & signers else OrderRefusal.NOT_ALLOWED
            may = _told(rule.signers)
            yield RefusedCommit(one.commit.name, why, path, who, may, rule.threshold, unverified=one.unsigned)


def _told(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(names))
