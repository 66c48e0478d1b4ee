"""The order in which secrets that are missing are made: the authorities first, as they sign the rest."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Protocol

from ...model.machine import SecretRef
from .mint import AUTHORITY, ROOT, mint
from .pki import Subjects


class Keep(Protocol):
    """Where secrets are kept, each made once."""

    def missing(self, secrets: Iterable[SecretRef]) -> list[SecretRef]:
        """The secrets that nobody made yet."""

    def secret(self, ref: SecretRef) -> str | None: ...

    def add_secrets(self, made: dict[SecretRef, str], at: datetime) -> None:
        """Keep those that do not exist; of two processes that make one, the first one's is kept."""


def make_missing(
    keep: Keep,
    secrets: Iterable[SecretRef],
    at: datetime,
    subjects: Callable[[SecretRef], Subjects] | None = None,
) -> None:
    """Make those of the secrets that do not exist, and the authority that signs them.

    Args:
        keep: Where they are kept.
        secrets: What should exist afterwards.
        at: Now.
        subjects: For whom a certificate is; asked for each certificate that is made.

    Raises:
        PermanentError: One of them cannot be minted, while those before it are; or it exists in another form.
    """
    missing, authority = keep.missing(secrets), None
    if any(ref.form == "certificate" for ref in missing):
        root = _ensured(keep, ROOT, at)
        authority = _ensured(keep, AUTHORITY, at, root)
        missing = keep.missing(missing)  # an authority may have been among them
    made: dict[SecretRef, str] = {}
    try:
        for ref in missing:
            named = subjects(ref) if subjects is not None and ref.form == "certificate" else None
            made[ref] = mint(ref, at, authority=authority, subjects=named)
    finally:
        keep.add_secrets(made, at)


def _ensured(keep: Keep, ref: SecretRef, at: datetime, above: str | None = None) -> str | None:
    """An authority, made if need be; the one that was kept, which another process may have made."""
    if keep.missing([ref]):
        keep.add_secrets({ref: mint(ref, at, authority=above)}, at)
    return keep.secret(ref)
