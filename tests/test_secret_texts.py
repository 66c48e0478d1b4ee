"""Texts of secrets for the documents: a real store, and one that counts how often it is asked."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from reconciler.model.errors import PermanentError
from reconciler.model.machine import SecretRef
from reconciler.model.observations import Notice
from reconciler.secret_texts import KEPT_OWNERS, SecretTexts
from reconciler.store import Store

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
HASH = SecretRef("cl1", "swift", "hashpathprefix")


@dataclass
class CountingStore:
    """Implements ``secret_texts.SealedSecrets``."""

    asked: list[str] = field(default_factory=list)

    def list_secrets(self) -> list[tuple[SecretRef, datetime]]:
        self.asked.append("all names")
        return [(HASH, NOW)]

    def secrets_of(self, owners: Iterable[str]) -> dict[SecretRef, str]:
        (owner,) = owners
        self.asked.append(owner)
        return {SecretRef(owner, "swift", "hashpathprefix"): f"of {owner}"}


def test_a_secret_that_an_operator_sets_anew_has_another_seal_and_text(tmp_path: Path) -> None:
    with Store.open(f"sqlite:///{tmp_path}/db.sqlite", key=bytes(32)) as store:
        store.set_secret(HASH, "first", NOW, "ada")
        texts = SecretTexts(store)
        texts.refresh(store.snapshot().secrets)
        seal = texts.seals[HASH]
        assert texts.text(HASH) == "first"
        store.set_secret(HASH, "second", NOW + timedelta(seconds=1), "ada")
        texts.refresh(store.snapshot().secrets)
        assert texts.text(HASH) == "second"
        assert texts.seals[HASH] != seal


def test_a_pass_in_which_no_secret_was_written_reads_nothing(tmp_path: Path) -> None:
    with Store.open(f"sqlite:///{tmp_path}/db.sqlite", key=bytes(32)) as store:
        store.set_secret(HASH, "first", NOW, "ada")
        texts = SecretTexts(store)
        texts.refresh(store.snapshot().secrets)
        before = texts.seals
        store.record((), (Notice(None, NOW, "told", "something else happened"),))
        texts.refresh(store.snapshot().secrets)
        assert texts.seals is before


def test_the_texts_of_one_owner_are_read_once_and_those_of_many_are_not_all_kept() -> None:
    store = CountingStore()
    texts = SecretTexts(store)
    texts.refresh(frozenset((HASH,)))
    for n in range(KEPT_OWNERS + 1):
        assert texts.text(SecretRef(f"n{n}", "swift", "hashpathprefix")) == f"of n{n}"
        assert texts.text(HASH) == "of cl1"
    assert store.asked == ["all names", "n0", "cl1", *(f"n{n}" for n in range(1, KEPT_OWNERS + 1))]
    assert len(texts._recent) == KEPT_OWNERS


def test_a_secret_that_nobody_made_is_named() -> None:
    with pytest.raises(PermanentError, match="cl1:swift/other has not been made"):
        SecretTexts(CountingStore()).text(SecretRef("cl1", "swift", "other"))
