"""Orders: commits that count only where they are signed by who may change what they change.

Who may is in the daemon's own configuration, never in the repository. The files that it names are read anew at each
look, so that a key that was taken out orders nothing any more. What was in force before stays in force.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from ..model.errors import PermanentError
from ..render.rows import RefusedCommitRow, VerifiedRow
from ..specs.authority.allowed_signers import SignersError, SshSigners, parse_revoked
from ..specs.authority.judgement import RefusedCommit
from ..specs.authority.keyring import Keyring
from ..specs.authority.openpgp import CertificateError, PgpCertificate, parse_certificates
from ..specs.authority.refusals import render_refusal, render_refusals, shown_path
from ..specs.authority.rules import Authority, OrderRule
from ..specs.source.lineage import judge_range
from ..specs.source.run_git import Git, full_name, is_ancestor
from ..specs.source.work_tree import repository_of
from .config import AuthorityConfig
from .signatures import load_signers


def load_authority(config: AuthorityConfig) -> Authority:
    """Who may order what, with the keys that the configuration names.

    Raises:
        PermanentError: A file cannot be read, or cannot be used.
    """
    allowed = load_signers(config.allowed_signers) if config.allowed_signers else ()
    revoked = _revoked(config.revoked) if config.revoked else frozenset[bytes]()
    certificates = tuple(one for name, path in config.certificates.items() for one in _certificates(name, path))
    owners: dict[str, str] = {}
    for one in certificates:
        if owners.setdefault(one.cert.fingerprint, one.name) != one.name:
            raise PermanentError(
                f"{one.name} has the certificate of {owners[one.cert.fingerprint]}: it is one person's"
            )
    rules = tuple(OrderRule(rule.paths, frozenset(rule.signers), rule.threshold) for rule in config.rules)
    return Authority(Keyring(SshSigners(allowed, revoked), certificates), rules, frozenset(config.merges))


@dataclass
class Orders:
    """Judges what is new, and remembers when each commit was seen first. Called from one thread at a time."""

    config: AuthorityConfig
    now: Callable[[], datetime]
    seen: Mapping[str, datetime] = field(default_factory=dict)  # of the commits that are not in force yet
    _judged: tuple[tuple[str | None, str, str], str | None] | None = None

    def problem(self, run: Git, good: str | None, target: str) -> str | None:
        """Why the commits from the one in force to another are not taken; None: they were ordered by who may.

        Args:
            run: Git, in the mirror.
            good: What is in force; None: nothing was, and the whole history is judged.
            target: The newest commit.

        Raises:
            PermanentError: A file of keys cannot be used, or the commits are too many.
            TemporaryError: Git did not answer in time.
        """
        asked = good, target, _digest(self.config)
        if self._judged is None or self._judged[0] != asked:
            authority, now = load_authority(self.config), self.now()
            verdict = judge_range(run, good, target, authority, lambda name: self.seen.get(name, now))
            self.seen = {name: self.seen.get(name, now) for name in verdict.commits}
            self._judged = asked, render_refusals(target, verdict.refused) if verdict.refused else None
        return self._judged[1]


def verify_commits(
    folder: Path, config: AuthorityConfig, commit: str, base: str | None, now: datetime
) -> tuple[VerifiedRow, str]:
    """Whether commits of the repository that a folder lies in were ordered by who may; and a text for people.

    Args:
        folder: Of a work tree.
        config: Who may.
        commit: The newest, by any name that git knows.
        base: What is in force, by any name; None: the whole history is judged.
        now: When keys have to be valid.

    Raises:
        PermanentError: There is no such repository or commit, or a file of keys cannot be used.
        TemporaryError: Git did not answer in time.
    """
    run = repository_of(folder)
    target, trusted = full_name(run, commit), full_name(run, base) if base is not None else None
    if trusted is not None and not is_ancestor(run, trusted, target):
        raise PermanentError(
            f"{commit} does not descend from {base}: rebase it onto that; the daemon goes on from what is in force"
        )
    verdict = judge_range(run, trusted, target, load_authority(config), lambda _: now)
    row = VerifiedRow(trusted, target, len(verdict.commits), tuple(map(_row, verdict.refused)))
    return row, render_refusals(target, verdict.refused) if verdict.refused else ""


def _row(one: RefusedCommit) -> RefusedCommitRow:
    return RefusedCommitRow(
        one.commit,
        one.reason,
        shown_path(one.path) if one.path else None,
        one.signers,
        one.may,
        one.needed,
        f"{render_refusal(one)}.",
    )


def _digest(config: AuthorityConfig) -> str:
    """Of all files that say who may order something.

    Raises:
        PermanentError: One cannot be read.
    """
    named = (config.allowed_signers, config.revoked, *config.certificates.values())
    found = hashlib.sha256()
    for path in named:
        if path is not None:
            found.update(hashlib.sha256(_content(path)).digest())
    return found.hexdigest()


def _certificates(name: str, path: Path) -> tuple[PgpCertificate, ...]:
    try:
        return parse_certificates(name, _content(path))
    except CertificateError as error:
        raise PermanentError(f"{path}: the certificate {error}") from None


def _revoked(path: Path) -> frozenset[bytes]:
    try:
        return parse_revoked(_content(path).decode(), str(path))
    except UnicodeDecodeError:
        raise PermanentError(f"{path} is not a list of public keys, one a line; a KRL is not read") from None
    except SignersError as error:
        raise PermanentError(str(error)) from None


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise PermanentError(f"{path} cannot be read: {error.strerror}") from None
