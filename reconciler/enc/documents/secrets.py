"""The texts of secrets, for rendering Puppet documents: read some nodes' at a time, and soon let go."""

import contextlib
import sys
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Protocol

from ...model.errors import PermanentError
from ...model.machine import SecretRef


class SealedSecrets(Protocol):
    """What is needed of the store."""

    def list_secrets(self) -> list[tuple[SecretRef, datetime]]: ...

    def secret(self, ref: SecretRef) -> str | None: ...

    def texts(self, refs: Collection[SecretRef]) -> dict[SecretRef, str]: ...


class SecretTexts:
    """A small cache in front of the store. ``seals`` has, for each secret that exists, what changes when its text does.

    Used from one thread at a time.
    """

    def __init__(self, store: SealedSecrets) -> None:
        self._store = store
        self._existing: frozenset[SecretRef] | None = None
        self._expected: Mapping[SecretRef, str] = {}
        self.seals: Mapping[SecretRef, str] = {}

    def refresh(self, existing: frozenset[SecretRef]) -> None:
        """Notice what was made or changed.

        ``existing`` is a snapshot's ``secrets``. It stays the very same object until a secret is written, so that a
        pass in which none was costs nothing.
        """
        if existing is self._existing:
            return
        made = self._store.list_secrets() if existing else []
        known = {ref: ref for ref in existing}  # the same objects again: a large fleet has tens of thousands
        self.seals = {known.get(ref, ref): sys.intern(at.isoformat()) for ref, at in made}
        self._expected = {}
        self._existing = existing

    def expect(self, refs: Collection[SecretRef]) -> None:
        """Read what ``text`` will be asked for next, in one go and in place of what was expected before.

        A secret that cannot be opened is not told here, but to the one who asks for it.
        """
        self._expected = {}
        with contextlib.suppress(PermanentError):
            self._expected = self._store.texts(refs)

    def text(self, ref: SecretRef) -> str:
        """One secret's text.

        Raises:
            PermanentError: Nobody made it.
        """
        found = self._expected.get(ref) or self._store.secret(ref)
        if found is None:
            raise PermanentError(f"the secret {ref} has not been made")
        return found
