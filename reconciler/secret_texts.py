"""The texts of secrets, for rendering Puppet documents: read when a document needs them, and soon let go."""

import sys
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Protocol

from .model.errors import PermanentError
from .model.machine import SecretRef

KEPT_OWNERS = 8
"""Whose texts are kept. A node's document names those of the node, its cluster and the fleet, and nodes are rendered
one after the other. (Those of ten thousand nodes together are 250 MB.)"""


class SealedSecrets(Protocol):
    """What is needed of the store."""

    def list_secrets(self) -> list[tuple[SecretRef, datetime]]: ...

    def secrets_of(self, owners: Iterable[str]) -> dict[SecretRef, str]: ...


class SecretTexts:
    """A small cache in front of the store. ``seals`` has, for each secret that exists, what changes when its text does.

    Used from one thread at a time.
    """

    def __init__(self, store: SealedSecrets) -> None:
        self._store = store
        self._existing: frozenset[SecretRef] | None = None
        self._recent: OrderedDict[str, Mapping[SecretRef, str]] = OrderedDict()
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
        self._recent.clear()
        self._existing = existing

    def text(self, ref: SecretRef) -> str:
        """One secret's text.

        Raises:
            PermanentError: Nobody made it.
        """
        if ref.owner not in self._recent:
            self._recent[ref.owner] = self._store.secrets_of((ref.owner,))
            if len(self._recent) > KEPT_OWNERS:
                self._recent.popitem(last=False)
        self._recent.move_to_end(ref.owner)
        found = self._recent[ref.owner].get(ref)
        if found is None:
            raise PermanentError(f"the secret {ref} has not been made")
        return found
